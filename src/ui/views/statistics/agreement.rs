//! How alike all models rank: a matrix with a row and a column a model, in the order of families, and beside or below it the
//! models on a map.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::action::Action;
use crate::app::views::statistics::{Statistics, layout};
use crate::base::terms::Family;
use crate::base::text::visible;
use crate::stats::agreement::{AgreementMeasure, ModelMap};
use crate::stats::results::ModelFamily;
use crate::ui::fit::{fit, fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;
use crate::ui::{notice, size_of};

/// Cells of the longest name, and of the shortest that says something.
const NAMES: (usize, usize) = (28, 12);
/// Cells of a value with its level, and of a level alone.
const VALUE: usize = 6;
const LEVEL: usize = 3;
/// The smallest map that shows something.
const MAP: (u16, u16) = (34, 9);

/// The page, with what it needs of the newest statistics.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let matrix = &shown.report.agreement_matrix;
    if matrix.models.len() < 2 {
        let open = Action::OpenModel.key_text();
        return notice(frame, area, &format!("two models are needed to agree: {open} opens another"), theme);
    }
    let glyphs = Glyphs::of(theme.ascii);
    let models = matrix.models.len();
    let longest = matrix.models.iter().map(|model| width(&visible(&model.model))).max().unwrap_or(0);
    let wide = usize::from(area.width);
    // Number, sign and name; then the cells, as levels alone where values have no room.
    let head = |names: usize| names + 6;
    let value = if head(NAMES.1) + models * VALUE <= wide { VALUE } else { LEVEL };
    let names = longest.min(NAMES.0).min(wide.saturating_sub(models * value + 6)).max(NAMES.1.min(longest));
    let rows = layout::matrix_rows(size_of(frame)).min(models);
    let cursor = app.views.statistics.cursor();
    let offset = cursor.offset(models, rows);
    let measure = app.views.statistics.measure;
    titles(frame, Rect { height: 1, ..area }, &matrix.models, head(names), value, measure, theme);
    for (line, at) in (offset..models).take(rows).enumerate() {
        let mut spans = vec![label(at, &matrix.models[at], names, theme)];
        spans.extend(matrix.of(measure)[at].iter().map(|of| cell(*of, value, glyphs, theme)));
        let place = Rect { y: area.y + 1 + line as u16, height: 1, ..area };
        let line = Line::from(spans);
        let line = if at == cursor.row(models) { line.patch_style(theme.cursor_row) } else { line };
        frame.buffer_mut().set_line(place.x, place.y, &line, place.width);
    }
    explain(frame, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, measure, theme);
    let Some(map) = &matrix.map else { return };
    let taken = (head(names) + models * value + 2) as u16;
    let beside =
        Rect { x: area.x + taken, width: area.width.saturating_sub(taken + 1), height: area.height.saturating_sub(1), ..area };
    let top = area.y + 2 + rows as u16;
    let below =
        Rect { x: area.x + 2, width: area.width.saturating_sub(3), y: top, height: area.bottom().saturating_sub(top + 1) };
    if let Some(place) = [beside, below].into_iter().find(|place| place.width >= MAP.0 && place.height >= MAP.1) {
        draw_map(frame, place, map, &matrix.models, theme);
    }
}

fn family(model: &ModelFamily) -> Family {
    Family::guess(&model.family)
}

/// ` 3 ◆ name`
fn label(at: usize, model: &ModelFamily, names: usize, theme: &Theme) -> Span<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let name = visible(&model.model);
    let name = fit_name(&name, names, glyphs.ellipsis);
    let space = " ".repeat(names.saturating_sub(width(&name)));
    Span::styled(format!("{:>3} {} {name}{space}", at + 1, glyphs.family(family(model))), theme.family(family(model)))
}

