//! A few words between many pairs of language models: a row a pair, a marker a word.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, INK, Look, fitted, fitted_name, line_height, text_width, wrapped};
use super::scale::{number, ticks};
use crate::base::terms::{Family, Measure};
use crate::base::text::{count, visible_word};

/// One pair of models.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRow {
    /// Their names and families: above zero the first likes a word better.
    pub models: [(String, Family); 2],
    /// A value a word, in nats; NaN where there is none.
    pub values: Vec<f64>,
}

/// What the figure shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairsFigure {
    /// The words, few enough to be told apart.
    pub words: Vec<String>,
    /// The pairs, from top to bottom.
    pub rows: Vec<PairRow>,
    /// Which implicit reward it is.
    pub measure: Measure,
    /// The prompt's text.
    pub prompt: String,
    /// More that a reader should know.
    pub note: String,
}

impl PairsFigure {
    /// More words than these could not be told apart.
    pub const MOST_WORDS: usize = 6;
}

const MARGIN: f64 = 24.0;
/// Left of the plot, the names of a pair: each at most so wide, with an arrow between them.
const NAME: f64 = 270.0;
const ARROW: f64 = 24.0;
const PLOT: f64 = 480.0;
const ROW: f64 = 20.0;
const SMALL: u32 = 11;

/// Where the columns are.
struct Across {
    /// The ends of the first names, and the beginnings of the second.
    names: [f64; 2],
    /// The widths of both.
    wide: [f64; 2],
    left: f64,
    right: f64,
}

impl Across {
    fn of(rows: &[PairRow]) -> Across {
        // The model that likes better what is below zero stands first.
        let widest = |side: usize| rows.iter().map(|row| text_width(&row.models[side].0, SMALL)).fold(70.0, f64::max).min(NAME);
        let wide = [widest(1), widest(0)];
        let names = [MARGIN + wide[0], MARGIN + wide[0] + ARROW];
        let left = names[1] + wide[1] + 24.0;
        Across { names, wide, left, right: left + PLOT }
    }
}

/// Draws the pairs.
pub fn pairs(figure: &PairsFigure) -> Figure {
    let across = Across::of(&figure.rows);
    let (left, right) = (across.left, across.right);
    let width = right + 14.0 + MARGIN;
    let inner = width - 2.0 * MARGIN;
    let caption = caption(figure);
    let lines: usize = caption.iter().map(|text| wrapped(text, inner, SMALL).len()).sum();
    let top = 104.0;
    let bottom = top + figure.rows.len().max(1) as f64 * ROW;
    let height = bottom + 46.0 + lines as f64 * line_height(SMALL) + MARGIN;
    let title = format!("Implicit reward between {} pairs of models", count(figure.rows.len()));
    let mut canvas = Canvas::new(width, height, &title);
    canvas.text(MARGIN, 34.0, &fitted(&title, inner, 16), Font::new(16).bold());
    legend(&mut canvas, figure);
    let values = || figure.rows.iter().flat_map(|row| row.values.iter().copied()).filter(|value| value.is_finite());
    let (low, high) = (values().fold(0.0, f64::min) * 1.06, values().fold(0.0, f64::max) * 1.06);
    let (low, high) = if low == 0.0 && high == 0.0 { (-1.0, 1.0) } else { (low, high) };
    let at_x = |value: f64| left + (value - low) / (high - low) * (right - left);
    for tick in ticks(low, high, 6) {
        canvas.line((at_x(tick), top - 6.0), (at_x(tick), bottom), FAINT, 1.0);
        canvas.text(at_x(tick), bottom + 16.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    canvas.line((at_x(0.0), top - 6.0), (at_x(0.0), bottom), INK, 1.2);
    canvas.text((left + right) / 2.0, bottom + 34.0, &figure.measure.to_string(), Font::new(12).middle());
    canvas.text(across.names[0], top - 8.0, "below zero", Font::new(SMALL).end().colour(GREY));
    canvas.text(across.names[1], top - 8.0, "above zero", Font::new(SMALL).colour(GREY));
    for (at, row) in figure.rows.iter().enumerate() {
        let y = top + (at as f64 + 0.5) * ROW;
        names(&mut canvas, y, row, &across);
        let known = || row.values.iter().copied().filter(|value| value.is_finite());
        if let Some((least, most)) = known().map(|value| (value, value)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) {
            canvas.line((at_x(least), y), (at_x(most), y), (0xb0, 0xb0, 0xb0), 1.6);
        }
        for (word, value) in row.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            canvas.marker((at_x(*value), y), 4.2, look(word));
        }
    }
    let mut y = bottom + 46.0 + f64::from(SMALL);
    for text in caption {
        y = canvas.paragraph(MARGIN, y, inner, &text, Font::new(SMALL).colour(GREY));
    }
    canvas.finish()
}

/// Words have the colours after those of the two families.
fn look(word: usize) -> Look {
    Look::nth(2 + word)
}

fn names(canvas: &mut Canvas, y: f64, row: &PairRow, across: &Across) {
    let [(a, family_a), (b, family_b)] = &row.models;
    let colour = |family: &Family| Look::of_family(&family.to_string(), 0).colour;
    let [first, second] = across.names;
    let (b, a) = (fitted_name(b, across.wide[0], SMALL), fitted_name(a, across.wide[1], SMALL));
    canvas.text(first, y + 4.0, &b, Font::new(SMALL).end().colour(colour(family_b)));
    canvas.text((first + second) / 2.0, y + 4.0, "→", Font::new(SMALL).middle().colour(GREY));
    canvas.text(second, y + 4.0, &a, Font::new(SMALL).colour(colour(family_a)));
}

fn legend(canvas: &mut Canvas, figure: &PairsFigure) {
    let mut x = MARGIN;
    for (at, word) in figure.words.iter().enumerate() {
        let text = fitted(&visible_word(word, false), 150.0, 12);
        canvas.marker((x + 6.0, 62.0), 4.4, look(at));
        canvas.text(x + 16.0, 66.0, &text, Font::new(12).bold().colour(look(at).colour));
        x += 16.0 + text_width(&text, 12) + 22.0;
    }
}

fn caption(figure: &PairsFigure) -> Vec<String> {
    let what = "A row a pair of models; above zero the model to the right of the arrow likes the word better.";
    let prompt = if figure.prompt.is_empty() { String::new() } else { format!(" Prompt: {}", figure.prompt) };
    [format!("{what}{prompt}"), figure.note.clone()].into_iter().filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_pair_and_a_marker_a_word() {
        let row = |a: &str, values: [f64; 2]| PairRow {
            models: [(a.to_owned(), Family::Llama), ("gemma".to_owned(), Family::Gemma)],
            values: values.to_vec(),
        };
        let rows = vec![row("llama-1b", [0.06, -0.02]), row("llama-3b", [0.01, f64::NAN])];
        let words = ["Freedom", " love"].map(str::to_owned).to_vec();
        let figure = PairsFigure { words, rows, prompt: "What?".to_owned(), ..PairsFigure::default() };
        let svg = pairs(&figure).svg();
        for part in ["between 2 pairs", ">llama-1b<", ">llama-3b<", ">gemma<", ">Freedom<", ">␣love<", ">What?<"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        // One of the legend for each word; a value that is missing has no marker.
        assert_eq!((svg.matches("<circle").count(), svg.matches("Z\"").count()), (1 + 2, 1 + 1), "{svg}");
    }
}
