//! Lines over checkpoints: how the median rank of each category moves while reward models are trained. A column for each set
//! of data, a row for each category, a line for each training.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, Look, fitted, fitted_name, line_height, text_width, wrapped};
use super::scale::{number, ticks};
use crate::base::terms::Family;
use crate::stats::ablation::{Ablation, Run};

/// One training, with its median ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingLine {
    /// The trained model's name.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Of each category, checkpoints and median ranks, by checkpoint.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

/// The trainings on one set of data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineColumn {
    /// The data, in words.
    pub title: String,
    /// The trainings on it.
    pub lines: Vec<TrainingLine>,
}

/// What the figure shows.
#[derive(Clone, Debug, Default)]
pub struct LinesFigure {
    /// The figure's title.
    pub title: String,
    /// From left to right.
    pub columns: Vec<LineColumn>,
    /// What the figure shows, with n.
    pub caption: String,
}

impl LinesFigure {
    /// A column for each set of data, those with several checkpoints first. Sets that hold the same numbers are drawn once.
    pub fn new(found: &Ablation) -> LinesFigure {
        let mut sets: Vec<Vec<&Run>> = Vec::new();
        for run in &found.runs {
            match sets.iter_mut().find(|set| set[0].training.is_on_the_data_of(&run.training)) {
                Some(set) => set.push(run),
                None => sets.push(vec![run]),
            }
        }
        let mut columns: Vec<LineColumn> = Vec::new();
        let mut same: Vec<String> = Vec::new();
        for set in &sets {
            let data = set[0].training.data();
            let title = if data.is_empty() { set[0].training.file.clone() } else { data };
            let lines: Vec<TrainingLine> = set.iter().map(|run| line(run)).collect();
            match columns.iter_mut().find(|column| column.lines == lines) {
                Some(column) => {
                    same.push(format!("{} and {title} hold the same numbers and are drawn once.", column.title));
                    column.title = format!("{}; {title}", column.title);
                }
                None => columns.push(LineColumn { title, lines }),
            }
        }
        columns.sort_by_key(|column| !column.is_followed());
        let what = "Median rank of each category's words at each checkpoint; 1 is the best. All panels share one scale of ranks.";
        let caption = [vec![what.to_owned()], same].concat().join(" ");
        LinesFigure { title: "Median rank over training".to_owned(), columns, caption }
    }
}

fn line(run: &Run) -> TrainingLine {
    let points = |series: &crate::stats::ablation::Series| {
        let points = series.points.iter().map(|point| (point.checkpoint as f64, point.median_rank)).collect();
        (series.category.clone(), points)
    };
    TrainingLine {
        name: run.training.model.clone(),
        family: run.training.family.clone().unwrap_or_default(),
        series: run.series.iter().map(points).collect(),
    }
}

impl LineColumn {
    /// Whether anything is known at more than one checkpoint.
    fn is_followed(&self) -> bool {
        self.lines.iter().flat_map(|line| &line.series).any(|(_, points)| points.len() > 1)
    }

    fn wide(&self) -> f64 {
        if self.is_followed() { PANEL.0 } else { SINGLE }
    }

    /// Families look as they do everywhere; a second training of one family, and each of no known one, has a look of its own.
    fn looks(&self) -> Vec<Look> {
        let mut looks: Vec<Look> = Vec::new();
        let mut others = 0;
        for line in &self.lines {
            let of_family = Look::of_family(&line.family, 0);
            if matches!(Family::guess(&line.family), Family::Gemma | Family::Llama) && !looks.contains(&of_family) {
                looks.push(of_family);
            } else {
                looks.push(Look::nth(2 + others % 5));
                others += 1;
            }
        }
        looks
    }
}

const MARGIN: f64 = 24.0;
const AXIS: f64 = 58.0;
const PANEL: (f64, f64) = (270.0, 190.0);
/// Width of a panel with a single checkpoint.
const SINGLE: f64 = 150.0;
const GAP: f64 = 26.0;
const WIDEST: f64 = 1300.0;
const SMALL: u32 = 11;
/// Of a name in the legend of a column.
const NAME: f64 = 15.0;

/// Columns that are drawn side by side.
struct Band<'a> {
    columns: &'a [LineColumn],
    wide: f64,
    /// Lines of titles, and of names.
    titles: usize,
    names: usize,
}

impl Band<'_> {
    fn head(&self) -> f64 {
        self.titles as f64 * line_height(13) + self.names as f64 * NAME + 10.0
    }

    fn height(&self, categories: usize) -> f64 {
        self.head() + categories as f64 * (PANEL.1 + GAP) + 36.0
    }
}

