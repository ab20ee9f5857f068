//! The loaded model that is checked: what it scores in several ways, and what its files say.

use std::sync::Arc;

use super::Fact;
use super::words::{PROMPTS, WORDS};
use crate::base::text;
use crate::engine::batch::Batches;
use crate::engine::scorer::Scorer;
use crate::model::device::Compute;
use crate::model::format::files::{Files, SourceLabel};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, LoadOptions, ModelError, PublishedDtype};

/// How words are put to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// All words behind one prefix, as the explorer does.
    Together,
    /// Each word in a run of its own.
    Single,
    /// Each whole conversation in one forward, nothing reused.
    Whole,
}

/// A loaded model under test.
pub(super) struct Subject(Scorer);

impl Subject {
    /// Loads the model; `progress` gets the bytes that have been read and those of all weights.
    ///
    /// # Errors
    /// As [`Scorer::load`].
    pub(super) fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        Scorer::load(files, label, options, &mut |done, total, _| progress(done, total), cancel).map(Subject)
    }

    /// What the model is computed in; a loaded model states it.
    pub(super) fn dtype(&self) -> Compute {
        self.0.model.info().provenance.dtype.known().copied().unwrap_or(Compute::F32)
    }

    /// One reward a word, in order; NaN for a word that cannot be scored.
    pub(super) fn scores(&self, prompt: &str, words: &[&str], grouping: Grouping) -> Result<Vec<f32>, ModelError> {
        let mut scores = Vec::with_capacity(words.len());
        let in_a_run = if grouping == Grouping::Together { words.len().max(1) } else { 1 };
        for words in words.chunks(in_a_run) {
            let job = Scorer::job(prompt.into(), words.iter().map(|word| Arc::from(*word)));
            let batches = if grouping == Grouping::Whole { Batches::whole(job) } else { Batches::new(job) };
            let first = scores.len();
            scores.resize(first + words.len(), f32::NAN);
            self.0.run(batches, |step| step.scores.iter().for_each(|(word, score)| scores[first + word.0 as usize] = *score))?;
        }
        Ok(scores)
    }

    pub(super) fn facts(&self, rounding: Option<PublishedDtype>) -> Vec<Fact> {
        let info = self.0.model.info();
        let p = &info.provenance;
        let fact = |what, found: String| Fact { what, found };
        let mut facts = vec![
            fact("source", p.source.clone() + &p.revision.as_deref().map(|r| format!("@{r}")).unwrap_or_default()),
            fact("architecture", p.architecture.clone()),
            fact("parameters", text::count(p.parameters as usize)),
            fact("head", p.head.clone()),
            fact("computed in", format!("{} on {}", p.dtype, p.device)),
            fact("dtype", p.dtype_reason.clone()),
            fact(
                "memory",
                format!("{} for the weights; {} before it was loaded", text::bytes(info.memory_bytes), self.0.fit.describe()),
            ),
            fact("loaded in", format!("{:.1} s", self.0.load_seconds)),
            fact("template", p.template.clone()),
            fact("BOS", format!("{}: {}", p.bos, self.beginnings())),
        ];
        facts.extend(p.policies.facts().into_iter().map(|policy| fact("policy", policy)));
        facts.extend(rounding.map(|dtype| fact("policy", format!("rounded to {dtype}, against published scores alone"))));
        facts.extend(p.policies.notes.iter().map(|note| fact("note", note.clone())));
        facts
    }

    /// How many BOS a text really starts with.
    fn beginnings(&self) -> String {
        let (prompt, word) = (PROMPTS[0].1, WORDS[0].1);
        let ids = match &self.0.model {
            LoadedModel::Reward(model) => model.tokenizer.encode(prompt, word),
            LoadedModel::Language(model) => model.tokenizer.ids_before(model.form, prompt),
        };
        let tokenizer = self.0.model.tokenizer();
        let Some(bos) = tokenizer.bos() else { return "this tokenizer has no such token".to_owned() };
        let found = ids.unwrap_or_default().iter().take_while(|id| **id == bos).count();
        format!("texts start with {found} of token {bos} ({})", tokenizer.token_text(bos))
    }
}
