//! Numbers as the tables print them.

use super::glyphs::Glyphs;
use crate::base::terms::Family;
use crate::base::text::visible;

/// How the scores of a model are written, so that they can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    Decimals(usize),
    /// Three digits and a power of ten.
    Scientific,
}

/// Decimals from the range that the scores span; scores of which four decimals would show nothing have a power.
pub fn digits(low: f64, high: f64) -> Digits {
    if low.abs().max(high.abs()) < 0.01 && high > low {
        return Digits::Scientific;
    }
    Digits::Decimals(decimals(low, high))
}

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

/// A score with its sign.
pub fn score(value: f64, digits: Digits, glyphs: &Glyphs) -> String {
    match digits {
        Digits::Decimals(decimals) => signed(value, decimals, glyphs),
        Digits::Scientific if value.is_nan() => glyphs.none.to_string(),
        Digits::Scientific => with_sign(format!("{value:+.2e}"), glyphs),
    }
}

/// With its sign; nothing but a dot where there is no number.
pub fn signed(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    if value.is_nan() { glyphs.none.to_string() } else { with_sign(format!("{value:+.decimals$}"), glyphs) }
}

/// The sign as it is drawn everywhere; that of a power stays.
fn with_sign(text: String, glyphs: &Glyphs) -> String {
    match text.strip_prefix('-') {
        Some(size) => format!("{}{size}", glyphs.minus),
        None => text,
    }
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

/// The letter of a family: for a family that the user named, the first letter of its name.
pub fn letter(name: &str) -> char {
    let first = || visible(name).chars().next().unwrap_or(' ').to_ascii_uppercase();
    match Family::guess(name) {
        Family::Other if name != Family::Other.to_string() => first(),
        family => family.letter(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_scores_have_three_digits_and_a_power() {
        let g = Glyphs::of(false);
        let of = |low, high| [2.834e-4, -1.2e-21, 0.0, f64::NAN].map(|value| score(value, digits(low, high), g));
        assert_eq!(of(-5e-4, 3e-4), ["+2.83e-4", "−1.20e-21", "+0.00e0", "·"]);
        assert_eq!(of(-4.0, 6.0), ["+0.00", "−0.00", "+0.00", "·"]);
        assert_eq!(digits(0.0, 0.15), Digits::Decimals(4));
    }

    #[test]
    fn numbers_carry_their_sign_and_enough_decimals() {
        let g = Glyphs::of(false);
        assert_eq!([decimals(0.0, 0.15), decimals(-1.0, 2.0), decimals(-4.1, 6.3), decimals(-300.0, 90.0)], [4, 3, 2, 1]);
        assert_eq!([signed(6.314, 2, g), signed(-0.5, 1, g), signed(f64::NAN, 2, g)], ["+6.31", "−0.5", "·"]);
        assert_eq!(signed(-0.5, 1, Glyphs::of(true)), "-0.5");
        assert_eq!([rank(3.0, g), rank(3.5, g), rank(f64::NAN, g)], ["3", "3.5", "·"]);
        assert_eq!([39.0, -88.0, 0.0, 1.5].map(|d| difference(d, g)), ["▲    +39", "▼    −88", "=       ", "▲   +1.5"]);
    }
}
