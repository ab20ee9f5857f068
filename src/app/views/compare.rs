//! The view of two models side by side: how far apart they are in each category, then the same word in each row.

use super::word_tables::{self, Order};
use super::{Controller, Info};
use crate::app::action::Action;
use crate::app::export::{Offer, Snapshot, TABLES};
use crate::app::key::Key;
use crate::app::table::{CompareSort, TableKind, TableSpec};
use crate::app::{App, Level, Model, layout};
use crate::base::terms::Unit;
use crate::base::text::count;
use crate::engine::Phase;

const INFO: Info = Info {
    keys: &[Key::char('2')],
    title: "Compare",
    short_title: Some("Compare"),
    name: "compare",
    help: "two models side by side: where each leans, and by how much, over categories and words",
    actions: &[word_tables::ACTIONS, &[Action::AllPrompts, Action::OtherModel]],
};

/// What the view keeps.
#[derive(Debug, Default)]
pub struct CompareState {
    /// The order of the rows.
    pub order: Order<CompareSort>,
}

pub(super) struct CompareView;

impl Controller for CompareView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, app: &App) -> Option<TableSpec> {
        let Order { by, reversed } = app.views.compare.order;
        let other = app.other().map(|model| model.id);
        let bins = distribution_layout(app.size, app.universe.corpus.categories.len()).bins;
        Some(TableSpec { kind: TableKind::Compare(by), reversed, model: app.focus, other, bins })
    }

    fn lines_above_rows(&self, app: &App) -> u16 {
        distribution_layout(app.size, app.universe.corpus.categories.len()).lines_above_rows()
    }

    fn step(&self, app: &mut App, by: isize) {
        word_tables::step(app, by);
    }

    fn to_top(&self, app: &mut App) {
        app.cursor.top();
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        if app.views.compare.order.perform(action, &CompareSort::ALL) {
            app.rank_now();
            return true;
        }
        match action {
            Action::Axis => app.next_common_axis(),
            Action::OtherModel => app.choose_compared(),
            _ => return app.perform_common(action),
        }
        true
    }

    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model> {
        word_tables::models_of_table(app)
    }

    /// How many words both models have, where one of them lacks some that it will not get.
    fn caveat(&self, app: &App) -> Option<[String; 2]> {
        let table = app.table()?;
        let (left, right) = (&table.left, table.right.as_ref()?);
        let most = left.scored.max(right.scored);
        let lacks = |scored: usize, id| scored < most && app.model(id).is_some_and(|model| !is_at_work(model));
        let torn = left.ranked < left.scored.min(right.scored);
        let is_doubtful = torn || lacks(left.scored, table.key.model?) || lacks(right.scored, table.key.other?);
        let [common, left, right] = [left.ranked, left.scored, right.scored].map(count);
        let long = format!("ranks over {common} words that both have, of {left} and {right}");
        is_doubtful.then(|| [long, format!("{common} common words, of {left} and {right}")])
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        word_tables::offer(app, None, TABLES)
    }

    fn snapshot(&self, app: &App, ending: &str, everything: bool) -> Option<Box<dyn Snapshot>> {
        word_tables::snapshot(app, ending, everything)
    }
}

/// Whether more scores may come from a model without being asked for.
fn is_at_work(model: &Model) -> bool {
    !matches!(model.phase, Phase::Idle | Phase::Failed(_) | Phase::Cancelled)
}

/// The block of distributions above the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distributions {
    /// How many categories are shown; the rest are counted.
    pub shown: usize,
    /// Lines of the histogram of one model, which the other's mirrors; 0 where a category has one line with both medians.
    pub half: u16,
    /// Whether a line says how many categories are left out.
    pub counts_rest: bool,
    /// Cells before a distribution: the category.
    pub left: u16,
    /// Cells of a distribution.
    pub bins: usize,
    /// Whether there is room for all numbers behind it: the interval, and where a category has one line, both medians.
    pub wide: bool,
}

impl Distributions {
    /// Lines of one category: a half, the axis and the other half.
    pub fn lines_of_category(self) -> u16 {
        2 * self.half + 1
    }

    /// The names of the models, the axis, the categories, and the titles of the columns of words.
    pub fn lines_above_rows(self) -> u16 {
        let categories = self.shown as u16 * self.lines_of_category() + u16::from(self.counts_rest);
        2 + categories + u16::from(categories > 0)
    }
}

/// The distributions of so many categories on a screen of this size.
pub fn distribution_layout(size: (u16, u16), categories: usize) -> Distributions {
    const MOST_HALF: usize = 3;
    const BINS: u16 = 72;
    let body = usize::from(size.1.saturating_sub(layout::HEADER + layout::FOOTER));
    // Pictures take a third of the lines. A line a category is a table, and takes up to half of them.
    let lines = body / 3 / categories.max(1);
    let half = (lines.saturating_sub(1) / 2).min(MOST_HALF);
    let most = if half > 0 { categories } else { (body / 2).max(2) };
    let counts_rest = categories > most;
    let shown = if counts_rest { most - 1 } else { categories };
    let wide = size.0 >= 76;
    let (left, right) = match (half > 0, wide) {
        (true, true) => (16, 28),
        (true, false) => (15, 13),
        (false, true) => (20, 38),
        (false, false) => (15, 13),
    };
    let bins = size.0.saturating_sub(left + right).clamp(12, BINS);
    // Names of categories take what is left.
    let left = (size.0.saturating_sub(bins + right)).clamp(left, left + 14);
    Distributions { shown, half: half as u16, counts_rest, left, bins: usize::from(bins), wide }
}

impl App {
    /// Another model on the right-hand side, from a list.
    fn choose_compared(&mut self) {
        if self.models.len() < 3 {
            let open = Action::OpenModel.key_text();
            return self.notify(Level::Info, format!("no third model is open: {open} opens another"));
        }
        self.open_compared();
    }

    /// Bars over z-scores or over rewards, where the two models' scores are of one unit.
    fn next_common_axis(&mut self) {
        let units: Vec<Unit> = word_tables::models_of_table(self).iter().map(|model| model.unit()).collect();
        match units[..] {
            [a, b] if a != b => {
                let units = format!("{} and {}", a.title(), b.title());
                self.notify(Level::Info, format!("{units} have no axis in common: bars show z-scores"));
            }
            _ => self.next_axis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_take_a_third_of_the_lines_and_many_categories_a_line_each() {
        let rows = |size, categories| layout::rows(size, distribution_layout(size, categories).lines_above_rows());
        let few = distribution_layout((80, 24), 2);
        assert_eq!((few.half, few.shown, rows((80, 24), 2)), (1, 2, 10));
        assert_eq!((distribution_layout((120, 36), 2).half, rows((120, 36), 2)), (2, 18));
        assert_eq!((distribution_layout((160, 50), 2).half, rows((160, 50), 2)), (3, 28));
        let many = distribution_layout((80, 24), 10);
        assert_eq!((many.half, many.shown, many.counts_rest, rows((80, 24), 10)), (0, 8, true, 7));
        assert_eq!((distribution_layout((160, 50), 10).half, distribution_layout((160, 50), 10).shown), (0, 10));
        assert_eq!(rows((60, 16), 0), 9);
        assert_eq!(distribution_layout((60, 16), 2).half, 0);
    }
}
