//! Two real language models against transformers, in a folder that `scripts/fetch-real-models` and
//! `scripts/reference_gguf.py` have filled:
//!
//!     REWARDSCOPE_REAL_MODELS=FOLDER cargo test --test real_models -- --ignored --nocapture

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use candle_core::{D, DType, Device};
use rewardscope::model::config::{ModelConfig, Task};
use rewardscope::model::decoder::{Decoder, Nodes};
use rewardscope::model::files::Files;
use rewardscope::model::weights::{Keep, Meter, Weights};
use rewardscope::model::{Cancel, gguf};
use rewardscope::stats::spearman;

/// In nats.
const TOLERANCE: f64 = 0.02;
const RANK_CORRELATION: f64 = 0.999;

#[derive(serde::Deserialize)]
struct Reference {
    contexts: Vec<Context>,
}

#[derive(serde::Deserialize)]
struct Context {
    ids: Vec<u32>,
    words: Vec<Word>,
}

#[derive(serde::Deserialize)]
struct Word {
    word: String,
    ids: Vec<u32>,
    log_prob: f64,
}

struct Model {
    decoder: Decoder,
    /// `[vocabulary, hidden]`; both models tie it to the embedding.
    output: candle_core::Tensor,
}

fn load(file: &Path) -> Model {
    let files = Files::at(file);
    let config = ModelConfig::read(&files).unwrap();
    assert_eq!((config.task, config.tied, config.final_softcap), (Task::Language, true, None));
    println!("{}: {}, assumed {:?}", file.display(), config.architecture, config.assumed);
    let weights = Weights::open(&files).unwrap();
    let (cancel, device) = (Cancel::default(), Device::Cpu);
    let mut progress = |_, _| {};
    let meter = Meter::new(&mut progress, &cancel, 0);
    let mut output = None;
    let decoder = Decoder::trainable(&config.decoder, DType::F32, &device, &mut |name, shape, _| {
        let tensor = weights.load(name, shape, Keep::As(DType::F32), &device, &meter)?;
        if name == "model.embed_tokens.weight" {
            output = Some(tensor.clone());
        }
        Ok(tensor)
    });
    Model { decoder: decoder.unwrap(), output: output.unwrap() }
}

impl Model {
    fn log_prob(&self, context: &[u32], word: &[u32]) -> f64 {
        let ids = [context, word].concat();
        let first = context.len() as u32 - 1;
        let reads: Vec<u32> = (first..first + word.len() as u32).collect();
        let hidden = self.decoder.forward(&Nodes::chain(&ids, 0), None, &reads, false, &Cancel::default()).unwrap().hidden;
        let logits = hidden.matmul(&self.output.t().unwrap()).unwrap();
        let total = logits.log_sum_exp(D::Minus1).unwrap().to_vec1::<f32>().unwrap();
        word.iter().zip(total).enumerate().fold(0.0, |sum, (i, (token, total))| {
            let logit: f32 = logits.get(i).unwrap().get(*token as usize).unwrap().to_scalar().unwrap();
            sum + f64::from(logit - total)
        })
    }
}

#[test]
#[ignore = "needs the models of scripts/fetch-real-models in the folder that REWARDSCOPE_REAL_MODELS names"]
fn words_have_the_log_probabilities_that_transformers_gives_them() {
    let folder = std::env::var_os("REWARDSCOPE_REAL_MODELS").map(PathBuf::from).expect("REWARDSCOPE_REAL_MODELS names a folder");
    for name in ["smollm2-135m-instruct", "gemma-3-270m"] {
        let file = folder.join(name).with_extension("gguf");
        let reference = std::fs::read(folder.join(format!("{name}.reference.json"))).expect("run scripts/reference_gguf.py");
        let reference: Reference = serde_json::from_slice(&reference).unwrap();
        let model = load(&file);
        let tokenizer = gguf::tokenizer(&file).unwrap();
        for context in &reference.contexts {
            let (mut ours, mut theirs, mut worst) = (Vec::new(), Vec::new(), 0f64);
            for word in &context.words {
                let ids = tokenizer.encode(word.word.as_str(), false).unwrap();
                assert_eq!(ids.get_ids(), word.ids, "{name}: {:?}", word.word);
                let log_prob = model.log_prob(&context.ids, &word.ids);
                worst = worst.max((log_prob - word.log_prob).abs());
                ours.push(log_prob);
                theirs.push(word.log_prob);
            }
            let (correlation, _) = spearman(&ours, &theirs).unwrap();
            println!("{name}: {} words, worst difference {worst:.6} nats, rank correlation {correlation:.6}", ours.len());
            assert!(worst < TOLERANCE && correlation > RANK_CORRELATION, "{name}");
        }
    }
}
