//! How alike all models rank, at a glance: a matrix of every model with every other, and a map on which models that rank
//! alike are near each other.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::results::{Agreement, AgreementMatrix, AgreementMeasure, MapPoint, Matrix, ModelFamily, ModelMap, UNKNOWN_FAMILY};

impl AgreementMatrix {
    /// Of these models, with what is known of each two under each prompt.
    pub fn new(models: &[ModelFamily], agreements: &[Agreement]) -> AgreementMatrix {
        let mut models = models.to_vec();
        models.sort_by_key(|model| (&*model.family == UNKNOWN_FAMILY, model.family.clone()));
        let n = models.len();
        let mut sums = vec![vec![[(0.0, 0_u32); 3]; n]; n];
        let place = |name: &str| models.iter().position(|model| &*model.model == name);
        for pair in agreements.chunk_by(|one, next| one.a == next.a && one.b == next.b) {
            let (Some(a), Some(b)) = (place(&pair[0].a), place(&pair[0].b)) else { continue };
            for of in pair {
                for (sum, value) in sums[a][b].iter_mut().zip([of.spearman, of.kendall, of.rbo]) {
                    *sum = value.map_or(*sum, |value| (sum.0 + value, sum.1 + 1));
                }
            }
            sums[b][a] = sums[a][b];
        }
        let mean = |(sum, n): (f64, u32)| (n > 0).then(|| sum / f64::from(n));
        let matrix = |measure: usize| -> Matrix {
            let value = |a: usize, b: usize| if a == b { Some(1.0) } else { mean(sums[a][b][measure]) };
            (0..n).map(|a| (0..n).map(|b| value(a, b)).collect()).collect()
        };
        let [spearman, kendall, rbo] = [0, 1, 2].map(matrix);
        let map = ModelMap::new(&models, &spearman);
        AgreementMatrix { models, spearman, kendall, rbo, map }
    }

    /// The values of one measure.
    pub fn of(&self, measure: AgreementMeasure) -> &Matrix {
        match measure {
            AgreementMeasure::Spearman => &self.spearman,
            AgreementMeasure::Kendall => &self.kendall,
            AgreementMeasure::Rbo => &self.rbo,
        }
    }
}

impl ModelMap {
    /// By 1 − Spearman; without the models that have none with too many others. None of fewer than three.
    fn new(models: &[ModelFamily], spearman: &Matrix) -> Option<ModelMap> {
        let mut kept: Vec<usize> = (0..models.len()).collect();
        loop {
            let gaps = |&a: &usize| kept.iter().filter(|&&b| spearman[a][b].is_none()).count();
            match kept.iter().map(gaps).enumerate().max_by_key(|(at, gaps)| (*gaps, *at)) {
                Some((at, gaps)) if gaps > 0 => kept.remove(at),
                _ => break,
            };
        }
        if kept.len() < 3 {
            return None;
        }
        let distance = |a: usize, b: usize| 1.0 - spearman[kept[a]][kept[b]].unwrap_or(1.0);
        let (coordinates, shares) = classical_scaling(&DMatrix::from_fn(kept.len(), kept.len(), distance));
        let point = |(&at, [x, y]): (&usize, [f64; 2])| {
            let ModelFamily { model, family } = models[at].clone();
            MapPoint { model, family, x, y }
        };
        Some(ModelMap { points: kept.iter().zip(coordinates).map(point).collect(), shares })
    }
}

