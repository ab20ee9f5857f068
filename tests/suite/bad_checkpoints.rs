//! Broken checkpoints: each is refused in one paragraph that names the file or tensor and the next step.

use std::fs;
use std::path::Path;

use rewardscope::model::checkpoint::{RewardModel, estimate};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::{Cancel, DeviceChoice, LoadOptions, ModelError};
use safetensors::tensor::{SafeTensors, TensorView};

/// A copy of the Llama fixture that a test may break.
fn copy() -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    directory
}

fn load(directory: &Path) -> Result<RewardModel, ModelError> {
    let files = Files::Directory(directory.to_owned());
    RewardModel::load(&files, &SourceLabel::default(), &LoadOptions::default(), &mut |_, _| {}, &Cancel::default())
}

/// The message of a load that fails; one paragraph that ends with advice.
fn refusal(directory: &Path) -> String {
    let message = load(directory).err().expect("it must be refused").to_string();
    assert!(!message.contains('\n'), "one paragraph: {message}");
    assert!(message.split(". ").count() > 1, "a next step: {message}");
    message
}

fn assert_refused(directory: &Path, parts: &[&str]) {
    let message = refusal(directory);
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}

fn edit(directory: &Path, file: &str, from: &str, to: &str) {
    let path = directory.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} stands in {file}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Writes the weights again without those that `keep` refuses, names changed by `rename`.
fn rewrite_weights(directory: &Path, keep: impl Fn(&str) -> bool, rename: impl Fn(&str) -> String) {
    let path = directory.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let kept: Vec<(String, TensorView)> =
        tensors.tensors().into_iter().filter(|(name, _)| keep(name)).map(|(name, view)| (rename(&name), view)).collect();
    let written = safetensors::serialize(kept, None).unwrap();
    fs::write(path, written).unwrap();
}

#[test]
fn a_missing_directory() {
    assert_refused(Path::new("/no/such/folder"), &["/no/such/folder: no such directory"]);
    assert!(estimate(&Files::Directory("/no/such/folder".into()), &LoadOptions::default()).is_err());
}

#[test]
fn an_empty_directory() {
    assert_refused(tempfile::tempdir().unwrap().path(), &["config.json: missing"]);
}

#[test]
fn invalid_json() {
    for (file, content) in [
        ("config.json", "{\n  \"architectures\": [,]\n}"),
        ("config.json", "{\n  \"hidden_size\": \"large\"\n}"),
        ("tokenizer_config.json", "{\n  nothing\n}"),
    ] {
        let directory = copy();
        fs::write(directory.path().join(file), content).unwrap();
        assert_refused(directory.path(), &[file, "line 2 column"]);
    }
}

#[test]
fn an_architecture_that_is_not_run() {
    for name in ["SomeRewardPipeline", "LlamaForMultipleChoice", "Qwen9ForSequenceClassification"] {
        let directory = copy();
        edit(directory.path(), "config.json", "LlamaForSequenceClassification", name);
        assert_refused(
            directory.path(),
            &["config.json", name, "This version runs Llama, Mistral, Qwen2, Qwen3, InternLM2, Gemma, Gemma2 and Gemma3"],
        );
    }
}

#[test]
fn weights_cut_short() {
    let directory = copy();
    let path = directory.path().join("model.safetensors");
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 1000).unwrap();
    assert_refused(directory.path(), &["model.safetensors: is cut short", "1.0 kB missing", "Download"]);
}

#[test]
fn no_weights() {
    let directory = copy();
    fs::remove_file(directory.path().join("model.safetensors")).unwrap();
    assert_refused(directory.path(), &["no model.safetensors and no model.safetensors.index.json"]);
}

#[test]
fn a_missing_head_lists_the_tensors_found() {
    let directory = copy();
    rewrite_weights(directory.path(), |name| name != "score.weight", str::to_owned);
    assert_refused(
        directory.path(),
        &["no tensor score.weight", "Found: model.embed_tokens.weight, model.norm.weight", "tensors of the layers"],
    );
}

