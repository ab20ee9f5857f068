//! The statistics view: what it shows, when it is computed anew, and from what.
//!
//! `compute` is pure and runs on a thread of its own; a request holds snapshots of everything it needs.

mod compute;

use std::sync::Arc;

pub(in crate::app) use compute::study;
pub use compute::{Pair, Progress, Statistics, StatisticsModel, StatisticsRequest, compute};

use crate::app::list::ListCursor;
use crate::app::pacer::Pacer;
use crate::app::{App, Effect, Model, View, layout};
use crate::base::terms::{ModelId, PromptId};
use crate::report::panels::Panel;

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
    /// The first line of that panel on the screen.
    scroll: usize,
    shown: Option<Arc<Statistics>>,
    pub(in crate::app) pacer: Pacer,
}

impl State {
    /// The newest statistics that have been computed.
    pub fn shown(&self) -> Option<&Statistics> {
        self.shown.as_deref()
    }

    /// The same, to be kept while newer ones take their place.
    pub(in crate::app) fn snapshot(&self) -> Option<Arc<Statistics>> {
        self.shown.clone()
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
        if self.has_panels() { self.panel } else { self.line }
    }

    /// The panel under the cursor.
    pub fn selected(&self) -> Option<&Panel> {
        let panels = &self.shown()?.panels;
        panels.get(self.panel.row(panels.len()))
    }

    /// How the panels lie on a screen of this size.
    pub fn panels(&self, size: (u16, u16)) -> layout::Panels {
        let panels = self.shown().map_or(&[][..], |shown| &shown.panels);
        let lanes = panels.iter().map(|panel| panel.families.len()).max().unwrap_or(1);
        let paired = panels.chunks(2).all(|pair| matches!(pair, [a, b] if a.category == b.category));
        layout::panels(size, panels.len(), lanes, paired)
    }

    /// How the panel that fills the page lies, and which of its lines is the first.
    pub fn zoom(&self, size: (u16, u16)) -> (layout::Zoomed, usize) {
        let lanes = self.selected().map_or(0, |panel| panel.families.len() + panel.models.len());
        let zoomed = layout::zoomed(size, lanes);
        (zoomed, self.scroll.min(lanes.saturating_sub(zoomed.lanes)))
    }

    /// Whether the page moves from panel to panel.
    pub fn has_panels(&self) -> bool {
        matches!(self.page, Page::Panels | Page::Contrasts)
    }

    pub(in crate::app) fn step(&mut self, by: isize, size: (u16, u16)) {
        let (lines, height) = (self.lines(), layout::statistics_rows(size));
        match self.page {
            Page::Panels if self.zoomed => {
                let scroll = self.zoom(size).1.saturating_add_signed(by);
                self.scroll = scroll;
                self.scroll = self.zoom(size).1;
            }
            // Side by side, down is the panel below.
            Page::Panels => self.panel.step(by.saturating_mul(self.panels(size).columns as isize), lines, height),
            Page::Contrasts => self.panel.step(by, lines, height),
            Page::MixedModel | Page::Agreement => self.line.step(by, lines, height),
        }
    }

    /// To another panel, whatever their places; false on a page that has none.
    pub(in crate::app) fn step_panel(&mut self, by: isize, size: (u16, u16)) -> bool {
        if self.has_panels() {
            self.panel.step(by, self.lines(), layout::statistics_rows(size));
            self.scroll = 0;
        }
        self.has_panels()
    }

    pub(in crate::app) fn toggle_zoom(&mut self) {
        self.zoomed = !self.zoomed;
        self.page = Page::Panels;
        self.scroll = 0;
    }

    pub(in crate::app) fn turn(&mut self, by: usize) {
        let at = Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.page = Page::ALL[(at + by) % Page::ALL.len()];
        self.line = ListCursor::default();
        self.zoomed = false;
    }
}

impl App {
    /// Scores, models or words are others than before.
    pub(in crate::app) fn statistics_changed(&mut self) -> Option<Effect> {
        self.statistics.pacer.change();
        self.card.pacer.change();
        self.statistics_now()
    }

    /// Asks for what the view shows where that is older than what it is made of.
    pub(in crate::app) fn statistics_now(&mut self) -> Option<Effect> {
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

    pub(in crate::app) fn statistics_due(&mut self) -> Option<Effect> {
        let due = self.statistics.pacer.is_due(self.now) || self.card.pacer.is_due(self.now);
        due.then(|| self.statistics_now()).flatten()
    }

    pub(in crate::app) fn statistics_computed(&mut self, statistics: Statistics) -> Option<Effect> {
        self.statistics.pacer.answered(statistics.generation, self.now);
        self.statistics.shown = Some(Arc::new(statistics));
        self.statistics_now()
    }

    /// Snapshots of all scores of models that measure the same as the one on the screen: rewards and log-probabilities do
    /// not mix.
    pub(in crate::app) fn statistics_request(&self, generation: u64) -> StatisticsRequest {
        let unit = self.focused().map(Model::unit).unwrap_or_default();
        let (same, others): (Vec<&Model>, Vec<&Model>) = self.models.iter().partition(|model| model.unit() == unit);
        let models = named(&same).into_iter().zip(same).map(|(name, model)| StatisticsModel {
            name,
            family: model.family().to_string().into(),
            recorded: model.is_recorded(),
            columns: self.prompts.iter().map(|p| self.score_table.column(model.id, p.id)).collect(),
            unscorable: self.prompts.iter().map(|p| self.unscorable(model, p.id)).collect(),
        });
        StatisticsRequest {
            generation,
            universe: self.universe.clone(),
            prompts: self.prompts.iter().map(|p| (p.prompt.clone(), p.in_set)).collect(),
            models: models.collect(),
            left_out: others.len(),
            warnings: self.asked_differently().into_iter().map(|difference| difference.text).collect(),
        }
    }

    /// How many words of the list a model cannot be asked under a prompt.
    fn unscorable(&self, model: &Model, prompt: PromptId) -> usize {
        model.unscorable.get(&prompt).map_or(0, |words| words.iter().filter(|word| self.universe.lists(**word)).count())
    }

    /// The two models of the pair under the cursor, on the page of agreement.
    pub(in crate::app) fn pair_under_cursor(&self) -> Option<[ModelId; 2]> {
        let shown = self.statistics.shown().filter(|_| self.statistics.page == Page::Agreement)?;
        let pair = shown.pairs.get(self.statistics.line.row(shown.pairs.len()))?;
        let unit = self.focused().map(Model::unit).unwrap_or_default();
        let same: Vec<&Model> = self.models.iter().filter(|model| model.unit() == unit).collect();
        let names = named(&same);
        let of = |name: &Arc<str>| names.iter().position(|known| known == name).map(|at| same[at].id);
        Some([of(&pair.a)?, of(&pair.b)?])
    }
}

/// The models' names, no two of them the same.
fn named(models: &[&Model]) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let name = model.spec.name.as_str();
        let namesakes = models[..at].iter().filter(|known| known.spec.name == name).count();
        names.push(if namesakes > 0 { format!("{name} #{}", namesakes + 1).into() } else { name.into() });
    }
    names
}
