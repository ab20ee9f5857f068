//! Numbers as the tables print them.

use super::glyphs::Glyphs;

/// Decimals that tell the scores of a model apart, from the range they span.
pub fn decimals(low: f64, high: f64) -> usize {
    match high - low {
        range if range < 0.5 => 4,
        range if range < 5.0 => 3,
        range if range < 100.0 => 2,
        range if range < 1000.0 => 1,
        _ => 0,
    }
}

/// With its sign; nothing but a dot where there is no number.
pub fn signed(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    if value.is_nan() { glyphs.none.to_string() } else { format!("{value:+.decimals$}") }
}

/// A rank: whole where it is not shared, else with its half.
pub fn rank(rank: f64, glyphs: &Glyphs) -> String {
    if rank.is_nan() {
        glyphs.none.to_string()
    } else if rank.fract() == 0.0 {
        format!("{rank:.0}")
    } else {
        format!("{rank:.1}")
    }
}

/// A difference of ranks with the sign of who likes the word better, sign and number in columns of their own:
/// `▲    +39`, `▼    −88`, `=       `.
pub fn difference(difference: f64, glyphs: &Glyphs) -> String {
    let (sign, size) = match difference {
        d if d.is_nan() => (glyphs.none, String::new()),
        d if d > 0.0 => (glyphs.up, format!("+{}", rank(d, glyphs))),
        d if d < 0.0 => (glyphs.down, format!("{}{}", glyphs.minus, rank(-d, glyphs))),
        _ => (glyphs.same, String::new()),
    };
    format!("{sign} {size:>6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_their_sign_and_enough_decimals() {
        let g = Glyphs::of(false);
        assert_eq!([decimals(0.0, 0.15), decimals(-1.0, 2.0), decimals(-4.1, 6.3), decimals(-300.0, 90.0)], [4, 3, 2, 1]);
        assert_eq!([signed(6.314, 2, g), signed(-0.5, 1, g), signed(f64::NAN, 2, g)], ["+6.31", "-0.5", "·"]);
        assert_eq!([rank(3.0, g), rank(3.5, g), rank(f64::NAN, g)], ["3", "3.5", "·"]);
        assert_eq!([39.0, -88.0, 0.0, 1.5].map(|d| difference(d, g)), ["▲    +39", "▼    −88", "=       ", "▲   +1.5"]);
    }
}
