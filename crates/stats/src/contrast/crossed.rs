//! The difference between two families for other models *and* other words: models and words are crossed, and both are drawn
//! (Clark 1973). The tests over models alone speak of these words only.

use super::interval::safe_df;
use super::{Comparison, Kind, Quantity, Test, Unit, Value};
use crate::describe::Summary;
use crate::placements::{FamilyPlacements, TwoWay};
use crate::significance::{two_sided_quantile, two_sided_t};

/// The crossed analysis. It needs two models of each family, two words of the category and two others.
pub static WORDS_AND_MODELS: Test = Test {
    key: "words_and_models",
    name: "crossed",
    unit: Unit::ModelsAndWords,
    random: false,
    quantities: &[
        Quantity::new("estimate", Kind::Effect).heading("mean ranks"),
        Quantity::new("low", Kind::Low).heading("95 %").on_screen("95 % crossed", 1),
        Quantity::new("high", Kind::High),
        Quantity::new("p", Kind::P).heading("p").on_screen("crossed", 1),
        Quantity::new("p_bonferroni", Kind::Bonferroni).heading("p").on_screen("crossed", 0),
        Quantity::new("df", Kind::DegreesOfFreedom).heading("df"),
    ],
    legend: |_| {
        Some("mean ranks: the difference of the categories' mean ranks, with models and words crossed: for other models and other words.".to_owned())
    },
    compute,
};

/// The difference of mean ranks with the variance of both ways. What words differ by and what models differ by hold the
/// interaction of the two each, so it is taken off once, but no further than to the larger of them. Degrees of freedom
/// are Satterthwaite's.
fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.placements?;
    let parts = Parts::new(first, second)?;
    let variance = parts.variance();
    let se = variance.sqrt();
    if se == 0.0 || !se.is_finite() {
        return None;
    }
    let (estimate, df) = (parts.estimate, parts.df(variance));
    let (p, half) = (two_sided_t(estimate / se, df), two_sided_quantile(0.05, df) * se);
    Some([estimate, estimate - half, estimate + half, p, p, df].map(Value::Number).to_vec())
}

/// Parts of the variance of a difference of mean ranks, each with its degrees of freedom.
struct Parts {
    estimate: f64,
    /// What the draw of the category's words adds, and of the words that they are ranked among.
    words: [(f64, f64); 2],
    models: (f64, f64),
    interaction: f64,
}

impl Parts {
    fn new(first: &FamilyPlacements, second: &FamilyPlacements) -> Option<Parts> {
        let (a, b) = (Summary::new(&first.own.models)?, Summary::new(&second.own.models)?);
        let (own, others) = (first.own.words.len() as f64, first.others.words.len() as f64);
        if a.n < 2 || b.n < 2 || own < 2.0 || others < 2.0 {
            return None;
        }
        let (of_a, of_b) = (a.se * a.se, b.se * b.se);
        let of_models = of_a + of_b;
        let df = of_models.powi(2) / (of_a * of_a / (a.n - 1) as f64 + of_b * of_b / (b.n - 1) as f64);
        let df = safe_df(if df.is_nan() { 1.0 } else { df }, a.n.min(b.n));
        // A place among the others is worth so much of a mean rank.
        let worth = (others / own).powi(2);
        let words = [(&first.own, &second.own, 1.0), (&first.others, &second.others, worth)].map(|(first, second, worth)| {
            let differences: Vec<f64> = first.words.iter().zip(&second.words).map(|(a, b)| b - a).collect();
            let se = Summary::new(&differences).map_or(f64::NAN, |of| of.se);
            (worth * se * se, differences.len() as f64 - 1.0)
        });
        let interaction = |table: &TwoWay| table.interaction / (table.models.len() * table.words.len()) as f64;
        let of_family = |family: &FamilyPlacements| interaction(&family.own) + worth * interaction(&family.others);
        Some(Parts {
            estimate: b.mean - a.mean,
            words,
            models: (of_models, df),
            interaction: of_family(first) + of_family(second),
        })
    }

    fn variance(&self) -> f64 {
        let of_words = self.words[0].0 + self.words[1].0;
        (of_words + self.models.0 - self.interaction).max(of_words).max(self.models.0)
    }

    fn df(&self, variance: f64) -> f64 {
        let parts = self.words.iter().chain([&self.models]);
        (variance * variance / parts.map(|(part, df)| part * part / df).sum::<f64>()).max(1.0)
    }
}
