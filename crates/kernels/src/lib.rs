//! Matrix products on weights packed for this CPU. Knows numbers and instructions, nothing of models.
//!
//! `pack` lays weights out, `x86` and `portable` multiply, `linear` makes a candle operation of it, `peak` measures what the
//! CPU could do at most.
//!
//! A product adds up the terms of one row and one column in the order of the columns of `x`, blocks of them one after the
//! other, whatever the number of rows, of threads or of columns: a row's result never depends, in a single bit, on what else
//! is computed with it.

#![warn(missing_docs)]

mod linear;
mod pack;
mod peak;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::cell::Cell;
use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

pub use linear::PackedLinear;
use pack::Aligned;
pub use peak::operations_per_second;

/// Columns of the result that are computed together.
const PANEL: usize = 32;
/// Rows that are computed together at most.
const TILE: usize = 12;
/// Terms that are summed by themselves before the sum is added to those before it: with n terms one after the other, errors
/// would grow with √n. Products of bf16 do without, for their terms are rounded far more coarsely.
const BLOCK: usize = 64;
/// Up to so many rows of `x` are multiplied in place. More of them are first copied apart where they would share cache sets:
/// see [`ALIASED`].
const FEW: usize = 2;
/// Rows of `x` whose length is a multiple of so many f32 (512 bytes) fall into the same few sets of the L1 cache and evict each
/// other.
const ALIASED: usize = 128;
/// Products of fewer multiplications than this are not worth a second thread.
const WORTH_A_THREAD: usize = 1 << 17;
/// Shares of a product for each thread, so that one that is late does not keep the others waiting.
const SHARES: usize = 4;

/// How a packed matrix holds its weights, and with it how it multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// As they are.
    F32,
    /// Rows that are multiplied are rounded to bf16 as well; sums are in f32.
    Bf16,
    /// Widened to f32 when multiplied.
    F16,
}

impl Element {
    fn size(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::Bf16 | Element::F16 => 2,
        }
    }
}

/// Values as a file holds them: little-endian bytes of any alignment.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    /// Four bytes a value.
    F32(&'a [u8]),
    /// Two bytes a value.
    Bf16(&'a [u8]),
    /// Two bytes a value.
    F16(&'a [u8]),
}

/// The instructions that multiply. Two kernels may differ in the last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Pairs of bf16, summed in f32.
    Avx512Bf16,
    /// AVX-512F, in f32.
    Avx512,
    /// With FMA and F16C.
    Avx2,
    /// Plain Rust.
    Portable,
}

impl Kernel {
    /// All of them, the fastest first.
    pub const ALL: [Kernel; 4] = [Kernel::Avx512Bf16, Kernel::Avx512, Kernel::Avx2, Kernel::Portable];

    /// Those that this CPU has for weights held so, the fastest first.
    pub fn available(element: Element) -> impl Iterator<Item = Kernel> {
        Self::ALL.into_iter().filter(move |kernel| kernel.can(element))
    }

    /// The fastest that this CPU has for weights held so.
    pub fn best(element: Element) -> Kernel {
        Self::available(element).next().unwrap_or(Kernel::Portable)
    }

    fn can(self, element: Element) -> bool {
        match self {
            Kernel::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Bf16 => element == Element::Bf16 && x86::has_avx512bf16(),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => x86::has_avx512(),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => x86::has_avx2(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => {
                let _ = element;
                false
            }
        }
    }

    /// `avx512bf16`, as provenances have it.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Avx512Bf16 => "avx512bf16",
            Kernel::Avx512 => "avx512",
            Kernel::Avx2 => "avx2",
            Kernel::Portable => "portable",
        }
    }

    /// Neighbours along a row of the weights that lie together.
    fn group(self) -> usize {
        if self == Kernel::Avx512Bf16 { 2 } else { 1 }
    }
}

/// A weight matrix `[out, input]`, packed in panels of 32 rows.
pub struct Matrix {
    out: usize,
    input: usize,
    element: Element,
    kernel: Kernel,
    /// `[out / 32][input / group][32][group]`, both rounded up.
    panels: Aligned,
}

impl Matrix {
    /// All zeros, for the best kernel of this CPU.
    pub fn zeros(out: usize, input: usize, element: Element) -> Self {
        Self::zeros_for(Kernel::best(element), out, input, element)
    }

