//! What a result rests on, so that it can be had again: program, command, files with their hashes, seed, words.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::session::failure::Failure;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// The run of a command, as it is written into JSON.
#[derive(Debug, Serialize)]
pub(super) struct Run<'a> {
    program: &'static str,
    version: &'static str,
    /// As it was called, each argument with a space in quotes.
    command: String,
    /// Recorded scores, word lists and ratings, in the order in which they were given.
    files: Vec<RunFile>,
    seed: u64,
    /// The words that were compared.
    #[serde(serialize_with = "texts")]
    words: &'a [Arc<str>],
}

#[derive(Debug, Serialize)]
struct RunFile {
    path: String,
    /// Of all its bytes, in hexadecimal.
    blake3: String,
}

impl<'a> Run<'a> {
    /// The run of this process. Files of models that were computed are not hashed here: their scores carry what they rest on.
    ///
    /// # Errors
    /// A file that has gone since it was read.
    pub(super) fn new(models: &[ModelSpec], lists: &[&Path], seed: u64, words: &'a [Arc<str>]) -> Result<Self, Failure> {
        let mut paths: Vec<&Path> = models.iter().flat_map(recorded).collect();
        // The others are lists of the program's own.
        paths.extend(lists.iter().filter(|path| path.is_file()));
        let files = paths.into_iter().map(RunFile::new).collect::<Result<_, _>>()?;
        let (program, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Ok(Run { program, version, command: command(std::env::args()), files, seed, words })
    }
}

impl RunFile {
    fn new(path: &Path) -> Result<RunFile, Failure> {
        let mut hasher = blake3::Hasher::new();
        let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
        read.map_err(|error| Failure::Run(format!("{}: cannot be read again: {error}", path.display())))?;
        Ok(RunFile { path: path.display().to_string(), blake3: hasher.finalize().to_hex().to_string() })
    }
}

/// The files of recorded scores of a model.
fn recorded(model: &ModelSpec) -> Vec<&Path> {
    match &model.source {
        ModelSource::Recorded(path) => vec![path],
        ModelSource::Implicit { models, .. } => models.iter().flat_map(recorded).collect(),
        ModelSource::Bundled(_) | ModelSource::Hub { .. } | ModelSource::Directory(_) => Vec::new(),
    }
}

/// The program by its name alone, wherever it lies.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let quoted = |argument: String| match argument.contains(char::is_whitespace) || argument.is_empty() {
        true => format!("'{argument}'"),
        false => argument,
    };
    let rest: Vec<String> = arguments.skip(1).map(quoted).collect();
    format!("{} {}", env!("CARGO_PKG_NAME"), rest.join(" "))
}

fn texts<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}
