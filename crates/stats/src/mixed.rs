//! The linear mixed model `cell ~ family * category * framing` with a random intercept for each model, by REML (Patterson
//! and Thompson 1971), treatment coding; for unbalanced designs too.
//!
//! This is the study's own. It takes models of a family to differ by one shift for all categories and framings. They do not,
//! and so its p-values of everything within a model are far too small (docs/statistics.md): see `slopes`.
//!
//! The likelihood is profiled down to one parameter, the ratio λ of the intercept's variance to the residual one (Lindstrom
//! and Bates 1988), of which it may have several maxima, one at 0: its derivative has a closed form, whose roots are found to
//! the last digit. No optimiser stops early here, and no λ is too large: what differs within models and what differs between
//! them are never subtracted from each other.

use nalgebra::{DMatrix, DVector};

use super::cells::PanelCells;
use super::design::{DesignColumn, Factor, PooledCells, columns, name, terms};
use super::results::{FixedEffect, MixedModel};
use super::significance::two_sided_t;
use super::study::Study;
use super::summary::known_families;
use rewardscope_base::terms::Framing;
use rewardscope_base::text::counted;

/// Ratios λ at which the derivative's sign is looked at: 0, then from 1e-8 to 1e6, so many a decade; then one a decade up to
/// 10 to this power, where what is left within models is rounding.
const PER_DECADE: i32 = 6;
const LAST_DECADE: i32 = 24;
/// A column of the design that adds less than this share of itself to those before it adds nothing.
const RANK_TOLERANCE: f64 = 1e-9;
/// A residual sum of squares that is this much smaller than that of the cells themselves is rounding.
const ROUNDING: f64 = 1e-24;

/// Fits `cell ~ family * category * framing` with a random intercept for each model, over the cells of known families.
///
/// # Errors
/// A sentence that says why the model is not identifiable.
pub fn mixed_model(study: &Study, panels: &[PanelCells]) -> Result<MixedModel, String> {
    let family_design = FamilyDesign::new(study, panels)?;
    let FamilyDesign { rows, design, models, .. } = &family_design;
    let fit = Profile::new(rows, design, *models)?.fit()?;
    let formula = format!("cell ~ {}, random intercept for each model", family_design.varying);
    Ok(fit.into_mixed_model(rows, design, family_design.names.clone(), formula))
}

/// The cells of models of known families, and the columns of `family * category * framing`.
pub(super) struct FamilyDesign {
    /// By panel, then model; levels are those of family, category, framing.
    pub rows: Vec<PooledCells>,
    pub design: Vec<DesignColumn>,
    /// Of the columns.
    pub names: Vec<String>,
    /// The factors that have several levels: `family * category`.
    pub varying: String,
    pub models: usize,
    pub families: usize,
}

impl FamilyDesign {
    /// # Errors
    /// A sentence that says why the effects cannot be told from one another.
    pub fn new(study: &Study, panels: &[PanelCells]) -> Result<FamilyDesign, String> {
        let families = known_families(study);
        let family_of = |model: usize| families.iter().position(|family| *family == study.models[model].family);
        let mut categories: Vec<&str> = panels.iter().map(|panel| &*panel.category).collect();
        categories.dedup();
        let mut framings: Vec<Framing> = panels.iter().map(|panel| panel.framing).collect();
        framings.sort();
        framings.dedup();
        let factors = [
            Factor { name: "family", levels: families.iter().map(|family| family.to_string()).collect() },
            Factor { name: "category", levels: categories.iter().map(|category| (*category).to_owned()).collect() },
            Factor { name: "framing", levels: framings.iter().map(|framing| framing_name(*framing).to_owned()).collect() },
        ];
        let mut rows: Vec<PooledCells> = Vec::new();
        for panel in panels {
            let category = categories.iter().position(|category| *category == &*panel.category).unwrap_or_default();
            let framing = framings.iter().position(|framing| *framing == panel.framing).unwrap_or_default();
            let of_model = |model| PooledCells::new(panel, model, vec![family_of(model)?, category, framing]);
            rows.extend((0..study.models.len()).filter_map(of_model));
        }
        let mut models: Vec<usize> = rows.iter().map(|row| row.model).collect();
        models.sort_unstable();
        models.dedup();
        let cells: f64 = rows.iter().map(|row| row.n).sum();
        if let Some(reason) = not_identifiable(study, panels, &models, cells) {
            return Err(format!("not identifiable: {reason}"));
        }
        for row in &mut rows {
            row.model = models.binary_search(&row.model).unwrap_or_default();
        }
        let mut design: Vec<DesignColumn> = vec![Vec::new()];
        design.extend(terms(&factors).iter().flat_map(|term| columns(&factors, term)));
        let names = design.iter().map(|column| name(&factors, column)).collect();
        let varying = factors.iter().filter(|factor| factor.levels.len() > 1).map(|factor| factor.name).collect::<Vec<_>>();
        Ok(FamilyDesign { rows, design, names, varying: varying.join(" * "), models: models.len(), families: families.len() })
    }
}

