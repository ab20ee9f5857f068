//! Words between two language models: how much more one likes each than the other.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, INK, Look, fitted, line_height, number, ticks, wrapped};
use crate::text::{count, visible_word};

/// A word with its value: above zero where A likes it better.
#[derive(Clone, Debug, PartialEq)]
pub struct Lollipop {
    pub word: String,
    pub value: f64,
}

/// What the figure shows.
#[derive(Clone, Debug, Default)]
pub struct LollipopFigure {
    /// Names of the two models.
    pub a: String,
    pub b: String,
    /// `mixture-weighted log ratio`.
    pub measure: String,
    /// In the order in which they are drawn, from the top.
    pub words: Vec<Lollipop>,
    /// Of how many these are the outermost.
    pub of: usize,
    pub prompt: String,
    /// More that a reader should know: formula, how variants were joined.
    pub note: String,
}

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 760.0;
const ROW: f64 = 19.0;
const NAMES: f64 = 170.0;
const SMALL: u32 = 11;

pub fn lollipops(figure: &LollipopFigure) -> Figure {
    let caption = caption(figure);
    let text_width = WIDTH - 2.0 * MARGIN;
    let lines: usize = caption.iter().map(|text| wrapped(text, text_width, SMALL).len()).sum();
    let top = 96.0;
    let bottom = top + figure.words.len().max(1) as f64 * ROW;
    let height = bottom + 46.0 + lines as f64 * line_height(SMALL) + MARGIN;
    let title = format!("Implicit reward: {} against {}", figure.a, figure.b);
    let mut canvas = Canvas::new(WIDTH, height, &title);
    canvas.text(MARGIN, 34.0, &fitted(&title, text_width, 16), Font::new(16).bold());

    let most = figure.words.iter().map(|w| w.value.abs()).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let most = if most > 0.0 { most * 1.06 } else { 1.0 };
    let (left, right) = (MARGIN + NAMES, WIDTH - MARGIN - 12.0);
    let x = |value: f64| left + (value / most + 1.0) / 2.0 * (right - left);
    for tick in ticks(-most, most, 6) {
        canvas.line((x(tick), top - 8.0), (x(tick), bottom), FAINT, 1.0);
        canvas.text(x(tick), bottom + 16.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    canvas.line((x(0.0), top - 8.0), (x(0.0), bottom), INK, 1.2);
    canvas.text((left + right) / 2.0, bottom + 34.0, &figure.measure, Font::new(12).middle());
    let (a, b) = (Look::nth(1), Look::nth(0));
    let half = (right - left) / 2.0 - 30.0;
    canvas.marker((right - 2.0, 72.0), 4.5, a);
    canvas.text(
        right - 12.0,
        76.0,
        &fitted(&format!("{} likes it better →", figure.a), half, 12),
        Font::new(12).end().colour(a.colour),
    );
    canvas.marker((left + 2.0, 72.0), 4.5, b);
    canvas.text(left + 12.0, 76.0, &fitted(&format!("← {} likes it better", figure.b), half, 12), Font::new(12).colour(b.colour));
    for (i, word) in figure.words.iter().enumerate() {
        let y = top + (i as f64 + 0.5) * ROW;
        canvas.text(left - 10.0, y + 4.0, &fitted(&visible_word(&word.word, false), NAMES - 14.0, 12), Font::new(12).end());
        if !word.value.is_finite() {
            continue;
        }
        let look = if word.value >= 0.0 { a } else { b };
        canvas.line((x(0.0), y), (x(word.value), y), look.colour, 1.8);
        canvas.marker((x(word.value), y), 4.0, look);
    }
    let mut y = bottom + 46.0 + f64::from(SMALL);
    for text in caption {
        y = canvas.paragraph(MARGIN, y, text_width, &text, Font::new(SMALL).colour(GREY));
    }
    canvas.finish()
}

fn caption(figure: &LollipopFigure) -> Vec<String> {
    let shown = if figure.words.len() < figure.of {
        format!("The {} words with the largest values of n = {}.", figure.words.len(), count(figure.of))
    } else {
        format!("n = {} words.", count(figure.of))
    };
    let prompt = if figure.prompt.is_empty() { String::new() } else { format!(" Prompt: {}", figure.prompt) };
    [format!("{shown}{prompt}"), figure.note.clone()].into_iter().filter(|text| !text.is_empty()).collect()
}
