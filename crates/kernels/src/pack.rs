//! Weights from a file's bytes into panels.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use half::{bf16, f16};

use super::{Element, Matrix, PANEL, Stored};

/// A cache line, and the width of the widest register.
const ALIGNMENT: usize = 64;

/// What is at least as large is asked to lie in large pages: fewer faults when it is filled, fewer misses when it is read.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// Bytes that begin at a cache line.
pub(super) struct Aligned {
    allocated: NonNull<u8>,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: it owns its memory, as a Vec does.
unsafe impl Send for Aligned {}
// SAFETY: shared references only read.
unsafe impl Sync for Aligned {}

impl Aligned {
    /// Zeros. Aligned by hand: asked for an alignment, the allocator would write all of them at once, on one thread.
    pub(super) fn zeros(length: usize) -> Self {
        let Some(layout) = Self::layout(length) else {
            return Aligned { allocated: NonNull::dangling(), start: NonNull::dangling(), length: 0 };
        };
        // SAFETY: the layout is not of size zero.
        let allocated = unsafe { alloc_zeroed(layout) };
        let allocated = NonNull::new(allocated).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the layout has room for the alignment.
        let start = unsafe { allocated.add(allocated.align_offset(ALIGNMENT)) };
        #[cfg(target_os = "linux")]
        if length >= LARGE {
            const PAGE: usize = 4096;
            let skipped = start.align_offset(PAGE);
            // SAFETY: whole pages of this allocation; the advice does not change what they hold. That it may be refused
            // does not matter.
            unsafe { libc::madvise(start.add(skipped).as_ptr().cast(), (length - skipped) & !(PAGE - 1), libc::MADV_HUGEPAGE) };
        }
        Aligned { allocated, start, length }
    }

    fn layout(length: usize) -> Option<Layout> {
        Layout::from_size_align(length.checked_add(ALIGNMENT)?, 1).ok().filter(|_| length > 0)
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.length) {
            // SAFETY: allocated with the same layout.
            unsafe { dealloc(self.allocated.as_ptr(), layout) };
        }
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `length` bytes, all set, or a dangling pointer and none.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`, and borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

pub(super) fn fill(matrix: &mut Matrix, first_row: usize, rows: Stored<'_>) {
    match (matrix.element, rows) {
        (Element::F32, Stored::F32(bytes)) => spread(matrix, first_row, bytes, |value: [u8; 4]| value),
        (Element::F32, Stored::Bf16(bytes)) => {
            spread(matrix, first_row, bytes, |v| bf16::from_le_bytes(v).to_f32().to_le_bytes())
        }
        (Element::F32, Stored::F16(bytes)) => spread(matrix, first_row, bytes, |v| f16::from_le_bytes(v).to_f32().to_le_bytes()),
        (Element::Bf16, Stored::F32(bytes)) => {
            spread(matrix, first_row, bytes, |v| bf16::from_f32(f32::from_le_bytes(v)).to_le_bytes());
        }
        // The common case by whole pairs: half the steps.
        (Element::Bf16, Stored::Bf16(bytes)) if matrix.kernel.group() == 2 && matrix.input.is_multiple_of(2) => {
            place::<4, 4, 1>(matrix, matrix.input / 2, first_row, bytes, |pair| pair);
        }
        (Element::Bf16, Stored::Bf16(bytes)) => spread(matrix, first_row, bytes, |value: [u8; 2]| value),
        (Element::Bf16, Stored::F16(bytes)) => {
            spread(matrix, first_row, bytes, |v| bf16::from_f32(f16::from_le_bytes(v).to_f32()).to_le_bytes());
        }
        (Element::F16, Stored::F32(bytes)) => {
            spread(matrix, first_row, bytes, |v| f16::from_f32(f32::from_le_bytes(v)).to_le_bytes());
        }
        (Element::F16, Stored::Bf16(bytes)) => {
            spread(matrix, first_row, bytes, |v| f16::from_f32(bf16::from_le_bytes(v).to_f32()).to_le_bytes());
        }
        (Element::F16, Stored::F16(bytes)) => spread(matrix, first_row, bytes, |value: [u8; 2]| value),
    }
}

/// Values of `FROM` bytes, row after row, to where the panels have them, in `TO` bytes.
fn spread<const FROM: usize, const TO: usize>(
    matrix: &mut Matrix,
    first_row: usize,
    bytes: &[u8],
    value: impl Fn([u8; FROM]) -> [u8; TO],
) {
    match matrix.kernel.group() {
        2 => place::<FROM, TO, 2>(matrix, matrix.input, first_row, bytes, value),
        _ => place::<FROM, TO, 1>(matrix, matrix.input, first_row, bytes, value),
    }
}

/// The same for rows of `input` values, of which `GROUP` lie together: a constant, as nothing is divided by it then.
fn place<const FROM: usize, const TO: usize, const GROUP: usize>(
    matrix: &mut Matrix,
    input: usize,
    first_row: usize,
    bytes: &[u8],
    value: impl Fn([u8; FROM]) -> [u8; TO],
) {
    let (out, depth) = (matrix.out, input.next_multiple_of(GROUP));
    let (values, _) = bytes.as_chunks::<FROM>();
    let (panels, _) = matrix.panels.as_chunks_mut::<TO>();
    let rows = values.len().checked_div(input).unwrap_or(0).min(out.saturating_sub(first_row));
    // Those panels alone in which the rows lie.
    let (first, behind) = (first_row / PANEL, (first_row + rows).div_ceil(PANEL));
    let whole = panels.chunks_exact_mut((depth * PANEL).max(1)).enumerate();
    for (panel, slots) in whole.take(behind).skip(first) {
        let (low, high) = (first_row.max(panel * PANEL), (first_row + rows).min((panel + 1) * PANEL));
        let source = &values[(low - first_row) * input..];
        // A cache line of every row, before the next of any: each line of the panel is then written while it is at hand.
        for start in (0..input).step_by(PANEL) {
            for row in low..high {
                let from = &source[(row - low) * input..][start..input.min(start + PANEL)];
                let column = (row - panel * PANEL) * GROUP;
                for (k, &bytes) in (start..).zip(from) {
                    slots[k / GROUP * GROUP * PANEL + column + k % GROUP] = value(bytes);
                }
            }
        }
    }
}
