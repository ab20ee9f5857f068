//! The views: what can fill the screen, listed once. A view is a module here and one of the same name in `ui::views`.
//!
//! All that a view decides is in its module, which implements `Controller`; the rest of the state asks the view on the screen
//! and knows none of them by name. To add one: its module, a variant of [`View`], and its place in the two lists below it.

pub mod ablation;
pub mod card;
pub mod compare;
pub mod implicit;
pub mod models;
pub mod statistics;
mod word_tables;
pub mod words;

use std::time::Duration;

pub use word_tables::Order;

use super::action::{Action, ActionGroup, Entry};
use super::export::{Offer, Snapshot};
use super::key::Key;
use super::table::TableSpec;
use super::{App, Model};
use crate::base::terms::ModelId;
use crate::engine::Job;

/// What fills the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum View {
    /// The words of one model, best first.
    #[default]
    Words,
    /// Two models side by side.
    Compare,
    /// What the study measures, from all opened models.
    Statistics,
    /// The opened models.
    Models,
    /// One model's values on a page.
    Card,
    /// The reward that is implicit in two language models.
    Implicit,
    /// Trainings over their checkpoints.
    Ablation,
}

impl View {
    /// Every view, in the order of the tabs.
    pub const ALL: [View; 7] =
        [View::Words, View::Compare, View::Statistics, View::Models, View::Card, View::Implicit, View::Ablation];

    pub(super) fn controller(self) -> &'static dyn Controller {
        match self {
            View::Words => &words::WordsView,
            View::Compare => &compare::CompareView,
            View::Statistics => &statistics::StatisticsView,
            View::Models => &models::ModelsView,
            View::Card => &card::CardView,
            View::Implicit => &implicit::ImplicitView,
            View::Ablation => &ablation::AblationView,
        }
    }

    /// How the view is named and reached.
    pub fn info(self) -> &'static Info {
        self.controller().info()
    }

    /// The action that opens the view.
    pub(super) fn entry(self) -> Entry {
        let Info { keys, name, help, .. } = *self.info();
        Entry { action: Action::Show(self), group: ActionGroup::Views, keys, name, help, everywhere: true, hint: None }
    }
}

/// How a view is named and reached, and which actions it has beside those that work everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Keys that open it; the first is shown on its tab.
    pub keys: &'static [Key],
    /// Its name on its tab.
    pub title: &'static str,
    /// Its name on its tab on narrow screens; none for a tab that shows its key alone there.
    pub short_title: Option<&'static str>,
    /// Its name in the list of actions.
    pub name: &'static str,
    /// What it shows, for help and README.
    pub help: &'static str,
    /// Lists of actions that work in it.
    pub actions: &'static [&'static [Action]],
}

/// The notice on a page that has no panels or sets of data to move between.
const ONE_PART: &str = "this page has one part: the first page has several";

/// What each view keeps for itself.
#[derive(Debug, Default)]
pub struct Views {
    /// Of the words.
    pub words: words::WordsState,
    /// Of the comparison.
    pub compare: compare::CompareState,
    /// Of the statistics.
    pub statistics: statistics::StatisticsState,
    /// Of the list of models.
    pub models: models::ModelsState,
    /// Of the card.
    pub card: card::CardState,
    /// Of the implicit reward.
    pub implicit: implicit::ImplicitState,
    /// Of the trainings.
    pub ablation: ablation::AblationState,
}

/// What a view decides. A method that has no body here is one that every view must answer; the others say what holds for a
/// view that has nothing of the kind.
pub(super) trait Controller {
    /// How it is named and reached.
    fn info(&self) -> &'static Info;

    /// The table of words that it shows; none for a view that is no such table.
    fn table(&self, app: &App) -> Option<TableSpec>;

    /// Lines between the header and the first row of its list.
    fn lines_above_rows(&self, app: &App) -> u16;

    /// Moves its cursor by so many rows.
    fn step(&self, app: &mut App, by: isize);

    /// Moves its cursor to the first row.
    fn to_top(&self, app: &mut App) {
        self.step(app, isize::MIN / 2);
    }

    /// Carries an action out; false where the action does nothing in this view.
    fn perform(&self, app: &mut App, action: Action) -> bool {
        app.perform_common(action)
    }

    /// What an action would do here and now, in a word or two; none where it would do nothing.
    fn hint(&self, app: &App, entry: &Entry) -> Option<&'static str> {
        app.common_hint(entry)
    }

    /// Whether one part fills the view, so that Esc goes back to all of them.
    fn is_zoomed(&self, _app: &App) -> bool {
        false
    }

    /// The models that it sets side by side.
    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model>;

    /// What else makes its numbers doubtful, in more words and in fewer.
    fn caveat(&self, _app: &App) -> Option<[String; 2]> {
        None
    }

    /// Whether it says itself why a model could not be opened.
    fn shows_failure_of(&self, _app: &App, _model: ModelId) -> bool {
        false
    }

    /// What there is to write to a file; none while there is nothing.
    fn offer(&self, app: &App) -> Option<Offer>;

    /// What a file with this ending is made from; `everything` where the user chose all scores of the session.
    fn snapshot(&self, app: &App, ending: &str, everything: bool) -> Option<Box<dyn Snapshot>>;

    /// Jobs that whoever looks at the view waits for.
    fn first_jobs(&self, _app: &App) -> Vec<Job> {
        Vec::new()
    }

    /// Takes note that scores, models or words are others than before.
    fn data_changed(&self, _app: &mut App) {}

    /// Asks for what it shows, where that is older than what it is made of.
    fn request(&self, _app: &mut App) {}

    /// When it will have something to ask for.
    fn deadline(&self, _app: &App) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Startup;
    use crate::app::action::ACTIONS;

    #[test]
    fn every_action_that_a_view_lists_is_taken_in_it() {
        for view in View::ALL {
            for entry in ACTIONS.iter().filter(|entry| entry.works_in(view)) {
                let mut app = App::new(Startup::default()).0;
                app.view = view;
                assert!(app.perform(entry.action), "{:?} does nothing in {view:?}", entry.action);
            }
        }
    }

    #[test]
    fn each_view_is_listed_once_under_its_own_name_and_key() {
        for (at, view) in View::ALL.into_iter().enumerate() {
            let info = view.info();
            assert!(View::ALL[..at].iter().all(|other| *other != view && other.info().title != info.title));
            assert!(!info.keys.is_empty() && !info.help.is_empty() && !info.name.is_empty(), "{view:?}");
        }
        assert_eq!(View::ALL, <View as strum::VariantArray>::VARIANTS, "every variant is in the list");
    }
}
