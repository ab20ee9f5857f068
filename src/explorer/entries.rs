//! What the explorer's pickers list: everything that can be opened, from the files and folders of this machine.

use std::path::Path;

use crate::app::{CorpusEntry, ModelEntry};
use crate::base::terms::Family;
use crate::base::text;
use crate::catalogue::Catalogue;
use crate::model::hub;
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::sources::{bundled, resolve};
use crate::{corpus, recorded};

/// The bundled pair, the models in the working directory, in the cache and in the catalogue.
pub(crate) fn models(catalogue: &Catalogue) -> Vec<ModelEntry> {
    let mut entries = Vec::new();
    for name in bundled::BUNDLED.map(|model| model.name) {
        let family = Family::guess(name);
        let spec = ModelSpec { name: name.to_owned(), source: ModelSource::Bundled(name), family };
        entries.push(ModelEntry { spec, group: "bundled".to_owned(), detail: format!("tiny {family}, compiled in") });
    }
    entries.extend(here(Path::new("."), catalogue));
    let cached = hub::cached_models();
    for model in &cached {
        let known = catalogue.find(&model.repository);
        let name = known.map_or(&model.repository, |entry| &entry.nickname).clone();
        let family = known.map_or_else(|| Family::guess(&model.repository), |entry| entry.family);
        let source = ModelSource::Hub { repository: model.repository.clone(), revision: Some(model.revision.clone()) };
        let detail = format!("{}, {}", model.repository, text::bytes(model.bytes));
        entries.push(ModelEntry { spec: ModelSpec { name, source, family }, group: "cache".to_owned(), detail });
    }
    for entry in catalogue.entries().iter().filter(|entry| !cached.iter().any(|model| model.repository == entry.id)) {
        let source = ModelSource::Hub { repository: entry.id.clone(), revision: None };
        let spec = ModelSpec { name: entry.nickname.clone(), source, family: entry.family };
        let size = text::bytes(entry.memory_bytes_bf16());
        entries.push(ModelEntry {
            spec,
            group: "catalogue".to_owned(),
            detail: format!("{}, {size}, {}", entry.id, entry.notes),
        });
    }
    entries
}

/// Checkpoints and recorded scores in a directory and in the directories right below it.
fn here(directory: &Path, catalogue: &Catalogue) -> Vec<ModelEntry> {
    let recorded = |path: &Path| recorded::list_dir(path);
    let mut entries = Vec::new();
    let mut folders: Vec<_> = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.truncate(200);
    for folder in std::iter::once(directory.to_owned()).chain(folders) {
        if folder.join("config.json").is_file() {
            let specs = resolve::resolve(&folder.to_string_lossy(), catalogue).unwrap_or_default();
            let detail = folder.display().to_string();
            entries.extend(specs.into_iter().map(|spec| ModelEntry {
                spec,
                group: "directory".to_owned(),
                detail: detail.clone(),
            }));
        }
        for file in recorded(&folder) {
            let (name, family) = recorded::identify(&file, catalogue);
            let detail = file.display().to_string();
            let spec = ModelSpec { name, source: ModelSource::Recorded(file), family };
            entries.push(ModelEntry { spec, group: "recorded".to_owned(), detail });
        }
    }
    entries
}

pub(crate) fn corpora(user_dir: Option<&Path>) -> Vec<CorpusEntry> {
    let entry = |listing: corpus::Listing| CorpusEntry {
        contents: match listing.content {
            Ok((words, categories)) => Ok((words, categories.len())),
            Err(error) => Err(error.to_string()),
        },
        name: listing.name,
        origin: listing.origin,
    };
    corpus::list(user_dir).into_iter().map(entry).collect()
}
