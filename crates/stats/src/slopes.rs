//! The linear mixed model `cell ~ family * category * framing` in which each model has its own intercept and its own slopes:
//! an effect for each category and framing, with any covariance among them. By REML, for unbalanced designs too.
//!
//! Families are then compared by what models differ by, in each term, with models less families as degrees of freedom. In a
//! balanced design that is the t test of one number a model, and exact. The random effects are written as one for each panel
//! (category by framing), which is the same model as an intercept and slopes.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::cells::PanelCells;
use super::minimum::{Point, minimum};
use super::mixed::FamilyDesign;
use super::results::{FixedEffect, RandomSlopes, SlopePanel};
use super::significance::two_sided_t;
use super::study::Study;

/// A direction in which models vary less than this share of the noise of their means does not vary.
const SINGULAR: f64 = 1e-4;

/// Fits `cell ~ family * category * framing` with a random intercept and random slopes for each model, over the cells of known
/// families.
///
/// # Errors
/// A sentence that says why the design cannot carry them.
pub fn random_slopes(study: &Study, panels: &[PanelCells]) -> Result<RandomSlopes, String> {
    let family_design = FamilyDesign::new(study, panels)?;
    let (df, slopes) = (family_design.models - family_design.families, panels.len());
    if df < slopes {
        return Err(format!(
            "not fitted: {} models of {} families leave {df} degrees of freedom, fewer than the {slopes} panels (category by \
             framing) in each of which a model has an effect of its own. The tests of each contrast need fewer models",
            family_design.models, family_design.families
        ));
    }
    let likelihood = Likelihood::new(&family_design, panels)?;
    let fit = likelihood.fit().ok_or("not fitted: the likelihood has no maximum that could be found")?;
    let effect = |(at, term): (usize, &String)| {
        let (estimate, se) = (fit.coefficients[at], fit.inverse[(at, at)].sqrt());
        let t = estimate / se;
        FixedEffect { term: term.clone(), estimate, se, df: df as f64, t, p: two_sided_t(t, df as f64) }
    };
    let least = fit.covariance.clone().symmetric_eigenvalues().min();
    let noise = likelihood.groups.iter().flat_map(|group| group.noise.iter()).fold(f64::INFINITY, |a, b| a.min(*b));
    Ok(RandomSlopes {
        formula: format!("cell ~ {}, random intercept and slopes for each model", family_design.varying),
        fixed: family_design.names.iter().enumerate().map(effect).collect(),
        panels: panels.iter().map(|of| SlopePanel { category: of.category.to_string(), framing: of.framing }).collect(),
        covariance: fit.covariance.row_iter().map(|row| row.iter().copied().collect()).collect(),
        residual_variance: fit.sigma2,
        singular: least < SINGULAR * noise * fit.sigma2,
        n: likelihood.n as usize,
        groups: family_design.models,
        log_likelihood: -0.5 * (fit.deviance + (likelihood.n - likelihood.p as f64) * std::f64::consts::TAU.ln()),
    })
}

/// What the likelihood needs of the data: the mean of each model in each panel, and what cells vary by around these.
struct Likelihood {
    groups: Vec<Group>,
    /// Sum of squares within model and panel, and its degrees of freedom.
    within: f64,
    within_df: f64,
    n: f64,
    p: usize,
    panels: usize,
    /// Cells are divided by this, so that parameters are near 1.
    scale: f64,
}

/// One model.
struct Group {
    /// The panels in which it has cells.
    panels: Vec<usize>,
    /// One divided by the number of cells of each.
    noise: DVector<f64>,
    /// `[panels, p]`.
    design: DMatrix<f64>,
    /// Means of cells, scaled.
    means: DVector<f64>,
}

struct Fit {
    coefficients: DVector<f64>,
    /// The covariance of the coefficients.
    inverse: DMatrix<f64>,
    /// `[panels, panels]`, between models.
    covariance: DMatrix<f64>,
    sigma2: f64,
    /// `-2 log L` but for the constant.
    deviance: f64,
}

impl Likelihood {
    fn new(of: &FamilyDesign, panels: &[PanelCells]) -> Result<Likelihood, String> {
        let n: f64 = of.rows.iter().map(|row| row.n).sum();
        let within: f64 = of.rows.iter().map(|row| row.within).sum();
        let within_df = n - of.rows.len() as f64;
        if within_df < 1.0 || within <= 0.0 {
            return Err(
                "not fitted: the prompts of a model do not differ within category and framing, so that what models differ \
                        by has no measure; ask a second prompt of each framing"
                    .to_owned(),
            );
        }
        let scale = (within / within_df).sqrt();
        let mut kinds: Vec<(usize, usize)> = of.rows.iter().map(|row| (row.levels[1], row.levels[2])).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let group = |model: usize| {
            let rows: Vec<_> = of.rows.iter().filter(|row| row.model == model).collect();
            let panel = |row: &&super::design::PooledCells| kinds.binary_search(&(row.levels[1], row.levels[2])).unwrap_or(0);
            Group {
                panels: rows.iter().map(panel).collect(),
                noise: DVector::from_iterator(rows.len(), rows.iter().map(|row| 1.0 / row.n)),
                design: DMatrix::from_fn(rows.len(), of.design.len(), |i, column| rows[i].value(&of.design[column])),
                means: DVector::from_iterator(rows.len(), rows.iter().map(|row| row.mean / scale)),
            }
        };
        let groups: Vec<Group> = (0..of.models).map(group).collect();
        let likelihood =
            Likelihood { groups, within: within / scale / scale, within_df, n, p: of.design.len(), panels: panels.len(), scale };
        if likelihood.at(&likelihood.start()).is_none() {
            return Err("not fitted: the design is rank deficient".to_owned());
        }
        Ok(likelihood)
    }

