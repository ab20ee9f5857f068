//! A list to choose from, narrowed by typing: fuzzy, best match first.

use std::collections::BTreeSet;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::input::Input;
use super::key::{Key, KeyCode};
use crate::base::terms::Family;

/// What is being chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// A model to open.
    Model,
    /// The model on the right-hand side of a comparison.
    Compared,
    /// A prompt to ask.
    Prompt,
    /// A word list.
    Corpus,
    /// Categories to show.
    Filter,
    /// A theme.
    Theme,
    /// An action.
    Action,
}

/// One line of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The text that is matched and chosen.
    pub label: String,
    /// Said beside it; matched as well.
    pub detail: String,
    /// Where it comes from: `bundled`, `catalogue`, `recorded`.
    pub group: String,
    /// The family of a model.
    pub family: Option<Family>,
    /// It is shown now, or opened already.
    pub current: bool,
    /// It cannot be chosen, and the detail says why.
    pub broken: bool,
}

/// What Enter takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Index into [`Picker::items`].
    Item(usize),
    /// The typed text.
    Typed(String),
}

/// A list to choose from, and what was typed to narrow it.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What is being chosen.
    pub kind: PickerKind,
    /// The title of its box.
    pub title: &'static str,
    /// What was typed.
    pub input: Input,
    /// Everything that can be chosen.
    pub items: Vec<Item>,
    /// Indices of the items that match, best first, each with the matched characters of its label.
    pub shown: Vec<(usize, Vec<u32>)>,
    /// The line under the cursor; with a typed line, that line is number `shown.len()`.
    pub cursor: usize,
    /// The verb for taking the typed text itself: `ask`, `open`; none where only items can be chosen.
    pub takes_text: Option<&'static str>,
    /// Chosen so far, where several can be.
    pub marked: Option<Marks>,
}

/// The ticked items of a list. Its first item means all the others; one of these at least is always ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    ticked: BTreeSet<usize>,
    /// How many items there are.
    of: usize,
    /// Something was ticked or unticked since the list was opened.
    pub changed: bool,
}

impl Marks {
    /// The item that means all the others.
    pub const ALL: usize = 0;

    /// Of `of` items besides the first; all where none is given.
    pub fn new(ticked: impl IntoIterator<Item = usize>, of: usize) -> Marks {
        let ticked: BTreeSet<usize> = ticked.into_iter().collect();
        let ticked = if ticked.is_empty() { (1..=of).collect() } else { ticked };
        Marks { ticked, of, changed: false }
    }

    /// Whether an item is ticked.
    pub fn has(&self, item: usize) -> bool {
        if item == Marks::ALL { self.is_all() } else { self.ticked.contains(&item) }
    }

    /// Whether every item is ticked.
    pub fn is_all(&self) -> bool {
        self.ticked.len() == self.of
    }

    /// The ticked items, without the one that means all.
    pub fn items(&self) -> impl ExactSizeIterator<Item = usize> {
        self.ticked.iter().copied()
    }

    /// False where it was the only one, which stays.
    fn toggle(&mut self, item: usize) -> bool {
        if item == Marks::ALL {
            self.ticked = (1..=self.of).collect();
        } else if self.ticked.contains(&item) && self.ticked.len() == 1 {
            return false;
        } else if !self.ticked.remove(&item) {
            self.ticked.insert(item);
        }
        self.changed = true;
        true
    }
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Stays,
    /// The cursor went to another line.
    Moved,
    /// An item was marked or unmarked.
    Marked,
    /// The only mark cannot be taken away.
    Kept,
    /// An item, or the typed text, was chosen.
    Chosen(Choice),
    /// The list was left without a choice.
    Closed,
}

impl Picker {
    /// A list of these items, the cursor on the current one.
    pub fn new(kind: PickerKind, title: &'static str, items: Vec<Item>) -> Picker {
        let cursor = items.iter().position(|item| item.current).unwrap_or(0);
        let shown = (0..items.len()).map(|i| (i, Vec::new())).collect();
        Picker { kind, title, input: Input::default(), items, shown, cursor, takes_text: None, marked: None }
    }

    /// Lines that the cursor can be on.
    pub fn lines(&self) -> usize {
        self.shown.len() + usize::from(self.typed().is_some())
    }

    /// The typed text, where it can be taken itself.
    pub fn typed(&self) -> Option<&str> {
        self.takes_text.and(Some(self.input.text())).filter(|text| !text.trim().is_empty())
    }

