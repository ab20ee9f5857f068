//! The one list of what can be done: keymap, hints, help, palette and the README's table are read from it.

use super::View;
use super::key::{Key, KeyCode};

/// What a user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens a view.
    Show(View),
    /// Shows the next opened model.
    NextModel,
    /// Shows the opened model before.
    PreviousModel,
    /// Turns to the next page of the view.
    NextPage,
    /// Turns to the page of the view before.
    PreviousPage,
    /// Moves to the next panel or set of data.
    NextPanel,
    /// Moves to the panel or set of data before.
    PreviousPanel,
    /// Fills the page with the panel under the cursor, or goes back to all panels.
    Zoom,
    /// Moves the cursor one row down.
    Down,
    /// Moves the cursor one row up.
    Up,
    /// Moves the cursor one page down.
    PageDown,
    /// Moves the cursor one page up.
    PageUp,
    /// Moves the cursor to the first row.
    Top,
    /// Moves the cursor to the last row.
    Bottom,
    /// Orders the rows by the next column.
    Sort,
    /// Orders the rows by the column before.
    SortBack,
    /// Reverses the order of the rows.
    Reverse,
    /// Begins a search for words.
    Search,
    /// Moves the cursor to the next word that the search found.
    NextMatch,
    /// Moves the cursor to the word before that the search found.
    PreviousMatch,
    /// Opens the list of categories.
    Filter,
    /// Opens the list of prompts.
    Prompt,
    /// Asks the next prompt.
    NextPrompt,
    /// Asks the prompt before.
    PreviousPrompt,
    /// Has every prompt of the set scored, or only the current one.
    AllPrompts,
    /// Opens the list of word lists.
    Corpus,
    /// Opens the line in which own words are typed.
    AddWords,
    /// Shows own words alone, or all words again.
    OwnWords,
    /// Removes the own word under the cursor.
    RemoveWord,
    /// Adds the own word under the cursor to the word list.
    AddToList,
    /// Compares with the next model.
    OtherModel,
    /// Changes what bars and histograms measure, or the measure of implicit rewards.
    Axis,
    /// Sets scores beside the next column of ratings, in the place of histograms.
    Ratings,
    /// Opens the token inspector on the word under the cursor.
    Inspect,
    /// Opens the list of models.
    OpenModel,
    /// Closes a model.
    CloseModel,
    /// Shows the words of the model under the cursor.
    Select,
    /// Goes on after a cancel, or tries a failed model again.
    Resume,
    /// Takes one step back.
    Cancel,
    /// Copies the word under the cursor.
    Copy,
    /// Asks for the name of a file for what is shown.
    Export,
    /// Opens the list of themes.
    Theme,
    /// Opens the list of actions.
    Palette,
    /// Opens the help.
    Help,
    /// Leaves the explorer.
    Quit,
}

/// The part of the help in which an action is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionGroup {
    /// Actions that open a view or turn its pages.
    Views,
    /// Actions that move the cursor.
    Moving,
    /// Actions on a table of words.
    Table,
    /// Actions that decide which words and prompts are scored.
    Scoring,
    /// Actions that open, choose and close models.
    Models,
    /// Actions that belong to no view.
    General,
}

impl ActionGroup {
    /// Every group, in the order of the help.
    pub const ALL: [ActionGroup; 6] = [
        ActionGroup::Views,
        ActionGroup::Moving,
        ActionGroup::Table,
        ActionGroup::Scoring,
        ActionGroup::Models,
        ActionGroup::General,
    ];

    /// Its title in the help.
    pub fn name(self) -> &'static str {
        match self {
            ActionGroup::Views => "Views",
            ActionGroup::Moving => "Moving",
            ActionGroup::Table => "Table",
            ActionGroup::Scoring => "What is scored",
            ActionGroup::Models => "Models",
            ActionGroup::General => "General",
        }
    }
}

/// An action as users meet it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The action.
    pub action: Action,
    /// Its group in the help.
    pub group: ActionGroup,
    /// Its keys; the first is named in texts.
    pub keys: &'static [Key],
    /// A word or two, for hints and palette.
    pub name: &'static str,
    /// What it does, for help, palette and README.
    pub help: &'static str,
    /// It works in every view; any other works where a view lists it.
    pub everywhere: bool,
    /// Its rank in the line of hints, the lowest first; none for an action that is not named there.
    pub hint: Option<u8>,
}

/// Ranks of hints: actions that only the row under the cursor has come first; then the important ones, the others, those that
/// wide screens alone have room for, and at the end those that every screen shows.
const HERE: Option<u8> = Some(0);
const FIRST: Option<u8> = Some(1);
const SECOND: Option<u8> = Some(2);
const THIRD: Option<u8> = Some(3);
/// The rank of hints that stay on the screen whatever its width.
pub const LAST: Option<u8> = Some(4);

