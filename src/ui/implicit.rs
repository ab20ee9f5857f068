//! The reward that is implicit in two language models: a stem a word, to the side of the model that likes it more.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::lollipop;
use super::widgets::table::{self, Column};
use super::words::{category_cell, rank_cell, word_cell};
use super::{look, notice, numbers};
use crate::app::App;
use crate::app::action::Action;
use crate::app::table::{Axis, Layout, RankedTable, WordSort};
use crate::model::Family;
use crate::stats::implicit::Measure;
use crate::text::visible;

/// The column of the stems, in [`columns`].
const STEMS: usize = 6;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let table = app.table().filter(|table| table.key.model.is_some() && app.implicit_models().is_some());
    let Some(table) = table else {
        let open = Action::OpenModel.key_text();
        let text = format!(
            "an implicit reward is of two language models, such as an instruct model and its base: {open} opens one (a \
             …ForCausalLM checkpoint, a GGUF file, or both at once as mwlr:A,B)"
        );
        return notice(frame, area, &text, theme);
    };
    let sides = sides(app, table, theme);
    let columns = columns(app, table, &sides, theme);
    let places = table::places(&columns, area.width);
    if let Some((x, wide)) = places.get(STEMS).copied().flatten() {
        let zero = table.axis.map_or(0.5, |axis| stem_place(axis, 0.0, app.implicit_measure(table).0));
        let zero = lollipop::column(zero, usize::from(wide)) as u16;
        names(frame, Rect { x: area.x + x, y: area.y, width: wide, height: 1 }, zero, &sides, theme);
    }
    let (measure, _) = app.implicit_measure(table);
    let glyphs = Glyphs::of(theme.ascii);
    let before = places.get(STEMS).copied().flatten().map_or(area.width, |(x, _)| x.saturating_sub(1));
    let heading = match measure {
        Measure::Mwlr => format!("{measure}, stems by roots"),
        Measure::LogRatio => measure.to_string(),
    };
    let heading = fit(&heading, usize::from(before).saturating_sub(2), glyphs.ellipsis).into_owned();
    frame.buffer_mut().set_line(area.x + 2, area.y, &Line::styled(heading, theme.title), before.saturating_sub(2));

    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let height = usize::from(rows.height.saturating_sub(1));
    let offset = app.cursor.offset(table.rows.len(), height);
    let shown = table.rows.iter().skip(offset).map(|&i| i as usize);
    let cursor = app.cursor.row().checked_sub(offset).filter(|_| !table.rows.is_empty());
    table::draw(&columns, shown, cursor, rows, frame.buffer_mut(), &look(theme));
    if table.rows.is_empty() {
        notice(frame, rows, "no word passes the filter: f changes it", theme);
    } else if table.left.ranked == 0 {
        notice(frame, rows, "no word has a log-probability under both models yet", theme);
    }
}

/// A model, and how its side is drawn.
struct Side {
    name: String,
    family: Family,
    style: Style,
}

/// Families have their colours; two models of one family those of more and of less.
fn sides(app: &App, table: &RankedTable, theme: &Theme) -> [Side; 2] {
    let [a, b] = app.implicit_names(table);
    let styles = if a.1 == b.1 { [theme.rank_up, theme.rank_down] } else { [theme.family(a.1), theme.family(b.1)] };
    let [style_a, style_b] = styles;
    [(a, style_a), (b, style_b)].map(|((name, family), style)| Side { name, family, style })
}

