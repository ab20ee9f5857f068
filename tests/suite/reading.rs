//! How a conversation is read: with which first token, at which token, and by which row of the head.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::program;

/// A fixture with another config.json or tokenizer_config.json.
fn changed(fixture: &str, file: &str, change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let path = model.join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
    (folder, model)
}

/// Rows of `score`, or what it says instead; and its notes.
fn scored(model: &Path, words: &[&str], options: &[&str]) -> (Vec<Value>, String) {
    let (home, model) = (program::home(), model.display().to_string());
    let mut arguments =
        vec!["score", &model, "--prompt", "What is the best thing?", "--format", "jsonl", "--tokens", "--no-store"];
    arguments.extend(words.iter().flat_map(|word| ["--word", word]));
    arguments.extend(options);
    let output = program::rewardscope(home.path(), &arguments);
    let rows = program::text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (rows, program::text(&output.stderr))
}

fn scores(rows: &[Value]) -> Vec<f64> {
    rows.iter().map(|row| row["score"].as_f64().unwrap()).collect()
}

const WORDS: [&str; 3] = ["love", "freedom", "fear"];

#[test]
fn a_reward_is_read_before_the_pad_token_as_transformers_does() {
    let (_plain, model) = changed("llama", "config.json", |_| {});
    let plain = scores(&scored(&model, &WORDS, &[]).0);
    let (_kept, model) = changed("llama", "config.json", |config| config["pad_token_id"] = json!(424));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    // Of transformers 5.24, `AutoModelForSequenceClassification`.
    for (score, expected) in scores(&rows).iter().zip([1.397898, 0.728558]) {
        assert!((score - expected).abs() < 1e-4, "{rows:?}");
    }
    for row in &rows {
        let ids = row["token_ids"].as_array().unwrap();
        assert_eq!(row["read_token"]["index"], json!(ids.len() - 2), "{row}");
    }
    read_tokens_are_told_without_the_others(&model, &rows);
    assert!(notes.contains("pad_token_id 424") && notes.contains("--read last"), "{notes}");
    let (rows, notes) = scored(&model, &WORDS, &["--read", "last"]);
    assert_eq!(scores(&rows), plain);
    assert!(rows[0].get("read_token").is_none() && notes.contains("as was asked"), "{notes}");
    let (_kept, model) = changed("llama", "config.json", |config| {
        config["pad_token_id"] = json!(424);
        config["normalize_reward"] = json!(false);
    });
    assert_eq!(scores(&scored(&model, &WORDS, &[]).0), plain, "OpenRLHF reads the last token");
}

/// Computed, and known to the store, with no other token told.
fn read_tokens_are_told_without_the_others(model: &Path, expected: &[Value]) {
    let (home, model) = (program::home(), model.display().to_string());
    let mut arguments = vec!["score", &model, "--prompt", "What is the best thing?", "--format", "jsonl"];
    arguments.extend(WORDS.iter().flat_map(|word| ["--word", word]));
    for _ in 0..2 {
        let output = program::text(&program::rewardscope(home.path(), &arguments).stdout);
        let rows: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(expected) {
            assert_eq!((&row["read_token"], &row["score"]), (&expected["read_token"], &expected["score"]));
            assert!(row.get("token_ids").is_none(), "{row}");
        }
    }
}

#[test]
fn a_word_alone_is_read_as_in_company() {
    let (_kept, model) = changed("llama", "config.json", |config| config["pad_token_id"] = json!(424));
    let together = scores(&scored(&model, &["love", "lovely", "loves", "lov", "freedom"], &[]).0);
    for (word, score) in ["love", "lovely", "loves", "lov", "freedom"].iter().zip(together) {
        assert_eq!(scores(&scored(&model, &[word], &[]).0), [score], "{word}");
    }
}

