//! From a conversation to token ids: chat template, tokenizer.

mod added_tokens;
pub mod continuation;
pub mod template;
pub mod tokenizer;

/// The file that holds a tokenizer whole.
const TOKENIZER: &str = "tokenizer.json";
