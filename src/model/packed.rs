//! A weight matrix as the CPU multiplies it: packed for its registers, or in blocks of eight bits.
//!
//! Either way a row of the result is the same, to the bit, whatever other rows are computed with it.

use candle_core::quantized::GgmlType;
use candle_core::quantized::k_quants::{self, BlockQ8_0};

use super::device::Compute;
use crate::kernels::{Element, Kernel, Matrix};

/// `[out, input]`
pub enum Packed {
    Matrix(Matrix),
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

    pub fn out(&self) -> usize {
        match self {
            Packed::Matrix(matrix) => matrix.out(),
            Packed::Blocks(blocks) => blocks.out,
        }
    }

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
            Packed::Blocks(Blocks { out, input, blocks }) => {
                if !x.is_empty() {
                    k_quants::matmul((x.len() / input, *input, *out), x, blocks, y)?;
                }
            }
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

/// What multiplies such matrices here, for the provenance.
pub fn kernel(compute: Compute) -> String {
    match compute {
        Compute::Q8_0 => "candle".to_owned(),
        Compute::F32 => Kernel::best(Element::F32).name().to_owned(),
        Compute::Bf16 => Kernel::best(Element::Bf16).name().to_owned(),
        Compute::F16 => Kernel::best(Element::F16).name().to_owned(),
    }
}
