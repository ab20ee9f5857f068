//! Round numbers for the ends and the ticks of axes, and how they are written.

/// Round numbers between two ends, about so many.
pub fn ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![low];
    }
    let rough = span / about.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| *s >= rough * 0.9).unwrap_or(power * 10.0);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A round number somewhat above `most`, for the end of an axis.
pub fn rounded_up(most: f64) -> f64 {
    let padded = most.abs() * 1.04;
    let step = ticks(0.0, padded, 6).get(1).copied().filter(|step| *step > 0.0).unwrap_or(1.0);
    (padded / step).ceil() * step
}

/// Round numbers between two ends of an axis on which square roots are drawn, so that small ones are told apart: zero, and as
/// many of 1, 2 and 5 times a power of ten as stay so far from one another. `place` says where a value lies.
pub fn root_ticks(low: f64, high: f64, apart: f64, place: impl Fn(f64) -> f64) -> Vec<f64> {
    let most = low.abs().max(high.abs());
    if !most.is_finite() || most <= 0.0 {
        return vec![0.0];
    }
    let top = most.log10().floor() as i32;
    let sizes = (top - 5..=top).rev().flat_map(|power| [5.0, 2.0, 1.0].map(|digit| digit * 10f64.powi(power)));
    let mut kept = vec![0.0];
    for value in sizes.flat_map(|size| [size, -size]).filter(|value| (low..=high).contains(value)) {
        if kept.iter().all(|&other| (place(value) - place(other)).abs() >= apart) {
            kept.push(value);
        }
    }
    kept.sort_by(f64::total_cmp);
    kept
}

/// A number without needless zeros; a small one by its power.
pub fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 {
        let text = format!("{value:.1e}");
        return text.replace(".0e", "e").replace('-', "−");
    }
    let text = if value.abs() >= 1000.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(71.0, 175.0, 5), [80.0, 100.0, 120.0, 140.0, 160.0]);
        assert_eq!(ticks(0.0, 1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(3.0, 3.0, 4), [3.0]);
        assert_eq!([85.2, 100.0, 0.83, 0.0].map(rounded_up), [100.0, 120.0, 1.0, 0.0]);
        assert_eq!(ticks(f64::NAN, 1.0, 4).len(), 1);
        assert_eq!([0.5, -0.25, 1200.0, 0.0].map(number), ["0.5", "−0.25", "1200", "0"]);
        assert_eq!([3.0 * 1e-5, -0.00025, 0.0002].map(number), ["3e−5", "−2.5e−4", "2e−4"], "no tick but zero is 0");
    }

    #[test]
    fn roots_have_ticks_in_true_numbers_that_do_not_touch() {
        let place = |value: f64| 500.0 * value.abs().sqrt().copysign(value) / 0.02;
        let ticks = root_ticks(-4e-4, 1e-4, 60.0, place);
        assert_eq!(ticks, [-2e-4, -1e-4, -5e-5, -2e-5, 0.0, 2e-5, 5e-5, 1e-4]);
        assert!(ticks.windows(2).all(|pair| place(pair[1]) - place(pair[0]) >= 60.0));
        assert_eq!(root_ticks(0.0, 0.0, 60.0, place), [0.0]);
        assert_eq!(root_ticks(f64::NAN, 1.0, 60.0, place), [0.0]);
    }
}
