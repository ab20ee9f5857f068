//! Tokens already run, kept from one batch to the next: the prefix that conversations share, and behind it the path of the
//! word that ran last.
//!
//! Words run in order of their ids. A batch is bounded, so it ends among words that begin alike; those of the next batch
//! find what they share with the last one here and do not run it again.

use std::collections::BTreeSet;

use candle_core::Tensor;

use crate::model::decoder::{Cache, Decoder, Nodes};
use crate::model::{Cancel, ModelError};

/// One chain of tokens from the start of a conversation, with their keys and values.
pub struct Prefix {
    tokens: Vec<u32>,
    cache: Cache,
    /// Positions at which a head's gate has read, with their hidden states `[1, hidden_size]`.
    gates: Vec<(usize, Tensor)>,
}

impl Prefix {
    /// The hidden state at a position where a gate reads, `[1, hidden_size]`.
    pub(super) fn gate(&self, position: usize) -> Option<&Tensor> {
        self.gates.iter().find(|(at, _)| *at == position).map(|(_, hidden)| hidden)
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How many of the first `ids` are held.
    pub(super) fn held(&self, ids: &[u32]) -> usize {
        self.tokens.iter().zip(ids).take_while(|(a, b)| a == b).count()
    }

    /// Makes `prefix` begin with `tokens`, and hold the hidden states at the positions `gates` among them, running only what
    /// it does not hold yet; tells how many tokens that were. What it holds behind them stays.
    pub(super) fn bring(
        prefix: &mut Option<Prefix>,
        decoder: &Decoder,
        tokens: &[u32],
        gates: &BTreeSet<usize>,
        cancel: &Cancel,
    ) -> Result<usize, ModelError> {
        let held = prefix.as_ref().map_or(0, |prefix| prefix.held(tokens));
        let known = |at: &usize| prefix.as_ref().is_some_and(|prefix| *at < held && prefix.gate(*at).is_some());
        let missing = gates.iter().copied().filter(|at| !known(at));
        let (rerun, ahead): (Vec<usize>, Vec<usize>) = missing.partition(|at| *at < held);
        if held == tokens.len() && rerun.is_empty() && ahead.is_empty() {
            return Ok(0);
        }
        let mut states = Vec::new();
        // Keys and values are there, the hidden state is not: one token runs again behind those before it.
        for &at in &rerun {
            let cache = prefix.as_ref().map(Prefix::cache);
            states.push((at, decoder.forward(&Nodes::chain(&tokens[at..=at], at), cache, &[0], false, cancel)?.hidden));
        }
        // A state depends on nothing behind it, so what stands before the place where the prompts part stays true.
        let mut next = match prefix.take() {
            Some(prefix) if held == tokens.len() => Some(prefix),
            Some(Prefix { cache, gates, .. }) if held > 0 => {
                Some(Prefix { tokens: tokens[..held].to_vec(), cache: cache.truncate(held)?, gates })
            }
            _ => None,
        };
        if let Some(prefix) = &mut next {
            prefix.gates.retain(|(at, _)| *at < held && gates.contains(at));
        }
        if held < tokens.len() {
            let reads: Vec<u32> = ahead.iter().map(|at| (at - held) as u32).collect();
            let chain = Nodes::chain(&tokens[held..], held);
            let output = decoder.forward(&chain, next.as_ref().map(Prefix::cache), &reads, true, cancel)?;
            for (row, at) in ahead.into_iter().enumerate() {
                states.push((at, output.hidden.narrow(0, row, 1)?));
            }
            extend(&mut next, held, &tokens[held..], output.cache)?;
        }
        if let Some(prefix) = &mut next {
            prefix.gates.extend(states);
        }
        *prefix = next;
        Ok(rerun.len() + tokens.len() - held)
    }
}

/// Puts the tokens that were run behind the first `start` in the place of those that stood there.
pub(super) fn extend(
    prefix: &mut Option<Prefix>,
    start: usize,
    tokens: &[u32],
    run: Option<Cache>,
) -> Result<(), candle_core::Error> {
    let Some(run) = run else { return Ok(()) };
    *prefix = Some(match prefix.take() {
        Some(Prefix { tokens: mut held, cache, mut gates }) if start > 0 => {
            held.truncate(start);
            held.extend(tokens);
            gates.retain(|(at, _)| *at < start);
            Prefix { tokens: held, cache: cache.truncate(start)?.append(&run)?, gates }
        }
        _ => Prefix { tokens: tokens.to_vec(), cache: run, gates: Vec::new() },
    });
    Ok(())
}