/// It works in every view.
const EVERYWHERE: bool = true;
/// It works in the views that list it.
const LISTED: bool = false;

const fn entry(
    action: Action,
    group: ActionGroup,
    keys: &'static [Key],
    name: &'static str,
    help: &'static str,
    everywhere: bool,
    hint: Option<u8>,
) -> Entry {
    Entry { action, group, keys, name, help, everywhere, hint }
}

const fn c(c: char) -> Key {
    Key::char(c)
}

const fn k(code: KeyCode) -> Key {
    Key::plain(code)
}

/// Every action but those that open a view, which are made from the views; hints appear in this order.
#[rustfmt::skip]
pub const ACTIONS: &[Entry] = {
    use Action::*;
    use ActionGroup::{General, Models, Moving, Scoring, Table, Views};
    &[
        entry(NextModel, Views, &[k(KeyCode::Tab)], "flip", "flip to the next model; word, sort and filter stay", LISTED, FIRST),
        entry(PreviousModel, Views, &[k(KeyCode::BackTab)], "flip back", "flip to the previous model", LISTED, None),
        entry(NextPage, Views, &[k(KeyCode::Tab)], "page", "statistics and ablation: the next page", LISTED, FIRST),
        entry(PreviousPage, Views, &[k(KeyCode::BackTab)], "page back", "statistics and ablation: the page before", LISTED, None),
        entry(NextPanel, Views, &[c(']'), k(KeyCode::Right)], "panel", "statistics: the next panel; ablation: the next set of data", LISTED, SECOND),
        entry(PreviousPanel, Views, &[c('['), k(KeyCode::Left)], "panel back", "statistics: the panel before; ablation: the set of data before", LISTED, None),
        entry(Zoom, Views, &[k(KeyCode::Enter)], "by model", "the panel under the cursor model by model, and back; of agreement, the two models side by side", LISTED, FIRST),

        entry(Down, Moving, &[c('j'), k(KeyCode::Down)], "down", "one row down", EVERYWHERE, None),
        entry(Up, Moving, &[c('k'), k(KeyCode::Up)], "up", "one row up", EVERYWHERE, None),
        entry(PageDown, Moving, &[k(KeyCode::PageDown), Key::control('d')], "page down", "one page down", EVERYWHERE, None),
        entry(PageUp, Moving, &[k(KeyCode::PageUp), Key::control('u')], "page up", "one page up", EVERYWHERE, None),
        entry(Top, Moving, &[c('g'), k(KeyCode::Home)], "top", "to the first row, and stay there while rows move", EVERYWHERE, None),
        entry(Bottom, Moving, &[c('G'), k(KeyCode::End)], "bottom", "to the last row", EVERYWHERE, None),

        entry(Search, Table, &[c('/')], "search", "find words as you type; Enter keeps the search, Esc goes back", LISTED, FIRST),
        entry(NextMatch, Table, &[c('n')], "next match", "to the next match", LISTED, None),
        entry(PreviousMatch, Table, &[c('N')], "previous match", "to the previous match", LISTED, None),
        entry(Filter, Table, &[c('f')], "filter", "choose the categories to show", LISTED, FIRST),
        entry(Sort, Table, &[c('s'), c('>')], "sort", "order by the next column", LISTED, FIRST),
        entry(SortBack, Table, &[c('<')], "sort back", "order by the previous column", LISTED, None),
        entry(Reverse, Table, &[c('S')], "reverse", "reverse the order", LISTED, None),
        entry(Axis, Table, &[c('z')], "axis", "bars and histograms over z-scores or over raw rewards; implicit rewards as MWLR or as log ratio", LISTED, None),
        entry(Ratings, Table, &[c('v')], "ratings", "scores beside each column of `--ratings` in turn, then histograms again", LISTED, None),
        entry(Inspect, Table, &[c('i')], "tokens", "look at the word as the model reads it: tokens, rewards, layers, warnings", LISTED, FIRST),
        entry(Copy, Table, &[c('y')], "copy word", "copy the word, also over SSH", LISTED, None),
        entry(Export, Table, &[c('e')], "export", "write what is shown to a file: a table as CSV, JSON lines or Parquet, a picture as SVG or PNG, a card also as Markdown, JSON or text", LISTED, SECOND),

        entry(Prompt, Scoring, &[c('p')], "prompt", "choose the prompt, or type a new one", LISTED, FIRST),
        entry(NextPrompt, Scoring, &[c(']')], "next prompt", "to the next prompt of the set", LISTED, None),
        entry(PreviousPrompt, Scoring, &[c('[')], "previous prompt", "to the previous prompt of the set", LISTED, None),
        entry(AllPrompts, Scoring, &[c('a')], "all prompts", "score every prompt of the set in the background, or stop doing so", LISTED, SECOND),
        entry(AddWords, Scoring, &[c('w')], "add words", "type own words: scored first, shown at the place that they would have, and in no statistic", LISTED, THIRD),
        entry(OwnWords, Scoring, &[c('W')], "own words", "show own words alone, or all words again", LISTED, SECOND),
        entry(RemoveWord, Scoring, &[c('d'), k(KeyCode::Delete)], "remove word", "remove the own word under the cursor", LISTED, HERE),
        entry(AddToList, Scoring, &[c('+')], "add to list", "add the own word under the cursor to the word list: it then counts in ranks, statistics and cards", LISTED, HERE),
        entry(Corpus, Scoring, &[c('c')], "corpus", "choose the word list", LISTED, THIRD),
        entry(Resume, Scoring, &[c('r')], "go on", "go on after a cancel; try a failed model again", EVERYWHERE, None),

        entry(OtherModel, Models, &[c('o')], "other model", "compare with the next model", LISTED, FIRST),
        entry(OpenModel, Models, &[c('m')], "models", "open a model: catalogue, cache, path or repository id", EVERYWHERE, THIRD),
        entry(Select, Models, &[k(KeyCode::Enter)], "show", "show the words of the model under the cursor", LISTED, FIRST),
        entry(CloseModel, Models, &[c('x')], "close", "close the model under the cursor, or the one on the screen where it failed", LISTED, FIRST),

        entry(Palette, General, &[c(':'), Key::control('p')], "actions", "find an action by its name", EVERYWHERE, None),
        entry(Theme, General, &[c('t')], "theme", "choose the colours", EVERYWHERE, None),
        entry(Help, General, &[c('?'), k(KeyCode::F(1))], "help", "this list", EVERYWHERE, LAST),
        entry(Cancel, General, &[k(KeyCode::Esc)], "cancel", "close what is open, end the search, then cancel downloading and scoring", EVERYWHERE, None),
        entry(Quit, General, &[c('q'), Key::control('c')], "quit", "leave", EVERYWHERE, LAST),
    ]
};

