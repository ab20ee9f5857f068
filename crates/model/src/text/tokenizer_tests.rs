use std::collections::HashMap;

use tokenizers::models::wordlevel::WordLevel;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::template::TemplateProcessing;

use super::*;

/// A checkpoint's tokenizer files, with one token a word. `front` is what adding special tokens puts first.
fn folder(words: &[&str], front: Option<&str>, config: &str) -> (tempfile::TempDir, Files) {
    let vocab: HashMap<String, u32> = words.iter().zip(0..).map(|(word, id)| ((*word).to_owned(), id)).collect();
    let id = front.and_then(|front| vocab.get(front).copied());
    let model = WordLevel::builder().vocab(vocab.into_iter().collect()).unk_token("<unk>".into()).build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
    if let (Some(front), Some(id)) = (front, id) {
        let processor = TemplateProcessing::builder()
            .try_single(format!("{front} $A"))
            .unwrap()
            .special_tokens(vec![(front, id)])
            .build()
            .unwrap();
        tokenizer.with_post_processor(Some(processor));
    }
    let directory = tempfile::tempdir().unwrap();
    tokenizer.save(directory.path().join("tokenizer.json"), false).unwrap();
    std::fs::write(directory.path().join("tokenizer_config.json"), config).unwrap();
    let files = Files::Directory(directory.path().to_owned());
    (directory, files)
}

const WORDS: [&str; 5] = ["<unk>", "<s>", "which", "love", "war"];
const WITH_BOS: &str = r#""chat_template":"{{ bos_token }} {{ messages[0].content }} {{ messages[1].content | trim }}""#;
const WITHOUT_BOS: &str = r#""chat_template":"{{ messages[0].content }} {{ messages[1].content }}""#;

fn encode(front: Option<&str>, config: &str, model_bos: Option<u32>, policy: BosPolicy) -> Vec<u32> {
    let (_kept, files) = folder(&WORDS, front, &format!("{{{config}}}"));
    ChatTokenizer::load(&files, policy, 5, model_bos).unwrap().encode("which", "love").unwrap()
}

