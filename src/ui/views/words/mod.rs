//! The words of one model: histograms above, the ranked table below.

mod histograms;
mod scatter;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::action::Action;
use crate::app::table::{AxisKind, PromptColumn, RankedTable, TableKind, WordSort};
use crate::app::views::words::{Histograms, histogram_layout, scatter_lines};
use crate::app::{App, Model};
use crate::base::terms::{Framing, Unit};
use crate::base::text::{visible, wrap};
use crate::ui::corner::Corner;
use crate::ui::fit::width;
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::Digits;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::sparkline::{shares, stretches, z_sign};
use crate::ui::widgets::table::Column;
use crate::ui::word_table::{self, bar_cell, category_cell, category_width, rank_cell, word_cell};
use crate::ui::{no_model, notice, numbers, prompt, size_of};

/// The model whose numbers are shown: the table knows it; between a flip and its table that is not yet the one asked for.
fn shown_model(app: &App) -> Option<&Model> {
    app.table().and_then(|table| app.model(table.key.model?)).or(app.focused())
}

/// The screen of one model's words.
pub struct WordsScreen;

impl Screen for WordsScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        if let Some(why) = app.failure_in_place_of_words() {
            return failure(frame, area, why, theme);
        }
        let Some(table) = app.table() else { return };
        if table.universe.is_empty() {
            return notice(frame, area, &empty(app), theme);
        }
        // The histograms were counted for the width that was known then.
        let sizes =
            Histograms { bins: table.key.bins, ..histogram_layout(size_of(frame), table.universe.corpus.categories.len()) };
        let mut rows = area;
        if let Some(scatter) = &table.scatter {
            let height = scatter_lines(size_of(frame)).min(area.height);
            let word = table.rows.get(app.cursor.row()).map(|&i| i as usize);
            scatter::draw(frame, Rect { height, ..area }, table, scatter, word, theme);
            rows.y += height;
            rows.height = rows.height.saturating_sub(height);
        } else if sizes.lines > 0 {
            let under_cursor = table.rows.get(app.cursor.row()).map(|&i| axis_value(table, i as usize)).filter(|v| !v.is_nan());
            histograms::draw(
                frame,
                Rect { height: sizes.lines + 1, ..area },
                sizes,
                table,
                unit(app, table),
                under_cursor,
                theme,
            );
            rows.y += sizes.lines + 1;
            rows.height = rows.height.saturating_sub(sizes.lines + 1);
        }
        word_table::draw(frame, rows, &columns(app, table, theme), app, table, theme);
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        prompt::draw(frame, area, app, theme);
    }

    fn corner<'a>(&self, app: &'a App) -> Corner<'a> {
        shown_model(app).map_or_else(Corner::default, |model| Corner::of_model(app, model))
    }

    fn provenance<'a>(&self, app: &'a App) -> Provenance<'a> {
        Provenance::Models([shown_model(app), None])
    }
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

fn empty(app: &App) -> String {
    if app.models.is_empty() {
        return no_model();
    }
    format!("no words yet: {} chooses a word list, {} types words in", Action::Corpus.key_text(), Action::AddWords.key_text())
}

/// What bars and histograms show of a word.
fn axis_value(table: &RankedTable, word: usize) -> f64 {
    let side = &table.left;
    if table.key.axis == AxisKind::Z { side.z[word] } else { side.scores[word] }
}

fn columns<'a>(app: &'a App, table: &'a RankedTable, theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let glyphs = Glyphs::of(theme.ascii);
    let side = &table.left;
    let unit = unit(app, table);
    let title = |sort: WordSort, name: &str| {
        let is_ordered = table.key.kind == TableKind::Words(sort);
        word_table::title(name, is_ordered.then_some(sort.descends() != table.key.reversed), glyphs)
    };
    let digits = side.range.map_or(Digits::Decimals(2), |(low, high)| numbers::digits(low, high));
    let least = if digits == Digits::Scientific { 9 } else { 7 };
    let number = |value: f64, digits: Digits, style: Style| {
        let style = if value.is_nan() { theme.dim } else { style };
        Line::styled(numbers::score(value, digits, glyphs), style)
    };
    // Long names take the room of bars: a number beside each bar says the same.
    let names = category_width(table);
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
