//! What a checkpoint is taken for is what all of its files say, not its architecture's name alone: a reward model that is
//! published under a language model's name is one, and where its head cannot be read it is refused by name. The checkpoints
//! are those of `tests/fixtures`, renamed and laid out as trainers lay theirs out; the scores are PyTorch's.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::support::expected::{expected, folder};
use candle_core::{DType, Device, Tensor};
use rewardscope::base::terms::Unit;
use rewardscope::model::checkpoint::{RewardModel, estimate, read_tokenizer};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions, ModelError, TakenAs};
use serde_json::{Map, Value, json};

/// Scores against the reference, in f32.
const TOLERANCE: f32 = 1e-4;
/// Reward models by the name of the language model that they grew from.
const RENAMED: [(&str, &str); 6] = [
    ("grm", "LlamaForCausalLM"),
    ("grm-linear", "Gemma2ForCausalLM"),
    ("llama", "LlamaForCausalLM"),
    ("gemma", "GemmaForCausalLM"),
    ("qwen2", "Qwen2ForCausalLM"),
    ("armorm", "LlamaForCausalLM"),
];

/// A copy of a fixture that a test may change.
struct Checkpoint(tempfile::TempDir);

impl Checkpoint {
    fn copy(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(folder(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        Checkpoint(directory)
    }

    /// Of a reward model under a language model's name.
    fn renamed(name: &str, architecture: &str) -> Self {
        Self::copy(name).with_config(json!({"architectures": [architecture]}))
    }

    /// Keys set, or taken away where they are null.
    fn with_config(self, keys: Value) -> Self {
        let path = self.path().join("config.json");
        let mut config: Map<String, Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            config.insert(key.clone(), value.clone());
        }
        config.retain(|_, value| !value.is_null());
        fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
        self
    }

    /// The tensors written again, in files by what `place` says of each name, with the names that it gives them.
    fn with_weights(self, place: impl Fn(&str) -> Option<(&'static str, String)>, more: &[(&str, &[usize])]) -> Self {
        let path = self.path().join("model.safetensors");
        let tensors: HashMap<String, Tensor> = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        let more = more.iter().map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|i| ((i * 7919) % 23) as f32 / 20.0 - 0.5).collect();
            ((*name).to_owned(), Tensor::from_vec(values, *shape, &Device::Cpu).unwrap())
        });
        let mut files: HashMap<&str, HashMap<String, Tensor>> = HashMap::new();
        for (name, tensor) in tensors {
            if let Some((file, name)) = place(&name) {
                files.entry(file).or_default().insert(name, tensor);
            }
        }
        files.get_mut("model.safetensors").unwrap().extend(more);
        fs::remove_file(&path).unwrap();
        for (file, tensors) in files {
            candle_core::safetensors::save(&tensors, self.path().join(file)).unwrap();
        }
        self
    }

    fn with_tensors(self, more: &[(&str, &[usize])]) -> Self {
        self.with_weights(as_it_is, more)
    }

    fn with_file(self, name: &str) -> Self {
        fs::write(self.path().join(name), b"not looked into").unwrap();
        self
    }

    fn with_adapter(self, task: &str) -> Self {
        fs::write(self.path().join("adapter_config.json"), json!({"task_type": task}).to_string()).unwrap();
        self.with_file("adapter_model.safetensors")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self, taken_as: Option<TakenAs>) -> Result<LoadedModel, ModelError> {
        let (files, label) = (Files::Directory(self.path().to_owned()), SourceLabel::default());
        let options = LoadOptions { dtype: Dtype::F32, taken_as, ..LoadOptions::default() };
        let estimated = estimate(&files, &options);
        let loaded = LoadedModel::load(&files, &label, &options, &mut |_, _| {}, &Cancel::default());
        if let Ok(loaded) = &loaded {
            assert!(estimated.is_ok());
            let (_, form) = read_tokenizer(&files, &options).unwrap();
            assert_eq!(form.is_some(), matches!(loaded, LoadedModel::Language(_)), "the tokenizer alone knows it too");
        }
        loaded
    }

    fn reward_model(&self) -> RewardModel {
        match self.open(None).unwrap() {
            LoadedModel::Reward(model) => model,
            LoadedModel::Language(model) => panic!("taken for a language model: {:?}", model.info),
        }
    }

    fn refusal(&self) -> String {
        self.open(None).err().expect("refused").to_string()
    }
}

fn as_it_is(name: &str) -> Option<(&'static str, String)> {
    Some(("model.safetensors", name.to_owned()))
}

#[track_caller]
fn assert_scores(model: &RewardModel, fixture: &str) {
    for case in &expected(fixture).cases {
        let score = model.reward_alone(&case.single.ids, &Cancel::default()).unwrap();
        assert!((score - case.single.score).abs() < TOLERANCE, "{fixture}, {:?}: {score}, not {}", case.word, case.single.score);
    }
}

fn notes(loaded: &LoadedModel) -> String {
    loaded.info().provenance.policies.notes.join("\n")
}

