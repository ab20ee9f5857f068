//! What the tables of words have in common: their actions, their cursor, their order, and how they go into a file.

use crate::app::action::Action;
use crate::app::export::{Offer, Snapshot, TABLES, file_name};
use crate::app::{App, Model};

/// Actions of every table of words.
pub(super) const ACTIONS: &[Action] = &[
    Action::NextModel,
    Action::PreviousModel,
    Action::Search,
    Action::NextMatch,
    Action::PreviousMatch,
    Action::Filter,
    Action::Sort,
    Action::SortBack,
    Action::Reverse,
    Action::Axis,
    Action::WordPage,
    Action::Inspect,
    Action::Copy,
    Action::Export,
    Action::Prompt,
    Action::NextPrompt,
    Action::PreviousPrompt,
    Action::AddWords,
    Action::OwnWords,
    Action::RemoveWord,
    Action::AddToList,
    Action::Corpus,
];

/// The order of the rows of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order<T> {
    /// The column or the combination of columns.
    pub by: T,
    /// Whether it is turned round.
    pub reversed: bool,
}

impl<T: Copy + PartialEq> Order<T> {
    /// Takes the actions that order rows, by one of `all`; false for any other action.
    pub(super) fn perform(&mut self, action: Action, all: &[T]) -> bool {
        let at = all.iter().position(|by| *by == self.by).unwrap_or(0);
        match action {
            Action::Sort => *self = Order { by: all[(at + 1) % all.len()], reversed: false },
            Action::SortBack => *self = Order { by: all[(at + all.len() - 1) % all.len()], reversed: false },
            Action::Reverse => self.reversed = !self.reversed,
            _ => return false,
        }
        true
    }
}

pub(super) fn step(app: &mut App, by: isize) {
    app.move_cursor(|cursor, table, height| cursor.step(by, table, height));
}

/// A table under the name of what it shows, which begins with `first`.
pub(super) fn offer(app: &App, first: Option<&str>, endings: &'static [&'static str]) -> Option<Offer> {
    let table = app.table().filter(|table| !table.rows.is_empty())?;
    let model = |id| Some(app.model(id?)?.spec.name.as_str());
    let prompt = app.current_prompt().map(|prompt| prompt.prompt.label());
    let parts = [first, model(table.key.model), model(table.key.other), prompt];
    let name = file_name(&parts.into_iter().flatten().collect::<Vec<_>>().join("-")) + ".csv";
    Some(Offer { name, noun: "table", endings, has_everything: true })
}

/// The rows of the table, or every score of the session.
pub(super) fn snapshot(app: &App, ending: &str, everything: bool) -> Option<Box<dyn Snapshot>> {
    match (TABLES.contains(&ending), everything) {
        (false, _) => None,
        (true, false) => Some(Box::new(app.rows()?)),
        (true, true) => Some(Box::new(app.everything())),
    }
}

/// The models of the table that is shown.
pub(super) fn models_of_table(app: &App) -> Vec<&Model> {
    let ids = app.table().map_or([None; 2], |table| [table.key.model, table.key.other]);
    ids.into_iter().flatten().filter_map(|id| app.model(id)).collect()
}
