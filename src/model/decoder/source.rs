//! Where the native decoder's tensors come from.

use std::cell::RefCell;

use candle_core::{DType, Tensor};

use super::{Fetch, Role};
use crate::kernels::Stored;
use crate::model::ModelError;
use crate::model::device::Compute;
use crate::model::packed::Packed;
use crate::model::weights::Embedding;

/// Gives tensors by name and shape, or says what is wrong.
pub(in crate::model) trait Source {
    /// `[rows, width]`, of which rows are looked up.
    fn embedding(&self, name: &str, rows: usize, width: usize) -> Result<Embedding, ModelError>;
    /// `[out, input]`, to be multiplied.
    fn matrix(&self, name: &str, out: usize, input: usize) -> Result<Packed, ModelError>;
    /// `[length]`, in f32.
    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError>;
}

/// Tensors that are there already, or are read by someone else.
pub(super) struct Fetched<'a, 'f> {
    pub fetch: RefCell<&'a mut Fetch<'f>>,
    pub compute: Compute,
}

impl Fetched<'_, '_> {
    fn values(&self, name: &str, shape: &[usize], role: Role) -> Result<Vec<f32>, ModelError> {
        let tensor: Tensor = (self.fetch.borrow_mut())(name, shape, role)?;
        Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

impl Source for Fetched<'_, '_> {
    fn embedding(&self, name: &str, rows: usize, width: usize) -> Result<Embedding, ModelError> {
        Ok(Embedding::held(self.values(name, &[rows, width], Role::Embedding)?, width))
    }

    fn matrix(&self, name: &str, out: usize, input: usize) -> Result<Packed, ModelError> {
        let values = self.values(name, &[out, input], Role::Linear)?;
        let mut packed = Packed::zeros(out, input, self.compute);
        match &mut packed {
            Packed::Matrix(matrix) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                matrix.fill(0, Stored::F32(&bytes));
            }
            Packed::Blocks(blocks) => blocks.fill(0, &values),
        }
        Ok(packed)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        self.values(name, &[length], Role::Small)
    }
}
