//! What a folder holds in place of a checkpoint that can be run: an adapter, GGUF files, or pickled weights alone.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use rewardscope_base::text;

/// The file by which PEFT's adapters are known.
pub const ADAPTER: &str = "adapter_config.json";
/// Bytes of the longest such file that is read.
const LONGEST: u64 = 1 << 20;
/// GGUF files that are listed by name.
const LISTED: usize = 6;

/// What was found, and what would open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// What was found, as the end of a sentence that begins with the folder.
    pub problem: String,
    /// What to do next.
    pub next: String,
}

impl Instead {
    /// What the folder at `directory` holds; `None` where it has safetensors weights, or nothing that is known.
    pub fn of(directory: &Path) -> Option<Self> {
        let entries = fs::read_dir(directory).ok()?.flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let base = || base_of(&directory.join(ADAPTER));
        Self::among(&names, base, Some(directory))
    }

    /// The same by the names of the files alone. `base` reads the name of an adapter's base model.
    pub fn among(names: &[&str], base: impl FnOnce() -> Option<String>, directory: Option<&Path>) -> Option<Self> {
        if names.iter().any(|name| name.ends_with(".safetensors") && !name.starts_with("adapter_")) {
            return None;
        }
        let found = |problem: String, next: String| Some(Instead { problem, next });
        if names.contains(&ADAPTER) {
            let base = base().map_or_else(|| "another model".to_owned(), |base| text::visible(&base).into_owned());
            let next = format!(
                "Merge it into {base} first (in Python: PEFT's merge_and_unload, then save_pretrained with the tokenizer), and \
                 open the folder that this gives"
            );
            return found(format!("this is a LoRA adapter of {base}, and its weights are no model by themselves"), next);
        }
        let ggufs: Vec<&str> = names.iter().copied().filter(|name| name.to_ascii_lowercase().ends_with(".gguf")).collect();
        if let Some(first) = ggufs.first() {
            let shown: Vec<_> = ggufs.iter().take(LISTED).map(|name| text::visible(name)).collect();
            let more = ggufs.len().saturating_sub(LISTED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let problem = format!("its weights are in GGUF files only: {}{more}", shown.join(", "));
            let next = match directory {
                Some(directory) => format!("Name one of them by its path: {}", directory.join(first).display()),
                None => "Download one of them, and name it by its path".to_owned(),
            };
            return found(problem, next);
        }
        let is_pickle = |name: &&&str| name.starts_with("pytorch_model") && name.contains(".bin");
        let pickle = names.iter().find(is_pickle)?;
        found(
            format!("its weights are only in {pickle}, a pickle, which can run code and is not read"),
            "Look for a revision with safetensors (on the hub often refs/pr/1), or save the model again with transformers' \
             save_pretrained"
                .to_owned(),
        )
    }
}

fn base_of(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let config: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let base = config.get("base_model_name_or_path")?.as_str()?;
    Some(base.to_owned()).filter(|base| !base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        Instead::of(directory.path()).map(|found| format!("{}. {}", found.problem, found.next))
    }

    #[test]
    fn what_is_no_checkpoint_is_named_with_what_would_open_it() {
        let adapter = (ADAPTER, r#"{"base_model_name_or_path": "lab/base"}"#);
        for (files, expected) in [
            (&[adapter, ("adapter_model.safetensors", "")][..], "LoRA adapter of lab/base"),
            (&[adapter], "Merge it into lab/base"),
            (&[(ADAPTER, "[")], "LoRA adapter of another model"),
            (&[("a.gguf", ""), ("b.gguf", "")], "GGUF files only: a.gguf, b.gguf. Name one of them by its path: "),
            (&[("config.json", "{}"), ("pytorch_model.bin", "")], "only in pytorch_model.bin"),
            (&[("pytorch_model-00001-of-00002.bin", "")], "save_pretrained"),
        ] {
            let message = of(files).unwrap();
            assert!(message.contains(expected), "{message}");
        }
        assert_eq!(of(&[("model.safetensors", ""), adapter]), None);
        assert_eq!(of(&[("README.md", "")]), None);
    }
}
