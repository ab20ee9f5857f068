//! Every p-value and every interval of a report, each under its name, and whether it raises a false alarm.

use rewardscope_stats::contrast::{Kind, TESTS, Value};
use rewardscope_stats::results::{FixedEffect, Report};

/// What a report says of families that do not differ: a name, and whether a p-value is at most .05 or a 95 % interval leaves
/// 0 out.
pub fn alarms(report: &Report) -> Vec<(String, bool)> {
    let mut alarms = Vec::new();
    for contrast in &report.contrasts {
        for test in TESTS {
            let Some(result) = contrast.result(test) else { continue };
            for quantity in test.quantities {
                let alarm = match (quantity.kind, result.value(quantity.key)) {
                    (Kind::P | Kind::Bonferroni | Kind::FalseDiscovery, Some(Value::Number(p))) => p <= 0.05,
                    (Kind::Interval, Some(Value::Interval(Some(ends)))) => leaves_out_0(ends),
                    (Kind::Low, _) => result.ends().is_some_and(leaves_out_0),
                    _ => continue,
                };
                let quantity = if quantity.kind == Kind::Low { "interval" } else { quantity.key };
                alarms.push((format!("{}: {quantity}", test.key), alarm));
            }
        }
    }
    let of_families = |name: &str, fixed: &[FixedEffect]| -> Vec<(String, bool)> {
        let terms = fixed.iter().filter(|effect| effect.term.contains("family"));
        let shorter = |term: &str| term.split(':').filter_map(|part| part.split('[').next()).collect::<Vec<_>>().join(":");
        terms.map(|effect| (format!("{name}: {}", shorter(&effect.term)), effect.p <= 0.05)).collect()
    };
    alarms.extend(report.random_slopes.iter().flat_map(|model| of_families("random_slopes", &model.fixed)));
    alarms.extend(report.mixed_model.iter().flat_map(|model| of_families("mixed_model", &model.fixed)));
    let anova = report.anova.iter().flat_map(|anova| &anova.terms).filter(|term| term.term.contains("model"));
    alarms.extend(anova.map(|term| (format!("anova: {}", term.term), term.p <= 0.05)));
    alarms
}

fn leaves_out_0([low, high]: [f64; 2]) -> bool {
    low > 0.0 || high < 0.0
}