    /// What Enter would take.
    pub fn choice(&self) -> Option<Choice> {
        match self.shown.get(self.cursor) {
            Some(&(item, _)) => Some(Choice::Item(item)),
            None => self.typed().map(|text| Choice::Typed(text.to_owned())),
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Outcome {
        let last = self.lines().saturating_sub(1);
        let at = match (key.control, key.code) {
            (false, KeyCode::Esc) => return Outcome::Closed,
            (false, KeyCode::Enter) => return self.choice().map_or(Outcome::Stays, Outcome::Chosen),
            (false, KeyCode::Char(' ')) | (false, KeyCode::Tab) if self.marked.is_some() => return self.mark(),
            (false, KeyCode::Down | KeyCode::Tab) | (true, KeyCode::Char('n')) => {
                if self.cursor >= last {
                    0
                } else {
                    self.cursor + 1
                }
            }
            (false, KeyCode::Up | KeyCode::BackTab) | (true, KeyCode::Char('p')) => self.cursor.checked_sub(1).unwrap_or(last),
            (false, KeyCode::PageDown) => (self.cursor + 10).min(last),
            (false, KeyCode::PageUp) => self.cursor.saturating_sub(10),
            _ => {
                if self.input.key(key) {
                    self.narrow();
                    return Outcome::Moved;
                }
                return Outcome::Stays;
            }
        };
        let moved = at != self.cursor;
        self.cursor = at;
        if moved { Outcome::Moved } else { Outcome::Stays }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.input.insert(text.trim_end_matches(['\n', '\r']));
        self.narrow();
    }

    /// New items under the text typed so far.
    pub fn replace_items(&mut self, items: Vec<Item>) {
        let under = self.shown.get(self.cursor).map(|(i, _)| self.items[*i].label.clone());
        self.items = items;
        self.narrow();
        if let Some(at) = under.and_then(|label| self.shown.iter().position(|(i, _)| self.items[*i].label == label)) {
            self.cursor = at;
        }
    }

    fn mark(&mut self) -> Outcome {
        let (Some(marked), Some((item, _))) = (&mut self.marked, self.shown.get(self.cursor)) else { return Outcome::Stays };
        if marked.toggle(*item) { Outcome::Marked } else { Outcome::Kept }
    }

    fn narrow(&mut self) {
        let text = self.input.text().trim();
        // Details are long: letter by letter, anything would match them.
        let pattern = |kind| Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, kind);
        let (fuzzy, literal) = (pattern(AtomKind::Fuzzy), pattern(AtomKind::Substring));
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut found: Vec<(u32, usize, Vec<u32>)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let mut indices = Vec::new();
            let label = fuzzy.indices(Utf32Str::new(&item.label, &mut buffer), &mut matcher, &mut indices);
            let score = match label {
                // A match in the name is worth more than one beside it.
                Some(score) => Some(score * 2),
                None => {
                    indices.clear();
                    let whole = format!("{} {} {}", item.label, item.group, item.detail);
                    literal.score(Utf32Str::new(&whole, &mut buffer), &mut matcher)
                }
            };
            if let Some(score) = score {
                indices.sort_unstable();
                indices.dedup();
                found.push((score, i, indices));
            }
        }
        found.sort_by_key(|(score, i, _)| (std::cmp::Reverse(*score), *i));
        self.shown = found.into_iter().map(|(_, i, indices)| (i, indices)).collect();
        self.cursor = if self.prefers_typed() { self.shown.len() } else { 0 };
    }

    /// A typed sentence or path is meant itself, unless an item holds it literally.
    fn prefers_typed(&self) -> bool {
        let Some(text) = self.typed() else { return false };
        let text = text.trim().to_lowercase();
        let holds = |item: &Item| item.label.to_lowercase().contains(&text) || item.detail.to_lowercase().contains(&text);
        (text.contains([' ', '/', '\\']) || text.starts_with(['.', '~'])) && !self.items.iter().any(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker(takes_text: Option<&'static str>) -> Picker {
        let item = |label: &str, detail: &str| Item { label: label.to_owned(), detail: detail.to_owned(), ..Item::default() };
        let items = vec![
            item("best_ever_one", "What, in one word, is the best thing ever?"),
            item("worst_ever_one", "What, in one word, is the worst thing ever?"),
        ];
        Picker { takes_text, ..Picker::new(PickerKind::Prompt, "prompt", items) }
    }

    fn typing(picker: &mut Picker, text: &str) -> Option<Choice> {
        for c in text.chars() {
            picker.key(Key::char(c));
        }
        picker.choice()
    }

    #[test]
    fn typing_narrows_and_enter_takes_the_best() {
        let mut p = picker(None);
        assert_eq!(typing(&mut p, "wrst"), Some(Choice::Item(1)));
        assert_eq!(p.shown.len(), 1);
        assert_eq!(p.shown[0].1, [0, 2, 3, 4]);
        assert_eq!(p.key(Key::plain(KeyCode::Enter)), Outcome::Chosen(Choice::Item(1)));
    }

    #[test]
    fn a_sentence_is_taken_as_it_stands_and_part_of_an_item_is_that_item() {
        assert_eq!(typing(&mut picker(Some("ask")), "is it good?"), Some(Choice::Typed("is it good?".to_owned())));
        assert_eq!(typing(&mut picker(Some("ask")), "the worst thing"), Some(Choice::Item(1)));
        assert_eq!(typing(&mut picker(Some("ask")), "wor"), Some(Choice::Item(1)));
        assert_eq!(typing(&mut picker(None), "is it good?"), None);
    }

    #[test]
    fn marks_begin_with_all_and_never_end_with_none() {
        let mut marks = Marks::new([], 3);
        assert!(marks.is_all() && marks.has(Marks::ALL) && !marks.changed);
        assert!(marks.toggle(1) && marks.toggle(2) && !marks.toggle(3), "one stays");
        assert_eq!((marks.items().collect::<Vec<_>>(), marks.has(Marks::ALL), marks.changed), (vec![3], false, true));
        assert!(marks.toggle(Marks::ALL) && marks.is_all());
    }

    #[test]
    fn the_cursor_goes_round() {
        let mut p = picker(None);
        p.key(Key::plain(KeyCode::Up));
        assert_eq!(p.cursor, 1);
        p.key(Key::plain(KeyCode::Down));
        assert_eq!(p.cursor, 0);
    }
}
