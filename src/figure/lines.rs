//! Lines over checkpoints: how the median rank of each category moves while a reward model is trained.

use crate::stats::ablation::{self, Ablation, Run};

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, Look, fitted, line_height, number, ticks, wrapped};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the legend calls it, and what decides its look: the same label looks the same in every panel.
    pub label: String,
    /// Checkpoint and median rank, by checkpoint.
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LinePanel {
    pub title: String,
    pub series: Vec<Series>,
}

/// What the figure shows.
#[derive(Clone, Debug, Default)]
pub struct LinesFigure {
    pub title: String,
    pub panels: Vec<LinePanel>,
    pub caption: String,
    /// The rank that chance gives, where the number of words is known.
    pub chance: Option<f64>,
}

impl LinesFigure {
    /// A panel for each training, a line for each category.
    pub fn of(found: &Ablation) -> LinesFigure {
        let line = |series: &ablation::Series| Series {
            label: series.category.clone(),
            points: series.points.iter().map(|point| (point.checkpoint as f64, point.median_rank)).collect(),
        };
        let panel = |run: &Run| {
            let (model, data) = (run.training.model.clone(), run.training.data());
            let title = if data.is_empty() { model } else { format!("{model}, {data}") };
            LinePanel { title, series: run.series.iter().map(line).collect() }
        };
        LinesFigure {
            title: "Median rank over training".to_owned(),
            panels: found.runs.iter().map(panel).collect(),
            caption: "Median rank of each category's words at each checkpoint; 1 is the best.".to_owned(),
            chance: None,
        }
    }
}

const MARGIN: f64 = 24.0;
const AXIS: f64 = 58.0;
const PANEL: (f64, f64) = (300.0, 220.0);
const GAP: f64 = 26.0;
const COLUMNS: usize = 3;
const SMALL: u32 = 11;

