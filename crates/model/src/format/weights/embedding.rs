//! A table of which single rows are looked up, left in the file that holds it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Bytes, CHUNK, Format, Meter, ModelError, Weights};
use crate::format::gguf::Change;

/// `[rows, width]`
pub struct Embedding {
    rows: usize,
    width: usize,
    values: Values,
}

enum Values {
    /// Read where they lie: what is never looked up takes no memory. By reads, not through a mapping: this lasts as long as
    /// the model does, and a file that someone cuts short meanwhile would end the program with a signal.
    InFile {
        file: Arc<File>,
        path: PathBuf,
        range: Range<usize>,
        format: Format,
    },
    Compiled {
        bytes: &'static [u8],
        format: Format,
    },
    Held(Vec<f32>),
}

impl Embedding {
    /// Writes the rows of these tokens to `to`, `[tokens, width]`, in f32.
    ///
    /// # Errors
    /// Where there is no such row, or the file can no longer be read.
    pub fn rows(&self, tokens: &[u32], to: &mut [f32]) -> Result<(), ModelError> {
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.rows) {
            return Err(candle_core::Error::msg(format!("token {token} has no row in the embedding")).into());
        }
        let rows = tokens.iter().map(|&token| token as usize).zip(to.chunks_exact_mut(self.width));
        match &self.values {
            Values::Held(values) => rows.for_each(|(row, to)| to.copy_from_slice(&values[row * self.width..][..self.width])),
            Values::Compiled { bytes, format } => {
                let length = bytes.len() / self.rows;
                for (row, to) in rows {
                    format.widen(&bytes[row * length..][..length], to)?;
                }
            }
            Values::InFile { file, path, range, format } => {
                let gone = |error: std::io::Error| {
                    let problem = format!("cannot be read any more: {error}");
                    ModelError::file(path, problem, "It was changed while the model was open: open the model again")
                };
                let length = range.len() / self.rows;
                let mut bytes = vec![0; length];
                for (row, to) in rows {
                    file.read_exact_at(&mut bytes, (range.start + row * length) as u64).map_err(gone)?;
                    format.widen(&bytes, to)?;
                }
            }
        }
        Ok(())
    }

    /// Memory that it takes beside the file.
    pub fn bytes(&self) -> u64 {
        match &self.values {
            Values::InFile { .. } | Values::Compiled { .. } => 0,
            Values::Held(values) => values.len() as u64 * 4,
        }
    }
}

impl Weights {
    /// A table whose rows stay in the file. Its bytes count as read.
    pub fn embedding(&self, name: &str, rows: usize, width: usize, meter: &Meter) -> Result<Embedding, ModelError> {
        let (stored, shard, from) = self.found(name, &[rows, width])?;
        let (_, piece) = stored.format.piece(from);
        let format = stored.format;
        let values = match (stored.ranges.as_slice(), &shard.bytes) {
            ([range], bytes) if width.is_multiple_of(piece) && stored.change == Change::None => match bytes {
                Bytes::Mapped { file, .. } => {
                    Values::InFile { file: file.clone(), path: shard.path.clone(), range: range.clone(), format }
                }
                Bytes::Compiled(bytes) => Values::Compiled { bytes: &bytes[range.clone()], format },
            },
            // Blocks that go on from one row to the next.
            _ => Values::Held(stored.widened(shard, rows * width)?),
        };
        // Rows that stay in the file are hashed as well, and counted as that goes on.
        for range in &stored.ranges {
            for start in range.clone().step_by(CHUNK) {
                let chunk = start..range.end.min(start + CHUNK);
                shard.look_at(&chunk);
                shard.give_back(chunk.clone());
                meter.advance(chunk.len())?;
            }
        }
        Ok(Embedding { rows, width, values })
    }
}