/// Classical multidimensional scaling in two dimensions (Torgerson 1952, Multidimensional scaling I; Gower 1966): the
/// eigenvectors of the squared distances, centred by row and column and halved, by the roots of their eigenvalues. An axis
/// points to where its farthest point is, so that the same distances give the same picture.
fn classical_scaling(distances: &DMatrix<f64>) -> (Vec<[f64; 2]>, [f64; 2]) {
    let n = distances.nrows();
    let squares = distances.map(|distance| distance * distance);
    let (rows, all) = (squares.column_mean(), squares.mean());
    let centred = DMatrix::from_fn(n, n, |a, b| -0.5 * (squares[(a, b)] - rows[a] - rows[b] + all));
    let eigen = SymmetricEigen::new(centred);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let above_zero: f64 = eigen.eigenvalues.iter().filter(|value| **value > 0.0).sum();
    let mut points = vec![[0.0; 2]; n];
    let mut shares = [0.0; 2];
    for (axis, &at) in order.iter().take(2).enumerate() {
        let value = eigen.eigenvalues[at].max(0.0);
        let column = eigen.eigenvectors.column(at);
        let farthest =
            column.iter().copied().fold(0.0, |most: f64, next| if next.abs() > most.abs() + 1e-9 { next } else { most });
        for (point, coordinate) in points.iter_mut().zip(column.iter()) {
            point[axis] = coordinate * value.sqrt() * 1f64.copysign(farthest);
        }
        shares[axis] = if above_zero > 0.0 { value / above_zero } else { 0.0 };
    }
    (points, shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tests/fixtures/make_map.py` with numpy.
    const CASES: &str = include_str!("../../../../tests/fixtures/map.json");

    #[derive(serde::Deserialize)]
    struct Case {
        spearman: Vec<Vec<f64>>,
        points: Vec<[f64; 2]>,
        shares: [f64; 2],
    }

    fn models(names: &[(&str, &str)]) -> Vec<ModelFamily> {
        names.iter().map(|(model, family)| ModelFamily { model: (*model).into(), family: (*family).into() }).collect()
    }

    fn agreement(a: &str, b: &str, spearman: Option<f64>) -> Agreement {
        Agreement { a: a.into(), b: b.into(), prompt: "p".into(), spearman, kendall: spearman.map(|r| r / 2.0), rbo: Some(0.5) }
    }

    #[test]
    fn maps_are_those_of_numpy() {
        let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let n = case.spearman.len();
            let (points, shares) = classical_scaling(&DMatrix::from_fn(n, n, |a, b| 1.0 - case.spearman[a][b]));
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            assert!(points.iter().zip(&case.points).all(|(a, b)| near(a[0], b[0]) && near(a[1], b[1])), "{points:?}");
            assert!(shares.iter().zip(case.shares).all(|(a, b)| near(*a, b)), "{shares:?} {:?}", case.shares);
        }
    }

    #[test]
    fn models_stand_by_family_and_values_are_means_over_prompts() {
        let models = models(&[("x", "other"), ("l", "Llama"), ("g", "Gemma"), ("h", "Gemma")]);
        let of = [agreement("x", "l", None), agreement("l", "g", Some(0.2)), agreement("l", "g", Some(0.4))];
        let matrix = AgreementMatrix::new(&models, &of);
        let names: Vec<&str> = matrix.models.iter().map(|model| &*model.model).collect();
        assert_eq!(names, ["g", "h", "l", "x"]);
        let rho = matrix.spearman[0][2].unwrap();
        assert!((rho - 0.3).abs() < 1e-12 && matrix.spearman[2][0] == Some(rho) && matrix.spearman[1][1] == Some(1.0));
        assert_eq!((matrix.spearman[2][3], matrix.rbo[2][3], matrix.spearman[0][1]), (None, Some(0.5), None));
        assert_eq!(matrix.map, None, "no three models have values with each other");
    }

    #[test]
    fn a_model_without_values_is_not_on_the_map() {
        let models = models(&[("a", "f"), ("b", "f"), ("c", "f"), ("constant", "f")]);
        let rho = |a, b| agreement(a, b, (b != "constant").then_some(0.5));
        let of = [rho("a", "b"), rho("a", "c"), rho("a", "constant"), rho("b", "c"), rho("b", "constant"), rho("c", "constant")];
        let map = AgreementMatrix::new(&models, &of).map.unwrap();
        assert_eq!(map.points.iter().map(|point| &*point.model).collect::<Vec<_>>(), ["a", "b", "c"]);
        let apart = |i: usize, j: usize| (map.points[i].x - map.points[j].x).hypot(map.points[i].y - map.points[j].y);
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            assert!((apart(i, j) - 0.5).abs() < 1e-9, "three points are as far apart as they are");
        }
    }
}