pub(super) fn framing_name(framing: Framing) -> &'static str {
    match framing {
        Framing::Positive => "positive",
        Framing::Negative => "negative",
    }
}

/// Why the effects cannot be told from one another, if they cannot. `models` are those of known families that have `cells`.
fn not_identifiable(study: &Study, panels: &[PanelCells], models: &[usize], cells: f64) -> Option<String> {
    let families = known_families(study);
    let has_cells = |family: &str| models.iter().any(|&model| &*study.models[model].family == family);
    let present = families.iter().filter(|family| has_cells(family)).count();
    if present < 2 {
        return Some("it needs models of two families".to_owned());
    }
    if models.len() <= present {
        return Some(format!(
            "with one model in each family ({}, {present} families) a difference between families cannot be told from one \
             between models; add a second model of a family",
            counted(models.len(), "model")
        ));
    }
    for family in &families {
        let empty = panels.iter().find(|panel| !has_cells(family) || panel.of_family(study, family).is_empty());
        if let Some(panel) = empty {
            return Some(format!("{family} has no cells for {}, {}", panel.category, framing_name(panel.framing)));
        }
    }
    (cells <= models.len() as f64).then(|| {
        "each model has one cell, so that what differs between models cannot be told from what differs within them; ask a second \
         prompt, or take a list with a second category"
            .to_owned()
    })
}

/// What the likelihood needs of the data. A row `[x y]` of design and cells is its model's mean and what it deviates from it.
/// With `V = I + λ J` in each model, `V⁻¹` is the identity on deviations and `1 / (1 + nλ)` on means.
struct Profile {
    /// Of the deviations, weighted: the triangle of their QR decomposition, `[p + 1, p + 1]`.
    deviations: DMatrix<f64>,
    groups: Vec<Group>,
    /// Sum of squares within kinds of cells.
    within: f64,
    /// Sum of squares of the cells themselves.
    total: f64,
    n: f64,
    p: usize,
}

struct Group {
    n: f64,
    /// `[p + 1]`.
    mean: DVector<f64>,
}

/// The likelihood at one λ.
struct Point {
    lambda: f64,
    /// `d(-2 log L) / dλ`.
    slope: f64,
    /// `-2 log L` but for constants.
    deviance: f64,
    sigma2: f64,
    coefficients: DVector<f64>,
    /// `X' V⁻¹ X = R' R`.
    r: DMatrix<f64>,
}

struct Fit {
    point: Point,
    se: Vec<f64>,
    log_likelihood: f64,
    groups: usize,
}

impl Profile {
    fn new(rows: &[PooledCells], design: &[DesignColumn], groups: usize) -> Result<Profile, String> {
        let n: f64 = rows.iter().map(|row| row.n).sum();
        let p = design.len();
        if rows.len() < p {
            return Err(format!("not identifiable: {p} coefficients for {} kinds of cells", rows.len()));
        }
        let value = |row: &PooledCells, column: usize| if column < p { row.value(&design[column]) } else { row.mean };
        let group = |model: usize| {
            let of_model = || rows.iter().filter(move |row| row.model == model);
            let n: f64 = of_model().map(|row| row.n).sum();
            let mean = |column: usize| {
                let values = of_model().map(|row| value(row, column));
                let ends = values.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
                let mean = of_model().map(|row| row.n * value(row, column)).sum::<f64>() / n;
                // A column that is the same throughout a model deviates by exactly nothing.
                mean.max(ends.0).min(ends.1)
            };
            Group { n, mean: DVector::from_fn(p + 1, |column, _| mean(column)) }
        };
        let groups: Vec<Group> = (0..groups).map(group).collect();
        let deviation = |i: usize, column: usize| {
            let row = &rows[i];
            row.n.sqrt() * (value(row, column) - groups[row.model].mean[column])
        };
        let deviations = triangle(DMatrix::from_fn(rows.len(), p + 1, deviation));
        let within: f64 = rows.iter().map(|row| row.within).sum();
        let total = within + rows.iter().map(|row| row.n * row.mean * row.mean).sum::<f64>();
        let profile = Profile { deviations, groups, within, total, n, p };
        let r = profile.triangle_at(0.0);
        if (0..p).any(|column| r[(column, column)].abs() <= r.column(column).norm() * RANK_TOLERANCE) {
            return Err("not identifiable: the design is rank deficient".to_owned());
        }
        if n <= p as f64 || profile.residual(&r) <= total * ROUNDING {
            return Err("not identifiable: nothing varies beside the fixed effects".to_owned());
        }
        Ok(profile)
    }

