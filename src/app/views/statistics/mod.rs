//! The statistics view: what it shows, when it is computed anew, and from what.
//!
//! `compute` is pure and runs on a thread of its own; a request holds snapshots of everything it needs.

mod compute;
pub mod layout;

use std::sync::Arc;
use std::time::Duration;

pub(super) use compute::study;
pub use compute::{ModelPair, Progress, Statistics, StatisticsModel, StatisticsRequest, compute};

use super::{Controller, Info, ONE_PART, View};
use crate::app::action::{Action, Entry};
use crate::app::export::{Export, FIGURES, Offer, Snapshot, file_name};
use crate::app::key::Key;
use crate::app::list::ListCursor;
use crate::app::pacer::Pacer;
use crate::app::table::TableSpec;
use crate::app::{App, Effect, Level, Model};
use crate::base::terms::{ModelId, PromptId};
use crate::report::panels::Panel;
use crate::stats::agreement::AgreementMeasure;

const INFO: Info = Info {
    keys: &[Key::char('3')],
    title: "Statistics",
    short_title: Some("Stats"),
    name: "statistics",
    help: "what the study measures, from all opened models: categories by framing, families, tests",
    actions: &[&[
        Action::NextPage,
        Action::PreviousPage,
        Action::NextPanel,
        Action::PreviousPanel,
        Action::Zoom,
        Action::Export,
        Action::AllPrompts,
        Action::Corpus,
    ]],
};

/// What the statistics view shows of the study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StatisticsPage {
    /// The cells of each family, a panel a category and framing.
    #[default]
    Panels,
    /// The tests between families.
    Contrasts,
    /// The fixed effects of the mixed model with random slopes, or where there is none of the one as published.
    MixedModel,
    /// How alike all models rank, as a matrix and as a map.
    Agreement,
    /// How alike each two models rank, with the range over prompts.
    Pairs,
}

impl StatisticsPage {
    /// Every page, in the order of the keys.
    pub const ALL: [StatisticsPage; 5] = [
        StatisticsPage::Panels,
        StatisticsPage::Contrasts,
        StatisticsPage::MixedModel,
        StatisticsPage::Agreement,
        StatisticsPage::Pairs,
    ];

    /// On its tab.
    pub fn name(self) -> &'static str {
        match self {
            StatisticsPage::Panels => "Panels",
            StatisticsPage::Contrasts => "Contrasts",
            StatisticsPage::MixedModel => "Mixed model",
            StatisticsPage::Agreement => "Agreement",
            StatisticsPage::Pairs => "Pairs",
        }
    }
}

/// The shortest rest between two computations.
pub(super) const SHORTEST_REST: Duration = Duration::from_millis(200);

/// What the view shows, and the requests for something newer.
#[derive(Debug, Default)]
pub struct StatisticsState {
    /// The page that is shown.
    pub page: StatisticsPage,
    /// The panel under the cursor, in the panels and in the table of contrasts.
    pub panel: ListCursor,
    /// The line under the cursor on the other pages.
    pub line: ListCursor,
    /// The measure of the matrix.
    pub measure: AgreementMeasure,
    /// One panel fills the page, model by model.
    pub zoomed: bool,
    /// The first line of that panel on the screen.
    scroll: usize,
    shown: Option<Arc<Statistics>>,
    pacer: Pacer,
}

impl StatisticsState {
    /// The newest statistics that have been computed.
    pub fn shown(&self) -> Option<&Statistics> {
        self.shown.as_deref()
    }

