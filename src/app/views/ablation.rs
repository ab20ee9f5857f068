//! The ablation view: trainings followed over their checkpoints, read from files.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Controller, Info, ONE_PART, View};
use crate::app::action::{Action, Entry};
use crate::app::export::{Export, FIGURES, Offer, Snapshot};
use crate::app::key::Key;
use crate::app::list::ListCursor;
use crate::app::table::TableSpec;
use crate::app::{App, Effect, Level, Model, layout};
use crate::report::figure::{self, LinesFigure};
use crate::stats::ablation::{Ablation, Run, Training};

const INFO: Info = Info {
    keys: &[Key::char('7')],
    title: "Ablation",
    short_title: None,
    name: "ablation",
    help: "trainings over their checkpoints, from files",
    actions: &[&[
        Action::NextPage,
        Action::PreviousPage,
        Action::NextPanel,
        Action::PreviousPanel,
        Action::Export,
        Action::Corpus,
    ]],
};

/// The line of pages, then the titles of the columns.
const LINES_ABOVE_ROWS: u16 = 2;

/// What the view shows of the trainings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AblationPage {
    /// The trainings on one set of data, a chart a category.
    #[default]
    Lines,
    /// Every training's last checkpoint, by data.
    Last,
    /// Words that moved farthest, where scores are known.
    Words,
}

impl AblationPage {
    /// Every page, in the order of the keys.
    pub const ALL: [AblationPage; 3] = [AblationPage::Lines, AblationPage::Last, AblationPage::Words];

    /// On its tab.
    pub fn name(self) -> &'static str {
        match self {
            AblationPage::Lines => "Over training",
            AblationPage::Last => "Last checkpoints",
            AblationPage::Words => "Words that moved",
        }
    }
}

/// The trainings, and the files from which they are read.
#[derive(Debug, Default)]
pub struct AblationState {
    /// The page that is shown.
    pub page: AblationPage,
    /// The set of data under the cursor.
    pub set: ListCursor,
    /// The line under the cursor on the other pages.
    pub line: ListCursor,
    shown: Option<Arc<Ablation>>,
    /// What was opened, to be read again for another word list.
    paths: Vec<PathBuf>,
}

impl AblationState {
    pub(in crate::app) fn new(paths: Vec<PathBuf>) -> AblationState {
        AblationState { paths, ..AblationState::default() }
    }

    /// The trainings, once the files are read.
    pub fn shown(&self) -> Option<&Ablation> {
        self.shown.as_deref()
    }

    /// Whether files are being read or have been.
    pub fn is_open(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The sets of data, in the order of the files; first those that were followed over several checkpoints.
    pub fn sets(&self) -> Vec<&Training> {
        let mut sets: Vec<(&Training, bool)> = Vec::new();
        for run in self.shown().into_iter().flat_map(|shown| &shown.runs) {
            let followed = run.series.iter().any(|series| series.points.len() > 1);
            match sets.iter_mut().find(|(known, _)| known.is_on_the_data_of(&run.training)) {
                Some((_, of_set)) => *of_set |= followed,
                None => sets.push((&run.training, followed)),
            }
        }
        sets.sort_by_key(|(_, followed)| !followed);
        sets.into_iter().map(|(training, _)| training).collect()
    }

    /// The trainings on the set of data under the cursor.
    pub fn runs(&self) -> Vec<&Run> {
        let sets = self.sets();
        let Some(set) = sets.get(self.set.row(sets.len())) else { return Vec::new() };
        let all = self.shown().into_iter().flat_map(|shown| &shown.runs);
        all.filter(|run| run.training.is_on_the_data_of(set)).collect()
    }

    /// Lines of the page's list.
    pub fn lines(&self) -> usize {
        let Some(shown) = self.shown() else { return 0 };
        match self.page {
            AblationPage::Lines => self.sets().len(),
            AblationPage::Last => shown.r#final.len(),
            AblationPage::Words => shown.runs.iter().map(|run| run.moved.len()).sum(),
        }
    }

    fn step(&mut self, by: isize, size: (u16, u16)) {
        let lines = self.lines();
        match self.page {
            AblationPage::Lines => self.set.step(by, lines, 1),
            AblationPage::Last | AblationPage::Words => self.line.step(by, lines, layout::rows(size, LINES_ABOVE_ROWS)),
        }
    }

    /// To another set of data; false on a page that shows none by itself.
    fn step_set(&mut self, by: isize) -> bool {
        let has_sets = self.page == AblationPage::Lines;
        if has_sets {
            self.set.step(by, self.sets().len(), 1);
        }
        has_sets
    }

    fn turn(&mut self, by: usize) {
        let at = AblationPage::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.page = AblationPage::ALL[(at + by) % AblationPage::ALL.len()];
        self.line = ListCursor::default();
    }
}

/// The sizes of the charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charts {
    /// Charts side by side.
    pub columns: usize,
    /// Charts one above the other.
    pub rows: usize,
    /// Lines of all charts together.
    pub charts: u16,
}

