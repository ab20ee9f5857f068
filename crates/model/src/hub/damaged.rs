//! What in the cache is not what it was when it came: found, named, and removed so that it can be brought anew.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::cache::{CachedModel, Folder};
use super::names::RepositoryId;
use super::verify::{self, Digest};
use super::{Look, Snapshot, wanted};
use crate::{Cancel, ModelError};

/// The damaged files of a snapshot.
#[derive(Debug, Default)]
pub struct Damaged {
    /// The files that are not what the hub lists.
    pub files: Vec<DamagedFile>,
}

/// A file that is not what the hub lists.
#[derive(Debug)]
pub struct DamagedFile {
    /// Its name in the repository.
    pub name: String,
    /// What is wrong with it, in words.
    pub fault: String,
    /// In the snapshot.
    path: PathBuf,
}

impl Damaged {
    /// Looks at the files of a snapshot.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`].
    pub fn look(snapshot: &Path, look: Look, cancel: &Cancel) -> Result<Self, ModelError> {
        let mut files = Vec::new();
        for name in wanted::present(snapshot) {
            let path = snapshot.join(&name);
            let digest = blob_name(&path).as_deref().and_then(Digest::named);
            // What cannot be read is told where it is opened.
            let fault = verify::fault(&path, &name, digest.as_ref(), look, &|| !cancel.is_set()).unwrap_or_default();
            if cancel.is_set() {
                return Err(ModelError::Cancelled);
            }
            files.extend(fault.map(|fault| DamagedFile { name, fault, path }));
        }
        Ok(Damaged { files })
    }

    /// Removes them, with the content behind each name.
    pub fn discard(&self, folder: &Folder) -> Result<(), ModelError> {
        for DamagedFile { path, .. } in &self.files {
            let blob = blob_name(path).map(|name| folder.blob(&name));
            for path in blob.iter().chain([path]) {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        let problem = format!("is damaged and can't be removed ({error})");
                        return Err(ModelError::file(path, problem, "Check the folder's rights; HF_HOME moves the cache"));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// They are damaged, and what can be told of why they were not brought anew.
    pub fn not_replaced(&self, repository: &RepositoryId, why: ModelError) -> ModelError {
        let files: Vec<String> = self.files.iter().map(|file| format!("{} ({})", file.name, file.fault)).collect();
        let (why, next) = match why {
            ModelError::Hub { problem, next, .. } => (problem, next),
            other => (other.to_string(), "Try again".to_owned()),
        };
        ModelError::Hub {
            repository: repository.to_string(),
            problem: format!("damaged in the cache: {}. They could not be downloaded anew: {why}", files.join(", ")),
            next,
        }
    }
}

impl Snapshot {
    pub(super) fn at(directory: PathBuf, revision: String) -> Self {
        Snapshot { directory, revision, notes: Vec::new() }
    }

    /// With what a reader should know of its files, now that what was `damaged` has been replaced.
    pub(super) fn with_notes(mut self, damaged: &Damaged) -> Self {
        let told =
            |file: &DamagedFile| format!("{} in the cache was damaged ({}) and was downloaded anew", file.name, file.fault);
        self.notes.extend(damaged.files.iter().map(told));
        let names = wanted::present(&self.directory).into_iter();
        let unverified = |name: &String| blob_name(&self.directory.join(name)).is_some_and(|blob| Digest::named(&blob).is_none());
        let unverified: Vec<String> = names.filter(unverified).collect();
        if !unverified.is_empty() {
            self.notes.push(format!(
                "{}: the server named no hash, so it could not be verified that these files came as they should",
                unverified.join(", ")
            ));
        }
        self
    }
}

/// The name of the blob that a link in a snapshot leads to; none of a plain file.
fn blob_name(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    let is_blob = target.parent().and_then(Path::file_name).is_some_and(|folder| folder == "blobs");
    is_blob.then(|| target.file_name()?.to_str().map(str::to_owned))?
}

/// The files of a cached model that are damaged, as far as a brief look shows.
pub fn damaged_in(cache: &Path, model: &CachedModel) -> Vec<String> {
    let Ok(repository) = RepositoryId::parse(&model.repository) else { return Vec::new() };
    let directory = Folder::new(cache, &repository).snapshot(&model.revision);
    let damaged = Damaged::look(&directory, Look::Brief, &Cancel::default()).unwrap_or_default();
    damaged.files.into_iter().map(|file| format!("{}: {}", file.name, file.fault)).collect()
}