/// Every action, those that open a view first.
pub fn entries() -> impl Iterator<Item = Entry> {
    View::ALL.into_iter().map(View::entry).chain(ACTIONS.iter().copied())
}

/// Every action that works in a view.
pub fn entries_in(view: View) -> impl Iterator<Item = Entry> {
    entries().filter(move |entry| entry.works_in(view))
}

impl Action {
    /// What a key does in a view.
    pub fn for_key(key: Key, view: View) -> Option<Action> {
        entries_in(view).find(|entry| entry.keys.contains(&key)).map(|entry| entry.action)
    }

    /// How the action is shown to users; every action has an entry.
    pub fn entry(self) -> Option<Entry> {
        entries().find(|entry| entry.action == self)
    }

    /// The key to press for it, as text.
    pub fn key_text(self) -> String {
        self.entry().and_then(|e| e.keys.first()).map(Key::to_string).unwrap_or_default()
    }
}

impl Entry {
    /// Whether it works in a view.
    pub fn works_in(&self, view: View) -> bool {
        self.everywhere || view.info().actions.iter().any(|actions| actions.contains(&self.action))
    }

    /// All its keys: `j, Down`.
    pub fn keys_text(&self) -> String {
        self.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The key table as Markdown, for the README.
pub fn markdown() -> String {
    let mut out = String::from("| key | does |\n| --- | --- |\n");
    for group in ActionGroup::ALL {
        for entry in entries().filter(|entry| entry.group == group) {
            let keys: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
            out.push_str(&format!("| {} | {} |\n", keys.join(" "), entry.help));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_view() {
        for view in View::ALL {
            let mut seen = Vec::new();
            for entry in entries_in(view) {
                for key in entry.keys {
                    assert!(!seen.contains(key), "{key} twice in {view:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn every_action_has_one_entry_with_keys_and_help() {
        for entry in entries() {
            assert_eq!(entries().filter(|e| e.action == entry.action).count(), 1, "{:?}", entry.action);
            assert!(!entry.keys.is_empty() && !entry.help.is_empty(), "{:?}", entry.action);
            assert!(View::ALL.into_iter().any(|view| entry.works_in(view)), "no view has {:?}", entry.action);
        }
    }

    #[test]
    fn the_readme_has_this_table() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&markdown()), "put this table into the README:\n{}", markdown());
    }

    #[test]
    fn keys_follow_the_view() {
        assert_eq!(Action::for_key(Key::char('s'), View::Words), Some(Action::Sort));
        assert_eq!(Action::for_key(Key::char('s'), View::Models), None);
        assert_eq!(Action::for_key(Key::char('o'), View::Words), None);
        assert_eq!(Action::for_key(Key::char('o'), View::Compare), Some(Action::OtherModel));
    }
}