/// Which measure it is, and the numbers of the columns.
fn titles(
    frame: &mut Frame,
    area: Rect,
    models: &[ModelFamily],
    head: usize,
    value: usize,
    measure: AgreementMeasure,
    theme: &Theme,
) {
    let title = format!("  {}", measure.name());
    let mut spans = vec![Span::styled(format!("{title:<head$}"), theme.title)];
    let number = |(at, model): (usize, &ModelFamily)| Span::styled(format!("{:>value$}", at + 1), theme.family(family(model)));
    spans.extend(models.iter().enumerate().map(number));
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// `▅ .83`: how strong it is as a level, and the value; below zero in the style of what fell.
fn cell(value: Option<f64>, wide: usize, glyphs: &Glyphs, theme: &Theme) -> Span<'static> {
    let Some(value) = value else { return Span::styled(format!("{:>wide$}", glyphs.none), theme.dim) };
    let strength = (value.abs() * glyphs.levels.len() as f64).ceil() as usize;
    let level = glyphs.levels[strength.clamp(1, glyphs.levels.len()) - 1];
    let style: Style = if value < 0.0 { theme.rank_down } else { theme.spark };
    let sign = if value <= -0.005 { glyphs.minus } else { ' ' };
    if wide == LEVEL {
        return Span::styled(format!(" {sign}{level}"), style);
    }
    let text = format!("{:.2}", value.abs());
    let text = if text == "1.00" { "1  " } else { text.trim_start_matches('0') };
    Span::styled(format!(" {level}{sign}{text}"), style)
}

/// Each model's sign and number at its place, with as much of its name as there is room for. A cell is twice as high as wide.
fn draw_map(frame: &mut Frame, area: Rect, map: &ModelMap, models: &[ModelFamily], theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let [first, second] = map.shares.map(|share| format!("{:.0} %", share * 100.0));
    let plot = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let ends = |of: &dyn Fn(usize) -> f64| {
        (0..map.points.len()).map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (across, down) = (ends(&|at| map.points[at].x), ends(&|at| map.points[at].y));
    let span = |(low, high): (f64, f64)| (high - low).max(1e-6);
    // Room for a name to the right of the last point.
    let room = f64::from(plot.width.saturating_sub(18).max(8));
    let scale = (room / span(across)).min(2.0 * f64::from(plot.height - 1) / span(down));
    let mut taken: Vec<(u16, u16, u16)> = Vec::new();
    let mut hidden = 0;
    for point in &map.points {
        let Some(at) = models.iter().position(|model| model.model == point.model) else { continue };
        let x = plot.x + ((point.x - across.0) * scale).round() as u16;
        let wanted = plot.y + ((down.1 - point.y) * scale / 2.0).round() as u16;
        let sign = format!("{}{}", glyphs.family(family(&models[at])), at + 1);
        let least = width(&sign) as u16;
        // In a free line near its own; its name is cut where another begins.
        let is_free = |y: &u16| taken.iter().all(|&(line, from, to)| line != *y || to < x || x + least < from);
        let lines = [0, 1, -1, 2, -2].into_iter().filter_map(|by| wanted.checked_add_signed(by));
        let Some(y) = lines.filter(|y| (plot.y..plot.bottom()).contains(y)).find(is_free) else {
            hidden += 1;
            continue;
        };
        let next = taken.iter().filter(|(line, from, _)| *line == y && *from > x).map(|(_, from, _)| *from).min();
        let end = next.map_or(plot.right(), |from| from.saturating_sub(1));
        let name = visible(&point.model);
        let name = fit_name(&name, usize::from(end.saturating_sub(x + least + 1)).min(24), glyphs.ellipsis).into_owned();
        let text = if width(&name) > 2 { format!("{sign} {name}") } else { sign };
        let wide = (width(&text) as u16).min(plot.right().saturating_sub(x));
        taken.push((y, x, x + wide));
        frame.buffer_mut().set_line(x, y, &Line::styled(text, theme.family(family(&models[at]))), wide);
    }
    let hidden = if hidden > 0 { format!(", {hidden} behind others") } else { String::new() };
    let title = format!("map, near is alike{hidden} {} axes show {first}, {second}", glyphs.dot);
    let title = fit(&title, usize::from(area.width), glyphs.ellipsis).into_owned();
    frame.buffer_mut().set_line(area.x, area.y, &Line::styled(title, theme.title), area.width);
}

fn explain(frame: &mut Frame, area: Rect, measure: AgreementMeasure, theme: &Theme) {
    let what = match measure {
        AgreementMeasure::Spearman => "Spearman's rho, mean over prompts: 1 same order, 0 none, below 0 reversed",
        AgreementMeasure::Kendall => "Kendall's tau-b, mean over prompts: 1 same order, 0 none, below 0 reversed",
        AgreementMeasure::Rbo => "Rank-biased overlap, mean over prompts: it counts the top of the lists most",
    };
    let glyphs = Glyphs::of(theme.ascii);
    let text = fit(what, usize::from(area.width).saturating_sub(4), glyphs.ellipsis);
    frame.buffer_mut().set_line(area.x + 2, area.y, &Line::styled(text.into_owned(), theme.dim), area.width.saturating_sub(2));
}
