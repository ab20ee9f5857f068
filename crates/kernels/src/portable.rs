//! Products in plain Rust, for CPUs without a kernel of their own. The compiler may use what registers it finds.

use std::ops::Range;

use half::{bf16, f16};

use super::{BLOCK, Element, Matrix, Output, PANEL, Rows};

pub(super) fn tiles(matrix: &Matrix, panels: Range<usize>, rows: Range<usize>, x: Rows<'_>, to: &Output) {
    let Rows::Wide(x, stride) = x else { return };
    for panel in panels {
        let weights = matrix.panel(panel);
        for row in rows.clone() {
            let x = &x[row * stride..][..matrix.input];
            let sums = match matrix.element {
                Element::F32 => sums(x, weights, f32::from_le_bytes),
                Element::Bf16 => sums(x, weights, |w| bf16::from_le_bytes(w).to_f32()),
                Element::F16 => sums(x, weights, |w| f16::from_le_bytes(w).to_f32()),
            };
            // SAFETY: `Matrix::run` gives this thread the panels and rows that it is called with, all of them of the result.
            unsafe { to.put(row, panel, &sums) };
        }
    }
}

fn sums<const N: usize>(x: &[f32], weights: &[u8], value: impl Fn([u8; N]) -> f32) -> [f32; PANEL] {
    let mut sums = [0.0; PANEL];
    let (weights, _) = weights.as_chunks::<N>();
    for (x, weights) in x.chunks(BLOCK).zip(weights.chunks(BLOCK * PANEL)) {
        let mut block = [0.0; PANEL];
        for (x, weights) in x.iter().zip(weights.chunks_exact(PANEL)) {
            for (sum, &weight) in block.iter_mut().zip(weights) {
                *sum += x * value(weight);
            }
        }
        for (sum, block) in sums.iter_mut().zip(block) {
            *sum += block;
        }
    }
    sums
}
