//! A checksum of what a table holds, whatever the format of its file.

use serde::{Deserialize, Serialize};

/// What a table holds, in a name: to see whether it is whole, and as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Rows of the table, without its header.
    pub rows: usize,
    /// BLAKE3 of all cells, the names of the columns first, whatever the format of the file.
    pub cells: String,
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
