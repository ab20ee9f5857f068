//! The words that moved farthest in a training: for each training those that rose and those that fell, between the first and
//! the last checkpoint, as bars.

use super::canvas::{
    Canvas, Colour, FAINT, Figure, Font, GREY, INK, category_colours, fitted, fitted_name, line_height, wrapped,
};
use super::scale::{number, ticks};
use crate::base::text::{count, visible_word};
use crate::stats::ablation::{Ablation, Moved, Run};

/// What the figure shows.
#[derive(Clone, Copy, Debug)]
pub struct MovedFigure<'a> {
    /// Trainings; those of which no word is known are passed over.
    pub found: &'a Ablation,
    /// Words that rose, and as many that fell, of each training.
    pub words: usize,
}

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 760.0;
/// Left of the bars: categories, then words.
const CATEGORIES: f64 = 116.0;
const NAMES: f64 = 250.0;
const ROW: f64 = 18.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 52.0;
const SMALL: u32 = 11;
const LEFT: f64 = MARGIN + NAMES;
const RIGHT: f64 = WIDTH - MARGIN - 12.0;

/// Draws the words.
pub fn moved(figure: MovedFigure) -> Figure {
    let runs: Vec<(&Run, Vec<&Moved>)> = figure.found.runs.iter().map(|run| (run, ends(run, figure.words))).collect();
    let runs: Vec<_> = runs.into_iter().filter(|(_, words)| !words.is_empty()).collect();
    let inner = WIDTH - 2.0 * MARGIN;
    let caption = format!(
        "Places that a word rose (to the right) or fell between the first and the last checkpoint, among all words ranked; of each \
         training the {} that moved farthest either way.",
        count(figure.words)
    );
    let caption = wrapped(&caption, inner, SMALL);
    let panels: f64 = runs.iter().map(|(_, words)| HEAD + words.len() as f64 * ROW + FOOT).sum();
    let height = 52.0 + panels + caption.len() as f64 * line_height(SMALL) + MARGIN;
    let title = "Words that moved farthest";
    let mut canvas = Canvas::new(WIDTH, height, title);
    canvas.text(MARGIN, 34.0, title, Font::new(16).bold());
    let mut names: Vec<&str> =
        runs.iter().flat_map(|(_, words)| words).flat_map(|word| &word.categories).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let colours: Vec<(&str, Colour)> = names.iter().copied().zip(category_colours(&names)).collect();
    let most = runs.iter().flat_map(|(_, words)| words).map(|word| word.change.abs()).fold(1.0, f64::max) * 1.04;
    let mut y = 52.0;
    for (run, words) in &runs {
        draw_run(&mut canvas, y, run, words, most, &colours);
        y += HEAD + words.len() as f64 * ROW + FOOT;
    }
    for text in caption {
        canvas.text(MARGIN, y + f64::from(SMALL), &text, Font::new(SMALL).colour(GREY));
        y += line_height(SMALL);
    }
    canvas.finish()
}

/// So many words that rose farthest, then so many that fell, the farthest last.
fn ends(run: &Run, words: usize) -> Vec<&Moved> {
    let mut all: Vec<&Moved> = run.moved.iter().collect();
    all.sort_by(|a, b| a.change.total_cmp(&b.change));
    let rose = all.iter().filter(|word| word.change < 0.0).take(words).copied();
    let fell: Vec<&Moved> = all.iter().rev().filter(|word| word.change > 0.0).take(words).copied().collect();
    rose.chain(fell.into_iter().rev()).collect()
}

fn draw_run(canvas: &mut Canvas, top: f64, run: &Run, words: &[&Moved], most: f64, colours: &[(&str, Colour)]) {
    let training = &run.training;
    let data = [training.model.clone(), training.data()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    canvas.text(MARGIN, top + 20.0, &fitted(&data.join(", "), WIDTH - 2.0 * MARGIN, 13), Font::new(13).bold());
    let (top, bottom) = (top + HEAD, top + HEAD + words.len() as f64 * ROW);
    let at_x = |places: f64| LEFT + (places + most) / (2.0 * most) * (RIGHT - LEFT);
    for tick in ticks(-most, most, 6) {
        canvas.line((at_x(tick), top - 4.0), (at_x(tick), bottom), FAINT, 1.0);
        canvas.text(at_x(tick), bottom + 15.0, &number(tick), Font::new(SMALL).middle().colour(GREY));
    }
    canvas.text((LEFT + RIGHT) / 2.0, bottom + 32.0, "places risen", Font::new(SMALL).middle().colour(GREY));
    for (at, word) in words.iter().enumerate() {
        let y = top + at as f64 * ROW;
        let category = word.categories.first();
        let colour =
            category.and_then(|name| colours.iter().find(|(known, _)| known == name)).map_or(GREY, |(_, colour)| *colour);
        if let Some(category) = category {
            canvas.text(MARGIN, y + 13.0, &fitted_name(category, CATEGORIES, SMALL), Font::new(SMALL).colour(colour));
        }
        let shown = fitted(&visible_word(&word.word, false), NAMES - CATEGORIES - 18.0, 12);
        canvas.text(LEFT - 10.0, y + 13.0, &shown, Font::new(12).end());
        let (from, to) = (at_x(0.0).min(at_x(-word.change)), at_x(0.0).max(at_x(-word.change)));
        canvas.tile((from, y + 3.0), (to - from, ROW - 6.0), colour);
    }
    canvas.line((at_x(0.0), top - 4.0), (at_x(0.0), bottom), INK, 1.2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ablation::Training;

    #[test]
    fn words_that_rose_come_first_and_the_farthest_fallen_last() {
        let word = |word: &str, change: f64| Moved {
            word: word.to_owned(),
            categories: vec!["agency".to_owned()],
            first_rank: 10.0,
            last_rank: 10.0 + change,
            change,
        };
        let moved_words = [("a", -3.0), ("b", 5.0), ("c", -9.0), ("d", 1.0), ("e", 0.0), ("f", -1.0)];
        let training = Training { model: "m".to_owned(), ..Training::default() };
        let moved_words = moved_words.map(|(name, change)| word(name, change)).to_vec();
        let run = Run { training, words: Some(6), series: Vec::new(), moved: moved_words };
        let names: Vec<&str> = ends(&run, 2).into_iter().map(|word| word.word.as_str()).collect();
        assert_eq!(names, ["c", "a", "d", "b"]);
        let svg = moved(MovedFigure { found: &Ablation::new(vec![run], Vec::new()), words: 2 }).svg();
        assert!(svg.contains(">agency<") && svg.contains(">c<") && !svg.contains(">e<"), "{svg}");
    }
}
