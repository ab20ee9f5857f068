//! Hidden states to a reward.
//!
//! One file a kind of head: `score` (plain, under any of its names), `network` (layers with ReLU between), `value` (GRM
//! `-sftreg`), `gated` with its `gate` and `pattern` (ArmoRM, QRM), `uncertain` (URM). Beside them `token_logit` is the
//! head of a model that has none of its own, `normalizer` what may be applied to the rewards of any, and `row` says which row of
//! several is the reward. Each kind says of itself, in a `HeadKind`, what its tensors are called, how it is recognised and how it is
//! loaded; `KINDS` lists them. The names of architectures that end in their own way, as `…ForRewardModelWithGating`, are in
//! `format/config/architecture`. `read` sees to it that no tensor of a head is overlooked. Nothing here
//! knows how hidden states are computed.

mod gate;
mod gated;
mod network;
mod normalizer;
mod pattern;
mod read;
pub(super) mod row;
mod score;
mod token_logit;
mod uncertain;
mod value;

use candle_core::{Device, Tensor};

pub use normalizer::Normalizer;
pub use pattern::GatingPattern;

use super::ModelError;
use super::format::config::ModelConfig;
use super::format::files::Files;
use super::format::head_names;
use super::format::weights::{Meter, Weights};
use super::nonempty::NonEmptyTensor;
use read::Reader;
use rewardscope_base::text;
use token_logit::TokenLogit;

/// Every kind of head, the plain one first. Where several fit a checkpoint, the last of them is taken.
static KINDS: [HeadKind; 10] = [
    score::KIND,
    score::REGRESSION_HEAD,
    score::VALUE_HEAD,
    score::REWARD_HEAD,
    score::SCORE_HEAD,
    network::KIND,
    value::KIND,
    score::V_HEAD,
    gated::KIND,
    uncertain::KIND,
];

/// A kind of head, as far as everything around it needs to know.
struct HeadKind {
    /// Whose heads are of this kind, for messages: `GRM`.
    names: &'static [&'static str],
    /// Modules that hold its tensors: those of `v_head` are called `v_head.…`.
    modules: &'static [&'static str],
    /// Tensors of its own that are in no module.
    tensors: &'static [&'static str],
    /// A tensor, or a module, that tells it from all kinds before it in the list.
    told_by: &'static str,
    /// True for an architecture, as config.json names it, that has this kind of head.
    is_named: fn(architecture: &str) -> bool,
    load: fn(&HeadKind, &mut Reader) -> Loaded,
}

/// A head that was read, or why it cannot be.
type Loaded = Result<Box<dyn RewardHead>, ModelError>;

/// A head in memory. All of its numbers are f32.
trait RewardHead: Send + Sync {
    /// For the provenance line: `score.weight [1, 2048] f32`.
    fn describe(&self) -> String;

    /// True for a head whose gate reads hidden states of its own.
    fn is_gated(&self) -> bool {
        false
    }

    /// `hidden` is `[words, hidden_size]`; `gate`, for a gated head, `[words, hidden_size]`, or `[1, hidden_size]` where all
    /// words share it. Returns `[words]`.
    fn rewards(&self, hidden: &NonEmptyTensor, gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor>;
}

/// True for a tensor of a head of a kind that is read, by its name.
pub fn is_of_a_head(name: &str) -> bool {
    let within = |module: &&str| is_within(name, module);
    KINDS.iter().any(|kind| kind.modules.iter().any(within) || kind.tensors.contains(&name))
}

/// True for a tensor that looks like one of a head that gives no tokens, by its name, whether it is read or not.
pub fn resembles_a_head(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_of_a_head(&name) || head_names::speaks_of_a_head(&name)
}

/// True for a tensor of a module: `score.weight` is within `score`.
fn is_within(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
}

/// The kind of a checkpoint's head. An architecture's name that is known settles it, so that a tensor that is lacking is
/// missed by name; other names leave it to the tensors.
fn recognise(architecture: &str, weights: &Weights) -> &'static HeadKind {
    let mut fitting: Vec<&HeadKind> = KINDS.iter().filter(|kind| (kind.is_named)(architecture)).collect();
    if fitting.is_empty() {
        fitting.extend(&KINDS);
    }
    let is_there = |kind: &&&HeadKind| weights.tensors().any(|(name, _)| name == kind.told_by || is_within(name, kind.told_by));
    fitting.iter().rev().find(is_there).unwrap_or(&fitting[0])
}

/// How many rows the matrix of a plain head has; 1 for a head of another kind.
pub(super) fn rows(config: &ModelConfig, weights: &Weights) -> usize {
    let matrix = weights.get(recognise(&config.architecture, weights).told_by);
    match matrix.map(|stored| stored.shape.as_slice()) {
        Some([rows, _]) => *rows,
        _ => 1,
    }
}

/// How the hidden state at the last token becomes one number. Always in f32; never through a sigmoid.
pub struct Head {
    head: Box<dyn RewardHead>,
    /// What the rewards are brought to a common scale by, where the checkpoint holds such a thing.
    normalizer: Option<Normalizer>,
    /// True where that is asked for.
    normalizes: bool,
    ignored_row: Option<usize>,
    parameters: u64,
    /// The file beside the weights that holds it.
    own_file: Option<String>,
}

