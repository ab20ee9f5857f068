//! The noncentral t distribution: of `(Z + δ) / √(χ²/df)`, with Z standard normal.

use statrs::function::erf::erfc;
use statrs::function::gamma::checked_gamma_ur;

/// Steps of Simpson's rule.
const STEPS: usize = 400;
/// Beyond so many standard deviations a normal density is nothing.
const TAIL: f64 = 9.0;

/// The noncentrality δ under which a noncentral t of `df` degrees of freedom is at most `t` with this probability.
pub(crate) fn noncentrality(t: f64, df: f64, probability: f64) -> f64 {
    if !t.is_finite() || df < 1.0 {
        return f64::NAN;
    }
    // The probability falls with δ; t itself is near the middle.
    let reach = 4.0 * (1.0 + t * t / df).sqrt();
    let (mut low, mut high) = (t - reach, t + reach);
    while at_most(t, df, low) < probability {
        low -= reach;
    }
    while at_most(t, df, high) > probability {
        high += reach;
    }
    let precision = 1e-10 * (1.0 + t.abs());
    while high - low > precision {
        let middle = 0.5 * (low + high);
        if at_most(t, df, middle) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// P(T ≤ t) of the noncentral t. With x = Z + δ and t > 0, T ≤ t where x ≤ 0, or where χ²/df ≥ (x/t)².
fn at_most(t: f64, df: f64, delta: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - at_most(-t, df, -delta);
    }
    let below_0 = 0.5 * erfc(delta / std::f64::consts::SQRT_2);
    if t == 0.0 {
        return below_0;
    }
    // Where χ²/df has next to no chance to be as large.
    let farthest = t * ((df + 12.0 * (2.0 * df).sqrt() + 80.0) / df).sqrt();
    let (from, to) = ((delta - TAIL).max(0.0), (delta + TAIL).min(farthest));
    if to <= from {
        return below_0;
    }
    let density = |x: f64| {
        let larger = checked_gamma_ur(df / 2.0, df * (x / t).powi(2) / 2.0).unwrap_or(if x > 0.0 { 0.0 } else { 1.0 });
        (-0.5 * (x - delta).powi(2)).exp() / std::f64::consts::TAU.sqrt() * larger
    };
    let step = (to - from) / STEPS as f64;
    let weight = |i: usize| if i == 0 || i == STEPS { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
    below_0 + (0..=STEPS).map(|i| weight(i) * density(from + i as f64 * step)).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_as_computed_elsewhere() {
        // scipy.stats.nct.cdf(t, df, δ)
        for (t, df, delta, expected) in REFERENCE {
            let found = at_most(t, df, delta);
            assert!((found - expected).abs() < 1e-7, "{t}, {df}, {delta}: {found} for {expected}");
        }
    }

    #[test]
    fn the_noncentrality_gives_the_probability_back() {
        for (t, df) in [(0.0, 4.0), (0.3, 2.0), (-2.5, 8.0), (40.0, 2.0), (1e4, 3.0)] {
            for probability in [0.025, 0.975] {
                let delta = noncentrality(t, df, probability);
                assert!((at_most(t, df, delta) - probability).abs() < 1e-6, "{t}, {df}: {delta}");
            }
        }
        assert!(noncentrality(f64::NAN, 3.0, 0.025).is_nan());
    }

    const REFERENCE: [(f64, f64, f64, f64); 8] = [
        (0.5, 2.0, 0.0, 0.666_666_666_666_666_6),
        (0.3, 1.0, 1.5, 0.107_474_115_190_878_1),
        (2.0, 8.0, 3.0, 0.170_341_557_265_141_3),
        (-1.2, 4.0, 0.7, 0.044_688_860_500_813_61),
        (6.0, 3.0, 2.0, 0.929_351_444_075_580_8),
        (0.01, 5.0, -0.4, 0.658_918_528_987_686_7),
        (25.0, 2.0, 20.0, 0.527_526_605_390_990_3),
        (3.0, 30.0, 2.5, 0.670_922_137_281_833_7),
    ];
}
