//! The card view: one model's values on a page, among the opened ones, while scores arrive.
//!
//! [`compute`] is pure and runs on a thread of its own. Pairs of answers, where the session has some, are judged by the
//! engine, and their scores are kept here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::statistics::{Progress, SHORTEST_REST, StatisticsRequest, study};
use super::{Controller, Info};
use crate::app::action::Action;
use crate::app::export::{Export, Offer, Snapshot, file_name};
use crate::app::key::Key;
use crate::app::layout::{FOOTER, HEADER};
use crate::app::list::ListCursor;
use crate::app::pacer::Pacer;
use crate::app::table::TableSpec;
use crate::app::{App, Effect, Model};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::engine::Job;
use crate::engine::pairs::PreferencePairs;
use crate::model::Provenance;
use crate::report::card::CardPage;
use crate::report::grid::DocumentFormat;
use crate::stats::card::{Accuracy, Card, CardOptions};

const INFO: Info = Info {
    keys: &[Key::char('5')],
    title: "Card",
    short_title: None,
    name: "card",
    help: "one model's values on a page: where it leans, its place among the others, words, agreement",
    actions: &[&[Action::NextModel, Action::PreviousModel, Action::Export, Action::AllPrompts, Action::Corpus]],
};

/// Enough for an interval on a screen, few enough that it follows the scores.
const REPLICATES: u32 = 500;
/// Words at either end, as many as a tall screen shows.
const WORDS: usize = 40;

/// What the view shows, and the requests for something newer.
#[derive(Debug, Default)]
pub struct CardState {
    /// The leaning under the cursor.
    pub axis: ListCursor,
    shown: Option<Arc<CardShown>>,
    /// The model that the newest request is about.
    requested_model: Option<ModelId>,
    pacer: Pacer,
    pub(in crate::app) pairs: JudgedPairs,
}

/// The pairs of the session, and every model's scores of their answers.
#[derive(Debug, Default)]
pub struct JudgedPairs {
    preferences: PreferencePairs,
    scores: HashMap<ModelId, HashMap<(PromptId, WordId), f64>>,
    accuracies: HashMap<ModelId, Judgement>,
}

/// How a model judged the pairs so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judgement {
    /// The share of pairs in which the chosen answer has the higher score; none before the first pair is scored.
    pub accuracy: Option<Accuracy>,
    /// How many pairs are scored.
    pub pairs: usize,
    /// How many pairs there are.
    pub total: usize,
}

/// A snapshot of the scores that a card is computed from.
#[derive(Clone, Debug)]
pub struct CardRequest {
    /// The scores of all models that are compared.
    pub study: StatisticsRequest,
    /// The model, and its place among those of the study.
    pub model: ModelId,
    /// The number of the model among those of the study.
    pub at: usize,
    /// What its scores rest on.
    pub provenance: Provenance,
}

/// The answer to a [`CardRequest`].
#[derive(Clone, Debug)]
pub struct CardShown {
    /// The number of the request.
    pub generation: u64,
    /// The model.
    pub model: ModelId,
    /// None as long as no prompt is scored whole.
    pub page: Option<CardPage>,
    /// How many of the columns are scored.
    pub progress: Progress,
    /// Words of the list that not every model has.
    pub missing: usize,
}

impl CardShown {
    /// The card itself; none as long as no prompt is scored whole.
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

impl CardState {
    pub(in crate::app) fn with(pairs: JudgedPairs) -> CardState {
        CardState { pairs, ..CardState::default() }
    }

    /// The newest card that has been computed.
    pub fn shown(&self) -> Option<&CardShown> {
        self.shown.as_deref()
    }

    /// How a model judged the pairs; none where the session has none.
    pub fn judged(&self, model: ModelId) -> Option<Judgement> {
        let total = self.pairs.preferences.len();
        (total > 0).then(|| self.pairs.accuracies.get(&model).copied().unwrap_or(Judgement { total, ..Judgement::default() }))
    }

    /// Lines of the list of leanings.
    pub fn lines(&self) -> usize {
        self.shown().and_then(CardShown::card).map_or(0, |card| card.axes.len())
    }

    fn step(&mut self, by: isize, size: (u16, u16)) {
        let lines = self.lines();
        self.axis.step(by, lines, leanings_on_screen(size, lines));
    }
}

impl JudgedPairs {
    pub(in crate::app) fn new(preferences: PreferencePairs) -> JudgedPairs {
        JudgedPairs { preferences, ..JudgedPairs::default() }
    }

    /// Whether a prompt is a question of theirs.
    pub(in crate::app) fn asks(&self, prompt: PromptId) -> bool {
        self.preferences.asks(prompt)
    }

