//! A thin horizontal bar from an origin to a value, in halves of a cell. Thin, so that a screen full of rows stays calm.

use crate::ui::glyphs::Glyphs;

/// A bar between two places, 0 at the left end of `cells` and 1 at the right; something is always seen.
pub fn bar(origin: f64, value: f64, cells: usize, glyphs: &Glyphs) -> String {
    let halves = cells * 2;
    let half = |place: f64| ((place.clamp(0.0, 1.0) * halves as f64).round() as usize).min(halves);
    let (mut start, mut end) = (half(origin.min(value)), half(origin.max(value)));
    if start == end {
        start = start.min(halves.saturating_sub(1));
        end = start + 1;
    }
    let filled = |half: usize| (start..end).contains(&half);
    let cell = |cell: usize| match (filled(2 * cell), filled(2 * cell + 1)) {
        (true, true) => glyphs.bar,
        (true, false) => glyphs.bar_left,
        (false, true) => glyphs.bar_right,
        (false, false) => ' ',
    };
    (0..cells).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_goes_from_its_origin_to_its_value() {
        let unicode = Glyphs::of(false);
        for (origin, value, shown) in [
            (0.0, 1.0, "━━━━"),
            (0.0, 0.6, "━━╸ "),
            (0.5, 0.9, "  ━╸"),
            (0.5, 0.1, "╺━  "),
            (0.5, 0.5, "  ╸ "),
            (1.0, 1.0, "   ╺"),
            (0.0, 9.0, "━━━━"),
        ] {
            assert_eq!(bar(origin, value, 4, unicode), shown, "{origin} {value}");
        }
        assert_eq!(bar(0.5, 1.0, 4, Glyphs::of(true)), "  ##");
        assert_eq!(bar(0.5, 1.0, 0, unicode), "");
    }
}
