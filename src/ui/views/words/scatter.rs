//! Scores beside ratings: a point a word, the line through them, and the numbers that say how closely they follow it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::canvas::{Canvas, Line as Segment, Points};

use crate::app::table::{RankedTable, Scatter};
use crate::base::text::{count, visible, visible_word};
use crate::stats::ratings::{FromLine, Relation};
use crate::ui::fit::{fit, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, Digits};
use crate::ui::theme::Theme;

/// Cells of the numbers beside the points.
const BESIDE: u16 = 36;
/// Cells of the numbers at the ends of the axis of scores.
const ENDS: u16 = 8;

/// Draws the points; `word` is the one under the cursor, by index.
pub fn draw(frame: &mut Frame, area: Rect, table: &RankedTable, scatter: &Scatter, word: Option<usize>, theme: &Theme) {
    let points = Rect { width: area.width.saturating_sub(BESIDE), ..area };
    let beside = Rect { x: points.right() + 1, width: BESIDE.saturating_sub(2), ..area };
    let lines = facts(scatter, usize::from(beside.width), theme);
    for (y, line) in (beside.y..beside.bottom()).zip(lines) {
        frame.buffer_mut().set_line(beside.x, y, &line, beside.width);
    }
    let Some([xs, ys]) = scatter.ranges(table) else {
        let text = "no two words have a score and a rating yet";
        frame.buffer_mut().set_line(area.x + 2, area.y, &Line::styled(text, theme.dim), points.width);
        return;
    };
    let plot =
        Rect { x: points.x + ENDS, width: points.width.saturating_sub(ENDS), height: area.height.saturating_sub(1), ..area };
    ends(frame, points, plot, [xs, ys], theme);
    let colour = |style: Style| style.fg.unwrap_or_default();
    let all: Vec<(f64, f64)> = scatter.points(table).map(|(_, point)| point).collect();
    let under_cursor = word.and_then(|word| scatter.points(table).find(|(at, _)| *at == word)).map(|(_, point)| point);
    let name = word.map(|word| visible_word(table.universe.text(word), theme.ascii).into_owned()).unwrap_or_default();
    let line = scatter.relation.slope.zip(scatter.relation.intercept);
    let marker = if theme.ascii { Marker::Custom('.') } else { Marker::Braille };
    let canvas = Canvas::default().marker(marker).x_bounds(wider(xs)).y_bounds(wider(ys)).paint(|context| {
        if let Some((slope, intercept)) = line {
            let at = |x: f64| intercept + slope * x;
            context.draw(&Segment::new(xs.0, at(xs.0), xs.1, at(xs.1), colour(theme.dim)));
            context.layer();
        }
        context.draw(&Points::new(&all, colour(theme.bar)));
        if let Some((x, y)) = under_cursor {
            context.layer();
            let sign = Span::styled(Glyphs::of(theme.ascii).head.to_string(), theme.selected);
            // On the side of the point on which there is room.
            let left = (x - xs.0) > (xs.1 - xs.0) / 2.0;
            let text = if left { format!("{name} ") } else { format!(" {name}") };
            let label = Span::styled(text, theme.selected);
            let spans = if left { vec![label, sign] } else { vec![sign, label] };
            let cell = (xs.1 - xs.0) / f64::from(plot.width.max(1));
            let back = if left { cell * (width(&name) + 1) as f64 } else { 0.0 };
            context.print((x - back).max(xs.0), y, Line::from(spans));
        }
    });
    frame.render_widget(canvas, plot);
}

/// Bounds of an axis; of equal values a little more than they are.
fn wider((low, high): (f64, f64)) -> [f64; 2] {
    if high > low { [low, high] } else { [low - 0.5, high + 0.5] }
}

/// The lowest and the highest score to the left of the points, and the lowest and the highest rating below them.
fn ends(frame: &mut Frame, area: Rect, plot: Rect, [xs, ys]: [(f64, f64); 2], theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let number = |value: f64, (low, high): (f64, f64)| numbers::score(value, numbers::digits(low, high), glyphs);
    let mut put = |x: u16, y: u16, text: String, cells: u16| {
        frame.buffer_mut().set_line(x, y, &Line::styled(text, theme.dim), cells);
    };
    let left = usize::from(ENDS.saturating_sub(1));
    for (y, value) in [(plot.y, ys.1), (plot.bottom().saturating_sub(1), ys.0)] {
        put(area.x, y, format!("{:>left$}", number(value, ys)), ENDS);
    }
    let (low, high) = (number(xs.0, xs), number(xs.1, xs));
    let x = plot.right().saturating_sub(width(&high) as u16);
    put(plot.x, plot.bottom(), low, plot.width);
    put(x, plot.bottom(), high, plot.width);
}

/// The numbers beside the points, the most important first.
fn facts(scatter: &Scatter, cells: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let Relation { column, n, spearman, kendall, slope, low, high, adjusted, farthest, .. } = &scatter.relation;
    let signed = |value: Option<f64>| value.map_or(glyphs.none.to_string(), |value| numbers::signed(value, 2, glyphs));
    let small = |value: Option<f64>| value.map_or(glyphs.none.to_string(), |value| numbers::score(value, digits(value), glyphs));
    let interval = |low: &Option<f64>, high: &Option<f64>| format!("[{}, {}]", small(*low), small(*high));
    let place = if scatter.columns > 1 { format!(" {} of {}", scatter.column + 1, scatter.columns) } else { String::new() };
    let words = |above: bool| {
        let of = farthest.iter().filter(|word| (word.residual > 0.0) == above);
        of.map(|FromLine { word, .. }| visible_word(word, theme.ascii).into_owned()).collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![
        (format!("beside {}{place}  n {}", visible(column), count(*n)), theme.title),
        (format!("Spearman {}  Kendall {}", signed(*spearman), signed(*kendall)), theme.text),
        (format!("slope {} {}", small(*slope), interval(low, high)), theme.text),
    ];
    if let Some(adjusted) = adjusted.first() {
        let (slope, interval) = (small(adjusted.slope), interval(&adjusted.low, &adjusted.high));
        lines.push((format!("given others {slope} {interval}"), theme.text));
    }
    lines.push((format!("above: {}", words(true)), theme.dim));
    lines.push((format!("below: {}", words(false)), theme.dim));
    let line = |(text, style): (String, Style)| Line::styled(fit(&text, cells, glyphs.ellipsis).into_owned(), style);
    lines.into_iter().map(line).collect()
}

/// Enough digits to tell a small slope from zero.
fn digits(value: f64) -> Digits {
    if value != 0.0 && value.abs() < 0.005 { Digits::Scientific } else { Digits::Decimals(2) }
}
