//! How alike all models rank: a matrix of every model with every other for each measure, and the models as points on a map.

use super::canvas::{Canvas, Colour, FAINT, Figure, Font, GREY, INK, Look, fitted_name, line_height, mixed, text_width, wrapped};
use crate::stats::agreement::{AgreementMatrix, AgreementMeasure, ModelMap, PERSISTENCE};

/// What the figure shows.
#[derive(Clone, Copy, Debug)]
pub struct AgreementFigure<'a> {
    /// The values, and the map.
    pub matrix: &'a AgreementMatrix,
    /// Words ranked.
    pub words: usize,
    /// Prompts that the values are means over.
    pub prompts: usize,
    /// The name of the word list.
    pub corpus: &'a str,
    /// What a reader should know before all else.
    pub notes: &'a [String],
}

const MARGIN: f64 = 24.0;
/// Left of the first matrix: names of models.
const NAMES: f64 = 190.0;
/// Above a matrix: its title, and the letters of the columns.
const HEAD: f64 = 46.0;
const GAP: f64 = 30.0;
const WIDEST: f64 = 1400.0;
const MAP: (f64, f64) = (660.0, 420.0);
const SMALL: u32 = 11;
/// Colours of values above and below zero; no family has them.
const ABOVE: Colour = (0x00, 0x6b, 0x4e);
const BELOW: Colour = (0x9c, 0x2f, 0x74);

/// The size of a matrix's cells, which hold their numbers where there is room.
fn cell_size(models: usize) -> f64 {
    (420.0 / models.max(1) as f64).clamp(12.0, 36.0)
}

