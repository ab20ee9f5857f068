//! Where the files of one live model lie, for commands that load it without the engine's thread.

use crate::cli::place;
use crate::engine::Phase;
use crate::model::checkpoint::SourceLabel;
use crate::model::format::files::Files;
use crate::model::{Cancel, LoadOptions, ModelError, hub};
use crate::sources::bundled;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// Downloads what is not here, after a `look` at what is.
pub(crate) fn find(
    spec: &ModelSpec,
    options: &LoadOptions,
    look: hub::Look,
    show: &(dyn Fn(&Phase) + Send + Sync),
    cancel: &Cancel,
) -> Result<(Files, SourceLabel), ModelError> {
    match &spec.source {
        ModelSource::Hub { repository, revision } => {
            let told = |p: hub::Progress| {
                let hub::Progress { file, done_bytes, total_bytes, rate } = p;
                show(&Phase::Downloading { file, done_bytes, total_bytes, rate });
            };
            let settings = hub::HubSettings::from_env();
            let snapshot = hub::fetch_looking(&settings, repository, revision.as_deref(), look, &told, cancel)?;
            snapshot.notes.iter().for_each(|note| place::note(&format!("{}: {note}", spec.name)));
            Ok(cached(spec, repository, snapshot))
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
pub(crate) fn here(spec: &ModelSpec, options: &LoadOptions) -> Option<(Files, SourceLabel)> {
    match &spec.source {
        ModelSource::Bundled(name) => {
            let entries = bundled::bundled(name)?;
            Some((Files::Bundled { name, entries }, label(spec, (*name).to_owned(), Some(bundled::revision(entries)))))
        }
        ModelSource::Directory(path) => {
            let files = Files::at(path).with_tokenizer(options.tokenizer);
            Some((files, label(spec, path.display().to_string(), None)))
        }
        ModelSource::Hub { repository, revision } => {
            Some(cached(spec, repository, hub::cached(repository, revision.as_deref())?))
        }
        ModelSource::Recorded(_) | ModelSource::Implicit { .. } => None,
    }
}

fn cached(spec: &ModelSpec, repository: &str, snapshot: hub::Snapshot) -> (Files, SourceLabel) {
    (Files::Directory(snapshot.directory), label(spec, repository.to_owned(), Some(snapshot.revision)))
}

fn label(spec: &ModelSpec, source: String, revision: Option<String>) -> SourceLabel {
    SourceLabel { name: spec.name.clone(), source, revision }
}
