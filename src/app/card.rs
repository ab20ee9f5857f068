//! The card view: one model's values on a page, among the opened ones, while scores arrive.
//!
//! [`compute`] is pure and runs on a thread of its own. Pairs of answers, where the session has some, are judged by the
//! engine; what is known of them is kept here.

use std::collections::HashMap;
use std::sync::Arc;

use super::list::ListCursor;
use super::pacer::Pacer;
use super::statistics::{Progress, StatisticsRequest, study};
use super::{App, Effect, Model, View, layout};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::engine::Job;
use crate::engine::pairs::PreferencePairs;
use crate::model::Provenance;
use crate::report::card::CardPage;
use crate::stats::card::{Accuracy, Card, CardOptions};

/// Enough for an interval on a screen, few enough that it follows the scores.
const REPLICATES: u32 = 500;
/// Words at either end, as many as a tall screen shows.
const WORDS: usize = 40;

/// What the view shows, and the requests for something newer.
#[derive(Debug, Default)]
pub struct State {
    /// The leaning under the cursor.
    pub axis: ListCursor,
    shown: Option<Arc<CardShown>>,
    /// The model that the newest request is about.
    of: Option<ModelId>,
    pub(super) pacer: Pacer,
    pub(super) pairs: Pairs,
}

/// The pairs of the session, and every model's scores of their answers.
#[derive(Debug, Default)]
pub struct Pairs {
    judging: PreferencePairs,
    scores: HashMap<ModelId, HashMap<(PromptId, WordId), f64>>,
    accuracies: HashMap<ModelId, Judged>,
}

/// How a model judged the pairs so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judged {
    pub accuracy: Option<Accuracy>,
    pub pairs: usize,
    pub of: usize,
}

/// A snapshot of what a card is made of.
#[derive(Clone, Debug)]
pub struct CardRequest {
    pub study: StatisticsRequest,
    /// The model, and its place among those of the study.
    pub model: ModelId,
    pub at: usize,
    pub provenance: Provenance,
}

/// The answer to a [`CardRequest`].
#[derive(Clone, Debug)]
pub struct CardShown {
    pub generation: u64,
    pub model: ModelId,
    /// None as long as no prompt is scored whole.
    pub page: Option<CardPage>,
    pub progress: Progress,
    /// Words of the list that not every model has.
    pub missing: usize,
}

impl CardShown {
    pub fn card(&self) -> Option<&Card> {
        self.page.as_ref().map(|page| &page.card)
    }
}

/// Computes a card. Cost: that of [`stats::card::card`](crate::stats::card::card).
pub fn compute(request: CardRequest) -> CardShown {
    let CardRequest { study: StatisticsRequest { generation, universe, prompts, models, .. }, model, at, provenance } = request;
    let name = models.get(at).map(|model| model.name.clone());
    let (study, progress) = study(&universe, &prompts, models);
    let all = study.words.len();
    let study = study.of_common_words();
    // A model without a whole prompt takes no part.
    let at = study.models.iter().position(|model| Some(&model.name) == name.as_ref());
    let options = CardOptions { replicates: REPLICATES, words: WORDS, ..CardOptions::default() };
    let card = at.and_then(|at| crate::stats::card::card(&study, at, &options));
    let page = card.map(|card| CardPage::new(card, &study, &universe.corpus.name, provenance));
    CardShown { generation, model, page, progress, missing: all - study.words.len() }
}

impl State {
    pub(super) fn with(pairs: Pairs) -> State {
        State { pairs, ..State::default() }
    }

    /// The newest card that has been computed.
    pub fn shown(&self) -> Option<&CardShown> {
        self.shown.as_deref()
    }

    /// How a model judged the pairs; none where the session has none.
    pub fn judged(&self, model: ModelId) -> Option<Judged> {
        let of = self.pairs.judging.len();
        (of > 0).then(|| self.pairs.accuracies.get(&model).copied().unwrap_or(Judged { of, ..Judged::default() }))
    }

    /// Lines of the list of leanings.
    pub fn lines(&self) -> usize {
        self.shown().and_then(CardShown::card).map_or(0, |card| card.axes.len())
    }

