//! What keys do here and now, so that the line of hints names only what works.

use super::action::{ACTIONS, Action, Entry, LAST, entries_in};
use super::{App, Model};

/// One step back, in the order in which Esc takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepBack {
    /// The newest notice goes.
    Notice,
    /// All panels are shown again.
    Zoom,
    /// The search ends.
    Search,
    /// Own words alone are shown.
    OwnWords,
    /// Downloading, loading, scoring.
    Work,
}

impl StepBack {
    /// What Esc is called in the line of hints.
    pub fn name(self) -> &'static str {
        match self {
            StepBack::Notice => "dismiss",
            StepBack::Zoom => "back",
            StepBack::Search => "end search",
            StepBack::OwnWords => "all words",
            StepBack::Work => "cancel",
        }
    }
}

/// The key; both of a pair of which each undoes the other.
fn key_text(entry: &Entry) -> String {
    match entry.action {
        Action::NextPanel => format!("{} {}", Action::PreviousPanel.key_text(), Action::NextPanel.key_text()),
        action => action.key_text(),
    }
}

impl App {
    /// What Esc would do while no box covers the view.
    pub fn step_back(&self) -> Option<StepBack> {
        let busy = |model: &Model| !model.is_recorded() && model.is_busy();
        let steps = [
            (self.toasts.iter().next().is_some(), StepBack::Notice),
            (self.view.controller().is_zoomed(self), StepBack::Zoom),
            (!self.search.query().is_empty(), StepBack::Search),
            (self.own_only && self.shows_table(), StepBack::OwnWords),
            (self.models.iter().any(busy), StepBack::Work),
        ];
        steps.into_iter().find(|(holds, _)| *holds).map(|(_, step)| step)
    }

    /// Key and name of each action that is worth naming here, the most important first; help and the end come last.
    pub fn hints(&self) -> Vec<(String, &'static str)> {
        let view = self.view.controller();
        let mut named: Vec<(u8, String, &'static str)> =
            entries_in(self.view).filter_map(|entry| Some((entry.hint?, key_text(&entry), view.hint(self, &entry)?))).collect();
        named.sort_by_key(|(rank, ..)| *rank);
        named.into_iter().map(|(_, key, name)| (key, name)).collect()
    }

    /// How many of the hints stay whatever the width of the screen.
    pub fn lasting_hints() -> usize {
        ACTIONS.iter().filter(|entry| entry.hint == LAST).count()
    }

    /// What an action would do now that does the same in every view; none where it would do nothing.
    pub(super) fn common_hint(&self, entry: &Entry) -> Option<&'static str> {
        let several = self.models.len() > 1;
        let live = self.models.iter().any(|model| !model.is_recorded());
        let has_words = !self.universe.is_empty() && self.failure_in_place_of_words().is_none();
        let works = match entry.action {
            Action::NextModel => several,
            Action::OtherModel => self.models.len() > 2,
            Action::Search | Action::Sort | Action::WordPage => has_words,
            Action::Filter => has_words && !self.universe.corpus.categories.is_empty(),
            Action::Inspect => has_words && self.focused().is_some_and(|model| !model.is_recorded()),
            Action::AddWords => live,
            Action::OwnWords if self.own_only => return Some("all words"),
            Action::OwnWords => !self.universe.own.is_empty(),
            Action::RemoveWord => {
                self.under_cursor().is_some_and(|(_, at)| self.universe.is_own(at) || self.universe.is_added(at))
            }
            Action::AddToList => self.under_cursor().is_some_and(|(_, at)| self.universe.is_own(at)),
            Action::AllPrompts if self.all_prompts => return live.then_some("this prompt only"),
            Action::AllPrompts => live,
            Action::Export => self.view.controller().offer(self).is_some(),
            _ => true,
        };
        works.then_some(entry.name)
    }
}