/// Fills each band with as many columns as are not too wide.
fn bands(columns: &[LineColumn]) -> Vec<Band<'_>> {
    let mut bands = Vec::new();
    let mut from = 0;
    while from < columns.len() {
        let (mut to, mut wide) = (from, 0.0);
        while to < columns.len() && (to == from || wide + GAP + columns[to].wide() <= WIDEST - 2.0 * MARGIN - AXIS) {
            wide += if to == from { 0.0 } else { GAP } + columns[to].wide();
            to += 1;
        }
        let of = &columns[from..to];
        let titles = of.iter().map(|column| wrapped(&column.title, column.wide(), 13).len()).max().unwrap_or(1);
        let names = of.iter().map(|column| column.lines.len()).max().unwrap_or(0);
        bands.push(Band { columns: of, wide, titles, names });
        from = to;
    }
    bands
}

/// Draws median ranks over training.
pub fn lines(figure: &LinesFigure) -> Figure {
    let mut categories: Vec<&str> = Vec::new();
    for (category, _) in figure.columns.iter().flat_map(|column| &column.lines).flat_map(|line| &line.series) {
        if !categories.contains(&category.as_str()) {
            categories.push(category);
        }
    }
    let bands = bands(&figure.columns);
    let widest = bands.iter().map(|band| band.wide).fold(0.0, f64::max);
    let width = (MARGIN * 2.0 + AXIS + widest).max(560.0);
    let inner = width - 2.0 * MARGIN;
    let caption = wrapped(&figure.caption, inner, SMALL);
    let top = 56.0;
    let plots: f64 = bands.iter().map(|band| band.height(categories.len())).sum();
    let height = top + plots + caption.len() as f64 * line_height(SMALL) + MARGIN;
    let mut canvas = Canvas::new(width, height, &figure.title);
    canvas.text(MARGIN, 34.0, &fitted(&figure.title, inner, 16), Font::new(16).bold());
    let every = figure.columns.iter().flat_map(|column| &column.lines).flat_map(|line| &line.series);
    let (low, high) = ends(every.flat_map(|(_, points)| points.iter().copied()).filter(finite).map(|(_, rank)| rank));
    let pad = ((high - low) * 0.05).max(0.5);
    let ranks = ((low - pad).max(1.0), high + pad);
    let mut y = top;
    for band in &bands {
        draw_band(&mut canvas, y, band, &categories, ranks);
        y += band.height(categories.len());
    }
    for text in caption {
        canvas.text(MARGIN, y + f64::from(SMALL), &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

fn draw_band(canvas: &mut Canvas, top: f64, band: &Band, categories: &[&str], ranks: (f64, f64)) {
    let mut x = MARGIN + AXIS;
    for (at, column) in band.columns.iter().enumerate() {
        let looks = column.looks();
        let mut y = top;
        for title in wrapped(&column.title, column.wide(), 13) {
            canvas.text(x, y + 13.0, &title, Font::new(13).bold());
            y += line_height(13);
        }
        // Which line is whose, right above the lines.
        let mut y = top + band.titles as f64 * line_height(13);
        for (line, look) in column.lines.iter().zip(&looks) {
            canvas.dashed((x, y + 7.0), (x + 20.0, y + 7.0), look.colour, 1.6, look.dash);
            canvas.marker((x + 10.0, y + 7.0), 2.8, *look);
            let room = column.wide() - 26.0;
            canvas.text(x + 26.0, y + 11.0, &fitted_name(&line.name, room, SMALL), Font::new(SMALL).colour(look.colour));
            y += NAME;
        }
        for (row, category) in categories.iter().enumerate() {
            let y = top + band.head() + row as f64 * (PANEL.1 + GAP);
            draw_panel(canvas, (x, y), column, &looks, category, ranks, at == 0);
        }
        checkpoints(canvas, (x, top + band.head() + categories.len() as f64 * (PANEL.1 + GAP) - GAP), column);
        x += column.wide() + GAP;
    }
}

/// Where the checkpoints of a column lie, and their ends.
fn across(column: &LineColumn, x: f64) -> (impl Fn(f64) -> f64, (f64, f64)) {
    let steps = column.lines.iter().flat_map(|line| &line.series).flat_map(|(_, points)| points.iter().map(|(step, _)| *step));
    let (first, last) = ends(steps.filter(|step| step.is_finite()));
    let wide = column.wide() - 20.0;
    let place = move |step: f64| x + 10.0 + if last > first { (step - first) / (last - first) } else { 0.5 } * wide;
    (place, (first, last))
}

fn checkpoints(canvas: &mut Canvas, (x, y): (f64, f64), column: &LineColumn) {
    let (at_x, (first, last)) = across(column, x);
    let most = if column.is_followed() { 4 } else { 1 };
    for tick in ticks(first, last, most) {
        canvas.line((at_x(tick), y), (at_x(tick), y + 4.0), GREY, 1.0);
        canvas.text(at_x(tick), y + 17.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    canvas.text(x + column.wide() / 2.0, y + 33.0, "checkpoint", Font::new(SMALL).middle().colour(GREY));
}

fn draw_panel(
    canvas: &mut Canvas,
    (x, top): (f64, f64),
    column: &LineColumn,
    looks: &[Look],
    category: &str,
    (low, high): (f64, f64),
    with_axis: bool,
) {
    let (wide, tall) = (column.wide(), PANEL.1);
    // Rank 1 is at the top.
    let at_y = |rank: f64| top + if high > low { (rank - low) / (high - low) } else { 0.5 } * tall;
    let (at_x, _) = across(column, x);
    for tick in ticks(low, high, 4) {
        canvas.line((x, at_y(tick)), (x + wide, at_y(tick)), FAINT, 1.0);
        if with_axis {
            canvas.text(x - 8.0, at_y(tick) + 4.0, &number(tick), Font::new(SMALL).end().colour(GREY));
        }
    }
    if with_axis {
        let name = format!("{}, median rank", fitted_name(category, tall - text_width(", median rank", 12), 12));
        canvas.text(x - AXIS + 14.0, top + tall / 2.0, &name, Font::new(12).middle().turned(-90.0));
    }
    canvas.line((x, top + tall), (x + wide, top + tall), GREY, 1.0);
    canvas.text(x + 6.0, top + 13.0, &fitted_name(category, wide - 12.0, SMALL), Font::new(SMALL).colour(GREY));
    for (line, look) in column.lines.iter().zip(looks) {
        let own = line.series.iter().find(|(name, _)| name == category).map_or(&[][..], |(_, points)| points);
        let points: Vec<(f64, f64)> = own.iter().copied().filter(finite).map(|(s, r)| (at_x(s), at_y(r))).collect();
        if points.len() > 1 {
            canvas.polyline(points.clone(), look.colour, 1.6, look.dash);
        }
        // Markers tell lines apart; on a long line a few of them do.
        let every = points.len().div_ceil(12).max(1);
        let last = points.len().saturating_sub(1);
        for (i, point) in points.into_iter().enumerate() {
            if i % every == 0 || i == last {
                canvas.marker(point, 2.8, *look);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ablation::{Point, Series, Training};

    fn run(file: &str, model: &str, family: Option<&str>, size: f64, points: &[(u64, f64)]) -> Run {
        let points: Vec<Point> = points.iter().map(|&(checkpoint, median_rank)| Point { checkpoint, median_rank }).collect();
        let training = Training {
            file: file.to_owned(),
            model: model.to_owned(),
            family: family.map(str::to_owned),
            data_size_k: Some(size),
            ..Training::default()
        };
        let series = ["agency", "communion"].map(|category| Series::new(category, points.clone()).unwrap());
        Run { training, words: None, series: series.to_vec(), moved: Vec::new() }
    }

    #[test]
    fn a_column_is_a_set_of_data_and_the_same_numbers_are_drawn_once() {
        let points = [(1000, 9.0), (2000, 4.0)];
        let runs = vec![
            run("single", "a", Some("Gemma"), 85.0, &[(1, 5.0)]),
            run("x", "a", Some("Gemma"), 13.0, &points),
            run("x", "b", Some("Llama"), 13.0, &points),
            run("y", "a", Some("Gemma"), 27.0, &points),
            run("y", "b", Some("Llama"), 27.0, &points),
        ];
        let figure = LinesFigure::new(&Ablation::new(runs, Vec::new()));
        let titles: Vec<&str> = figure.columns.iter().map(|column| column.title.as_str()).collect();
        assert_eq!(titles, ["13k pairs; 27k pairs", "85k pairs"], "what has several checkpoints comes first");
        assert!(
            figure.caption.contains("13k pairs and 27k pairs hold the same numbers and are drawn once"),
            "{}",
            figure.caption
        );
        // Two trainings under two categories; the single checkpoint has no line.
        assert_eq!(lines(&figure).svg().matches("fill=\"none\"").count(), 4);
    }

    #[test]
    fn families_look_as_everywhere_and_no_two_trainings_of_a_set_alike() {
        let runs = [("a", Some("Gemma")), ("b", Some("Gemma")), ("c", None), ("d", Some("Llama")), ("e", None)];
        let runs = runs.map(|(model, family)| run("x", model, family, 1.0, &[(1, 2.0), (2, 3.0)])).to_vec();
        let column = &LinesFigure::new(&Ablation::new(runs, Vec::new())).columns[0];
        let looks = column.looks();
        assert_eq!((looks[0], looks[3]), (Look::of_family("Gemma", 0), Look::of_family("Llama", 0)));
        for (at, look) in looks.iter().enumerate() {
            assert!(!looks[..at].contains(look), "{looks:?}");
        }
    }

    #[test]
    fn many_sets_go_over_several_bands_and_none_is_lost() {
        let columns: Vec<LineColumn> = (0..11)
            .map(|i| LineColumn {
                title: format!("set {i}"),
                lines: vec![line(&run("x", "a", None, f64::from(i), &[(1, 2.0), (2, 3.0)]))],
            })
            .collect();
        let bands = bands(&columns);
        assert!(bands.len() > 1 && bands.iter().map(|band| band.columns.len()).sum::<usize>() == 11);
        assert!(bands.iter().all(|band| band.wide <= WIDEST));
    }
}