/// Draws the matrices and the map.
pub fn agreement(figure: AgreementFigure) -> Figure {
    let AgreementFigure { matrix, .. } = figure;
    let n = matrix.models.len();
    let size = cell_size(n);
    let wide = n as f64 * size;
    let abreast = MARGIN * 2.0 + NAMES + 3.0 * wide + 2.0 * GAP <= WIDEST;
    let columns = if abreast { 3 } else { 1 };
    let across = NAMES + columns as f64 * (wide + GAP) - GAP;
    let width = (MARGIN * 2.0 + across.max(MAP.0)).max(720.0);
    let inner = width - 2.0 * MARGIN;
    let caption = wrapped(&caption(figure), inner, SMALL);
    let notes = if figure.notes.is_empty() { Vec::new() } else { wrapped(&figure.notes.join("; "), inner, 13) };
    let head = 56.0 + notes.len() as f64 * line_height(13);
    let rows = AgreementMeasure::ALL.len() / columns;
    let matrices = rows as f64 * (HEAD + wide + GAP);
    let map = matrix.map.as_ref().map_or(0.0, |_| MAP.1 + 64.0);
    let height = head + matrices + map + caption.len() as f64 * line_height(SMALL) + MARGIN;
    let title = "Agreement of models";
    let mut canvas = Canvas::new(width, height, title);
    canvas.text(MARGIN, 34.0, title, Font::new(18).bold());
    let mut y = 48.0;
    for note in notes {
        y += line_height(13);
        canvas.text(MARGIN, y - 3.0, &note, Font::new(13).bold().colour(super::canvas::WARNING));
    }
    for (at, measure) in AgreementMeasure::ALL.into_iter().enumerate() {
        let (column, row) = (at % columns, at / columns);
        let x = MARGIN + NAMES + column as f64 * (wide + GAP);
        let y = head + row as f64 * (HEAD + wide + GAP);
        draw_matrix(&mut canvas, (x, y), size, matrix, measure, column == 0);
    }
    let mut y = head + matrices;
    if let Some(map) = &matrix.map {
        draw_map(&mut canvas, y, map);
        y += MAP.1 + 64.0;
    }
    for text in caption {
        canvas.text(MARGIN, y + f64::from(SMALL), &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

fn draw_matrix(
    canvas: &mut Canvas,
    (x, top): (f64, f64),
    size: f64,
    matrix: &AgreementMatrix,
    measure: AgreementMeasure,
    with_names: bool,
) {
    canvas.text(x, top + 14.0, measure.name(), Font::new(14).bold());
    let y = top + HEAD;
    for (row, model) in matrix.models.iter().enumerate() {
        let look = Look::of_family(&model.family, 0);
        let middle = y + (row as f64 + 0.5) * size;
        if with_names {
            let name = fitted_name(&model.model, NAMES - 44.0, SMALL);
            canvas.text(x - 26.0, middle + 4.0, &name, Font::new(SMALL).end().colour(look.colour));
            canvas.marker((x - 12.0, middle), 3.6, look);
        }
        // Columns have the markers of their families and the numbers of their rows.
        let across = x + (row as f64 + 0.5) * size;
        canvas.marker((across, y - 8.0), 3.6, look);
        canvas.text(across, y - 17.0, &(row + 1).to_string(), Font::new(9).middle().colour(GREY));
        if with_names {
            canvas.text(MARGIN, middle + 4.0, &(row + 1).to_string(), Font::new(9).colour(GREY));
        }
        for (column, value) in matrix.of(measure)[row].iter().enumerate() {
            let place = (x + column as f64 * size, y + row as f64 * size);
            let Some(value) = value else {
                canvas.text(place.0 + size / 2.0, place.1 + size / 2.0 + 3.0, "–", Font::new(9).middle().colour(GREY));
                continue;
            };
            // Values of models are mostly high: the power keeps them apart.
            let strength = value.abs().powf(1.6);
            canvas.tile(place, (size, size), mixed(if *value < 0.0 { BELOW } else { ABOVE }, strength));
            if size >= 26.0 {
                let ink = if strength > 0.72 { (0xff, 0xff, 0xff) } else { INK };
                let text = number(*value);
                canvas.text(place.0 + size / 2.0, place.1 + size / 2.0 + 4.0, &text, Font::new(10).middle().colour(ink));
            }
        }
    }
    // A line between each two families.
    let end = matrix.models.len() as f64 * size;
    let families = matrix.models.windows(2).enumerate().filter(|(_, pair)| pair[0].family != pair[1].family);
    for (at, _) in families {
        let line = (at + 1) as f64 * size;
        canvas.line((x + line, y), (x + line, y + end), INK, 1.4);
        canvas.line((x, y + line), (x + end, y + line), INK, 1.4);
    }
}

/// `.83`, `−.20`, `1`.
fn number(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let text = if text == "1.00" { "1" } else { text.trim_start_matches('0') };
    format!("{}{text}", if value <= -0.005 { "−" } else { "" })
}

/// The models, with one scale for both axes, so that distances are true.
fn draw_map(canvas: &mut Canvas, top: f64, map: &ModelMap) {
    let (left, top) = (MARGIN, top + 24.0);
    canvas.text(left, top - 8.0, "Map: the nearer two models, the more alike they rank (by 1 − Spearman)", Font::new(14).bold());
    let ends = |of: &dyn Fn(&crate::stats::agreement::MapPoint) -> f64| {
        let values = map.points.iter().map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (across, down) = (ends(&|point| point.x), ends(&|point| point.y));
    // Room for names to the right of the last point.
    let (wide, tall) = (MAP.0 - 190.0, MAP.1 - 50.0);
    let span = |(low, high): (f64, f64)| (high - low).max(1e-6);
    let scale = (wide / span(across)).min(tall / span(down));
    let place = |x: f64, y: f64| (left + 24.0 + (x - across.0) * scale, top + 25.0 + (down.1 - y) * scale);
    let corners = [(left, top), (left + MAP.0, top), (left + MAP.0, top + MAP.1), (left, top + MAP.1), (left, top)];
    canvas.polyline(corners.to_vec(), FAINT, 1.0, None);
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for point in &map.points {
        let (x, y) = place(point.x, point.y);
        let look = Look::of_family(&point.family, 0);
        let name = fitted_name(&point.model, 160.0, SMALL);
        let name_width = text_width(&name, SMALL);
        // To the right where that is free, else lower or higher.
        let free =
            |dy: &f64| taken.iter().all(|(from, at, to)| (y + dy - at).abs() >= 12.0 || x > *to || x + 12.0 + name_width < *from);
        let dy = [0.0, 12.0, -12.0, 24.0, -24.0, 36.0, -36.0].into_iter().find(free).unwrap_or(0.0);
        taken.push((x, y + dy, x + 12.0 + name_width));
        if dy != 0.0 {
            canvas.line((x, y), (x + 10.0, y + dy), FAINT, 1.0);
        }
        canvas.text(x + 12.0, y + dy + 4.0, &name, Font::new(SMALL).colour(look.colour));
        canvas.marker((x, y), 4.6, look);
    }
    let bottom = top + MAP.1;
    let [first, second] = map.shares.map(|share| format!("{:.0} %", share * 100.0));
    canvas.text(
        left,
        bottom + 18.0,
        &format!("first axis: {first} of the squared distances, second axis: {second}"),
        Font::new(SMALL).colour(GREY),
    );
    let step = super::scale::ticks(0.0, 120.0 / scale, 1).get(1).copied().unwrap_or(0.1);
    let right = left + MAP.0;
    canvas.line((right - step * scale, bottom + 14.0), (right, bottom + 14.0), INK, 1.6);
    let text = format!("1 − Spearman = {}", super::scale::number(step));
    canvas.text(right - step * scale - 8.0, bottom + 18.0, &text, Font::new(SMALL).end().colour(GREY));
}

fn caption(figure: AgreementFigure) -> String {
    let count = crate::base::text::count;
    let left_out = figure.matrix.map.as_ref().map_or(0, |map| figure.matrix.models.len() - map.points.len());
    let left_out = match left_out {
        0 => String::new(),
        1 => " One model has no correlation with others and is not on the map.".to_owned(),
        n => format!(" {n} models have no correlation with others and are not on the map."),
    };
    format!(
        "Of the ranking of the {} words of {}, means over {} that both models were asked: Spearman's rho, Kendall's tau-b, \
         rank-biased overlap (p = {PERSISTENCE}, extrapolated). Models stand by family, numbered from the top. Map: classical \
         multidimensional scaling; the directions of the axes mean nothing.{left_out}",
        count(figure.words),
        figure.corpus,
        if figure.prompts == 1 { "the prompt".to_owned() } else { format!("those of {} prompts", count(figure.prompts)) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::results::{Agreement, ModelFamily};

    fn svg(models: &[(&str, &str)], notes: &[String]) -> String {
        let models: Vec<ModelFamily> =
            models.iter().map(|(model, family)| ModelFamily { model: (*model).into(), family: (*family).into() }).collect();
        let mut of = Vec::new();
        for (i, a) in models.iter().enumerate() {
            for b in &models[i + 1..] {
                let rho = if a.family == b.family { 0.83 } else { -0.2 };
                let (a, b) = (a.model.clone(), b.model.clone());
                of.push(Agreement { a, b, prompt: "p".into(), spearman: Some(rho), kendall: None, rbo: Some(0.5) });
            }
        }
        let matrix = AgreementMatrix::new(&models, &of);
        agreement(AgreementFigure { matrix: &matrix, words: 12, prompts: 1, corpus: "list", notes }).svg()
    }

    #[test]
    fn each_measure_has_its_cells_and_the_map_its_models() {
        let svg = svg(&[("a", "Gemma"), ("b", "Llama"), ("c", "Llama")], &["partial: 2 of 3 tables".to_owned()]);
        for part in ["Spearman", "Kendall", "RBO", ">.83<", ">−.20<", ">.50<", ">–<", "first axis", "partial: 2 of 3 tables"]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg.matches(">.83<").count(), 2, "a matrix is symmetric");
        assert_eq!(svg.matches(">a<").count(), 2, "a model is named at its row and on the map");
    }

    #[test]
    fn many_models_have_cells_without_numbers_and_two_have_no_map() {
        let names: Vec<String> = (0..40).map(|i| format!("m{i}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "Gemma")).collect();
        assert!(!svg(&many, &[]).contains(">.83<"));
        let two = svg(&many[..2], &[]);
        assert!(two.contains(">.83<") && !two.contains("first axis"));
    }
}
