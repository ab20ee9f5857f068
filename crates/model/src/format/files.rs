//! The files of one checkpoint, on disk or compiled in. Knows names and sizes, not what stands in a file.

use crate::format::head_names;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;

use super::gguf;
use super::instead::{Instead, names_in};
use crate::{ModelError, hub};
use rewardscope_base::text;

const MIB: u64 = 1 << 20;

/// Where a checkpoint's files lie. Cheap to clone; nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub enum Files {
    /// A folder in the Hugging Face layout.
    Directory(PathBuf),
    /// One GGUF file, which stands for config.json, tokenizer, chat template and weights at once, unless
    /// the second and the third come from a folder.
    Gguf {
        /// The GGUF file.
        file: PathBuf,
        /// The folder with another tokenizer.
        tokenizer: Option<PathBuf>,
    },
    /// Compiled into the program.
    Bundled {
        /// What the model is called.
        name: &'static str,
        /// File names and contents.
        entries: &'static [(&'static str, &'static [u8])],
    },
}

impl Files {
    /// A folder in the Hugging Face layout, a GGUF file, or a folder without config.json that holds a single GGUF file.
    pub fn at(path: &Path) -> Files {
        match gguf_in(path) {
            Some(file) => Files::Gguf { file, tokenizer: None },
            None => Files::Directory(path.to_owned()),
        }
    }

    /// The same weights with tokenizer and chat template from another folder. Other checkpoints than GGUF keep theirs, which
    /// stand beside the weights.
    pub fn with_tokenizer(self, folder: Option<&Path>) -> Files {
        match self {
            Files::Gguf { file, .. } => Files::Gguf { file, tokenizer: folder.map(Path::to_owned) },
            other => other,
        }
    }