    pub(super) fn step(&mut self, by: isize, size: (u16, u16)) {
        let lines = self.lines();
        self.axis.step(by, lines, layout::card(size, lines).axes);
    }
}

impl Pairs {
    pub(super) fn new(judging: PreferencePairs) -> Pairs {
        Pairs { judging, ..Pairs::default() }
    }

    /// Whether a prompt is a question of theirs.
    pub(super) fn asks(&self, prompt: PromptId) -> bool {
        self.judging.asks(prompt)
    }

    pub(super) fn insert(&mut self, model: ModelId, prompt: PromptId, scores: &[(WordId, f32)]) {
        let known = self.scores.entry(model).or_default();
        known.extend(scores.iter().map(|(word, score)| ((prompt, *word), f64::from(*score))));
        let (accuracy, pairs) = self.judging.judged(|prompt, word| known.get(&(prompt, word)).copied());
        self.accuracies.insert(model, Judged { accuracy, pairs, of: self.judging.len() });
    }

    pub(super) fn forget(&mut self, model: ModelId) {
        self.scores.remove(&model);
        self.accuracies.remove(&model);
    }

    /// What is still to be asked of a model.
    pub(super) fn jobs(&self, model: &Model) -> Vec<Job> {
        let known = self.scores.get(&model.id);
        let is_known = |prompt: PromptId, word: WordId| {
            known.is_some_and(|known| known.contains_key(&(prompt, word))) || model.cannot_score(prompt, word)
        };
        self.judging.jobs(model.id, is_known)
    }
}

impl App {
    /// A card of the model that is on the screen now.
    pub(super) fn card_of_another(&mut self) -> Option<Effect> {
        let another = self.view == View::Card && self.focus.is_some() && self.card.of != self.focus;
        another.then(|| self.statistics_now()).flatten()
    }

    /// A card of the model on the screen, where the one there is older than what it is made of, or another model's.
    pub(super) fn card_request(&mut self) -> Option<Effect> {
        let model = self.focus?;
        if self.card.of != Some(model) {
            self.card.pacer.change();
        }
        let generation = self.card.pacer.ask(self.now)?;
        let study = self.statistics_request(generation);
        let unit = self.model(model).map(Model::unit)?;
        let at = self.models.iter().filter(|other| other.unit() == unit).position(|other| other.id == model)?;
        let name = self.model(model).map(|model| model.spec.name.clone()).unwrap_or_default();
        let info = self.model(model).and_then(|model| model.info.as_ref());
        let provenance = info.map_or_else(|| Provenance::of_recorded(name), |info| info.provenance.clone());
        self.card.of = Some(model);
        Some(Effect::Card(Box::new(CardRequest { study, model, at, provenance })))
    }

    pub(super) fn card_computed(&mut self, shown: CardShown) -> Option<Effect> {
        self.card.pacer.answered(shown.generation, self.now);
        if self.card.shown.as_ref().is_none_or(|before| before.model != shown.model) {
            self.card.axis = ListCursor::default();
        }
        self.card.shown = Some(Arc::new(shown));
        self.statistics_now()
    }

    /// The page as it is to be written, with what is known of the pairs and what a reader should know.
    pub(super) fn card_page(&self) -> Option<CardPage> {
        let shown = self.card.shown()?;
        let mut page = shown.page.clone()?;
        let model = self.model(shown.model)?;
        let Progress { columns, columns_wanted, .. } = shown.progress;
        page.notes.extend(self.asked_differently().into_iter().map(|difference| difference.text));
        if shown.progress.is_partial() {
            page.notes.push(format!("partial: {columns} of {columns_wanted} tables of model and prompt were scored"));
        }
        if shown.missing > 0 {
            page.notes.push(format!("{} words that not every model has are left out", shown.missing));
        }
        if let Some(judged) = self.card.judged(shown.model).filter(|judged| judged.pairs > 0) {
            page.pairs = judged.accuracy;
            page.notes.extend(self.card.pairs.judging.notes(judged.pairs, model.unit(), None));
        }
        Some(page)
    }
}
