//! The study's first figure: for each category and framing the families' median ranks, one violin a family.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, INK, Look, WARNING, fitted, line_height, text_width, wrapped};
use super::scale::{number, ticks};
use crate::base::terms::Framing;
use crate::base::text::{count, counted};
use crate::report::panels::{Group, Panel, RankAxis, why_they_differ};
use crate::report::wording::{NOT_SIGNIFICANT, p_in_short, stars};
use crate::stats::contrast::{EXACT_MODELS, Test, judging_tests, shown_tests};
use crate::stats::results::{Contrast, Report};

/// What the figure shows.
#[derive(Clone, Copy, Debug)]
pub struct PanelsFigure<'a> {
    /// By category, positive before negative.
    pub panels: &'a [Panel],
    /// The report that they are of.
    pub report: &'a Report,
    /// The name of the word list.
    pub corpus: &'a str,
    /// What a reader should know before all else: `partial: 72 of 108 tables`.
    pub notes: &'a [String],
}

const MARGIN: f64 = 24.0;
/// Left of a row of violins: the axis and its name; right of it: what the line of chance is called.
const AXIS: f64 = 62.0;
const CHANCE: f64 = 46.0;
/// Width of one family's violin, and space between two categories.
const VIOLIN: f64 = 74.0;
const GAP: f64 = 34.0;
const PLOT: f64 = 300.0;
/// Above a plot: a bracket with its stars; below: names and n, and a test.
const BRACKET: f64 = 24.0;
const NAMES: f64 = 42.0;
const TEST: f64 = 14.0;
const WIDEST: f64 = 1240.0;
const SMALL: u32 = 11;

/// What all panels share.
struct Shared<'a> {
    families: Vec<&'a str>,
    axis: RankAxis,
    /// The number of tests that p-values are adjusted for.
    adjusted_for: usize,
    /// Contrasts of the panel that has most.
    contrasts: usize,
}

impl<'a> Shared<'a> {
    fn new(figure: &PanelsFigure<'a>) -> Shared<'a> {
        let mut families: Vec<&str> = Vec::new();
        for group in figure.panels.iter().flat_map(|panel| &panel.families) {
            if !families.contains(&&*group.name) {
                families.push(&group.name);
            }
        }
        families.sort_unstable();
        Shared {
            families,
            axis: RankAxis::around(figure.panels, figure.report.words),
            adjusted_for: figure.report.adjusted_for,
            contrasts: figure.panels.iter().map(|panel| panel.contrasts.len()).max().unwrap_or(0),
        }
    }

    fn group_width(&self) -> f64 {
        self.families.len().max(1) as f64 * VIOLIN + GAP
    }

    fn top(&self) -> f64 {
        26.0 + 10.0 + self.contrasts.max(1) as f64 * BRACKET
    }

    fn row_height(&self) -> f64 {
        self.top() + PLOT + NAMES + self.contrasts.max(shown_tests().filter(|test| test.has_p()).count()) as f64 * TEST + 24.0
    }

    /// Place of a family among all.
    fn place(&self, family: &str) -> Option<usize> {
        self.families.iter().position(|name| *name == family)
    }
}

/// Draws a violin for each category, framing and family.
pub fn panels(figure: PanelsFigure) -> Figure {
    let shared = Shared::new(&figure);
    let of = |framing| figure.panels.iter().filter(|p| p.framing == framing).collect::<Vec<&Panel>>();
    let rows: Vec<(&str, Vec<&Panel>)> = [
        ("Positive prompts: best, greatest, good", of(Framing::Positive)),
        ("Negative prompts: worst, bad, terrible", of(Framing::Negative)),
    ]
    .into_iter()
    .filter(|(_, panels)| !panels.is_empty())
    .collect();
    let most = rows.iter().map(|(_, panels)| panels.len()).max().unwrap_or(1);
    let plot_width = AXIS + most as f64 * shared.group_width() + CHANCE;
    // Side by side while that is not too wide, else one below the other.
    let abreast = rows.len() > 1 && MARGIN * 2.0 + plot_width * 2.0 <= WIDEST;
    let columns = if abreast { rows.len() } else { 1 };
    let width = (MARGIN * 2.0 + plot_width * columns as f64).max(640.0);
    let inner = width - 2.0 * MARGIN;
    let caption = caption(&figure, &shared);
    let caption_height: f64 =
        caption.iter().map(|text| wrapped(text, inner, SMALL).len() as f64 * line_height(SMALL) + 4.0).sum();
    let notes = wrapped(&figure.notes.join("; "), inner, 13);
    let notes = if figure.notes.is_empty() { Vec::new() } else { notes };
    let legend = legend(&shared.families, inner);
    let head = 44.0 + notes.len() as f64 * line_height(13) + 18.0 * legend.len() as f64 + 14.0;
    let lines = if abreast { 1 } else { rows.len().max(1) };
    let height = head + shared.row_height() * lines as f64 + caption_height + MARGIN;

    let title = "Median ranks by category, framing and family";
    let mut canvas = Canvas::new(width, height, title);
    canvas.text(MARGIN, 34.0, title, Font::new(18).bold());
    let mut y = 44.0;
    for note in notes {
        y += line_height(13);
        canvas.text(MARGIN, y - 3.0, &note, Font::new(13).bold().colour(WARNING));
    }
    for line in legend {
        y += 18.0;
        for (x, item) in line {
            item.draw(&mut canvas, MARGIN + x, y);
        }
    }
    for (at, (name, panels)) in rows.iter().enumerate() {
        let (column, row) = if abreast { (at, 0) } else { (0, at) };
        let place = (MARGIN + column as f64 * plot_width, head + row as f64 * shared.row_height());
        draw_row(&mut canvas, place, plot_width, name, panels, &shared);
    }
    let mut y = head + shared.row_height() * lines as f64 + f64::from(SMALL);
    for text in caption {
        y = canvas.paragraph(MARGIN, y, inner, &text, Font::new(SMALL).colour(GREY)) + 4.0;
    }
    canvas.finish()
}

/// One thing that the legend explains.
enum Item {
    Family(String, Look),
    Signs(&'static str),
}

impl Item {
    fn wide(&self) -> f64 {
        match self {
            Item::Family(name, _) => 18.0 + text_width(name, 13) + 28.0,
            Item::Signs(text) => text_width(text, SMALL) + 20.0,
        }
    }

