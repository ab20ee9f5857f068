//! How the words of each category are spread: one histogram a category, all on one axis that the loaded models share.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::table::{Axis, AxisKind, CategorySummary, RankedTable};
use crate::app::views::words::{Histograms, NARROW};
use crate::base::terms::Unit;
use crate::base::text::{count, visible};
use crate::ui::fit::{fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;
use crate::ui::widgets::dumbbell::cell_of;
use crate::ui::widgets::mirror;
use crate::ui::{category_styles, numbers, shape};

/// Most cells of a name.
const NAME: usize = 18;

/// Widths beside a histogram.
#[derive(Clone, Copy)]
struct LabelWidths {
    name: usize,
    n: usize,
    median: usize,
    /// What the column of medians is called.
    title: &'static str,
    /// Before n and before the median.
    gap: usize,
}

impl LabelWidths {
    fn new(wide: usize, bins: usize) -> LabelWidths {
        let (n, median, title, gap) = if wide < NARROW { (4, 5, "med.", 1) } else { (7, 8, "med.rank", 2) };
        let beside = 2 + 1 + bins + gap + n + gap + median + 1;
        LabelWidths { name: NAME.min(wide.saturating_sub(beside)), n, median, title, gap }
    }
}

/// Draws the axis and below it the categories, those that the filter shows first; `value` is where the word under the cursor
/// is, with its text.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    layout: Histograms,
    table: &RankedTable,
    unit: Unit,
    value: Option<(f64, String)>,
    theme: &Theme,
) {
    let columns = layout.columns.min(layout.shown.max(1));
    let wide = area.width / layout.columns as u16;
    let beside = LabelWidths::new(usize::from(wide), layout.bins);
    let mut categories: Vec<&CategorySummary> = table.categories.iter().collect();
    if layout.shown < categories.len() {
        categories.sort_by_key(|summary| !table.key.filter.contains(&summary.category));
    }
    let left_out = categories.len().saturating_sub(layout.shown);
    categories.truncate(layout.shown);
    let rows = categories.len().div_ceil(layout.columns);
    // One scale for all: the same height is the same share of a category's words. A category of a few words, which may all be
    // in one bin, does not flatten the others: its highest bins are cut off.
    let most = categories.iter().map(|summary| summary.n).max().unwrap_or(0);
    let share = |summary: &&CategorySummary| {
        let fullest = summary.histogram.counts.iter().copied().max().unwrap_or(0);
        f64::from(fullest) / summary.n.max(1) as f64
    };
    let fullest = categories.iter().filter(|summary| summary.n * 10 >= most).map(share).fold(0.0, f64::max);
    let styles = category_styles(&table.universe.corpus.categories, theme);
    for column in 0..columns {
        let x = area.x + column as u16 * wide;
        let heading = axis(table, unit, beside, layout.bins, value.as_ref(), theme);
        frame.buffer_mut().set_line(x, area.y, &heading, wide);
        for (row, summary) in (0..).zip(categories.iter().skip(column * rows).take(rows)) {
            let lines = category(table, summary, beside, layout.height, fullest, &styles, theme);
            for (y, line) in (1 + row * layout.height..).zip(lines) {
                frame.buffer_mut().set_line(x, area.y + y, &line, wide);
            }
        }
    }
    if left_out > 0 && layout.lines > rows as u16 {
        let text = format!("  +{left_out} more categories: {} chooses which to show", Action::Filter.key_text());
        frame.buffer_mut().set_line(area.x, area.y + layout.lines, &Line::styled(text, theme.dim), area.width);
    }
}

