//! Hidden states to a reward.
//!
//! One file a kind of head: `score` (plain), `value` (GRM `-sftreg`), `gated` with its `gate` and `pattern` (ArmoRM, QRM),
//! `uncertain` (URM). The kind is known from config.json's architecture, or by the names of tensors where that leaves it
//! open; `names` tells a head's tensors from others, `read` sees to it that no tensor of a head is overlooked. Nothing here knows how hidden states are computed.

mod gate;
mod gated;
mod pattern;
mod read;
mod score;
mod uncertain;
mod value;

use candle_core::{Device, Tensor};

pub use gated::GatedHead;

pub use pattern::GatingPattern;
pub use score::ScoreHead;
pub use uncertain::UncertainHead;
pub use value::ValueHead;

use super::ModelError;
use super::format::config::ModelConfig;
use super::format::files::Files;
use super::format::weights::{Meter, Weights};
use super::nonempty::NonEmptyTensor;
use read::Reader;
use rewardscope_base::text;

/// How the hidden state at the last token becomes one number. Always in f32; never through a sigmoid.
pub struct Head {
    kind: Kind,
    parameters: u64,
    /// The file beside the weights that holds it.
    own_file: Option<String>,
}

enum Kind {
    Score(ScoreHead),
    Value(ValueHead),
    Gated(GatedHead),
    Uncertain(UncertainHead),
}

impl Head {
    /// Finds the head among the tensors. `row` is the row of a plain head that holds the reward, where the catalogue says.
    ///
    /// A missing head is an error that lists what is there: a model loaded without one would give noise for rewards. So is
    /// any further tensor of a head, whose part in the reward is not known. On the CPU matrices are packed (`packs`), so that a
    /// row's sums do not depend on the other rows.
    pub fn load(
        files: &Files,
        config: &ModelConfig,
        weights: &Weights,
        row: Option<usize>,
        device: &Device,
        meter: &Meter,
        packs: bool,
    ) -> Result<Self, ModelError> {
        let mut reader = Reader::new(files, config, weights, device, meter, packs);
        let architecture = config.architecture.as_str();
        let by_name = [("ForSequenceClassification", "score."), ("GRewardModel", "v_head.")];
        let by_part = [("WithGating", "regression_layer."), ("Normal_Weights", "weights.fc.")];
        // A name that is known settles the kind, so that a tensor it lacks is missed by name.
        let named = by_name.iter().find(|(name, _)| architecture.ends_with(name));
        let named = named.or_else(|| by_part.iter().find(|(part, _)| architecture.contains(part)));
        let found = || ["regression_layer.", "v_head.", "weights.fc."].into_iter().find(|prefix| reader.has_any(prefix));
        let kind = match named.map(|(_, prefix)| *prefix).or_else(found) {
            Some("v_head.") => Kind::Value(ValueHead::load(&mut reader)?),
            Some("regression_layer.") => Kind::Gated(GatedHead::load(&mut reader)?),
            Some("weights.fc.") => Kind::Uncertain(UncertainHead::load(&mut reader)?),
            _ => Kind::Score(ScoreHead::load(&mut reader, row)?),
        };
        let own_file = reader.own_file();
        Ok(Head { kind, parameters: reader.finish()?, own_file })
    }

    /// Values that the head adds to the model's.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// For the provenance line: `score.weight [1, 2048] f32`, `v_head.summary linear f32, from value_head.safetensors`.
    pub fn describe(&self) -> String {
        let from = self.own_file.as_ref().map(|file| format!(", from {}", text::visible(file))).unwrap_or_default();
        let head = match &self.kind {
            Kind::Score(head) => head.describe(),
            Kind::Value(head) => head.describe(),
            Kind::Gated(head) => head.describe(),
            Kind::Uncertain(head) => head.describe(),
        };
        format!("{head}{from}")
    }

    /// True where [`rewards`](Self::rewards) needs hidden states for the gate.
    pub fn is_gated(&self) -> bool {
        matches!(self.kind, Kind::Gated(_))
    }

    /// One reward a word, raw. `hidden` is `[words, hidden_size]` in f32; `gate` the hidden states at the gating pattern,
    /// `[words, hidden_size]`, or `[1, hidden_size]` where all words share them; heads without a gate ignore it.
    pub fn rewards(&self, hidden: &Tensor, gate: Option<&Tensor>) -> Result<Vec<f32>, ModelError> {
        if hidden.elem_count() == 0 {
            return Ok(Vec::new());
        }
        let hidden = NonEmptyTensor::of(hidden.clone())?;
        let rewards = match &self.kind {
            Kind::Score(head) => head.rewards(&hidden)?,
            Kind::Value(head) => head.rewards(&hidden)?,
            Kind::Uncertain(head) => head.rewards(&hidden)?,
            Kind::Gated(head) => {
                let gate =
                    gate.ok_or_else(|| candle_core::Error::msg("a gated head was asked without the gate's hidden state"))?;
                head.rewards(&hidden, &NonEmptyTensor::of(gate.clone())?)?
            }
        };
        Ok(rewards.tensor().to_vec1()?)
    }
}
