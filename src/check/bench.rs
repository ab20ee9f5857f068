//! A loaded model and the ways in which it can be asked the same thing.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::Fact;
use super::words::{PROMPTS, WORDS};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::base::text;
use crate::engine::batch::Batches;
use crate::engine::fit::BatchLimit;
use crate::engine::{Fit, Job};
use crate::model::device::Compute;
use crate::model::format::files::{Files, SourceLabel};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, LoadOptions, ModelError, PublishedDtype};

/// How words are put to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// All words behind one prefix, as the explorer does.
    Together,
    /// Each word in a run of its own.
    Single,
    /// Each whole conversation in one forward, nothing reused.
    Whole,
}

pub(super) struct Bench {
    model: LoadedModel,
    fit: Fit,
    room: Cell<BatchLimit>,
    cancel: Cancel,
    seconds: f64,
}

impl Bench {
    /// Fails also where the model does not fit into memory, before any of it is read.
    pub(super) fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let fit = Fit::now(&label.name, files, options)?;
        let started = Instant::now();
        let model = LoadedModel::load(files, label, options, progress, cancel)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Bench { model, fit, room: Cell::new(BatchLimit::of(&fit)), cancel: cancel.clone(), seconds })
    }

    /// What the model is computed in; a loaded model states it.
    pub(super) fn dtype(&self) -> Compute {
        self.model.info().provenance.dtype.known().copied().unwrap_or(Compute::F32)
    }

    /// One reward a word, in order; NaN for a word that cannot be scored.
    pub(super) fn scores(&self, prompt: &str, words: &[&str], way: Way) -> Result<Vec<f32>, ModelError> {
        let mut scores = vec![f32::NAN; words.len()];
        let words: Vec<(WordId, Arc<str>)> = (0..).zip(words).map(|(at, word)| (WordId(at), Arc::from(*word))).collect();
        let runs = if way == Way::Together { vec![words] } else { words.into_iter().map(|word| vec![word]).collect() };
        for words in runs {
            let job = Job {
                model: ModelId(0),
                prompt: PromptId(0),
                prompt_text: prompt.into(),
                words,
                token_ids: Vec::new(),
                tokens: false,
            };
            let mut batches = if way == Way::Whole { Batches::whole(job) } else { Batches::new(job) };
            let mut prefix = None;
            while !batches.is_done() {
                let mut room = self.room.get();
                let step = room.run(&mut batches, |batches| batches.step(&self.model, &mut prefix, &self.cancel));
                self.room.set(room);
                for (word, score) in step?.scores {
                    scores[word.0 as usize] = score;
                }
            }
        }
        Ok(scores)
    }

    pub(super) fn facts(&self, rounding: Option<PublishedDtype>) -> Vec<Fact> {
        let info = self.model.info();
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
                format!("{} for the weights; {} before it was loaded", text::bytes(info.memory_bytes), self.fit.describe()),
            ),
            fact("loaded in", format!("{:.1} s", self.seconds)),
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
        let ids = match &self.model {
            LoadedModel::Reward(model) => model.tokenizer.encode(prompt, word),
            LoadedModel::Language(model) => model.tokenizer.ids_before(model.form, prompt),
        };
        let tokenizer = self.model.tokenizer();
        let Some(bos) = tokenizer.bos() else { return "this tokenizer has no such token".to_owned() };
        let found = ids.unwrap_or_default().iter().take_while(|id| **id == bos).count();
        format!("texts start with {found} of token {bos} ({})", tokenizer.token_text(bos))
    }
}
