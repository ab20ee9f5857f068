//! The user's own words: typed beside the list, looked at together, removed one by one, or added to the list on purpose.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::action::Action;
use super::{App, Level};
use crate::base::terms::WordId;

impl App {
    /// Takes words in as own words and goes to the last of them; those that the list has are the list's, and scored next.
    pub(super) fn add_words(&mut self, words: impl IntoIterator<Item = String>) {
        let words: Vec<Arc<str>> = words.into_iter().filter(|word| !word.is_empty()).map(Arc::from).collect();
        let Some(last) = words.last().cloned() else { return };
        let (mut own, mut listed) = (Vec::new(), Vec::new());
        for word in &words {
            let id = self.score_table.word(word);
            if self.universe.lists(id) {
                listed.push(id);
            } else {
                own.push(word.clone());
            }
        }
        let last = self.score_table.word(&last);
        self.cursor.seek(last);
        if !listed.is_empty() {
            self.notify_listed(&listed, &words, last);
        }
        put_first(&mut self.typed, own);
        put_first(&mut self.asked_for, listed);
        self.end_pause();
        self.own_words_changed();
    }

    /// Says of words that were typed that the list has them, and where the one under the cursor cannot be seen, why.
    fn notify_listed(&mut self, listed: &[WordId], words: &[Arc<str>], last: WordId) {
        let mut text = match (listed, words) {
            ([_], [word]) => format!("'{word}' is in the word list"),
            _ => format!("{} of these {} words are in the word list", listed.len(), words.len()),
        };
        let hidden = listed.contains(&last) && {
            let at = self.universe.index_of(last).unwrap_or(0);
            let shows = |&category: &u16| self.filter.contains(&self.universe.corpus.categories[usize::from(category)]);
            !self.filter.is_empty() && !self.universe.categories(at).iter().any(shows)
        };
        if listed.contains(&last) {
            self.own_only = false;
        }
        if hidden {
            text.push_str(&format!("; the filter hides it: {} changes it", Action::Filter.key_text()));
        }
        self.notify(Level::Info, text);
    }

    /// Own words and nothing else, or all words again.
    pub(super) fn show_own_words(&mut self) {
        if self.universe.own.is_empty() {
            let add = Action::AddWords.key_text();
            return self.notify(Level::Info, format!("there are no own words: {add} types some"));
        }
        self.own_only = !self.own_only;
        self.rank_now();
    }

    /// Takes the word under the cursor out of the session, where the user put it in.
    pub(super) fn remove_word(&mut self) {
        let Some((row, at)) = self.under_cursor() else { return };
        let text = self.universe.text(at).clone();
        let was_added = self.universe.is_added(at);
        if !was_added && !self.universe.is_own(at) {
            return self.notify(Level::Info, format!("'{text}' is of the word list: only words that you typed can be removed"));
        }
        // The cursor goes to the row that takes its place.
        let neighbour = self.table().and_then(|table| table.word_at(row + 1).or(table.word_at(row.checked_sub(1)?)));
        match neighbour {
            Some(word) => self.cursor.seek(word),
            None => self.cursor.top(),
        }
        self.typed.retain(|known| *known != text);
        self.added.retain(|known| *known != text);
        if was_added {
            self.notify(Level::Info, format!("removed: {text}; it no longer counts in ranks, statistics and cards"));
            self.words_changed();
        } else {
            self.notify(Level::Info, format!("removed: {text}"));
            self.own_words_changed();
        }
    }

    /// Makes the own word under the cursor one of the list, which changes all that is made of the list.
    pub(super) fn add_to_list(&mut self) {
        let Some((_, at)) = self.under_cursor() else { return };
        let text = self.universe.text(at).clone();
        if !self.universe.is_own(at) {
            return self.notify(Level::Info, format!("'{text}' is in the word list already"));
        }
        self.typed.retain(|known| *known != text);
        self.added.push(text.clone());
        let remove = Action::RemoveWord.key_text();
        let hidden = if self.filter.is_empty() { "" } else { "; the filter hides it, for it has no category" };
        let counts = "from now on it counts in ranks, statistics and cards";
        self.notify(Level::Info, format!("added to the word list: {text}; {counts}; {remove} removes it{hidden}"));
        self.words_changed();
    }

    /// Row and index of the word under the cursor.
    pub fn under_cursor(&self) -> Option<(usize, usize)> {
        let row = self.cursor.row();
        let at = self.universe.index_of(self.table()?.word_at(row)?)?;
        Some((row, at))
    }
}

/// Puts new items before the others, the newest first, each once: the user waits for the newest.
fn put_first<T: Clone + Eq + Hash>(known: &mut Vec<T>, new: Vec<T>) {
    let mut seen = HashSet::new();
    let all = new.into_iter().rev().chain(std::mem::take(known));
    *known = all.filter(|item| seen.insert(item.clone())).collect();
}
