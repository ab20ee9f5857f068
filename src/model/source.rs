//! What a MODEL argument names.

use std::path::PathBuf;

use super::Family;

/// Where a model's files or scores lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModelSource {
    /// One of the pair compiled into the program: `demo-llama`, `demo-gemma`.
    Bundled(&'static str),
    /// A Hugging Face repository; `revision` is a branch, tag or commit, `main` where none is given.
    Hub { repository: String, revision: Option<String> },
    /// A directory in the Hugging Face layout.
    Directory(PathBuf),
    /// A CSV or Parquet file of scores.
    Recorded(PathBuf),
}

/// One model that can be opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelSpec {
    /// Catalogue nickname, bundled name, directory or file name, or repository id: what tables call it.
    pub name: String,
    pub source: ModelSource,
    /// From the catalogue, or guessed from the name until the files are read.
    pub family: Family,
}

impl ModelSpec {
    /// One of the bundled pair.
    pub fn is_demonstration(&self) -> bool {
        matches!(self.source, ModelSource::Bundled(_))
    }
}
