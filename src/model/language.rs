//! Hidden states to log-probabilities of the next token.
//!
//! Logits are computed in f32 for a few thousand tokens of the vocabulary at a time and never kept, so memory does not
//! grow with the vocabulary; sums are taken in f64. Knows ids, not words.

use candle_core::{DType, Tensor};

use super::checkpoint::Checkpoint;
use super::decoder::{Decoder, Fetch, Role};
use super::tokenizer::ChatTokenizer;
use super::{Cancel, ModelError, PromptForm, Unit};
use crate::engine::ModelInfo;

/// Rows of the output matrix that are multiplied at a time.
const ROWS: usize = 4096;

/// A language model in memory, ready to score. Dropping it frees its memory.
pub struct LanguageModel {
    pub decoder: Decoder,
    pub head: LanguageHead,
    pub tokenizer: ChatTokenizer,
    pub form: PromptForm,
    pub info: ModelInfo,
}

impl LanguageModel {
    pub(super) fn load(
        checkpoint: Checkpoint<'_>,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let form = checkpoint.tokenizer.form(checkpoint.options.form);
        if form == PromptForm::Chat {
            checkpoint.tokenizer.chat_template()?;
        }
        let mut loading = checkpoint.loading(progress, cancel);
        // The head first: a checkpoint without one is found out before gigabytes are read.
        let config = &checkpoint.config;
        let untied = if config.tied {
            None
        } else {
            Some(LanguageHead::matrix(config.decoder.vocab_size, config.decoder.hidden_size, &mut |name, shape, role| {
                loading.fetch(name, shape, role)
            })?)
        };
        let decoder = loading.decoder()?;
        let head = LanguageHead::new(untied, &decoder, config.final_softcap);
        let loaded = loading.finish();
        let form_text = match form {
            PromptForm::Chat => format!("{}, generation prompt", checkpoint.template_text()),
            PromptForm::Bare => "none, bare prompt".to_owned(),
        };
        let info = checkpoint.info(loaded, head.describe(), form_text, Unit::Nats);
        Ok(LanguageModel { decoder, head, tokenizer: checkpoint.tokenizer, form, info })
    }
}

/// The output matrix and what its logits pass through.
pub struct LanguageHead {
    /// `[vocab_size, hidden_size]`, in the dtype of the file.
    weight: Tensor,
    tied: bool,
    softcap: Option<f64>,
}

impl LanguageHead {
    const WEIGHT: &str = "lm_head.weight";

    /// Reads the output matrix of a checkpoint that has one of its own.
    fn matrix(vocab_size: usize, hidden_size: usize, fetch: &mut Fetch<'_>) -> Result<Tensor, ModelError> {
        fetch(Self::WEIGHT, &[vocab_size, hidden_size], Role::Embedding).map_err(|error| match error {
            ModelError::File { file, problem, .. } => {
                let next = "Check that every shard is there, and what config.json says of tie_word_embeddings".to_owned();
                ModelError::File { file, problem, next }
            }
            error => error,
        })
    }

    /// Without a matrix of its own, the decoder's embedding is the head.
    pub fn new(untied: Option<Tensor>, decoder: &Decoder, softcap: Option<f64>) -> Self {
        let tied = untied.is_none();
        LanguageHead { weight: untied.unwrap_or_else(|| decoder.embedding().clone()), tied, softcap }
    }

    pub fn vocab_size(&self) -> usize {
        self.weight.dims().first().copied().unwrap_or(0)
    }

    /// For the provenance line: `lm_head.weight [128256, 4096]`, `tied embedding [256000, 2304], logits capped at 30`.
    pub fn describe(&self) -> String {
        let name = if self.tied { "tied embedding" } else { Self::WEIGHT };
        let cap = self.softcap.map(|cap| format!(", logits capped at {cap}")).unwrap_or_default();
        format!("{name} {:?}{cap}", self.weight.dims())
    }

