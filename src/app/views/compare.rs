//! The view of two models side by side, the same word in each row.

use super::word_tables::{self, Order};
use super::{Controller, Info};
use crate::app::action::Action;
use crate::app::export::{Offer, Snapshot, TABLES};
use crate::app::key::Key;
use crate::app::table::{CompareSort, TableKind, TableSpec};
use crate::app::{App, Level, Model};
use crate::base::terms::ModelId;
use crate::base::text::count;
use crate::engine::Phase;

const INFO: Info = Info {
    keys: &[Key::char('2')],
    title: "Compare",
    short_title: Some("Compare"),
    name: "compare",
    help: "two models side by side, the same word in each row",
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
        Some(TableSpec { kind: TableKind::Compare(by), reversed, model: app.focus, other })
    }

    /// The models and their agreement, then the titles of the columns.
    fn lines_above_rows(&self, _app: &App) -> u16 {
        2
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
            Action::Axis => app.next_axis(),
            Action::OtherModel => app.compare_with_next(),
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

impl App {
    /// Another model on the right-hand side.
    fn compare_with_next(&mut self) {
        let others: Vec<ModelId> = self.models.iter().map(|m| m.id).filter(|&id| Some(id) != self.focus).collect();
        if others.len() < 2 {
            let open = Action::OpenModel.key_text();
            return self.notify(Level::Info, format!("no third model is open: {open} opens another"));
        }
        let at = others.iter().position(|&id| Some(id) == self.other().map(|m| m.id)).unwrap_or(0);
        self.other = Some(others[(at + 1) % others.len()]);
        self.rank_now();
    }
}
