//! Products in plain Rust, for CPUs without a kernel of their own. The compiler may use what registers it finds.

use std::ops::Range;

use half::{bf16, f16};

use super::{Element, Matrix, Output, PANEL, Rows};

pub(super) fn tiles(matrix: &Matrix, panels: Range<usize>, rows: Range<usize>, x: Rows<'_>, to: &Output) {
    let depth = matrix.depth();
    for panel in panels {
        let weights = matrix.panel(panel);
        for row in rows.clone() {
            let span = row * depth..(row + 1) * depth;
            let sums = match (x, matrix.element) {
                (Rows::Wide(x), Element::F32) => sums(x[span].iter().copied(), weights, f32::from_le_bytes),
                (Rows::Wide(x), _) => sums(x[span].iter().copied(), weights, |w| f16::from_le_bytes(w).to_f32()),
                (Rows::Narrow(x), _) => {
                    let x = x[span].iter().map(|&x| bf16::from_bits(x).to_f32());
                    sums(x, weights, |w| bf16::from_le_bytes(w).to_f32())
                }
            };
            to.put(row, panel, &sums);
        }
    }
}

fn sums<const N: usize>(x: impl Iterator<Item = f32>, weights: &[u8], value: impl Fn([u8; N]) -> f32) -> [f32; PANEL] {
    let mut sums = [0.0; PANEL];
    let (weights, _) = weights.as_chunks::<N>();
    for (x, weights) in x.zip(weights.chunks_exact(PANEL)) {
        for (sum, &weight) in sums.iter_mut().zip(weights) {
            *sum += x * value(weight);
        }
    }
    sums
}
