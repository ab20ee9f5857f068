//! The page of one word: its rank by every model under every prompt.

use super::action::Action;
use super::layout::{FOOTER, HEADER, scrolled};
use super::{App, Key, KeyCode, Level, Overlay};
use crate::base::terms::{Framing, WordId};

/// The page that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordPageState {
    /// Its word.
    pub word: WordId,
    /// The first line that is shown.
    pub scroll: usize,
}

/// How the page is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordPageLayout {
    /// Cells of the names of prompts.
    pub label: usize,
    /// Cells of a rank, with the gap before it.
    pub rank: usize,
    /// Whether positive and negative prompts are side by side.
    pub abreast: bool,
    /// Lines that are shown at once.
    pub rows: usize,
    /// Lines of the whole page.
    pub lines: usize,
}

/// Cells between two groups of prompts.
pub const GAP: usize = 3;
/// A line that names a group, one of the models, and one of medians.
const LINES_OF_GROUP: usize = 3;

impl WordPageLayout {
    /// How far it can be scrolled.
    pub fn last_scroll(self) -> usize {
        self.lines.saturating_sub(self.rows)
    }
}

impl App {
    /// Prompts by framing, as indices; no group is empty.
    pub fn prompts_by_framing(&self) -> Vec<(Option<Framing>, Vec<usize>)> {
        let of = |framing| (0..self.prompts.len()).filter(|&at| self.prompts[at].prompt.framing == framing).collect();
        let groups = [Some(Framing::Positive), Some(Framing::Negative), None].map(|framing| (framing, of(framing)));
        groups.into_iter().filter(|(_, prompts): &(_, Vec<usize>)| !prompts.is_empty()).collect()
    }

    /// The layout of the page on the screen.
    pub fn word_page_layout(&self) -> WordPageLayout {
        const BORDER: usize = 4;
        let wide = usize::from(self.size.0).saturating_sub(BORDER);
        // Two lines of the box are its borders, one is the legend.
        let rows = usize::from(self.size.1.saturating_sub(HEADER + FOOTER + 3)).max(1);
        let models = self.models.len().max(1);
        let groups: Vec<usize> = self.prompts_by_framing().iter().map(|(_, prompts)| prompts.len() + LINES_OF_GROUP).collect();
        let least = |label: usize, rank: usize| label + models * rank;
        let abreast = groups.len() > 1 && 2 * least(18, 7) + GAP <= wide;
        let room = if abreast { (wide - GAP) / 2 } else { wide };
        let rank = ((room.saturating_sub(18)) / models).clamp(7, 14);
        let label = room.saturating_sub(models * rank).clamp(12, 32);
        let lines = match (abreast, &groups[..]) {
            (true, [first, second, rest @ ..]) => *first.max(second) + rest.iter().map(|lines| lines + 1).sum::<usize>(),
            _ => groups.iter().sum::<usize>() + groups.len().saturating_sub(1),
        };
        WordPageLayout { label, rank, abreast, rows, lines }
    }

    /// The word whose page is open.
    pub(super) fn word_page(&self) -> Option<WordId> {
        match &self.overlay {
            Some(Overlay::Word(page)) => Some(page.word),
            _ => None,
        }
    }

    /// Opens the page of the word under the cursor.
    pub(super) fn open_word_page(&mut self) {
        match self.table().and_then(|table| table.word_at(self.cursor.row())) {
            Some(word) => {
                let scroll = 0;
                self.overlay = Some(Overlay::Word(WordPageState { word, scroll }));
                self.rank_now();
            }
            None => self.notify(Level::Info, "no word to look at"),
        }
    }

    pub(super) fn word_page_key(&mut self, key: Key) {
        let layout = self.word_page_layout();
        let action = Action::for_key(key, self.view);
        let Some(Overlay::Word(page)) = &mut self.overlay else { return };
        let by = match key.code {
            KeyCode::Left => -1,
            KeyCode::Right => 1,
            _ if action == Some(Action::Inspect) => {
                self.overlay = None;
                return self.inspect();
            }
            _ => {
                let last = layout.last_scroll();
                match scrolled(page.scroll.min(last), action, layout.rows.saturating_sub(1).max(1), last) {
                    Some(scroll) => page.scroll = scroll,
                    None => self.overlay = None,
                }
                return;
            }
        };
        // The neighbour in the order of the table, which is behind the page.
        self.view.controller().step(self, by);
        let word = self.table().and_then(|table| table.word_at(self.cursor.row()));
        if let (Some(Overlay::Word(page)), Some(word)) = (&mut self.overlay, word) {
            page.word = word;
        }
        self.rank_now();
    }
}
