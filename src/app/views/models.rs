//! The view of the opened models: what each is doing, and all that is known of the one under the cursor.

use super::{Controller, Info, View};
use crate::app::action::{Action, Entry};
use crate::app::export::{Offer, Snapshot};
use crate::app::key::Key;
use crate::app::table::TableSpec;
use crate::app::{App, Model};
use crate::base::terms::ModelId;

const INFO: Info = Info {
    keys: &[Key::char('4')],
    title: "Models",
    short_title: Some("Models"),
    name: "models",
    help: "opened models: progress, memory, provenance, errors",
    actions: &[&[Action::NextModel, Action::PreviousModel, Action::Select, Action::CloseModel]],
};

/// What the view keeps.
#[derive(Debug, Default)]
pub struct ModelsState {
    /// The row under the cursor: an index into [`App::models`].
    pub cursor: usize,
}

pub(super) struct ModelsView;

impl Controller for ModelsView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, _app: &App) -> Option<TableSpec> {
        None
    }

    /// The titles of the columns.
    fn lines_above_rows(&self, _app: &App) -> u16 {
        1
    }

    fn step(&self, app: &mut App, by: isize) {
        let cursor = &mut app.views.models.cursor;
        *cursor = cursor.saturating_add_signed(by).min(app.models.len().saturating_sub(1));
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        let cursor = app.views.models.cursor;
        match action {
            Action::Select => {
                app.focus = app.models.get(cursor).map(|model| model.id);
                app.view = View::Words;
                app.plan();
                app.rank_now();
            }
            Action::CloseModel => app.close(cursor),
            Action::Resume => app.resume(app.models.get(cursor).map(|model| model.id)),
            _ => return app.perform_common(action),
        }
        true
    }

    fn hint(&self, app: &App, entry: &Entry) -> Option<&'static str> {
        match entry.action {
            Action::Select | Action::CloseModel => (!app.models.is_empty()).then_some(entry.name),
            _ => app.common_hint(entry),
        }
    }

    fn compared<'a>(&self, _app: &'a App) -> Vec<&'a Model> {
        Vec::new()
    }

    fn shows_failure_of(&self, _app: &App, _model: ModelId) -> bool {
        true
    }

    fn offer(&self, _app: &App) -> Option<Offer> {
        None
    }

    fn snapshot(&self, _app: &App, _ending: &str, _everything: bool) -> Option<Box<dyn Snapshot>> {
        None
    }
}