#[test]
fn the_row_of_a_head_is_chosen_by_its_label() {
    let labels = |labels: Value| changed("llama-2024", "config.json", move |config| config["id2label"] = labels);
    let (_plain, model) = labels(json!({"0": "a", "1": "b", "2": "c"}));
    let by_row: Vec<Vec<f64>> =
        ["0", "1", "2"].iter().map(|row| scores(&scored(&model, &WORDS, &["--head-row", row]).0)).collect();
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert_eq!(scores(&rows), by_row[0]);
    assert!(notes.contains("0 'a', 1 'b', 2 'c'. Row 0 is read") && notes.contains("--head-row"), "{notes}");
    assert_eq!(scores(&scored(&model, &WORDS, &["--head-row", "C"]).0), by_row[2]);
    let (rows, notes) = scored(&model, &WORDS, &["--head-row", "d"]);
    assert!(rows.is_empty() && notes.contains("no one row called 'd'") && notes.contains("1 'b'"), "{notes}");
    let (_kept, model) = labels(json!({"0": "REJECTED", "1": "neutral", "2": "chosen"}));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert_eq!(scores(&rows), by_row[2]);
    assert!(notes.contains("Row 2 is read as the reward, since row 0 is called bad"), "{notes}");
    assert_eq!(scores(&scored(&model, &WORDS, &["--head-row", "rejected"]).0), by_row[0]);
    let under_another_name = |labels: Value| {
        changed("llama-2024", "config.json", move |config| {
            config["architectures"] = json!(["LlamaForCausalLM"]);
            config["id2label"] = labels;
        })
    };
    let (_kept, model) = under_another_name(json!({"0": "no", "1": "neither", "2": "yes"}));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert_eq!(scores(&rows), by_row[2], "{notes}");
    let (_kept, model) = under_another_name(json!({"0": "LABEL_0", "1": "LABEL_1"}));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert_eq!(scores(&rows), by_row[0]);
    assert!(notes.contains("several rows: 3, without labels. Row 0 is read"), "{notes}");
    let (_kept, model) = labels(json!({"0": "negative", "1": "neutral", "2": "mixed"}));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert!(rows.is_empty() && notes.contains("row 0 is called bad") && notes.contains("--head-row LABEL"), "{notes}");
}

#[test]
fn a_conversation_beyond_the_models_positions_is_refused_by_its_word() {
    let (_kept, model) = changed("llama", "config.json", |config| config["max_position_embeddings"] = json!(64));
    let long = "freedom ".repeat(20);
    let (_, notes) = scored(&model, &["love", &long], &[]);
    assert!(notes.contains("and the model 64 positions") && notes.contains("'freedom freedom"), "{notes}");
    assert!(!notes.contains("'love'"), "{notes}");
}

#[test]
fn no_first_token_is_added_that_neither_template_nor_tokenizer_has() {
    let (_kept, model) = changed("qwen2", "tokenizer_config.json", |_| {});
    let (plain, _) = scored(&model, &WORDS, &[]);
    let (_kept, model) = changed("qwen2", "tokenizer_config.json", |config| config["bos_token"] = json!("<|endoftext|>"));
    let (named, _) = scored(&model, &WORDS, &[]);
    assert_eq!((scores(&named), &named[0]["token_ids"]), (scores(&plain), &plain[0]["token_ids"]));
}

#[test]
fn scores_that_are_all_equal_are_said_to_be() {
    let (_kept, model) = changed("llama", "config.json", |_| {});
    assert!(scored(&model, &["love", " love"], &[]).1.contains("all 2 words have the same score"));
    assert!(!scored(&model, &WORDS, &[]).1.contains("the same score"));
}