/// `◇ G base likes more ┊ ◆ L instruct likes more`, each on its side of zero.
fn names(frame: &mut Frame, area: Rect, zero: u16, [a, b]: &[Side; 2], theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let text = |side: &Side, cells: u16| {
        let name = visible(&side.name);
        let name = fit(&name, usize::from(cells).saturating_sub(4), glyphs.ellipsis);
        let label = format!("{} {} {name}", glyphs.family(side.family), side.family.letter());
        let more = format!("{label} likes more");
        Line::styled(if width(&more) <= usize::from(cells) { more } else { label }, side.style)
    };
    let left = text(b, zero.saturating_sub(1));
    let wide = (left.width() as u16).min(zero);
    frame.buffer_mut().set_line(area.x + zero.saturating_sub(wide + 1), area.y, &left, wide);
    frame.buffer_mut().set_line(area.x + zero, area.y, &Line::styled(glyphs.chance.to_string(), theme.dim), 1);
    let room = area.width.saturating_sub(zero + 2);
    frame.buffer_mut().set_line(area.x + zero + 2, area.y, &text(a, room), room);
}

/// Where a value lies on the axis of stems. Of MWLR, which few words dominate, roots are drawn: the others would all lie at
/// zero.
fn stem_place(axis: Axis, value: f64, measure: Measure) -> f64 {
    let root = |v: f64| v.abs().sqrt().copysign(v);
    match measure {
        Measure::Mwlr => Axis { low: root(axis.low), high: root(axis.high), ..axis }.position(root(value)),
        Measure::LogRatio => axis.position(value),
    }
}

fn columns<'a>(app: &App, table: &'a RankedTable, [a, b]: &[Side; 2], theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let glyphs = Glyphs::of(theme.ascii);
    let side = &table.left;
    let title = |sort: WordSort, name: &str| match table.key.layout {
        Layout::Implicit(_, by) if by == sort => {
            let descending = sort.descends() != table.key.reversed;
            format!("{name}{}", if descending { glyphs.descending } else { glyphs.ascending })
        }
        _ => name.to_owned(),
    };
    let log = |at: usize| {
        move |&i: &usize, _: usize| {
            let value = table.log_probabilities.as_ref().map_or(f64::NAN, |logs| logs[at][i]);
            Line::styled(numbers::signed(value, 2, glyphs), theme.dim)
        }
    };
    let (measure, _) = app.implicit_measure(table);
    let value = move |&i: &usize, _: usize| {
        let value = side.scores[i];
        let text = match measure {
            Measure::Mwlr if !value.is_nan() => format!("{value:+.1e}"),
            _ => numbers::signed(value, 3, glyphs),
        };
        Line::styled(text, if value.is_nan() { theme.dim } else { theme.text })
    };
    let (above, below) = (a.style, b.style);
    let stem = move |&i: &usize, cells: usize| {
        let (value, Some(axis)) = (side.scores[i], table.axis) else { return Line::default() };
        if value.is_nan() {
            return Line::default();
        }
        let style = if value >= 0.0 { above } else { below };
        let [zero, place] = [0.0, value].map(|value| stem_place(axis, value, measure));
        let sign = |c: char| Span::styled(c.to_string(), if c == glyphs.chance { theme.dim } else { style });
        Line::from(lollipop::lollipop(zero, place, cells, glyphs).into_iter().map(sign).collect::<Vec<_>>())
    };
    let heading = match measure {
        Measure::Mwlr => "MWLR",
        Measure::LogRatio => "log ratio",
    };
    // Without both models' own numbers there is nothing to put into their columns.
    let wide = if table.log_probabilities.is_some() { 8 } else { 0 };
    let log_title = |side: &Side| if wide > 0 { format!("log p {}", side.family.letter()) } else { String::new() };
    vec![
        Column::new(title(WordSort::Rank, "rank"), 7, 8, move |&i: &usize, _| rank_cell(side.ranks[i], theme)).right(),
        Column::new(title(WordSort::Word, "word"), 16, 24, word_cell(table, theme)).gap(2),
        Column::new(title(WordSort::Category, "category"), 10, 18, category_cell(table, theme)).priority(3),
        Column::new(log_title(a), wide, wide, log(0)).right().gap(u16::from(wide > 0)).priority(2),
        Column::new(log_title(b), wide, wide, log(1)).right().gap(u16::from(wide > 0)).priority(2),
        Column::new(heading, 9, 10, value).right(),
        Column::new("", 21, 101, stem).gap(2).priority(1),
    ]
}
