//! Trainings over their checkpoints: for one set of data a chart a category with a line a training; every training's end;
//! and the words that moved.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget as _};

use super::Screen;
use crate::app::App;
use crate::app::action::Action;
use crate::app::views::ablation::{AblationPage, charts};
use crate::base::terms::Family;
use crate::base::text::{count, visible, visible_word};
use crate::stats::ablation::{Ablation, Final, Moved, Run, Training};
use crate::tables::long::rank_text;
use crate::ui::corner::Corner;
use crate::ui::fit::{fit, fit_name};
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::table::{self, Column};
use crate::ui::{line_with_end, look, notice};

/// What the numbers are.
const MEDIANS: [&str; 3] = [
    "Median rank of each category's words at each checkpoint; up is preferred; change: last less first.",
    "Median rank of a category's words at each checkpoint; change: last less first",
    "Median rank at each checkpoint; change: last less first",
];

/// The screen of trainings over their checkpoints.
pub struct AblationScreen;

impl Screen for AblationScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        pages(frame, Rect { height: 1, ..area }, app, theme);
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let Some(shown) = app.views.ablation.shown() else {
            let text = if app.views.ablation.is_open() {
                "reading".to_owned()
            } else {
                let open = Action::OpenModel.key_text();
                format!(
                    "no training is open: start with a file or folder that follows one, as in `rewardscope path/to/rank_results`, \
                     or open it by its path with {open}. Medians a checkpoint (model_id, Category, checkpoint, sum_value) and \
                     scores with a column a checkpoint (step-1000, …) are read"
                )
            };
            return notice(frame, below, &text, theme);
        };
        match app.views.ablation.page {
            AblationPage::Lines => lines(frame, below, app, theme),
            AblationPage::Last => last(frame, below, app, shown, theme),
            AblationPage::Words => words(frame, below, app, shown, theme),
        }
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        heading(frame, area, app, theme);
    }

    fn corner<'a>(&self, _app: &'a App) -> Corner<'a> {
        Corner::default()
    }

    fn provenance<'a>(&self, _app: &'a App) -> Provenance<'a> {
        Provenance::Definition(MEDIANS)
    }
}

fn pages(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let mut left = vec![Span::raw(" ")];
    for page in AblationPage::ALL {
        let style = if page == app.views.ablation.page { theme.tab_active } else { theme.tab_inactive };
        left.push(Span::styled(format!(" {} ", page.name()), style));
    }
    line_with_end(frame, area, Line::from(left), Line::default());
}

/// The second line of the screen: what has been read.
fn heading(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let Some(shown) = app.views.ablation.shown() else { return };
    let glyphs = Glyphs::of(theme.ascii);
    let plural = |n: usize, one: &str, many: &str| format!("{} {}", count(n), if n == 1 { one } else { many });
    let facts = [
        plural(shown.runs.len(), "training", "trainings"),
        plural(app.views.ablation.sets().len(), "set of data", "sets of data"),
        "median rank, 1 = preferred".to_owned(),
    ];
    let text = format!(" {}", facts.join(&format!(" {} ", glyphs.dot)));
    line_with_end(frame, area, Line::styled(text, theme.text), Line::default());
}

fn family_of(training: &Training) -> Family {
    training.family.as_deref().map_or(Family::Other, Family::guess)
}

fn name_span(training: &Training, cells: usize, theme: &Theme) -> Span<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let family = family_of(training);
    let name = visible(&training.model);
    let name = fit_name(&name, cells.saturating_sub(2), glyphs.ellipsis);
    Span::styled(format!("{} {name}", glyphs.family(family)), theme.family(family))
}

fn lines(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let sets = app.views.ablation.sets();
    let at = app.views.ablation.set.row(sets.len());
    let Some(set) = sets.get(at) else { return };
    let runs = app.views.ablation.runs();
    let data = set.data();
    let data = if data.is_empty() { "data not known".to_owned() } else { data };
    let place = format!("{} of {} sets of data ", at + 1, sets.len());
    let right = if sets.len() > 1 { Line::styled(place, theme.dim) } else { Line::default() };
    line_with_end(frame, Rect { height: 1, ..area }, Line::styled(format!("  {}", visible(&data)), theme.title), right);

    let mut categories: Vec<&str> = Vec::new();
    for series in runs.iter().flat_map(|run| &run.series) {
        if !categories.contains(&series.category.as_str()) {
            categories.push(&series.category);
        }
    }
    let below = charts((area.width, area.height), categories.len(), runs.len());
    let (columns, rows) = (below.columns.max(1), below.rows.max(1));
    let (wide, high) = (area.width / columns as u16, below.charts / rows as u16);
    let shown = categories.len().min(columns * rows);
    for (i, category) in categories.iter().take(shown).enumerate() {
        let (x, y) = (area.x + (i % columns) as u16 * wide, area.y + 1 + (i / columns) as u16 * high);
        chart(frame, Rect::new(x + 1, y, wide.saturating_sub(3), high), category, &runs, theme);
    }
    let y = area.y + 1 + below.charts;
    ends(frame, Rect { y, height: area.bottom().saturating_sub(y), ..area }, &runs, &categories[..shown], theme);
    if shown < categories.len() {
        let text = format!("+{} more categories: a larger terminal shows them ", categories.len() - shown);
        line_with_end(frame, Rect { y, height: 1, ..area }, Line::default(), Line::styled(text, theme.dim));
    }
}