#[test]
fn a_head_among_the_tensors_makes_a_reward_model_whatever_the_architecture_is_called() {
    for (fixture, architecture) in RENAMED {
        let checkpoint = Checkpoint::renamed(fixture, architecture);
        let model = checkpoint.reward_model();
        assert_scores(&model, fixture);
        let provenance = &model.info.provenance;
        assert_eq!((provenance.unit, provenance.architecture.as_str()), (Unit::Reward, architecture));
        let note = provenance.policies.notes.join("\n");
        assert!(note.contains("taken for a reward model") && note.contains("kind language-model"), "{fixture}: {note}");
    }
}

#[test]
fn grm_is_read_as_it_is_published_with_and_without_an_output_matrix_of_its_own() {
    // The keys of config.json as the hub has them; a language model's file counts two labels that mean nothing.
    let published = json!({
        "auto_map": {"AutoModel": "model.AutoModelForCausalLMWithValueHead"},
        "vhead_layer_type": "mlp", "vhead_num_neurons": 24, "vhead_num_layers": 2,
        "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    });
    let tied = Checkpoint::renamed("grm", "LlamaForCausalLM").with_config(published.clone());
    assert_scores(&tied.with_config(json!({"tie_word_embeddings": true})).reward_model(), "grm");
    let untied = Checkpoint::renamed("grm", "LlamaForCausalLM").with_config(published);
    let untied = untied.with_config(json!({"tie_word_embeddings": false})).with_tensors(&[("lm_head.weight", &[425, 32])]);
    assert_scores(&untied.reward_model(), "grm");
}

#[test]
fn a_head_in_a_file_of_its_own_is_read_from_it() {
    let apart = |name: &str| {
        let file = if name.starts_with("v_head.") { "value_head.safetensors" } else { "model.safetensors" };
        Some((file, name.to_owned()))
    };
    let keys = json!({"vhead_layer_type": null, "vhead_num_neurons": null, "vhead_num_layers": null});
    for (fixture, architecture) in [("grm-linear", "Gemma2ForCausalLM"), ("grm", "LlamaForCausalLM")] {
        let checkpoint = Checkpoint::renamed(fixture, architecture).with_config(keys.clone()).with_weights(apart, &[]);
        let model = checkpoint.reward_model();
        assert_scores(&model, fixture);
        let provenance = &model.info.provenance;
        assert!(provenance.head.ends_with(", from value_head.safetensors"), "{}", provenance.head);
        assert!(provenance.policies.notes.iter().any(|note| note.contains("the file value_head.safetensors")), "{provenance:?}");
        // Shards name it no more than a single file does.
        let index = json!({"weight_map": {"model.embed_tokens.weight": "model-00001-of-00001.safetensors"}});
        fs::write(checkpoint.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
        let [single, shard] = ["model.safetensors", "model-00001-of-00001.safetensors"].map(|name| checkpoint.path().join(name));
        fs::rename(single, shard).unwrap();
        assert_scores(&checkpoint.reward_model(), fixture);
    }
}

#[test]
fn what_wraps_the_model_is_taken_off_its_names() {
    for wrapper in ["pretrained_model.", "base_model.model.", "module."] {
        let wrapped = |name: &str| Some(("model.safetensors", format!("{wrapper}{name}")));
        assert_scores(&Checkpoint::renamed("grm", "LlamaForCausalLM").with_weights(wrapped, &[]).reward_model(), "grm");
    }
    // Under the decoder's own prefix, as a wrapper class leaves it.
    let inside = |name: &str| Some(("model.safetensors", name.replace("score.", "model.score.")));
    assert_scores(&Checkpoint::renamed("llama", "LlamaForCausalLM").with_weights(inside, &[]).reward_model(), "llama");
}

#[test]
fn signs_of_a_head_that_cannot_be_read_are_refused_by_name_and_taken_all_the_same_when_asked() {
    let plain = || Checkpoint::copy("llama-lm");
    let signs = [
        (plain().with_tensors(&[("rm_head.weight", &[1, 48])]), "rm_head.weight"),
        (plain().with_tensors(&[("pretrained_model.critic_head.weight", &[1, 48])]), "critic_head.weight"),
        (plain().with_tensors(&[("classifier.out.weight", &[2, 48])]), "classifier.out.weight"),
        (plain().with_tensors(&[("score.0.weight", &[48, 48]), ("score.2.weight", &[1, 48])]), "score.0.bias"),
        (plain().with_tensors(&[("v_head.summary.weight", &[1, 48])]), "v_head.summary.bias"),
        (plain().with_file("value_head.bin"), "value_head.bin"),
        (plain().with_file("reward_head.pt"), "reward_head.pt"),
        (plain().with_config(json!({"vhead_layer_type": "mlp"})), "vhead_layer_type"),
        (plain().with_config(json!({"value_head_prefix": "value_head"})), "value_head_prefix"),
        (plain().with_config(json!({"problem_type": "regression"})), "problem_type"),
        (plain().with_config(json!({"num_labels": 1})), "num_labels"),
        (plain().with_adapter("SEQ_CLS"), "adapter_config.json"),
        (
            plain().with_config(json!({"auto_map": {"AutoModelForSequenceClassification": "m.X"}})),
            "AutoModelForSequenceClassification",
        ),
    ];
    let scored = |loaded: &LoadedModel| loaded.info().provenance.unit;
    for (checkpoint, named) in &signs {
        let message = checkpoint.refusal();
        assert!(message.contains(named) && message.contains("kind language-model"), "{named}: {message}");
        assert!(!message.contains('\n') && message.split(". ").count() > 1, "one paragraph with a next step: {message}");
        let taken = checkpoint.open(Some(TakenAs::LanguageModel)).unwrap();
        assert_eq!(scored(&taken), Unit::Nats, "{named}");
        assert!(notes(&taken).contains("as kind asks"), "{named}: {}", notes(&taken));
    }
}

#[test]
fn a_language_model_is_still_one_and_a_note_names_what_nothing_reads() {
    for fixture in ["llama-lm", "gemma2-lm"] {
        let loaded = Checkpoint::copy(fixture).open(None).unwrap();
        assert_eq!((loaded.info().provenance.unit, notes(&loaded).as_str()), (Unit::Nats, ""), "{fixture}");
    }
    let harmless: &[(&str, &[usize])] = &[
        ("model.rotary_emb.inv_freq", &[6]),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", &[6]),
        ("model.vision_tower.head.weight", &[4, 4]),
    ];
    let loaded = Checkpoint::copy("llama-lm").with_tensors(harmless).open(None).unwrap();
    assert_eq!((loaded.info().provenance.unit, notes(&loaded).as_str()), (Unit::Nats, ""));
    let unread: &[(&str, &[usize])] = &[
        ("model.layers.0.self_attn.q_proj.lora_A.weight", &[4, 48]),
        ("model.layers.0.self_attn.q_proj.bias", &[48]),
        ("model.layers.1.mlp.head_gate.weight", &[4, 48]),
        ("medusa_head.0.weight", &[4, 48]),
    ];
    let loaded = Checkpoint::copy("llama-lm").with_tensors(unread).open(None).unwrap();
    assert_eq!(loaded.info().provenance.unit, Unit::Nats);
    assert!(notes(&loaded).contains("3 tensors of the weights were not read"), "{}", notes(&loaded));
    assert!(notes(&loaded).contains("medusa_head.0.weight, model.layers.0.self_attn.q_proj.lora_A"), "{}", notes(&loaded));
    let denied = "1 bias of the layers was not read, for config.json or its class denies them (keys attention_bias, mlp_bias): \
                  model.layers.0.self_attn.q_proj.bias";
    assert!(notes(&loaded).contains(denied), "{}", notes(&loaded));
}

#[test]
fn an_adapter_beside_whole_weights_is_said_not_to_be_applied() {
    for (fixture, task) in [("llama-lm", "CAUSAL_LM"), ("llama", "SEQ_CLS")] {
        let loaded = Checkpoint::copy(fixture).with_adapter(task).open(None).unwrap();
        assert!(notes(&loaded).contains("an adapter lies beside the weights and is not applied"), "{}", notes(&loaded));
    }
}

#[test]
fn a_name_that_speaks_of_rewards_is_told_where_no_file_does() {
    let checkpoint = Checkpoint::copy("llama-lm");
    let files = Files::Directory(checkpoint.path().to_owned());
    for (source, told) in [("somebody/Llama-70B-Reward-HF", true), ("somebody/Llama-RM", true), ("somebody/Llama-farm", false)] {
        let label = SourceLabel { source: source.to_owned(), ..SourceLabel::default() };
        let loaded = LoadedModel::load(&files, &label, &LoadOptions::default(), &mut |_, _| {}, &Cancel::default()).unwrap();
        assert_eq!(notes(&loaded).contains("its name speaks of a reward model"), told, "{source}: {}", notes(&loaded));
    }
}

#[test]
fn a_reward_model_is_not_made_a_language_model() {
    let loaded = Checkpoint::copy("llama").open(Some(TakenAs::LanguageModel)).unwrap();
    assert_eq!(loaded.info().provenance.unit, Unit::Reward);
    assert!(notes(&loaded).contains("kind language-model changes nothing"), "{}", notes(&loaded));
}

#[test]
fn an_output_matrix_of_its_own_counts_where_config_json_says_that_there_is_none() {
    let score = |checkpoint: &Checkpoint| match checkpoint.open(None).unwrap() {
        LoadedModel::Language(model) => {
            let hidden = Tensor::ones((1, 48), DType::F32, &Device::Cpu).unwrap();
            let values = model.head.log_probabilities(&hidden, &[vec![3, 400]], &Cancel::default()).unwrap();
            (values, model.info.provenance)
        }
        LoadedModel::Reward(_) => panic!("a reward model"),
    };
    let (untied, _) = score(&Checkpoint::copy("llama-lm"));
    let (said_tied, provenance) = score(&Checkpoint::copy("llama-lm").with_config(json!({"tie_word_embeddings": true})));
    assert_eq!(said_tied, untied);
    assert!(provenance.head.starts_with("lm_head.weight"), "{}", provenance.head);
    assert!(provenance.policies.notes.iter().any(|note| note.contains("tie_word_embeddings")), "{provenance:?}");
}
