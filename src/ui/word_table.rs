//! What the tables of words are drawn from: their rows, the titles of their columns and the cells that several of them have.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState};

use super::fit::{fit, fit_name, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::bar::bar;
use super::widgets::table::{self, Column};
use super::{category_styles, look, notice, numbers, shape};
use crate::app::action::Action;
use crate::app::table::{Axis, RankedTable, SideScores};
use crate::app::{App, search};
use crate::base::text::{visible, visible_word};

/// Draws the rows that are on the screen, or says that there are none.
pub fn draw(frame: &mut Frame, area: Rect, columns: &[Column<usize>], app: &App, table: &RankedTable, theme: &Theme) {
    let height = usize::from(area.height.saturating_sub(1));
    let offset = app.cursor.offset(table.rows.len(), height);
    let shown = table.rows.iter().skip(offset).map(|&i| i as usize);
    let cursor = app.cursor.row().checked_sub(offset).filter(|_| !table.rows.is_empty());
    table::draw(columns, shown, cursor, area, frame.buffer_mut(), &look(theme));
    scroll_bar(frame, area, offset, height, table.rows.len(), theme);
    if table.rows.is_empty() {
        let why = match table.key.search.is_empty() {
            true => format!("no word passes the filter: {} changes it", Action::Filter.key_text()),
            false => format!("no word meets the search: {} ends it", Action::Cancel.key_text()),
        };
        notice(frame, area, &why, theme);
    }
}

/// Which part of the rows is on the screen, at the right edge; nothing where all are.
fn scroll_bar(frame: &mut Frame, area: Rect, offset: usize, height: usize, rows: usize, theme: &Theme) {
    if rows <= height || height == 0 {
        return;
    }
    let mut state = ScrollbarState::new(rows - height + 1).position(offset).viewport_content_length(height);
    let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(None)
        .thumb_symbol(Glyphs::of(theme.ascii).thumb)
        .thumb_style(theme.border);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    frame.render_stateful_widget(bar, rows, &mut state);
}

/// The column of words: as wide as the longest of them where there is room.
pub fn word_column<'a>(title: String, table: &'a RankedTable, theme: &'a Theme) -> Column<'a, usize> {
    const LEAST: u16 = 17;
    let longest = table.longest.max(LEAST);
    Column::new(title, LEAST, longest, word_cell(table, theme)).gap(2).eager()
}

/// The style of a word: of its first category, or `plain` where it has none.
pub fn word_style(table: &RankedTable, word: usize, styles: &[Style], plain: Style) -> Style {
    let category = table.universe.categories(word).first();
    category.and_then(|&category| styles.get(usize::from(category))).copied().map_or(plain, shape)
}

/// The title of a column, with an arrow where rows are ordered by it: whether they descend.
pub fn title(name: &str, descends: Option<bool>, glyphs: &Glyphs) -> String {
    match descends {
        None => name.to_owned(),
        Some(true) => format!("{name}{}", glyphs.descending),
        Some(false) => format!("{name}{}", glyphs.ascending),
    }
}

/// Cells that the longest name of a category takes.
pub fn category_width(table: &RankedTable) -> u16 {
    table.universe.corpus.categories.iter().map(|name| width(&visible(name))).max().unwrap_or(0) as u16
}

/// The rank. That of an own word is in parentheses: the word takes no part in the ranking.
pub fn rank_cell<'a>(
    table: &'a RankedTable,
    side: &'a SideScores,
    theme: &'a Theme,
) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    move |&i, cells| {
        let rank = side.ranks[i];
        let style = if rank.is_nan() { theme.dim } else { theme.text };
        let text = numbers::rank(rank, Glyphs::of(theme.ascii));
        // Where there is no room for them, the number matters more: the category says what it is.
        let apart = table.universe.is_own(i) && !rank.is_nan() && width(&text) + 2 <= cells;
        Line::styled(if apart { format!("({text})") } else { text }, style)
    }
}

/// The word, with the text that the search found in another style.
pub fn word_cell<'a>(table: &'a RankedTable, theme: &'a Theme) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    move |&i, cells| {
        let universe = &table.universe;
        // A token whose text is not its own shows its id.
        let id = universe.token(i).filter(|_| !universe.categories(i).is_empty()).map(|id| format!(" #{id}"));
        let id = id.unwrap_or_default();
        let word = visible_word(universe.text(i), theme.ascii);
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

/// The categories of the word, in the colour of the first.
pub fn category_cell<'a>(table: &'a RankedTable, theme: &'a Theme) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    let styles = category_styles(&table.universe.corpus.categories, theme);
    move |&i, cells| {
        let universe = &table.universe;
        let ellipsis = Glyphs::of(theme.ascii).ellipsis;
        let names: Vec<_> = universe.category_names(i).into_iter().map(visible).collect();
        let style = match universe.categories(i).first() {
            Some(&category) => styles.get(usize::from(category)).copied().unwrap_or(theme.text),
            None if universe.is_own(i) => theme.title,
            None => theme.dim,
        };
        let shown = match &names[..] {
            [one] => fit_name(one, cells, ellipsis).into_owned(),
            several => fit(&several.join(", "), cells, ellipsis).into_owned(),
        };
        Line::styled(shown, style)
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
