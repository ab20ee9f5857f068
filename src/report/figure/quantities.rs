//! Median rank against the quantity of data that models were trained on: a panel for each category, a line for each family,
//! source and method, at each training's last checkpoint.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, Look, fitted_name, line_height, text_width, wrapped};
use super::scale::{number, ticks};
use crate::stats::ablation::{Ablation, Final};

/// The medians of one family that was trained on data of one source by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantityLine {
    /// The family of the base models, or the model where none is known.
    pub family: String,
    /// The place of source and method among all.
    pub source: usize,
    /// Of each category, thousands of pairs and median ranks, by quantity.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

/// What the figure shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantitiesFigure {
    /// Source and method of data, in words; a marker each.
    pub sources: Vec<String>,
    /// The lines.
    pub lines: Vec<QuantityLine>,
    /// What the figure shows, with what has no place in it.
    pub caption: String,
}

impl QuantitiesFigure {
    /// Of the last checkpoints; none where no training says on how many pairs it was trained.
    pub fn new(found: &Ablation) -> Option<QuantitiesFigure> {
        let mut figure = QuantitiesFigure::default();
        let mut without: Vec<&str> = Vec::new();
        for of in &found.r#final {
            let Some(size) = of.training.data_size_k.filter(|size| *size > 0.0) else {
                if !without.contains(&of.training.model.as_str()) {
                    without.push(&of.training.model);
                }
                continue;
            };
            figure.take(of, size);
        }
        if figure.lines.is_empty() {
            return None;
        }
        let without = match &without[..] {
            [] => String::new(),
            names => format!(" Not drawn, as the quantity is not known: {}.", names.join(", ")),
        };
        figure.caption = format!(
            "Median rank of each category's words at the last checkpoint of each training; 1 is the best. Quantities are drawn by \
             their logarithm. Lines join trainings of one family on data of one source by one method.{without}"
        );
        Some(figure)
    }

    fn take(&mut self, of: &Final, size: f64) {
        let training = &of.training;
        let parts = [&training.data_source, &training.method, &training.prompt];
        let source = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
        let source = if source.is_empty() { "source not known".to_owned() } else { source };
        let source = self.sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        });
        let family = training.family.clone().unwrap_or_else(|| training.model.clone());
        let at = self.lines.iter().position(|line| line.family == family && line.source == source).unwrap_or_else(|| {
            self.lines.push(QuantityLine { family, source, series: Vec::new() });
            self.lines.len() - 1
        });
        let series = &mut self.lines[at].series;
        let point = (size, of.median_rank);
        match series.iter_mut().find(|(category, _)| *category == of.category) {
            Some((_, points)) => points.push(point),
            None => series.push((of.category.clone(), vec![point])),
        }
    }
}

const MARGIN: f64 = 24.0;
const AXIS: f64 = 58.0;
const PANEL: (f64, f64) = (430.0, 300.0);
const GAP: f64 = 34.0;
/// Panels side by side.
const COLUMNS: usize = 2;
const SMALL: u32 = 11;
/// Below a panel: quantities, in two lines where they are close, and what they are.
const BELOW: f64 = 52.0;
const LEGEND: f64 = 17.0;