impl Head {
    /// Finds the head among the tensors. `row` is the row of a plain head that holds the reward; `normalizes` says whether
    /// rewards are brought to the scale that the checkpoint holds. A head is computed on the CPU, whatever computes the rest:
    /// it is small, and its sums there depend on no other row.
    ///
    /// # Errors
    /// Where there is no head, with what there is instead: a model loaded without one would give noise for rewards. Where a
    /// further tensor of a head is left, for its part in the reward is not known.
    pub fn load(
        files: &Files,
        config: &ModelConfig,
        weights: &Weights,
        row: Option<usize>,
        normalizes: bool,
        meter: &Meter,
    ) -> Result<Self, ModelError> {
        let kind = recognise(&config.architecture, weights);
        let mut reader = Reader { files, config, weights, row, meter, taken: Default::default(), parameters: 0 };
        let normalizer = Normalizer::load(&mut reader)?;
        let head = match config.token_logit {
            Some(token) => Box::new(TokenLogit::load(&mut reader, token)?),
            None => (kind.load)(kind, &mut reader)?,
        };
        let (own_file, ignored_row) = (reader.own_file(), reader.row.take());
        let parameters = if config.token_logit.is_some() { reader.parameters } else { reader.finish()? };
        Ok(Head { head, normalizer, normalizes, ignored_row, parameters, own_file })
    }

    /// The row that was chosen, where the head has no rows to choose from.
    pub fn ignored_row(&self) -> Option<usize> {
        self.ignored_row
    }

    /// How many numbers the head holds.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// For the provenance line: `score.weight [1, 2048] f32`, `v_head.summary linear f32, from value_head.safetensors`.
    pub fn describe(&self) -> String {
        let from = self.own_file.as_ref().map(|file| format!(", from {}", text::visible(file))).unwrap_or_default();
        format!("{}{from}", self.head.describe())
    }

    /// What the checkpoint holds to bring rewards to a common scale, whether it is applied or not.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// True where [`rewards`](Self::rewards) needs hidden states for the gate.
    pub fn is_gated(&self) -> bool {
        self.head.is_gated()
    }

    /// One reward a word, raw, or normalized where that was asked for. `hidden` is `[words, hidden_size]` in f32; `gate` the hidden states at the gating pattern,
    /// `[words, hidden_size]`, or `[1, hidden_size]` where all words share them; heads without a gate ignore it.
    ///
    /// # Errors
    /// Where a gated head gets no `gate`, and what candle refuses.
    pub fn rewards(&self, hidden: &Tensor, gate: Option<&Tensor>) -> Result<Vec<f32>, ModelError> {
        if hidden.elem_count() == 0 {
            return Ok(Vec::new());
        }
        let here = |states: &Tensor| NonEmptyTensor::of(states.to_device(&Device::Cpu)?);
        let hidden = here(hidden)?;
        let gate = gate.filter(|_| self.is_gated()).map(here).transpose()?;
        let mut rewards = self.head.rewards(&hidden, gate.as_ref())?.tensor().to_vec1()?;
        if let Some(normalizer) = self.normalizer.as_ref().filter(|_| self.normalizes) {
            normalizer.apply(&mut rewards);
        }
        Ok(rewards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_by_a_module_of_its_own() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(is_of_a_head(&format!("{}.weight", kind.told_by)), "{:?}", kind.names);
            assert!(KINDS[..at].iter().all(|before| before.told_by != kind.told_by), "{:?}", kind.names);
        }
    }

    /// Cells of the rows of the table of heads in `docs/models.md`.
    fn documented() -> Vec<Vec<&'static str>> {
        let text = include_str!("../../../../docs/models.md");
        let heads = text.split("## Heads").nth(1).unwrap().split("## Architectures").next().unwrap();
        let rows = heads.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        rows.skip(2).map(|row| row.split(" | ").collect()).collect()
    }

    #[test]
    fn each_kind_has_a_row_in_the_documents_and_each_row_a_kind() {
        let rows = documented();
        for kind in &KINDS {
            let told_by = format!("`{}`", kind.told_by);
            let row = rows.iter().find(|row| row[2] == told_by).unwrap_or_else(|| panic!("no row is told by {told_by}"));
            assert!(kind.names.iter().all(|name| row[0].contains(name)), "{told_by}: {:?} are not in {row:?}", kind.names);
        }
        for row in &rows {
            let is_a_kind = KINDS.iter().any(|kind| row[2] == format!("`{}`", kind.told_by));
            assert!(row.len() == 5 && (is_a_kind || row[2].starts_with("`--token-logit ID`")), "{row:?}");
        }
    }

    #[test]
    fn heads_are_told_from_what_a_language_model_has() {
        for name in [
            "v_head.summary.weight",
            "score.weight",
            "score.0.bias",
            "gating.layers.0.weight",
            "value_head.weight",
            "regression_head.weight",
            "reward_head.weight",
            "rm_head.bias",
            "pretrained_model.critic.weight",
            "classifier.dense.weight",
            "model.classification_head.weight",
            "cls.weight",
            "value.weight",
            "V_Head.weight",
        ] {
            assert!(resembles_a_head(name), "{name}");
        }
        for name in [
            "lm_head.weight",
            "lm_head.bias",
            "model.embed_tokens.weight",
            "model.norm.weight",
            "model.rotary_emb.inv_freq",
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            "model.layers.11.attn.head_gate.weight",
            "blk.3.attn_score.weight",
            "vision_tower.vision_model.head.mlp.fc1.weight",
            "medusa_head.0.linear.weight",
            "rope_freqs.weight",
        ] {
            assert!(!resembles_a_head(name), "{name}");
        }
    }
}
