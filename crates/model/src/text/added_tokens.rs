//! Tokens that only the files beside `tokenizer.json` know of.
//!
//! transformers adds what `added_tokens_decoder` of `tokenizer_config.json` lists, and what `added_tokens.json` lists in older
//! checkpoints, to the tokens of `tokenizer.json`. Without them a template's marks would be read in pieces.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use crate::ModelError;
use crate::format::files::Files;
use rewardscope_base::text;

/// Older checkpoints list their added tokens here, by text.
const FILE: &str = "added_tokens.json";
/// Tokens that a note names before it says how many more there are.
const NAMED: usize = 3;

/// The tokenizer with the tokens that `bytes`, a `tokenizer.json`, lacks; and what was added, for a note.
///
/// # Errors
/// Where a token cannot have the id that its file gives it.
pub(super) fn complete(
    files: &Files,
    config: &Map<String, Value>,
    tokenizer: Tokenizer,
    bytes: &[u8],
) -> Result<(Tokenizer, Option<String>), ModelError> {
    let missing = missing(files, config, &tokenizer)?;
    if missing.is_empty() {
        return Ok((tokenizer, None));
    }
    let refuse =
        |problem: String| ModelError::file(files.path(super::TOKENIZER), problem, "Save the tokenizer again with transformers");
    let mut whole: Value = files.parsed(super::TOKENIZER, bytes)?;
    let mut tokens: Vec<Value> = whole.get("added_tokens").and_then(Value::as_array).cloned().unwrap_or_default();
    tokens.extend(missing.values().cloned());
    // Ids are given in this order.
    tokens.sort_by_key(|token| token.get("id").and_then(Value::as_u64));
    whole["added_tokens"] = Value::Array(tokens);
    let completed = Tokenizer::from_bytes(whole.to_string()).map_err(|error| refuse(format!("is no tokenizer: {error}")))?;
    let content = |token: &Value| token.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (&id, token) in &missing {
        let content = content(token);
        if completed.token_to_id(&content).map(u64::from) != Some(id) {
            let shown = text::visible(&content).into_owned();
            return Err(refuse(format!("lacks the token {shown}, and cannot give it the id {id} that the files beside it name")));
        }
    }
    let named: Vec<String> =
        missing.iter().take(NAMED).map(|(id, token)| format!("{} ({id})", text::visible(&content(token)))).collect();
    let more = missing.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let note = format!(
        "tokenizer.json lacks tokens that the files beside it list, which were added as transformers does: {}{more}",
        named.join(", ")
    );
    Ok((completed, Some(note)))
}

/// What is listed and not among the tokenizer's added tokens, by id, as `tokenizer.json` writes it.
fn missing(files: &Files, config: &Map<String, Value>, tokenizer: &Tokenizer) -> Result<BTreeMap<u64, Value>, ModelError> {
    let known: HashSet<String> = tokenizer.get_added_tokens_decoder().into_values().map(|token| token.content).collect();
    let is_missing = |content: &str| !content.is_empty() && !known.contains(content);
    let mut missing = BTreeMap::new();
    for (id, token) in config.get("added_tokens_decoder").and_then(Value::as_object).into_iter().flatten() {
        let (Ok(id), Some(content)) = (id.parse::<u64>(), token.get("content").and_then(Value::as_str)) else { continue };
        if is_missing(content) {
            missing.insert(id, written(id, content, |key| token.get(key).and_then(Value::as_bool).unwrap_or(false)));
        }
    }
    let older: Map<String, Value> = files.json(FILE)?.unwrap_or_default();
    for (content, id) in &older {
        let Some(id) = id.as_u64().filter(|id| is_missing(content) && !missing.contains_key(id)) else { continue };
        missing.insert(id, written(id, content, |_| false));
    }
    Ok(missing)
}

fn written(id: u64, content: &str, flag: impl Fn(&str) -> bool) -> Value {
    let mut token = json!({ "id": id, "content": content });
    for key in ["single_word", "lstrip", "rstrip", "normalized", "special"] {
        token[key] = flag(key).into();
    }
    token
}
