//! The linear mixed model `cell ~ family * category * framing` with a random intercept for each model, by REML (Patterson
//! and Thompson 1971), treatment coding; for unbalanced designs too.
//!
//! The likelihood is profiled down to one parameter, the ratio λ of the intercept's variance to the residual one (Lindstrom
//! and Bates 1988), of which it may have several maxima, one at 0: its derivative has a closed form, whose roots are found to
//! the last digit. No optimiser stops early here.

use nalgebra::{DMatrix, DVector};

use super::cells::Panel;
use super::contrast::two_sided_t;
use super::design::{Column, Factor, Together, columns, name, terms};
use super::report::{FixedEffect, MixedModel};
use super::study::Study;
use super::summary::known_families;
use crate::corpus::Framing;

/// Ratios λ at which the derivative's sign is looked at: 0, then from 1e-8 to 1e6, so many a decade.
const PER_DECADE: i32 = 6;
/// A column of the design that adds less than this to those before it adds nothing.
const RANK_TOLERANCE: f64 = 1e-9;

/// # Errors
/// A sentence that says why the model is not identifiable.
pub fn mixed_model(study: &Study, panels: &[Panel]) -> Result<MixedModel, String> {
    let families = known_families(study);
    let family_of = |model: usize| families.iter().position(|family| *family == study.models[model].family);
    let mut categories: Vec<&str> = panels.iter().map(|panel| &*panel.category).collect();
    categories.dedup();
    let mut framings: Vec<Framing> = panels.iter().map(|panel| panel.framing).collect();
    framings.sort();
    framings.dedup();
    let framing_name = |framing: &Framing| match framing {
        Framing::Positive => "positive".to_owned(),
        Framing::Negative => "negative".to_owned(),
    };
    let factors = [
        Factor { name: "family", levels: families.iter().map(|family| family.to_string()).collect() },
        Factor { name: "category", levels: categories.iter().map(|category| (*category).to_owned()).collect() },
        Factor { name: "framing", levels: framings.iter().map(framing_name).collect() },
    ];
    let mut rows: Vec<Together> = Vec::new();
    for panel in panels {
        let category = categories.iter().position(|category| *category == &*panel.category).unwrap_or_default();
        let framing = framings.iter().position(|framing| *framing == panel.framing).unwrap_or_default();
        let of_model = |model| Together::new(panel, model, vec![family_of(model)?, category, framing]);
        rows.extend((0..study.models.len()).filter_map(of_model));
    }
    let mut models: Vec<usize> = rows.iter().map(|row| row.model).collect();
    models.sort_unstable();
    models.dedup();
    let with_cells = |family: usize| models.iter().filter(|&&model| family_of(model) == Some(family)).count();
    let present = (0..families.len()).filter(|&family| with_cells(family) > 0).count();
    if present < 2 {
        return Err("not identifiable: it needs models of two families".to_owned());
    }
    if models.len() <= present {
        return Err(format!(
            "not identifiable: with one model in each family ({} models, {present} families) a difference between families cannot \
             be told from one between models; add a second model of a family",
            models.len()
        ));
    }
    for (at, family) in families.iter().enumerate() {
        for panel in panels {
            if with_cells(at) == 0 || panel.of_family(study, family).is_empty() {
                let (category, framing) = (&panel.category, framing_name(&panel.framing));
                return Err(format!("not identifiable: {family} has no cells for {category}, {framing}"));
            }
        }
    }
    for row in &mut rows {
        row.model = models.binary_search(&row.model).unwrap_or_default();
    }
    let mut design: Vec<Column> = vec![Vec::new()];
    design.extend(terms(&factors).iter().flat_map(|term| columns(&factors, term)));
    let fit = Profile::new(&rows, &design, models.len())?.fit()?;
    let names: Vec<String> = design.iter().map(|column| name(&factors, column)).collect();
    let varying = factors.iter().filter(|factor| factor.levels.len() > 1).map(|factor| factor.name).collect::<Vec<_>>();
    Ok(fit.told(&rows, &design, names, format!("cell ~ {}, random intercept for each model", varying.join(" * "))))
}

