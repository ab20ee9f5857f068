//! Products in the vector instructions of x86-64.
//!
//! A tile is up to 12 rows by one or more panels of 32 columns, its sums held in registers while the weights stream past.
//! Few rows would leave the multipliers waiting for their own results: they take several panels at once.

use std::arch::x86_64::*;
use std::hint::black_box;
use std::ops::Range;

use super::{BLOCK, Element, Kernel, Matrix, Output, PANEL, Rows, TILE, heights};

/// Panels taken at once for a single row, and the most there can be.
const ABREAST: usize = 4;
/// Rows that are computed together where registers are half as wide.
const LOW: usize = TILE / 2;
/// Of a cache.
const LINE: usize = 64;
/// Steps along a panel between two requests for memory.
const STEPS: usize = 16;
type Sums = [[f32; PANEL]; TILE];

/// Only where AVX2 and FMA are there too, so that a kernel's name says how everything beside products is computed.
pub(super) fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

pub(super) fn has_avx512bf16() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512bf16")
}

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// One row to bf16, to nearest, ties to even; what pads it is zero. The CPU must have AVX512-BF16.
pub(super) fn round(from: &[f32], to: &mut [u16]) {
    assert!(has_avx512bf16() && to.len() >= from.len());
    // SAFETY: the CPU has it.
    unsafe { round_bf16(from, to) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn round_bf16(from: &[f32], to: &mut [u16]) {
    for (at, to) in to.chunks_mut(32).enumerate() {
        let from = from.get(at * 32..).unwrap_or_default();
        let from = &from[..from.len().min(32)];
        let mask = |from: &[f32]| (1u32 << from.len().min(16)).wrapping_sub(1) as __mmask16;
        let (low, high) = from.split_at(from.len().min(16));
        // SAFETY: the masks cover what is there of the source and of the target.
        unsafe {
            let low = _mm512_maskz_loadu_ps(mask(low), low.as_ptr());
            let high = _mm512_maskz_loadu_ps(mask(high), high.as_ptr());
            let both: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
            let width = (1u64 << to.len()).wrapping_sub(1) as __mmask32;
            _mm512_mask_storeu_epi16(to.as_mut_ptr().cast(), width, both);
        }
    }
}

pub(super) fn tiles(matrix: &Matrix, panels: Range<usize>, rows: Range<usize>, x: Rows<'_>, to: &Output) {
    assert!(matrix.kernel.can(matrix.element));
    let mut first = rows.start;
    let heights: Vec<usize> = heights(rows.len()).collect();
    // A panel is taken through all rows while it is in the cache.
    let abreast = match heights.first() {
        Some(1 | 2) => ABREAST,
        Some(3..=5) => 2,
        _ => 1,
    };
    let mut panel = panels.start;
    while panel < panels.end {
        let count = if panels.end - panel >= abreast { abreast } else { 1 };
        // The next panel comes from memory while this one is multiplied: by every tile its share, unless there is but one,
        // which streams by itself.
        let next = if panel + count < panels.end && heights.len() > 1 { matrix.panel(panel + count) } else { &[] };
        for (at, &height) in heights.iter().enumerate() {
            let share = |at: usize| next.len() / LINE * at / heights.len() * LINE;
            let ahead = &next[share(at)..share(at + 1)];
            let mut sums = [[[0.0; PANEL]; TILE]; ABREAST];
            // SAFETY: the CPU has what the kernel needs (asserted above).
            unsafe { tile(matrix, panel, count, first..first + height, x, ahead, &mut sums) };
            for (beside, sums) in sums.iter().enumerate().take(count) {
                for (row, sums) in sums.iter().enumerate().take(height) {
                    // SAFETY: `Matrix::run` gives this thread these panels and rows, all of them of the result.
                    unsafe { to.put(first + row, panel + beside, sums) };
                }
            }
            first += height;
        }
        first = rows.start;
        panel += count;
    }
}

/// Asks for memory in small parts, one each time.
struct Ahead<'a> {
    lines: std::slice::ChunksExact<'a, u8>,
    each: usize,
}

impl<'a> Ahead<'a> {
    #[inline(always)]
    fn new(bytes: &'a [u8], times: usize) -> Self {
        let lines = bytes.chunks_exact(LINE);
        Ahead { each: lines.len().div_ceil(times.max(1)), lines }
    }

    #[inline(always)]
    fn ask(&mut self) {
        for line in self.lines.by_ref().take(self.each) {
            prefetch(line.as_ptr());
        }
    }
}

#[inline(always)]
fn prefetch(at: *const u8) {
    // SAFETY: a prefetch reads nothing; every x86-64 CPU has it.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) };
}

/// Chooses the code for a height and a number of panels.
macro_rules! by_shape {
    ($height:expr, $count:expr, $run:ident) => {
        match ($height, $count) {
            (1, 4) => $run!(1, 4),
            (2, 4) => $run!(2, 4),
            (1, 2) => $run!(1, 2),
            (2, 2) => $run!(2, 2),
            (3, 2) => $run!(3, 2),
            (4, 2) => $run!(4, 2),
            (5, 2) => $run!(5, 2),
            (1, _) => $run!(1, 1),
            (2, _) => $run!(2, 1),
            (3, _) => $run!(3, 1),
            (4, _) => $run!(4, 1),
            (5, _) => $run!(5, 1),
            (6, _) => $run!(6, 1),
            (7, _) => $run!(7, 1),
            (8, _) => $run!(8, 1),
            (9, _) => $run!(9, 1),
            (10, _) => $run!(10, 1),
            (11, _) => $run!(11, 1),
            _ => $run!(12, 1),
        }
    };
}

/// # Safety
/// The CPU has what the matrix's kernel needs.
unsafe fn tile(
    matrix: &Matrix,
    panel: usize,
    count: usize,
    rows: Range<usize>,
    x: Rows<'_>,
    ahead: &[u8],
    sums: &mut [Sums; ABREAST],
) {
    let (first, height) = (rows.start, rows.len());
    let depth = matrix.depth();
    let stride = matrix.panel(panel).len();
    let weights = &matrix.panels[panel * stride..(panel + count) * stride];
    // SAFETY: of the caller; weights and rows are as long as the shapes say, because they were cut so right above.
    unsafe {
        match x {
            Rows::Narrow(x, apart) => {
                let x = &x[first * apart..][..height * apart];
                macro_rules! run {
                    ($r:literal, $c:literal) => {
                        pairs_512::<$r, $c>(x, apart, depth / 2, weights, stride, ahead, sums)
                    };
                }
                by_shape!(height, count, run);
            }
            Rows::Wide(x, apart) => {
                let x = &x[first * apart..][..height * apart];
                macro_rules! wide {
                    ($format:ident) => {
                        if matrix.kernel == Kernel::Avx512 {
                            macro_rules! run {
                                ($r:literal, $c:literal) => {
                                    wide_512::<$r, $c, $format>(x, apart, depth, weights, stride, ahead, sums)
                                };
                            }
                            by_shape!(height, count, run);
                        } else {
                            wide_256_all::<$format>(x, apart, depth, weights, stride, ahead, sums)
                        }
                    };
                }
                match matrix.element {
                    Element::F32 => wide!(F32),
                    Element::Bf16 => wide!(BF16),
                    Element::F16 => wide!(F16),
                }
            }
        }
    }
}

/// How weights lie in a panel.
const F32: u8 = 0;
const BF16: u8 = 1;
const F16: u8 = 2;

const fn size(format: u8) -> usize {
    if format == F32 { 4 } else { 2 }
}

/// Pairs of bf16: `x` is `[R, pairs, 2]` with rows `apart`, each of the panels `[pairs, 32, 2]`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn pairs_512<const R: usize, const C: usize>(
    x: &[u16],
    apart: usize,
    pairs: usize,
    weights: &[u8],
    stride: usize,
    ahead: &[u8],
    sums: &mut [Sums; ABREAST],
) {
    assert!(x.len() == R * apart && apart >= pairs * 2 && stride == pairs * 128 && weights.len() == C * stride);
    let mut held = [[[_mm512_setzero_ps(); 2]; C]; R];
    let mut ahead = Ahead::new(ahead, pairs.div_ceil(STEPS));
    for start in (0..pairs).step_by(STEPS) {
        ahead.ask();
        for pair in start..pairs.min(start + STEPS) {
            // SAFETY: within `x` and the panels, whose lengths were asserted; the intrinsics are those of the enabled features.
            unsafe {
                let mut w = [[_mm512_setzero_si512(); 2]; C];
                for (c, w) in w.iter_mut().enumerate() {
                    let at = weights.as_ptr().add(c * stride + pair * 128).cast::<__m512i>();
                    *w = [_mm512_load_si512(at), _mm512_load_si512(at.add(1))];
                }
                for (r, held) in held.iter_mut().enumerate() {
                    let both = x.as_ptr().add(r * apart + pair * 2).cast::<i32>().read_unaligned();
                    let both: __m512bh = std::mem::transmute(_mm512_set1_epi32(both));
                    for (held, w) in held.iter_mut().zip(&w) {
                        held[0] = _mm512_dpbf16_ps(held[0], both, std::mem::transmute::<__m512i, __m512bh>(w[0]));
                        held[1] = _mm512_dpbf16_ps(held[1], both, std::mem::transmute::<__m512i, __m512bh>(w[1]));
                    }
                }
            }
        }
    }
    add_512(&held, sums);
}

