//! One model on one page: its value on each axis, among the other models, and lists of words.

use super::canvas::{
    Canvas, Colour, FAINT, Figure, Font, GREY, INK, Look, category_colours, fitted, fitted_name, line_height, text_width, wrapped,
};
use super::scale::{number, ticks};

/// A strip with the model and the others on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardAxis {
    /// The heading above it; axes of one group follow one another and share their scale.
    pub group: String,
    /// The axis's name.
    pub name: String,
    /// The value at the left end.
    pub low: f64,
    /// The value at the right end.
    pub high: f64,
    /// The value that chance gives.
    pub middle: Option<f64>,
    /// The model's value.
    pub value: f64,
    /// What is known of its uncertainty, low and high.
    pub interval: Option<(f64, f64)>,
    /// The other models: family and value.
    pub others: Vec<(String, f64)>,
    /// Numbers in words, at the right, and after them the place among the models.
    pub text: String,
    /// The model's place among all, in words.
    pub place: String,
}

/// A list of words or of models.
#[derive(Clone, Debug, PartialEq)]
pub struct CardList {
    /// The list's heading.
    pub title: String,
    /// From top to bottom.
    pub lines: Vec<CardLine>,
}

/// A number, and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct CardLine {
    /// The number, as it is written.
    pub number: String,
    /// A word, or the name of a model.
    pub text: String,
    /// What the line is about.
    pub of: CardSubject,
}

/// What decides the colour of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum CardSubject {
    /// A word, of the category with this place among [`CardFigure::categories`].
    Word(Option<usize>),
    /// A model, of this family.
    Model(String),
}

/// What the card shows.
#[derive(Clone, Debug, Default)]
pub struct CardFigure {
    /// The model's name.
    pub model: String,
    /// The model's family.
    pub family: String,
    /// What the numbers rest on, a line each.
    pub facts: Vec<String>,
    /// The strips, from top to bottom; those of one group follow one another.
    pub axes: Vec<CardAxis>,
    /// The lists below the strips.
    pub lists: Vec<CardList>,
    /// Names of the categories, in the order of their colours.
    pub categories: Vec<String>,
    /// What the figure shows and how it was computed.
    pub caption: String,
}

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 960.0;
const NAMES: f64 = 280.0;
const NUMBERS: f64 = 220.0;
const STRIP: f64 = 26.0;
/// Above the axes of a group: its name, and the numbers of the scale.
const GROUP: f64 = 26.0;
const SMALL: u32 = 11;
const COLUMNS: usize = 4;
/// Up to so many categories the legend tells their colours apart.
const NAMED: usize = 2;
const LINE: f64 = 17.0;
const LEFT: f64 = MARGIN + NAMES;
const RIGHT: f64 = WIDTH - MARGIN - NUMBERS;

