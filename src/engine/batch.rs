//! One job on one loaded model, in steps short enough to be cancelled between.
//!
//! A step tokenizes if it must, brings the shared prefix up to date, runs one forest of nodes and reads its rewards, or
//! by `likelihood` its log-probabilities. The prefix outlives the job: the next prompt reuses what it has in common, and the
//! next batch what its words share with the last one of this.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::plan::{Forest, common_prefix};
pub use super::prefix::Prefix;
use super::prefix::extend;
use super::{Job, Readings, WordTokens, likelihood, readings};
use crate::base::remedy::Remedy;
use crate::base::terms::WordId;
use crate::engine::plan::{Last, Scored};
use crate::model::checkpoint::RewardModel;
use crate::model::decoder::Wanted;
use crate::model::language::LanguageModel;
use crate::model::loaded::LoadedModel;
use crate::model::text::continuation::Continuation;
use crate::model::text::tokenizer::ChatTokenizer;
use crate::model::{Cancel, ModelError};
use crate::tables::long::IndexedToken;

/// Words tokenized at a time, for only these share prefix and nodes: lists at once, of a vocabulary a few so that scores
/// appear, and then all that is left. Kept ids of so many take some tens of megabytes.
const WORDS_AT_ONCE: usize = 4096;
const FIRST_WORDS: usize = 256;
const MOST_WORDS: usize = 1 << 18;
/// Words that are asked for in the store before they are run.
const WORDS_AHEAD: usize = 4096;
/// Nodes of a first batch: small, so that words appear at once.
pub(super) const FIRST_NODES: usize = 24;
/// Nodes of the largest batch.
pub const MOST_NODES: usize = 512;
/// What a batch should take: long enough that weights are read for many rows, short enough that words keep coming.
const PACE: Duration = Duration::from_millis(800);
/// A batch has at most so many times the nodes of the one before it, and at least this share of them.
const CHANGE: (f64, f64) = (0.5, 4.0);

/// What a step brought.
#[derive(Debug, Default)]
pub struct Step {
    /// Of the words that were scored: the reward, or the log-probability in nats.
    pub scores: Vec<(WordId, f32)>,
    /// Tokens and readings of the conversations scored, where the job asks for them.
    pub tokens: Vec<(WordId, WordTokens)>,
    /// Words that cannot be scored, with the reason.
    pub unscorable: Vec<(WordId, String)>,
    /// Tokens that ran: the nodes of the batch, and the tokens that the prefix did not hold yet.
    pub tokens_run: usize,
}

/// A job that is run batch by batch.
pub struct Batches {
    job: Job,
    /// Words of the job already tokenized.
    tokenized: usize,
    /// Tokenized, not yet run; sorted by ids so that neighbours share nodes.
    waiting: VecDeque<(WordId, Continuation)>,
    /// Tokens of the prefix of those that wait.
    shared: usize,
    /// Positions within it whose hidden states are read: by a head's gate (none, or one, for all words open their answer
    /// there), or all of them for rewards at every token.
    gates: BTreeSet<usize>,
    nodes: usize,
    /// No forward has more nodes than this, but for those of one word.
    most: usize,
    /// Nodes of the forward that was begun last.
    begun: usize,
    /// Whole conversations are run, without a prefix.
    whole: bool,
}

/// The token that a reward is read at, where it is not the last one.
pub(super) fn read_token(tokenizer: &ChatTokenizer, ids: &[u32]) -> Option<IndexedToken> {
    let index = Some(tokenizer.read_at(ids)).filter(|at| at + 1 < ids.len())?;
    Some(IndexedToken { index, text: tokenizer.token_text(ids[index]) })
}

impl Batches {
    /// A job of which nothing has run.
    pub fn new(job: Job) -> Self {
        Batches {
            job,
            tokenized: 0,
            waiting: VecDeque::new(),
            shared: 0,
            gates: BTreeSet::new(),
            nodes: FIRST_NODES,
            most: MOST_NODES,
            begun: 0,
            whole: false,
        }
    }

    /// The same without a shared prefix: slow, and the plainest way to the same rewards.
    pub fn whole(job: Job) -> Self {
        Batches { whole: true, ..Self::new(job) }
    }