    /// How many lines the page's list has.
    pub fn lines(&self) -> usize {
        let Some(shown) = self.shown() else { return 0 };
        match self.page {
            StatisticsPage::Panels | StatisticsPage::Contrasts => shown.panels.len(),
            // Both mixed models have the same terms.
            StatisticsPage::MixedModel => {
                let slopes = shown.report.random_slopes.as_ref().map(|model| model.fixed.len());
                slopes.or(shown.report.mixed_model.as_ref().map(|model| model.fixed.len())).unwrap_or(0)
            }
            StatisticsPage::Agreement => shown.report.agreement_matrix.models.len(),
            StatisticsPage::Pairs => shown.pairs.len(),
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

    /// The sizes of the panels on a screen of this size.
    pub fn panels(&self, size: (u16, u16)) -> layout::Panels {
        let panels = self.shown().map_or(&[][..], |shown| &shown.panels);
        let lanes = panels.iter().map(|panel| panel.families.len()).max().unwrap_or(1);
        let paired = panels.chunks(2).all(|pair| matches!(pair, [a, b] if a.category == b.category));
        layout::panels(size, panels.len(), lanes, paired)
    }

    /// The sizes of the panel that fills the page, and the number of its first line on the screen.
    pub fn zoom(&self, size: (u16, u16)) -> (layout::Zoomed, usize) {
        let lanes = self.selected().map_or(0, |panel| panel.families.len() + panel.models.len());
        let zoomed = layout::zoomed(size, lanes);
        (zoomed, self.scroll.min(lanes.saturating_sub(zoomed.lanes)))
    }

    /// Whether the page moves from panel to panel.
    pub fn has_panels(&self) -> bool {
        matches!(self.page, StatisticsPage::Panels | StatisticsPage::Contrasts)
    }

    fn step(&mut self, by: isize, size: (u16, u16)) {
        let (lines, height) = (self.lines(), layout::statistics_rows(size));
        match self.page {
            StatisticsPage::Panels if self.zoomed => {
                let scroll = self.zoom(size).1.saturating_add_signed(by);
                self.scroll = scroll;
                self.scroll = self.zoom(size).1;
            }
            // Side by side, down is the panel below.
            StatisticsPage::Panels => self.panel.step(by.saturating_mul(self.panels(size).columns as isize), lines, height),
            StatisticsPage::Contrasts => self.panel.step(by, lines, height),
            StatisticsPage::Agreement => self.line.step(by, lines, layout::matrix_rows(size)),
            StatisticsPage::MixedModel | StatisticsPage::Pairs => self.line.step(by, lines, height),
        }
    }

    /// To another panel, whatever their places, or to the matrix of another measure; false on a page that has neither.
    fn step_panel(&mut self, by: isize, size: (u16, u16)) -> bool {
        if self.page == StatisticsPage::Agreement {
            let all = AgreementMeasure::ALL;
            let at = all.iter().position(|measure| *measure == self.measure).unwrap_or(0);
            self.measure = all[(at + all.len()).saturating_add_signed(by) % all.len()];
            return true;
        }
        if self.has_panels() {
            self.panel.step(by, self.lines(), layout::statistics_rows(size));
            self.scroll = 0;
        }
        self.has_panels()
    }

    fn toggle_zoom(&mut self) {
        self.zoomed = !self.zoomed;
        self.page = StatisticsPage::Panels;
        self.scroll = 0;
    }

    fn turn(&mut self, by: usize) {
        let at = StatisticsPage::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.page = StatisticsPage::ALL[(at + by) % StatisticsPage::ALL.len()];
        self.line = ListCursor::default();
        self.zoomed = false;
    }
}

pub(super) struct StatisticsView;

impl Controller for StatisticsView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, _app: &App) -> Option<TableSpec> {
        None
    }

    fn lines_above_rows(&self, _app: &App) -> u16 {
        layout::LINES_ABOVE_ROWS
    }

    fn step(&self, app: &mut App, by: isize) {
        app.views.statistics.step(by, app.size);
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        let size = app.size;
        let state = &mut app.views.statistics;
        let moved = match action {
            Action::NextPage => {
                state.turn(1);
                true
            }
            Action::PreviousPage => {
                state.turn(StatisticsPage::ALL.len() - 1);
                true
            }
            Action::NextPanel => state.step_panel(1, size),
            Action::PreviousPanel => state.step_panel(-1, size),
            Action::Zoom if state.has_panels() => {
                state.toggle_zoom();
                true
            }
            Action::Zoom => {
                if let Some([left, right]) = app.pair_under_cursor() {
                    (app.focus, app.other) = (Some(left), Some(right));
                    app.show_view(View::Compare);
                }
                true
            }
            _ => return app.perform_common(action),
        };
        if !moved {
            app.notify(Level::Info, ONE_PART);
        }
        true
    }

