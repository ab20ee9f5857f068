//! Histograms some lines high: one rises from its axis, and under it another may hang.

use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use crate::ui::glyphs::Glyphs;

/// Eighths of a cell.
const EIGHTHS: usize = 8;

/// The lines of a histogram that rises, from its top to the axis, or that hangs, from the axis to its end. A bin of `full`
/// words takes all lines; one with few has an eighth of a cell at least.
pub fn half(counts: &[u32], full: f64, lines: usize, hangs: bool, style: Style, glyphs: &Glyphs) -> Vec<Vec<Span<'static>>> {
    let eighths = |count: u32| (f64::from(count) * (lines * EIGHTHS) as f64 / full.max(1e-9) - 1e-9).ceil().max(0.0) as usize;
    let line = |from_axis: usize| {
        let filled = |&count: &u32| eighths(count).saturating_sub(from_axis * EIGHTHS).min(EIGHTHS);
        counts.iter().map(|count| cell(filled(count), hangs, style, glyphs)).collect()
    };
    if hangs { (0..lines).map(line).collect() } else { (0..lines).rev().map(line).collect() }
}

/// A cell that is filled from below, or from above: fonts have no eighths for that, so those of the rest are reversed.
fn cell(filled: usize, hangs: bool, style: Style, glyphs: &Glyphs) -> Span<'static> {
    match filled {
        0 => Span::raw(" "),
        filled if hangs && filled < EIGHTHS && glyphs.eighths_reverse => {
            Span::styled(glyphs.eighths[EIGHTHS - filled - 1].to_string(), style.add_modifier(Modifier::REVERSED))
        }
        filled => Span::styled(glyphs.eighths[filled - 1].to_string(), style),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(counts: &[u32], lines: usize, hangs: bool) -> Vec<String> {
        let text = |span: &Span| match span.style.add_modifier.contains(Modifier::REVERSED) {
            true => format!("({})", span.content),
            false => span.content.to_string(),
        };
        let lines = half(counts, 4.0, lines, hangs, Style::new(), Glyphs::of(false));
        lines.iter().map(|line| line.iter().map(text).collect()).collect()
    }

    #[test]
    fn one_half_rises_and_the_other_hangs() {
        assert_eq!(drawn(&[0, 1, 2, 4], 1, false), [" ▂▄█"]);
        assert_eq!(drawn(&[0, 1, 2, 4], 1, true), [" (▆)(▄)█"]);
        assert_eq!(drawn(&[1, 3, 4], 2, false), [" ▄█", "▄██"]);
        assert_eq!(drawn(&[1, 3, 4], 2, true), ["(▄)██", " (▄)█"]);
    }

    #[test]
    fn few_words_are_seen_and_none_are_not() {
        let counts = [0, 1, 1000];
        let line = &half(&counts, 1000.0, 1, false, Style::new(), Glyphs::of(false))[0];
        assert_eq!(line.iter().map(|span| span.content.as_ref()).collect::<String>(), " ▁█");
        assert_eq!(half(&[0], 0.0, 1, true, Style::new(), Glyphs::of(true)).len(), 1);
    }
}