    /// The job, without words whose scores came from elsewhere.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Whether every word has been scored or given up.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.tokenized == self.job.words.len()
    }

    /// True where going on with this job does all that `other` asks for, and nothing that it does not.
    pub fn is_for(&self, other: &Job) -> bool {
        let asked = |job: &Job| (job.model, job.prompt, job.tokens, job.read_tokens, job.readings);
        if asked(&self.job) != asked(other) {
            return false;
        }
        let ids = |job: &Job| job.words.iter().map(|(word, _)| *word).collect::<HashSet<_>>();
        let (mine, theirs) = (ids(&self.job), ids(other));
        let untokenized = self.job.words[self.tokenized..].iter().map(|(word, _)| word);
        theirs.is_subset(&mine) && self.waiting.iter().map(|(word, _)| word).chain(untokenized).all(|word| theirs.contains(word))
    }

    /// Nodes of the next batch, whatever its pace suggests.
    pub fn set_nodes(&mut self, nodes: usize) {
        self.nodes = nodes;
    }

    /// Nodes that the next batch is to have.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// No forward shall have more nodes than this, but for those of one word: neither a batch nor a piece of the prefix.
    pub fn limit(&mut self, nodes: usize) {
        self.most = nodes.clamp(1, MOST_NODES);
        self.nodes = self.nodes.min(nodes);
        self.begun = self.nodes;
    }

    /// Nodes of the forward that the last step ended in.
    pub(super) fn begun(&self) -> usize {
        self.begun
    }

    /// Whether the words that come next have not been tokenized yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Words that come next, in no order: those tokenized already, or those that will be.
    pub(super) fn ahead(&self) -> HashSet<WordId> {
        if self.waiting.is_empty() {
            return self.job.words[self.window()].iter().map(|(word, _)| *word).take(WORDS_AHEAD).collect();
        }
        self.waiting.iter().map(|(word, _)| *word).take(WORDS_AHEAD).collect()
    }

    /// Of the job's words, those that are tokenized next.
    fn window(&self) -> Range<usize> {
        let left = self.job.words.len() - self.tokenized;
        let many = match self.tokenized {
            _ if left <= WORDS_AT_ONCE => left,
            0 => FIRST_WORDS,
            _ => left.min(MOST_WORDS),
        };
        self.tokenized..self.tokenized + many
    }

    /// Leaves out words whose scores have come from elsewhere.
    pub(super) fn leave_out(&mut self, known: &HashSet<WordId>) {
        self.waiting.retain(|(word, _)| !known.contains(word));
        let is_left = |at: usize, word: &WordId| at < self.tokenized || !known.contains(word);
        let left: Vec<usize> = (0..self.job.words.len()).filter(|&at| is_left(at, &self.job.words[at].0)).collect();
        if left.len() == self.job.words.len() {
            return;
        }
        self.job.words = left.iter().map(|&at| self.job.words[at].clone()).collect();
        if !self.job.token_ids.is_empty() {
            self.job.token_ids = left.iter().map(|&at| self.job.token_ids[at]).collect();
        }
    }

    /// Words that have been neither scored nor given up.
    pub fn remaining(&self) -> usize {
        self.waiting.len() + self.job.words.len() - self.tokenized
    }

    /// Runs one batch.
    ///
    /// # Errors
    /// Words without a token, rewards that are no numbers, and whatever candle refuses. After an error other than
    /// [`ModelError::Cancelled`] the job must be dropped; a cancelled step can be taken again.
    pub fn step(&mut self, model: &LoadedModel, prefix: &mut Option<Prefix>, cancel: &Cancel) -> Result<Step, ModelError> {
        let mut step = Step::default();
        readings::allow(self.job.readings, model)?;
        if let (LoadedModel::Language(language), false) = (model, self.job.token_ids.is_empty()) {
            return self.vocabulary(language, prefix, cancel);
        }
        if self.waiting.is_empty() {
            self.tokenize(model, &mut step, cancel)?;
        }
        let Some((_, first)) = self.waiting.front() else { return Ok(step) };
        let shared = &first.ids[..self.shared];
        let mut nothing = None;
        let prefix = if self.whole { &mut nothing } else { prefix };
        self.begun = self.most.min(shared.len());
        step.tokens_run += Prefix::bring(prefix, model.decoder(), shared, &self.gates, self.most, cancel)?;
        self.begun = self.nodes;

        let started = Instant::now();
        let waiting = self.waiting.iter().map(|(_, words)| words);
        let (results, last) = match model {
            LoadedModel::Reward(model) => {
                let asked = (self.shared, self.nodes, self.job.readings);
                rewards(model, waiting, asked, prefix.as_ref(), cancel)?
            }
            LoadedModel::Language(model) => likelihood::run(model, waiting, self.nodes, prefix.as_ref(), cancel)?,
        };
        step.tokens_run += last.nodes;
        let factor = PACE.as_secs_f64() / started.elapsed().as_secs_f64().max(1e-6);
        self.nodes = (self.nodes as f64 * factor.clamp(CHANGE.0, CHANGE.1)) as usize;
        self.nodes = self.nodes.clamp(FIRST_NODES, MOST_NODES);
        extend(prefix, last.start, &last.tokens, last.cache)?;
        let done: Vec<_> = self.waiting.drain(..results.len()).collect();
        for ((word, asked), result) in done.into_iter().zip(results) {
            if !result.score.is_finite() {
                return Err(self.not_finite(model, word, result.score));
            }
            step.scores.push((word, result.score));
            let is_reward = matches!(model, LoadedModel::Reward(_));
            let read_token = read_token(model.tokenizer(), &asked.ids).filter(|_| is_reward);
            if !self.job.wants_scores_alone() || self.job.read_tokens && read_token.is_some() {
                let Scored { token_rewards, layer_rewards, log_probabilities, .. } = result;
                let Continuation { ids, merged, .. } = asked;
                let ids = if self.job.tokens || self.job.readings.by_token { ids } else { Vec::new() };
                let tokens = WordTokens { ids, token_rewards, layer_rewards, log_probabilities, merged, read_token };
                step.tokens.push((word, tokens));
            }
        }
        Ok(step)
    }

    /// Every word of the job from one distribution.
    fn vocabulary(&mut self, model: &LanguageModel, prefix: &mut Option<Prefix>, cancel: &Cancel) -> Result<Step, ModelError> {
        let before = model.tokenizer.ids_before(model.form, &self.job.prompt_text)?;
        let mut step = Step::default();
        let values = match before.split_last() {
            Some((last, held)) => {
                self.begun = self.most.min(held.len());
                step.tokens_run += 1 + Prefix::bring(prefix, &model.decoder, held, &BTreeSet::new(), self.most, cancel)?;
                let cache = prefix.as_ref().map(Prefix::cache);
                likelihood::after(model, cache, held.len(), *last, &self.job.token_ids, cancel)?
            }
            None => Vec::new(),
        };
        let values = values.into_iter().chain(std::iter::repeat(f32::NAN));
        for (((word, text), &token), value) in self.job.words.iter().zip(&self.job.token_ids).zip(values) {
            if !value.is_finite() {
                let why =
                    format!("'{text}' (token {token}) has no probability here: no token stands before it, or no row is its");
                step.unscorable.push((*word, why));
                continue;
            }
            step.scores.push((*word, value));
            if self.job.tokens {
                let ids = before.iter().copied().chain([token]).collect();
                step.tokens.push((*word, WordTokens { ids, log_probabilities: vec![value], ..WordTokens::default() }));
            }
        }
        self.tokenized = self.job.words.len();
        Ok(step)
    }

    fn tokenize(&mut self, model: &LoadedModel, step: &mut Step, cancel: &Cancel) -> Result<(), ModelError> {
        let window = self.window();
        let words = &self.job.words[window.clone()];
        let texts: Vec<&str> = words.iter().map(|(_, text)| &**text).collect();
        let prompt = &self.job.prompt_text;
        let asked = match model {
            LoadedModel::Reward(model) => {
                let whole = |ids: Vec<u32>| {
                    model.gate_position(&ids)?;
                    Ok(Continuation { word: model.tokenizer.read_at(&ids) + 1, ids, merged: false })
                };
                let encoded = model.tokenizer.encode_all(prompt, &texts, cancel)?;
                encoded.into_iter().map(|ids| ids.and_then(whole)).collect()
            }
            LoadedModel::Language(model) => model.tokenizer.continuations(model.form, prompt, &texts, cancel)?,
        };
        let mut encoded = Vec::with_capacity(words.len());
        for ((word, _), asked) in words.iter().zip(asked) {
            match asked {
                Ok(asked) => encoded.push((*word, asked)),
                Err(error) => step.unscorable.push((*word, error.to_string())),
            }
        }
        encoded.sort_by(|a, b| a.1.ids.cmp(&b.1.ids));
        // The token that is read follows the prefix: that of a whole conversation, or the one before a word's first.
        let shared = common_prefix(encoded.iter().map(|(_, asked)| &asked.ids[..asked.word]));
        self.shared = if self.whole { 0 } else { shared };
        self.gates.clear();
        if let LoadedModel::Reward(model) = model {
            for (_, asked) in &encoded {
                self.gates.extend(model.gate_position(&asked.ids)?.filter(|position| *position < self.shared));
            }
            if self.job.readings.by_token {
                self.gates.extend(0..self.shared);
            }
        }
        self.waiting = encoded.into();
        self.tokenized = window.end;
        Ok(())
    }

    fn not_finite(&self, model: &LoadedModel, word: WordId, value: f32) -> ModelError {
        let text = self.job.words.iter().find(|(id, _)| *id == word).map_or("", |(_, text)| text);
        ModelError::NotFinite {
            model: model.info().provenance.source.clone(),
            word: text.to_owned(),
            prompt: self.job.prompt_text.to_string(),
            value,
            next: format!("Try {}; if it stays, the checkpoint is damaged", Remedy::Dtype.with("f32")),
        }
    }
}

