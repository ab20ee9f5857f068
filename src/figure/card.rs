//! One model on one page: where it stands on each axis of values, among the others, and what it says.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, INK, Look, fitted, line_height, number, wrapped};

/// A strip along which the model and the others lie.
#[derive(Clone, Debug, PartialEq)]
pub struct CardAxis {
    pub name: String,
    pub low: f64,
    pub high: f64,
    /// Where chance lies.
    pub middle: Option<f64>,
    pub value: f64,
    /// What is known of its uncertainty, low and high.
    pub interval: Option<(f64, f64)>,
    /// The other models: family and value.
    pub others: Vec<(String, f64)>,
    /// Numbers in words, at the right.
    pub text: String,
}

/// A list of words or of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct CardList {
    pub title: String,
    pub lines: Vec<String>,
}

/// What the card shows.
#[derive(Clone, Debug, Default)]
pub struct CardFigure {
    pub model: String,
    pub family: String,
    /// What the numbers rest on, a line each.
    pub facts: Vec<String>,
    pub axes: Vec<CardAxis>,
    pub lists: Vec<CardList>,
    pub caption: String,
}

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 920.0;
const NAMES: f64 = 280.0;
const NUMBERS: f64 = 230.0;
const STRIP: f64 = 30.0;
const SMALL: u32 = 11;
const COLUMNS: usize = 3;

pub fn card(figure: &CardFigure) -> Figure {
    let inner = WIDTH - 2.0 * MARGIN;
    let facts: Vec<String> = figure.facts.iter().flat_map(|fact| wrapped(fact, inner, SMALL)).collect();
    let caption = wrapped(&figure.caption, inner, SMALL);
    let column = inner / COLUMNS as f64;
    let list_height =
        |lists: &[CardList]| lists.iter().map(|list| list.lines.len()).max().map_or(0.0, |n| 30.0 + n as f64 * 17.0);
    let lists: f64 = figure.lists.chunks(COLUMNS).map(|row| list_height(row) + 12.0).sum();
    let axes_top = 62.0 + facts.len() as f64 * line_height(SMALL) + 14.0;
    let lists_top = axes_top + figure.axes.len() as f64 * STRIP + 18.0;
    let caption_top = lists_top + lists;
    let height = caption_top + caption.len() as f64 * line_height(SMALL) + MARGIN;
    let title = format!("Value card of {}", figure.model);
    let mut canvas = Canvas::new(WIDTH, height, &title);
    let look = Look::of_family(&figure.family, 0);
    canvas.marker((MARGIN + 8.0, 29.0), 6.5, look);
    canvas.text(MARGIN + 26.0, 35.0, &fitted(&title, inner - 160.0, 18), Font::new(18).bold());
    canvas.text(WIDTH - MARGIN, 35.0, &figure.family, Font::new(13).end().colour(look.colour).bold());
    let mut y = 58.0;
    for fact in facts {
        canvas.text(MARGIN, y, &fact, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    for (i, axis) in figure.axes.iter().enumerate() {
        strip(&mut canvas, axes_top + i as f64 * STRIP, axis, look);
    }
    let mut y = lists_top;
    for row in figure.lists.chunks(COLUMNS) {
        for (i, list) in row.iter().enumerate() {
            let x = MARGIN + i as f64 * column;
            canvas.text(x, y + 16.0, &fitted(&list.title, column - 12.0, 13), Font::new(13).bold());
            for (j, line) in list.lines.iter().enumerate() {
                canvas.text(x, y + 36.0 + j as f64 * 17.0, &fitted(line, column - 12.0, 12), Font::new(12));
            }
        }
        y += list_height(row) + 12.0;
    }
    let mut y = caption_top + f64::from(SMALL);
    for text in caption {
        canvas.text(MARGIN, y, &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

fn strip(canvas: &mut Canvas, y: f64, axis: &CardAxis, look: Look) {
    let (left, right) = (MARGIN + NAMES, WIDTH - MARGIN - NUMBERS);
    let middle = y + STRIP / 2.0;
    let at = |value: f64| {
        let place = if axis.high > axis.low { (value - axis.low) / (axis.high - axis.low) } else { 0.5 };
        left + place.clamp(0.0, 1.0) * (right - left)
    };
    canvas.text(MARGIN, middle + 4.0, &fitted(&axis.name, NAMES - 50.0, 12), Font::new(12));
    canvas.line((left, middle), (right, middle), FAINT, 6.0);
    canvas.text(left - 6.0, middle + 4.0, &number(axis.low.round()), Font::new(9).end().colour(GREY));
    canvas.text(right + 6.0, middle + 4.0, &number(axis.high.round()), Font::new(9).colour(GREY));
    if let Some(chance) = axis.middle {
        canvas.dashed((at(chance), y + 4.0), (at(chance), y + STRIP - 4.0), GREY, 1.0, Some("3 2"));
    }
    for (i, (family, value)) in axis.others.iter().enumerate().filter(|(_, (_, value))| value.is_finite()) {
        canvas.marker((at(*value), middle), 2.2, Look::of_family(family, i));
    }
    if let Some((low, high)) = axis.interval {
        canvas.line((at(low), middle), (at(high), middle), INK, 2.0);
    }
    if axis.value.is_finite() {
        canvas.marker((at(axis.value), middle), 5.5, look);
    }
    canvas.text(right + 38.0, middle + 4.0, &fitted(&axis.text, NUMBERS - 38.0, SMALL), Font::new(SMALL));
}