/// One category, a line a training; rank 1 is at the top.
fn chart(frame: &mut Frame, area: Rect, category: &str, runs: &[&Run], theme: &Theme) {
    if area.height < 4 || area.width < 16 {
        return;
    }
    let glyphs = Glyphs::of(theme.ascii);
    let points: Vec<(Family, Vec<(f64, f64)>)> = runs
        .iter()
        .map(|run| {
            let series = run.series.iter().find(|series| series.category == category);
            let points = series.map_or(&[][..], |series| &series.points);
            let points = points.iter().map(|point| (point.checkpoint as f64, -point.median_rank)).collect();
            (family_of(&run.training), points)
        })
        .collect();
    // Every category of the set on one scale.
    let every = || runs.iter().flat_map(|run| &run.series).flat_map(|series| &series.points);
    let span = |values: &mut dyn Iterator<Item = f64>| {
        values.map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 1.0))
    };
    let (best, worst) = span(&mut every().map(|point| point.median_rank));
    let (first, last) = span(&mut every().map(|point| point.checkpoint as f64));
    let pad = ((worst - best) * 0.05).max(0.5);
    let (best, worst) = ((best - pad).max(1.0), worst + pad);
    let lines = if theme.ascii { Marker::Custom('.') } else { Marker::Braille };
    let mut datasets: Vec<Dataset> = Vec::new();
    for (family, points) in &points {
        let style = theme.family(*family);
        datasets.push(Dataset::default().marker(lines).graph_type(GraphType::Line).style(style).data(points));
        // Each checkpoint by the sign of the family: lines are told apart without colour.
        let checkpoints = Marker::Custom(glyphs.family(*family));
        datasets.push(Dataset::default().marker(checkpoints).graph_type(GraphType::Scatter).style(style).data(points));
    }
    let label = |text: String| Span::styled(text, theme.dim);
    let steps = if last > first {
        vec![label(count(first as usize)), label(count(((first + last) / 2.0) as usize)), label(count(last as usize))]
    } else {
        vec![label(String::new()), label(format!("step {}", count(first as usize))), label(String::new())]
    };
    // A single checkpoint is drawn in the middle.
    let steps_span = if last > first { [first, last] } else { [first - 1.0, first + 1.0] };
    let title = Rect { height: 1, ..area };
    let name = visible(category);
    let heading = Line::styled(fit(&name, usize::from(area.width), glyphs.ellipsis).into_owned(), theme.header);
    line_with_end(frame, title, heading, Line::default());
    let place = Rect { y: area.y + 1, height: area.height - 1, ..area };
    // A tick every few lines, the first at the bottom.
    let ticks = usize::from(place.height / 6).clamp(1, 5);
    let ranks = (0..=ticks).map(|at| label(format!("{:.0}", worst + (best - worst) * at as f64 / ticks as f64)));
    let chart = Chart::new(datasets)
        .style(theme.text)
        .x_axis(Axis::default().style(theme.dim).bounds(steps_span).labels(steps))
        .y_axis(Axis::default().style(theme.dim).bounds([-worst, -best]).labels(ranks.collect::<Vec<_>>()))
        .legend_position(None);
    chart.render(place, frame.buffer_mut());
    if theme.ascii {
        in_ascii(frame, place);
    }
}

/// The widget's lines in plain signs.
fn in_ascii(frame: &mut Frame, area: Rect) {
    for position in area.positions() {
        let cell = &mut frame.buffer_mut()[position];
        match cell.symbol() {
            "│" => cell.set_symbol("|"),
            "─" => cell.set_symbol("-"),
            symbol if !symbol.is_ascii() => cell.set_symbol("+"),
            _ => continue,
        };
    }
}

/// `◆ model   agency 598 → 617 +19.0   communion 869 → 832 −37.5`: which line is whose, and how it went.
fn ends(frame: &mut Frame, area: Rect, runs: &[&Run], categories: &[&str], theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let mut columns: Vec<Column<&Run>> =
        vec![Column::new("training", 20, 44, move |run: &&Run, cells| Line::from(name_span(&run.training, cells, theme))).gap(2)];
    for category in categories {
        let category = (*category).to_owned();
        let name = visible(&category).into_owned();
        let wide = if categories.len() > 2 { 16 } else { 24 };
        columns.push(
            Column::new(fit(&name, wide, glyphs.ellipsis).into_owned(), 16, wide as u16, move |run: &&Run, cells| {
                let series = run.series.iter().find(|series| series.category == category);
                let Some((series, first, last)) = series.and_then(|s| Some((s, s.points.first()?, s.last()?))) else {
                    return Line::styled(glyphs.none.to_string(), theme.dim);
                };
                let mut spans = vec![Span::styled(rank_text(last.median_rank), theme.text)];
                if series.points.len() > 1 {
                    let style = match series.change {
                        change if change < 0.0 => theme.rank_up,
                        change if change > 0.0 => theme.rank_down,
                        _ => theme.rank_same,
                    };
                    if cells >= 24 {
                        let first = format!("{} {} ", rank_text(first.median_rank), glyphs.to);
                        spans.insert(0, Span::styled(first, theme.dim));
                    }
                    let sign = if series.change < 0.0 { glyphs.minus } else { '+' };
                    spans.push(Span::styled(format!(" {sign}{:.1}", series.change.abs()), style));
                }
                Line::from(spans)
            })
            .right(),
        );
    }
    table::draw(&columns, runs.iter().copied(), None, area, frame.buffer_mut(), &look(theme));
}