/// Rewards of as many conversations as make a forest of `nodes`, each read at its token, and where a gate reads; with the
/// readings asked for.
fn rewards<'a>(
    model: &RewardModel,
    waiting: impl Iterator<Item = &'a Continuation>,
    (shared, nodes, asked): (usize, usize, Readings),
    prefix: Option<&Prefix>,
    cancel: &Cancel,
) -> Result<(Vec<Scored>, Last), ModelError> {
    let mut forest = Forest::default();
    let (mut reads, mut gates, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    let (mut last, mut path): (&[u32], Vec<u32>) = (&[], Vec::new());
    for Continuation { ids, word, .. } in waiting {
        let gate = model.gate_position(ids)?;
        let read = word - 1;
        // The token that is read runs even where the prefix holds it; so does a gate's token. The prefix keeps the last layer's
        // states alone, so a gate that is read after every layer runs as well.
        let must_run = match asked {
            Readings { by_token: true, .. } => shared.min(read),
            Readings { by_layer, .. } => gate.filter(|at| by_layer || *at >= shared).unwrap_or(read).min(read),
        };
        let start = prefix.map_or(0, |prefix| prefix.held(&ids[..must_run]));
        // What follows the token that is read is not run, but where every token is.
        last = if asked.by_token { ids } else { &ids[..=read] };
        path = forest.path(start, &last[start..])?;
        reads.push(path[read - start]);
        let in_prefix = |at: usize| at < shared && !asked.by_layer;
        gates.extend(gate.map(|at| if in_prefix(at) { Gate::InPrefix(at) } else { Gate::InForest(path[at - start]) }));
        if asked.by_token {
            paths.push((start, path.clone(), read));
        }
        if forest.nodes().len() >= nodes {
            break;
        }
    }
    let words = reads.len();
    reads.extend(gates.iter().filter_map(Gate::node));
    let rows = reads.len();
    let by_layer = if asked.by_layer { reads.clone() } else { Vec::new() };
    if asked.by_token {
        reads.extend(0..forest.nodes().len() as u32);
    }
    let wanted = Wanted { reads: &reads, keep: &path, by_layer: &by_layer };
    let output = model.decoder.forward_for(forest.nodes(), prefix.map(Prefix::cache), wanted, cancel)?;
    // Of states `[reads, hidden_size]`: the rewards of the words.
    let read = |states: &Tensor| {
        let gate = gate_states(&gates, prefix, states, words)?;
        model.published(model.head.rewards(&states.narrow(0, 0, words)?, gate.as_ref())?)
    };
    let scores = read(&output.hidden)?;
    let mut scored: Vec<Scored> = scores.into_iter().map(|score| Scored { score, ..Scored::default() }).collect();
    if asked.by_token {
        let before = readings::of_prefix(model, prefix, shared)?;
        let at_nodes = output.hidden.narrow(0, rows, forest.nodes().len())?;
        let at_nodes = model.published(model.head.rewards(&at_nodes, None)?)?;
        for (scored, (start, path, read)) in scored.iter_mut().zip(paths) {
            scored.token_rewards =
                before[..start].iter().copied().chain(path.iter().map(|&node| at_nodes[node as usize])).collect();
            // A sum over more rows may round otherwise on a GPU; the word has one reward.
            scored.score = scored.token_rewards.get(read).copied().unwrap_or(scored.score);
        }
    }
    if asked.by_layer {
        let earlier = output.earlier.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        for (word, scored) in scored.iter_mut().enumerate() {
            scored.layer_rewards = earlier.iter().map(|rewards| rewards[word]).chain([scored.score]).collect();
        }
    }
    let start = last.len() - path.len();
    Ok((scored, Last { nodes: forest.nodes().len(), start, tokens: last[start..].to_vec(), cache: output.cache }))
}

/// Where a word's gate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// At a position that words share: run once a prompt.
    InPrefix(usize),
    /// At a node, where the template opens another answer behind the word.
    InForest(u32),
}