    /// All zeros, for a kernel; one that the CPU lacks is replaced by the portable one.
    pub fn zeros_for(kernel: Kernel, out: usize, input: usize, element: Element) -> Self {
        let kernel = if kernel.can(element) { kernel } else { Kernel::Portable };
        let panels = Aligned::zeros(packed_bytes(kernel, out, input, element));
        Matrix { out, input, element, kernel, panels }
    }

    /// Memory that the weights of [`zeros`](Self::zeros) would take.
    pub fn bytes_for(out: usize, input: usize, element: Element) -> usize {
        packed_bytes(Kernel::best(element), out, input, element)
    }

    /// A matrix of whole rows, as a file holds them.
    pub fn of(out: usize, input: usize, element: Element, rows: Stored<'_>) -> Self {
        let mut matrix = Self::zeros(out, input, element);
        matrix.fill(0, rows);
        matrix
    }

    /// Sets whole rows, from `first_row` on. What goes beyond the last row is left out.
    pub fn fill(&mut self, first_row: usize, rows: Stored<'_>) {
        pack::fill(self, first_row, rows);
    }

    /// Rows of the weight matrix: columns of the result.
    pub fn out(&self) -> usize {
        self.out
    }

    /// Columns of the weight matrix: values of a row that is multiplied.
    pub fn input(&self) -> usize {
        self.input
    }

    /// How the weights are held.
    pub fn element(&self) -> Element {
        self.element
    }

    /// What multiplies them.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Memory that the weights take.
    pub fn bytes(&self) -> usize {
        self.panels.len()
    }

    /// Values of `x` that a row takes once it is padded.
    fn depth(&self) -> usize {
        self.input.next_multiple_of(self.kernel.group())
    }

    /// One panel's bytes.
    fn panel(&self, at: usize) -> &[u8] {
        let bytes = self.depth() * PANEL * self.element.size();
        &self.panels[at * bytes..][..bytes]
    }

    /// `y = x · weightᵀ`: `x` is `[rows, input]`, `y` is `[rows, out]` and overwritten. Threads are those of the rayon pool
    /// that this is called in.
    ///
    /// # Panics
    /// Where `x` and `y` are of other lengths than that.
    pub fn multiply(&self, x: &[f32], y: &mut [f32]) {
        if self.input == 0 {
            // As many rows as `y` has, each a sum of nothing.
            assert!(x.is_empty(), "rows of no values have {}", x.len());
            return y.fill(0.0);
        }
        let rows = x.len() / self.input;
        // `Output::put` relies on these lengths.
        assert!(x.len() == rows * self.input, "{} values are no rows of {}", x.len(), self.input);
        assert!(y.len() == rows * self.out, "{} values are no {rows} rows of {}", y.len(), self.out);
        let depth = self.depth();
        SCRATCH.with(|held| {
            let mut scratch = held.take();
            if self.kernel == Kernel::Avx512Bf16 {
                let stride = stride::<u16>(depth);
                self.copy(x, scratch.narrow.of(rows * stride), stride, |from, to| self.round(from, to));
                self.run(rows, Rows::Narrow(scratch.narrow.of(rows * stride), stride), y);
            } else if self.element == Element::Bf16 {
                let stride = stride::<f32>(depth);
                let round = |from: &[f32], to: &mut [f32]| {
                    for (to, &from) in to.iter_mut().zip(from) {
                        *to = bf16::from_f32(from).to_f32();
                    }
                };
                self.copy(x, scratch.wide.of(rows * stride), stride, round);
                self.run(rows, Rows::Wide(scratch.wide.of(rows * stride), stride), y);
            } else if rows > FEW && depth.is_multiple_of(ALIASED) {
                let stride = stride::<f32>(depth);
                self.copy(x, scratch.wide.of(rows * stride), stride, |from, to| to[..from.len()].copy_from_slice(from));
                self.run(rows, Rows::Wide(scratch.wide.of(rows * stride), stride), y);
            } else {
                self.run(rows, Rows::Wide(x, depth), y);
            }
            held.set(scratch);
        });
    }

    /// Rows to where they are multiplied, each by `take`.
    fn copy<T: Send>(&self, x: &[f32], to: &mut [T], stride: usize, take: impl Fn(&[f32], &mut [T]) + Sync) {
        let pairs = to.par_chunks_mut(stride.max(1)).zip(x.par_chunks(self.input.max(1)));
        pairs.with_min_len(WORTH_A_THREAD.div_ceil(stride.max(1))).for_each(|(to, from)| take(from, to));
    }

