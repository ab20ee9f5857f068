//! What a model's scores lose where it is computed with in fewer bits than f32.

use super::judge::{self, BF16};
use super::{Scores, Test};
use crate::model::{Dtype, ModelError};

/// Precisions set beside f32, with their tests.
const OTHERS: [(Dtype, (&str, &str)); 1] = [(Dtype::Bf16, BF16)];

/// Scores of the model in a precision, loaded for this and dropped again, or why there are none; fails where the whole check
/// is to end.
pub(super) type Load<'a> = dyn FnMut(Dtype) -> Result<Result<Scores, String>, ModelError> + 'a;

/// One test for each precision. `base` are the scores in the precision `used`, which are not computed again.
pub(super) fn losses(used: &str, base: Scores, load: &mut Load<'_>) -> Result<Vec<Test>, ModelError> {
    let mut get = |dtype: Dtype| if dtype.to_string() == used { Ok(Ok(base.clone())) } else { load(dtype) };
    let exact = match get(Dtype::F32)? {
        Ok(exact) => exact,
        Err(reason) => {
            let skip = |(_, name)| judge::skipped(name, format!("there are no scores in f32 to compare with: {reason}"));
            return Ok(OTHERS.into_iter().map(skip).collect());
        }
    };
    let test = |(dtype, name)| {
        Ok(match get(dtype)? {
            Ok(other) => judge::loss(name, &exact, &other),
            Err(reason) => judge::skipped(name, reason),
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
        for (used, loaded) in [("f32", vec![Dtype::Bf16]), ("bf16", vec![Dtype::F32]), ("f16", vec![Dtype::F32, Dtype::Bf16])] {
            let mut asked = Vec::new();
            let tests = losses(used, scores(0.0), &mut |dtype| {
                asked.push(dtype);
                Ok(Ok(scores(0.25)))
            });
            assert_eq!(asked, loaded, "{used}");
            let loss = tests.unwrap()[0].loss.unwrap();
            assert_eq!(loss.largest_difference, if used == "f16" { 0.0 } else { 0.25 }, "{used}");
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_skipped_with_its_reason_and_an_end_ends_all() {
        for used in ["f32", "bf16"] {
            let tests = losses(used, scores(0.0), &mut |_| Ok(Err("needs about 9 GB".to_owned()))).unwrap();
            assert!(tests[0].result == Outcome::Skipped && tests[0].figure.contains("needs about 9 GB"), "{tests:?}");
        }
        assert!(matches!(losses("f32", scores(0.0), &mut |_| Err(ModelError::Cancelled)), Err(ModelError::Cancelled)));
    }
}
