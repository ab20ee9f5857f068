//! How the words of each category are spread under both models: one histogram rises from the axis, the other hangs from it.
//! Where there are many categories, a line each with both medians.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Pair;
use crate::app::action::Action;
use crate::app::table::{Axis, AxisKind, CategorySummary, ComparedCategory};
use crate::app::views::compare::Distributions;
use crate::base::text::{count, visible};
use crate::stats::MedianDifference;
use crate::ui::fit::{fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;
use crate::ui::widgets::mirror;
use crate::ui::{category_styles, numbers, shape};

/// Cells of a number of words, where it has a column.
const N: usize = 6;
/// Cells of both medians, where they are on one line.
const MEDIANS: u16 = 14;

/// Draws the axis and below it the categories, those that the filter shows first; `values` are where the word under the cursor
/// is under each model.
pub fn draw(frame: &mut Frame, area: Rect, layout: Distributions, pair: &Pair, values: [f64; 2], theme: &Theme) {
    let table = pair.table;
    let mut shown: Vec<(&CategorySummary, &ComparedCategory)> = table.categories.iter().zip(&table.compared).collect();
    let left_out = shown.len().saturating_sub(layout.shown);
    if left_out > 0 {
        shown.sort_by_key(|(summary, _)| !table.key.filter.contains(&summary.category));
    }
    shown.truncate(layout.shown);
    let mut place = Place { frame, area, numbers: layout.left + layout.bins as u16 + 2 };
    heading(&mut place, layout, pair, values, theme);
    let styles = category_styles(&table.universe.corpus.categories, theme);
    for (at, (left, compared)) in (0..).zip(shown) {
        let sides = [left, &compared.right];
        let category = Category { sides, difference: compared.difference, styles: &styles, pair, theme };
        category.draw(&mut place, layout, 1 + at * layout.lines_of_category());
    }
    if layout.counts_rest {
        let text = format!("+{left_out} more categories: {} chooses which to show", Action::Filter.key_text());
        place.put(2, 1 + layout.shown as u16 * layout.lines_of_category(), Line::styled(text, theme.dim));
    }
}

/// Where lines are put.
struct Place<'a, 'b> {
    frame: &'a mut Frame<'b>,
    area: Rect,
    /// The first cell behind the pictures.
    numbers: u16,
}

impl Place<'_, '_> {
    fn put(&mut self, x: u16, y: u16, line: Line) {
        let (x, wide) = (x.min(self.area.width), self.area.width.saturating_sub(x));
        if y < self.area.height {
            self.frame.buffer_mut().set_line(self.area.x + x, self.area.y + y, &line, wide);
        }
    }
}

/// `z −2.9 ······◇···◆··· +3.1   higher by`: the word under the cursor, right above the bins.
fn heading(place: &mut Place, layout: Distributions, pair: &Pair, values: [f64; 2], theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let title = match (layout.half > 0, layout.wide) {
        (true, true) => "median rank, difference",
        (true, false) => "med.rank",
        (false, true) => "median ranks  difference",
        (false, false) => "difference",
    };
    place.put(place.numbers, 0, Line::styled(title, theme.dim));
    let Some(axis) = pair.table.axis else { return };
    let (low, high) = ends(axis, glyphs);
    let low = format!("{} {low} ", pair.measure());
    place.put(layout.left.saturating_sub(width(&low) as u16), 0, Line::styled(low, theme.dim));
    let room = layout.bins.saturating_sub(width(&high));
    let mut line = pair.dumbbell(values, ' ', layout.bins, theme);
    // The high end stands over the last bins, where no mark is in its way.
    let marks =
        values.into_iter().filter(|value| !value.is_nan()).map(|value| (axis.position(value) * layout.bins as f64) as usize);
    if marks.max().is_none_or(|last| last + 1 < room) {
        line = pair.dumbbell_within(values, ' ', layout.bins, room, theme);
        line.push_span(Span::styled(high, theme.dim));
    }
    place.put(layout.left, 0, line);
}

/// Both ends of an axis, in few digits.
fn ends(axis: Axis, glyphs: &Glyphs) -> (String, String) {
    let digits = match (axis.kind, numbers::digits(axis.low, axis.high)) {
        (AxisKind::Z, _) => numbers::Digits::Decimals(1),
        (AxisKind::Reward, numbers::Digits::Decimals(decimals)) => numbers::Digits::Decimals(decimals.min(2)),
        (AxisKind::Reward, scientific) => scientific,
    };
    (numbers::score(axis.low, digits, glyphs), numbers::score(axis.high, digits, glyphs))
}

/// One category under both models.
struct Category<'a> {
    sides: [&'a CategorySummary; 2],
    difference: Option<MedianDifference>,
    styles: &'a [Style],
    pair: &'a Pair<'a>,
    theme: &'a Theme,
}

impl Category<'_> {
    fn draw(&self, place: &mut Place, layout: Distributions, top: u16) {
        let dim = self.theme.dim;
        let glyphs = Glyphs::of(self.theme.ascii);
        let axis = top + layout.half;
        let n = count(self.sides[0].n);
        let medians = self.sides.map(|side| side.median.unwrap_or(f64::NAN));
        place.put(layout.left, axis, self.pair.dumbbell(medians, glyphs.axis, layout.bins, self.theme));
        let wide = usize::from(layout.left) - 3;
        if layout.half == 0 {
            let with_n = if layout.wide { N } else { 0 };
            place.put(2, axis, self.name(wide - with_n));
            if layout.wide {
                place.put(layout.left - 1 - N as u16, axis, Line::styled(format!("{n:>N$}"), dim));
                let line = Line::from_iter(self.median(0).into_iter().chain([Span::raw("  ")]).chain(self.median(1)));
                place.put(place.numbers, axis, line);
            }
            let x = place.numbers + if layout.wide { MEDIANS } else { 0 };
            return place.put(x, axis, self.lead(layout.wide));
        }
        place.put(2, axis - 1, self.name(wide));
        place.put(2, axis, Line::styled(format!("n {n}"), dim));
        let fullest = self.sides.iter().flat_map(|side| &side.histogram.counts).copied().max().unwrap_or(0);
        for (side, (first, hangs)) in [(top, false), (axis + 1, true)].into_iter().enumerate() {
            let counts = &self.sides[side].histogram.counts;
            let style = shape(self.pair.styles[side]);
            let lines = mirror::half(counts, f64::from(fullest), usize::from(layout.half), hangs, style, glyphs);
            for (y, line) in (first..).zip(lines) {
                place.put(layout.left, y, Line::from(line));
            }
            let beside_axis = if hangs { axis + 1 } else { axis - 1 };
            place.put(place.numbers, beside_axis, Line::from_iter(self.median(side)));
        }
        place.put(place.numbers, axis, self.lead(layout.wide));
    }

    fn name(&self, cells: usize) -> Line<'static> {
        let at = usize::from(self.sides[0].category);
        let (filter, names) = (&self.pair.table.key.filter, &self.pair.table.universe.corpus.categories);
        let chosen = filter.is_empty() || filter.contains(&self.sides[0].category);
        let style = if chosen { self.styles.get(at).copied().unwrap_or(self.theme.text) } else { self.theme.dim };
        let name = visible(names.get(at).map(String::as_str).unwrap_or_default());
        Line::styled(fit_name(&name, cells, Glyphs::of(self.theme.ascii).ellipsis).into_owned(), style)
    }

    /// `◆ 123`: the median rank under one of the models.
    fn median(&self, side: usize) -> [Span<'static>; 2] {
        let rank = numbers::rank(self.sides[side].median_rank.unwrap_or(f64::NAN), Glyphs::of(self.theme.ascii));
        [self.pair.sign(side), Span::styled(format!(" {rank}"), self.theme.text)]
    }

    /// `◆ +56 [41, 72]`: the model that ranks the category higher, by how many ranks, and the 95 % interval over words; dim where
    /// that has 0 in it.
    fn lead(&self, interval: bool) -> Line<'static> {
        let Some(found) = self.difference else { return Line::default() };
        let glyphs = Glyphs::of(self.theme.ascii);
        // A positive difference means that the left model's ranks are the smaller ones, so the higher places.
        let (leader, sign) = if found.difference < 0.0 { (1, -1.0) } else { (0, 1.0) };
        let style = if found.is_clear() { shape(self.pair.styles[leader]) } else { self.theme.dim };
        let lead = match found.difference {
            0.0 => format!("{} 0", glyphs.same),
            difference => format!("{} +{}", self.pair.signs[leader], numbers::rank(difference.abs(), glyphs)),
        };
        let mut spans = vec![Span::styled(lead, style)];
        if let (true, Some((low, high))) = (interval, found.interval) {
            let [low, high] = if sign < 0.0 { [-high, -low] } else { [low, high] };
            let end = |end: f64| numbers::score(end, numbers::Digits::Decimals(0), glyphs).trim_start_matches('+').to_owned();
            spans.push(Span::styled(format!(" [{}, {}]", end(low), end(high)), self.theme.dim));
        }
        Line::from(spans)
    }
}