#[test]
fn the_policy_decides_how_many_bos_stand_in_front() {
    let named = r#","bos_token":"<s>""#;
    let object = r#","bos_token":{"__type":"AddedToken","content":"<s>"}"#;
    let null = r#","bos_token":null"#;
    let front = Some("<s>");
    use BosPolicy::{None as Bare, Published, Single};
    for (front, template, bos, model_bos, policy, expected) in [
        (front, WITH_BOS, named, None, Single, &[1, 2, 3][..]),
        (front, WITH_BOS, named, None, Published, &[1, 1, 2, 3]),
        (front, WITH_BOS, named, None, Bare, &[2, 3]),
        (front, WITHOUT_BOS, object, None, Single, &[1, 2, 3]),
        (front, WITHOUT_BOS, object, None, Published, &[1, 2, 3]),
        (front, WITHOUT_BOS, object, None, Bare, &[2, 3]),
        // Named, and added by neither template nor tokenizer.
        (None, WITHOUT_BOS, named, None, Single, &[2, 3]),
        (None, WITH_BOS, named, None, Single, &[1, 2, 3]),
        (None, WITHOUT_BOS, r#","bos_token":"<s>","add_bos_token":true"#, None, Single, &[1, 2, 3]),
        (None, WITHOUT_BOS, r#","bos_token":"<s>","add_bos_token":false"#, None, Single, &[2, 3]),
        // The key outweighs the post-processor, as in transformers.
        (front, WITHOUT_BOS, r#","bos_token":"<s>","add_bos_token":false"#, None, Single, &[2, 3]),
        (front, WITH_BOS, r#","bos_token":"<s>","add_bos_token":false"#, None, Single, &[1, 2, 3]),
        (None, WITHOUT_BOS, named, None, Published, &[2, 3]),
        // Nobody names one, and config.json holds a default: only a tokenizer that acts on it counts.
        (None, WITHOUT_BOS, null, Some(1), Single, &[2, 3]),
        (front, WITHOUT_BOS, "", Some(1), Single, &[1, 2, 3]),
        (front, WITH_BOS, "", Some(1), Published, &[1, 1, 2, 3]),
        (front, WITHOUT_BOS, "", Some(4), Single, &[2, 3]),
    ] {
        assert_eq!(encode(front, &format!("{template}{bos}"), model_bos, policy), expected, "{template}{bos} {front:?} {policy}");
    }
}

#[test]
fn the_bos_may_stand_in_the_special_tokens_map() {
    let (kept, files) = folder(&WORDS, None, &format!("{{{WITH_BOS}}}"));
    std::fs::write(kept.path().join("special_tokens_map.json"), r#"{"bos_token":{"content":"<s>"}}"#).unwrap();
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 5, None).unwrap();
    assert_eq!(tokenizer.encode("which", "war").unwrap(), [1, 2, 4]);
}

#[test]
fn a_word_of_which_nothing_is_left_is_an_error_that_names_it() {
    let (_kept, files) = folder(&WORDS, None, &format!("{{{WITH_BOS}}}"));
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 5, None).unwrap();
    for word in ["", "   ", "\t"] {
        let error = tokenizer.encode("which", word).unwrap_err().to_string();
        assert!(error.contains(&format!("'{word}': tokenizes to nothing")), "{error}");
    }
    let all = tokenizer.encode_all("which", &["love", " ", "war"], &Cancel::default()).unwrap();
    assert_eq!(all.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_token_beyond_the_embedding_is_an_error() {
    let (_kept, files) = folder(&WORDS, None, &format!("{{{WITH_BOS}}}"));
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 4, None).unwrap();
    assert!(tokenizer.encode("which", "love").is_ok());
    let error = tokenizer.encode("which", "war").unwrap_err().to_string();
    assert!(error.contains("becomes token 4, and the model's embedding has 4 rows"), "{error}");
}

#[test]
fn words_are_encoded_in_order_beyond_one_batch() {
    let (_kept, files) = folder(&WORDS, None, &format!("{{{WITH_BOS}}}"));
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 5, None).unwrap();
    let words: Vec<&str> = (0..AT_ONCE * 2 + 7).map(|i| ["love", "war", " "][i % 3]).collect();
    let all = tokenizer.encode_all("which", &words, &Cancel::default()).unwrap();
    assert_eq!(all.len(), words.len());
    for (i, ids) in all.into_iter().enumerate() {
        assert_eq!(ids.ok().and_then(|ids| ids.last().copied()), [Some(3), Some(4), None][i % 3]);
    }
    let cancel = Cancel::default();
    cancel.set();
    assert!(matches!(tokenizer.encode_all("which", &words, &cancel), Err(ModelError::Cancelled)));
}

#[test]
fn a_token_shows_as_its_text() {
    let (_kept, files) = folder(&WORDS, None, &format!("{{{WITH_BOS}}}"));
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 5, None).unwrap();
    assert_eq!((tokenizer.token_text(3), tokenizer.token_text(99)), ("love".to_owned(), "<99>".to_owned()));
}

#[test]
fn what_draws_at_random_is_switched_off_and_said() {
    use crate::format::files::SourceLabel;
    use crate::loaded::LoadedModel;
    use crate::{Cancel, LoadOptions};
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/llama");
    let notes = |files: &Files| {
        let (label, options) = (SourceLabel::default(), LoadOptions::default());
        let model = LoadedModel::load(files, &label, &options, &mut |_, _| {}, &Cancel::default()).unwrap();
        model.info().provenance.policies.notes.join("; ")
    };
    let encoded = |files: &Files| {
        let tokenizer = ChatTokenizer::load(files, BosPolicy::Single, 428, None).unwrap();
        tokenizer.encode("What is the best thing?", "supercalifragilistic").unwrap()
    };
    let plain = Files::Directory(fixture.clone());
    let expected = encoded(&plain);
    assert_eq!(notes(&plain), "");
    for dropout in [0.1, 0.5, 1.0] {
        let directory = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&fixture).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        let path = directory.path().join("tokenizer.json");
        let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        tokenizer["model"]["dropout"] = dropout.into();
        std::fs::write(&path, tokenizer.to_string()).unwrap();
        let files = Files::Directory(directory.path().to_owned());
        for _ in 0..5 {
            assert_eq!(encoded(&files), expected, "dropout {dropout}");
        }
        assert!(notes(&files).contains(&format!("dropout of {dropout}")), "{}", notes(&files));
    }
}

#[test]
fn unigrams_are_not_sampled() {
    use tokenizers::models::unigram::Unigram;
    let pieces = ["<unk>", "l", "o", "v", "e", "lo", "ve", "love"].map(|piece| (piece.to_owned(), -1.0)).to_vec();
    let mut model = Unigram::from(pieces, Some(0), false).unwrap();
    (model.alpha, model.nbest_size) = (Some(0.1), Some(8));
    let mut tokenizer = Tokenizer::new(model);
    assert_eq!(without_sampling(&mut tokenizer).as_deref(), Some("sampling at 0.1"));
    assert_eq!(without_sampling(&mut tokenizer), None);
    let ModelWrapper::Unigram(model) = tokenizer.get_model() else { panic!("another model") };
    assert_eq!((model.alpha, model.nbest_size), (None, None));
}