/// What the likelihood needs of the data, in coordinates in which the design's columns are orthonormal.
struct Profile {
    /// Of the weighted design: `X = Q R`.
    r_inverse: DMatrix<f64>,
    log_det_r: f64,
    /// `Q'y`: coefficients of ordinary least squares, in those coordinates.
    ordinary: DVector<f64>,
    /// Residual sum of squares of ordinary least squares.
    residual: f64,
    groups: Vec<Group>,
    n: f64,
    p: f64,
}

struct Group {
    n: f64,
    /// Sum of the design's rows.
    design: DVector<f64>,
    /// Sum of the residuals of ordinary least squares.
    residual: f64,
}

/// The likelihood at one λ.
struct Point {
    lambda: f64,
    /// `d(-2 log L) / dλ`.
    slope: f64,
    /// `-2 log L` but for constants.
    deviance: f64,
    sigma2: f64,
    /// Added to the coefficients of ordinary least squares.
    shift: DVector<f64>,
    /// Inverse of `Q' V⁻¹ Q`, with the residual variance as the unit.
    covariance: DMatrix<f64>,
}

struct Fit {
    point: Point,
    coefficients: DVector<f64>,
    se: Vec<f64>,
    log_likelihood: f64,
    groups: usize,
}

impl Profile {
    fn new(rows: &[Together], design: &[Column], groups: usize) -> Result<Profile, String> {
        let n: f64 = rows.iter().map(|row| row.n).sum();
        let p = design.len();
        if rows.len() < p {
            return Err(format!("not identifiable: {p} coefficients for {} kinds of cells", rows.len()));
        }
        let weighted = DMatrix::from_fn(rows.len(), p, |row, column| rows[row].n.sqrt() * rows[row].value(&design[column]));
        let y = DVector::from_fn(rows.len(), |row, _| rows[row].n.sqrt() * rows[row].mean);
        let scale = (0..p).map(|column| weighted.column(column).norm()).fold(0.0, f64::max);
        let (q, r) = weighted.qr().unpack();
        if r.diagonal().iter().any(|diagonal| diagonal.abs() <= scale * RANK_TOLERANCE) {
            return Err("not identifiable: the design is rank deficient".to_owned());
        }
        let log_det_r = r.diagonal().iter().map(|diagonal| diagonal.abs().ln()).sum();
        let r_inverse = r.solve_upper_triangular(&DMatrix::identity(p, p)).ok_or("not identifiable: the design is singular")?;
        let ordinary = q.transpose() * &y;
        let left = &y - &q * &ordinary;
        let within: f64 = rows.iter().map(|row| row.within).sum();
        let total: f64 = within + y.norm_squared();
        let residual = within + left.norm_squared();
        if n <= p as f64 || residual <= total * 1e-24 {
            return Err("not identifiable: nothing varies beside the fixed effects".to_owned());
        }
        let mut found: Vec<Group> = (0..groups).map(|_| Group { n: 0.0, design: DVector::zeros(p), residual: 0.0 }).collect();
        for (i, row) in rows.iter().enumerate() {
            let group = &mut found[row.model];
            group.n += row.n;
            group.design += q.row(i).transpose() * row.n.sqrt();
            group.residual += left[i] * row.n.sqrt();
        }
        Ok(Profile { r_inverse, log_det_r, ordinary, residual, groups: found, n, p: p as f64 })
    }

    /// With `V = I + λ J` in each group, `V⁻¹ = I - λ / (1 + nλ) J`.
    fn at(&self, lambda: f64) -> Option<Point> {
        let p = self.ordinary.len();
        let mut information = DMatrix::<f64>::identity(p, p);
        let mut towards = DVector::<f64>::zeros(p);
        let (mut residual, mut deviance) = (self.residual, 0.0);
        for group in &self.groups {
            let gamma = lambda / (1.0 + group.n * lambda);
            information.ger(-gamma, &group.design, &group.design, 1.0);
            towards.axpy(-gamma * group.residual, &group.design, 1.0);
            residual -= gamma * group.residual * group.residual;
            deviance += (lambda * group.n).ln_1p();
        }
        let cholesky = information.cholesky()?;
        let shift = cholesky.solve(&towards);
        residual -= towards.dot(&shift);
        let sigma2 = residual / (self.n - self.p);
        deviance += cholesky.l_dirty().diagonal().iter().map(|diagonal| 2.0 * diagonal.ln()).sum::<f64>();
        deviance += (self.n - self.p) * sigma2.ln();
        let (mut trace, mut squares) = (0.0, 0.0);
        for group in &self.groups {
            let shrink = 1.0 + group.n * lambda;
            trace += group.n / shrink - group.design.dot(&cholesky.solve(&group.design)) / (shrink * shrink);
            squares += ((group.residual - group.design.dot(&shift)) / shrink).powi(2);
        }
        let slope = trace - squares / sigma2;
        (sigma2 > 0.0).then(|| Point { lambda, slope, deviance, sigma2, shift, covariance: cholesky.inverse() })
    }

