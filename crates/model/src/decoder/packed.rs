//! A weight matrix as the CPU multiplies it: packed for its registers, or in blocks of eight bits.
//!
//! Either way a row of the result is the same, to the bit, whatever other rows are computed with it.

use candle_core::quantized::GgmlType;
use candle_core::quantized::k_quants::{self, BlockQ8_0};

use crate::decoder;
use crate::device::Compute;
use crate::provenance::{Backend, Products};
use rewardscope_kernels::{Element, Kernel, Matrix};

/// `[out, input]`
pub enum Packed {
    /// Multiplied by the kernels.
    Matrix(Matrix),
    /// Multiplied by candle's quantized products.
    Blocks(Blocks),
}

/// Rows of Q8_0 blocks: 32 values each, of eight bits, and a factor.
pub struct Blocks {
    out: usize,
    input: usize,
    blocks: Vec<BlockQ8_0>,
}

impl Packed {
    /// All zeros. Rows that are no whole number of blocks are kept in f32 where blocks were asked for.
    pub fn zeros(out: usize, input: usize, compute: Compute) -> Self {
        match compute {
            Compute::Q8_0 if input.is_multiple_of(BlockQ8_0::BLCK_SIZE) => {
                let blocks = vec![BlockQ8_0::zeros(); out * input / BlockQ8_0::BLCK_SIZE];
                Packed::Blocks(Blocks { out, input, blocks })
            }
            Compute::F32 | Compute::Q8_0 => Packed::Matrix(Matrix::zeros(out, input, Element::F32)),
            Compute::Bf16 => Packed::Matrix(Matrix::zeros(out, input, Element::Bf16)),
            Compute::F16 => Packed::Matrix(Matrix::zeros(out, input, Element::F16)),
        }
    }

    /// Rows of the matrix.
    pub fn out(&self) -> usize {
        match self {
            Packed::Matrix(matrix) => matrix.out(),
            Packed::Blocks(blocks) => blocks.out,
        }
    }

    /// Columns of the matrix.
    pub fn input(&self) -> usize {
        match self {
            Packed::Matrix(matrix) => matrix.input(),
            Packed::Blocks(blocks) => blocks.input,
        }
    }

    /// Memory that the weights take.
    pub fn bytes(&self) -> u64 {
        match self {
            Packed::Matrix(matrix) => matrix.bytes() as u64,
            Packed::Blocks(blocks) => std::mem::size_of_val(blocks.blocks.as_slice()) as u64,
        }
    }

    /// `y = x · weightᵀ`: `x` is `[rows, input]`, `y` is `[rows, out]` and overwritten.
    pub fn multiply(&self, x: &[f32], y: &mut [f32]) -> candle_core::Result<()> {
        match self {
            Packed::Matrix(matrix) => matrix.multiply(x, y),
            Packed::Blocks(Blocks { out, input, blocks }) => match x.len().checked_div(*input) {
                Some(rows) if rows > 0 => k_quants::matmul((rows, *input, *out), x, blocks, y)?,
                _ => y.fill(0.0),
            },
        }
        Ok(())
    }
}

impl Blocks {
    /// Quantizes whole rows, from `first_row` on.
    pub fn fill(&mut self, first_row: usize, values: &[f32]) {
        let at = first_row * self.input / BlockQ8_0::BLCK_SIZE;
        let blocks = &mut self.blocks[at..][..values.len() / BlockQ8_0::BLCK_SIZE];
        BlockQ8_0::from_float(values, blocks);
    }

    /// Takes whole rows as a file holds them.
    pub fn copy(&mut self, first_row: usize, bytes: &[u8]) {
        let at = first_row * self.input / BlockQ8_0::BLCK_SIZE;
        let count = bytes.len() / size_of::<BlockQ8_0>();
        let blocks = &mut self.blocks[at..][..count];
        // SAFETY: a block is `repr(C)`, a factor in f16 and 32 bytes, without padding, and any bits make one; both sides have
        // `count` of them, the left one just borrowed for writing.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), blocks.as_mut_ptr().cast::<u8>(), count * size_of::<BlockQ8_0>());
        }
    }
}

/// Bytes that [`Packed`] takes for a matrix of this shape.
pub fn bytes(out: usize, input: usize, compute: Compute) -> u64 {
    let element = match compute {
        Compute::Q8_0 if input.is_multiple_of(BlockQ8_0::BLCK_SIZE) => {
            return (out * (input / BlockQ8_0::BLCK_SIZE) * size_of::<BlockQ8_0>()) as u64;
        }
        Compute::F32 | Compute::Q8_0 => Element::F32,
        Compute::Bf16 => Element::Bf16,
        Compute::F16 => Element::F16,
    };
    Matrix::bytes_for(out, input, element) as u64
}

