//! One job on one loaded model, in steps short enough to be cancelled between.
//!
//! A step tokenizes if it must, brings the shared prefix up to date, runs one forest of nodes and reads its rewards, or
//! by `likelihood` its log-probabilities. The prefix outlives the job: the next prompt reuses what it has in common.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::plan::{Forest, common_prefix};
use super::{Job, WordTokens, likelihood};
use crate::model::checkpoint::{LoadedModel, RewardModel};
use crate::model::continuation::Continuation;
use crate::model::decoder::{Cache, Decoder, Nodes};
use crate::model::language::LanguageModel;
use crate::model::{Cancel, ModelError};
use crate::scores::WordId;

/// Words tokenized at a time: enough to share prefixes and nodes, few enough that memory stays flat.
const WORDS_TOKENIZED: usize = 4096;
/// Nodes of a first batch: small, so that words appear at once.
pub(super) const FIRST_NODES: usize = 24;
pub(super) const MOST_NODES: usize = 512;
/// A batch that is quicker is doubled, one that is slower halved.
const QUICK: Duration = Duration::from_millis(60);
const SLOW: Duration = Duration::from_millis(600);

/// Tokens already run, with their keys and values.
pub struct Prefix {
    tokens: Vec<u32>,
    cache: Cache,
    /// Positions at which a head's gate has read, with their hidden states `[1, hidden_size]`.
    gates: Vec<(usize, Tensor)>,
}

impl Prefix {
    fn gate(&self, position: usize) -> Option<&Tensor> {
        self.gates.iter().find(|(at, _)| *at == position).map(|(_, hidden)| hidden)
    }
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct Step {
    pub scores: Vec<(WordId, f32)>,
    /// Tokens of the conversations scored, where the job asks for them.
    pub tokens: Vec<(WordId, WordTokens)>,
    /// Words that cannot be scored, with the reason.
    pub unscorable: Vec<(WordId, String)>,
    /// Tokens that ran: nodes of the batch, and what the prefix lacked.
    pub tokens_run: usize,
}

pub struct Batches {
    job: Job,
    /// Words of the job already tokenized.
    tokenized: usize,
    /// Tokenized, not yet run; sorted by ids so that neighbours share nodes.
    waiting: VecDeque<(WordId, Continuation)>,
    /// Tokens of the prefix of those that wait.
    shared: usize,
    /// Positions within it at which a head's gate reads: none, or one, for all words open their answer there.
    gates: BTreeSet<usize>,
    nodes: usize,
    /// Whole conversations are run, without a prefix.
    whole: bool,
}

impl Batches {
    pub fn new(job: Job) -> Self {
        Batches {
            job,
            tokenized: 0,
            waiting: VecDeque::new(),
            shared: 0,
            gates: BTreeSet::new(),
            nodes: FIRST_NODES,
            whole: false,
        }
    }

    /// The same without a shared prefix: slow, and the plainest way to the same rewards.
    pub fn whole(job: Job) -> Self {
        Batches { whole: true, ..Self::new(job) }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.tokenized == self.job.words.len()
    }

