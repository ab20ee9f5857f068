//! From the bytes of a file straight into a packed matrix, a few megabytes at a time.

use candle_core::quantized::GgmlDType;
use safetensors::tensor::Dtype;

use super::{CHUNK, Format, Meter, ModelError, Shard, Stored as Described, Weights};
use crate::decoder::packed::Packed;
use crate::device::Compute;
use crate::format::gguf::Change;
use rewardscope_kernels::Stored;

impl Weights {
    /// A matrix `[out, input]` in the precision asked for. Pages of the file are given back as they are packed.
    pub fn matrix(&self, name: &str, out: usize, input: usize, compute: Compute, meter: &Meter) -> Result<Packed, ModelError> {
        let (stored, shard, _) = self.found(name, &[out, input])?;
        let mut packed = Packed::zeros(out, input, compute);
        stored.pack(shard, 0..out, input, &mut packed, meter)?;
        Ok(packed)
    }

    /// Rows `first..` of a matrix `[out, input]`, as many as `packed` has.
    pub fn rows(
        &self,
        name: &str,
        (out, input): (usize, usize),
        first: usize,
        packed: &mut Packed,
        meter: &Meter,
    ) -> Result<(), ModelError> {
        let (stored, shard, _) = self.found(name, &[out, input])?;
        stored.pack(shard, first..first + packed.out(), input, packed, meter)
    }

    /// A vector `[length]` in f32.
    pub fn vector(&self, name: &str, length: usize, meter: &Meter) -> Result<Vec<f32>, ModelError> {
        let (stored, shard, _) = self.found(name, &[length])?;
        let mut values = stored.widened(shard, length)?;
        match stored.change {
            Change::OneAdded => values.iter_mut().for_each(|value| *value -= 1.0),
            Change::Interleaved { heads } => {
                let of_a_head = length / heads.max(1);
                values = values.chunks(of_a_head.max(1)).flat_map(|head| apart(head, of_a_head / 2, 1)).collect();
            }
            Change::None => {}
        }
        meter.advance(stored.bytes() as usize)?;
        Ok(values)
    }
}

impl Described {
    /// All `count` values in f32, as the file has them.
    pub(super) fn widened(&self, shard: &Shard, count: usize) -> candle_core::Result<Vec<f32>> {
        let mut values = vec![0.0; count];
        let mut unread = values.as_mut_slice();
        for range in &self.ranges {
            let (part, rest) = unread.split_at_mut(count * range.len() / (self.bytes() as usize).max(1));
            self.format.widen(shard.read(range), part)?;
            unread = rest;
        }
        Ok(values)
    }

    fn pack(
        &self,
        shard: &Shard,
        rows: std::ops::Range<usize>,
        input: usize,
        packed: &mut Packed,
        meter: &Meter,
    ) -> Result<(), ModelError> {
        if rows.is_empty() || input == 0 {
            return Ok(());
        }
        let all = self.shape.first().copied().unwrap_or_default().max(1);
        let bytes = self.bytes() as usize;
        let bytes_a_row = bytes / all;
        let piece = match self.format {
            Format::Blocks(blocks) => blocks.type_size(),
            Format::Plain(_) => 1,
        };
        // Rows that were put in turn are put back a head at a time.
        let (heads, half) = match self.change {
            Change::Interleaved { heads } => (heads, all / heads.max(1) / 2),
            _ => (0, 0),
        };
        let whole = bytes.is_multiple_of(all) && bytes_a_row.is_multiple_of(piece);
        if !whole || (heads > 0 && half * 2 * heads != all) {
            let problem = format!("a tensor of shape {:?} cannot be read row by row", self.shape);
            return Err(ModelError::file(&shard.path, problem, super::AGAIN));
        }
        let step = if heads > 0 { 2 * half } else { (CHUNK / bytes_a_row.max(1)).max(1) };
        // The matrix's row with which a range begins.
        let mut first = 0;
        for lying in &self.ranges {
            let end = first + lying.len() / bytes_a_row;
            let mut unread = rows.start.max(first);
            while unread < rows.end.min(end) {
                let count = step.min(rows.end.min(end) - unread);
                let start = lying.start + (unread - first) * bytes_a_row;
                let range = start..start + count * bytes_a_row;
                let bytes = shard.read(&range);
                let ordered = (heads > 0).then(|| apart(bytes, half, bytes_a_row));
                self.fill(packed, unread - rows.start, ordered.as_deref().unwrap_or(bytes), count * input)?;
                shard.give_back(range.clone());
                meter.advance(range.len())?;
                unread += count;
            }
            first = end;
        }
        Ok(())
    }

    /// Whole rows of `values` values, from row `at` on.
    fn fill(&self, packed: &mut Packed, at: usize, bytes: &[u8], values: usize) -> candle_core::Result<()> {
        let widened = || {
            let mut widened = vec![0.0; values];
            self.format.widen(bytes, &mut widened).map(|()| widened)
        };
        match (packed, self.format) {
            (Packed::Matrix(matrix), Format::Plain(Dtype::F32)) => matrix.fill(at, Stored::F32(bytes)),
            (Packed::Matrix(matrix), Format::Plain(Dtype::BF16)) => matrix.fill(at, Stored::Bf16(bytes)),
            (Packed::Matrix(matrix), Format::Plain(Dtype::F16)) => matrix.fill(at, Stored::F16(bytes)),
            (Packed::Matrix(matrix), _) => {
                let bytes: Vec<u8> = widened()?.into_iter().flat_map(f32::to_le_bytes).collect();
                matrix.fill(at, Stored::F32(&bytes));
            }
            (Packed::Blocks(blocks), Format::Blocks(GgmlDType::Q8_0)) => blocks.copy(at, bytes),
            (Packed::Blocks(blocks), _) => blocks.fill(at, &widened()?),
        }
        Ok(())
    }
}

/// The rows of one head, one of its first half and one of its second in turn, put half behind half. A row has `width` items.
fn apart<T: Copy>(items: &[T], half: usize, width: usize) -> Vec<T> {
    let rows: Vec<&[T]> = items.chunks_exact(width).collect();
    let order = (0..half).map(|i| 2 * i).chain((0..half).map(|i| 2 * i + 1));
    order.filter_map(|row| rows.get(row)).flat_map(|row| row.iter().copied()).collect()
}
