//! From a conversation to token ids: chat template, tokenizer.

pub mod continuation;
pub mod template;
pub mod tokenizer;