    /// True where going on with this job does all that `other` asks for, and nothing that it does not.
    pub fn is_for(&self, other: &Job) -> bool {
        if (self.job.model, self.job.prompt, self.job.tokens) != (other.model, other.prompt, other.tokens) {
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

    /// No batch shall have more nodes than this, but for those of one word.
    pub fn limit(&mut self, nodes: usize) {
        self.nodes = self.nodes.min(nodes);
    }

    /// Words that have been neither scored nor given up.
    pub fn remaining(&self) -> usize {
        self.waiting.len() + self.job.words.len() - self.tokenized
    }

    /// Runs one batch. After an error other than [`ModelError::Cancelled`] the job must be dropped; a cancelled step can
    /// be taken again.
    pub fn step(&mut self, model: &LoadedModel, prefix: &mut Option<Prefix>, cancel: &Cancel) -> Result<Step, ModelError> {
        let mut step = Step::default();
        if let (LoadedModel::Language(language), false) = (model, self.job.token_ids.is_empty()) {
            return self.vocabulary(language, prefix, cancel);
        }
        if self.waiting.is_empty() {
            self.tokenize(model, &mut step, cancel)?;
        }
        let Some((_, first)) = self.waiting.front() else { return Ok(step) };
        step.tokens_run += bring(model.decoder(), prefix, &first.ids[..self.shared], &self.gates, cancel)?;
        let prefix = prefix.as_ref();
        let cache = prefix.map(|p| &p.cache).filter(|c| !c.is_empty());

        let started = Instant::now();
        let waiting = self.waiting.iter().map(|(_, words)| words);
        let (results, nodes) = match model {
            LoadedModel::Reward(model) => rewards(model, waiting, self.shared, self.nodes, prefix, cancel)?,
            LoadedModel::Language(model) => likelihood::run(model, waiting, self.shared, self.nodes, cache, cancel)?,
        };
        step.tokens_run += nodes;
        let elapsed = started.elapsed();
        if elapsed < QUICK {
            self.nodes = (self.nodes * 2).min(MOST_NODES);
        } else if elapsed > SLOW {
            self.nodes = (self.nodes / 2).max(FIRST_NODES);
        }
        let done: Vec<_> = self.waiting.drain(..results.len()).collect();
        for ((word, asked), result) in done.into_iter().zip(results) {
            if !result.score.is_finite() {
                return Err(self.not_finite(model, word, result.score));
            }
            step.scores.push((word, result.score));
            if self.job.tokens {
                let Continuation { ids, merged, .. } = asked;
                step.tokens.push((word, WordTokens { ids, merged, log_probabilities: result.log_probabilities }));
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
                step.tokens_run += 1 + bring(&model.decoder, prefix, held, &BTreeSet::new(), cancel)?;
                let cache = prefix.as_ref().map(|p| &p.cache).filter(|c| !c.is_empty());
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
                step.tokens.push((*word, WordTokens { ids, log_probabilities: vec![value], merged: false }));
            }
        }
        self.tokenized = self.job.words.len();
        Ok(step)
    }

    fn tokenize(&mut self, model: &LoadedModel, step: &mut Step, cancel: &Cancel) -> Result<(), ModelError> {
        let end = (self.tokenized + WORDS_TOKENIZED).min(self.job.words.len());
        let words = &self.job.words[self.tokenized..end];
        let texts: Vec<&str> = words.iter().map(|(_, text)| &**text).collect();
        let prompt = &self.job.prompt_text;
        let asked = match model {
            LoadedModel::Reward(model) => {
                let whole = |ids: Vec<u32>| {
                    model.gate_position(&ids)?;
                    Ok(Continuation { word: ids.len(), ids, merged: false })
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
        // What is read stands behind the prefix: a conversation's last token, or the one before a word's first.
        let shared = common_prefix(encoded.iter().map(|(_, asked)| &asked.ids[..asked.word]));
        self.shared = if self.whole { 0 } else { shared };
        self.gates.clear();
        if let LoadedModel::Reward(model) = model {
            for (_, asked) in &encoded {
                self.gates.extend(model.gate_position(&asked.ids)?.filter(|position| *position < self.shared));
            }
        }
        self.waiting = encoded.into();
        self.tokenized = end;
        Ok(())
    }

    fn not_finite(&self, model: &LoadedModel, word: WordId, value: f32) -> ModelError {
        let text = self.job.words.iter().find(|(id, _)| *id == word).map_or("", |(_, text)| text);
        ModelError::NotFinite {
            model: model.info().provenance.source.clone(),
            word: text.to_owned(),
            prompt: self.job.prompt_text.to_string(),
            value,
            next: "Try --dtype f32; if it stays, the checkpoint is damaged".to_owned(),
        }
    }
}

/// What one word came to.
pub(super) struct Scored {
    pub(super) score: f32,
    /// Of each of its tokens, by a language model.
    pub(super) log_probabilities: Vec<f32>,
}

/// Rewards of as many conversations as make a forest of `nodes`, each read at its last token, and where a gate reads.
fn rewards<'a>(
    model: &RewardModel,
    waiting: impl Iterator<Item = &'a Continuation>,
    shared: usize,
    nodes: usize,
    prefix: Option<&Prefix>,
    cancel: &Cancel,
) -> Result<(Vec<Scored>, usize), ModelError> {
    let mut forest = Forest::new(shared);
    let (mut reads, mut gates) = (Vec::new(), Vec::new());
    for Continuation { ids, .. } in waiting {
        let path = forest.path(&ids[shared..])?;
        reads.extend(path.last());
        gates.extend(model.gate_position(ids)?.map(|at| match at.checked_sub(shared) {
            None => Gate::InPrefix(at),
            Some(behind) => Gate::InForest(path[behind]),
        }));
        if forest.nodes().len() >= nodes {
            break;
        }
    }
    let words = reads.len();
    reads.extend(gates.iter().filter_map(Gate::node));
    let cache = prefix.map(|p| &p.cache).filter(|c| !c.is_empty());
    let hidden = model.decoder.forward(forest.nodes(), cache, &reads, false, cancel)?.hidden;
    let gate = gate_states(&gates, prefix, &hidden, words)?;
    let rewards = model.published(model.head.rewards(&hidden.narrow(0, 0, words)?, gate.as_ref())?)?;
    let scored = rewards.into_iter().map(|score| Scored { score, log_probabilities: Vec::new() }).collect();
    Ok((scored, forest.nodes().len()))
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

/// Makes `prefix` hold exactly `tokens`, and the hidden states at the positions `gates`, running only what it does not
/// hold yet; tells how many tokens that were.
fn bring(
    decoder: &Decoder,
    prefix: &mut Option<Prefix>,
    tokens: &[u32],
    gates: &BTreeSet<usize>,
    cancel: &Cancel,
) -> Result<usize, ModelError> {
    let held = prefix.as_ref().map_or(0, |p| p.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count());
    if let Some(p) = prefix.as_ref()
        && p.tokens.len() == tokens.len()
        && held == tokens.len()
        && gates.iter().all(|at| p.gate(*at).is_some())
    {
        return Ok(0);
    }
    let (kept, mut states) = match prefix.take() {
        // A state depends on nothing behind it, so those before the place where the prompts part stay true.
        Some(p) if held > 0 => (Some(p.cache.truncate(held)?), p.gates),
        _ => (None, Vec::new()),
    };
    states.retain(|(at, _)| *at < held && gates.contains(at));
    let missing = gates.iter().copied().filter(|at| !states.iter().any(|(known, _)| known == at));
    let (rerun, ahead): (Vec<usize>, Vec<usize>) = missing.partition(|at| *at < held);
    let run = rerun.len() + tokens.len() - held;
    // Keys and values are there, the hidden state is not: one token runs again behind those before it.
    for at in rerun {
        let before = kept.as_ref().map(|cache| cache.truncate(at)).transpose()?.filter(|cache| !cache.is_empty());
        let hidden = decoder.forward(&Nodes::chain(&tokens[at..=at], at), before.as_ref(), &[0], false, cancel)?.hidden;
        states.push((at, hidden));
    }
    let cache = if held == tokens.len() {
        kept
    } else {
        let chain = Nodes::chain(&tokens[held..], held);
        let reads: Vec<u32> = ahead.iter().map(|at| (at - held) as u32).collect();
        let output = decoder.forward(&chain, kept.as_ref(), &reads, true, cancel)?;
        for (row, at) in ahead.into_iter().enumerate() {
            states.push((at, output.hidden.narrow(0, row, 1)?));
        }
        match (kept, output.cache) {
            (Some(kept), Some(next)) => Some(kept.append(&next)?),
            (_, next) => next,
        }
    };
    *prefix = cache.map(|cache| Prefix { tokens: tokens.to_vec(), cache, gates: states });
    Ok(run)
}
