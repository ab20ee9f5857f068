//! How the words of each category are spread: one histogram a category, all on one axis that the loaded models share.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::fit;
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
    let tallest = sparkline::tallest(shown.iter().map(|c| c.histogram.counts.as_slice()));
    let rows = shown.len().div_ceil(layout.columns);
    for column in 0..columns {
        let x = area.x + column as u16 * wide;
        let heading = axis(table, name, layout.bins, value, theme);
        frame.buffer_mut().set_line(x, area.y, &heading, wide);
        for (y, summary) in (1..).zip(shown.iter().skip(column * rows).take(rows)) {
            let line = category(table, summary, name, tallest, theme);
            frame.buffer_mut().set_line(x, area.y + y, &line, wide);
        }
    }
    let left_out = table.categories.len().saturating_sub(shown.len());
    if left_out > 0 && layout.lines > rows as u16 {
        let line = Line::styled(format!("  +{left_out} more categories"), theme.dim);
        frame.buffer_mut().set_line(area.x, area.y + layout.lines, &line, area.width);
    }
}

/// ` z  -2.9 ······▾····· +3.1        n  median rank`, the ends right above the ends of the histograms.
fn axis(table: &RankedTable, name: usize, bins: usize, value: Option<f64>, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let counts = format!("  {:>7}  {:>8}", "n", "med.rank");
    let Some(axis) = table.axis else {
        return Line::styled(format!("  {:name$} {:bins$}{counts}", "category", ""), theme.dim);
    };
    let (kind, decimals) = match axis.kind {
        AxisKind::Z => ("category, over z", 1),
        AxisKind::Reward => ("category, over reward", numbers::decimals(axis.low, axis.high).min(2)),
    };
    let low = numbers::signed(axis.low, decimals, glyphs);
    let high = numbers::signed(axis.high, decimals, glyphs);
    let between = bins.saturating_sub(low.len() + high.len() + 2);
    let mut cells: Vec<char> = format!("{low} {}{}{} {high}", "", glyphs.axis.to_string().repeat(between), "").chars().collect();
    let marker = value.map(|v| ((axis.position(v) * bins as f64) as usize).min(bins.saturating_sub(1)));
    let kind = fit(kind, name, glyphs.ellipsis);
    let mut spans = vec![Span::styled(format!("  {kind:name$} "), theme.dim)];
    match marker.and_then(|at| cells.get_mut(at).map(|cell| (at, cell))) {
        Some((at, cell)) => {
            *cell = glyphs.marker;
            spans.push(Span::styled(cells[..at].iter().collect::<String>(), theme.dim));
            spans.push(Span::styled(cells[at].to_string(), theme.selected));
            spans.push(Span::styled(cells[at + 1..].iter().collect::<String>(), theme.dim));
        }
        None => spans.push(Span::styled(cells.iter().collect::<String>(), theme.dim)),
    }
    spans.push(Span::styled(counts, theme.dim));
    Line::from(spans)
}

fn category(table: &RankedTable, summary: &CategorySummary, name: usize, tallest: f64, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let index = usize::from(summary.category);
    let style = theme.category(index);
    let label = table.universe.corpus.categories.get(index).map(String::as_str).unwrap_or_default();
    let label = visible(label);
    let label = fit(&label, name, glyphs.ellipsis);
    let pad = " ".repeat(name.saturating_sub(super::fit::width(&label)));
    let median = summary.median_rank.map_or(f64::NAN, |m| m);
    let chosen = table.key.filter.is_empty() || table.key.filter.contains(&summary.category);
    Line::from(vec![
        Span::styled(format!("  {label}{pad} "), if chosen { style } else { theme.dim }),
        Span::styled(sparkline::histogram(&summary.histogram.counts, tallest, glyphs), if chosen { style } else { theme.dim }),
        Span::styled(format!("  {:>7}", count(summary.n)), theme.dim),
        Span::styled(format!("  {:>8}", numbers::rank(median, glyphs)), theme.text),
    ])
}
