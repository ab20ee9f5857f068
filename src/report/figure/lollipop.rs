//! Words between two language models: how much more one likes each than the other.

use super::canvas::{
    Canvas, FAINT, Figure, Font, GREY, INK, Look, category_colours, fitted, fitted_name, line_height, text_width, wrapped,
};
use super::scale::{number, root_ticks, ticks};
use crate::base::terms::{Family, Measure};
use crate::base::text::{count, counted, visible_word};

/// A word with its value: above zero where the first model likes it better.
#[derive(Clone, Debug, PartialEq)]
pub struct Lollipop {
    /// The word.
    pub word: String,
    /// Its categories, by name.
    pub categories: Vec<String>,
    /// Its implicit reward, in nats; of many pairs of models, the mean.
    pub value: f64,
    /// Of many pairs of models, the value of each; else empty.
    pub each: Vec<f64>,
}

/// What the figure shows.
#[derive(Clone, Debug)]
pub struct LollipopFigure {
    /// Names of the two models, and their families.
    pub models: [(String, Family); 2],
    /// Which implicit reward it is.
    pub measure: Measure,
    /// All of them, the one that the first model likes most before the others; of many those at both ends are drawn.
    pub words: Vec<Lollipop>,
    /// The prompt's text.
    pub prompt: String,
    /// More that a reader should know: how variants were joined.
    pub note: String,
}

impl LollipopFigure {
    /// The note on words beside the list, which have no place in the picture; empty where there are none.
    pub fn not_drawn(own_words: usize) -> String {
        match own_words {
            0 => String::new(),
            1 => "1 own word is not drawn".to_owned(),
            own => format!("{own} own words are not drawn"),
        }
    }
}

impl Default for LollipopFigure {
    fn default() -> Self {
        let models = [0, 1].map(|_| (String::new(), Family::Other));
        LollipopFigure { models, measure: Measure::default(), words: Vec::new(), prompt: String::new(), note: String::new() }
    }
}

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 800.0;
const ROW: f64 = 19.0;
/// Left of the stems: categories, then words.
const CATEGORIES: f64 = 116.0;
const NAMES: f64 = 250.0;
const SMALL: u32 = 11;
/// Words drawn at either end.
const ENDS: usize = 20;

/// Where values lie from left to right.
struct Across {
    measure: Measure,
    low: f64,
    high: f64,
}

impl Across {
    const LEFT: f64 = MARGIN + NAMES;
    const RIGHT: f64 = WIDTH - MARGIN - 12.0;
    /// Of the longer side, that the shorter one has at least.
    const LEAST: f64 = 0.2;

    fn of(figure: &LollipopFigure) -> Across {
        let of_word = |word: &Lollipop| word.each.iter().copied().chain([word.value]).collect::<Vec<_>>();
        let values = || figure.words.iter().flat_map(of_word).filter(|value| value.is_finite());
        let (low, high) = (values().fold(0.0, f64::min) * 1.06, values().fold(0.0, f64::max) * 1.06);
        let (low, high) = if low == 0.0 && high == 0.0 { (-1.0, 1.0) } else { (low, high) };
        let least = match figure.measure {
            Measure::Mwlr => Across::LEAST * Across::LEAST,
            Measure::LogRatio => Across::LEAST,
        };
        Across { measure: figure.measure, low: low.min(-high * least), high: high.max(-low * least) }
    }

    /// Of MWLR, which few words dominate, square roots are drawn: the others would all lie at zero.
    fn drawn(&self, value: f64) -> f64 {
        match self.measure {
            Measure::Mwlr => value.abs().sqrt().copysign(value),
            Measure::LogRatio => value,
        }
    }

    fn x(&self, value: f64) -> f64 {
        let [value, low, high] = [value, self.low, self.high].map(|v| self.drawn(v));
        Across::LEFT + (value - low) / (high - low) * (Across::RIGHT - Across::LEFT)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.measure {
            Measure::Mwlr => root_ticks(self.low, self.high, 56.0, |value| self.x(value)),
            Measure::LogRatio => ticks(self.low, self.high, 6),
        }
    }

    fn title(&self) -> String {
        match self.measure {
            Measure::Mwlr => format!("{}, drawn by its square root", self.measure),
            Measure::LogRatio => self.measure.to_string(),
        }
    }
}

