//! A table of which single rows are looked up, left in the file that holds it.

use std::ops::Range;
use std::sync::Arc;

use super::{Format, Meter, ModelError, Shard, Weights};
use crate::model::gguf::Change;

/// `[rows, width]`
pub struct Embedding {
    width: usize,
    values: Values,
}

enum Values {
    /// Read where they lie: what is never looked up takes no memory.
    Mapped {
        shard: Arc<Shard>,
        range: Range<usize>,
        format: Format,
    },
    Held(Vec<f32>),
}

impl Embedding {
    pub fn held(values: Vec<f32>, width: usize) -> Self {
        Embedding { width, values: Values::Held(values) }
    }

    /// Writes a row to `to` `[width]`, in f32.
    ///
    /// Fails where there is no such row.
    pub fn row(&self, row: u32, to: &mut [f32]) -> candle_core::Result<()> {
        let row = row as usize;
        let missing = || candle_core::Error::msg(format!("token {row} has no row in the embedding"));
        match &self.values {
            Values::Held(values) => to.copy_from_slice(values.chunks_exact(self.width).nth(row).ok_or_else(missing)?),
            Values::Mapped { shard, range, format } => {
                let (width, values) = format.piece(format.read_as().ok_or_else(missing)?);
                let bytes = self.width / values * width;
                let bytes = shard.bytes()[range.clone()].chunks_exact(bytes).nth(row).ok_or_else(missing)?;
                format.widen(bytes, to)?;
            }
        }
        Ok(())
    }

    /// Memory that it takes beside the file.
    pub fn bytes(&self) -> u64 {
        match &self.values {
            Values::Mapped { .. } => 0,
            Values::Held(values) => values.len() as u64 * 4,
        }
    }
}

impl Weights {
    /// A table whose rows stay in the file. Its bytes count as read.
    pub fn embedding(&self, name: &str, rows: usize, width: usize, meter: &Meter) -> Result<Embedding, ModelError> {
        let (stored, shard, from) = self.found(name, &[rows, width])?;
        let (_, piece) = stored.format.piece(from);
        let values = if width.is_multiple_of(piece) && stored.change == Change::None {
            Values::Mapped { shard: shard.clone(), range: stored.range.clone(), format: stored.format }
        } else {
            // Blocks that go on from one row to the next.
            let mut values = vec![0.0; rows * width];
            stored.format.widen(&shard.bytes()[stored.range.clone()], &mut values)?;
            Values::Held(values)
        };
        meter.advance(stored.range.len())?;
        Ok(Embedding { width, values })
    }
}
