//! A stem from zero to a value, with a head.

use crate::ui::glyphs::Glyphs;

/// The column of a place, 0 at the left end of `cells` and 1 at the right.
pub fn column(place: f64, cells: usize) -> usize {
    (place.clamp(0.0, 1.0) * cells.saturating_sub(1) as f64).round() as usize
}

/// One line of `cells`, from the place of zero to that of a value.
pub fn lollipop(zero: f64, value: f64, cells: usize, glyphs: &Glyphs) -> Vec<char> {
    let mut line = vec![' '; cells];
    let (zero, head) = (column(zero, cells), column(value, cells));
    for cell in line.iter_mut().take(zero.max(head) + 1).skip(zero.min(head)) {
        *cell = glyphs.whisker;
    }
    if let Some(cell) = line.get_mut(zero) {
        *cell = glyphs.chance;
    }
    if let Some(cell) = line.get_mut(head) {
        *cell = glyphs.head;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_goes_from_zero_to_its_head() {
        let drawn = |value| String::from_iter(lollipop(0.5, value, 7, Glyphs::of(true)));
        assert_eq!([1.0, 0.15, 0.5, 9.0].map(drawn), ["   |--o", " o-|   ", "   o   ", "   |--o"]);
        assert_eq!(String::from_iter(lollipop(0.0, 1.0, 4, Glyphs::of(true))), "|--o");
        assert!(lollipop(0.5, 0.5, 0, Glyphs::of(true)).is_empty());
    }
}
