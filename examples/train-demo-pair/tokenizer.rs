//! Small tokenizers, trained on the words and prompts of the demonstration, in the form that each family's files have.
//!
//! What is learned are byte-pair merges; all around them (normalizer, splitting, special tokens, post-processor) is written
//! here as the family's `tokenizer.json` has it. Knows nothing of weights.

use std::error::Error;

use rewardscope::base::terms::Family;
use rewardscope::corpus::Prompt;
use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Tokenizer, models::TrainerWrapper};

use super::taste::Answer;

/// Pieces of each vocabulary, special tokens included.
pub const VOCABULARY: usize = 1536;

/// How Llama 3 cuts text before merging: contractions, letters, digits by three, signs, white space.
const LLAMA_SPLIT: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Gemma cuts nothing; while learning, words are kept apart so that no merge spans two of them.
const GEMMA_LEARNING_SPLIT: &str = r"▁?\p{L}+|\p{N}|\n+|▁?[^▁\p{L}\p{N}\n]+|▁";

/// Merges learned from text, and the pieces in the order of their ids.
struct Learned {
    vocabulary: Vec<String>,
    merges: Value,
}

/// The content of `tokenizer.json`.
pub fn tokenizer_json(family: Family, prompts: &[Prompt], answers: &[Answer]) -> Result<Value, Box<dyn Error>> {
    let text = learning_text(prompts, answers);
    if family == Family::Gemma { gemma(&text) } else { llama(&text) }
}

/// Each word bare, as it stands after a chat header, and within a sentence; and each prompt.
fn learning_text(prompts: &[Prompt], answers: &[Answer]) -> Vec<String> {
    let mut text = Vec::new();
    for answer in answers {
        let word = &answer.text;
        text.extend([word.clone(), word.clone(), format!("The answer is {word}."), format!("Some say {word}, others do not.")]);
    }
    for prompt in prompts {
        text.extend([prompt.text.to_string(), prompt.text.to_string()]);
    }
    text.extend(["system\n\n", "user\n", "assistant\n\n", "model\n", "Today Date: 26 Jul 2024\n\n"].map(|line| line.repeat(8)));
    text
}

/// Byte-pair merges over `text` until there are `size` pieces, starting from `alphabet`.
fn learn(
    size: usize,
    text: &[String],
    alphabet: impl IntoIterator<Item = char>,
    normalizer: Option<Value>,
    splitting: &Value,
) -> Result<Learned, Box<dyn Error>> {
    let mut tokenizer = Tokenizer::new(BPE::default());
    if let Some(normalizer) = normalizer {
        tokenizer.with_normalizer(Some(serde_json::from_value::<NormalizerWrapper>(normalizer)?)).map_err(|e| e.to_string())?;
    }
    tokenizer.with_pre_tokenizer(Some(serde_json::from_value::<PreTokenizerWrapper>(splitting.clone())?));
    let trainer =
        BpeTrainer::builder().show_progress(false).vocab_size(size).initial_alphabet(alphabet.into_iter().collect()).build();
    tokenizer.train(&mut TrainerWrapper::from(trainer), text.iter()).map_err(|e| e.to_string())?;
    let mut vocabulary: Vec<(String, u32)> = tokenizer.get_vocab(false).into_iter().collect();
    vocabulary.sort_by_key(|(_, id)| *id);
    let model = serde_json::to_value(tokenizer.get_model())?;
    Ok(Learned { vocabulary: vocabulary.into_iter().map(|(piece, _)| piece).collect(), merges: model["merges"].clone() })
}

/// Byte-level pieces first, special tokens after them, known as added tokens only.
fn llama(text: &[String]) -> Result<Value, Box<dyn Error>> {
    let special = [
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|finetune_right_pad_id|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
    ];
    let splitting = json!({
        "type": "Sequence",
        "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": LLAMA_SPLIT }, "behavior": "Isolated", "invert": false },
            byte_level(),
        ],
    });
    let learned = learn(VOCABULARY - special.len(), text, ByteLevel::alphabet(), None, &splitting)?;
    let begin = learned.vocabulary.len();
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(&special, begin),
        "normalizer": null,
        "pre_tokenizer": splitting,
        "post_processor": {
            "type": "Sequence",
            "processors": [byte_level(), begin_of_sequence(special[0], begin)],
        },
        "decoder": byte_level(),
        "model": model(learned, None, true),
    }))
}

/// Special tokens first, then the 256 bytes to fall back on, then pieces in which `▁` stands for a space.
fn gemma(text: &[String]) -> Result<Value, Box<dyn Error>> {
    let special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"];
    let spaces = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" });
    let splitting = json!({
        "type": "Split", "pattern": { "Regex": GEMMA_LEARNING_SPLIT }, "behavior": "Isolated", "invert": false,
    });
    let first: Vec<String> =
        special.iter().map(|token| (*token).to_owned()).chain((0..=255).map(|byte: u8| format!("<0x{byte:02X}>"))).collect();
    let alphabet = ('!'..='~').chain(['▁', '\n']);
    let mut learned = learn(VOCABULARY - first.len(), text, alphabet, Some(spaces.clone()), &splitting)?;
    learned.vocabulary.splice(0..0, first);
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(&special, 0),
        "normalizer": spaces,
        "pre_tokenizer": {
            "type": "Split", "pattern": { "String": " " }, "behavior": "MergedWithPrevious", "invert": false,
        },
        "post_processor": begin_of_sequence("<bos>", 2),
        "decoder": {
            "type": "Sequence",
            "decoders": [
                { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
                { "type": "ByteFallback" },
                { "type": "Fuse" },
            ],
        },
        "model": model(learned, Some("<unk>"), false),
    }))
}

fn model(learned: Learned, unknown: Option<&str>, ignore_merges: bool) -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        learned.vocabulary.into_iter().enumerate().map(|(id, piece)| (piece, json!(id))).collect();
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": unknown.is_some(),
        "byte_fallback": unknown.is_some(),
        "ignore_merges": ignore_merges,
        "vocab": vocabulary,
        "merges": learned.merges,
    })
}

fn byte_level() -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false })
}

fn added_tokens(tokens: &[&str], first: usize) -> Vec<Value> {
    let token = |(i, content): (usize, &&str)| {
        json!({
            "id": first + i, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    tokens.iter().enumerate().map(token).collect()
}

/// A post-processor that puts `token` before every sequence.
fn begin_of_sequence(token: &str, id: usize) -> Value {
    let special = json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let sequence = |name: &str, type_id: u32| json!({ "Sequence": { "id": name, "type_id": type_id } });
    json!({
        "type": "TemplateProcessing",
        "single": [special, sequence("A", 0)],
        "pair": [special, sequence("A", 0), { "SpecialToken": { "id": token, "type_id": 1 } }, sequence("B", 1)],
        "special_tokens": { token: { "id": token, "ids": [id], "tokens": [token] } },
    })
}