    /// The path as messages show it; for a bundled checkpoint `demo-llama/config.json`.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Files::Directory(directory) => directory.join(name),
            Files::Gguf { file, tokenizer } => match tokenizer {
                Some(folder) if is_of_tokenizer(name) => folder.join(name),
                _ => file.clone(),
            },
            Files::Bundled { name: model, .. } => Path::new(model).join(name),
        }
    }

    /// The whole of a small file (anything but weights); `None` where there is no such file.
    ///
    /// Fails where the folder itself is missing, where the file cannot be read, is no plain file, or is larger than any
    /// honest file of that name.
    pub fn read(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, ModelError> {
        match self {
            Files::Directory(directory) => {
                if !directory.is_dir() {
                    let problem = if directory.exists() { "is not a directory" } else { "no such directory" };
                    return Err(ModelError::file(
                        directory,
                        problem,
                        "Give the folder that holds config.json and model.safetensors",
                    ));
                }
                read_bounded(&directory.join(name), name).map(|bytes| bytes.map(Cow::Owned))
            }
            Files::Gguf { tokenizer: Some(folder), .. } if is_of_tokenizer(name) => {
                read_bounded(&folder.join(name), name).map(|bytes| bytes.map(Cow::Owned))
            }
            Files::Gguf { file, .. } => gguf::read(file, name).map(|bytes| bytes.map(Cow::Owned)),
            Files::Bundled { .. } => Ok(self.bundled(name).map(Cow::Borrowed)),
        }
    }

    /// A file read as JSON, with the place of a mistake in the message; `None` where there is no such file.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ModelError> {
        self.read(name)?.map(|bytes| self.parsed(name, &bytes)).transpose()
    }

    /// The bytes of that file as JSON.
    pub fn parsed<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, ModelError> {
        serde_json::from_slice(bytes).map_err(|error| {
            // serde_json ends its message with "at line L column C".
            let problem = format!("not the JSON that this file should hold: {error}");
            ModelError::file(self.path(name), problem, "Download the file again, or correct it")
        })
    }

    /// The content of a compiled-in file; `None` for what lies on disk.
    pub fn bundled(&self, name: &str) -> Option<&'static [u8]> {
        match self {
            Files::Directory(_) | Files::Gguf { .. } => None,
            Files::Bundled { entries, .. } => entries.iter().find(|(entry, _)| *entry == name).map(|(_, bytes)| *bytes),
        }
    }

    /// True for a file of this name among them.
    pub fn exists(&self, name: &str) -> bool {
        match self {
            Files::Directory(directory) => directory.join(name).is_file(),
            Files::Gguf { .. } => false,
            Files::Bundled { .. } => self.bundled(name).is_some(),
        }
    }

    /// Names of what lies in the folder, in order; of nothing where the checkpoint is no folder.
    pub fn names(&self) -> Vec<String> {
        match self {
            Files::Directory(directory) => names_in(directory),
            Files::Gguf { .. } | Files::Bundled { .. } => Vec::new(),
        }
    }

    /// Names of files beside the weights that hold a head, by their names alone, in order; most models have none.
    pub fn head_files(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| head_names::is_a_head_file(name) && self.exists(name));
        names
    }

    /// Names of the safetensors files, in order: `model.safetensors`, or the shards that the index names, and what holds a
    /// head beside them.
    ///
    /// Fails where there are none, where a shard is missing, or where a shard's name would lead out of the folder.
    pub fn weights(&self) -> Result<Vec<String>, ModelError> {
        const SINGLE: &str = "model.safetensors";
        const INDEX: &str = "model.safetensors.index.json";
        let heads = self.head_files().into_iter().filter(|name| name.ends_with(".safetensors"));
        if self.exists(SINGLE) {
            return Ok(std::iter::once(SINGLE.to_owned()).chain(heads).collect());
        }
        let Some(index) = self.json::<Index>(INDEX)? else { return Err(self.no_weights(SINGLE, INDEX)) };
        let mut shards: Vec<String> = index.weight_map.into_values().collect();
        shards.sort();
        shards.dedup();
        if shards.is_empty() {
            return Err(ModelError::file(self.path(INDEX), "its weight_map names no shard", "Download the file again"));
        }
        for shard in &shards {
            if !stays_inside(shard) {
                let problem = format!("it names the shard '{}', which lies outside the folder", text::visible(shard));
                return Err(ModelError::file(
                    self.path(INDEX),
                    problem,
                    "Do not use this checkpoint before you know who made it",
                ));
            }
            if !self.exists(shard) {
                let problem = format!("missing, though {INDEX} names it (one of {} shards)", shards.len());
                return Err(ModelError::file(self.path(shard), problem, "Download this shard"));
            }
        }
        let own: Vec<String> = heads.filter(|name| !shards.contains(name)).collect();
        shards.extend(own);
        Ok(shards)
    }

    /// The files that hold the weights, and their size in bytes; where they are compiled in, the size alone.
    pub fn weight_files(&self) -> Result<WeightFiles, ModelError> {
        let on_disk: Vec<PathBuf> = match self {
            Files::Gguf { file, .. } => vec![file.clone()],
            Files::Directory(_) => self.weights()?.iter().map(|name| self.path(name)).collect(),
            Files::Bundled { .. } => Vec::new(),
        };
        let compiled_in = |name: &String| self.bundled(name).map_or(0, |bytes| bytes.len() as u64);
        let mut bytes = match self {
            Files::Bundled { .. } => self.weights()?.iter().map(compiled_in).sum(),
            Files::Gguf { .. } | Files::Directory(_) => 0,
        };
        for path in &on_disk {
            let unreadable = |error: std::io::Error| ModelError::file(path, format!("cannot be read: {error}"), "Check the file");
            bytes += path.metadata().map_err(unreadable)?.len();
        }
        Ok(WeightFiles { on_disk, bytes })
    }

    fn no_weights(&self, single: &str, index: &str) -> ModelError {
        if let Files::Directory(directory) = self
            && let Some(Instead { problem, next }) = Instead::of(directory)
        {
            return ModelError::file(directory, problem, next);
        }
        ModelError::file(
            self.path(""),
            format!("no {single} and no {index} here"),
            "Weights are read from safetensors: download them, or save the model again in that format",
        )
    }
}

/// Where weights lie, and how large their files are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFiles {
    /// Where they are; empty for weights that are compiled in.
    pub on_disk: Vec<PathBuf>,
    /// Their size together.
    pub bytes: u64,
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

