//! Tensors for candle's models, by the names that they ask for.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;

use crate::ModelError;

/// Where the tensors of a model come from.
pub(crate) trait Tensors: Sync {
    /// Whether there is a tensor of this name.
    fn has(&self, name: &str) -> bool;
    /// A tensor in f32 on the model's device.
    ///
    /// # Errors
    /// Where it is missing or has another shape.
    fn get(&self, name: &str, shape: &[usize]) -> std::result::Result<Tensor, ModelError>;
}

/// Gives what `tensors` gives, and keeps the first error, which candle's own cannot carry.
pub(super) struct Named<'a> {
    pub tensors: &'a dyn Tensors,
    pub failed: &'a Mutex<Option<ModelError>>,
}

impl Named<'_> {
    fn load(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.tensors.get(name, shape).map_err(|error| {
            let reason = Error::msg(&error);
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            reason
        })
    }

    /// candle has Granite's dense models in the form of its hybrid ones, whose gate and up are one matrix.
    fn of_granite(&self, layer: &str, part: &str, shape: &[usize]) -> Result<Tensor> {
        match (part, shape) {
            ("input", &[rows, width]) => {
                let half = |part: &str| self.load(&format!("{layer}mlp.{part}_proj.weight"), &[rows / 2, width]);
                Tensor::cat(&[half("gate")?, half("up")?], 0)
            }
            _ => self.load(&format!("{layer}mlp.down_proj.weight"), shape),
        }
    }
}

impl SimpleBackend for Named<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> Result<Tensor> {
        let granite = name.strip_suffix("_linear.weight").and_then(|name| name.split_once("shared_mlp."));
        match granite.filter(|_| !self.tensors.has(name)) {
            Some((layer, part)) => self.of_granite(layer, part, shape.dims()),
            None => self.load(name, shape.dims()),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        Err(Error::msg(format!("{name} was asked for without a shape")))
    }

    // What is missing is said by `get`, by its name.
    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