    fn hint(&self, app: &App, entry: &Entry) -> Option<&'static str> {
        let state = &app.views.statistics;
        let works = match entry.action {
            Action::NextPanel if state.page == StatisticsPage::Agreement => return Some("measure"),
            Action::NextPanel => state.has_panels() && state.lines() > 1,
            Action::Zoom => match state.page {
                StatisticsPage::Panels if state.zoomed => return Some("all panels"),
                StatisticsPage::Panels | StatisticsPage::Contrasts => state.selected().is_some(),
                StatisticsPage::Pairs => return app.pair_under_cursor().map(|_| "side by side"),
                StatisticsPage::MixedModel | StatisticsPage::Agreement => false,
            },
            _ => return app.common_hint(entry),
        };
        works.then_some(entry.name)
    }

    fn is_zoomed(&self, app: &App) -> bool {
        app.views.statistics.page == StatisticsPage::Panels && app.views.statistics.zoomed
    }

    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model> {
        app.models_of_one_unit()
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        let shown = app.views.statistics.shown().filter(|shown| !shown.panels.is_empty())?;
        let what = if app.views.statistics.page == StatisticsPage::Agreement { "agreement" } else { "statistics" };
        let name = file_name(&format!("{what}-{}", shown.corpus)) + ".svg";
        Some(Offer { name, noun: "figure", endings: FIGURES, has_everything: false })
    }

    fn snapshot(&self, app: &App, _ending: &str, _everything: bool) -> Option<Box<dyn Snapshot>> {
        let statistics = app.views.statistics.shown.clone()?;
        Some(Box::new(StatisticsSnapshot { statistics, page: app.views.statistics.page }))
    }

    fn data_changed(&self, app: &mut App) {
        app.views.statistics.pacer.change();
    }

    fn request(&self, app: &mut App) {
        if let Some(generation) = app.views.statistics.pacer.ask(app.now) {
            let request = app.statistics_request(generation);
            app.effects.push(Effect::Statistics(Box::new(request)));
        }
    }

    fn deadline(&self, app: &App) -> Option<Duration> {
        app.views.statistics.pacer.due()
    }
}

/// What the picture of a page is drawn from.
#[derive(Debug)]
struct StatisticsSnapshot {
    statistics: Arc<Statistics>,
    page: StatisticsPage,
}

impl Snapshot for StatisticsSnapshot {
    fn build(&self, _ending: &str) -> Result<Export, String> {
        Ok(Export::Figure(match self.page {
            StatisticsPage::Agreement => self.statistics.agreement_figure(),
            _ => self.statistics.figure(),
        }))
    }
}

impl App {
    /// Takes in what was asked for.
    pub(in crate::app) fn statistics_computed(&mut self, statistics: Statistics) {
        let state = &mut self.views.statistics;
        state.pacer.answered(statistics.generation, self.now, SHORTEST_REST);
        state.shown = Some(Arc::new(statistics));
    }

    /// The models that measure the same as the one on the screen: rewards and log-probabilities do not mix.
    pub(super) fn models_of_one_unit(&self) -> Vec<&Model> {
        let unit = self.focused().map(Model::unit).unwrap_or_default();
        self.models.iter().filter(|model| model.unit() == unit).collect()
    }

    /// Snapshots of all scores of the models that are compared.
    pub(super) fn statistics_request(&self, generation: u64) -> StatisticsRequest {
        let same = self.models_of_one_unit();
        let left_out = self.models.len() - same.len();
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
            left_out,
            warnings: self.asked_differently().into_iter().map(|difference| difference.text).collect(),
        }
    }

    /// How many words of the list a model cannot be asked under a prompt.
    fn unscorable(&self, model: &Model, prompt: PromptId) -> usize {
        model.unscorable.get(&prompt).map_or(0, |words| words.iter().filter(|word| self.universe.lists(**word)).count())
    }

    /// The two models of the pair under the cursor, on the page of pairs.
    fn pair_under_cursor(&self) -> Option<[ModelId; 2]> {
        let shown = self.views.statistics.shown().filter(|_| self.views.statistics.page == StatisticsPage::Pairs)?;
        let pair = shown.pairs.get(self.views.statistics.line.row(shown.pairs.len()))?;
        let same = self.models_of_one_unit();
        let names = named(&same);
        let id = |name: &Arc<str>| names.iter().position(|known| known == name).map(|at| same[at].id);
        Some([id(&pair.a)?, id(&pair.b)?])
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
