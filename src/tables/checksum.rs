//! A checksum of what a table holds, whatever the format of its file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::read::Table;
use crate::base::file_error::CorpusError;

/// What a table holds, in a name: to see whether it is whole, and as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub rows: usize,
    /// BLAKE3 of all cells, the names of the columns first, whatever the format of the file.
    pub cells: String,
}

impl Checksum {
    /// Reads the file to its end.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn of_file(path: &Path) -> Result<Self, CorpusError> {
        Self::of_file_named(path, path)
    }

    /// Of a file that will have another name, by whose end its format is known.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn of_file_named(path: &Path, name: &Path) -> Result<Self, CorpusError> {
        let mut table = Table::open_as(path, name)?;
        table.sum_up();
        while table.next_row()?.is_some() {}
        Ok(table.checksum().unwrap_or_else(|| Summing::default().finish(0)))
    }
}

/// A checksum in the making.
#[derive(Default)]
pub(super) struct Summing(blake3::Hasher);

impl Summing {
    pub(super) fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        for cell in cells {
            self.0.update(&(cell.len() as u64).to_le_bytes()).update(cell.as_bytes());
        }
    }

    pub(super) fn finish(&self, rows: usize) -> Checksum {
        Checksum { rows, cells: self.0.finalize().to_hex().to_string() }
    }
}
