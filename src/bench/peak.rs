//! The most operations a second that this machine's threads reach together, on numbers that stay in registers.

use std::hint::black_box;
use std::time::Instant;

/// Sums that run side by side, so that none waits for the one before.
const SUMS: usize = 16;
const ROUNDS: usize = 400_000;
/// The fastest counts: a peak is what nothing disturbed.
const TRIES: usize = 8;

/// Runs [`ROUNDS`] times over all registers.
type Loop = fn();

/// In operations a second; none for a dtype that this CPU has no products of its own for.
pub(super) fn operations_per_second(dtype: &str) -> Option<f64> {
    let (run, operations) = loop_of(dtype)?;
    let tries = (0..TRIES).map(|_| {
        let start = Instant::now();
        let threads = rayon::broadcast(|_| run()).len();
        (operations * ROUNDS * threads) as f64 / start.elapsed().as_secs_f64()
    });
    Some(tries.fold(0.0, f64::max))
}

/// The loop for a dtype, and how many operations a round of it does.
fn loop_of(dtype: &str) -> Option<(Loop, usize)> {
    #[cfg(target_arch = "x86_64")]
    {
        if dtype == "bf16" && is_x86_feature_detected!("avx512bf16") {
            // SAFETY: the CPU has what the function needs.
            return Some((|| unsafe { x86::bf16_avx512() }, 64 * SUMS));
        }
        // What cannot be multiplied in bf16 or f16 is widened, and multiplied in f32.
        if matches!(dtype, "f32" | "bf16" | "f16") && is_x86_feature_detected!("avx512f") {
            // SAFETY: as above.
            return Some((|| unsafe { x86::f32_avx512() }, 32 * SUMS));
        }
        if matches!(dtype, "f32" | "bf16" | "f16") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return Some((|| unsafe { x86::f32_avx2() }, 16 * x86::FEWER_SUMS));
        }
    }
    matches!(dtype, "f32" | "bf16" | "f16").then_some((portable as Loop, 16 * SUMS))
}

/// Eight lanes a register, as the compiler makes of it what the target has.
fn portable() {
    let mut sums = [[1.0_f32; 8]; SUMS];
    let (factor, term) = (black_box(0.999_f32), black_box(0.001_f32));
    for _ in 0..ROUNDS {
        for lane in sums.iter_mut().flatten() {
            *lane = *lane * factor + term;
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm256_fmadd_ps, _mm256_set1_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_set1_epi32, _mm512_set1_ps,
    };
    use std::hint::black_box;
    use std::mem::transmute;

    use super::{ROUNDS, SUMS};

    /// AVX2 has sixteen registers in all.
    pub(super) const FEWER_SUMS: usize = 12;

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn f32_avx512() {
        let mut sums = [_mm512_set1_ps(1.0); SUMS];
        let (factor, term) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.001)));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, term);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn f32_avx2() {
        let mut sums = [_mm256_set1_ps(1.0); FEWER_SUMS];
        let (factor, term) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(0.001)));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, term);
            }
        }
        black_box(sums);
    }

    /// Two products and two sums in each of sixteen lanes.
    #[target_feature(enable = "avx512bf16,avx512f")]
    pub(super) unsafe fn bf16_avx512() {
        let mut sums = [_mm512_set1_ps(1.0); SUMS];
        // 0.001 in bf16, twice in each lane.
        let pairs = |bits: i32| _mm512_set1_epi32(black_box(bits));
        let (a, b) = (pairs(0x3a83_3a83), pairs(0x3a83_3a83));
        // SAFETY: both sides are 512 bits, and any bits are bf16.
        let (a, b) = unsafe { (transmute::<__m512i, __m512bh>(a), transmute::<__m512i, __m512bh>(b)) };
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, a, b);
            }
        }
        black_box(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_peak_for_what_is_multiplied_in_registers_and_for_nothing_else() {
        for dtype in ["f32", "bf16", "f16"] {
            assert!(operations_per_second(dtype).is_some_and(|rate| rate > 0.0), "{dtype}");
        }
        assert_eq!(operations_per_second("q8_0"), None);
    }
}
