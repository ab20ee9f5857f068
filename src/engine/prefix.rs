//! Tokens already run, kept from one batch to the next: the prefix that conversations share, and behind it the path of the
//! word that ran last.
//!
//! Words run in order of their ids. A batch is bounded, so it ends among words that begin alike; those of the next batch
//! find what they share with the last one here and do not run it again.

use std::collections::BTreeSet;
use std::ops::Range;

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

    /// How many of the first `ids` have keys and values here.
    pub(super) fn held(&self, ids: &[u32]) -> usize {
        self.tokens.iter().zip(ids).take_while(|(a, b)| a == b).count()
    }

    /// Makes `prefix` begin with `tokens`, and hold the hidden states at the positions `gates` among them, running only what
    /// it does not hold yet, at most `most` tokens at a time; tells how many tokens that were. What it holds behind them
    /// stays.
    ///
    /// After an error it holds less than before, and nothing that is wrong.
    pub(super) fn bring(
        prefix: &mut Option<Prefix>,
        decoder: &Decoder,
        tokens: &[u32],
        gates: &BTreeSet<usize>,
        most: usize,
        cancel: &Cancel,
    ) -> Result<usize, ModelError> {
        let held = prefix.as_ref().map_or(0, |prefix| prefix.held(tokens));
        let known = |at: &usize| prefix.as_ref().is_some_and(|prefix| *at < held && prefix.gate(*at).is_some());
        let missing: BTreeSet<usize> = gates.iter().copied().filter(|at| !known(at)).collect();
        if held == tokens.len() && missing.is_empty() {
            return Ok(0);
        }
        // Its keys and values are known, but not its hidden state: the token runs again.
        let mut states = Vec::new();
        for &at in missing.range(..held) {
            let cache = prefix.as_ref().map(Prefix::cache);
            states.push((at, decoder.forward(&Nodes::chain(&tokens[at..=at], at), cache, &[0], false, cancel)?.hidden));
        }
        if held < tokens.len() {
            cut(prefix, held)?;
        }
        if let Some(prefix) = prefix {
            prefix.gates.retain(|(at, _)| *at < held && gates.contains(at));
            prefix.gates.append(&mut states);
        }
        for piece in pieces(held..tokens.len(), most) {
            let read: Vec<usize> = missing.range(piece.clone()).copied().collect();
            let reads: Vec<u32> = read.iter().map(|at| (at - piece.start) as u32).collect();
            let chain = Nodes::chain(&tokens[piece.clone()], piece.start);
            let output = decoder.forward(&chain, prefix.as_ref().map(Prefix::cache), &reads, true, cancel)?;
            extend(prefix, piece.start, &tokens[piece], output.cache)?;
            if let Some(prefix) = prefix {
                for (row, at) in read.into_iter().enumerate() {
                    prefix.gates.push((at, output.hidden.narrow(0, row, 1)?));
                }
            }
        }
        Ok(missing.range(..held).count() + tokens.len() - held)
    }
}

/// A range cut so that no piece is longer than `most`, and none is much shorter than the others.
fn pieces(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = range.len().div_ceil(most.max(1));
    let at = move |piece: usize| range.start + range.len() * piece / count.max(1);
    (0..count).map(move |piece| at(piece)..at(piece + 1))
}

/// Keeps only the first `length` tokens. They stay valid, because a state depends only on the tokens before it.
fn cut(prefix: &mut Option<Prefix>, length: usize) -> Result<(), candle_core::Error> {
    if length == 0 {
        *prefix = None;
    }
    if let Some(prefix) = prefix {
        prefix.cache.truncate(length)?;
        prefix.tokens.truncate(length);
        prefix.gates.retain(|(at, _)| *at < length);
    }
    Ok(())
}

/// Replaces everything after the first `start` tokens by the tokens that were just run.
pub(super) fn extend(
    prefix: &mut Option<Prefix>,
    start: usize,
    tokens: &[u32],
    run: Option<Cache>,
) -> Result<(), candle_core::Error> {
    let Some(run) = run else { return Ok(()) };
    cut(prefix, start)?;
    match prefix {
        Some(prefix) => {
            prefix.cache.append(&run)?;
            prefix.tokens.extend(tokens);
        }
        None => *prefix = Some(Prefix { tokens: tokens.to_vec(), cache: run, gates: Vec::new() }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::format::files::{Files, SourceLabel};
    use crate::model::loaded::LoadedModel;
    use crate::model::{Dtype, LoadOptions};
    use crate::sources::bundled;

    #[test]
    fn pieces_are_of_nearly_one_length_and_none_is_too_long() {
        let lengths = |range, most| pieces(range, most).map(|piece| piece.len()).collect::<Vec<_>>();
        assert_eq!(lengths(3..3, 5), [0; 0]);
        assert_eq!(lengths(3..8, 5), [5]);
        assert_eq!(lengths(3..9, 5), [3, 3]);
        assert_eq!(lengths(0..1025, 512), [341, 342, 342]);
        assert_eq!(pieces(2..9, 3).collect::<Vec<_>>(), [2..4, 4..6, 6..9]);
    }

    /// All that a prefix is asked for afterwards: the state of one more token behind it, and those of its gates.
    fn states(decoder: &Decoder, prefix: &Option<Prefix>, gates: &BTreeSet<usize>) -> Vec<u32> {
        let prefix = prefix.as_ref().unwrap();
        let next = Nodes::chain(&[7], prefix.cache.len());
        let state = decoder.forward(&next, Some(&prefix.cache), &[0], false, &Cancel::default()).unwrap().hidden;
        let all = gates.iter().map(|at| prefix.gate(*at).unwrap()).chain([&state]);
        all.flat_map(|state| state.flatten_all().unwrap().to_vec1::<f32>().unwrap()).map(f32::to_bits).collect()
    }

    #[test]
    fn a_prefix_run_in_pieces_is_the_same_to_the_bit() {
        for name in bundled::BUNDLED.map(|model| model.name) {
            for dtype in [Dtype::F32, Dtype::Bf16] {
                let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
                let options = LoadOptions { dtype, ..LoadOptions::default() };
                let (mut progress, cancel) = (|_, _| {}, Cancel::default());
                let model = LoadedModel::load(&files, &SourceLabel::default(), &options, &mut progress, &cancel).unwrap();
                let decoder = model.decoder();
                let tokens: Vec<u32> = (0..700).map(|i| i * 37 % 1000 + 3).collect();
                let gates = BTreeSet::from([0, 4, 5, 511, 512, 699]);
                let brought = |prefix: &mut Option<Prefix>, most| {
                    let run = Prefix::bring(prefix, decoder, &tokens, &gates, most, &cancel).unwrap();
                    (run, states(decoder, prefix, &gates))
                };
                let whole = brought(&mut None, usize::MAX);
                assert_eq!(whole.0, 700);
                for most in [1, 5, 64, 512] {
                    assert_eq!(brought(&mut None, most), whole, "{name} {dtype}: at most {most} at a time");
                }
                // Behind another prompt that begins alike, whose gates are others.
                let mut prefix = None;
                let other = [&tokens[..300], &[9; 50]].concat();
                Prefix::bring(&mut prefix, decoder, &other, &BTreeSet::from([4, 320]), 100, &cancel).unwrap();
                let (run, after) = brought(&mut prefix, 64);
                assert_eq!((run, &after), (402, &whole.1), "{name} {dtype}: two gates run again");
                assert_eq!(brought(&mut prefix, 64), (0, after), "{name} {dtype}: all is there");
            }
        }
    }
}
