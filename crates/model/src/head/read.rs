//! Tensors of a head: asked for by name, kept in f32, and none of them overlooked.

use std::collections::BTreeSet;

use candle_core::{DType, Device};

use serde::de::DeserializeOwned;

use super::{KINDS, resembles_a_head};
use crate::ModelError;
use crate::format::config::ModelConfig;
use crate::format::config::refusal as config;
use crate::format::files::Files;
use crate::format::head_names::is_a_counter;
use crate::format::weights::{Keep, Meter, Weights};
use crate::nonempty::NonEmptyTensor;
use rewardscope_base::text;
use rewardscope_kernels::{self as kernels, Element, Matrix, Stored};

/// Reads a head's tensors and remembers which.
pub(super) struct Reader<'a, 'm> {
    pub(super) files: &'a Files,
    pub(super) config: &'a ModelConfig,
    pub(super) weights: &'a Weights,
    /// The row of a matrix that holds the reward, where it was chosen; a head with rows takes it.
    pub(super) row: Option<usize>,
    pub(super) meter: &'a Meter<'m>,
    /// The tensors that have been read.
    pub(super) taken: BTreeSet<String>,
    /// How many numbers they hold.
    pub(super) parameters: u64,
}

impl<'a> Reader<'a, '_> {
    pub(super) fn hidden_size(&self) -> usize {
        self.config.decoder.hidden_size
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.weights.get(name).is_some()
    }

    /// What config.json says of the head, in a struct of the keys that matter.
    pub(super) fn keys<K: DeserializeOwned + Default>(&self) -> Result<K, ModelError> {
        Ok(self.files.json(config::FILE)?.unwrap_or_default())
    }

    /// A count from config.json, which must not become an allocation where it is a slip of the pen.
    pub(super) fn count(&self, key: &str, value: Option<usize>) -> Result<Option<usize>, ModelError> {
        let checked = value.map(|value| config::size(key, Some(value), 1 << 20)).transpose();
        checked.map_err(|refusal| refusal.into_model_error(self.files))
    }

    /// A number above 0 from config.json.
    pub(super) fn positive(&self, key: &str, value: Option<f64>) -> Result<Option<f64>, ModelError> {
        let checked = value.map(|value| config::positive(key, value)).transpose();
        checked.map_err(|refusal| refusal.into_model_error(self.files))
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
    pub(super) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<NonEmptyTensor, ModelError> {
        let tensor = self.weights.load(name, shape, Keep::As(DType::F32), &Device::Cpu, self.meter)?;
        self.taken.insert(name.to_owned());
        self.parameters += tensor.elem_count() as u64;
        Ok(NonEmptyTensor::of(tensor)?)
    }

    /// `name.weight` `[out, input]`, and `name.bias` `[out]` where `bias` asks for it.
    pub(super) fn linear(&mut self, name: &str, out: usize, input: usize, bias: bool) -> Result<HeadLinear, ModelError> {
        let weight = self.tensor(&format!("{name}.weight"), &[out, input])?;
        let bias = if bias { Some(self.tensor(&format!("{name}.bias"), &[out])?) } else { None };
        Ok(self.multiplier(weight, bias)?)
    }

    /// `weight` is `[out, in]`, `bias` `[out]`, both in f32.
    pub(super) fn multiplier(&self, weight: NonEmptyTensor, bias: Option<NonEmptyTensor>) -> candle_core::Result<HeadLinear> {
        let weight = packed(&weight)?;
        Ok(HeadLinear { weight, bias })
    }

    /// A head that is read correctly and is none that this program knows.
    pub(super) fn refuse(&self, problem: impl Into<String>) -> ModelError {
        let names: Vec<&str> = KINDS.iter().flat_map(|kind| kind.names).copied().collect();
        let known = match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, names)) => format!("{} and {last}", names.join(", ")),
            None => String::new(),
        };
        let next = format!("This version knows the heads of {known}; please report the model");
        ModelError::unsupported(self.files.path("").display().to_string(), problem, next)
    }

    /// The file beside the weights that holds what was read; none where the weights hold it themselves.
    pub(super) fn own_file(&self) -> Option<String> {
        self.taken.iter().find_map(|name| self.weights.head_file(name))
    }

    /// Every tensor of a head must have been read: one whose part in the reward is not known makes the reward unknown.
    pub(super) fn finish(self) -> Result<u64, ModelError> {
        let is_left = |name: &str| resembles_a_head(name) && !is_a_counter(name) && !self.taken.contains(name);
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
/// Packed, so that a row's sums are added in one order, however many rows there are; candle's products take another order for
/// other numbers of rows.
pub(super) struct HeadLinear {
    /// `[out, in]`
    weight: kernels::PackedLinear,
    /// `[out]`
    bias: Option<NonEmptyTensor>,
}

impl HeadLinear {
    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, x: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        let y = x.multiplied(&self.weight)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.weight.matrix().out()
    }
}

fn packed(weight: &NonEmptyTensor) -> candle_core::Result<kernels::PackedLinear> {
    let (out, input) = weight.tensor().dims2()?;
    let bytes: Vec<u8> = weight.tensor().flatten_all()?.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect();
    Ok(kernels::PackedLinear::new(Matrix::of(out, input, Element::F32, Stored::F32(&bytes))))
}