    /// Of the QR decomposition of `V^(-1/2) [X y]`.
    fn triangle_at(&self, lambda: f64) -> DMatrix<f64> {
        let (top, groups) = (self.deviations.nrows(), self.groups.len());
        let value = |i: usize, column: usize| match i.checked_sub(top) {
            None => self.deviations[(i, column)],
            Some(group) => self.groups[group].share(lambda).sqrt() * self.groups[group].mean[column],
        };
        triangle(DMatrix::from_fn(top + groups, self.p + 1, value))
    }

    fn residual(&self, triangle: &DMatrix<f64>) -> f64 {
        triangle[(self.p, self.p)].powi(2) + self.within
    }

    fn at(&self, lambda: f64) -> Option<Point> {
        let triangle = self.triangle_at(lambda);
        let df = self.n - self.p as f64;
        let sigma2 = self.residual(&triangle) / df;
        let r = triangle.view((0, 0), (self.p, self.p)).into_owned();
        let coefficients = r.solve_upper_triangular(&triangle.view((0, self.p), (self.p, 1)).column(0).into_owned())?;
        let mut deviance = df * sigma2.ln() + r.diagonal().iter().map(|diagonal| 2.0 * diagonal.abs().ln()).sum::<f64>();
        let (mut trace, mut squares) = (0.0, 0.0);
        for group in &self.groups {
            let share = group.share(lambda);
            let design = group.mean.rows(0, self.p).into_owned();
            let leverage = share * r.tr_solve_upper_triangular(&design)?.norm_squared();
            trace += share * (1.0 - leverage);
            squares += (share * (group.mean[self.p] - design.dot(&coefficients))).powi(2);
            deviance += (lambda * group.n).ln_1p();
        }
        let slope = trace - squares / sigma2;
        (sigma2 > 0.0 && slope.is_finite()).then_some(Point { lambda, slope, deviance, sigma2, coefficients, r })
    }

    fn fit(self) -> Result<Fit, String> {
        let nothing = || {
            "not identifiable: next to nothing varies within models beside the fixed effects, so that differences between \
             models have no measure"
                .to_owned()
        };
        let steps = (-8 * PER_DECADE..=6 * PER_DECADE).map(|i| f64::from(i) / f64::from(PER_DECADE));
        let powers = steps.chain((7..=LAST_DECADE).map(f64::from));
        let mut before = self.at(0.0).ok_or_else(nothing)?;
        let mut best = (before.slope >= 0.0).then_some(0.0);
        let mut least = if best.is_some() { before.deviance } else { f64::INFINITY };
        for lambda in powers.map(|power| 10f64.powf(power)) {
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
        // Where the last one is the likeliest there is no end to it: all cells of every model can be fitted.
        if before.deviance < least {
            return Err(nothing());
        }
        let point = best.and_then(|lambda| self.at(lambda)).ok_or_else(nothing)?;
        let df = self.n - self.p as f64;
        if point.sigma2 * df <= self.total * ROUNDING {
            return Err(nothing());
        }
        let inverse = point.r.solve_upper_triangular(&DMatrix::identity(self.p, self.p)).ok_or_else(nothing)?;
        // Rows of the inverse of R: its product with its own transpose is the covariance.
        let se = inverse.row_iter().map(|row| row.norm() * point.sigma2.sqrt()).collect();
        let constant = df * (1.0 + std::f64::consts::TAU.ln());
        Ok(Fit { log_likelihood: -0.5 * (point.deviance + constant), se, groups: self.groups.len(), point })
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

impl Group {
    /// How much of the sum of squares of its mean counts: `n / (1 + nλ)`.
    fn share(&self, lambda: f64) -> f64 {
        self.n / (1.0 + self.n * lambda)
    }
}

/// The triangle of a QR decomposition, square whatever the number of rows.
fn triangle(mut matrix: DMatrix<f64>) -> DMatrix<f64> {
    let columns = matrix.ncols();
    if matrix.nrows() < columns {
        matrix = matrix.resize_vertically(columns, 0.0);
    }
    matrix.qr().r()
}

impl Fit {
    /// Degrees of freedom as nlme gives them (Pinheiro and Bates 2000, section 2.4.2): a column that is the same throughout
    /// every model is tested against models, every other one, and the intercept, against cells.
    fn into_mixed_model(self, rows: &[PooledCells], design: &[DesignColumn], names: Vec<String>, formula: String) -> MixedModel {
        let n: f64 = rows.iter().map(|row| row.n).sum();
        let varies = |column: &DesignColumn| {
            let mut seen: Vec<Option<f64>> = vec![None; self.groups];
            rows.iter().any(|row| *seen[row.model].get_or_insert(row.value(column)) != row.value(column))
        };
        let inner: Vec<bool> = design.iter().map(varies).collect();
        let columns_within = inner.iter().filter(|inner| **inner).count();
        let within = n - (self.groups + columns_within) as f64;
        let between = self.groups as f64 - (design.len() - columns_within) as f64;
        let effect = |(i, term): (usize, String)| {
            let (estimate, se) = (self.point.coefficients[i], self.se[i]);
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
