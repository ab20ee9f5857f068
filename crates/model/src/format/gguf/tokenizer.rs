//! The tokenizer that GGUF metadata describes: byte-level BPE with its merges, or SentencePiece's BPE with its scores.
//!
//! How text is cut before merging goes by name (`tokenizer.ggml.pre`, as llama.cpp writes it). A name that is not known is
//! refused, for a wrong cut gives wrong ids without a sign. The cut of `smollm` and SentencePiece's way have been compared
//! with real models, `llama-bpe` and `qwen2` with fixtures, `default` and `gpt-2` with nothing but their descriptions.

use std::collections::HashMap;

use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{NFC, NormalizerWrapper, Prepend, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as Cuts;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::{SpecialToken, TemplateProcessing};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::header::Header;
use crate::ModelError;
use rewardscope_base::text;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// How text is cut before merging.
struct PreTokenizer {
    /// Values of `tokenizer.ggml.pre`.
    names: &'static [&'static str],
    /// One after the other, each within the pieces of the one before.
    patterns: &'static [&'static str],
    nfc: bool,
    /// A piece that is a token stays whole, whatever its merges.
    whole: bool,
    /// Whether a sequence begins with the first token, where the file does not say.
    bos: bool,
}

const PRE_TOKENIZERS: [PreTokenizer; 5] = [
    PreTokenizer {
        names: &["default"],
        patterns: &[
            r"[\p{P}\$\+<=>\^~\|]+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
            r"\p{N}+",
            "[0-9][0-9][0-9]",
        ],
        nfc: false,
        whole: false,
        bos: false,
    },
    PreTokenizer { names: &["gpt-2"], patterns: &[GPT2], nfc: false, whole: false, bos: false },
    PreTokenizer { names: &["smollm"], patterns: &[r"\p{N}", GPT2], nfc: false, whole: false, bos: false },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3"],
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        nfc: false,
        whole: true,
        bos: true,
    },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen"],
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        nfc: true,
        whole: false,
        bos: false,
    },
];

/// Kinds of `tokenizer.ggml.token_type`.
const NORMAL: usize = 1;
const CONTROL: usize = 3;
const USER_DEFINED: usize = 4;

/// Longer pieces are no words of any vocabulary, and every place in one is looked at.
const LONGEST_PIECE: usize = 512;
/// SentencePiece's space.
const SPACE: char = '▁';

pub(super) fn tokenizer(header: &Header) -> Result<Tokenizer, ModelError> {
    let tokens = header.texts("tokenizer.ggml.tokens");
    if tokens.is_empty() {
        return Err(header.unsupported("it carries no vocabulary".to_owned(), "Take a GGUF file with its tokenizer"));
    }
    let types: Vec<usize> =
        header.list("tokenizer.ggml.token_type").iter().map(|kind| kind.to_i32().map_or(NORMAL, |k| k as usize)).collect();
    let kind = |id: usize| types.get(id).copied().unwrap_or(NORMAL);
    let unsound = |error: tokenizers::Error| {
        let problem = format!("its tokenizer is not sound: {}", text::visible(&error.to_string()));
        ModelError::file(&header.path, problem, "Download the file again")
    };

    let mut tokenizer = match header.text("tokenizer.ggml.model").unwrap_or_default() {
        "gpt2" => {
            let pre_tokenizer = pre_tokenizer(header).ok_or_else(|| {
                let problem = format!("text is cut before merging in the way '{}'", text::visible(pre(header)));
                let known: Vec<&str> = PRE_TOKENIZERS.iter().flat_map(|way| way.names).copied().collect();
                header.unsupported(problem, &format!("This version knows {}", known.join(", ")))
            })?;
            byte_level(header, &tokens, pre_tokenizer).map_err(unsound)?
        }
        "llama" => sentence_piece(header, &tokens, &kind).map_err(unsound)?,
        other => {
            let problem = format!("the tokenizer is of the kind '{}'", text::visible(other));
            return Err(header.unsupported(problem, "This version reads gpt2 (byte-level BPE) and llama (SentencePiece BPE)"));
        }
    };
    let added = tokens.iter().enumerate().filter(|(id, token)| matches!(kind(*id), CONTROL | USER_DEFINED) && !token.is_empty());
    let added = added.map(|(id, token)| AddedToken::from(*token, kind(id) == CONTROL).normalized(false));
    tokenizer.add_tokens(added.collect::<Vec<_>>()).map_err(unsound)?;

    let bos = header.count("tokenizer.ggml.bos_token_id").filter(|id| *id < tokens.len() && adds_bos(header));
    if let Some(id) = bos {
        // Under a name of our own: the token's text may hold what the template takes for its signs.
        let first = SpecialToken::new("first".to_owned(), vec![id as u32], vec![tokens[id].to_owned()]).map_err(unsound)?;
        let builder = TemplateProcessing::builder().try_single("first $A").map(|b| b.special_tokens(vec![first]).build());
        let processor = builder.map_err(|e| unsound(e.into()))?.map_err(|e| unsound(e.into()))?;
        tokenizer.with_post_processor(Some(processor));
    }
    Ok(tokenizer)
}

