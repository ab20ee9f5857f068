//! The words of one model: histograms above, the ranked table below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::bar::bar;
use super::widgets::sparkline::{stretches, z_sign};
use super::widgets::table::{self, Column};
use super::{histograms, look, notice, numbers};
use crate::app::table::{Axis, AxisKind, Layout, RankedTable, WordSort};
use crate::app::{App, Model, layout, search};
use crate::corpus::Framing;
use crate::model::Unit;
use crate::text::{visible, visible_word};

pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let Some(table) = app.table() else { return };
    if table.universe.is_empty() {
        return notice(frame, area, empty(app), theme);
    }
    let sizes = layout::histograms(app.size, table.universe.corpus.categories.len());
    let mut rows = area;
    if sizes.lines > 0 {
        let under_cursor = table.rows.get(app.cursor.row()).map(|&i| axis_value(table, i as usize)).filter(|v| !v.is_nan());
        histograms::draw(frame, Rect { height: sizes.lines + 1, ..area }, sizes, table, under_cursor, theme);
        rows.y += sizes.lines + 1;
        rows.height = rows.height.saturating_sub(sizes.lines + 1);
    }
    draw_rows(frame, rows, app, table, theme);
}

fn empty(app: &App) -> &'static str {
    if app.models.is_empty() { "no model is open: m opens one" } else { "no words yet: c chooses a word list, w types words in" }
}

fn draw_rows(frame: &mut Frame, area: Rect, app: &App, table: &RankedTable, theme: &Theme) {
    let height = usize::from(area.height.saturating_sub(1));
    let offset = app.cursor.offset(table.rows.len(), height);
    let shown = table.rows.iter().skip(offset).map(|&i| i as usize);
    let cursor = app.cursor.row().checked_sub(offset).filter(|_| !table.rows.is_empty());
    table::draw(&columns(app, table, theme), shown, cursor, area, frame.buffer_mut(), &look(theme));
    if table.rows.is_empty() {
        notice(frame, area, "no word passes the filter: f changes it", theme);
    }
}

/// What bars and histograms show of a word.
pub fn axis_value(table: &RankedTable, word: usize) -> f64 {
    let side = &table.left;
    if table.key.axis == AxisKind::Z { side.z[word] } else { side.scores[word] }
}

fn columns<'a>(app: &'a App, table: &'a RankedTable, theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let glyphs = Glyphs::of(theme.ascii);
    let side = &table.left;
    let unit = table.key.model.and_then(|id| app.model(id)).map_or_else(Unit::default, Model::unit);
    let title = |sort: WordSort, name: &str| match table.key.layout {
        Layout::Words(by) if by == sort => {
            let descending = sort.descends() != table.key.reversed;
            format!("{name}{}", if descending { glyphs.descending } else { glyphs.ascending })
        }
        _ => name.to_owned(),
    };
    let decimals = side.range.map_or(2, |(low, high)| numbers::decimals(low, high));
    let number = |value: f64, decimals: usize, style: Style| {
        let style = if value.is_nan() { theme.dim } else { style };
        Line::styled(numbers::signed(value, decimals, glyphs), style)
    };
    let mut columns = vec![
        Column::new(title(WordSort::Rank, "rank"), 7, 8, move |&i: &usize, _| rank_cell(side.ranks[i], theme)).right(),
        Column::new(title(WordSort::Word, "word"), 17, 26, word_cell(table, theme)).gap(2),
        Column::new(title(WordSort::Category, "category"), 10, 18, category_cell(table, theme)).priority(3),
        Column::new(title(WordSort::Score, unit.title()), 7, 9, move |&i: &usize, _| {
            number(side.scores[i], decimals, theme.text)
        })
        .right(),
        Column::new(title(WordSort::Z, "z"), 6, 7, move |&i: &usize, _| number(side.z[i], 2, theme.dim)).right().priority(2),
        Column::new("", 8, 40, move |&i: &usize, cells| bar_cell(table.axis, axis_value(table, i), cells, theme.bar, theme))
            .gap(2)
            .priority(1),
    ];
    if table.prompts.len() > 1 {
        let counted = format!("{}/{} prompts", table.prompts.len(), app.prompts.len());
        columns.push(prompts_column(app, table, title(WordSort::Prompts, &counted), theme));
    }
    columns
}