    fn draw(&self, canvas: &mut Canvas, x: f64, y: f64) {
        match self {
            Item::Family(name, look) => {
                canvas.marker((x + 6.0, y - 4.0), 5.0, *look);
                canvas.text(x + 18.0, y, name, Font::new(13).colour(look.colour).bold());
            }
            Item::Signs(text) => canvas.text(x, y, text, Font::new(SMALL).colour(GREY)),
        }
    }
}

/// Lines of what the signs mean, each with its place.
fn legend(families: &[&str], width: f64) -> Vec<Vec<(f64, Item)>> {
    let family = |(at, name): (usize, &&str)| Item::Family(fitted(name, 160.0, 13), Look::of_family(name, at));
    let signs = "large: mean ± standard error of the cells; small: one cell; tick at the right: a model's mean";
    let mut lines: Vec<Vec<(f64, Item)>> = vec![Vec::new()];
    let mut x = 0.0;
    for item in families.iter().enumerate().map(family).chain([Item::Signs(signs)]) {
        if x > 0.0 && x + item.wide() > width {
            lines.push(Vec::new());
            x = 0.0;
        }
        let wide = item.wide();
        if let Some(line) = lines.last_mut() {
            line.push((x, item));
        }
        x += wide;
    }
    lines
}

fn draw_row(canvas: &mut Canvas, (x, y): (f64, f64), width: f64, name: &str, panels: &[&Panel], shared: &Shared) {
    let axis = shared.axis;
    canvas.text(x + AXIS, y + 14.0, &fitted(name, width - AXIS, 13), Font::new(13).bold());
    let (left, right) = (x + AXIS, x + AXIS + panels.len() as f64 * shared.group_width());
    let top = y + shared.top();
    let at = |rank: f64| top + axis.position(rank) * PLOT;
    for tick in ticks(axis.low, axis.high, 6) {
        canvas.line((left, at(tick)), (right, at(tick)), FAINT, 1.0);
        canvas.text(left - 8.0, at(tick) + 4.0, &number(tick), Font::new(SMALL).end().colour(GREY));
    }
    canvas.dashed((left, at(axis.chance)), (right, at(axis.chance)), GREY, 1.0, Some("4 3"));
    // Beyond the violins, where nothing can lie over it.
    canvas.text(right + 4.0, at(axis.chance) + 3.5, "chance", Font::new(10).colour(GREY));
    canvas.text(x + 14.0, top + PLOT / 2.0, "median rank (up: preferred)", Font::new(12).middle().turned(-90.0));
    for (i, panel) in panels.iter().enumerate() {
        let from = left + i as f64 * shared.group_width() + GAP / 2.0;
        let centre = |family: usize| from + (family as f64 + 0.5) * VIOLIN;
        for group in &panel.families {
            let Some(place) = shared.place(&group.name) else { continue };
            let look = Look::of_family(&group.name, place);
            violin(canvas, centre(place), group, look, at);
            for model in panel.models.iter().filter(|model| model.family == group.name) {
                let x = centre(place) + VIOLIN / 2.0;
                canvas.line((x - 5.0, at(model.mean)), (x + 3.0, at(model.mean)), look.colour, 1.6);
            }
            let n = format!("n {}", count(group.n()));
            canvas.text(centre(place), top + PLOT + 32.0, &n, Font::new(10).middle().colour(GREY));
        }
        let middle = from + shared.families.len() as f64 * VIOLIN / 2.0;
        let wide = shared.group_width() - 6.0;
        canvas.text(middle, top + PLOT + 17.0, &fitted(&panel.category, wide, 13), Font::new(13).middle());
        let mut below = top + PLOT + NAMES + 6.0;
        for (level, contrast) in panel.contrasts.iter().enumerate() {
            let places = contrast.families.each_ref().map(|family| shared.place(family));
            let [Some(a), Some(b)] = places else { continue };
            for text in tests(contrast, shared.adjusted_for, panel.contrasts.len() > 1) {
                canvas.text(middle, below, &fitted(&text, wide, 10), Font::new(10).middle().colour(GREY));
                below += TEST;
            }
            if let Some(p) = contrast.result(&EXACT_MODELS).and_then(|exact| exact.p_bonferroni()) {
                // Each between its own two families, the next one above it.
                let height = top - 10.0 - level as f64 * BRACKET;
                let (a, b) = (centre(a), centre(b));
                canvas.polyline(vec![(a, height + 6.0), (a, height), (b, height), (b, height + 6.0)], INK, 1.0, None);
                canvas.text((a + b) / 2.0, height - 4.0, stars(p, NOT_SIGNIFICANT), Font::new(12).middle());
            }
        }
    }
    canvas.line((left, top), (left, top + PLOT), GREY, 1.0);
}

/// `exact ×4 p .92`, and `Welch p .002, as published`; where there are several pairs of families, the first of them on a line of
/// the pair.
fn tests(contrast: &Contrast, adjusted_for: usize, named: bool) -> Vec<String> {
    let text = |test: &Test| {
        let result = contrast.result(test)?;
        Some(match test.is_as_published() {
            true => format!("{} p {}, as published", test.name, p_in_short(result.p()?)),
            false => format!("{} ×{adjusted_for} p {}", test.name, p_in_short(result.p_bonferroni()?)),
        })
    };
    if !named {
        return shown_tests().filter_map(text).collect();
    }
    let [first, second] = contrast.families.each_ref().map(|name| name.chars().take(7).collect::<String>());
    let all: Vec<String> = judging_tests().filter_map(text).collect();
    if all.is_empty() { all } else { vec![format!("{second} − {first}: {}", all.join(", "))] }
}

/// The density of the cells, the cells, and the mean.
fn violin(canvas: &mut Canvas, x: f64, group: &Group, look: Look, at: impl Fn(f64) -> f64) {
    const HALF: f64 = VIOLIN * 0.44;
    let density = density(&group.values);
    let most = density.iter().map(|(_, d)| *d).fold(0.0, f64::max);
    let half = |d: f64| if most > 0.0 { d / most * HALF } else { 0.0 };
    if density.len() > 2 {
        let right = density.iter().map(|&(rank, d)| (x + half(d), at(rank)));
        let left = density.iter().rev().map(|&(rank, d)| (x - half(d), at(rank)));
        canvas.area(&right.chain(left).collect::<Vec<_>>(), look.colour, 0.16);
    }
    let open = matches!(look.marker, super::canvas::Marker::OpenDiamond);
    for (i, &value) in group.values.iter().enumerate() {
        // Spread by the golden ratio: even, and the same every time.
        let aside = ((i as f64 * 0.618_033_988_75).fract() - 0.5) * 2.0;
        let room = density.iter().min_by(|a, b| (a.0 - value).abs().total_cmp(&(b.0 - value).abs())).map_or(0.0, |d| half(d.1));
        canvas.dot((x + aside * room * 0.8, at(value)), 1.7, super::canvas::mixed(look.colour, 0.7), open);
    }
    let (low, high) = (at(group.mean - group.se), at(group.mean + group.se));
    if group.n() > 1 {
        canvas.line((x, low), (x, high), INK, 1.6);
        for y in [low, high] {
            canvas.line((x - 7.0, y), (x + 7.0, y), INK, 1.6);
        }
    }
    canvas.marker((x, at(group.mean)), 4.5, look);
}

/// Gaussian kernels of Silverman's bandwidth, between the lowest and the highest value; empty where nothing varies.
fn density(values: &[f64]) -> Vec<(f64, f64)> {
    let width = kuva::silverman_bandwidth(values);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 3 || low >= high || !width.is_finite() || width <= 0.0 {
        return Vec::new();
    }
    kuva::simple_kde(values, width, 96).into_iter().filter(|(rank, _)| (low..=high).contains(rank)).collect()
}

/// What the figure shows and how it was tested, with n of everything.
fn caption(figure: &PanelsFigure, shared: &Shared) -> Vec<String> {
    let report = figure.report;
    let cells: usize = figure.panels.iter().flat_map(|p| &p.families).map(Group::n).sum();
    let mut lines = vec![format!(
        "A cell is the median rank of a category's words within one model and one prompt (rank 1: the highest score, ties averaged). \
         n = {} of {} under {}, over the {} of {}. Dashed: the median rank of words drawn by chance, {}.",
        counted(cells, "cell"),
        counted(report.models.len(), "model"),
        counted(report.prompts.len(), "prompt"),
        counted(report.words, "word"),
        figure.corpus,
        number(shared.axis.chance),
    )];
    let contrasts = || figure.panels.iter().flat_map(|panel| panel.contrasts.iter().map(move |contrast| (panel, contrast)));
    if contrasts().any(|(_, contrast)| contrast.result(&EXACT_MODELS).is_some()) {
        lines.push(format!(
            "Stars: the exact test between the families' models, Bonferroni over {} (*** p < .001, ** p < .01, * p < .05, else n.s.).",
            counted(shared.adjusted_for, "test")
        ));
    }
    let p = |contrast: &Contrast| contrast.result(&EXACT_MODELS).and_then(|exact| exact.p()).unwrap_or(2.0);
    if let Some((panel, contrast)) = contrasts().min_by(|a, b| p(a.1).total_cmp(&p(b.1))) {
        let framing = if panel.framing == Framing::Positive { "positive" } else { "negative" };
        // Why a test is missing is the same everywhere.
        let of =
            if contrast.result(&EXACT_MODELS).is_some() { format!("{}, {framing}: ", panel.category) } else { String::new() };
        lines.push(format!("{of}{}", why_they_differ(contrast)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::options::ReportOptions;
    use crate::stats::report::report;
    use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};
    use std::sync::Arc;

    /// Two words of two categories, two models of each family, under two prompts.
    fn figure(families: &[&str], notes: &[String]) -> String {
        let word = |i: usize| StudyWord { text: format!("w{i}").into(), categories: vec![(i % 2) as u16] };
        let model = |(at, family): (usize, &&str)| StudyModel {
            name: format!("m{at}").into(),
            family: (*family).into(),
            scores: (0..2).map(|p| Arc::new((0..6).map(|w| ((w * 7 + at * 5 + p * 3) % 11) as f64).collect())).collect(),
        };
        let prompt = |label: &str| StudyPrompt { label: label.into(), framing: Some(Framing::Positive) };
        let study = Study {
            categories: ["agency", "communion"].map(Into::into).to_vec(),
            words: (0..6).map(word).collect(),
            prompts: ["p", "q"].map(prompt).to_vec(),
            models: families.iter().enumerate().map(model).collect(),
        };
        let report = report(&study, &ReportOptions::quick());
        let of = crate::report::panels::panels(&report);
        panels(PanelsFigure { panels: &of, report: &report, corpus: "list", notes }).svg()
    }

    #[test]
    fn each_pair_of_families_has_a_bracket_of_its_own_and_an_unknown_family_none() {
        let brackets = |svg: &str| svg.matches("fill=\"none\"").count();
        let two = figure(&["Gemma", "Gemma", "Llama", "Llama", "other", "other"], &[]);
        // One for each of the two categories.
        assert_eq!(brackets(&two), 2, "{two}");
        let three = figure(&["Gemma", "Gemma", "Llama", "Llama", "Qwen", "Qwen"], &[]);
        assert_eq!(brackets(&three), 2 * 3);
        assert!(three.contains("Bonferroni over 6 tests") && three.contains("Qwen − Llama: exact ×6"), "{three}");
    }

    #[test]
    fn one_model_is_one_model_and_a_single_one_of_each_family_is_warned_of() {
        let flat = |svg: String| svg.split_whitespace().collect::<Vec<_>>().join(" ");
        let svg = flat(figure(&["Gemma", "Llama"], &["partial: 4 of 9 tables".to_owned()]));
        assert!(svg.contains("One model a family") && svg.contains("partial: 4 of 9 tables"), "{svg}");
        assert!(flat(figure(&["Gemma"], &[])).contains("of 1 model under 2 prompts"));
    }
}
