//! The statistics view: what it shows, when it is computed anew, and from what.
//!
//! [`compute`] is pure and runs on a thread of its own; a request holds snapshots of everything it needs. Scores that come
//! in ask for new statistics one request at a time, with rests between that grow with the work, so that statistics take no
//! more than a share of a core from scoring.

mod compute;

use std::sync::Arc;
use std::time::Duration;

pub use compute::{Pair, Progress, Statistics, StatisticsModel, StatisticsRequest, compute};

use super::list::ListCursor;
use super::{App, Effect, Model, View, layout};

/// Rest between two computations, as a multiple of how long the last one took.
const REST: u32 = 4;
const SHORTEST_REST: Duration = Duration::from_millis(200);

/// What the statistics view shows of the study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    #[default]
    Panels,
    Contrasts,
    MixedModel,
    Agreement,
}

impl Page {
    pub const ALL: [Page; 4] = [Page::Panels, Page::Contrasts, Page::MixedModel, Page::Agreement];

    pub fn name(self) -> &'static str {
        match self {
            Page::Panels => "Panels",
            Page::Contrasts => "Contrasts",
            Page::MixedModel => "Mixed model",
            Page::Agreement => "Agreement",
        }
    }
}

/// What the view shows, and the requests for something newer.
#[derive(Debug)]
pub struct State {
    pub page: Page,
    /// The panel under the cursor, in the panels and in the table of contrasts.
    pub panel: ListCursor,
    /// The line under the cursor on the other pages.
    pub line: ListCursor,
    /// One panel fills the page, model by model.
    pub zoomed: bool,
    shown: Option<Arc<Statistics>>,
    /// Something happened that the newest request does not know of.
    changed: bool,
    in_flight: bool,
    asked: Duration,
    due: Option<Duration>,
    rest_until: Duration,
    generation: u64,
}

impl Default for State {
    fn default() -> Self {
        State {
            page: Page::default(),
            panel: ListCursor::default(),
            line: ListCursor::default(),
            zoomed: false,
            shown: None,
            changed: true,
            in_flight: false,
            asked: Duration::ZERO,
            due: None,
            rest_until: Duration::ZERO,
            generation: 0,
        }
    }
}

impl State {
    /// The newest statistics that have been computed.
    pub fn shown(&self) -> Option<&Statistics> {
        self.shown.as_deref()
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// How many lines the page's list has.
    pub fn lines(&self) -> usize {
        let Some(shown) = self.shown() else { return 0 };
        match self.page {
            Page::Panels | Page::Contrasts => shown.panels.len(),
            Page::MixedModel => shown.report.mixed_model.as_ref().map_or(0, |model| model.fixed.len()),
            Page::Agreement => shown.pairs.len(),
        }
    }

    /// The cursor of the page's list.
    pub fn cursor(&self) -> ListCursor {
        if matches!(self.page, Page::Panels | Page::Contrasts) { self.panel } else { self.line }
    }

    pub(super) fn step(&mut self, by: isize, size: (u16, u16)) {
        let (lines, height) = (self.lines(), layout::statistics_rows(size));
        let cursor = if matches!(self.page, Page::Panels | Page::Contrasts) { &mut self.panel } else { &mut self.line };
        cursor.step(by, lines, height);
    }

    pub(super) fn turn(&mut self, by: usize) {
        let at = Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.page = Page::ALL[(at + by) % Page::ALL.len()];
        self.line = ListCursor::default();
        self.zoomed = false;
    }
}

impl App {
    /// Whether statistics are on the screen.
    fn shows_statistics(&self) -> bool {
        self.view == View::Statistics
    }

    /// Asks for statistics where the view needs newer ones than it has.
    pub(super) fn statistics_now(&mut self) -> Option<Effect> {
        if !self.shows_statistics() || !self.statistics.changed {
            return None;
        }
        self.statistics_later()
    }

    /// Scores, models or words are others than before.
    pub(super) fn statistics_changed(&mut self) -> Option<Effect> {
        self.statistics.changed = true;
        self.statistics_later()
    }

    pub(super) fn statistics_later(&mut self) -> Option<Effect> {
        let state = &mut self.statistics;
        if state.in_flight || self.view != View::Statistics {
            return None;
        }
        if self.now < state.rest_until {
            state.due = Some(state.rest_until);
            return None;
        }
        state.generation += 1;
        state.in_flight = true;
        state.changed = false;
        state.due = None;
        state.asked = self.now;
        Some(Effect::Statistics(Box::new(self.statistics_request())))
    }

    pub(super) fn statistics_due(&mut self) -> Option<Effect> {
        let due = self.statistics.due.is_some_and(|due| due <= self.now);
        due.then(|| self.statistics_later()).flatten()
    }

    pub(super) fn statistics_computed(&mut self, statistics: Statistics) -> Option<Effect> {
        let state = &mut self.statistics;
        if statistics.generation == state.generation {
            state.in_flight = false;
            state.due = None;
            state.rest_until = self.now + (self.now.saturating_sub(state.asked) * REST).max(SHORTEST_REST);
        }
        state.shown = Some(Arc::new(statistics));
        state.changed.then(|| self.statistics_later()).flatten()
    }

    /// Snapshots of all scores of models that measure the same as the one on the screen: rewards and log-probabilities do
    /// not mix.
    fn statistics_request(&self) -> StatisticsRequest {
        let unit = self.focused().map(Model::unit).unwrap_or_default();
        let (same, others): (Vec<&Model>, Vec<&Model>) = self.models.iter().partition(|model| model.unit() == unit);
        let mut names: Vec<Arc<str>> = Vec::new();
        let models = same.into_iter().map(|model| {
            let mut name: Arc<str> = model.spec.name.as_str().into();
            let namesakes = names.iter().filter(|known| **known == name).count();
            names.push(name.clone());
            if namesakes > 0 {
                name = format!("{name} #{}", namesakes + 1).into();
            }
            StatisticsModel {
                name,
                family: model.family().to_string().into(),
                recorded: model.is_recorded(),
                columns: self.prompts.iter().map(|p| self.book.column(model.id, p.id)).collect(),
                unscorable: self.prompts.iter().map(|p| model.unscorable.get(&p.id).map_or(0, |words| words.len())).collect(),
            }
        });
        StatisticsRequest {
            generation: self.statistics.generation,
            universe: self.universe.clone(),
            prompts: self.prompts.iter().map(|p| (p.prompt.clone(), p.in_set)).collect(),
            models: models.collect(),
            left_out: others.len(),
        }
    }
}
