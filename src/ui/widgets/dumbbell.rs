//! Two values on one axis, joined by a line: which is the greater, and by how much.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::ui::glyphs::Glyphs;

/// One end of a dumbbell.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Its place, 0 at the left end of the axis and 1 at the right; none where there is no value.
    pub place: Option<f64>,
    /// What stands there.
    pub sign: char,
    /// The style of the sign.
    pub style: Style,
}

/// How the axis looks.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// The place of zero on the axis, where it has one.
    pub zero: Option<f64>,
    /// What an empty cell shows.
    pub empty: char,
    /// The style of the axis.
    pub style: Style,
    /// The style of the line between the ends.
    pub line: Style,
}

/// The cell of a place on an axis of so many cells.
pub fn cell_of(place: f64, cells: usize) -> usize {
    ((place.clamp(0.0, 1.0) * cells as f64) as usize).min(cells.saturating_sub(1))
}

/// Both ends and what is between them on an axis of `cells`, of which the first `drawn` are drawn. Where both are in one cell,
/// a sign of its own says so.
pub fn dumbbell(ends: [End; 2], ground: Ground, cells: usize, drawn: usize, glyphs: &Glyphs) -> Line<'static> {
    let at = ends.map(|end| Some(cell_of(end.place?, cells)));
    let between = match at {
        [Some(a), Some(b)] => a.min(b)..a.max(b),
        _ => 0..0,
    };
    let zero = ground.zero.map(|place| cell_of(place, cells));
    let sign = |cell: usize| match at.iter().position(|at| *at == Some(cell)) {
        Some(_) if at[0] == at[1] => (glyphs.both, ground.line),
        Some(end) => (ends[end].sign, ends[end].style),
        None if between.contains(&cell) => (glyphs.bar, ground.line),
        None if zero == Some(cell) => (glyphs.chance, ground.style),
        None => (ground.empty, ground.style),
    };
    let mut spans: Vec<(String, Style)> = Vec::new();
    for (sign, style) in (0..cells.min(drawn)).map(sign) {
        match spans.last_mut() {
            Some((text, last)) if *last == style => text.push(sign),
            _ => spans.push((sign.to_string(), style)),
        }
    }
    Line::from_iter(spans.into_iter().map(|(text, style)| Span::styled(text, style)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(places: [Option<f64>; 2], cells: usize) -> String {
        let [a, b] = places;
        let end = |place, sign| End { place, sign, style: Style::new() };
        let ground = Ground { zero: Some(0.5), empty: '·', style: Style::new(), line: Style::new() };
        let line = dumbbell([end(a, '◆'), end(b, '◇')], ground, cells, cells, Glyphs::of(false));
        line.spans.iter().map(|span| span.content.as_ref()).collect()
    }

    #[test]
    fn the_line_goes_from_one_value_to_the_other() {
        assert_eq!(drawn([Some(0.0), Some(0.99)], 8), "◆━━━━━━◇");
        assert_eq!(drawn([Some(0.9), Some(0.6)], 8), "····◇━━◆", "zero is under the second");
        assert_eq!(drawn([Some(0.1), Some(0.1)], 8), "◈···┊···");
        assert_eq!(drawn([None, Some(9.0)], 8), "····┊··◇");
        assert_eq!(drawn([None, None], 0), "");
    }
}