/// What multiplies such matrices here, for the provenance and for the key of scores: `avx512bf16`, `portable-x86_64`,
/// `candle-aarch64+fma`. It tells apart all that computes other bits on the CPU.
///
/// A kernel for one kind of CPU is there only where norms and attention are computed with fused operations. Beside the others
/// the name says whether they are, which is also what candle's own products go by, and for which architecture all is compiled.
pub fn backend(compute: Compute) -> Backend {
    let kernel = match compute {
        Compute::Q8_0 => None,
        Compute::F32 => Some(Kernel::best(Element::F32)),
        Compute::Bf16 => Some(Kernel::best(Element::Bf16)),
        Compute::F16 => Some(Kernel::best(Element::F16)),
    };
    built(kernel, decoder::is_fused())
}

/// The same of a model that candle-transformers computes.
pub fn stock_backend() -> Backend {
    Backend { products: Products::Stock, ..built(None, decoder::is_fused()) }
}

/// `None` is candle.
fn built(kernel: Option<Kernel>, fused: bool) -> Backend {
    let build = match kernel {
        Some(Kernel::Avx512Bf16 | Kernel::Avx512 | Kernel::Avx2) => None,
        Some(Kernel::Portable) | None => Some(format!("{}{}", std::env::consts::ARCH, if fused { "+fma" } else { "" })),
    };
    Backend { products: kernel.map_or(Products::Candle, Products::Kernel), build }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewardscope_kernels::Stored;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn filled(out: usize, input: usize, compute: Compute) -> Packed {
        let values = values(out * input, 7);
        let mut packed = Packed::zeros(out, input, compute);
        match &mut packed {
            Packed::Matrix(matrix) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                matrix.fill(0, Stored::F32(&bytes));
            }
            Packed::Blocks(blocks) => {
                // In two parts, as a file is read.
                blocks.fill(0, &values[..3 * input]);
                blocks.fill(3, &values[3 * input..]);
            }
        }
        packed
    }

    #[test]
    fn eight_bits_are_near_and_a_row_does_not_depend_on_others() {
        let (out, input, rows) = (37, 96, 19);
        let (exact, blocks) = (filled(out, input, Compute::F32), filled(out, input, Compute::Q8_0));
        assert!(matches!(blocks, Packed::Blocks(_)));
        assert!(matches!(filled(out, 40, Compute::Q8_0), Packed::Matrix(_)), "no whole number of blocks");
        let x = values(rows * input, 3);
        let (mut expected, mut found) = (vec![0.0; rows * out], vec![0.0; rows * out]);
        exact.multiply(&x, &mut expected).unwrap();
        blocks.multiply(&x, &mut found).unwrap();
        let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst > 1e-4 && worst < 0.1, "off by {worst}");
        for (row, together) in x.chunks_exact(input).zip(found.chunks_exact(out)) {
            let mut alone = vec![0.0; out];
            blocks.multiply(row, &mut alone).unwrap();
            assert_eq!(alone, together);
        }
    }

    #[test]
    fn blocks_are_taken_as_a_file_holds_them() {
        let (out, input) = (5, 64);
        let Packed::Blocks(made) = filled(out, input, Compute::Q8_0) else { panic!("no blocks") };
        // SAFETY: blocks are plain bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts(made.blocks.as_ptr().cast::<u8>(), std::mem::size_of_val(made.blocks.as_slice()))
        };
        let Packed::Blocks(mut copied) = Packed::zeros(out, input, Compute::Q8_0) else { panic!("no blocks") };
        let (first, rest) = bytes.split_at(bytes.len() / out * 2);
        copied.copy(0, first);
        copied.copy(2, rest);
        assert_eq!(copied.blocks, made.blocks);
    }

    #[test]
    fn a_kernels_name_tells_apart_what_computes_other_bits() {
        let arch = std::env::consts::ARCH;
        for (kernel, fused, name) in [
            (Some(Kernel::Avx512Bf16), true, "avx512bf16".to_owned()),
            (Some(Kernel::Avx2), true, "avx2".to_owned()),
            (Some(Kernel::Portable), true, format!("portable-{arch}+fma")),
            (Some(Kernel::Portable), false, format!("portable-{arch}")),
            (None, true, format!("candle-{arch}+fma")),
            (None, false, format!("candle-{arch}")),
        ] {
            assert_eq!(built(kernel, fused).to_string(), name);
        }
        let special = |element| Kernel::best(element) != Kernel::Portable;
        for element in [Element::F32, Element::Bf16, Element::F16] {
            assert!(decoder::is_fused() || !special(element), "a name without `+fma` says that operations are fused");
        }
    }

    #[test]
    fn memory_is_known_beforehand() {
        for compute in [Compute::F32, Compute::Bf16, Compute::F16, Compute::Q8_0] {
            for (out, input) in [(37, 96), (64, 33), (1, 1)] {
                assert_eq!(bytes(out, input, compute), Packed::zeros(out, input, compute).bytes(), "{out} {input} {compute:?}");
            }
        }
    }
}