/// Draws the card of one model.
pub fn card(figure: &CardFigure) -> Figure {
    let inner = WIDTH - 2.0 * MARGIN;
    let facts: Vec<String> = figure.facts.iter().flat_map(|fact| wrapped(fact, inner, SMALL)).collect();
    let caption = wrapped(&figure.caption, inner, SMALL);
    let groups: Vec<&[CardAxis]> = figure.axes.chunk_by(|a, b| a.group == b.group).collect();
    let axes_top = 62.0 + facts.len() as f64 * line_height(SMALL) + 6.0;
    let legend_top = axes_top + groups.len() as f64 * (GROUP + 6.0) + figure.axes.len() as f64 * STRIP;
    let lists_top = legend_top + 34.0;
    let lists: f64 = figure.lists.chunks(COLUMNS).map(|row| list_height(row) + 12.0).sum();
    let height = lists_top + lists + caption.len() as f64 * line_height(SMALL) + MARGIN;
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
    let mut y = axes_top;
    for group in groups {
        y = draw_group(&mut canvas, y, group, look) + 6.0;
    }
    legend(&mut canvas, legend_top + 14.0, figure, look);
    let colours = category_colours(&figure.categories);
    let mut y = lists_top;
    for row in figure.lists.chunks(COLUMNS) {
        draw_lists(&mut canvas, y, row, figure, &colours);
        y += list_height(row) + 12.0;
    }
    y += f64::from(SMALL);
    for text in caption {
        canvas.text(MARGIN, y, &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

/// The axes that share a scale; gives where they end.
fn draw_group(canvas: &mut Canvas, top: f64, axes: &[CardAxis], look: Look) -> f64 {
    let Some(first) = axes.first() else { return top };
    let (start, end) = (top + GROUP, top + GROUP + axes.len() as f64 * STRIP);
    canvas.text(MARGIN, top + 17.0, &first.group, Font::new(12).bold());
    for tick in ticks(first.low, first.high, 6) {
        let x = place(first, tick);
        canvas.line((x, start), (x, end), FAINT, 1.0);
        canvas.text(x, top + 19.0, &number(tick), Font::new(10).middle().colour(GREY));
    }
    if let Some(chance) = first.middle {
        canvas.dashed((place(first, chance), start), (place(first, chance), end), GREY, 1.0, Some("3 2"));
    }
    for (i, axis) in axes.iter().enumerate() {
        strip(canvas, start + i as f64 * STRIP, axis, look);
    }
    end
}

fn place(axis: &CardAxis, value: f64) -> f64 {
    let place = if axis.high > axis.low { (value - axis.low) / (axis.high - axis.low) } else { 0.5 };
    LEFT + place.clamp(0.0, 1.0) * (RIGHT - LEFT)
}

fn strip(canvas: &mut Canvas, y: f64, axis: &CardAxis, look: Look) {
    let middle = y + STRIP / 2.0;
    let at = |value: f64| place(axis, value);
    canvas.text(MARGIN, middle + 4.0, &fitted_name(&axis.name, NAMES - 14.0, 12), Font::new(12));
    for (i, (family, value)) in axis.others.iter().enumerate().filter(|(_, (_, value))| value.is_finite()) {
        canvas.marker((at(*value), middle), 2.4, Look::of_family(family, i));
    }
    if let Some((low, high)) = axis.interval {
        canvas.line((at(low), middle), (at(high), middle), INK, 2.0);
        for end in [low, high] {
            canvas.line((at(end), middle - 4.0), (at(end), middle + 4.0), INK, 1.4);
        }
    }
    if axis.value.is_finite() {
        canvas.marker((at(axis.value), middle), 5.5, look);
    }
    canvas.text(RIGHT + 14.0, middle + 4.0, &axis.text, Font::new(SMALL));
    canvas.text(WIDTH - MARGIN, middle + 4.0, &axis.place, Font::new(SMALL).end());
}

/// What the marks on the strips are, and the colours of words.
fn legend(canvas: &mut Canvas, y: f64, figure: &CardFigure, look: Look) {
    let mut x = MARGIN;
    let mut say = |canvas: &mut Canvas, mark: Option<(f64, Look)>, text: &str, colour: Colour| {
        let before = if mark.is_some() { 14.0 } else { 0.0 };
        if x + before + text_width(text, SMALL) > WIDTH - MARGIN {
            return;
        }
        if let Some((size, look)) = mark {
            canvas.marker((x + 5.0, y - 4.0), size, look);
        }
        canvas.text(x + before, y, text, Font::new(SMALL).colour(colour));
        x += before + text_width(text, SMALL) + 16.0;
    };
    say(canvas, Some((5.0, look)), "this model, bar: 95 %", GREY);
    let mut families: Vec<&str> = figure.axes.iter().flat_map(|axis| &axis.others).map(|(family, _)| family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    for family in families {
        say(canvas, Some((2.4, Look::of_family(family, 0))), &format!("another model, {family}"), GREY);
    }
    // More of them are named beside their words.
    let colours = category_colours(&figure.categories);
    for (name, colour) in figure.categories.iter().zip(colours).filter(|_| figure.categories.len() <= NAMED) {
        say(canvas, None, name, colour);
    }
}

/// Lines of the highest of the lists; one alone lies across all columns.
fn list_rows(lists: &[CardList]) -> usize {
    match lists {
        [one] => one.lines.len().div_ceil(COLUMNS),
        _ => lists.iter().map(|list| list.lines.len()).max().unwrap_or(0),
    }
}

fn list_height(lists: &[CardList]) -> f64 {
    26.0 + list_rows(lists) as f64 * LINE
}

fn draw_lists(canvas: &mut Canvas, y: f64, lists: &[CardList], figure: &CardFigure, colours: &[Colour]) {
    let wide = (WIDTH - 2.0 * MARGIN) / COLUMNS as f64;
    let rows = list_rows(lists).max(1);
    for (i, list) in lists.iter().enumerate() {
        let x = MARGIN + i as f64 * wide;
        let room = if lists.len() == 1 { WIDTH - 2.0 * MARGIN } else { wide - 12.0 };
        canvas.text(x, y + 14.0, &fitted(&list.title, room, 13), Font::new(13).bold());
        let numbers = list.lines.iter().map(|line| text_width(&line.number, 12)).fold(0.0, f64::max);
        for (at, line) in list.lines.iter().enumerate() {
            let (column, row) = (at / rows, at % rows);
            let x = x + column as f64 * wide;
            draw_line(canvas, (x, y + 34.0 + row as f64 * LINE), wide - 12.0, numbers, line, figure, colours);
        }
    }
}

/// The number under those above it; then the word, in the colour of its category, which is named where there are many.
fn draw_line(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    wide: f64,
    numbers: f64,
    line: &CardLine,
    figure: &CardFigure,
    colours: &[Colour],
) {
    canvas.text(x + numbers, y, &line.number, Font::new(12).end().colour(GREY));
    let x = x + numbers + 8.0;
    let room = wide - numbers - 8.0;
    match &line.of {
        CardSubject::Model(family) => {
            let look = Look::of_family(family, 0);
            canvas.marker((x + 4.0, y - 4.0), 2.8, look);
            canvas.text(x + 14.0, y, &fitted_name(&line.text, room - 14.0, 12), Font::new(12).colour(look.colour));
        }
        CardSubject::Word(category) => {
            let named = category.filter(|_| figure.categories.len() > NAMED).and_then(|at| figure.categories.get(at));
            let own = if named.is_some() { room * 0.56 } else { room };
            let colour = category.and_then(|at| colours.get(at)).copied().unwrap_or(INK);
            canvas.text(x, y, &fitted(&line.text, own, 12), Font::new(12).colour(colour));
            if let Some(name) = named {
                let name = fitted_name(name, room - own - 6.0, 9);
                canvas.text(x + own + 6.0, y, &name, Font::new(9).colour(GREY));
            }
        }
    }
}