/// Draws the words at both ends.
pub fn lollipops(figure: &LollipopFigure) -> Figure {
    let caption = caption(figure);
    let inner = WIDTH - 2.0 * MARGIN;
    let lines: usize = caption.iter().map(|text| wrapped(text, inner, SMALL).len()).sum();
    let rows = rows(&figure.words);
    let top = 96.0;
    let bottom = top + rows.len().max(1) as f64 * ROW;
    let height = bottom + 46.0 + lines as f64 * line_height(SMALL) + MARGIN;
    let [(a, _), (b, _)] = &figure.models;
    let title = format!("Implicit reward: {a} against {b}");
    let mut canvas = Canvas::new(WIDTH, height, &title);
    canvas.text(MARGIN, 34.0, &fitted(&title, inner, 16), Font::new(16).bold());
    let across = Across::of(figure);
    for tick in across.ticks() {
        let x = across.x(tick);
        canvas.line((x, top - 8.0), (x, bottom), FAINT, 1.0);
        canvas.text(x, bottom + 16.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    let zero = across.x(0.0);
    canvas.line((zero, top - 8.0), (zero, bottom), INK, 1.2);
    let middle = (Across::LEFT + Across::RIGHT) / 2.0;
    canvas.text(middle, bottom + 34.0, &across.title(), Font::new(12).middle());
    let looks = looks(figure.models.each_ref().map(|(_, family)| *family));
    legend(&mut canvas, figure, looks);
    let mut names: Vec<&str> = Vec::new();
    for name in figure.words.iter().flat_map(|word| &word.categories) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    let colours = category_colours(&names);
    for (at, row) in rows.into_iter().enumerate() {
        let y = top + (at as f64 + 0.5) * ROW;
        let Row::Word(word) = row else {
            let Row::Between(n) = row else { continue };
            canvas.text(Across::LEFT - 10.0, y + 4.0, &format!("⋮  {} between", count(n)), Font::new(SMALL).end().colour(GREY));
            // The line of zero is broken where words are left out.
            canvas.line((zero, y - ROW * 0.45), (zero, y + ROW * 0.45), (0xff, 0xff, 0xff), 3.0);
            continue;
        };
        if let Some(category) = word.categories.first() {
            let colour = names.iter().position(|name| name == category).map_or(GREY, |at| colours[at]);
            canvas.text(MARGIN, y + 4.0, &fitted_name(category, CATEGORIES, SMALL), Font::new(SMALL).colour(colour));
        }
        let shown = fitted(&visible_word(&word.word, false), NAMES - CATEGORIES - 18.0, 12);
        canvas.text(Across::LEFT - 10.0, y + 4.0, &shown, Font::new(12).end());
        if word.value.is_finite() {
            let look = looks[usize::from(word.value < 0.0)];
            canvas.line((zero, y), (across.x(word.value), y), look.colour, 1.8);
            for value in word.each.iter().filter(|value| value.is_finite()) {
                canvas.dot((across.x(*value), y), 1.8, GREY, false);
            }
            canvas.marker((across.x(word.value), y), 4.0, look);
        }
    }
    let mut y = bottom + 46.0 + f64::from(SMALL);
    for text in caption {
        y = canvas.paragraph(MARGIN, y, inner, &text, Font::new(SMALL).colour(GREY));
    }
    canvas.finish()
}

enum Row<'a> {
    Word(&'a Lollipop),
    /// So many words are not drawn.
    Between(usize),
}

fn rows(words: &[Lollipop]) -> Vec<Row<'_>> {
    if words.len() <= 2 * ENDS {
        return words.iter().map(Row::Word).collect();
    }
    let first = words[..ENDS].iter().map(Row::Word);
    let last = words[words.len() - ENDS..].iter().map(Row::Word);
    first.chain([Row::Between(words.len() - 2 * ENDS)]).chain(last).collect()
}

/// Each model looks as its family does; of one family the second has a look of its own.
fn looks([a, b]: [Family; 2]) -> [Look; 2] {
    let of = |family: Family, at| Look::of_family(&family.to_string(), at);
    [of(a, 0), if a == b { Look::nth(3) } else { of(b, 1) }]
}

/// Each model on its side, its name cut only where both have no room.
fn legend(canvas: &mut Canvas, figure: &LollipopFigure, [look_a, look_b]: [Look; 2]) {
    const MORE: &str = "preferred by ";
    let [(a, _), (b, _)] = &figure.models;
    let room = WIDTH - 2.0 * MARGIN - 60.0 - 2.0 * text_width("→ ", 12) - 2.0 * text_width(MORE, 12);
    let half = |other: &str| (room - text_width(other, 12)).max(room / 2.0);
    let (name_a, name_b) = (fitted_name(a, half(b), 12), fitted_name(b, half(a), 12));
    canvas.marker((MARGIN + 6.0, 68.0), 4.5, look_b);
    canvas.text(MARGIN + 18.0, 72.0, &format!("← {MORE}{name_b}"), Font::new(12).colour(look_b.colour));
    let right = WIDTH - MARGIN - 6.0;
    canvas.marker((right, 68.0), 4.5, look_a);
    canvas.text(right - 12.0, 72.0, &format!("{MORE}{name_a} →"), Font::new(12).end().colour(look_a.colour));
}

fn caption(figure: &LollipopFigure) -> Vec<String> {
    let n = figure.words.len();
    let shown = match n {
        n if n > 2 * ENDS => format!("The {ENDS} words at either end, of n = {}.", count(n)),
        1 => "n = 1 word.".to_owned(),
        n => format!("n = {}.", counted(n, "word")),
    };
    let pairs = figure.words.iter().map(|word| word.each.len()).max().unwrap_or(0);
    let shown = match pairs {
        0 => shown,
        pairs => format!("{shown} A marker is the mean over {} pairs of models, a dot one pair.", count(pairs)),
    };
    let prompt = if figure.prompt.is_empty() { String::new() } else { format!(" Prompt: {}", figure.prompt) };
    [format!("{shown}{prompt}"), figure.note.clone()].into_iter().filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(words: usize, measure: Measure) -> LollipopFigure {
        let word = |i: usize| Lollipop {
            word: format!("w{i}"),
            categories: vec!["agency".to_owned()],
            value: (words as f64 / 2.0 - i as f64) * 1e-5,
            each: Vec::new(),
        };
        let models = [("first".to_owned(), Family::Llama), ("second".to_owned(), Family::Gemma)];
        LollipopFigure { models, measure, words: (0..words).map(word).collect(), ..LollipopFigure::default() }
    }

    #[test]
    fn of_many_words_those_at_both_ends_are_drawn_with_a_gap_that_says_so() {
        let svg = lollipops(&figure(100, Measure::Mwlr)).svg();
        for part in [">w0<", ">w19<", ">w80<", ">w99<", "60 between", "The 20 words at either end, of n = 100"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(!svg.contains(">w20<") && !svg.contains(">w79<"));
        assert!(!lollipops(&figure(40, Measure::Mwlr)).svg().contains("between"));
    }

    #[test]
    fn small_numbers_have_ticks_of_their_own_and_the_axis_says_how_it_is_drawn() {
        let svg = lollipops(&figure(40, Measure::Mwlr)).svg();
        assert!(svg.contains("e−5") && svg.contains("drawn by its square root"), "{svg}");
        assert_eq!(svg.matches(">0<").count(), 1, "one tick is zero");
        assert!(!lollipops(&figure(40, Measure::LogRatio)).svg().contains("square root"));
    }

    #[test]
    fn models_look_as_their_families_do_and_two_of_one_family_differ() {
        let gemma = Look::of_family("Gemma", 0);
        assert_eq!(looks([Family::Llama, Family::Gemma]), [Look::of_family("Llama", 0), gemma]);
        let [a, b] = looks([Family::Gemma, Family::Gemma]);
        assert!(a == gemma && b.colour != gemma.colour && b.marker != gemma.marker);
        let [a, b] = looks([Family::Other, Family::Other]);
        assert_ne!(a, b);
    }

    #[test]
    fn long_names_share_the_room_of_the_legend() {
        let name = "an-organisation--a-model-7B-instruct-v0.2";
        let of = |a: &str, b: &str| {
            let models = [(a.to_owned(), Family::Llama), (b.to_owned(), Family::Gemma)];
            lollipops(&LollipopFigure { models, ..figure(3, Measure::LogRatio) }).svg()
        };
        assert!(of(name, "short").contains(&format!("preferred by {name}")), "where there is room nothing is cut");
        let both = of(name, name);
        assert_eq!(both.matches("preferred by ").count(), 2, "{both}");
    }
}