/// `x` is `[R, depth]` with rows `apart`, each of the panels `[depth, 32]`.
#[target_feature(enable = "avx512f,avx512bw")]
fn wide_512<const R: usize, const C: usize, const FORMAT: u8>(
    x: &[f32],
    apart: usize,
    depth: usize,
    weights: &[u8],
    stride: usize,
    ahead: &[u8],
    sums: &mut [Sums; ABREAST],
) {
    assert!(x.len() == R * apart && apart >= depth && stride == depth * PANEL * size(FORMAT) && weights.len() == C * stride);
    let mut ahead = Ahead::new(ahead, depth.div_ceil(STEPS));
    for block in (0..depth).step_by(BLOCK) {
        let end = depth.min(block + BLOCK);
        let mut held = [[[_mm512_setzero_ps(); 2]; C]; R];
        for start in (block..end).step_by(STEPS) {
            ahead.ask();
            for k in start..end.min(start + STEPS) {
                // SAFETY: as in `pairs_512`.
                unsafe {
                    let mut w = [[_mm512_setzero_ps(); 2]; C];
                    for (c, w) in w.iter_mut().enumerate() {
                        let at = weights.as_ptr().add(c * stride + k * PANEL * size(FORMAT));
                        *w = [load_512::<FORMAT>(at), load_512::<FORMAT>(at.add(16 * size(FORMAT)))];
                    }
                    for (r, held) in held.iter_mut().enumerate() {
                        let x = _mm512_set1_ps(*x.as_ptr().add(r * apart + k));
                        for (held, w) in held.iter_mut().zip(&w) {
                            held[0] = _mm512_fmadd_ps(x, w[0], held[0]);
                            held[1] = _mm512_fmadd_ps(x, w[1], held[1]);
                        }
                    }
                }
            }
        }
        add_512(&held, sums);
    }
}

