//! The view of one model's words: histograms of the categories above, the ranked words below.

use super::word_tables::{self, Order};
use super::{Controller, Info};
use crate::app::action::{Action, Entry};
use crate::app::export::{Offer, Snapshot, TABLES};
use crate::app::key::Key;
use crate::app::table::{AxisKind, TableKind, TableSpec, WordSort};
use crate::app::{App, Level, Model, View};
use crate::base::terms::ModelId;
use crate::engine::Phase;

const INFO: Info = Info {
    keys: &[Key::char('1')],
    title: "Words",
    short_title: Some("Words"),
    name: "words",
    help: "the words of one model, best first",
    actions: &[word_tables::ACTIONS, &[Action::Ratings, Action::AllPrompts, Action::CloseModel]],
};

/// What the view keeps.
#[derive(Debug, Default)]
pub struct WordsState {
    /// The order of the rows.
    pub order: Order<WordSort>,
    /// The column of ratings that scores are set beside; none where histograms are shown.
    pub rating: Option<usize>,
}

pub(super) struct WordsView;

impl Controller for WordsView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, app: &App) -> Option<TableSpec> {
        let Order { by, reversed } = app.views.words.order;
        Some(TableSpec { kind: TableKind::Words(by), reversed, model: app.focus, other: None })
    }

    fn lines_above_rows(&self, app: &App) -> u16 {
        match app.views.words.rating {
            Some(_) => scatter_lines(app.size) + 1,
            None => lines_above_rows(app.size, app.universe.corpus.categories.len()),
        }
    }

    fn step(&self, app: &mut App, by: isize) {
        word_tables::step(app, by);
    }

    fn to_top(&self, app: &mut App) {
        app.cursor.top();
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        if app.views.words.order.perform(action, &WordSort::ALL) {
            app.rank_now();
            return true;
        }
        match action {
            Action::Axis => app.next_axis(),
            Action::Ratings => app.next_rating(),
            Action::CloseModel => app.close_failed(),
            _ => return app.perform_common(action),
        }
        true
    }

    fn hint(&self, app: &App, entry: &Entry) -> Option<&'static str> {
        match entry.action {
            Action::CloseModel => app.failure_in_place_of_words().map(|_| entry.name),
            Action::Ratings => app.ratings.names().next().map(|_| entry.name),
            _ => app.common_hint(entry),
        }
    }

    /// One model differs from nothing, but may be made of two.
    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model> {
        app.focused().into_iter().collect()
    }

    fn shows_failure_of(&self, app: &App, model: ModelId) -> bool {
        app.focus == Some(model) && app.failure_in_place_of_words().is_some()
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        word_tables::offer(app, None, TABLES)
    }

    fn snapshot(&self, app: &App, ending: &str, everything: bool) -> Option<Box<dyn Snapshot>> {
        word_tables::snapshot(app, ending, everything)
    }
}

impl App {
    /// Why the model on the screen could not be opened, where the view says so in the place of its words.
    pub fn failure_in_place_of_words(&self) -> Option<&str> {
        let model = self.focused().filter(|_| self.view == View::Words)?;
        let known = self.table().filter(|table| table.key.model == Some(model.id)).is_some_and(|table| table.left.scored > 0);
        match &model.phase {
            Phase::Failed(why) if !known => Some(why),
            _ => None,
        }
    }

    /// Closes the model on the screen, where its failure is all there is to see.
    fn close_failed(&mut self) {
        if self.failure_in_place_of_words().is_none() {
            let models = Action::Show(View::Models).key_text();
            return self.notify(Level::Info, format!("models are closed in their list: {models} shows it"));
        }
        if let Some(at) = self.models.iter().position(|model| Some(model.id) == self.focus) {
            self.close(at);
        }
    }

    /// Scores beside the next column of ratings; after the last, histograms again.
    fn next_rating(&mut self) {
        let columns = self.ratings.names().count();
        if columns == 0 {
            return self.notify(Level::Info, "no ratings are given: start with --ratings FILE, a table of words and numbers");
        }
        let next = self.views.words.rating.map_or(0, |column| column + 1);
        self.views.words.rating = (next < columns).then_some(next);
        self.rank_now();
    }

    /// Bars over z-scores or over rewards, here and in a comparison.
    pub(super) fn next_axis(&mut self) {
        self.axis = if self.axis == AxisKind::Z { AxisKind::Reward } else { AxisKind::Z };
        self.rank_now();
    }
}

/// The axis and the histograms, then the titles of the columns.
fn lines_above_rows(size: (u16, u16), categories: usize) -> u16 {
    match histogram_layout(size, categories).lines {
        0 => 1,
        lines => lines + 2,
    }
}

/// Lines of the points that show scores beside ratings, and of the axis below them.
pub fn scatter_lines(size: (u16, u16)) -> u16 {
    (size.1.saturating_sub(8) / 2).clamp(4, 24)
}

/// From this width on, two histograms are shown side by side.
const ABREAST: u16 = 76;
/// Below this width of its own, a histogram has short columns beside it.
pub const NARROW: usize = 56;

/// The block of histograms above the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histograms {
    /// Categories side by side.
    pub columns: usize,
    /// Lines of categories, without the axis above them; 0 where the corpus has none.
    pub lines: u16,
    /// How many categories are shown; the rest are counted.
    pub shown: usize,
    /// Width of a histogram in cells.
    pub bins: usize,
}

/// The histograms of so many categories on a screen of this size.
pub fn histogram_layout(size: (u16, u16), categories: usize) -> Histograms {
    let most_lines = usize::from((size.1.saturating_sub(12) / 3).max(2));
    // One above the other they compare best; side by side only where there are too many for that, and then with some lines more
    // if that shows all of them.
    let columns = if size.0 >= ABREAST && categories > most_lines { 2 } else { 1 };
    let all = categories.div_ceil(columns);
    let most_lines =
        if columns > 1 && all <= usize::from(size.1.saturating_sub(12) / 2) { most_lines.max(all) } else { most_lines };
    let most = most_lines * columns;
    // One line less where a line has to say how many are left out.
    let shown = if categories > most { most - columns } else { categories };
    let lines = (shown.div_ceil(columns) + usize::from(shown < categories)) as u16;
    let column_width = usize::from(size.0) / columns;
    let bins = if column_width < NARROW { column_width.saturating_sub(28) } else { column_width.saturating_sub(48) };
    Histograms { columns, lines, shown, bins: bins.clamp(12, 64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::layout;

    #[test]
    fn a_small_terminal_keeps_most_of_its_lines_for_words() {
        let h = histogram_layout((80, 24), 2);
        assert_eq!((h.columns, h.lines, h.shown), (1, 2, 2));
        let rows = |size, categories| layout::rows(size, lines_above_rows(size, categories));
        assert_eq!(rows((80, 24), 2), 15);
        let many = histogram_layout((80, 24), 10);
        assert_eq!((many.columns, many.lines, many.shown), (2, 5, 10), "ten foundations are all there");
        let more = histogram_layout((80, 24), 20);
        assert_eq!((more.lines, more.shown), (4, 6), "a line says how many are left out");
        assert_eq!((histogram_layout((60, 24), 10).columns, histogram_layout((60, 24), 10).shown), (1, 3));
        assert_eq!((histogram_layout((160, 50), 10).lines, histogram_layout((160, 50), 20).lines), (10, 10));
        assert_eq!(rows((60, 16), 0), 10);
    }
}
