//! The words of one model: histograms above, the ranked table below.

mod histograms;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::table::{Axis, AxisKind, Layout, PromptColumn, RankedTable, Side, WordSort};
use crate::app::{App, Model, layout, search};
use crate::base::terms::{Framing, Unit};
use crate::base::text::{visible, visible_word, wrap};
use crate::ui::fit::{fit, fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::Digits;
use crate::ui::theme::Theme;
use crate::ui::widgets::bar::bar;
use crate::ui::widgets::sparkline::{shares, stretches, z_sign};
use crate::ui::widgets::table::{self, Column};
use crate::ui::{category_styles, look, notice, numbers, size_of};

pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    if let Some(why) = app.failure_in_place_of_words() {
        return failure(frame, area, why, theme);
    }
    let Some(table) = app.table() else { return };
    if table.universe.is_empty() {
        return notice(frame, area, empty(app), theme);
    }
    // The histograms were counted for the width that was known then.
    let sizes =
        layout::Histograms { bins: table.key.bins, ..layout::histograms(size_of(frame), table.universe.corpus.categories.len()) };
    let mut rows = area;
    if sizes.lines > 0 {
        let under_cursor = table.rows.get(app.cursor.row()).map(|&i| axis_value(table, i as usize)).filter(|v| !v.is_nan());
        histograms::draw(frame, Rect { height: sizes.lines + 1, ..area }, sizes, table, unit(app, table), under_cursor, theme);
        rows.y += sizes.lines + 1;
        rows.height = rows.height.saturating_sub(sizes.lines + 1);
    }
    draw_rows(frame, rows, app, table, theme);
}

/// What a model's scores are.
fn unit(app: &App, table: &RankedTable) -> Unit {
    table.key.model.and_then(|id| app.model(id)).map_or_else(Unit::default, Model::unit)
}

/// Why there are no words, and what can be done.
fn failure(frame: &mut Frame, area: Rect, why: &str, theme: &Theme) {
    let why = visible(why);
    let lines = wrap(&why, usize::from(area.width.saturating_sub(12)).max(1));
    let top = area.y + (area.height.saturating_sub(lines.len() as u16 + 2)) / 3;
    let mut y = top;
    for line in lines {
        frame.buffer_mut().set_line(area.x + 6, y, &Line::styled(line, theme.error), area.width.saturating_sub(6));
        y = (y + 1).min(area.bottom() - 1);
    }
    let key = |action: Action| Span::styled(action.key_text(), theme.key_hint);
    let does = |text: &'static str| Span::styled(text, theme.key_hint_text);
    let line = Line::from(vec![
        key(Action::Resume),
        does(" tries again   "),
        key(Action::CloseModel),
        does(" closes the model   "),
        key(Action::OpenModel),
        does(" opens another"),
    ]);
    let y = (y + 1).min(area.bottom() - 1);
    frame.buffer_mut().set_line(area.x + 6, y, &line, area.width.saturating_sub(6));
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
    let unit = unit(app, table);
    let title = |sort: WordSort, name: &str| match table.key.layout {
        Layout::Words(by) if by == sort => {
            let descending = sort.descends() != table.key.reversed;
            format!("{name}{}", if descending { glyphs.descending } else { glyphs.ascending })
        }
        _ => name.to_owned(),
    };
    let digits = side.range.map_or(Digits::Decimals(2), |(low, high)| numbers::digits(low, high));
    let least = if digits == Digits::Scientific { 9 } else { 7 };
    let number = |value: f64, digits: Digits, style: Style| {
        let style = if value.is_nan() { theme.dim } else { style };
        Line::styled(numbers::score(value, digits, glyphs), style)
    };
    // Names that need it have room before bars do: the sign and the length of a bar stand beside it as a number.
    let names = table.universe.corpus.categories.iter().map(|name| width(&visible(name))).max().unwrap_or(0) as u16;
    let bars = if names > 10 { 5 } else { 1 };
    let mut columns = vec![
        Column::new(title(WordSort::Rank, "rank"), 7, 8, rank_cell(table, side, theme)).right(),
        Column::new(title(WordSort::Word, "word"), 17, 26, word_cell(table, theme)).gap(2),
        Column::new(title(WordSort::Category, "category"), names.clamp(10, 16), names.clamp(10, 24), category_cell(table, theme))
            .priority(2)
            .eager(),
        Column::new(title(WordSort::Score, unit.title()), least, least.max(9), move |&i: &usize, _| {
            number(side.scores[i], digits, theme.text)
        })
        .right(),
        Column::new(title(WordSort::Z, "z"), 6, 7, move |&i: &usize, _| number(side.z[i], Digits::Decimals(2), theme.dim))
            .right()
            .priority(3),
        Column::new("", 8, 40, move |&i: &usize, cells| bar_cell(table.axis, axis_value(table, i), cells, theme.bar, theme))
            .gap(2)
            .priority(bars),
    ];
    if table.prompts.len() > 1 {
        let groups = prompt_groups(app, table);
        let counted = groups.iter().map(|group| group.count(glyphs)).collect::<Vec<_>>().join(" ");
        columns.push(prompts_column(table, groups, title(WordSort::Prompts, &counted), theme));
    }
    columns
}

