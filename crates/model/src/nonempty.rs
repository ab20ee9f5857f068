//! candle's tensors, of which none is empty.
//!
//! A GPU refuses to launch a kernel over nothing, and the CPU does not mind: a cast, a copy or a product of an empty tensor
//! passes every test on the CPU and ends the run on a GPU. So what a GPU runs is written with this type. It comes into being
//! only with elements, and no operation that it has takes the last one away: an empty tensor is an error on every device,
//! before anything is launched.

use candle_core::{D, DType, Device, Result, Tensor, WithDType};

use rewardscope_kernels::PackedLinear;

/// A tensor of at least one element.
#[derive(Clone, Debug)]
pub struct NonEmptyTensor(Tensor);

/// Operations of one tensor under candle's names.
macro_rules! operations {
    ($($name:ident ( $($argument:ident : $kind:ty),* );)*) => {
        $(pub fn $name(&self, $($argument: $kind),*) -> Result<Self> {
            self.0.$name($($argument),*).map(NonEmptyTensor)
        })*
    };
}

/// Operations of two tensors under candle's names.
macro_rules! pairs {
    ($($name:ident)*) => {
        $(pub fn $name(&self, other: &Self) -> Result<Self> {
            self.0.$name(&other.0).map(NonEmptyTensor)
        })*
    };
}

impl NonEmptyTensor {
    /// # Errors
    /// Where the tensor has no elements.
    pub fn of(tensor: Tensor) -> Result<Self> {
        if tensor.elem_count() == 0 {
            candle_core::bail!("an operation over no elements was asked for (shape {:?})", tensor.dims());
        }
        Ok(NonEmptyTensor(tensor))
    }

    /// Values brought to a device, of shape `shape`.
    ///
    /// # Errors
    /// Where there are none: nothing is brought then.
    pub fn new<T: WithDType>(values: Vec<T>, shape: &[usize], device: &Device) -> Result<Self> {
        if values.is_empty() {
            candle_core::bail!("no values were to be brought to a device (shape {shape:?})");
        }
        Tensor::from_vec(values, shape, device).map(NonEmptyTensor)
    }

    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    pub fn into_tensor(self) -> Tensor {
        self.0
    }

    pub fn dtype(&self) -> DType {
        self.0.dtype()
    }

    pub fn dim(&self, dimension: usize) -> Result<usize> {
        self.0.dim(dimension)
    }

    operations! {
        to_dtype(dtype: DType);
        contiguous();
        t();
        transpose(first: usize, second: usize);
        squeeze(dimension: usize);
        unsqueeze(dimension: usize);
        affine(factor: f64, summand: f64);
        sqr();
        sqrt();
        exp();
        cos();
        sin();
        tanh();
        relu();
        silu();
        gelu();
        gelu_erf();
        elu(alpha: f64);
        mean(dimension: usize);
        sum(dimension: D);
        mean_keepdim(dimension: D);
        max_keepdim(dimension: D);
        sum_keepdim(dimension: D);
    }

    pairs! { add sub mul div matmul broadcast_add broadcast_sub broadcast_mul broadcast_div }

    /// # Errors
    /// Where the shape has another number of elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        self.0.reshape(shape).map(NonEmptyTensor)
    }

    /// # Errors
    /// Where the length is 0, or reaches beyond the tensor.
    pub fn narrow(&self, dimension: usize, start: usize, length: usize) -> Result<Self> {
        Self::of(self.0.narrow(dimension, start, length)?)
    }

    /// The rows at `ids`, of which there is at least one.
    pub fn index_select(&self, ids: &Self, dimension: usize) -> Result<Self> {
        self.0.index_select(&ids.0, dimension).map(NonEmptyTensor)
    }

    /// # Errors
    /// Where there are no tensors, or their shapes do not fit.
    pub fn cat(tensors: &[&Self], dimension: usize) -> Result<Self> {
        let tensors: Vec<&Tensor> = tensors.iter().map(|tensor| &tensor.0).collect();
        Tensor::cat(&tensors, dimension).map(NonEmptyTensor)
    }

    /// Over the last dimension, in the dtype given.
    pub fn softmax(&self) -> Result<Self> {
        let exponentials = self.broadcast_sub(&self.max_keepdim(D::Minus1)?)?.exp()?;
        exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
    }

    /// Multiplied with a packed matrix, on the CPU.
    pub fn multiplied(&self, packed: &PackedLinear) -> Result<Self> {
        packed.forward(&self.0).map(NonEmptyTensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_tensor_is_refused_before_an_operation_sees_it() {
        let empty = || Tensor::zeros((0, 4), DType::BF16, &Device::Cpu).unwrap();
        let full = NonEmptyTensor::new(vec![1f32; 8], &[2, 4], &Device::Cpu).unwrap();
        let refused = [
            NonEmptyTensor::of(empty()),
            NonEmptyTensor::new(Vec::<u32>::new(), &[0], &Device::Cpu),
            full.narrow(0, 1, 0),
            NonEmptyTensor::cat(&[], 0),
            full.reshape(&[0, 4]),
        ];
        for (i, made) in refused.into_iter().enumerate() {
            assert!(made.is_err(), "{i}");
        }
        // What the CPU lets pass.
        assert!(empty().to_dtype(DType::F32).is_ok());
    }
}