    /// One row to bf16, to nearest, ties to even; what pads it is zero.
    fn round(&self, from: &[f32], to: &mut [u16]) {
        #[cfg(target_arch = "x86_64")]
        x86::round(from, to);
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (from, to);
    }

    fn run(&self, rows: usize, x: Rows<'_>, y: &mut [f32]) {
        let panels = self.out.div_ceil(PANEL);
        if rows == 0 || panels == 0 {
            return;
        }
        let work = rows * self.out * self.input;
        let shares = (work / WORTH_A_THREAD).clamp(1, SHARES * rayon::current_num_threads());
        let to = Output { y: y.as_mut_ptr(), length: y.len(), out: self.out };
        if shares == 1 {
            return self.tiles(0..panels, 0..rows, x, &to);
        }
        // Columns are shared out first: a panel then stays in one cache. Rows only where columns are too few.
        let columns = shares.min(panels);
        let (across, down) = (columns, (shares / columns).min(rows.div_ceil(TILE)).max(1));
        (0..across * down).into_par_iter().with_max_len(1).for_each(|share| {
            let (column, row) = (share / down, share % down);
            let part = |n: usize, of: usize, at: usize| n * at / of..n * (at + 1) / of;
            self.tiles(part(panels, across, column), part(rows, down, row), x, &to);
        });
    }

    /// The part of the result in these panels and rows, which no other thread may have.
    fn tiles(&self, panels: Range<usize>, rows: Range<usize>, x: Rows<'_>, to: &Output) {
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Bf16 | Kernel::Avx512 | Kernel::Avx2 => x86::tiles(self, panels, rows, x, to),
            _ => portable::tiles(self, panels, rows, x, to),
        }
    }
}

/// Panels are whole, and so are the groups in them.
fn packed_bytes(kernel: Kernel, out: usize, input: usize, element: Element) -> usize {
    out.next_multiple_of(PANEL) * input.next_multiple_of(kernel.group()) * element.size()
}

/// Rows of `x`, and how many values they are apart.
#[derive(Clone, Copy)]
enum Rows<'a> {
    /// Rounded already, where weights are bf16.
    Wide(&'a [f32], usize),
    /// Rounded to bf16.
    Narrow(&'a [u16], usize),
}

/// Values from one row to the next: an odd number of cache lines. Rows a power of two apart would fall into the same few sets
/// of the L1 cache and evict each other.
fn stride<T>(depth: usize) -> usize {
    let line = 64 / size_of::<T>();
    (depth.div_ceil(line) | 1) * line
}

/// The result, `[rows, out]`, written by several threads, each its own rows and panels.
struct Output {
    y: *mut f32,
    length: usize,
    out: usize,
}

// SAFETY: `Matrix::run` gives every thread a part of its own, and waits for all of them.
unsafe impl Sync for Output {}

impl Output {
    /// Writes one row of one panel, as much of it as the result has.
    ///
    /// # Safety
    /// The row and the panel are those of the result, and no other thread writes them.
    unsafe fn put(&self, row: usize, panel: usize, values: &[f32; PANEL]) {
        let at = row * self.out + panel * PANEL;
        let width = PANEL.min(self.out - panel * PANEL);
        debug_assert!(at + width <= self.length);
        // SAFETY: within the result, and no other thread has this row and panel, as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.y.add(at), width) };
    }
}

/// Rows are cut into tiles of nearly one height, so that none is left over: sizes of the tiles of `rows`.
fn heights(rows: usize) -> impl Iterator<Item = usize> {
    let tiles = rows.div_ceil(TILE).max(1);
    (0..tiles).map(move |tile| rows * (tile + 1) / tiles - rows * tile / tiles).filter(|&height| height > 0)
}

/// Room that is used again: what is longer than the rows of today keeps what it held, which is never read.
#[derive(Default)]
struct Room<T>(Vec<T>);

impl<T: Copy + Default> Room<T> {
    fn of(&mut self, length: usize) -> &mut [T] {
        self.0.resize(length.max(self.0.len()), T::default());
        &mut self.0[..length]
    }
}

/// Rows made ready.
#[derive(Default)]
struct Scratch {
    wide: Room<f32>,
    narrow: Room<u16>,
}

thread_local! {
    /// Taken while it is in use, so that a product within a product has its own.
    static SCRATCH: Cell<Scratch> = Cell::new(Scratch::default());
}

#[cfg(test)]
mod tests;
