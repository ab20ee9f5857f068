//! Hidden states to log-probabilities of the next token.
//!
//! Logits are computed in f32 for a few thousand tokens of the vocabulary at a time and never kept, so memory does not
//! grow with the vocabulary; sums are taken in f64, in order of id. Knows ids, not words.

use candle_core::{DType, Tensor};
use half::bf16;
use rayon::prelude::*;

use super::asking::form_text;
use super::checkpoint::Checkpoint;
use super::decoder::packed::Packed;
use super::decoder::{Decoder, Role};
use super::device::Compute;
use super::format::head_names::{EMBEDDING, LM_HEAD};
use super::nonempty::NonEmptyTensor;
use super::text::tokenizer::ChatTokenizer;
use super::{Cancel, ModelError, ModelInfo, PromptForm};
use rewardscope_base::terms::Unit;

/// Hidden states that are multiplied together where candle multiplies: always as many, for at one number of rows a row's
/// product depends on no other row.
const TOGETHER: usize = 64;
/// Rows of the output matrix that are multiplied at a time.
const ROWS: usize = 4096;

/// A language model in memory, ready to score. Dropping it frees its memory.
pub struct LanguageModel {
    /// Ids to hidden states.
    pub decoder: Decoder,
    /// Hidden states to log-probabilities.
    pub head: LanguageHead,
    /// Text to ids.
    pub tokenizer: ChatTokenizer,
    /// How a prompt is put to it.
    pub form: PromptForm,
    /// What the model is and what its scores rest on.
    pub info: ModelInfo,
}

impl LanguageModel {
    pub(super) fn load(
        checkpoint: Checkpoint<'_>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let form = checkpoint.tokenizer.form(checkpoint.options.form);
        if form == PromptForm::Chat {
            checkpoint.tokenizer.chat_template()?;
        }
        let loading = checkpoint.loading(progress, cancel);
        let (config, tied) = (&checkpoint.config, checkpoint.config.tied);
        let shape = (config.decoder.vocab_size, config.decoder.hidden_size);
        // The head first: a checkpoint without one is found out before gigabytes are read.
        let matrix = if config.stock.is_some() {
            Some(OutputMatrix::OfDecoder)
        } else if loading.is_native() {
            let name = if tied { EMBEDDING } else { LM_HEAD };
            Some(OutputMatrix::Packed(loading.pieces(name, shape, ROWS).map_err(LanguageHead::explained)?))
        } else if tied {
            None
        } else {
            let matrix = loading.fetch(LM_HEAD, &[shape.0, shape.1], Role::Embedding);
            Some(OutputMatrix::Tensor(NonEmptyTensor::of(matrix.map_err(LanguageHead::explained)?)?))
        };
        let decoder = loading.decoder()?;
        let matrix = match (matrix, decoder.embedding()) {
            (Some(matrix), _) => matrix,
            (None, Some(embedding)) => OutputMatrix::Tensor(NonEmptyTensor::of(embedding.clone())?),
            (None, None) => return Err(candle_core::Error::msg("a tied output matrix was not read").into()),
        };
        let head = LanguageHead { matrix, vocab_size: shape.0, hidden_size: shape.1, tied, softcap: config.final_softcap };
        let loaded = loading.finish();
        let form_text = form_text(form, &checkpoint.template_text());
        let info = checkpoint.info(loaded, head.describe(), form_text, Unit::Nats);
        Ok(LanguageModel { decoder, head, tokenizer: checkpoint.tokenizer, form, info })
    }
}

/// The output matrix and what its logits pass through.
pub struct LanguageHead {
    matrix: OutputMatrix,
    vocab_size: usize,
    hidden_size: usize,
    tied: bool,
    softcap: Option<f64>,
}

/// `[vocab_size, hidden_size]`
enum OutputMatrix {
    /// In the dtype of the file.
    Tensor(NonEmptyTensor),
    /// [`ROWS`] at a time, with what they are multiplied in.
    Packed((Vec<Packed>, Compute)),
    /// The decoder gives logits.
    OfDecoder,
}

impl LanguageHead {
    /// Says what a missing output matrix may mean.
    fn explained(error: ModelError) -> ModelError {
        match error {
            ModelError::File { file, problem, .. } => {
                let next = "Check that every shard is there, and what config.json says of tie_word_embeddings".to_owned();
                ModelError::File { file, problem, next }
            }
            error => error,
        }
    }