pub fn lines(figure: &LinesFigure) -> Figure {
    let columns = figure.panels.len().clamp(1, COLUMNS);
    let rows = figure.panels.len().div_ceil(columns).max(1);
    let width = (MARGIN * 2.0 + AXIS + columns as f64 * PANEL.0 + (columns - 1) as f64 * GAP).max(560.0);
    let text_width = width - 2.0 * MARGIN;
    let mut labels: Vec<&str> = Vec::new();
    for series in figure.panels.iter().flat_map(|panel| &panel.series) {
        if !labels.contains(&series.label.as_str()) {
            labels.push(&series.label);
        }
    }
    let looks: Vec<Look> = looks(&labels);
    // The legend flows over as many lines as it needs.
    let item = |label: &str| 36.0 + super::canvas::text_width(label, 12) + 18.0;
    let mut places = Vec::new();
    let (mut x, mut line) = (0.0, 0);
    for label in &labels {
        if x > 0.0 && x + item(label) > text_width {
            (x, line) = (0.0, line + 1);
        }
        places.push((MARGIN + x, 62.0 + f64::from(line) * 18.0));
        x += item(label);
    }
    let top = 62.0 + f64::from(line) * 18.0 + 22.0;
    let row_height = 26.0 + PANEL.1 + 44.0;
    let caption = wrapped(&figure.caption, text_width, SMALL);
    let height = top + rows as f64 * row_height + caption.len() as f64 * line_height(SMALL) + MARGIN + 8.0;
    let mut canvas = Canvas::new(width, height, &figure.title);
    canvas.text(MARGIN, 34.0, &fitted(&figure.title, text_width, 16), Font::new(16).bold());
    for (((x, y), label), look) in places.iter().zip(&labels).zip(&looks) {
        canvas.dashed((*x, y - 4.0), (x + 26.0, y - 4.0), look.colour, 2.0, look.dash);
        canvas.marker((x + 13.0, y - 4.0), 3.6, *look);
        canvas.text(x + 34.0, *y, label, Font::new(12));
    }
    let points = || figure.panels.iter().flat_map(|p| &p.series).flat_map(|s| s.points.iter().copied()).filter(finite);
    let chance = figure.chance.into_iter().map(|rank| (f64::NAN, rank));
    let (low, high) = ends(points().chain(chance).map(|(_, rank)| rank));
    let pad = ((high - low) * 0.05).max(0.5);
    let (low, high) = ((low - pad).max(1.0), high + pad);
    for (i, panel) in figure.panels.iter().enumerate() {
        let x = MARGIN + AXIS + (i % columns) as f64 * (PANEL.0 + GAP);
        let y = top + (i / columns) as f64 * row_height;
        draw_panel(&mut canvas, (x, y), panel, (low, high), i % columns == 0, figure.chance, |label| {
            looks[labels.iter().position(|known| *known == label).unwrap_or(0)]
        });
    }
    let mut y = top + rows as f64 * row_height + f64::from(SMALL);
    for text in caption {
        canvas.text(MARGIN, y, &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

/// Families look as they do everywhere; further lines of a family take other looks.
fn looks(labels: &[&str]) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let mut next = 2;
    for (at, label) in labels.iter().enumerate() {
        let mut look = Look::of_family(label, at);
        if looks.contains(&look) || crate::model::Family::guess(label) == crate::model::Family::Other {
            look = Look::nth(next);
            next = if next == 6 { 2 } else { next + 1 };
        }
        looks.push(look);
    }
    looks
}

fn draw_panel(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    panel: &LinePanel,
    (low, high): (f64, f64),
    with_axis: bool,
    chance: Option<f64>,
    look: impl Fn(&str) -> Look,
) {
    let (wide, high_pixels) = PANEL;
    let top = y + 26.0;
    canvas.text(x, y + 14.0, &fitted(&panel.title, wide, 13), Font::new(13).bold());
    let points = panel.series.iter().flat_map(|s| s.points.iter().copied()).filter(finite);
    let (first, last) = ends(points.map(|(step, _)| step));
    // Rank 1 is at the top.
    let at_y = |rank: f64| top + if high > low { (rank - low) / (high - low) } else { 0.5 } * high_pixels;
    let at_x = |step: f64| x + 8.0 + if last > first { (step - first) / (last - first) } else { 0.5 } * (wide - 16.0);
    for tick in ticks(low, high, 5) {
        canvas.line((x, at_y(tick)), (x + wide, at_y(tick)), FAINT, 1.0);
        if with_axis {
            canvas.text(x - 8.0, at_y(tick) + 4.0, &number(tick), Font::new(SMALL).end().colour(GREY));
        }
    }
    if let Some(chance) = chance {
        canvas.dashed((x, at_y(chance)), (x + wide, at_y(chance)), GREY, 1.0, Some("4 3"));
    }
    if with_axis {
        canvas.text(
            x - AXIS + 14.0,
            top + high_pixels / 2.0,
            "median rank (up: preferred)",
            Font::new(12).middle().turned(-90.0),
        );
    }
    for tick in ticks(first, last, 4) {
        canvas.line((at_x(tick), top + high_pixels), (at_x(tick), top + high_pixels + 4.0), GREY, 1.0);
        canvas.text(at_x(tick), top + high_pixels + 17.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    canvas.line((x, top + high_pixels), (x + wide, top + high_pixels), GREY, 1.0);
    canvas.text(x + wide / 2.0, top + high_pixels + 33.0, "checkpoint", Font::new(SMALL).middle().colour(GREY));
    for series in &panel.series {
        let look = look(&series.label);
        let points: Vec<(f64, f64)> = series.points.iter().copied().filter(finite).map(|(s, r)| (at_x(s), at_y(r))).collect();
        if points.len() > 1 {
            canvas.polyline(points.clone(), look.colour, 1.6, look.dash);
        }
        // Markers tell lines apart; on a long line a few of them do.
        let every = points.len().div_ceil(12).max(1);
        let last = points.len().saturating_sub(1);
        for (i, point) in points.into_iter().enumerate() {
            if i % every == 0 || i == last {
                canvas.marker(point, 2.8, look);
            }
        }
    }
}

fn finite((step, rank): &(f64, f64)) -> bool {
    step.is_finite() && rank.is_finite()
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((1.0, 2.0))
}