pub fn rank_cell(rank: f64, theme: &Theme) -> Line<'static> {
    let style = if rank.is_nan() { theme.dim } else { theme.text };
    Line::styled(numbers::rank(rank, Glyphs::of(theme.ascii)), style)
}

/// The word with what the search found in it.
pub fn word_cell<'a>(table: &'a RankedTable, theme: &'a Theme) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    move |&i, cells| {
        let entry = &table.universe.corpus.words[i];
        // A token whose text is not its own shows its id.
        let id = table.universe.token(i).filter(|_| !entry.categories.is_empty()).map(|id| format!(" #{id}"));
        let id = id.unwrap_or_default();
        let word = visible_word(&entry.text, theme.ascii);
        let word = fit(&word, cells.saturating_sub(id.len()), Glyphs::of(theme.ascii).ellipsis);
        let query = visible_word(&table.key.search, theme.ascii);
        let mut line = match search::find(&word, &query) {
            None => Line::styled(word.into_owned(), theme.text),
            Some(found) => Line::from(vec![
                Span::styled(word[..found.start].to_owned(), theme.text),
                Span::styled(word[found.clone()].to_owned(), theme.search_match),
                Span::styled(word[found.end..].to_owned(), theme.text),
            ]),
        };
        if !id.is_empty() {
            line.push_span(Span::styled(id, theme.dim));
        }
        line
    }
}

pub fn category_cell<'a>(table: &'a RankedTable, theme: &'a Theme) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    move |&i, cells| {
        let corpus = &table.universe.corpus;
        let word = &corpus.words[i];
        let names: Vec<_> = corpus.categories_of(word).map(visible).collect();
        let style = word.categories.first().map_or(theme.dim, |&c| theme.category(usize::from(c)));
        Line::styled(fit(&names.join(", "), cells, Glyphs::of(theme.ascii).ellipsis).into_owned(), style)
    }
}

/// A word's place on the common axis.
pub fn bar_cell(axis: Option<Axis>, value: f64, cells: usize, style: Style, theme: &Theme) -> Line<'static> {
    match axis {
        Some(axis) if !value.is_nan() => {
            Line::styled(bar(axis.origin(), axis.position(value), cells, Glyphs::of(theme.ascii)), style)
        }
        _ => Line::default(),
    }
}

/// One sign a prompt of the session, or a stretch of prompts where there is less room; a gap where nothing is known yet,
/// negative framings dimmed.
fn prompts_column<'a>(app: &'a App, table: &'a RankedTable, title: String, theme: &'a Theme) -> Column<'a, usize> {
    let glyphs = Glyphs::of(theme.ascii);
    let known = |id| table.prompts.iter().find(|p| p.prompt == id);
    let places: Vec<_> = app.prompts.iter().map(|p| (known(p.id), p.prompt.framing == Some(Framing::Negative))).collect();
    let negative: Vec<Option<f64>> = places.iter().map(|(_, negative)| Some(f64::from(u8::from(*negative)))).collect();
    let wide = width(&title).max(places.len()) as u16;
    Column::new(title, 14, wide.max(14), move |&i: &usize, cells| {
        let id = table.universe.ids[i];
        let z: Vec<Option<f64>> = places.iter().map(|(known, _)| known.and_then(|p| p.z(id))).collect();
        let signs = stretches(&z, cells).into_iter().zip(stretches(&negative, cells));
        let span = |(z, negative): (Option<f64>, Option<f64>)| match z {
            Some(z) => {
                let style = if negative.is_some_and(|n| n > 0.5) { theme.spark.patch(theme.dim) } else { theme.spark };
                Span::styled(z_sign(z, glyphs).to_string(), style)
            }
            None => Span::raw(" "),
        };
        Line::from(signs.map(span).collect::<Vec<_>>())
    })
    .gap(2)
    .priority(4)
}