/// # Safety
/// Sixteen values can be read at `at`, which lies at a multiple of their size in bytes times sixteen.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn load_512<const FORMAT: u8>(at: *const u8) -> __m512 {
    // SAFETY: of the caller.
    unsafe {
        match FORMAT {
            F32 => _mm512_load_ps(at.cast()),
            BF16 => _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(_mm256_load_si256(at.cast())))),
            _ => _mm512_cvtph_ps(_mm256_load_si256(at.cast())),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_512<const R: usize, const C: usize>(held: &[[[__m512; 2]; C]; R], sums: &mut [Sums; ABREAST]) {
    for (r, held) in held.iter().enumerate() {
        for (held, sums) in held.iter().zip(sums.iter_mut()) {
            for (held, sums) in held.iter().zip(sums[r].as_chunks_mut::<16>().0) {
                // SAFETY: a chunk has sixteen values.
                unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), _mm512_add_ps(_mm512_loadu_ps(sums.as_ptr()), *held)) };
            }
        }
    }
}

/// A tile by registers half as wide: 16 columns and up to `LOW` rows at a time. While a block of the weights is in the nearest
/// cache, all rows and both halves of the panel take it.
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_256_all<const FORMAT: u8>(
    x: &[f32],
    apart: usize,
    depth: usize,
    weights: &[u8],
    stride: usize,
    ahead: &[u8],
    sums: &mut [Sums; ABREAST],
) {
    let height = x.len() / apart;
    let parts = height.div_ceil(LOW);
    let mut ahead = Ahead::new(ahead, depth.div_ceil(BLOCK));
    for (weights, sums) in weights.chunks_exact(stride.max(1)).zip(sums) {
        for block in (0..depth).step_by(BLOCK) {
            let block = block..depth.min(block + BLOCK);
            ahead.ask();
            // Parts of nearly one height, as tiles are.
            for part in 0..parts {
                let rows = height * part / parts..height * (part + 1) / parts;
                let x = &x[rows.start * apart..rows.end * apart];
                let sums = &mut sums[rows.start..];
                match rows.len() {
                    1 => wide_256::<1, FORMAT>(x, apart, block.clone(), weights, sums),
                    2 => wide_256::<2, FORMAT>(x, apart, block.clone(), weights, sums),
                    3 => wide_256::<3, FORMAT>(x, apart, block.clone(), weights, sums),
                    4 => wide_256::<4, FORMAT>(x, apart, block.clone(), weights, sums),
                    5 => wide_256::<5, FORMAT>(x, apart, block.clone(), weights, sums),
                    _ => wide_256::<6, FORMAT>(x, apart, block.clone(), weights, sums),
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_256<const R: usize, const FORMAT: u8>(
    x: &[f32],
    apart: usize,
    block: Range<usize>,
    weights: &[u8],
    sums: &mut [[f32; PANEL]],
) {
    assert!(x.len() == R * apart && apart >= block.end && weights.len() >= block.end * PANEL * size(FORMAT) && sums.len() >= R);
    for half in 0..2 {
        let mut held = [[_mm256_setzero_ps(); 2]; R];
        for k in block.clone() {
            // SAFETY: within `x` and the panel, whose lengths were asserted; the intrinsics are those of the enabled features.
            unsafe {
                let at = weights.as_ptr().add((k * PANEL + half * 16) * size(FORMAT));
                let w = [load_256::<FORMAT>(at), load_256::<FORMAT>(at.add(8 * size(FORMAT)))];
                for (r, held) in held.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(*x.as_ptr().add(r * apart + k));
                    held[0] = _mm256_fmadd_ps(x, w[0], held[0]);
                    held[1] = _mm256_fmadd_ps(x, w[1], held[1]);
                }
            }
        }
        for (held, sums) in held.iter().zip(sums.iter_mut()) {
            for (held, sums) in held.iter().zip(sums[half * 16..].as_chunks_mut::<8>().0) {
                // SAFETY: a chunk has eight values.
                unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), _mm256_add_ps(_mm256_loadu_ps(sums.as_ptr()), *held)) };
            }
        }
    }
}

/// # Safety
/// Eight values can be read at `at`, which lies at a multiple of their size in bytes times eight.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn load_256<const FORMAT: u8>(at: *const u8) -> __m256 {
    // SAFETY: of the caller.
    unsafe {
        match FORMAT {
            F32 => _mm256_load_ps(at.cast()),
            BF16 => _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_load_si128(at.cast())))),
            _ => _mm256_cvtph_ps(_mm_load_si128(at.cast())),
        }
    }
}

