//! Where the files of one live model lie, for commands that load it without the engine's thread.

use crate::engine::Phase;
use crate::model::checkpoint::SourceLabel;
use crate::model::files::Files;
use crate::model::source::{ModelSource, ModelSpec};
use crate::model::{Cancel, ModelError, bundled, hub};

/// Downloads what is not here.
pub(super) fn find(
    spec: &ModelSpec,
    show: &(dyn Fn(&Phase) + Send + Sync),
    cancel: &Cancel,
) -> Result<(Files, SourceLabel), ModelError> {
    let label = |source: String, revision| SourceLabel { name: spec.name.clone(), source, revision };
    match &spec.source {
        ModelSource::Bundled(name) => {
            let entries = bundled::bundled(name)
                .ok_or_else(|| ModelError::unsupported(*name, "is not compiled in", "Build the program from its repository"))?;
            Ok((Files::Bundled { name, entries }, label((*name).to_owned(), Some(bundled::revision(entries)))))
        }
        ModelSource::Directory(path) => Ok((Files::at(path), label(path.display().to_string(), None))),
        ModelSource::Hub { repository, revision } => {
            let told = |p: hub::Progress| {
                let hub::Progress { file, done_bytes, total_bytes, rate } = p;
                show(&Phase::Downloading { file, done_bytes, total_bytes, rate });
            };
            let snapshot = hub::fetch(repository, revision.as_deref(), &told, cancel)?;
            Ok((Files::Directory(snapshot.directory), label(repository.clone(), Some(snapshot.revision))))
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
    }
}