#[test]
fn a_head_of_another_kind() {
    let directory = copy();
    rewrite_weights(directory.path(), |_| true, |name| name.replace("model.norm.weight", "score.bias"));
    assert_refused(directory.path(), &["score.bias"]);
    let directory = copy();
    rewrite_weights(directory.path(), |_| true, |name| name.replace("score.weight", "v_head.summary.weight"));
    assert_refused(directory.path(), &["no tensor score.weight", "v_head.summary.weight"]);
}

#[test]
fn a_head_of_the_wrong_size() {
    let directory = copy();
    let swap = |name: &str| match name {
        "score.weight" => "spare".to_owned(),
        "model.norm.weight" => "score.weight".to_owned(),
        name => name.to_owned(),
    };
    rewrite_weights(directory.path(), |_| true, swap);
    assert_refused(directory.path(), &["score.weight has shape [48]", "[1, 48]"]);
    let directory = copy();
    edit(directory.path(), "config.json", r#""0": "LABEL_0""#, r#""0": "a", "1": "b""#);
    assert_refused(directory.path(), &["score.weight has shape [1, 48]", "[2, 48]"]);
}

#[test]
fn a_missing_layer() {
    let directory = copy();
    edit(directory.path(), "config.json", r#""num_hidden_layers": 3"#, r#""num_hidden_layers": 4"#);
    assert_refused(directory.path(), &["no tensor model.layers.3."]);
}

#[test]
fn tokenizer_and_template_that_are_not_there() {
    let directory = copy();
    fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
    assert_refused(directory.path(), &["tokenizer.json: missing"]);
    let directory = copy();
    fs::write(directory.path().join("tokenizer.json"), "{}").unwrap();
    assert_refused(directory.path(), &["tokenizer.json: is no tokenizer"]);
    let directory = copy();
    fs::remove_file(directory.path().join("chat_template.jinja")).unwrap();
    assert_refused(directory.path(), &["no chat template", "tokenizer_config.json"]);
    fs::create_dir(directory.path().join("additional_chat_templates")).unwrap();
    fs::write(directory.path().join("additional_chat_templates/tool.jinja"), "x").unwrap();
    assert_refused(directory.path(), &["no chat template", "additional_chat_templates to chat_template.jinja: tool.jinja"]);
}

#[test]
fn templates_that_do_not_work() {
    let directory = copy();
    let template = directory.path().join("chat_template.jinja");
    fs::write(&template, "{{ bos_token }}\n{% for m in messages %}{{ m.role }}").unwrap();
    assert_refused(directory.path(), &["chat_template.jinja", "does not parse", "line 2"]);

    for (source, part) in [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "does not come to an end"),
        ("{{ raise_exception('no one-word answers') }}", "no one-word answers"),
    ] {
        fs::write(&template, source).unwrap();
        let model = load(directory.path()).expect("a template is only run on a conversation");
        let message = model.tokenizer.encode("What?", "love").unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("chat_template.jinja"), "{message}");
    }
}

#[test]
fn a_cancelled_load() {
    let directory = copy();
    let files = Files::Directory(directory.path().to_owned());
    let cancel = Cancel::default();
    let mut progress = |_, _| cancel.set();
    let result = RewardModel::load(&files, &SourceLabel::default(), &LoadOptions::default(), &mut progress, &cancel);
    assert!(matches!(result, Err(ModelError::Cancelled)));
}

#[test]
fn a_device_that_is_not_there() {
    let directory = copy();
    let files = Files::Directory(directory.path().to_owned());
    let options = LoadOptions { device: DeviceChoice::Cuda(7), ..LoadOptions::default() };
    let error = RewardModel::load(&files, &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default());
    assert!(error.err().unwrap().to_string().contains("device cuda"));
}

#[test]
fn progress_ends_at_its_total_and_memory_is_known_beforehand() {
    let directory = copy();
    let files = Files::Directory(directory.path().to_owned());
    let mut seen = Vec::new();
    let mut progress = |done, total| seen.push((done, total));
    let model =
        RewardModel::load(&files, &SourceLabel::default(), &LoadOptions::default(), &mut progress, &Cancel::default()).unwrap();
    assert!(seen.is_sorted() && seen.last().is_some_and(|(done, total)| done == total && *total > 0));
    let estimate = estimate(&files, &LoadOptions::default()).unwrap();
    assert_eq!(estimate.weights_bytes, model.info.memory_bytes);
}