/// The GGUF file that a path names: the file itself, or the only one in a folder that is no other checkpoint.
pub fn gguf_in(path: &Path) -> Option<PathBuf> {
    let is_gguf = |path: &Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) && path.is_file();
    if is_gguf(path) {
        return Some(path.to_owned());
    }
    if path.join("config.json").exists() {
        return None;
    }
    let mut found = fs::read_dir(path).ok()?.flatten().map(|entry| entry.path()).filter(|path| is_gguf(path));
    found.next().filter(|_| found.next().is_none())
}

fn is_of_tokenizer(name: &str) -> bool {
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"]
        .contains(&name)
}

/// Above this a file of that name is not read: memory is not filled by a file that cannot be what it says.
fn limit(name: &str) -> u64 {
    match name {
        "tokenizer.json" => 256 * MIB,
        "tokenizer_config.json" | "special_tokens_map.json" => 16 * MIB,
        "model.safetensors.index.json" => 64 * MIB,
        _ => MIB,
    }
}

fn read_bounded(path: &Path, name: &str) -> Result<Option<Vec<u8>>, ModelError> {
    let limit = limit(name);
    let unreadable =
        |error: io::Error| ModelError::file(path, format!("cannot be read: {error}"), "Check the file and its permissions");
    // Asked before opening: to open a pipe would wait for its writer.
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(unreadable)?,
    };
    if !metadata.is_file() {
        return Err(ModelError::file(path, "is not a plain file", "Put the file itself there"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        let problem = format!("larger than the {} that such a file may have", text::bytes(limit));
        return Err(ModelError::file(path, problem, "Check that this is the file it claims to be"));
    }
    if name.ends_with(".json") && hub::is_web_page(&bytes, name) {
        return Err(ModelError::file(path, hub::WEB_PAGE, "Download the file again, and look into it before you use it"));
    }
    Ok(Some(bytes))
}

/// True for relative names without `..`: what an index may name.
fn stays_inside(name: &str) -> bool {
    !name.is_empty() && !name.contains('\\') && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}

/// What a model is called, and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLabel {
    /// What tables call it.
    pub name: String,
    /// Repository, directory or bundled name.
    pub source: String,
    /// Commit, or hash of the bundled files.
    pub revision: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> (tempfile::TempDir, Files) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let files = Files::Directory(directory.path().to_owned());
        (directory, files)
    }

    #[test]
    fn a_missing_file_is_none_and_a_missing_folder_an_error() {
        let (_kept, files) = directory(&[]);
        assert!(files.read("config.json").unwrap().is_none());
        let error = Files::Directory("/no/such/place".into()).read("config.json").unwrap_err().to_string();
        assert!(error.contains("/no/such/place: no such directory"), "{error}");
    }

    #[test]
    fn an_oversized_file_is_refused() {
        let (_kept, files) = directory(&[("config.json", &" ".repeat(MIB as usize + 1))]);
        let error = files.read("config.json").unwrap_err().to_string();
        assert!(error.contains("config.json: larger than the 1.0 MB"), "{error}");
    }

    #[test]
    fn shards_are_those_of_the_index_once_each() {
        let index = r#"{"metadata":{},"weight_map":{"b":"two.safetensors","a":"one.safetensors","c":"two.safetensors"}}"#;
        let (_kept, files) =
            directory(&[("model.safetensors.index.json", index), ("one.safetensors", ""), ("two.safetensors", "")]);
        assert_eq!(files.weights().unwrap(), ["one.safetensors", "two.safetensors"]);
    }

    #[test]
    fn weights_that_cannot_be_had_are_named() {
        for (index, expected) in [
            (r#"{"weight_map":{"a":"../one.safetensors"}}"#, "outside the folder"),
            (r#"{"weight_map":{"a":"/one.safetensors"}}"#, "outside the folder"),
            (r#"{"weight_map":{"a":"one.safetensors"}}"#, "one.safetensors: missing"),
            (r#"{"weight_map":{}}"#, "names no shard"),
            ("{\n  \"weight_map\": [1]\n}", "line 2 column"),
        ] {
            let (_kept, files) = directory(&[("model.safetensors.index.json", index)]);
            let error = files.weights().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let (_kept, files) = directory(&[("pytorch_model.bin", "")]);
        assert!(files.weights().unwrap_err().to_string().contains("only in pytorch_model.bin"));
    }
}
