//! What the scores in a file rest on: written beside or inside it, and found there again.

use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde::{Deserialize, Serialize};

use super::sheet::{METADATA, SIDECAR};
use super::store::Key;
use crate::corpus::Prompt;
use crate::model::Provenance;
use crate::whole_file::with_suffix;

/// A larger file is no provenance.
const MOST_BYTES: u64 = 16 << 20;

/// Everything that is said of a file of scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub program: String,
    pub models: Vec<ModelOrigin>,
    /// The text behind each key that stands in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PromptOrigin>,
}

/// Of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelOrigin {
    pub model: String,
    pub provenance: Provenance,
    /// What its scores are kept under in a store, so that they can go into another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

/// Of one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptOrigin {
    pub label: String,
    pub text: String,
}

impl Origin {
    pub fn new<'a>(models: Vec<ModelOrigin>, prompts: impl IntoIterator<Item = &'a Prompt>) -> Self {
        let mut known: Vec<PromptOrigin> = Vec::new();
        for prompt in prompts {
            let origin = PromptOrigin { label: prompt.label().to_owned(), text: prompt.text.to_string() };
            if !known.contains(&origin) {
                known.push(origin);
            }
        }
        Origin { program: concat!("rewardscope ", env!("CARGO_PKG_VERSION")).to_owned(), models, prompts: known }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
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
        let beside = with_suffix(path, SIDECAR);
        let small = std::fs::metadata(&beside).is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES);
        small.then(|| std::fs::read(&beside).ok()).flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    /// The text behind a prompt's label, where the file says it.
    pub fn prompt_text(&self, label: &str) -> Option<&str> {
        self.prompts.iter().find(|prompt| prompt.label == label).map(|prompt| prompt.text.as_str())
    }
}
