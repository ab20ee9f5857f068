//! Numbers of the statistics in signs: p-values, stars, and what to write where there is no number.

/// Written beside a p-value without a star, where an empty place could be taken for a missing test.
pub const NOT_SIGNIFICANT: &str = "n.s.";

/// `***` below .001, `**` below .01, `*` below .05, else `otherwise`. Whoever writes it names the test beside it.
pub fn stars(p: f64, otherwise: &'static str) -> &'static str {
    match p {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => otherwise,
    }
}

/// A p-value in at most seven signs: `.042`, `3e-5`, `1`. One that is smaller than a number can be is not nothing.
pub fn p_in_short(p: f64) -> String {
    match p {
        p if p.is_nan() => "?".to_owned(),
        p if p >= 0.9995 => "1".to_owned(),
        p if p >= 0.001 => format!("{p:.3}").trim_start_matches('0').to_owned(),
        p => tiny(p),
    }
}

/// A p-value in a column of a page: `0.042`, `3e-5`, `1.000`.
pub(crate) fn p_on_page(p: f64) -> String {
    match p {
        p if p.is_nan() => missing(),
        p if p >= 0.00095 => format!("{p:.3}"),
        p => tiny(p),
    }
}

fn tiny(p: f64) -> String {
    if p > 0.0 { format!("{p:.0e}") } else { "<1e-300".to_owned() }
}

/// What a page writes where there is no number.
pub(crate) fn missing() -> String {
    "–".to_owned()
}

/// With its sign and two decimals.
pub(crate) fn signed(value: f64) -> String {
    format!("{value:+.2}")
}

/// Two decimals where there are any; very large and very small numbers by their power.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if value.is_nan() || size.is_infinite() => missing(),
        0.0 => "0".to_owned(),
        size if !(0.005..1e7).contains(&size) => format!("{value:.2e}"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_short_and_stars_follow_the_usual_limits() {
        let shown = [1.0, 0.9999, 0.5, 0.0421, 0.001, 0.00003, 1e-200, 0.0].map(p_in_short);
        assert_eq!(shown, ["1", "1", ".500", ".042", ".001", "3e-5", "1e-200", "<1e-300"]);
        let shown = [1.0, 0.0421, 0.00096, 0.00003, 0.0, f64::NAN].map(p_on_page);
        assert_eq!(shown, ["1.000", "0.042", "0.001", "3e-5", "<1e-300", "–"]);
        let signs = [0.0009, 0.001, 0.01, 0.05, f64::NAN];
        assert_eq!(signs.map(|p| stars(p, NOT_SIGNIFICANT)), ["***", "**", "*", "n.s.", "n.s."]);
        assert_eq!(signs.map(|p| stars(p, "")), ["***", "**", "*", "", ""]);
    }
}
