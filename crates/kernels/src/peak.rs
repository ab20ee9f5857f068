//! What the CPU could do at most: products of registers with registers, nothing fetched.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Element, Kernel};

/// How long it is measured.
const SPAN: Duration = Duration::from_millis(100);
/// Rounds between two looks at the clock.
const ROUNDS: usize = 200_000;

/// Floating-point operations a second of all threads of the current rayon pool together, in the instructions that
/// multiply weights held so. Takes a tenth of a second; run it on an idle machine.
pub fn operations_per_second(element: Element) -> f64 {
    let kernel = Kernel::best(element);
    let rates = rayon::broadcast(|_| {
        burst(kernel, ROUNDS);
        let start = Instant::now();
        let mut operations = 0.0;
        while start.elapsed() < SPAN {
            operations += burst(kernel, ROUNDS);
        }
        operations / start.elapsed().as_secs_f64()
    });
    rates.iter().sum()
}

/// Operations done.
fn burst(kernel: Kernel, rounds: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(operations) = super::x86::burst(kernel, rounds) {
        return operations;
    }
    let _ = kernel;
    let mut sums = [[0.0f32; 8]; 8];
    let (x, w) = (black_box([1.0f32; 8]), black_box([1e-9f32; 8]));
    for _ in 0..rounds {
        for sum in &mut sums {
            for i in 0..8 {
                sum[i] += x[i] * w[i];
            }
        }
    }
    black_box(sums);
    (rounds * 8 * 8 * 2) as f64
}
