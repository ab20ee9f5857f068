//! How fast packed matrices multiply, beside what the CPU could do at most:
//!
//!     cargo bench --bench kernels [-- OUT INPUT]
//!
//! `[rows, INPUT] × [INPUT, OUT]` (8192 and 2048 where none is given) by every kernel of this machine, medians of nine. Run
//! it on an idle machine; `RAYON_NUM_THREADS` chooses the threads.

use std::time::Instant;

use rewardscope::kernels::{Element, Kernel, Matrix, Stored, operations_per_second};

const ROWS: [usize; 8] = [1, 2, 4, 8, 16, 64, 128, 512];
const TIMES: usize = 9;
/// Of one timing, so that the clock's grain and the start of threads do not count.
const SECONDS: f64 = 0.02;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (out, input) = match sizes[..] {
        [out, input, ..] => (out, input),
        _ => (8192, 2048),
    };
    println!("GFLOP/s of [rows, {input}] x [{input}, {out}], {} threads", rayon::current_num_threads());
    println!("{:<22}{}{:>10}", "rows", ROWS.map(|rows| format!("{rows:>8}")).concat(), "peak");
    for element in [Element::F32, Element::Bf16, Element::F16] {
        for kernel in Kernel::available(element) {
            let peak = operations_per_second(element) / 1e9;
            let rates = ROWS.map(|rows| format!("{:>8.0}", rate(kernel, element, rows, out, input) / 1e9));
            let best = if kernel == Kernel::best(element) { format!("{peak:>10.0}") } else { String::new() };
            println!("{:<22}{}{best}", format!("{element:?} {}", kernel.name()), rates.concat());
        }
    }
}

/// Operations a second.
fn rate(kernel: Kernel, element: Element, rows: usize, out: usize, input: usize) -> f64 {
    // Filled, or the system would lend one page of zeros for all of it.
    let mut matrix = Matrix::zeros_for(kernel, out, input, element);
    let weights: Vec<u8> = (0..out * input).flat_map(|i| (i as f32 / 1e8).to_le_bytes()).collect();
    matrix.fill(0, Stored::F32(&weights));
    let x = vec![0.5; rows * input];
    let mut y = vec![0.0; rows * out];
    let mut times = |count: usize| {
        let start = Instant::now();
        (0..count).for_each(|_| matrix.multiply(&x, &mut y));
        start.elapsed().as_secs_f64() / count as f64
    };
    let count = (SECONDS / times(1)).ceil() as usize;
    let mut seconds: Vec<f64> = (0..TIMES).map(|_| times(count)).collect();
    seconds.sort_by(f64::total_cmp);
    2.0 * (rows * out * input) as f64 / seconds[TIMES / 2]
}
