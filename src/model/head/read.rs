//! Tensors of a head: asked for by name, kept in f32, and none of them overlooked.

use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};

use crate::kernels::{self, Element, Matrix, Stored};
use crate::model::ModelError;
use crate::model::config::ModelConfig;
use crate::model::files::Files;
use crate::model::weights::{Keep, Meter, Weights};
use crate::text;

/// Names of a head's tensors begin so, whatever its kind.
const PREFIXES: [&str; 6] = ["score.", "v_head.", "regression_layer.", "gating.", "reward_transform_matrix", "weights.fc."];
/// A counter that a batch norm keeps while it is trained.
const COUNTER: &str = ".num_batches_tracked";

/// True for a tensor that belongs to a head, by its name.
pub fn is_of_a_head(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// True for what stands in the file and is never read.
pub fn is_a_counter(name: &str) -> bool {
    name.ends_with(COUNTER)
}

/// Reads a head's tensors and remembers which.
pub(super) struct Reader<'a, 'm> {
    pub(super) files: &'a Files,
    pub(super) config: &'a ModelConfig,
    pub(super) weights: &'a Weights,
    pub(super) device: &'a Device,
    pub(super) meter: &'a Meter<'m>,
    taken: BTreeSet<String>,
    pub(super) parameters: u64,
}

impl<'a, 'm> Reader<'a, 'm> {
    pub(super) fn new(
        files: &'a Files,
        config: &'a ModelConfig,
        weights: &'a Weights,
        device: &'a Device,
        meter: &'a Meter<'m>,
    ) -> Self {
        Reader { files, config, weights, device, meter, taken: BTreeSet::new(), parameters: 0 }
    }

    pub(super) fn hidden_size(&self) -> usize {
        self.config.decoder.hidden_size
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.weights.get(name).is_some()
    }

    /// Any tensor whose name begins so.
    pub(super) fn has_any(&self, prefix: &str) -> bool {
        self.weights.tensors().any(|(name, _)| name.starts_with(prefix))
    }

    /// The shape in the file; fails where the tensor is missing, with what is there.
    pub(super) fn shape(&self, name: &str) -> Result<&'a [usize], ModelError> {
        self.weights.get(name).map(|stored| stored.shape.as_slice()).ok_or_else(|| self.weights.missing(name))
    }

    /// Rows of a matrix in the file; at least 1, so that a tensor of another shape is refused where it is read.
    pub(super) fn rows(&self, name: &str) -> Result<usize, ModelError> {
        Ok(if let [rows, _] = self.shape(name)? { (*rows).max(1) } else { 1 })
    }

    /// A tensor in f32.
    pub(super) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let tensor = self.weights.load(name, shape, Keep::As(DType::F32), self.device, self.meter)?;
        self.taken.insert(name.to_owned());
        self.parameters += tensor.elem_count() as u64;
        Ok(tensor)
    }

    /// `name.weight` `[out, input]`, and `name.bias` `[out]` where `bias` asks for it.
    pub(super) fn linear(&mut self, name: &str, out: usize, input: usize, bias: bool) -> Result<Linear, ModelError> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        let bias = if bias { Some(self.tensor(&format!("{name}.bias"), &[out])?) } else { None };
        Linear::new(weight, bias).map_err(ModelError::from)
    }

    /// A head that is read correctly and is none that this program knows.
    pub(super) fn refuse(&self, problem: impl Into<String>) -> ModelError {
        let next = "This version knows the heads of plain reward models, GRM, ArmoRM, QRM and URM; please report the model";
        ModelError::unsupported(self.files.path("").display().to_string(), problem, next)
    }

    /// Every tensor of a head must have been read: one whose part in the reward is not known makes the reward unknown.
    pub(super) fn finish(self) -> Result<u64, ModelError> {
        let is_left = |name: &str| is_of_a_head(name) && !is_a_counter(name) && !self.taken.contains(name);
        match self.weights.tensors().find(|(name, _)| is_left(name)) {
            None => Ok(self.parameters),
            Some((other, _)) => {
                let taken: Vec<_> = self.taken.iter().map(|name| text::visible(name)).collect();
                Err(self.refuse(format!(
                    "beside the head's {} there is {}, whose part in the reward is not known",
                    taken.join(", "),
                    text::visible(other)
                )))
            }
        }
    }
}

/// `x · weightᵀ + bias`, in f32.
///
/// On the CPU a row's sums are added in one order, however many rows there are; candle's products there take another order
/// for other numbers of rows.
pub(super) struct Linear {
    weight: Weight,
    /// `[out]`
    bias: Option<Tensor>,
}

/// `[out, in]`
enum Weight {
    Tensor(Tensor),
    Packed(kernels::Linear),
}

impl Linear {
    /// `weight` is `[out, in]`, `bias` `[out]`, both in f32.
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>) -> candle_core::Result<Self> {
        if !weight.device().is_cpu() {
            return Ok(Linear { weight: Weight::Tensor(weight), bias });
        }
        let (out, input) = weight.dims2()?;
        let bytes: Vec<u8> = weight.flatten_all()?.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect();
        let matrix = Matrix::of(out, input, Element::F32, Stored::F32(&bytes));
        Ok(Linear { weight: Weight::Packed(kernels::Linear::new(matrix)), bias })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = match &self.weight {
            Weight::Tensor(weight) => x.matmul(&weight.t()?)?,
            Weight::Packed(packed) => packed.forward(x)?,
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    pub(super) fn rows(&self) -> usize {
        match &self.weight {
            Weight::Tensor(weight) => weight.dims().first().copied().unwrap_or_default(),
            Weight::Packed(packed) => packed.matrix().out(),
        }
    }
}