/// Products of registers alone; how many operations they were. None for a kernel that is not of these.
pub(super) fn burst(kernel: Kernel, rounds: usize) -> Option<f64> {
    let done = |sums: usize, operations: usize| Some((rounds * sums * operations) as f64);
    // SAFETY: each is run where the CPU has it.
    unsafe {
        match kernel {
            Kernel::Avx512Bf16 if has_avx512bf16() => {
                burst_bf16(rounds);
                done(24, 64)
            }
            Kernel::Avx512 if has_avx512() => {
                burst_512(rounds);
                done(24, 32)
            }
            Kernel::Avx2 if has_avx2() => {
                burst_256(rounds);
                done(12, 16)
            }
            _ => None,
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn burst_bf16(rounds: usize) {
    // SAFETY: both are 64 bytes of bits.
    let (x, w): (__m512bh, __m512bh) = unsafe {
        (
            std::mem::transmute::<__m512i, __m512bh>(black_box(_mm512_set1_epi16(0x3f80))),
            std::mem::transmute::<__m512i, __m512bh>(black_box(_mm512_set1_epi16(0x3000))),
        )
    };
    let mut sums = [_mm512_setzero_ps(); 24];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, x, w);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx512f")]
fn burst_512(rounds: usize) {
    let (x, w) = (black_box(_mm512_set1_ps(1.0)), black_box(_mm512_set1_ps(1e-9)));
    let mut sums = [_mm512_setzero_ps(); 24];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(x, w, *sum);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx2,fma")]
fn burst_256(rounds: usize) {
    let (x, w) = (black_box(_mm256_set1_ps(1.0)), black_box(_mm256_set1_ps(1e-9)));
    let mut sums = [_mm256_setzero_ps(); 12];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(x, w, *sum);
        }
    }
    black_box(sums);
}