    /// Rows of the output matrix.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// For the provenance line: `lm_head.weight [128256, 4096]`, `tied embedding [256000, 2304], logits capped at 30`.
    pub fn describe(&self) -> String {
        let name = if self.tied { "tied embedding" } else { LM_HEAD };
        let cap = self.softcap.map(|cap| format!(", logits capped at {cap}")).unwrap_or_default();
        format!("{name} [{}, {}]{cap}", self.vocab_size, self.hidden_size)
    }

    /// Log-probabilities, in nats, of the tokens wanted after each position.
    ///
    /// `hidden` is what the decoder gave, `[reads, hidden_size]` (or logits `[reads, vocab_size]`) in f32, `wanted` has one list of ids for each read; the answer has the same
    /// shape as `wanted`. An id beyond the matrix gives NaN. `cancel` is looked at between chunks of the vocabulary.
    pub fn log_probabilities(&self, hidden: &Tensor, wanted: &[Vec<u32>], cancel: &Cancel) -> Result<Vec<Vec<f32>>, ModelError> {
        if hidden.elem_count() == 0 {
            return Ok(Vec::new());
        }
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
        let mut logits = Vec::new();
        for start in (0..self.vocab_size()).step_by(ROWS) {
            cancel.check()?;
            let rows = ROWS.min(self.vocab_size() - start);
            self.logits(hidden, start, rows, &mut logits)?;
            let capped = logits.par_chunks_mut(rows).zip(&mut totals).zip(&mut found).zip(&mut orders).enumerate();
            capped.for_each(|(read, (((logits, total), found), order))| {
                if let Some(cap) = self.softcap {
                    logits.iter_mut().for_each(|logit| *logit = (f64::from(*logit) / cap).tanh() as f32 * cap as f32);
                }
                total.add(logits);
                while let Some(i) = order.next_if(|&i| (wanted[read][i] as usize) < start + rows) {
                    found[i] = logits[wanted[read][i] as usize - start];
                }
            });
        }
        for (values, total) in found.iter_mut().zip(totals) {
            let total = total.value();
            values.iter_mut().for_each(|value| *value = (f64::from(*value) - total) as f32);
        }
        Ok(found)
    }

    /// Logits of the `rows` tokens from `start` on, a multiple of [`ROWS`], into `to` `[reads, rows]`.
    fn logits(&self, hidden: &Tensor, start: usize, rows: usize, to: &mut Vec<f32>) -> Result<(), ModelError> {
        match &self.matrix {
            OutputMatrix::Tensor(weight) => {
                let weight = weight.narrow(0, start, rows)?.to_dtype(DType::F32)?.t()?;
                let hidden = hidden.to_device(weight.tensor().device())?;
                to.clear();
                for first in (0..hidden.dim(0)?).step_by(TOGETHER) {
                    let count = TOGETHER.min(hidden.dim(0)? - first);
                    let padded = hidden.narrow(0, first, count)?.pad_with_zeros(0, 0, TOGETHER - count)?;
                    let product = NonEmptyTensor::of(padded)?.matmul(&weight)?.narrow(0, 0, count)?;
                    to.extend(product.tensor().flatten_all()?.to_vec1::<f32>()?);
                }
            }
            OutputMatrix::Packed((pieces, compute)) => {
                let piece = &pieces[start / ROWS];
                let mut x: Vec<f32> = hidden.flatten_all()?.to_vec1()?;
                to.resize(x.len() / self.hidden_size * rows, 0.0);
                piece.multiply(&x, to)?;
                if *compute == Compute::Bf16 {
                    // The product has rounded its rows: what was lost is multiplied as well, for these are the logits.
                    x.iter_mut().for_each(|x| *x -= bf16::from_f32(*x).to_f32());
                    let mut rest = vec![0.0; to.len()];
                    piece.multiply(&x, &mut rest)?;
                    to.iter_mut().zip(rest).for_each(|(logit, rest)| *logit += rest);
                }
            }
            OutputMatrix::OfDecoder => *to = hidden.narrow(1, start, rows)?.flatten_all()?.to_vec1()?,
        }
        Ok(())
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
        let matrix = OutputMatrix::Tensor(NonEmptyTensor::new(values, &[vocab_size, 2], &Device::Cpu).unwrap());
        LanguageHead { matrix, vocab_size, hidden_size: 2, tied: true, softcap }
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
