//! A horizontal bar in eighths of a cell.

use crate::ui::glyphs::Glyphs;

/// A bar that fills a part of `cells`, between 0 and 1; something is always seen.
pub fn bar(part: f64, cells: usize, glyphs: &Glyphs) -> String {
    let Some(full) = glyphs.widths.last() else { return String::new() };
    let steps = glyphs.widths.len() as f64;
    let filled = ((part.clamp(0.0, 1.0) * cells as f64 * steps).round() / steps).max(1.0 / steps);
    let whole = filled.floor() as usize;
    let mut out: String = std::iter::repeat_n(*full, whole).collect();
    if filled > whole as f64 {
        out.push(glyphs.width(filled - whole as f64));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_in_eighths() {
        let unicode = Glyphs::of(false);
        for (part, shown) in [(0.0, "▏"), (0.5, "██"), (0.53125, "██▏"), (0.625, "██▌"), (1.0, "████"), (9.0, "████")] {
            assert_eq!(bar(part, 4, unicode), shown);
        }
        assert_eq!(bar(0.6, 5, Glyphs::of(true)), "###");
    }
}
