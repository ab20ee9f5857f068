//! Which files of a repository make a model that can be run, and whether a folder holds them all.

use crate::format::head_names;
use std::collections::BTreeSet;
use std::path::Path;

use super::names::is_file_name;

/// What the architecture is read from.
pub const CONFIG: &str = "config.json";
/// Weights in one file.
pub const WEIGHTS: &str = "model.safetensors";
/// Weights in several files, by name.
pub const INDEX: &str = "model.safetensors.index.json";
/// The fast tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// The small files, brought before the weights; those that a repository does not have are skipped.
pub const SMALL: [&str; 6] = [CONFIG, TOKENIZER, TOKENIZER_CONFIG, CHAT_TEMPLATE, "special_tokens_map.json", "added_tokens.json"];

/// Usual names of a file that holds a head beside the weights. One that cannot be read is brought too: what it says is that
/// the model is no plain language model.
pub const HEADS: [&str; 2] = ["value_head.safetensors", "value_head.bin"];

/// True for a file of a repository's top folder that holds a head, by its name.
pub fn is_head_file(name: &str) -> bool {
    is_file_name(name) && head_names::is_a_head_file(name)
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: std::collections::HashMap<String, String>,
}

/// The weight files that an index names, sorted. Only plain names and plain folders
/// are taken: `../x` or `/x` would reach outside the folder.
pub fn shards(index: &[u8]) -> Result<Vec<String>, String> {
    let index: Index = serde_json::from_slice(index).map_err(|e| format!("this is not a weight index ({e})"))?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    if let Some(odd) = shards.iter().find(|name| !name.split('/').all(is_file_name) || !name.ends_with(".safetensors")) {
        return Err(format!(
            "it names the weight file '{odd}', which is not a plain .safetensors name in the same folder or below it"
        ));
    }
    if shards.is_empty() {
        return Err("it names no weight file".to_owned());
    }
    Ok(shards.into_iter().collect())
}

/// The names of what `directory` has of a model's files.
pub fn present(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = SMALL.iter().chain(&[INDEX, WEIGHTS]).map(|name| (*name).to_owned()).collect();
    if let Ok(index) = std::fs::read(directory.join(INDEX)) {
        names.extend(shards(&index).unwrap_or_default());
    }
    names.retain(|name| directory.join(name).is_file());
    names
}

/// The names of what `directory` still lacks for a model with tokenizer, chat template and all weights; empty when it is
/// complete. A link that leads nowhere counts as missing.
pub fn missing(directory: &Path) -> Vec<String> {
    let has = |name: &str| directory.join(name).is_file();
    let mut missing: Vec<String> = [CONFIG, TOKENIZER].into_iter().filter(|name| !has(name)).map(str::to_owned).collect();
    if !has(TOKENIZER_CONFIG) && !has(CHAT_TEMPLATE) {
        missing.push(TOKENIZER_CONFIG.to_owned());
    }
    if !has(WEIGHTS) {
        match std::fs::read(directory.join(INDEX)).map(|bytes| shards(&bytes)) {
            Ok(Ok(shards)) => missing.extend(shards.into_iter().filter(|name| !has(name))),
            _ => missing.push(WEIGHTS.to_owned()),
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_each_shard_once_in_order() {
        let index = br#"{"metadata":{},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors","c":"m-2.safetensors"}}"#;
        assert_eq!(shards(index), Ok(vec!["m-1.safetensors".to_owned(), "m-2.safetensors".to_owned()]));
    }

    #[test]
    fn an_index_that_reaches_outside_or_says_nothing_is_refused() {
        for name in ["../m.safetensors", "/m.safetensors", "a/../../m.safetensors", "..", "m.bin", ""] {
            let index = serde_json::json!({"weight_map": {"a": name}}).to_string();
            assert!(shards(index.as_bytes()).is_err(), "{name}");
        }
        assert!(shards(b"{\"weight_map\":{}}").is_err());
        assert!(shards(b"{").is_err());
    }

    #[test]
    fn a_folder_is_complete_only_with_every_shard() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write(CONFIG, "{}");
        write(TOKENIZER, "{}");
        assert_eq!(missing(folder.path()), [TOKENIZER_CONFIG, WEIGHTS]);
        write(CHAT_TEMPLATE, "");
        write(INDEX, r#"{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#);
        write("m-1.safetensors", "");
        assert_eq!(missing(folder.path()), ["m-2.safetensors"]);
        write("m-2.safetensors", "");
        assert!(missing(folder.path()).is_empty());
        write(INDEX, r#"{"weight_map":{"a":"parts/m-1.safetensors"}}"#);
        assert_eq!(missing(folder.path()), ["parts/m-1.safetensors"]);
        std::fs::create_dir(folder.path().join("parts")).expect("created");
        write("parts/m-1.safetensors", "");
        assert!(missing(folder.path()).is_empty());
    }
}
