//! A GGUF file seen as a checkpoint in the Hugging Face layout: the same names, the same values, the same small files.
//!
//! `header` reads what the file says of itself, `config` turns that into a `config.json`, `tokenizer` into a tokenizer and
//! its `tokenizer_config.json`, `tensors` gives each tensor the name that transformers has for it and says how ggml changed
//! it. Nothing outside this folder knows of ggml's names and layouts.

mod config;
mod header;
mod tensors;
mod tokenizer;

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

pub(crate) use header::Header;
pub(crate) use tensors::{Change, tensors};

use super::mapped;
use crate::ModelError;

/// The small files that a GGUF file stands for; `None` for a name that is none of them.
pub fn read(path: &Path, name: &str) -> Result<Option<Vec<u8>>, ModelError> {
    match name {
        "config.json" => Ok(Some(config::config(&open(path)?)?.to_string().into_bytes())),
        "tokenizer_config.json" => Ok(Some(tokenizer_config(&open(path)?)?.to_string().into_bytes())),
        "chat_template.jinja" => Ok(open(path)?.text("tokenizer.chat_template").map(|text| text.as_bytes().to_vec())),
        _ => Ok(None),
    }
}

/// The tokenizer that the file carries.
pub fn tokenizer(path: &Path) -> Result<Tokenizer, ModelError> {
    tokenizer::tokenizer(&open(path)?)
}

fn open(path: &Path) -> Result<Header, ModelError> {
    Header::read(path, &mapped::map(path)?)
}

/// Special tokens by name. The first token is named only where conversations have one: ggml writes an id in any case.
fn tokenizer_config(header: &Header) -> Result<Value, ModelError> {
    let tokens = header.texts("tokenizer.ggml.tokens");
    let mut named = Map::new();
    for (name, key) in [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")] {
        let id = header.count(&format!("tokenizer.ggml.{key}_token_id"));
        let token = id.and_then(|id| tokens.get(id));
        let written = header.text("tokenizer.chat_template").is_some_and(|template| template.contains("bos_token"));
        if let Some(token) = token.filter(|_| name != "bos_token" || written || tokenizer::adds_bos(header)) {
            named.insert(name.to_owned(), json!(token));
        }
    }
    // Said outright, or the model's own idea of a first token would stand in.
    named.entry("bos_token").or_insert(Value::Null);
    Ok(Value::Object(named))
}