#[test]
fn tokens_that_only_the_files_beside_the_tokenizer_list_are_read_whole() {
    let (_plain, model) = changed("llama", "config.json", |_| {});
    let (plain, _) = scored(&model, &WORDS, &[]);
    let without_the_last = |tokenizer: &mut Value| tokenizer["added_tokens"].as_array_mut().unwrap().truncate(4);
    let (_pieces, model) = changed("llama", "tokenizer.json", without_the_last);
    assert_ne!(scored(&model, &["love"], &[]).0[0]["token_ids"], plain[0]["token_ids"], "without it the mark is in pieces");
    let lists = [
        ("tokenizer_config.json", json!({"added_tokens_decoder": {"424": {"content": "<|eot_id|>", "special": true}}})),
        ("added_tokens.json", json!({"<|eot_id|>": 424})),
    ];
    for (file, list) in lists {
        let (_kept, model) = changed("llama", "tokenizer.json", without_the_last);
        let mut whole: Value = match fs::read(model.join(file)) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => json!({}),
        };
        whole.as_object_mut().unwrap().extend(list.as_object().unwrap().clone());
        fs::write(model.join(file), whole.to_string()).unwrap();
        let (rows, notes) = scored(&model, &WORDS, &[]);
        assert_eq!(scores(&rows), scores(&plain), "{file}");
        assert!(notes.contains("<|eot_id|> (424)"), "{notes}");
    }
    let (_kept, model) = changed("llama", "tokenizer.json", without_the_last);
    fs::write(model.join("added_tokens.json"), r#"{"<|eot_id|>": 999}"#).unwrap();
    let (rows, notes) = scored(&model, &["love"], &[]);
    assert!(rows.is_empty() && notes.contains("<|eot_id|>") && notes.contains("999"), "{notes}");
}

#[test]
fn one_of_several_chat_templates_is_chosen_by_name() {
    let (_plain, model) = changed("llama", "config.json", |_| {});
    let (plain, _) = scored(&model, &WORDS, &[]);
    let template = fs::read_to_string(model.join("chat_template.jinja")).unwrap();
    let other = "{% for m in messages %}{{ m.content }}{% endfor %}";
    let forms = [
        json!([{"name": "rag", "template": other}, {"name": "plain", "template": template}]),
        json!({"rag": other, "plain": template}),
    ];
    for form in forms {
        let (_kept, model) = changed("llama", "tokenizer_config.json", |config| config["chat_template"] = form);
        fs::remove_file(model.join("chat_template.jinja")).unwrap();
        let (rows, problem) = scored(&model, &WORDS, &[]);
        assert!(rows.is_empty() && problem.contains("rag, plain") && problem.contains("--chat-template"), "{problem}");
        let (rows, _) = scored(&model, &WORDS, &["--chat-template", "plain"]);
        assert_eq!(scores(&rows), scores(&plain));
        let (rows, _) = scored(&model, &WORDS, &["--chat-template", "rag"]);
        assert_ne!(rows[0]["token_ids"], plain[0]["token_ids"]);
        let (rows, problem) = scored(&model, &WORDS, &["--chat-template", "none"]);
        assert!(rows.is_empty() && problem.contains("called 'none'") && problem.contains("rag, plain"), "{problem}");
    }
}

#[test]
fn an_embedding_with_more_rows_than_the_configuration_says_is_taken_and_said() {
    let (_plain, model) = changed("llama", "config.json", |_| {});
    let (plain, _) = scored(&model, &WORDS, &[]);
    let (_kept, model) = changed("llama", "config.json", |config| config["vocab_size"] = json!(422));
    let (rows, notes) = scored(&model, &WORDS, &[]);
    assert_eq!(scores(&rows), scores(&plain));
    assert!(notes.contains("428 rows") && notes.contains("422"), "{notes}");
}

#[test]
fn an_option_that_this_model_has_nothing_for_is_said_to_change_nothing() {
    let tried = |fixture: &str, options: &[&str]| {
        let (_kept, model) = changed(fixture, "config.json", |_| {});
        let (rows, notes) = scored(&model, &["love"], options);
        assert_eq!(rows.len(), 1, "{fixture}: {notes}");
        notes
    };
    for option in [&["--head-row", "1"][..], &["--read", "last"], &["--normalize"]] {
        let notes = tried("llama-lm", option);
        assert!(notes.contains(&format!("{} changes nothing: this model gives log-probabilities", option[0])), "{notes}");
    }
    for fixture in ["urm", "armorm", "grm"] {
        let notes = tried(fixture, &["--head-row", "1"]);
        assert!(notes.contains("--head-row changes nothing: this head gives one reward"), "{fixture}: {notes}");
    }
    let notes = tried("llama", &["--normalize"]);
    assert!(notes.contains("--normalize changes nothing"), "{notes}");
}
