//! Where the files of one live model lie: compiled in, in a directory, in the cache, or in a repository.

use crate::model::format::files::{Files, SourceLabel};
use crate::model::{Cancel, LoadOptions, ModelError, hub};
use crate::sources::bundled;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// The files of a model.
pub struct Located {
    pub files: Files,
    pub label: SourceLabel,
    /// What the user should know of how they came.
    pub notes: Vec<String>,
}

/// The files of a model. Downloads what is not here, after a `look` at what is, and tells `progress` of it.
///
/// # Errors
/// What has no files of its own, a directory that is not there, and all that [`hub::fetch_looking`] refuses.
pub fn find(
    spec: &ModelSpec,
    options: &LoadOptions,
    look: hub::Look,
    progress: &(dyn Fn(hub::Progress) + Send + Sync),
    cancel: &Cancel,
) -> Result<Located, ModelError> {
    match &spec.source {
        ModelSource::Hub { repository, revision } => {
            let settings = hub::HubSettings::from_env();
            let snapshot = hub::fetch_looking(&settings, repository, revision.as_deref(), look, progress, cancel)?;
            let notes = snapshot.notes.iter().map(|note| format!("{}: {note}", spec.name)).collect();
            Ok(Located { notes, ..cached(spec, repository, snapshot) })
        }
        ModelSource::Implicit { .. } => Err(ModelError::unsupported(
            spec.name.clone(),
            "is a pair of language models",
            "One model is needed: name one of the two",
        )),
        ModelSource::Recorded(path) => Err(ModelError::unsupported(
            path.display().to_string(),
            "holds recorded scores",
            "The model itself is needed: a directory with its weights, or its repository",
        )),
        ModelSource::Bundled(name) => here(spec, options)
            .ok_or_else(|| ModelError::unsupported(*name, "is not compiled in", "Build the program from its repository")),
        ModelSource::Directory(path) => {
            here(spec, options).ok_or_else(|| ModelError::file(path, "no such directory", "Check the path"))
        }
    }
}

/// What lies on this machine already; none where nothing does, or it is no model of its own.
pub fn here(spec: &ModelSpec, options: &LoadOptions) -> Option<Located> {
    match &spec.source {
        ModelSource::Bundled(name) => {
            let entries = bundled::bundled(name)?;
            Some(located(Files::Bundled { name, entries }, label(spec, (*name).to_owned(), Some(bundled::revision(entries)))))
        }
        ModelSource::Directory(path) => {
            let files = Files::at(path).with_tokenizer(options.tokenizer.as_deref());
            Some(located(files, label(spec, path.display().to_string(), None)))
        }
        ModelSource::Hub { repository, revision } => {
            Some(cached(spec, repository, hub::cached(repository, revision.as_deref())?))
        }
        ModelSource::Recorded(_) | ModelSource::Implicit { .. } => None,
    }
}

fn cached(spec: &ModelSpec, repository: &str, snapshot: hub::Snapshot) -> Located {
    located(Files::Directory(snapshot.directory), label(spec, repository.to_owned(), Some(snapshot.revision)))
}

fn located(files: Files, label: SourceLabel) -> Located {
    Located { files, label, notes: Vec::new() }
}

fn label(spec: &ModelSpec, source: String, revision: Option<String>) -> SourceLabel {
    SourceLabel { name: spec.name.clone(), source, revision }
}
