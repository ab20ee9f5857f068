//! A packed matrix as an operation on candle's tensors.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::Matrix;

/// `x · weightᵀ` for tensors on the CPU, with the same sums as everywhere else. It has no gradient.
#[derive(Clone)]
pub struct PackedLinear(Arc<Matrix>);

impl PackedLinear {
    /// Of a packed matrix `[out, input]`.
    pub fn new(matrix: Matrix) -> Self {
        PackedLinear(Arc::new(matrix))
    }

    /// The packed matrix `[out, input]`.
    pub fn matrix(&self) -> &Matrix {
        &self.0
    }

    /// `[.., input]` in f32 to `[.., out]` in f32.
    ///
    /// Fails for another dtype, another width, or a tensor that is not on the CPU.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for PackedLinear {
    fn name(&self) -> &'static str {
        "packed-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("packed-linear needs rows in order") };
        let x = &storage.as_slice::<f32>()?[start..end];
        let mut dims = layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.0.input() => *last = self.0.out(),
            _ => candle_core::bail!("packed-linear takes rows of {}, not {:?}", self.0.input(), layout.dims()),
        }
        let shape = Shape::from(dims);
        let mut y = vec![0.0; shape.elem_count()];
        self.0.multiply(x, &mut y);
        Ok((CpuStorage::F32(y), shape))
    }
}
