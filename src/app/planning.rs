//! Which words are to be scored, by which model, under which prompt, and in what order.

use std::collections::HashSet;

use super::{App, Effect};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::engine::Job;

/// A plan holds at least one job and then as many as fit into this many words; the rest is planned when it is done, so that
/// 54 prompts of a whole vocabulary do not copy millions of words.
const WORDS_IN_A_PLAN: usize = 200_000;

/// What the engine was asked last.
#[derive(Debug)]
pub(super) struct Planned {
    /// None where that is not known any more.
    outline: Option<Vec<Outline>>,
    /// There was more than one plan holds.
    pub(super) more: bool,
}

impl Default for Planned {
    fn default() -> Planned {
        Planned { outline: Some(Vec::new()), more: false }
    }
}

impl Planned {
    /// The engine may have dropped jobs by itself: the next plan is stated whatever the last one was.
    pub(super) fn forget(&mut self) {
        self.outline = None;
    }
}

/// All that a job asks for. Two jobs of as many words are not the same job: the ids say which words, and a token of a
/// vocabulary has another id than the word of the same text.
#[derive(Debug, PartialEq, Eq)]
struct Outline {
    model: ModelId,
    prompt: PromptId,
    words: Vec<WordId>,
    token_ids: Vec<u32>,
}

impl Outline {
    fn new(job: &Job) -> Outline {
        let words = job.words.iter().map(|(word, _)| *word).collect();
        Outline { model: job.model, prompt: job.prompt, words, token_ids: job.token_ids.clone() }
    }
}

impl App {
    /// States the jobs that are wanted now: the model on the screen under the current prompt, the other models under it,
    /// and, where asked for, the other prompts; each only for the words that have no score yet.
    pub(super) fn plan(&mut self) {
        let (jobs, more) = if self.paused { (Vec::new(), false) } else { self.wanted_jobs() };
        let outline: Vec<Outline> = jobs.iter().map(Outline::new).collect();
        self.planned.more = more;
        if self.planned.outline.as_ref() != Some(&outline) {
            self.planned.outline = Some(outline);
            self.effects.push(Effect::Plan(jobs));
        }
    }

    fn wanted_jobs(&self) -> (Vec<Job>, bool) {
        let Some(current) = self.prompt_id() else { return (Vec::new(), false) };
        let focus_first = self.focus.into_iter().chain(self.models.iter().map(|m| m.id).filter(|&id| Some(id) != self.focus));
        let models: Vec<ModelId> = focus_first.filter(|&id| self.model(id).is_some_and(|m| m.is_available())).collect();
        let mut pairs: Vec<(ModelId, PromptId)> = models.iter().map(|&model| (model, current)).collect();
        if self.all_prompts {
            for &model in &models {
                pairs.extend(self.prompts.iter().filter(|p| p.in_set && p.id != current).map(|p| (model, p.id)));
            }
        }
        let order = self.words_in_order();
        let (mut jobs, mut words) = (Vec::new(), 0);
        for job in self.view.controller().first_jobs(self) {
            words += job.words.len();
            jobs.push(job);
        }
        for (model, prompt) in pairs {
            if words >= WORDS_IN_A_PLAN {
                return (jobs, true);
            }
            for job in self.jobs(model, prompt, &order).into_iter().filter(|job| !job.words.is_empty()) {
                words += job.words.len();
                jobs.push(job);
            }
        }
        (jobs, false)
    }

    /// One job for words, and one for tokens of the model's own vocabulary.
    fn jobs(&self, model: ModelId, prompt: PromptId, order: &[usize]) -> [Job; 2] {
        let column = self.score_table.column(model, prompt);
        let none = HashSet::new();
        let unscorable = self.model(model).and_then(|m| m.unscorable.get(&prompt)).unwrap_or(&none);
        let is_missing = |id: WordId| !has(&column, id) && !unscorable.contains(&id);
        let missing = order.iter().copied().filter(|&at| is_missing(self.universe.ids[at]));
        let prompt_text = self.score_table.prompt_text(prompt).clone();
        let empty = Job::new(model, prompt, prompt_text, Vec::new());
        let (mut texts, mut tokens) = (empty.clone(), empty);
        // To another model a token is no more than its text.
        let own = self.vocabulary == Some(model);
        for at in missing {
            let word = (self.universe.ids[at], self.universe.text(at).clone());
            match self.universe.token(at).filter(|_| own) {
                Some(token) => {
                    tokens.words.push(word);
                    tokens.token_ids.push(token);
                }
                None => texts.words.push(word),
            }
        }
        [texts, tokens]
    }

    /// Indices of all words in scoring order: what the user typed first, for that is what they wait for, then the list.
    fn words_in_order(&self) -> Vec<usize> {
        let (listed, all) = (self.universe.listed(), self.universe.len());
        let asked_for: Vec<usize> = self.asked_for.iter().filter_map(|&word| self.universe.index_of(word)).collect();
        let first: HashSet<usize> = asked_for.iter().copied().collect();
        let rest = (0..listed).filter(|at| !first.contains(at));
        (listed..all).chain(asked_for.into_iter().filter(|at| *at < listed)).chain(rest).collect()
    }
}

fn has(column: &[f64], word: WordId) -> bool {
    column.get(word.0 as usize).is_some_and(|score| !score.is_nan())
}