    /// The triangle of the covariance, row by row, then the logarithm of the residual standard deviation.
    fn start(&self) -> DVector<f64> {
        let mut parameters = vec![0.0; self.panels * (self.panels + 1) / 2 + 1];
        (0..self.panels).for_each(|i| parameters[i * (i + 3) / 2] = self.spread(i).max(0.1));
        parameters.into()
    }

    /// How far models lie apart in a panel.
    fn spread(&self, panel: usize) -> f64 {
        let values = self.groups.iter().filter_map(|group| {
            let at = group.panels.iter().position(|of| *of == panel)?;
            Some(group.means[at])
        });
        crate::describe::mean_sd(&values.collect::<Vec<_>>()).map_or(1.0, |(_, sd)| sd)
    }

    fn triangle(&self, parameters: &DVector<f64>) -> DMatrix<f64> {
        let value = |i: usize, j: usize| if j <= i { parameters[i * (i + 1) / 2 + j] } else { 0.0 };
        DMatrix::from_fn(self.panels, self.panels, value)
    }

    fn fit(&self) -> Option<Fit> {
        let best = minimum(self.start(), &|parameters| self.at(parameters).map(|(point, _)| point))?;
        self.at(&best.parameters).map(|(_, fit)| fit)
    }

    /// The deviance with its gradient, and the fit, by generalised least squares, at these parameters; none where a matrix is
    /// singular.
    fn at(&self, parameters: &DVector<f64>) -> Option<(Point, Fit)> {
        let triangle = self.triangle(parameters);
        let covariance = &triangle * triangle.transpose();
        let sigma2 = (2.0 * parameters[parameters.len() - 1]).exp();
        let mut information = DMatrix::zeros(self.p, self.p);
        let mut right = DVector::zeros(self.p);
        let mut deviance = self.within_df * sigma2.ln() + self.within / sigma2;
        let mut inverses = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut variance =
                DMatrix::from_fn(group.panels.len(), group.panels.len(), |i, j| covariance[(group.panels[i], group.panels[j])]);
            (0..group.panels.len()).for_each(|i| variance[(i, i)] += sigma2 * group.noise[i]);
            let factor = Cholesky::new(variance)?;
            deviance += 2.0 * factor.l_dirty().diagonal().iter().map(|value| value.ln()).sum::<f64>();
            // Of the sum over a model's cells, where each mean stands for so many.
            deviance -= group.noise.iter().map(|noise| noise.ln()).sum::<f64>();
            let inverse = factor.inverse();
            information += group.design.tr_mul(&(&inverse * &group.design));
            right += group.design.tr_mul(&(&inverse * &group.means));
            inverses.push(inverse);
        }
        let factor = Cholesky::new(information)?;
        deviance += 2.0 * factor.l_dirty().diagonal().iter().map(|value| value.ln()).sum::<f64>();
        let (coefficients, inverse) = (factor.solve(&right), factor.inverse());
        // The derivatives by the covariance and by the residual variance.
        let mut by_covariance = DMatrix::zeros(self.panels, self.panels);
        let mut by_sigma2 = self.within_df / sigma2 - self.within / (sigma2 * sigma2);
        for (group, of_group) in self.groups.iter().zip(&inverses) {
            let left = of_group * (&group.means - &group.design * &coefficients);
            deviance += (&group.means - &group.design * &coefficients).dot(&left);
            let weighted = of_group * &group.design;
            let slope = of_group - &left * left.transpose() - &weighted * &inverse * weighted.transpose();
            for (i, &row) in group.panels.iter().enumerate() {
                by_sigma2 += slope[(i, i)] * group.noise[i];
                group.panels.iter().enumerate().for_each(|(j, &column)| by_covariance[(row, column)] += slope[(i, j)]);
            }
        }
        let by_triangle = by_covariance * &triangle * 2.0;
        let mut gradient = DVector::zeros(parameters.len());
        for i in 0..self.panels {
            (0..=i).for_each(|j| gradient[i * (i + 1) / 2 + j] = by_triangle[(i, j)]);
        }
        gradient[parameters.len() - 1] = 2.0 * sigma2 * by_sigma2;
        // The reward's own scale again: the deviance counts cells less coefficients, each in it once.
        let scale2 = self.scale * self.scale;
        let own = deviance + (self.n - self.p as f64) * scale2.ln();
        let fit = Fit {
            coefficients: coefficients * self.scale,
            inverse: inverse * scale2,
            covariance: covariance * scale2,
            sigma2: sigma2 * scale2,
            deviance: own,
        };
        let point = Point { parameters: parameters.clone(), value: deviance, gradient };
        (point.value.is_finite()).then_some((point, fit))
    }
}