    pub(in crate::app) fn insert(&mut self, model: ModelId, prompt: PromptId, scores: &[(WordId, f64)]) {
        let known = self.scores.entry(model).or_default();
        known.extend(scores.iter().map(|(word, score)| ((prompt, *word), *score)));
        let (accuracy, pairs) = self.preferences.judged(|prompt, word| known.get(&(prompt, word)).copied());
        self.accuracies.insert(model, Judgement { accuracy, pairs, total: self.preferences.len() });
    }

    pub(in crate::app) fn forget(&mut self, model: ModelId) {
        self.scores.remove(&model);
        self.accuracies.remove(&model);
    }

    /// What is still to be asked of a model.
    pub(in crate::app) fn jobs(&self, model: &Model) -> Vec<Job> {
        let known = self.scores.get(&model.id);
        let is_known = |prompt: PromptId, word: WordId| {
            known.is_some_and(|known| known.contains_key(&(prompt, word))) || model.cannot_score(prompt, word)
        };
        self.preferences.jobs(model.id, is_known)
    }
}

/// How many of the leanings are on a screen of this size: without titles, judgement and an empty line, half of the rest is for
/// the lists below.
pub fn leanings_on_screen(size: (u16, u16), leanings: usize) -> usize {
    let rows = usize::from(size.1.saturating_sub(HEADER + FOOTER + 3));
    leanings.min((rows / 2).max(2))
}

pub(super) struct CardView;

impl Controller for CardView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, _app: &App) -> Option<TableSpec> {
        None
    }

    /// The titles of the columns.
    fn lines_above_rows(&self, _app: &App) -> u16 {
        1
    }

    fn step(&self, app: &mut App, by: isize) {
        app.views.card.step(by, app.size);
    }

    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model> {
        app.models_of_one_unit()
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        let card = app.views.card.shown()?.card()?;
        let name = file_name(&format!("card-{}", card.model)) + ".svg";
        Some(Offer { name, noun: "card", endings: &["svg", "png", "md", "tex", "json", "txt"], has_everything: false })
    }

    fn snapshot(&self, app: &App, _ending: &str, _everything: bool) -> Option<Box<dyn Snapshot>> {
        Some(Box::new(app.card_page()?))
    }

    /// Whoever looks at a card waits for its judgement of the pairs.
    fn first_jobs(&self, app: &App) -> Vec<Job> {
        let model = app.focused().filter(|model| model.is_available());
        model.map(|model| app.views.card.pairs.jobs(model)).unwrap_or_default()
    }

    fn data_changed(&self, app: &mut App) {
        app.views.card.pacer.change();
    }

    fn request(&self, app: &mut App) {
        if let Some(request) = app.card_request() {
            app.effects.push(Effect::Card(Box::new(request)));
        }
    }

    fn deadline(&self, app: &App) -> Option<Duration> {
        app.views.card.pacer.due()
    }
}

impl Snapshot for CardPage {
    fn build(&self, ending: &str) -> Result<Export, String> {
        Ok(match ending {
            "md" => Export::Text(self.document(DocumentFormat::Markdown)),
            "tex" => Export::Text(self.document(DocumentFormat::Latex)),
            "json" => Export::Text(self.json().map_err(|error| error.to_string())?),
            "txt" => Export::Text(self.document(DocumentFormat::Table)),
            _ => Export::Figure(self.figure()),
        })
    }
}

impl App {
    /// A card of the model on the screen, where the one there is older than what it is made of, or another model's.
    fn card_request(&mut self) -> Option<CardRequest> {
        let model = self.focus?;
        let at = self.models_of_one_unit().iter().position(|other| other.id == model)?;
        let state = &mut self.views.card;
        if state.requested_model != Some(model) {
            state.pacer.change();
        }
        let generation = state.pacer.ask(self.now)?;
        let provenance = self.model(model)?.provenance();
        self.views.card.requested_model = Some(model);
        Some(CardRequest { study: self.statistics_request(generation), model, at, provenance })
    }

    /// Takes in what was asked for.
    pub(in crate::app) fn card_computed(&mut self, shown: CardShown) {
        let state = &mut self.views.card;
        state.pacer.answered(shown.generation, self.now, SHORTEST_REST);
        if state.shown.as_ref().is_none_or(|before| before.model != shown.model) {
            state.axis = ListCursor::default();
        }
        state.shown = Some(Arc::new(shown));
    }

    /// The page for a file, with the judgement of the pairs and the notes that a reader needs.
    fn card_page(&self) -> Option<CardPage> {
        let shown = self.views.card.shown()?;
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
        if let Some(judged) = self.views.card.judged(shown.model).filter(|judged| judged.pairs > 0) {
            page.pairs = judged.accuracy;
            page.notes.extend(self.views.card.pairs.preferences.notes(judged.pairs, model.unit(), None));
        }
        Some(page)
    }
}
