//! What a model's scores lose where it is computed with in fewer bits than f32.

use super::comparisons::{self, BF16, Q8_0};
use super::{Scores, Test};
use crate::model::device::Compute;
use crate::model::{Dtype, ModelError};

/// Precisions set beside f32, with their tests.
const OTHERS: [(Dtype, (&str, &str)); 2] = [(Dtype::Bf16, BF16), (Dtype::Q8_0, Q8_0)];

/// Scores of the model in a precision, loaded for this and dropped again, or why there are none; fails where the whole check
/// is to end.
pub(super) type Load<'a> = dyn FnMut(Dtype) -> Result<Result<Scores, String>, ModelError> + 'a;

/// One test for each precision. `base` are the scores in the precision `used`, which are not computed again.
pub(super) fn losses(used: Compute, base: Scores, load: &mut Load<'_>) -> Result<Vec<Test>, ModelError> {
    let mut get = |dtype: Dtype| if dtype == used.into() { Ok(Ok(base.clone())) } else { load(dtype) };
    let exact = match get(Dtype::F32)? {
        Ok(exact) => exact,
        Err(reason) => {
            let skip = |(_, name)| comparisons::skipped(name, format!("there are no scores in f32 to compare with: {reason}"));
            return Ok(OTHERS.into_iter().map(skip).collect());
        }
    };
    let test = |(dtype, name)| {
        Ok(match get(dtype)? {
            Ok(other) => comparisons::loss(name, &exact, &other),
            Err(reason) => comparisons::skipped(name, reason),
        })
    };
    OTHERS.into_iter().map(test).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    fn scores(shift: f32) -> Scores {
        vec![vec![1.0 + shift, 2.0, 3.0, 4.0]; 2]
    }

    #[test]
    fn each_precision_is_loaded_once_and_the_one_used_not_again() {
        use Dtype::{Bf16, F32, Q8_0};
        for (used, loaded) in [
            (Compute::F32, vec![Bf16, Q8_0]),
            (Compute::Bf16, vec![F32, Q8_0]),
            (Compute::Q8_0, vec![F32, Bf16]),
            (Compute::F16, vec![F32, Bf16, Q8_0]),
        ] {
            let mut asked = Vec::new();
            let tests = losses(used, scores(0.0), &mut |dtype| {
                asked.push(dtype);
                Ok(Ok(scores(0.25)))
            });
            assert_eq!(asked, loaded, "{used}");
            let differences: Vec<f64> = tests.unwrap().iter().map(|test| test.loss.unwrap().largest_difference).collect();
            let expected = match used {
                Compute::F32 => [0.25, 0.25],
                Compute::Bf16 => [0.25, 0.0],
                Compute::Q8_0 => [0.0, 0.25],
                Compute::F16 => [0.0, 0.0],
            };
            assert_eq!(differences, expected, "{used}");
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_skipped_with_its_reason_and_an_end_ends_all() {
        for used in [Compute::F32, Compute::Bf16] {
            let tests = losses(used, scores(0.0), &mut |_| Ok(Err("needs about 9 GB".to_owned()))).unwrap();
            assert_eq!(tests.len(), 2);
            for test in tests {
                assert!(test.result == Outcome::Skipped && test.figure.contains("needs about 9 GB"), "{test:?}");
            }
        }
        assert!(matches!(losses(Compute::F32, scores(0.0), &mut |_| Err(ModelError::Cancelled)), Err(ModelError::Cancelled)));
    }
}
