//! Two models side by side: one word a row, the difference of its ranks in the middle.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::action::Action;
use crate::app::table::{Axis, AxisKind, CompareSort, RankedTable, SideScores, TableKind};
use crate::app::{App, Model};
use crate::base::text::count;
use crate::ui::corner::Corner;
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::table::{self, Column};
use crate::ui::word_table::{self, bar_cell, category_cell, category_width, rank_cell, word_cell};
use crate::ui::{line_with_end, model_name, notice, numbers, prompt};

/// The screen of two models side by side.
pub struct CompareScreen;

impl Screen for CompareScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        let Some(table) = app.table() else { return };
        let model = |id: Option<_>| id.and_then(|id| app.model(id));
        let (Some(left), Some(right), Some(right_side)) = (model(table.key.model), model(table.key.other), &table.right) else {
            let open = Action::OpenModel.key_text();
            return notice(frame, area, &format!("two models are needed to compare: {open} opens another"), theme);
        };
        let columns = columns(table, right_side, left, right, theme);
        let places = table::column_spans(&columns, area.width);
        let heads = Rect { height: 1, ..area };
        agreement(frame, heads, table, theme);
        // Each model's name is above its bar and rank; without bars, on its side of the differences.
        let start = |column: usize| places[column].map_or(area.width, |(x, _)| x);
        let middle = start(4);
        let sides = match places[2] {
            Some((bar, _)) => [(left, bar, middle), (right, start(5), area.width)],
            None => [(left, AGREEMENT.min(middle), middle), (right, middle + 2, area.width)],
        };
        for (model, from, end) in sides {
            let wide = end.saturating_sub(from + 1);
            let name = model_name(model, usize::from(wide), theme);
            frame.buffer_mut().set_span(heads.x + from, heads.y, &name, wide);
        }
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        word_table::draw(frame, rows, &columns, app, table, theme);
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        prompt::draw(frame, area, app, theme);
    }

    fn corner<'a>(&self, app: &'a App) -> Corner<'a> {
        Corner::of_models(&app.focused().into_iter().chain(app.other()).collect::<Vec<_>>())
    }

    fn provenance<'a>(&self, app: &'a App) -> Provenance<'a> {
        Provenance::of_table(app)
    }
}

/// Cells that the agreement takes.
const AGREEMENT: u16 = 25;

/// How alike the two models rank, and over how many words.
fn agreement(frame: &mut Frame, area: Rect, table: &RankedTable, theme: &Theme) {
    let text = match table.agreement {
        Some((r, n)) => vec![
            Span::styled("  Spearman ", theme.dim),
            Span::styled(numbers::signed(r, 2, Glyphs::of(theme.ascii)), theme.title),
            Span::styled(format!("  n {}", count(n)), theme.dim),
        ],
        None => vec![Span::styled("  no common words yet", theme.dim)],
    };
    line_with_end(frame, area, Line::from(text), Line::default());
}

fn columns<'a>(table: &'a RankedTable, right: &'a SideScores, a: &Model, b: &Model, theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let glyphs = Glyphs::of(theme.ascii);
    let sorted = |sort: CompareSort, name: &str| {
        let is_ordered = table.key.kind == TableKind::Compare(sort);
        word_table::title(name, is_ordered.then_some(sort.descends() != table.key.reversed), glyphs)
    };
    // What one prefers comes first: said by its family's sign where that tells the two apart.
    let preferred = |side: &str, model: &Model| match a.family() == b.family() {
        true => side.to_owned(),
        false => format!("diff {}", glyphs.family(model.family())),
    };
    let by_difference = match table.key.kind {
        TableKind::Compare(CompareSort::LeftPreferred) => sorted(CompareSort::LeftPreferred, &preferred("left", a)),
        TableKind::Compare(CompareSort::RightPreferred) => sorted(CompareSort::RightPreferred, &preferred("right", b)),
        _ => sorted(CompareSort::Difference, "diff"),
    };
    let styles = if a.family() == b.family() {
        [theme.rank_up, theme.rank_down]
    } else {
        [theme.family(a.family()), theme.family(b.family())]
    };
    let bars = |side: &'a SideScores, axis: Option<Axis>, style: Style| {
        let values = if table.key.axis == AxisKind::Z { &side.z } else { &side.scores };
        move |&i: &usize, cells: usize| bar_cell(axis, values[i], cells, style, theme)
    };
    let names = category_width(table);
    vec![
        Column::new(sorted(CompareSort::Word, "word"), 17, 24, word_cell(table, theme)).gap(2),
        Column::new(
            sorted(CompareSort::Category, "category"),
            names.clamp(9, 11),
            names.clamp(9, 24),
            category_cell(table, theme),
        )
        .priority(1)
        .eager(),
        Column::new("", 8, 34, bars(&table.left, table.axis, theme.family(a.family()))).gap(2).priority(2),
        Column::new(sorted(CompareSort::LeftRank, "rank"), 6, 8, rank_cell(table, &table.left, theme)).right(),
        Column::new(by_difference, 9, 10, move |&i: &usize, _| difference_cell(table.differences[i], styles, theme)).right(),
        Column::new(sorted(CompareSort::RightRank, "rank"), 7, 9, rank_cell(table, right, theme)).right(),
        Column::new("", 8, 34, bars(right, table.right_axis, theme.family(b.family()))).gap(2).priority(2),
    ]
}

/// In the style of the model that prefers the word.
fn difference_cell(difference: f64, [left, right]: [Style; 2], theme: &Theme) -> Line<'static> {
    let style = match difference {
        d if d > 0.0 => left,
        d if d < 0.0 => right,
        _ => theme.rank_same,
    };
    Line::styled(numbers::difference(difference, Glyphs::of(theme.ascii)), style)
}