/// Draws the medians.
pub fn quantities(figure: &QuantitiesFigure) -> Figure {
    let mut categories: Vec<&str> = figure.lines.iter().flat_map(|line| &line.series).map(|(name, _)| name.as_str()).collect();
    categories.sort_unstable();
    categories.dedup();
    let columns = categories.len().clamp(1, COLUMNS);
    let rows = categories.len().div_ceil(columns);
    let width = MARGIN * 2.0 + AXIS + columns as f64 * (PANEL.0 + GAP) - GAP;
    let inner = width - 2.0 * MARGIN;
    let caption = wrapped(&figure.caption, inner, SMALL);
    let legend = legend(figure, inner);
    let top = 52.0 + legend.last().map_or(0.0, |entry| entry.y + LEGEND) + 14.0;
    let height = top + rows as f64 * (PANEL.1 + BELOW + GAP) + caption.len() as f64 * line_height(SMALL) + MARGIN;
    let title = "Median rank against quantity of data";
    let mut canvas = Canvas::new(width, height, title);
    canvas.text(MARGIN, 34.0, title, Font::new(16).bold());
    for LegendEntry { x, y, look, text } in legend {
        let y = 52.0 + y;
        canvas.marker((MARGIN + x + 6.0, y + 7.0), 3.6, look);
        canvas.text(MARGIN + x + 16.0, y + 11.0, &text, Font::new(SMALL).colour(look.colour));
    }
    let ranks = ranks(figure);
    for (at, category) in categories.iter().enumerate() {
        let x = MARGIN + AXIS + (at % columns) as f64 * (PANEL.0 + GAP);
        let y = top + (at / columns) as f64 * (PANEL.1 + BELOW + GAP);
        draw_panel(&mut canvas, (x, y), figure, category, ranks, at % columns == 0);
    }
    let mut y = top + rows as f64 * (PANEL.1 + BELOW + GAP);
    for text in caption {
        canvas.text(MARGIN, y + f64::from(SMALL), &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

/// The ends of the axis that all panels share.
fn ranks(figure: &QuantitiesFigure) -> (f64, f64) {
    let every = figure.lines.iter().flat_map(|line| &line.series).flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (low, high) = every.map(|rank| (rank, rank)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((1.0, 2.0));
    let pad = ((high - low) * 0.06).max(0.5);
    ((low - pad).max(1.0), high + pad)
}

/// Colour by family; the marker by source, of which a second family's are open.
fn look(figure: &QuantitiesFigure, line: &QuantityLine) -> Look {
    let mut families: Vec<&str> = figure.lines.iter().map(|line| line.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let at = families.iter().position(|family| *family == line.family).unwrap_or(0);
    let own = Look::of_family(&line.family, at);
    Look { marker: own.marker.of_group(line.source), ..own }
}

struct LegendEntry {
    x: f64,
    y: f64,
    look: Look,
    text: String,
}

fn legend(figure: &QuantitiesFigure, inner: f64) -> Vec<LegendEntry> {
    let (mut x, mut y) = (0.0, 0.0);
    let mut entries = Vec::new();
    for line in &figure.lines {
        let text = format!("{}: {}", line.family, figure.sources[line.source]);
        let wide = text_width(&text, SMALL) + 34.0;
        if x > 0.0 && x + wide > inner {
            (x, y) = (0.0, y + LEGEND);
        }
        entries.push(LegendEntry { x, y, look: look(figure, line), text });
        x += wide;
    }
    entries
}

fn draw_panel(
    canvas: &mut Canvas,
    (x, top): (f64, f64),
    figure: &QuantitiesFigure,
    category: &str,
    (low, high): (f64, f64),
    with_axis: bool,
) {
    let (wide, tall) = PANEL;
    let bottom = top + tall;
    // Rank 1 is at the top.
    let at_y = |rank: f64| top + (rank - low) / (high - low) * tall;
    let mut sizes: Vec<f64> =
        figure.lines.iter().flat_map(|line| &line.series).flat_map(|(_, points)| points.iter().map(|point| point.0)).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let (first, last) = (sizes.first().copied().unwrap_or(1.0).ln(), sizes.last().copied().unwrap_or(1.0).ln());
    let at_x = |size: f64| x + 24.0 + if last > first { (size.ln() - first) / (last - first) } else { 0.5 } * (wide - 48.0);
    for tick in ticks(low, high, 5) {
        canvas.line((x, at_y(tick)), (x + wide, at_y(tick)), FAINT, 1.0);
        if with_axis {
            canvas.text(x - 8.0, at_y(tick) + 4.0, &number(tick), Font::new(SMALL).end().colour(GREY));
        }
    }
    if with_axis {
        canvas.text(x - AXIS + 14.0, top + tall / 2.0, "median rank", Font::new(12).middle().turned(-90.0));
    }
    canvas.line((x, bottom), (x + wide, bottom), GREY, 1.0);
    canvas.text(x, top - 6.0, &fitted_name(category, wide, 13), Font::new(13).bold());
    let mut end = [f64::NEG_INFINITY; 2];
    for size in sizes {
        let text = format!("{}k", number(size));
        let half = text_width(&text, SMALL) / 2.0 + 3.0;
        // One that would touch the one before stands a line lower.
        let line = usize::from(at_x(size) - half < end[0]);
        end[line] = at_x(size) + half;
        canvas.line((at_x(size), bottom), (at_x(size), bottom + 4.0 + 12.0 * line as f64), GREY, 1.0);
        canvas.text(at_x(size), bottom + 17.0 + 12.0 * line as f64, &text, Font::new(SMALL).middle().colour(GREY));
    }
    canvas.text(x + wide / 2.0, bottom + 46.0, "pairs of answers trained on", Font::new(SMALL).middle().colour(GREY));
    for line in &figure.lines {
        let look = look(figure, line);
        let own = line.series.iter().find(|(name, _)| name == category).map_or(&[][..], |(_, points)| points);
        let points: Vec<(f64, f64)> = own.iter().map(|&(size, rank)| (at_x(size), at_y(rank))).collect();
        if points.len() > 1 {
            canvas.polyline(points.clone(), look.colour, 1.2, look.dash);
        }
        points.into_iter().for_each(|point| canvas.marker(point, 4.6, look));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ablation::{Point, Run, Series, Training};

    fn run(model: &str, family: Option<&str>, size: Option<f64>, source: &str, last: f64) -> Run {
        let training = Training {
            model: model.to_owned(),
            family: family.map(str::to_owned),
            data_size_k: size,
            data_source: Some(source.to_owned()),
            ..Training::default()
        };
        let points = [(1, 90.0), (2, last)].map(|(checkpoint, median_rank)| Point { checkpoint, median_rank });
        let series = ["agency", "communion"].map(|category| Series::new(category, points.to_vec()).unwrap());
        Run { training, words: None, series: series.to_vec(), moved: Vec::new() }
    }

    #[test]
    fn a_line_is_a_family_on_one_source_and_what_has_no_place_is_named() {
        let runs = vec![
            run("a", Some("Gemma"), Some(13.0), "uf", 30.0),
            run("b", Some("Gemma"), Some(53.0), "uf", 40.0),
            run("c", Some("Gemma"), Some(77.0), "skywork", 50.0),
            run("d", Some("Llama"), Some(13.0), "uf", 60.0),
            run("lost", None, None, "uf", 60.0),
        ];
        let figure = QuantitiesFigure::new(&Ablation::new(runs, Vec::new())).unwrap();
        let lines: Vec<_> = figure.lines.iter().map(|line| (line.family.as_str(), line.source, line.series[0].1.clone())).collect();
        assert_eq!(
            lines,
            [
                ("Gemma", 0, vec![(13.0, 30.0), (53.0, 40.0)]),
                ("Llama", 0, vec![(13.0, 60.0)]),
                ("Gemma", 1, vec![(77.0, 50.0)])
            ]
        );
        assert!(figure.caption.ends_with("as the quantity is not known: lost."), "{}", figure.caption);
        let looks: Vec<Look> = figure.lines.iter().map(|line| look(&figure, line)).collect();
        assert!(looks[0].colour == looks[2].colour && looks[0].marker != looks[2].marker && looks[0].colour != looks[1].colour);
        let svg = quantities(&figure).svg();
        for part in [">13k<", ">53k<", ">77k<", "Gemma: uf", "agency", "communion"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(QuantitiesFigure::new(&Ablation::new(vec![run("lost", None, None, "uf", 6.0)], Vec::new())), None);
    }
}