/// Every training's last checkpoint, by data.
fn last(frame: &mut Frame, area: Rect, app: &App, shown: &Ablation, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let text = move |text: Option<String>, cells: usize| match text {
        Some(text) => Line::styled(fit(&visible(&text), cells, glyphs.ellipsis).into_owned(), theme.text),
        None => Line::styled(glyphs.none.to_string(), theme.dim),
    };
    let columns: Vec<Column<&Final>> = vec![
        Column::new("k pairs", 7, 8, move |end: &&Final, cells| {
            text(end.training.data_size_k.map(|size| size.to_string()), cells)
        })
        .gap(2)
        .right(),
        Column::new("source", 8, 14, move |end: &&Final, cells| text(end.training.data_source.clone(), cells)).gap(2),
        Column::new("method", 6, 8, move |end: &&Final, cells| text(end.training.method.clone(), cells)).priority(2),
        Column::new("category", 10, 20, move |end: &&Final, cells| text(Some(end.category.clone()), cells)),
        Column::new("step", 7, 9, move |end: &&Final, _| Line::styled(count(end.checkpoint as usize), theme.dim)).right(),
        Column::new("median", 7, 8, move |end: &&Final, _| Line::styled(rank_text(end.median_rank), theme.text)).right(),
        Column::new("training", 20, 60, move |end: &&Final, cells| Line::from(name_span(&end.training, cells, theme))).gap(2),
    ];
    list(frame, area, app, &columns, shown.r#final.iter(), theme);
}

/// Words with their rank at the first and at the last checkpoint, those of each training together.
fn words(frame: &mut Frame, area: Rect, app: &App, shown: &Ablation, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    if shown.runs.iter().all(|run| run.moved.is_empty()) {
        let text = "these files hold medians: which words moved is known from files of scores, with a column a checkpoint \
                    (step-1000, …) or a row for each word and checkpoint";
        return notice(frame, area, text, theme);
    }
    type MovedRow<'a> = (&'a Run, &'a Moved);
    let columns: Vec<Column<MovedRow>> = vec![
        Column::new("word", 17, 26, move |(_, moved): &MovedRow, cells| {
            let word = visible_word(&moved.word, theme.ascii);
            Line::styled(fit(&word, cells, glyphs.ellipsis).into_owned(), theme.text)
        })
        .gap(2),
        Column::new("category", 10, 20, move |(_, moved): &MovedRow, cells| {
            Line::styled(fit(&visible(&moved.categories.join(", ")), cells, glyphs.ellipsis).into_owned(), theme.dim)
        })
        .priority(1),
        Column::new("first", 7, 8, move |(_, moved): &MovedRow, _| Line::styled(rank_text(moved.first_rank), theme.dim)).right(),
        Column::new("last", 7, 8, move |(_, moved): &MovedRow, _| Line::styled(rank_text(moved.last_rank), theme.text)).right(),
        Column::new("change", 9, 10, move |(_, moved): &MovedRow, _| {
            let (sign, style) = match moved.change {
                change if change < 0.0 => (glyphs.minus, theme.rank_up),
                _ => ('+', theme.rank_down),
            };
            Line::styled(format!("{sign}{}", rank_text(moved.change.abs())), style)
        })
        .right(),
        Column::new("training", 16, 60, move |(run, _): &MovedRow, cells| Line::from(name_span(&run.training, cells, theme)))
            .gap(2),
    ];
    let rows = shown.runs.iter().flat_map(|run| run.moved.iter().map(move |moved| (run, moved)));
    list(frame, area, app, &columns, rows, theme);
}

fn list<Row>(frame: &mut Frame, area: Rect, app: &App, columns: &[Column<Row>], rows: impl Iterator<Item = Row>, theme: &Theme) {
    let lines = app.views.ablation.lines();
    let height = usize::from(area.height.saturating_sub(1));
    let offset = app.views.ablation.line.offset(lines, height);
    let cursor = app.views.ablation.line.row(lines).checked_sub(offset).filter(|_| lines > 0);
    table::draw(columns, rows.skip(offset), cursor, area, frame.buffer_mut(), &look(theme));
}
