//! The cache folder that all Hugging Face tools share: `models--owner--name/{blobs,refs,snapshots}`.
//!
//! A blob is a file's content under the name of its hash; a snapshot is a commit's folder of links to blobs; a ref is a
//! branch's file holding a commit. A blob gets its final name only when its content has that hash.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::names::{RepositoryId, is_commit, is_file_name};
use super::{Snapshot, wanted};
use rewardscope_base::atomic_file;
use rewardscope_base::atomic_file::Destination;

/// One repository's folder in the cache.
#[derive(Clone, Debug)]
pub struct Folder {
    cache: PathBuf,
    name: String,
}

impl Folder {
    pub fn new(cache: &Path, repository: &RepositoryId) -> Self {
        Folder { cache: cache.to_owned(), name: repository.folder() }
    }

    pub fn path(&self) -> PathBuf {
        self.cache.join(&self.name)
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.path().join("blobs").join(etag)
    }

    /// Where a blob grows; the next try goes on from its end.
    pub fn partial(&self, etag: &str) -> PathBuf {
        self.path().join("blobs").join(format!("{etag}.incomplete"))
    }

    /// The lock that other Hugging Face tools take too while they write this blob.
    pub fn lock(&self, etag: &str) -> PathBuf {
        self.cache.join(".locks").join(&self.name).join(format!("{etag}.lock"))
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.path().join("snapshots").join(commit)
    }

    /// The commit that the cache knows for a revision; `None` where it knows none.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.path().join("refs").join(revision)).ok()?;
        let commit = commit.trim();
        is_file_name(commit).then(|| commit.to_owned())
    }

    /// The snapshot of a revision if every file that a model needs is there.
    pub fn complete(&self, revision: &str) -> Option<Snapshot> {
        let commit = self.commit(revision)?;
        let directory = self.snapshot(&commit);
        wanted::missing(&directory).is_empty().then(|| Snapshot::at(directory, commit))
    }

    /// Remembers a branch's commit. Called once the snapshot is whole, so that a broken download never hides an older one.
    pub fn remember(&self, revision: &str, commit: &str) -> io::Result<()> {
        if is_commit(revision) {
            return Ok(());
        }
        let file = self.path().join("refs").join(revision);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        atomic_file::write(Destination::of(&file, true)?, commit.as_bytes(), None)
    }

    /// Puts a blob into a snapshot under the file's name, by a relative link; without links (Windows) the blob itself moves.
    pub fn link(&self, commit: &str, file: &str, etag: &str) -> io::Result<PathBuf> {
        let pointer = self.snapshot(commit).join(file);
        if let Some(directory) = pointer.parent() {
            fs::create_dir_all(directory)?;
        }
        if pointer.is_file() {
            return Ok(pointer);
        }
        match fs::remove_file(&pointer) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        // A shard in a folder of its own is so much deeper.
        let to_blobs = format!("{}blobs", "../".repeat(2 + file.matches('/').count()));
        std::os::unix::fs::symlink(Path::new(&to_blobs).join(etag), &pointer)?;
        Ok(pointer)
    }
}

/// A model that lies complete in the cache and opens without a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedModel {
    /// `owner/name`.
    pub repository: String,
    /// The commit.
    pub revision: String,
    /// Branches and tags that pointed to the commit when it was brought; empty when it was asked for by hash.
    pub references: Vec<String>,
    /// Size of the commit's files; those shared with another commit count in both.
    pub bytes: u64,
}

/// The complete models in a cache folder, by repository and revision. A model whose weights are only partly there is left
/// out, and a folder that can't be read counts as empty.
pub fn cached_models_in(cache: &Path) -> Vec<CachedModel> {
    let mut models = Vec::new();
    for folder in entries(cache) {
        let Some(repository) = folder.file_name().and_then(|n| n.to_str()).and_then(RepositoryId::from_folder) else {
            continue;
        };
        let references: Vec<(String, String)> = entries(&folder.join("refs"))
            .into_iter()
            .filter_map(|file| Some((file.file_name()?.to_str()?.to_owned(), fs::read_to_string(&file).ok()?)))
            .collect();
        for snapshot in entries(&folder.join("snapshots")) {
            let Some(commit) = snapshot.file_name().and_then(|n| n.to_str()) else { continue };
            if !wanted::missing(&snapshot).is_empty() {
                continue;
            }
            let pointing = references.iter().filter(|(_, target)| target.trim() == commit);
            models.push(CachedModel {
                repository: repository.to_string(),
                revision: commit.to_owned(),
                references: pointing.map(|(name, _)| name.clone()).collect(),
                bytes: entries(&snapshot).iter().filter_map(|file| fs::metadata(file).ok()).map(|m| m.len()).sum(),
            });
        }
    }
    models.sort_by(|a, b| (&a.repository, &a.revision).cmp(&(&b.repository, &b.revision)));
    models
}

/// Bytes of the plain files below a folder. Links are not followed, so that nothing outside is counted or walked.
pub fn size_on_disk(folder: &Path) -> u64 {
    let mut waiting = vec![folder.to_owned()];
    let mut total = 0;
    while let Some(directory) = waiting.pop() {
        for path in entries(&directory) {
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => waiting.push(path),
                Ok(meta) if meta.is_file() => total += meta.len(),
                _ => {}
            }
        }
    }
    total
}

/// Bytes that a user may still write where `path` lies or will lie; `None` where the system does not say.
pub fn free_space(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(existing).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_with_a_model(root: &Path) -> Folder {
        let folder = Folder::new(root, &RepositoryId::parse("lab/tiny").expect("an id"));
        fs::create_dir_all(folder.path().join("blobs")).expect("created");
        for (name, etag) in [("config.json", "e1"), ("tokenizer.json", "e2"), ("tokenizer_config.json", "e3")] {
            fs::write(folder.blob(etag), "{}").expect("written");
            folder.link("c0ffee", name, etag).expect("linked");
        }
        folder.remember("main", "c0ffee").expect("remembered");
        folder
    }

    #[test]
    fn a_model_is_listed_once_its_weights_are_whole() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = cache_with_a_model(root.path());
        fs::write(folder.partial("e4"), "half").expect("written");
        assert!(cached_models_in(root.path()).is_empty());
        assert_eq!(folder.complete("main"), None);
        fs::write(folder.blob("e4"), "whole").expect("written");
        folder.link("c0ffee", "model.safetensors", "e4").expect("linked");
        let model =
            CachedModel { repository: "lab/tiny".into(), revision: "c0ffee".into(), references: vec!["main".into()], bytes: 11 };
        assert_eq!(cached_models_in(root.path()), [model]);
        assert_eq!(folder.complete("main").map(|s| s.revision), Some("c0ffee".to_owned()));
    }

    #[test]
    fn a_ref_that_is_a_path_is_not_believed() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = cache_with_a_model(root.path());
        folder.remember("main", "../../../somewhere").expect("written");
        assert_eq!(folder.commit("main"), None);
    }

    #[test]
    fn the_size_of_the_cache_does_not_follow_links() {
        let root = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("big"), vec![0; 5000]).expect("written");
        fs::write(root.path().join("own"), vec![0; 7]).expect("written");
        std::os::unix::fs::symlink(outside.path(), root.path().join("away")).expect("linked");
        std::os::unix::fs::symlink(root.path(), root.path().join("round")).expect("linked");
        assert_eq!(size_on_disk(root.path()), 7);
    }
}