fn pre(header: &Header) -> &str {
    header.text("tokenizer.ggml.pre").unwrap_or("default")
}

fn pre_tokenizer(header: &Header) -> Option<&'static PreTokenizer> {
    PRE_TOKENIZERS.iter().find(|way| way.names.contains(&pre(header)))
}

/// Whether a sequence begins with the first token: as the file says, else as llama.cpp takes it.
pub(super) fn adds_bos(header: &Header) -> bool {
    header.flag("tokenizer.ggml.add_bos_token").unwrap_or_else(|| match header.text("tokenizer.ggml.model") {
        Some("llama") => true,
        _ => pre_tokenizer(header).is_some_and(|way| way.bos),
    })
}

fn vocabulary(tokens: &[&str]) -> Vocab {
    // The first of two equal texts keeps its id.
    tokens.iter().enumerate().rev().map(|(id, token)| ((*token).to_owned(), id as u32)).collect()
}

fn byte_level(header: &Header, tokens: &[&str], pre_tokenizer: &PreTokenizer) -> Result<Tokenizer, tokenizers::Error> {
    let merges = header.texts("tokenizer.ggml.merges");
    let merges = merges.iter().filter_map(|merge| merge.split_once(' ')).map(|(l, r)| (l.to_owned(), r.to_owned())).collect();
    let bytes = ByteLevel::new(false, true, false);
    let mut cuts = Vec::with_capacity(pre_tokenizer.patterns.len() + 1);
    for pattern in pre_tokenizer.patterns {
        let pattern = SplitPattern::Regex((*pattern).to_owned());
        cuts.push(PreTokenizerWrapper::from(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?));
    }
    cuts.push(bytes.into());
    let model = BPE::builder().vocab_and_merges(vocabulary(tokens), merges).ignore_merges(pre_tokenizer.whole).build()?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(pre_tokenizer.nfc.then_some(NFC))?;
    tokenizer.with_pre_tokenizer(Some(Cuts::new(cuts)));
    tokenizer.with_decoder(Some(bytes));
    Ok(tokenizer)
}

fn sentence_piece(header: &Header, tokens: &[&str], kind: &dyn Fn(usize) -> usize) -> Result<Tokenizer, tokenizers::Error> {
    let scores: Vec<f32> =
        header.list("tokenizer.ggml.scores").iter().map(|score| score.to_f32().unwrap_or(f32::NEG_INFINITY)).collect();
    let unknown = header.count("tokenizer.ggml.unknown_token_id").and_then(|id| tokens.get(id)).unwrap_or(&"<unk>");
    let model = BPE::builder()
        .vocab_and_merges(vocabulary(tokens), merges(tokens, &scores, kind))
        .byte_fallback(true)
        .fuse_unk(true)
        .unk_token((*unknown).to_owned())
        .build()?;
    let mut tokenizer = Tokenizer::new(model);
    let space = SPACE.to_string();
    let prefixed = header.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true);
    let mut normalizers: Vec<NormalizerWrapper> = vec![Replace::new(" ", space.as_str())?.into()];
    if prefixed {
        normalizers.insert(0, Prepend::new(space.clone()).into());
    }
    tokenizer.with_normalizer(Some(Normalizers::new(normalizers)))?;
    let mut decoders = vec![
        tokenizers::DecoderWrapper::from(Replace::new(space.as_str(), " ")?),
        ByteFallback::new().into(),
        Fuse::new().into(),
    ];
    if prefixed {
        decoders.push(Strip::new(' ', 1, 0).into());
    }
    tokenizer.with_decoder(Some(Decoders::new(decoders)));
    Ok(tokenizer)
}

/// SentencePiece joins, at each step, the two neighbours whose join has the best score. As merges: every way to cut a piece
/// into two pieces, in the order of the whole piece's score.
fn merges(tokens: &[&str], scores: &[f32], kind: &dyn Fn(usize) -> usize) -> Vec<(String, String)> {
    let normal = |id: &usize| kind(*id) == NORMAL;
    let ids: HashMap<&str, usize> = (0..tokens.len()).filter(normal).rev().map(|id| (tokens[id], id)).collect();
    let mut found = Vec::new();
    for id in (0..tokens.len()).filter(normal) {
        let token = tokens[id];
        if token.len() > LONGEST_PIECE {
            continue;
        }
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                found.push((scores.get(id).copied().unwrap_or(f32::NEG_INFINITY), l, r));
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    found.into_iter().map(|(_, l, r)| (tokens[l].to_owned(), tokens[r].to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_come_in_the_order_of_scores() {
        let tokens = ["<unk>", "a", "b", "ab", "abb", "ba", "bb"];
        let scores = [0.0, -9.0, -9.0, -2.0, -1.0, -3.0, -2.5];
        let kind = |id: usize| if id == 0 { 2 } else { NORMAL };
        let merges = merges(&tokens, &scores, &kind);
        let merges: Vec<_> = merges.iter().map(|(l, r)| format!("{l}+{r}")).collect();
        assert_eq!(merges, ["a+bb", "ab+b", "a+b", "b+b", "b+a"]);
    }
}
