//! The reward that is implicit in two language models: a stem a word, to the side of the model that likes it more.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::App;
use crate::app::action::Action;
use crate::app::table::{Axis, RankedTable, TableKind, WordSort};
use crate::base::terms::{Family, Measure};
use crate::base::text::visible;
use crate::ui::corner::Corner;
use crate::ui::fit::{fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::lollipop;
use crate::ui::widgets::table::{self, Column};
use crate::ui::word_table::{self, category_cell, category_width, rank_cell, word_cell};
use crate::ui::{notice, numbers, prompt};

/// The column of the stems, in [`columns`].
const STEMS: usize = 6;

/// The screen of an implicit reward.
pub struct ImplicitScreen;

impl Screen for ImplicitScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
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
        let places = table::column_spans(&columns, area.width);
        let (measure, _) = app.implicit_measure(table);
        let zero = places.get(STEMS).copied().flatten().map(|(x, wide)| {
            let zero = table.axis.map_or(0.5, |axis| stem_place(axis, 0.0, measure));
            x + lollipop::column(zero, usize::from(wide)) as u16
        });
        names_of_sides(frame, Rect { height: 1, ..area }, measure, zero, &sides, theme);

        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        word_table::draw(frame, rows, &columns, app, table, theme);
        if !table.rows.is_empty() && table.left.ranked == 0 {
            notice(frame, rows, "no word has a log-probability under both models yet", theme);
        }
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        prompt::draw(frame, area, app, theme);
    }

    fn corner<'a>(&self, _app: &'a App) -> Corner<'a> {
        Corner::default()
    }

    fn provenance<'a>(&self, app: &'a App) -> Provenance<'a> {
        Provenance::of_table(app)
    }
}

/// A model, and how its side of zero is drawn.
struct LabelledModel {
    name: String,
    family: Family,
    style: Style,
}

/// Families have their colours; two models of one family those of more and of less.
fn sides(app: &App, table: &RankedTable, theme: &Theme) -> [LabelledModel; 2] {
    let [a, b] = app.implicit_names(table);
    let styles = if a.1 == b.1 { [theme.rank_up, theme.rank_down] } else { [theme.family(a.1), theme.family(b.1)] };
    let [style_a, style_b] = styles;
    [(a, style_a), (b, style_b)].map(|((name, family), style)| LabelledModel { name, family, style })
}

/// `MWLR   ◇ G base likes more ┊ ◆ L instruct likes more`: each model on its side of zero where its name has room there, else
/// both at the right end.
fn names_of_sides(
    frame: &mut Frame,
    area: Rect,
    measure: Measure,
    zero: Option<u16>,
    [a, b]: &[LabelledModel; 2],
    theme: &Theme,
) {
    let glyphs = Glyphs::of(theme.ascii);
    let names = match measure {
        Measure::Mwlr => ["mixture-weighted log ratio, stems by roots", "MWLR, stems by roots", "MWLR"],
        Measure::LogRatio => ["log ratio, stems to the model that likes more", "log ratio", "log ratio"],
    };
    let label = |side: &LabelledModel, more: &str, cells: usize| {
        let name = visible(&side.name);
        let name = fit_name(&name, cells.saturating_sub(4 + width(more)), glyphs.ellipsis).into_owned();
        Span::styled(format!("{} {} {name}{more}", glyphs.family(side.family), side.family.letter()), side.style)
    };
    let sign = |at: &str| Span::styled(format!(" {} ", at), theme.dim);
    let wide = usize::from(area.width);
    let least = width(names[2]) + 4;
    let both = |more: &str, cells: usize| {
        let half = cells.saturating_sub(3) / 2;
        Line::from(vec![label(b, more, half), sign(&glyphs.chance.to_string()), label(a, more, half)])
    };
    // At zero in as many words as there is room for; else at the right end.
    let full = [" likes more", ""].map(|more| both(more, 2 * wide));
    let at_zero = |line: &Line| {
        let x = usize::from(zero?).checked_sub(line.spans[0].width() + 1)?;
        (x >= least && x + line.width() < wide).then_some(x)
    };
    let (x, line) = match full.iter().find_map(|line| Some((at_zero(line)?, line.clone()))) {
        Some(found) => found,
        None => {
            let fitting = full.into_iter().find(|line| line.width() + least < wide);
            let line = fitting.unwrap_or_else(|| both("", wide.saturating_sub(least + 1)));
            (wide.saturating_sub(line.width() + 1), line)
        }
    };
    frame.buffer_mut().set_line(area.x + x as u16, area.y, &line, area.width.saturating_sub(x as u16));
    let name = names.into_iter().find(|name| width(name) + 3 <= x).unwrap_or(names[2]);
    frame.buffer_mut().set_line(area.x + 2, area.y, &Line::styled(name, theme.title), (x as u16).saturating_sub(2));
}

/// The position of a value on the axis of stems. MWLR is drawn by its root: few words dominate it, and all others would be at
/// zero.
fn stem_place(axis: Axis, value: f64, measure: Measure) -> f64 {
    let root = |v: f64| v.abs().sqrt().copysign(v);
    match measure {
        Measure::Mwlr => Axis { low: root(axis.low), high: root(axis.high), ..axis }.position(root(value)),
        Measure::LogRatio => axis.position(value),
    }
}

fn columns<'a>(app: &App, table: &'a RankedTable, [a, b]: &[LabelledModel; 2], theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let glyphs = Glyphs::of(theme.ascii);
    let side = &table.left;
    let title = |sort: WordSort, name: &str| {
        let is_ordered = matches!(table.key.kind, TableKind::Implicit(_, by) if by == sort);
        word_table::title(name, is_ordered.then_some(sort.descends() != table.key.reversed), glyphs)
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
            Measure::Mwlr => numbers::score(value, numbers::Digits::Scientific, glyphs),
            Measure::LogRatio => numbers::signed(value, 3, glyphs),
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
    let log_title = |side: &LabelledModel| if wide > 0 { format!("log p {}", side.family.letter()) } else { String::new() };
    let names = category_width(table);
    let category =
        Column::new(title(WordSort::Category, "category"), names.clamp(10, 16), names.clamp(10, 24), category_cell(table, theme));
    vec![
        Column::new(title(WordSort::Rank, "rank"), 7, 8, rank_cell(table, side, theme)).right(),
        Column::new(title(WordSort::Word, "word"), 16, 24, word_cell(table, theme)).gap(2),
        category.priority(3).eager(),
        Column::new(log_title(a), wide, wide, log(0)).right().gap(u16::from(wide > 0)).priority(2),
        Column::new(log_title(b), wide, wide, log(1)).right().gap(u16::from(wide > 0)).priority(2),
        Column::new(heading, 9, 10, value).right(),
        Column::new("", 21, 101, stem).gap(2).priority(1),
    ]
}
