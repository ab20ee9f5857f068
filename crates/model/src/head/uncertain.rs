//! The head of URM: a normal distribution for each attribute, and a network that weighs their means.
//!
//! `score.weight` gives mean and spread of an attribute in turn; `weights.fc.{0,2,4}`, with SELU between, gives the weight
//! of each attribute; `reward = Σ weight · mean`. Both read the last token. The layout is that of SGLang's
//! `sglang/srt/models/llama_reward.py`, class `LlamaForSequenceClassificationWithNormal_Weights`.

use candle_core::D;

use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead, score};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

/// The network that weighs attributes.
const WEIGHER: &str = "weights.fc";
/// Numbers of its linear layers.
const LAYERS: [usize; 3] = [0, 2, 4];
/// SELU's constants, of which PyTorch makes no parameter (Klambauer et al. 2017, equation 2).
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

pub(super) const KIND: HeadKind = HeadKind {
    names: &["URM"],
    modules: &[score::NAME, WEIGHER],
    tensors: &[],
    told_by: WEIGHER,
    is_named: |architecture| architecture.contains("Normal_Weights"),
    load: |_, reader| Ok(Box::new(UncertainHead::load(reader)?)),
};

struct UncertainHead {
    /// `[attributes, hidden_size]`: the means, every second row of `score.weight` from the first.
    means: HeadLinear,
    weigher: Vec<HeadLinear>,
}

impl UncertainHead {
    fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let name = format!("{}.weight", score::NAME);
        let (rows, hidden_size) = (reader.rows(&name)?, reader.hidden_size());
        if !rows.is_multiple_of(2) {
            return Err(reader.refuse(format!("{name} has {rows} rows, which is no list of means and spreads in turn")));
        }
        let attributes = rows / 2;
        let weight = reader.tensor(&name, &[rows, hidden_size])?;
        let means = weight.reshape(&[attributes, 2, hidden_size])?.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
        let means = reader.multiplier(means, None)?;
        let mut weigher = Vec::with_capacity(LAYERS.len());
        let mut input = hidden_size;
        for number in LAYERS {
            let name = format!("{WEIGHER}.{number}");
            let out = if Some(&number) == LAYERS.last() { attributes } else { reader.rows(&format!("{name}.weight"))? };
            weigher.push(reader.linear(&name, out, input, true)?);
            input = out;
        }
        Ok(UncertainHead { means, weigher })
    }
}

impl RewardHead for UncertainHead {
    fn describe(&self) -> String {
        format!("means of {} attributes, weighed by {WEIGHER} f32", self.means.rows())
    }

    fn rewards(&self, hidden: &NonEmptyTensor, _gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        let mut x = hidden.clone();
        for (i, layer) in self.weigher.iter().enumerate() {
            x = layer.forward(&if i > 0 { x.elu(SELU_ALPHA)?.affine(SELU_SCALE, 0.0)? } else { x })?;
        }
        self.means.forward(hidden)?.mul(&x)?.sum(D::Minus1)
    }
}