impl Gate {
    fn node(&self) -> Option<u32> {
        match self {
            Gate::InPrefix(_) => None,
            Gate::InForest(node) => Some(*node),
        }
    }
}

/// Hidden states for the gates of all words, `[words, hidden_size]`; `[1, hidden_size]` where they share one, and `None`
/// without a gate. The rows of `hidden` behind the first `words` are those of gates in the forest, in order.
fn gate_states(gates: &[Gate], prefix: Option<&Prefix>, hidden: &Tensor, words: usize) -> Result<Option<Tensor>, ModelError> {
    let in_prefix = |at: usize| {
        let state = prefix.and_then(|prefix| prefix.gate(at)).cloned();
        state.ok_or_else(|| candle_core::Error::msg(format!("the prefix was run without its gate at {at}")))
    };
    match gates {
        [] => Ok(None),
        [Gate::InPrefix(at), rest @ ..] if rest.iter().all(|gate| *gate == Gate::InPrefix(*at)) => Ok(Some(in_prefix(*at)?)),
        gates => {
            let mut row = words;
            let states = gates.iter().map(|gate| match gate {
                Gate::InPrefix(at) => in_prefix(*at),
                Gate::InForest(_) => {
                    row += 1;
                    hidden.narrow(0, row - 1, 1)
                }
            });
            Ok(Some(Tensor::cat(&states.collect::<candle_core::Result<Vec<_>>>()?, 0)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::terms::{ModelId, PromptId};
    use crate::engine::Fit;
    use crate::engine::fit::BatchLimit;

    fn batches() -> Batches {
        let words = ["a", "b", "c", "d"].iter().zip(0..).map(|(word, id)| (WordId(id), (*word).into())).collect();
        let job = Job {
            model: ModelId(0),
            prompt: PromptId(0),
            prompt_text: "p?".into(),
            words,
            token_ids: vec![10, 11, 12, 13],
            tokens: false,
            read_tokens: false,
            readings: Default::default(),
        };
        Batches::new(job)
    }

    fn ids(batches: &Batches) -> Vec<u32> {
        batches.waiting.iter().map(|(word, _)| word.0).collect()
    }

    #[test]
    fn a_prefix_that_is_too_long_for_the_device_is_cut_and_not_the_small_first_batch() {
        let fit = Fit { weights_bytes: 0, working_bytes: 0, free_bytes: None, most_nodes: MOST_NODES };
        let (mut room, mut batches, mut tried) = (BatchLimit::of(&fit), batches(), Vec::new());
        let full = || candle_core::Error::Cuda("CUDA_ERROR_OUT_OF_MEMORY".into()).into();
        let done = room.run(&mut batches, |batches| {
            // As a step begins whose prefix has 400 tokens.
            batches.begun = batches.most.min(400);
            tried.push(batches.begun);
            if batches.begun > 60 { Err(full()) } else { Ok(()) }
        });
        assert!(done.is_ok());
        assert_eq!((tried, batches.nodes()), (vec![400, 200, 100, 50], FIRST_NODES));
    }

    #[test]
    fn a_list_is_tokenized_at_once_and_a_vocabulary_a_little_first() {
        let windows = |words: u32| {
            let mut batches = batches();
            batches.job.words = (0..words).map(|id| (WordId(id), "a".into())).collect();
            let mut lengths = Vec::new();
            while !batches.is_done() {
                let window = batches.window();
                batches.tokenized = window.end;
                lengths.push(window.len());
            }
            lengths
        };
        assert_eq!((windows(0), windows(4096)), (vec![], vec![4096]));
        assert_eq!((windows(4097), windows(128_256)), (vec![256, 3841], vec![256, 128_000]));
        assert_eq!(windows(256 + 262_144 + 4097), [256, 262_144, 4097]);
    }

    #[test]
    fn words_that_come_from_elsewhere_are_left_out_whether_tokenized_or_not() {
        let word = |id: u32| (WordId(id), Continuation { ids: vec![id], word: 0, merged: false });
        let known = HashSet::from([WordId(1), WordId(2)]);
        let mut fresh = batches();
        assert_eq!(fresh.ahead().len(), 4);
        fresh.leave_out(&known);
        assert_eq!((fresh.remaining(), &fresh.job.token_ids), (2, &vec![10, 13]), "each keeps its token");
        let mut begun = batches();
        (begun.tokenized, begun.waiting) = (4, [word(3), word(1), word(0)].into());
        assert_eq!(begun.ahead(), HashSet::from([WordId(0), WordId(1), WordId(3)]));
        begun.leave_out(&known);
        assert_eq!((ids(&begun), begun.job.words.len(), begun.is_done()), (vec![3, 0], 4, false));
        begun.leave_out(&HashSet::from([WordId(0), WordId(3)]));
        assert!(begun.is_done());
    }
}
