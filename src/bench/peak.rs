//! The most operations a second that this machine's threads reach together on numbers in registers.

use std::hint::black_box;
use std::time::Instant;

/// Sums that run side by side, so that none waits for the one before.
const SUMS: usize = 64;
const ROUNDS: usize = 100_000;
const TRIES: usize = 5;

/// In operations a second; none for a dtype that this CPU has no products of.
pub(super) fn operations_per_second(dtype: &str) -> Option<f64> {
    (dtype == "f32").then(|| {
        let tries = (0..TRIES).map(|_| {
            let start = Instant::now();
            let threads = rayon::broadcast(|_| {
                let mut sums = [1.0_f32; SUMS];
                let (factor, term) = (black_box(0.999_f32), black_box(0.001_f32));
                for _ in 0..ROUNDS {
                    for sum in &mut sums {
                        *sum = *sum * factor + term;
                    }
                }
                black_box(sums);
            });
            (2 * SUMS * ROUNDS * threads.len()) as f64 / start.elapsed().as_secs_f64()
        });
        tries.fold(0.0, f64::max)
    })
}
