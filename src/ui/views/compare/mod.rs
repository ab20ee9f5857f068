//! Two models side by side: where each leans, category by category, and below it the words, each with both values on one axis.

mod distributions;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::action::Action;
use crate::app::table::{AxisKind, CompareSort, RankedTable, SideScores, TableKind};
use crate::app::views::compare::{Distributions, distribution_layout};
use crate::app::{App, Model};
use crate::base::text::count;
use crate::ui::corner::Corner;
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::dumbbell::{End, Ground, dumbbell};
use crate::ui::widgets::table::Column;
use crate::ui::word_table::{self, category_cell, category_width, rank_cell, word_column};
use crate::ui::{line_with_end, model_name, notice, numbers, prompt, shape, size_of};

/// Both models of a comparison, and how each is drawn.
struct Pair<'a> {
    table: &'a RankedTable,
    models: [&'a Model; 2],
    signs: [char; 2],
    styles: [Style; 2],
}

impl<'a> Pair<'a> {
    /// Families have their signs and colours; two models of one family those of more and of less.
    fn new(table: &'a RankedTable, models: [&'a Model; 2], theme: &Theme) -> Pair<'a> {
        let glyphs = Glyphs::of(theme.ascii);
        let [a, b] = models.map(Model::family);
        let (signs, styles) = match a == b {
            true => ([glyphs.filled, glyphs.hollow], [theme.rank_up, theme.rank_down]),
            false => ([glyphs.family(a), glyphs.family(b)], [theme.family(a), theme.family(b)]),
        };
        Pair { table, models, signs, styles }
    }

    fn sign(&self, side: usize) -> Span<'static> {
        Span::styled(self.signs[side].to_string(), shape(self.styles[side]))
    }

    /// The name of a model behind its sign: that of its family says which family it is.
    fn name(&self, side: usize, cells: usize, theme: &Theme) -> Vec<Span<'static>> {
        let model = self.models[side];
        match self.models[0].family() == self.models[1].family() {
            false => vec![model_name(model, cells, theme)],
            true => vec![self.sign(side), Span::raw(" "), model_name(model, cells.saturating_sub(2), theme)],
        }
    }

    /// What the axis measures.
    fn measure(&self) -> &'static str {
        match self.table.axis.map_or(AxisKind::Z, |axis| axis.kind) {
            AxisKind::Z => "z",
            AxisKind::Reward => self.models[0].unit().title(),
        }
    }

    /// Both values of a word on the axis.
    fn values(&self, word: usize) -> [f64; 2] {
        let kind = self.table.axis.map_or(AxisKind::Z, |axis| axis.kind);
        let value = |side: &SideScores| side.value(kind, word);
        [value(&self.table.left), self.table.right.as_ref().map_or(f64::NAN, value)]
    }

    /// Two values on the axis, zero marked.
    fn dumbbell(&self, values: [f64; 2], empty: char, cells: usize, theme: &Theme) -> Line<'static> {
        self.dumbbell_within(values, empty, cells, cells, theme)
    }

    /// The same, its first `drawn` cells.
    fn dumbbell_within(&self, values: [f64; 2], empty: char, cells: usize, drawn: usize, theme: &Theme) -> Line<'static> {
        let Some(axis) = self.table.axis else { return Line::default() };
        let end = |side: usize| End {
            place: (!values[side].is_nan()).then(|| axis.position(values[side])),
            sign: self.signs[side],
            style: shape(self.styles[side]),
        };
        let zero = (axis.low < 0.0 && axis.high > 0.0).then(|| axis.position(0.0));
        let ground = Ground { zero, empty, style: theme.dim, line: theme.bar };
        dumbbell([end(0), end(1)], ground, cells, drawn, Glyphs::of(theme.ascii))
    }
}

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
        let pair = Pair::new(table, [left, right], theme);
        names(frame, Rect { height: 1, ..area }, &pair, theme);
        let categories = table.universe.corpus.categories.len();
        // The histograms were counted for the width that was known then.
        let layout = Distributions { bins: table.key.bins, ..distribution_layout(size_of(frame), categories) };
        let above = layout.lines_above_rows() - 1;
        if above > 1 {
            let under_cursor = table.rows.get(app.cursor.row()).map_or([f64::NAN; 2], |&i| pair.values(i as usize));
            let block = Rect { y: area.y + 1, height: above.min(area.height) - 1, ..area };
            distributions::draw(frame, block, layout, &pair, under_cursor, theme);
        }
        let rows = Rect { y: area.y + above, height: area.height.saturating_sub(above), ..area };
        word_table::draw(frame, rows, &columns(&pair, right_side, theme), app, table, theme);
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

/// Both models, and at the right end how alike they rank, over how many words.
fn names(frame: &mut Frame, area: Rect, pair: &Pair, theme: &Theme) {
    let agreement = match pair.table.agreement {
        Some((r, n)) => Line::from(vec![
            Span::styled("Spearman ", theme.dim),
            Span::styled(numbers::signed(r, 2, Glyphs::of(theme.ascii)), theme.title),
            Span::styled(format!("  n {} ", count(n)), theme.dim),
        ]),
        None => Line::styled("no common words yet ", theme.dim),
    };
    let half = usize::from(area.width).saturating_sub(agreement.width() + 6) / 2;
    let between = Span::styled("   ", theme.dim);
    let names = [Span::raw("  ")].into_iter().chain(pair.name(0, half, theme)).chain([between]).chain(pair.name(1, half, theme));
    line_with_end(frame, area, Line::from_iter(names), agreement);
}

fn columns<'a>(pair: &'a Pair, right: &'a SideScores, theme: &'a Theme) -> Vec<Column<'a, usize>> {
    let table = pair.table;
    let glyphs = Glyphs::of(theme.ascii);
    let sorted = |sort: CompareSort, name: &str| {
        let is_ordered = table.key.kind == TableKind::Compare(sort);
        word_table::title(name, is_ordered.then_some(sort.descends() != table.key.reversed), glyphs)
    };
    let rank = |sort: CompareSort, side: usize| sorted(sort, &format!("{} rank", pair.signs[side]));
    // What one prefers comes first: said by its sign.
    let by_difference = match table.key.kind {
        TableKind::Compare(CompareSort::LeftPreferred) => sorted(CompareSort::LeftPreferred, &format!("diff {}", pair.signs[0])),
        TableKind::Compare(CompareSort::RightPreferred) => {
            sorted(CompareSort::RightPreferred, &format!("diff {}", pair.signs[1]))
        }
        _ => sorted(CompareSort::Difference, "diff"),
    };
    let names = category_width(table);
    let styles = pair.styles;
    vec![
        word_column(sorted(CompareSort::Word, "word"), table, theme),
        Column::new(
            sorted(CompareSort::Category, "category"),
            names.clamp(9, 11),
            names.clamp(9, 24),
            category_cell(table, theme),
        )
        .priority(1)
        .eager(),
        Column::new(rank(CompareSort::LeftRank, 0), 7, 8, rank_cell(table, &table.left, theme)).right(),
        Column::new(rank(CompareSort::RightRank, 1), 7, 8, rank_cell(table, right, theme)).right(),
        Column::new(by_difference, 9, 10, move |&i: &usize, _| difference_cell(table.differences[i], styles, theme)).right(),
        Column::new(pair.measure(), 12, 72, move |&i: &usize, cells| pair.dumbbell(pair.values(i), ' ', cells, theme))
            .gap(2)
            .priority(2),
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
