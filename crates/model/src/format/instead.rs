//! What a folder holds in place of a checkpoint that can be run: an adapter, GGUF files, pickled weights alone, or a tokenizer
//! of another kind than the fast one.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use crate::format::head_names;
use rewardscope_base::text;

/// The file by which PEFT's adapters are known.
pub const ADAPTER: &str = "adapter_config.json";
/// The fast tokenizer, and files of tokenizers that are no fast one.
const TOKENIZER: &str = "tokenizer.json";
const OTHER_TOKENIZERS: [&str; 6] =
    ["tokenizer.model", "spiece.model", "tekken.json", "qwen.tiktoken", "vocab.json", "vocab.txt"];
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
        let mut names = names_in(directory);
        // GGUF files are often kept in a folder for each quantization.
        let mut ggufs: Vec<String> = Vec::new();
        for name in &names {
            ggufs
                .extend(names_in(&directory.join(name)).iter().filter(|file| is_gguf(file)).map(|file| format!("{name}/{file}")));
        }
        names.extend(ggufs);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let base = || base_of(&directory.join(ADAPTER));
        Self::among(&names, base, Some(directory))
    }

    /// The same by the names of the files alone. `base` reads the name of an adapter's base model.
    pub fn among(names: &[&str], base: impl FnOnce() -> Option<String>, directory: Option<&Path>) -> Option<Self> {
        let is_other =
            |name: &str| name.starts_with("adapter_") || name.starts_with("consolidated") || head_names::is_a_head_file(name);
        if names.iter().any(|name| name.ends_with(".safetensors") && !is_other(name)) {
            return None;
        }
        let found = |problem: String, next: String| Some(Instead { problem, next });
        if names.contains(&ADAPTER) || names.iter().any(|name| name.starts_with("adapter_model.")) {
            let base = base().map_or_else(|| "another model".to_owned(), |base| text::visible(&base).into_owned());
            let next = format!(
                "Merge it into {base} first (in Python: PEFT's merge_and_unload, then save_pretrained with the tokenizer), and \
                 open the folder that this gives"
            );
            return found(format!("this is a LoRA adapter of {base}, and its weights are no model by themselves"), next);
        }
        let ggufs: Vec<&str> = names.iter().copied().filter(|name| is_gguf(name)).collect();
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
        let kind = |name: &&str| {
            let kind = match name.rsplit_once('.')?.1 {
                _ if name.starts_with("pytorch_model") && name.contains(".bin") => "a pickle, which can run code and is not read",
                _ if name.starts_with("consolidated") => {
                    "in the layout of its authors and not of transformers, which is not read"
                }
                "msgpack" => "of Flax, which is not read",
                "h5" => "of TensorFlow, which is not read",
                "onnx" => "of ONNX, which is not read",
                "npz" => "of NumPy, as MLX writes them, which is not read",
                _ => return None,
            };
            Some((text::named(name), kind))
        };
        let (name, kind) = names.iter().find_map(kind)?;
        found(
            format!("its weights are only in {name}, {kind}"),
            "Look for a revision with safetensors (on the hub often refs/pr/1), or save the model again with transformers' \
             save_pretrained"
                .to_owned(),
        )
    }
}

impl Instead {
    /// What stands in place of the fast tokenizer, by the names of the files; `None` where there is one, and where there is
    /// nothing of a tokenizer.
    pub fn of_a_tokenizer(names: &[impl AsRef<str>]) -> Option<Self> {
        let has = |wanted: &str| names.iter().any(|name| name.as_ref() == wanted);
        let other = OTHER_TOKENIZERS.iter().find(|other| has(other))?;
        if has(TOKENIZER) {
            return None;
        }
        let is_code = |name: &str| name.starts_with("tokenization_") && name.ends_with(".py");
        let has_code = names.iter().any(|name| is_code(name.as_ref()));
        let code = if has_code { ", trust_remote_code=True" } else { "" };
        let trust = if has_code { ", which runs the code that comes with the model" } else { "" };
        Some(Instead {
            problem: format!("its tokenizer is only in {other}, and the fast tokenizer, {TOKENIZER}, is missing"),
            next: format!(
                "Make it of that in Python{trust}: transformers.AutoTokenizer.from_pretrained(MODEL{code}).save_pretrained(FOLDER) \
                 writes {TOKENIZER}; open a folder that has it beside config.json and the weights"
            ),
        })
    }
}

fn is_gguf(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gguf")
}

/// Names of what lies in a folder, in order; none where it cannot be read.
pub fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
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
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
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
            (&[("config.json", "{}"), ("adapter_model.safetensors", "")], "LoRA adapter of another model"),
            (&[("a.gguf", ""), ("b.gguf", "")], "GGUF files only: a.gguf, b.gguf. Name one of them by its path: "),
            (&[("config.json", "{}"), ("pytorch_model.bin", "")], "only in pytorch_model.bin"),
            (&[("pytorch_model-00001-of-00002.bin", "")], "save_pretrained"),
            (&[("consolidated.safetensors", "")], "in the layout of its authors"),
            (&[("flax_model.msgpack", "")], "of Flax"),
            (&[("Q8_0/a.gguf", "")], "GGUF files only: Q8_0/a.gguf"),
        ] {
            let message = of(files).unwrap();
            assert!(message.contains(expected), "{message}");
        }
        assert_eq!(of(&[("model.safetensors", ""), adapter]), None);
        assert_eq!(of(&[("README.md", "")]), None);
    }

    #[test]
    fn a_tokenizer_of_another_kind_is_named_with_what_makes_a_fast_one() {
        let of = |names: &[&str]| Instead::of_a_tokenizer(names).map(|found| format!("{}. {}", found.problem, found.next));
        let message = of(&["config.json", "tokenizer.model"]).unwrap();
        assert!(message.contains("only in tokenizer.model") && message.contains("from_pretrained(MODEL)"), "{message}");
        let message = of(&["tokenization_internlm2.py", "tokenizer.model"]).unwrap();
        assert!(message.contains("trust_remote_code=True") && message.contains("runs the code"), "{message}");
        assert_eq!(of(&["tokenizer.json", "tokenizer.model"]), None);
        assert_eq!(of(&["config.json"]), None);
    }
}
