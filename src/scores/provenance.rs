//! How the scores in a file were computed: written beside or inside it, and read again.

use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde::{Deserialize, Serialize};

use super::store::Key;
use crate::base::atomic_file::with_suffix;
use crate::corpus::Prompt;
use crate::model::Provenance;
use crate::tables::checksum::Checksum;
use crate::tables::columns::{METADATA, SIDECAR};

/// A larger file is no provenance.
const MOST_BYTES: u64 = 16 << 20;

/// How the scores of a file were computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileProvenance {
    /// Name and version of the program that wrote the file.
    pub program: String,
    /// The models whose scores the file holds.
    pub models: Vec<ModelProvenance>,
    /// The text of each prompt that the file names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PromptLabel>,
    /// Of the table that it was written with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// How the scores of one model were computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelProvenance {
    /// The model's name in the file.
    pub model: String,
    /// How its scores were computed.
    pub provenance: Provenance,
    /// What its scores are kept under in a store, so that they can go into another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

/// A prompt of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptLabel {
    /// The prompt's key, or its text where it has none.
    pub label: String,
    /// The user's turn.
    pub text: String,
}

impl FileProvenance {
    /// Of a file of these models under these prompts, written by this program, without a checksum.
    pub fn new<'a>(models: Vec<ModelProvenance>, prompts: impl IntoIterator<Item = &'a Prompt>) -> Self {
        let mut known: Vec<PromptLabel> = Vec::new();
        for prompt in prompts {
            let origin = PromptLabel { label: prompt.label().to_owned(), text: prompt.text.to_string() };
            if !known.contains(&origin) {
                known.push(origin);
            }
        }
        FileProvenance {
            program: concat!("rewardscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            models,
            prompts: known,
            checksum: None,
        }
    }

    /// As JSON, in the layout that is written to files.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The content of a provenance file.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.json())
    }

    /// What a file of scores says of itself; `None` where it says nothing that is understood.
    pub fn of_file(path: &Path) -> Option<Self> {
        let is_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        if is_parquet {
            // The parquet crate panics on some damaged files.
            let read = || {
                let reader = SerializedFileReader::new(std::fs::File::open(path).ok()?).ok()?;
                let pairs = reader.metadata().file_metadata().key_value_metadata()?;
                pairs.iter().find(|pair| pair.key == METADATA)?.value.clone()
            };
            let inside = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).ok().flatten();
            if let Some(origin) = inside.and_then(|json| serde_json::from_str(&json).ok()) {
                return Some(origin);
            }
        }
        // Beside the file that a link leads to, else beside the link.
        let behind = path.canonicalize().ok().into_iter();
        behind.chain([path.to_owned()]).find_map(|path| Self::read(&with_suffix(&path, SIDECAR)))
    }

    fn read(beside: &Path) -> Option<Self> {
        let small = std::fs::metadata(beside).is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES);
        small.then(|| std::fs::read(beside).ok()).flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    /// Whether the table at `path` is still the one that this was written with; true where it does not say.
    pub fn tells_of(&self, path: &Path) -> bool {
        self.checksum.as_ref().is_none_or(|written| Checksum::of_file(path).is_ok_and(|found| found == *written))
    }

    /// What a file of one model says of it. A file of several does not say which of them is meant.
    pub fn of_one_model(path: &Path) -> Option<ModelProvenance> {
        let models = Self::of_file(path)?.models;
        <[ModelProvenance; 1]>::try_from(models).ok().map(|[model]| model)
    }

    /// What a file of one model says of its scores; of several, or of none, nothing but that they are recorded.
    pub fn provenance_of(path: &Path) -> Provenance {
        match Self::of_one_model(path) {
            Some(model) => Provenance { recorded: true, ..model.provenance },
            None => Provenance::of_recorded(path.display().to_string()),
        }
    }
}

impl ModelProvenance {
    /// Of a model whose scores are not kept in a store.
    pub fn new(model: &str, provenance: &Provenance) -> Self {
        ModelProvenance { model: model.to_owned(), provenance: provenance.clone(), key: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As files were written before they named their prompts.
    #[test]
    fn what_says_nothing_of_prompts_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let provenance = Provenance { dtype: "bf16".into(), ..Provenance::of_recorded("lab/m".to_owned()) };
        let old = serde_json::json!({ "program": "rewardscope 0.1.0", "models": [{ "model": "m", "provenance": provenance }] });
        std::fs::write(with_suffix(&path, SIDECAR), old.to_string()).unwrap();
        let found = FileProvenance::of_file(&path).unwrap();
        assert_eq!((found.models[0].model.as_str(), found.prompts.len()), ("m", 0));
        assert_eq!(FileProvenance::provenance_of(&path).dtype, "bf16".into());
        assert_eq!(FileProvenance::provenance_of(&folder.path().join("y.csv")).dtype, "recorded".into());
    }
}
