//! How the words of each category are spread: one histogram a category, all on one axis that the loaded models share.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::numbers;
use super::theme::Theme;
use super::widgets::sparkline;
use crate::app::layout::Histograms;
use crate::app::table::{AxisKind, CategorySummary, RankedTable};
use crate::text::{count, visible};

/// Cells beside a histogram: name, n, median rank and the space between.
const NAME: usize = 18;
const BESIDE: usize = 2 + 7 + 2 + 8;

/// Draws the axis and below it the categories; `value` is where the word under the cursor lies.
pub fn draw(frame: &mut Frame, area: Rect, layout: Histograms, table: &RankedTable, value: Option<f64>, theme: &Theme) {
    let columns = layout.columns.min(layout.shown.max(1));
    let wide = area.width / layout.columns as u16;
    let name = NAME.min(usize::from(wide).saturating_sub(layout.bins + BESIDE + 2));
    let shown = &table.categories[..layout.shown.min(table.categories.len())];
    let rows = shown.len().div_ceil(layout.columns);
    for column in 0..columns {
        let x = area.x + column as u16 * wide;
        let heading = axis(table, name, layout.bins, value, theme);
        frame.buffer_mut().set_line(x, area.y, &heading, wide);
        for (y, summary) in (1..).zip(shown.iter().skip(column * rows).take(rows)) {
            let line = category(table, summary, name, theme);
            frame.buffer_mut().set_line(x, area.y + y, &line, wide);
        }
    }
    let left_out = table.categories.len().saturating_sub(shown.len());
    if left_out > 0 && layout.lines > rows as u16 {
        let line = Line::styled(format!("  +{left_out} more categories"), theme.dim);
        frame.buffer_mut().set_line(area.x, area.y + layout.lines, &line, area.width);
    }
}

/// `category     z -2.9 ······▾····· +3.1       n  median`, the dots right above the bins of the histograms.
fn axis(table: &RankedTable, name: usize, bins: usize, value: Option<f64>, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(axis) = table.axis else {
        return Line::styled(format!("  {:name$} {:bins$}  {:>7}  {:>8}", "category", "", "n", "med.rank"), theme.dim);
    };
    let (kind, decimals) = match axis.kind {
        AxisKind::Z => ("z", 1),
        AxisKind::Reward => ("reward", numbers::decimals(axis.low, axis.high).min(2)),
    };
    let low = format!("{kind} {}", numbers::signed(axis.low, decimals, glyphs));
    let high = numbers::signed(axis.high, decimals, glyphs);
    let title = fit("category", name.saturating_sub(width(&low) + 1), glyphs.ellipsis);
    let dots = |n: usize| glyphs.axis.to_string().repeat(n);
    let mut spans = vec![Span::styled(format!("  {title}{low:>pad$} ", pad = name.saturating_sub(width(&title))), theme.dim)];
    match value.map(|v| ((axis.position(v) * bins as f64) as usize).min(bins.saturating_sub(1))) {
        Some(at) => spans.extend([
            Span::styled(dots(at), theme.dim),
            Span::styled(glyphs.marker.to_string(), theme.selected),
            Span::styled(dots(bins - at - 1), theme.dim),
        ]),
        None => spans.push(Span::styled(dots(bins), theme.dim)),
    }
    spans.push(Span::styled(format!(" {high:<6}{:>2}  {:>8}", "n", "med.rank"), theme.dim));
    Line::from(spans)
}

fn category(table: &RankedTable, summary: &CategorySummary, name: usize, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let index = usize::from(summary.category);
    let style = theme.category(index);
    let label = table.universe.corpus.categories.get(index).map(String::as_str).unwrap_or_default();
    let label = visible(label);
    let label = fit(&label, name, glyphs.ellipsis);
    let pad = " ".repeat(name.saturating_sub(width(&label)));
    let median = summary.median_rank.map_or(f64::NAN, |m| m);
    let chosen = table.key.filter.is_empty() || table.key.filter.contains(&summary.category);
    Line::from(vec![
        Span::styled(format!("  {label}{pad} "), if chosen { style } else { theme.dim }),
        Span::styled(sparkline::histogram(&summary.histogram.counts, glyphs), if chosen { style } else { theme.dim }),
        Span::styled(format!("  {:>7}", count(summary.n)), theme.dim),
        Span::styled(format!("  {:>8}", numbers::rank(median, glyphs)), theme.text),
    ])
}