    /// Log-probabilities, in nats, of the tokens wanted after each position.
    ///
    /// `hidden` is `[reads, hidden_size]` in f32, `wanted` has one list of ids for each read; the answer has the same
    /// shape as `wanted`. An id beyond the matrix gives NaN. `cancel` is looked at between chunks of the vocabulary.
    pub fn log_probabilities(&self, hidden: &Tensor, wanted: &[Vec<u32>], cancel: &Cancel) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut found: Vec<Vec<f32>> = wanted.iter().map(|ids| vec![f32::NAN; ids.len()]).collect();
        // Which of a read's wanted tokens comes next, in order of id.
        let mut orders: Vec<std::iter::Peekable<_>> = wanted
            .iter()
            .map(|ids| {
                let mut order: Vec<usize> = (0..ids.len()).collect();
                order.sort_by_key(|&i| ids[i]);
                order.into_iter().peekable()
            })
            .collect();
        let mut totals = vec![LogSum::default(); wanted.len()];
        for start in (0..self.vocab_size()).step_by(ROWS) {
            cancel.check()?;
            let logits = self.logits(hidden, start)?;
            for (read, logits) in logits.iter().enumerate() {
                totals[read].add(logits);
                while let Some(i) = orders[read].next_if(|&i| (wanted[read][i] as usize) < start + logits.len()) {
                    found[read][i] = logits[wanted[read][i] as usize - start];
                }
            }
        }
        for (values, total) in found.iter_mut().zip(totals) {
            let total = total.value();
            values.iter_mut().for_each(|value| *value = (f64::from(*value) - total) as f32);
        }
        Ok(found)
    }

    /// Logits of up to [`ROWS`] tokens from `start` on, `[reads][tokens]`.
    fn logits(&self, hidden: &Tensor, start: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        let rows = ROWS.min(self.vocab_size() - start);
        let weight = self.weight.narrow(0, start, rows)?.to_dtype(DType::F32)?;
        let mut logits = hidden.matmul(&weight.t()?)?;
        if let Some(cap) = self.softcap {
            logits = ((logits / cap)?.tanh()? * cap)?;
        }
        Ok(logits.to_vec2()?)
    }
}

/// The logarithm of a sum of exponentials, gathered piece by piece.
#[derive(Clone, Copy)]
struct LogSum {
    max: f32,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        LogSum { max: f32::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, values: &[f32]) {
        let max = values.iter().copied().fold(self.max, f32::max);
        if max > self.max {
            self.sum *= f64::from(self.max - max).exp();
            self.max = max;
        }
        self.sum += values.iter().map(|value| f64::from((value - self.max).exp())).sum::<f64>();
    }

    fn value(self) -> f64 {
        f64::from(self.max) + self.sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn head(vocab_size: usize, softcap: Option<f64>) -> LanguageHead {
        let values: Vec<f32> = (0..vocab_size * 2).map(|i| ((i * 7919) % 23) as f32 / 4.0 - 2.5).collect();
        LanguageHead { weight: Tensor::from_vec(values, (vocab_size, 2), &Device::Cpu).unwrap(), tied: true, softcap }
    }

    #[test]
    fn probabilities_sum_to_one_across_chunks() {
        for softcap in [None, Some(2.0)] {
            let (head, hidden) = (head(ROWS * 2 + 5, softcap), Tensor::new(&[[1.5f32, -2.0], [0.0, 3.0]], &Device::Cpu).unwrap());
            let all: Vec<u32> = (0..head.vocab_size() as u32).rev().collect();
            let found = head.log_probabilities(&hidden, &[all.clone(), all], &Cancel::default()).unwrap();
            for row in &found {
                let sum: f64 = row.iter().map(|value| f64::from(*value).exp()).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            }
        }
    }

    #[test]
    fn each_token_has_its_own_value_in_the_order_asked_for() {
        let hidden = Tensor::new(&[[1.5f32, -2.0]], &Device::Cpu).unwrap();
        let (head, last) = (head(ROWS + 3, Some(4.0)), ROWS as u32 + 2);
        let wanted = vec![vec![last, 0, 5, 5, u32::MAX]];
        let found = head.log_probabilities(&hidden, &wanted, &Cancel::default()).unwrap().remove(0);
        let logit = |row: u32| {
            let at = |i: usize| ((i * 7919) % 23) as f64 / 4.0 - 2.5;
            let x = 1.5 * at(row as usize * 2) - 2.0 * at(row as usize * 2 + 1);
            4.0 * (x / 4.0).tanh()
        };
        let total = (0..=last).map(|row| logit(row).exp()).sum::<f64>().ln();
        for (value, id) in found.iter().zip([last, 0, 5, 5]) {
            assert!((f64::from(*value) - (logit(id) - total)).abs() < 1e-5, "token {id}: {value}");
        }
        assert!(found[4].is_nan(), "there is no such token");
    }
}