/// The rank; of an own word in parentheses, for it is none of the ranked ones.
pub fn rank_cell<'a>(table: &'a RankedTable, side: &'a Side, theme: &'a Theme) -> impl Fn(&usize, usize) -> Line<'static> + 'a {
    move |&i, cells| {
        let rank = side.ranks[i];
        let style = if rank.is_nan() { theme.dim } else { theme.text };
        let text = numbers::rank(rank, Glyphs::of(theme.ascii));
        // Where there is no room for them, the number matters more: the category says what it is.
        let apart = table.universe.is_own(i) && !rank.is_nan() && width(&text) + 2 <= cells;
        Line::styled(if apart { format!("({text})") } else { text }, style)
    }
}

/// The word with what the search found in it.
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

/// The prompts of one framing, with what is known under each.
struct PromptGroup<'a> {
    framing: Option<Framing>,
    known: Vec<Option<&'a PromptColumn>>,
}

impl PromptGroup<'_> {
    /// `+27`, and where not all are known yet `+12/27`.
    fn count(&self, glyphs: &Glyphs) -> String {
        let sign = match self.framing {
            Some(Framing::Positive) => '+',
            Some(Framing::Negative) => glyphs.minus,
            None => '?',
        };
        let (known, all) = (self.known.iter().flatten().count(), self.known.len());
        if known == all { format!("{sign}{all}") } else { format!("{sign}{known}/{all}") }
    }
}

/// The prompts of the session by framing.
fn prompt_groups<'a>(app: &App, table: &'a RankedTable) -> Vec<PromptGroup<'a>> {
    let known = |id| table.prompts.iter().find(|p| p.prompt == id);
    let group = |framing| PromptGroup {
        framing,
        known: app.prompts.iter().filter(|p| p.prompt.framing == framing).map(|p| known(p.id)).collect(),
    };
    let groups = [Some(Framing::Positive), Some(Framing::Negative), None].map(group);
    groups.into_iter().filter(|group| !group.known.is_empty()).collect()
}

/// One sign a prompt, or a stretch of prompts where there is less room, with a gap between framings; nothing where nothing is
/// known yet.
fn prompts_column<'a>(
    table: &'a RankedTable,
    groups: Vec<PromptGroup<'a>>,
    title: String,
    theme: &'a Theme,
) -> Column<'a, usize> {
    let glyphs = Glyphs::of(theme.ascii);
    let sizes: Vec<usize> = groups.iter().map(|group| group.known.len()).collect();
    let all = sizes.iter().sum::<usize>() + sizes.len().saturating_sub(1);
    let wide = width(&title).max(all) as u16;
    Column::new(title, 14, wide.max(14), move |&i: &usize, cells| {
        let id = table.universe.ids[i];
        let mut spans = Vec::new();
        for (group, cells) in groups.iter().zip(shares(&sizes, cells)) {
            if !spans.is_empty() {
                spans.push(Span::raw(" "));
            }
            let z: Vec<Option<f64>> = group.known.iter().map(|known| known.and_then(|p| p.z(id))).collect();
            let signs: String = stretches(&z, cells).into_iter().map(|z| z.map_or(' ', |z| z_sign(z, glyphs))).collect();
            let negative = group.framing == Some(Framing::Negative);
            spans.push(Span::styled(signs, if negative { theme.spark.patch(theme.dim) } else { theme.spark }));
        }
        Line::from(spans)
    })
    .gap(2)
    .priority(4)
}
