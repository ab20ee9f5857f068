//! A mean and a standard deviation by which a reward model's own code brings its rewards to a common scale.
//!
//! OpenRLHF keeps them under `mean` and `std` of config.json and applies them where `normalize_reward` is true
//! (`openrlhf/models/model.py`). safe-rlhf keeps them in the tensors `normalizer.mean` and `normalizer.var` and applies them
//! where `do_normalize` is true, in the way that `normalize_function` names (`safe_rlhf/models/normalizer.py`).

use std::fmt;

use serde::Deserialize;

use super::read::Reader;
use crate::ModelError;
use rewardscope_base::text;

const MEAN: &str = "normalizer.mean";
const VARIANCE: &str = "normalizer.var";
/// What safe-rlhf adds to a standard deviation before it divides.
const EPSILON: f64 = 1e-8;

#[derive(Default, Deserialize)]
struct Keys {
    mean: Option<f64>,
    std: Option<f64>,
    normalize_reward: Option<bool>,
    /// safe-rlhf: null where nothing is normalized.
    normalizer_type: Option<String>,
    /// safe-rlhf: `affine`, `scale`, `translate` or `identity`.
    normalize_function: Option<String>,
    do_normalize: Option<bool>,
}

/// `reward = (reward - mean) / deviation`
pub struct Normalizer {
    mean: f64,
    deviation: f64,
    /// The key of config.json that says whether the model's own code applies it, and its value there.
    switch: (&'static str, bool),
}

impl Normalizer {
    /// The one that the checkpoint holds; none where it holds none.
    ///
    /// # Errors
    /// Where a deviation is not above 0, and where `normalize_function` is none that is known.
    pub(super) fn load(reader: &mut Reader) -> Result<Option<Self>, ModelError> {
        let keys: Keys = reader.keys()?;
        if keys.normalizer_type.is_some() && reader.has(MEAN) {
            let [mean, variance] = [value(reader, MEAN)?, value(reader, VARIANCE)?];
            let deviation = reader.positive(VARIANCE, Some(variance))?.unwrap_or(variance).sqrt() + EPSILON;
            let switch = ("do_normalize", keys.do_normalize.unwrap_or(false));
            let function = keys.normalize_function.as_deref().unwrap_or("affine");
            return Ok(match function {
                "affine" => Some(Normalizer { mean, deviation, switch }),
                "scale" => Some(Normalizer { mean: 0.0, deviation, switch }),
                "translate" => Some(Normalizer { mean, deviation: 1.0, switch }),
                "identity" => None,
                other => return Err(reader.refuse(format!("normalize_function is {}", text::visible(other)))),
            });
        }
        let (Some(mean), Some(deviation)) = (keys.mean, reader.positive("std", keys.std)?) else { return Ok(None) };
        Ok(Some(Normalizer { mean, deviation, switch: ("normalize_reward", keys.normalize_reward.unwrap_or(false)) }))
    }

    pub(super) fn apply(&self, rewards: &mut [f32]) {
        rewards.iter_mut().for_each(|reward| *reward = ((f64::from(*reward) - self.mean) / self.deviation) as f32);
    }
}

/// `mean 0.75 and standard deviation 2.5 (normalize_reward is true)`
impl fmt::Display for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, is_on) = self.switch;
        write!(f, "mean {} and standard deviation {} ({key} is {is_on})", self.mean as f32, self.deviation as f32)
    }
}

/// Of the row that holds the reward, in a tensor of one value a row.
fn value(reader: &mut Reader, name: &str) -> Result<f64, ModelError> {
    let shape = reader.shape(name)?;
    let values: Vec<f32> = reader.tensor(name, shape)?.tensor().flatten_all()?.to_vec1()?;
    let row = reader.row.unwrap_or(0);
    let value = values.get(row).ok_or_else(|| reader.refuse(format!("{name} has no value for row {row}")))?;
    Ok(f64::from(*value))
}
