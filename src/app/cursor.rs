//! The row under the cursor: a word, wherever its row goes.

use super::table::RankedTable;
use crate::base::terms::WordId;

/// Until the user moves, the cursor stays on the first row; afterwards it stays on its word, and the word stays on its line
/// of the screen, while rows move around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// None: the first row, whatever its word.
    word: Option<WordId>,
    /// Its row in the table shown; the nearest one while a filter hides the word.
    row: usize,
    /// Its line among the rows on the screen.
    line: usize,
}

impl Cursor {
    /// Its row in the table shown.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The word that it stays on; none while it stays on the first row.
    pub fn word(&self) -> Option<WordId> {
        self.word
    }

    /// The first row to draw where `height` rows of `rows` fit.
    pub fn offset(&self, rows: usize, height: usize) -> usize {
        self.row.saturating_sub(self.line.min(height.saturating_sub(1))).min(rows.saturating_sub(height))
    }

    /// Follows the word to its row in a new table.
    pub fn settle(&mut self, table: &RankedTable) {
        self.row = match self.word {
            None => 0,
            Some(word) => table.row_of(word).unwrap_or(self.row.min(table.rows.len().saturating_sub(1))),
        };
    }

    /// Moves by rows; the screen scrolls only where it must, with a row or two of context ahead.
    pub fn step(&mut self, by: isize, table: &RankedTable, height: usize) {
        let row = self.row.saturating_add_signed(by);
        self.go(row, table, height);
    }

    /// Moves to a row, or to the last one where there are fewer.
    pub fn go(&mut self, row: usize, table: &RankedTable, height: usize) {
        let offset = self.offset(table.rows.len(), height);
        let row = row.min(table.rows.len().saturating_sub(1));
        let context = 2.min(height.saturating_sub(1) / 2);
        let line = row as isize - offset as isize;
        let lowest = height.saturating_sub(1 + context) as isize;
        self.line = line.clamp((context as isize).min(row as isize), lowest) as usize;
        self.row = row;
        self.word = table.word_at(row);
    }

    /// To the first row, and stays there.
    pub fn top(&mut self) {
        *self = Cursor::default();
    }

    /// To a word that may not have a row yet.
    pub fn seek(&mut self, word: WordId) {
        self.word = Some(word);
    }
}
