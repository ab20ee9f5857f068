//! The ablation view: trainings followed over their checkpoints, read from files.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::list::ListCursor;
use crate::app::{App, Effect, Level, View, layout};
use crate::stats::ablation::{Ablation, Run, Training};

/// What the view shows of the trainings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// The trainings on one set of data, a chart a category.
    #[default]
    Lines,
    /// Every training's last checkpoint, by data.
    Last,
    /// Words that moved farthest, where scores are known.
    Words,
}

impl Page {
    pub const ALL: [Page; 3] = [Page::Lines, Page::Last, Page::Words];

    pub fn name(self) -> &'static str {
        match self {
            Page::Lines => "Over training",
            Page::Last => "Last checkpoints",
            Page::Words => "Words that moved",
        }
    }
}

#[derive(Debug, Default)]
pub struct State {
    pub page: Page,
    /// The set of data under the cursor.
    pub set: ListCursor,
    /// The line under the cursor on the other pages.
    pub line: ListCursor,
    shown: Option<Arc<Ablation>>,
    /// What was opened, to be read again for another word list.
    paths: Vec<PathBuf>,
}

impl State {
    pub(in crate::app) fn new(paths: Vec<PathBuf>) -> State {
        State { paths, ..State::default() }
    }

    pub fn shown(&self) -> Option<&Ablation> {
        self.shown.as_deref()
    }

    /// The same, to be kept.
    pub(in crate::app) fn snapshot(&self) -> Option<Arc<Ablation>> {
        self.shown.clone()
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
            Page::Lines => self.sets().len(),
            Page::Last => shown.r#final.len(),
            Page::Words => shown.runs.iter().map(|run| run.moved.len()).sum(),
        }
    }

    pub(in crate::app) fn step(&mut self, by: isize, size: (u16, u16)) {
        let lines = self.lines();
        match self.page {
            Page::Lines => self.set.step(by, lines, 1),
            Page::Last | Page::Words => self.line.step(by, lines, layout::table_rows(size, View::Ablation, 0)),
        }
    }

    /// To another set of data; false on a page that shows none by itself.
    pub(in crate::app) fn step_set(&mut self, by: isize) -> bool {
        let has_sets = self.page == Page::Lines;
        if has_sets {
            self.set.step(by, self.sets().len(), 1);
        }
        has_sets
    }

    pub(in crate::app) fn turn(&mut self, by: usize) {
        let at = Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.page = Page::ALL[(at + by) % Page::ALL.len()];
        self.line = ListCursor::default();
    }
}

impl App {
    /// Reads the files that were opened; those of scores take categories from the word list of the session.
    pub(in crate::app) fn follow(&self) -> Option<Effect> {
        let corpus = || (!self.universe.corpus.categories.is_empty()).then(|| Arc::new(self.universe.corpus.clone()));
        self.ablation.is_open().then(|| Effect::Follow { paths: self.ablation.paths.clone(), corpus: corpus() })
    }

    /// Opens more files that follow a training.
    pub(in crate::app) fn open_trainings(&mut self, paths: Vec<PathBuf>) -> Vec<Effect> {
        for path in paths {
            if !self.ablation.paths.contains(&path) {
                self.ablation.paths.push(path);
            }
        }
        self.view = View::Ablation;
        self.follow().into_iter().collect()
    }

    pub(in crate::app) fn followed(&mut self, outcome: Result<Ablation, String>) -> Vec<Effect> {
        match outcome {
            Ok(ablation) => {
                let notes = ablation.notes.join("; ");
                let known =
                    self.ablation.shown.replace(Arc::new(ablation)).is_some_and(|before| before.notes.join("; ") == notes);
                if notes.is_empty() || known { Vec::new() } else { self.tell(Level::Info, notes) }
            }
            Err(error) => {
                // What cannot be read is not tried again.
                if self.ablation.shown.is_none() {
                    self.ablation.paths.clear();
                }
                self.tell(Level::Error, error)
            }
        }
    }
}