/// Within `area`, below the line that names the data: the charts of so many categories, above a table of so many trainings.
pub fn charts(area: (u16, u16), categories: usize, trainings: usize) -> Charts {
    const WIDEST: usize = 38;
    const LOWEST: u16 = 6;
    let table = (trainings as u16 + 1).min(area.1 / 2);
    let charts = area.1.saturating_sub(1 + table);
    let columns = (usize::from(area.0) / WIDEST).clamp(1, categories.max(1));
    let rows = categories.div_ceil(columns).clamp(1, usize::from((charts / LOWEST).max(1)));
    Charts { columns, rows, charts }
}

pub(super) struct AblationView;

impl Controller for AblationView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, _app: &App) -> Option<TableSpec> {
        None
    }

    fn lines_above_rows(&self, _app: &App) -> u16 {
        LINES_ABOVE_ROWS
    }

    fn step(&self, app: &mut App, by: isize) {
        app.views.ablation.step(by, app.size);
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        let state = &mut app.views.ablation;
        let moved = match action {
            Action::NextPage => {
                state.turn(1);
                true
            }
            Action::PreviousPage => {
                state.turn(AblationPage::ALL.len() - 1);
                true
            }
            Action::NextPanel => state.step_set(1),
            Action::PreviousPanel => state.step_set(-1),
            _ => return app.perform_common(action),
        };
        if !moved {
            app.notify(Level::Info, ONE_PART);
        }
        true
    }

    fn hint(&self, app: &App, entry: &Entry) -> Option<&'static str> {
        let state = &app.views.ablation;
        match entry.action {
            Action::NextPanel => (state.page == AblationPage::Lines && state.sets().len() > 1).then_some("data"),
            Action::NextPage => state.shown().map(|_| entry.name),
            _ => app.common_hint(entry),
        }
    }

    fn compared<'a>(&self, _app: &'a App) -> Vec<&'a Model> {
        Vec::new()
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        app.views.ablation.shown()?;
        Some(Offer { name: "ablation.svg".to_owned(), noun: "figure", endings: FIGURES, has_everything: false })
    }

    fn snapshot(&self, app: &App, _ending: &str, _everything: bool) -> Option<Box<dyn Snapshot>> {
        Some(Box::new(app.views.ablation.shown.clone()?))
    }
}

impl Snapshot for Arc<Ablation> {
    fn build(&self, _ending: &str) -> Result<Export, String> {
        Ok(Export::Figure(figure::lines(&LinesFigure::new(self))))
    }
}

impl App {
    /// Reads the files that were opened; those of scores take categories from the word list of the session.
    pub(in crate::app) fn follow(&mut self) {
        if self.views.ablation.is_open() {
            let corpus = &self.universe.corpus;
            let corpus = (!corpus.categories.is_empty()).then(|| Arc::new(corpus.clone()));
            self.effects.push(Effect::Follow { paths: self.views.ablation.paths.clone(), corpus });
        }
    }

    /// Opens more files that follow a training.
    pub(in crate::app) fn open_trainings(&mut self, paths: Vec<PathBuf>) {
        let known = &mut self.views.ablation.paths;
        for path in paths {
            if !known.contains(&path) {
                known.push(path);
            }
        }
        self.view = View::Ablation;
        self.follow();
    }

    /// Takes in what was read.
    pub(in crate::app) fn followed(&mut self, outcome: Result<Ablation, String>) {
        let state = &mut self.views.ablation;
        match outcome {
            Ok(ablation) => {
                let notes = ablation.notes.join("; ");
                let known = state.shown.replace(Arc::new(ablation)).is_some_and(|before| before.notes.join("; ") == notes);
                if !notes.is_empty() && !known {
                    self.notify(Level::Info, notes);
                }
            }
            Err(error) => {
                // What cannot be read is not tried again.
                if state.shown.is_none() {
                    state.paths.clear();
                }
                self.notify(Level::Error, error);
            }
        }
    }
}
