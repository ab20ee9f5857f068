//! The statistics view: what it shows, when it is computed anew, and from what.
//!
//! [`compute`] is pure and runs on a thread of its own; a request holds snapshots of everything it needs.

mod compute;

use std::sync::Arc;

pub(super) use compute::study;
pub use compute::{Pair, Progress, Statistics, StatisticsModel, StatisticsRequest, compute};

use super::list::ListCursor;
use super::pacer::Pacer;
use super::{App, Effect, Model, View, layout};

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
#[derive(Debug, Default)]
pub struct State {
    pub page: Page,
    /// The panel under the cursor, in the panels and in the table of contrasts.
    pub panel: ListCursor,
    /// The line under the cursor on the other pages.
    pub line: ListCursor,
    /// One panel fills the page, model by model.
    pub zoomed: bool,
    shown: Option<Arc<Statistics>>,
    pub(super) pacer: Pacer,
}

impl State {
    /// The newest statistics that have been computed.
    pub fn shown(&self) -> Option<&Statistics> {
        self.shown.as_deref()
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
    /// Scores, models or words are others than before.
    pub(super) fn statistics_changed(&mut self) -> Option<Effect> {
        self.statistics.pacer.change();
        self.card.pacer.change();
        self.statistics_now()
    }

    /// Asks for what the view shows where that is older than what it is made of.
    pub(super) fn statistics_now(&mut self) -> Option<Effect> {
        let now = self.now;
        match self.view {
            View::Statistics => {
                self.card.pacer.leave();
                let generation = self.statistics.pacer.ask(now)?;
                Some(Effect::Statistics(Box::new(self.statistics_request(generation))))
            }
            View::Card => {
                self.statistics.pacer.leave();
                self.card_request()
            }
            _ => {
                self.statistics.pacer.leave();
                self.card.pacer.leave();
                None
            }
        }
    }

    pub(super) fn statistics_due(&mut self) -> Option<Effect> {
        let due = self.statistics.pacer.is_due(self.now) || self.card.pacer.is_due(self.now);
        due.then(|| self.statistics_now()).flatten()
    }

    pub(super) fn statistics_computed(&mut self, statistics: Statistics) -> Option<Effect> {
        self.statistics.pacer.answered(statistics.generation, self.now);
        self.statistics.shown = Some(Arc::new(statistics));
        self.statistics_now()
    }

    /// Snapshots of all scores of models that measure the same as the one on the screen: rewards and log-probabilities do
    /// not mix.
    pub(super) fn statistics_request(&self, generation: u64) -> StatisticsRequest {
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
            generation,
            universe: self.universe.clone(),
            prompts: self.prompts.iter().map(|p| (p.prompt.clone(), p.in_set)).collect(),
            models: models.collect(),
            left_out: others.len(),
        }
    }
}