    fn fit(self) -> Result<Fit, String> {
        let singular = || "not identifiable: models differ so much that nothing is left within them".to_owned();
        let lambdas = (-8 * PER_DECADE..=6 * PER_DECADE).map(|i| 10f64.powf(f64::from(i) / f64::from(PER_DECADE)));
        let mut before = self.at(0.0).ok_or_else(singular)?;
        let mut best = (before.slope >= 0.0).then_some(0.0);
        let mut least = if best.is_some() { before.deviance } else { f64::INFINITY };
        for lambda in lambdas {
            let Some(point) = self.at(lambda) else { break };
            if before.slope < 0.0 && point.slope >= 0.0 {
                let root = self.root(before.lambda, lambda);
                let deviance = self.at(root).map_or(f64::INFINITY, |point| point.deviance);
                if deviance < least {
                    (best, least) = (Some(root), deviance);
                }
            }
            before = point;
        }
        let point = best.and_then(|lambda| self.at(lambda)).ok_or_else(singular)?;
        let coefficients = &self.r_inverse * (&self.ordinary + &point.shift);
        let covariance = &self.r_inverse * &point.covariance * self.r_inverse.transpose() * point.sigma2;
        let se = covariance.diagonal().iter().map(|variance| variance.sqrt()).collect();
        let df = self.n - self.p;
        let constant = df * (1.0 + std::f64::consts::TAU.ln()) + 2.0 * self.log_det_r;
        Ok(Fit { log_likelihood: -0.5 * (point.deviance + constant), coefficients, se, groups: self.groups.len(), point })
    }

    /// Where the slope turns from below 0 to above.
    fn root(&self, mut low: f64, mut high: f64) -> f64 {
        loop {
            let middle = if low > 0.0 { (low * high).sqrt() } else { 0.5 * high };
            if middle <= low || middle >= high || middle < 1e-30 {
                return high;
            }
            match self.at(middle) {
                Some(point) if point.slope < 0.0 => low = middle,
                _ => high = middle,
            }
        }
    }
}

impl Fit {
    /// Degrees of freedom as nlme gives them (Pinheiro and Bates 2000, section 2.4.2): a column that is the same throughout
    /// every model is tested against models, every other one, and the intercept, against cells.
    fn told(self, rows: &[Together], design: &[Column], names: Vec<String>, formula: String) -> MixedModel {
        let n: f64 = rows.iter().map(|row| row.n).sum();
        let varies = |column: &Column| {
            let mut seen: Vec<Option<f64>> = vec![None; self.groups];
            rows.iter().any(|row| *seen[row.model].get_or_insert(row.value(column)) != row.value(column))
        };
        let inner: Vec<bool> = design.iter().map(varies).collect();
        let columns_within = inner.iter().filter(|inner| **inner).count();
        let within = n - (self.groups + columns_within) as f64;
        let between = self.groups as f64 - (design.len() - columns_within) as f64;
        let effect = |(i, term): (usize, String)| {
            let (estimate, se) = (self.coefficients[i], self.se[i]);
            let df = if inner[i] || design[i].is_empty() { within } else { between };
            let t = estimate / se;
            FixedEffect { term, estimate, se, df, t, p: two_sided_t(t, df) }
        };
        MixedModel {
            formula,
            fixed: names.into_iter().enumerate().map(effect).collect(),
            intercept_variance: self.point.lambda * self.point.sigma2,
            residual_variance: self.point.sigma2,
            n: n as usize,
            groups: self.groups,
            log_likelihood: self.log_likelihood,
        }
    }
}

#[cfg(test)]
#[path = "mixed_tests.rs"]
mod tests;