/// `category     z −2.9 ···┊···▾ love ··· +3.1       n  median`, right above the bins of the histograms: zero and the word under
/// the cursor are marked.
fn axis(
    table: &RankedTable,
    unit: Unit,
    beside: LabelWidths,
    bins: usize,
    value: Option<&(f64, String)>,
    theme: &Theme,
) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let LabelWidths { name, n, median, title, gap } = beside;
    let pad = |text: &str, cells: usize| " ".repeat(cells.saturating_sub(width(text)));
    let Some(axis) = table.axis else {
        let gap = " ".repeat(gap);
        return Line::styled(format!("  {:name$} {:bins$}{gap}{:>n$}{gap}{title:>median$}", "category", "", "n"), theme.dim);
    };
    let (kind, digits) = match axis.kind {
        AxisKind::Z => ("z", numbers::Digits::Decimals(1)),
        AxisKind::Reward => (if unit == Unit::Reward { "reward" } else { unit.title() }, short(axis.low, axis.high)),
    };
    let low = numbers::score(axis.low, digits, glyphs);
    let named = format!("{kind} {low}");
    let low = if width(&named) <= name { named } else { low };
    let high = numbers::score(axis.high, digits, glyphs);
    // The whole heading or none: half a word says nothing.
    let heading = if width(&low) + 9 <= name { "category" } else { "" };
    let before = format!("  {heading}{}{low} ", pad(&format!("{heading}{low}"), name));
    let mut spans = vec![Span::styled(before, theme.dim)];
    spans.extend(scale(axis, bins, value, theme));
    // The high end is written into the column of n, before its title or in place of it.
    let (high, room) = (format!(" {high}"), gap + n);
    let high = if width(&high) < room { format!("{high}{}n", pad(&high, room - 1)) } else { high };
    let after = format!("{high}{}{}{title:>median$}", pad(&high, room), " ".repeat(gap));
    spans.push(Span::styled(after, theme.dim));
    Line::from(spans)
}

/// The axis itself, one cell a bin.
fn scale(axis: Axis, bins: usize, value: Option<&(f64, String)>, theme: &Theme) -> Vec<Span<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let bin = |value: f64| cell_of(axis.position(value), bins);
    let zero = (axis.low < 0.0 && axis.high > 0.0).then(|| bin(0.0));
    let line = |cells: std::ops::Range<usize>| {
        let sign = |cell| if Some(cell) == zero { glyphs.chance } else { glyphs.axis };
        Span::styled(cells.map(sign).collect::<String>(), theme.dim)
    };
    let Some((value, word)) = value else { return vec![line(0..bins)] };
    let at = bin(*value);
    let marker = Span::styled(glyphs.marker.to_string(), shape(theme.selected));
    // The word is written beside its mark, on the side that has room.
    let cells = width(word) + 2;
    let mut label = vec![Span::raw(" "), Span::styled(word.clone(), theme.selected), Span::raw(" ")];
    let mut spans = vec![];
    if at + 1 + cells <= bins {
        spans.extend([line(0..at), marker]);
        spans.append(&mut label);
        spans.push(line(at + 1 + cells..bins));
    } else if cells <= at {
        spans.push(line(0..at - cells));
        spans.append(&mut label);
        spans.extend([marker, line(at + 1..bins)]);
    } else {
        spans.extend([line(0..at), marker, line(at + 1..bins)]);
    }
    spans
}

/// Few digits, for the ends of an axis.
fn short(low: f64, high: f64) -> numbers::Digits {
    match numbers::digits(low, high) {
        numbers::Digits::Decimals(decimals) => numbers::Digits::Decimals(decimals.min(2)),
        scientific => scientific,
    }
}

/// The lines of a category: its histogram, and beside the last line of that its name and its numbers.
fn category(
    table: &RankedTable,
    summary: &CategorySummary,
    beside: LabelWidths,
    height: u16,
    fullest: f64,
    styles: &[Style],
    theme: &Theme,
) -> Vec<Line<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let LabelWidths { name, n, median, gap, .. } = beside;
    let index = usize::from(summary.category);
    let names = &table.universe.corpus.categories;
    let chosen = table.key.filter.is_empty() || table.key.filter.contains(&summary.category);
    let style = if chosen { styles.get(index).copied().unwrap_or(theme.text) } else { theme.dim };
    let label = visible(names.get(index).map(String::as_str).unwrap_or_default());
    let label = fit_name(&label, name, glyphs.ellipsis).into_owned();
    let pad = " ".repeat(name.saturating_sub(width(&label)) + 1);
    let rank = numbers::rank(summary.median_rank.map_or(f64::NAN, |rank| rank), glyphs);
    let gap = " ".repeat(gap);
    let full = fullest * summary.n as f64;
    let picture = mirror::half(&summary.histogram.counts, full, usize::from(height), false, shape(style), glyphs);
    let mut lines: Vec<Line> =
        picture.into_iter().map(|cells| Line::from_iter([Span::raw(" ".repeat(name + 3))].into_iter().chain(cells))).collect();
    if let Some(last) = lines.last_mut() {
        last.spans.splice(0..1, [Span::raw("  "), Span::styled(label, style), Span::raw(pad)]);
        last.push_span(Span::styled(format!("{gap}{:>n$}", count(summary.n)), theme.dim));
        last.push_span(Span::styled(format!("{gap}{rank:>median$}"), theme.text));
    }
    lines
}
