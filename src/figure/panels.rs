//! The study's first figure: for each category and framing the families' median ranks, one violin a family.

use super::canvas::{Canvas, FAINT, Figure, Font, GREY, INK, Look, WARNING, fitted, line_height, number, ticks, wrapped};
use crate::corpus::Framing;
use crate::stats::panels::{Group, Panel, RankAxis, p_text, stars, why_they_differ};
use crate::text::count;

/// What the figure shows.
#[derive(Clone, Copy, Debug)]
pub struct PanelsFigure<'a> {
    pub panels: &'a [Panel],
    /// Words ranked, and the name of their list.
    pub words: usize,
    pub corpus: &'a str,
    pub prompts: usize,
    pub models: usize,
    /// What is missing yet: `12 of 54 prompts`.
    pub partial: Option<&'a str>,
}

const MARGIN: f64 = 24.0;
/// Left of a row of violins: the axis and its name.
const AXIS: f64 = 62.0;
/// Width of one family's violin, and space between two categories.
const VIOLIN: f64 = 74.0;
const GAP: f64 = 34.0;
const PLOT: f64 = 300.0;
/// Above a plot: the brackets with their stars; below: names, and the tests.
const BRACKETS: f64 = 34.0;
const BELOW: f64 = 74.0;
const WIDEST: f64 = 1200.0;
const SMALL: u32 = 11;

pub fn panels(figure: PanelsFigure) -> Figure {
    let axis = RankAxis::of(figure.panels, figure.words);
    let mut families: Vec<&str> = Vec::new();
    for group in figure.panels.iter().flat_map(|panel| &panel.families) {
        if !families.contains(&&*group.name) {
            families.push(&group.name);
        }
    }
    families.sort_unstable();
    let of = |framing| figure.panels.iter().filter(|p| p.framing == framing).collect::<Vec<&Panel>>();
    let rows: Vec<(&str, Vec<&Panel>)> = [
        ("Positive prompts: best, greatest, good", of(Framing::Positive)),
        ("Negative prompts: worst, bad, terrible", of(Framing::Negative)),
    ]
    .into_iter()
    .filter(|(_, panels)| !panels.is_empty())
    .collect();
    let most = rows.iter().map(|(_, panels)| panels.len()).max().unwrap_or(1);
    let group_width = families.len().max(1) as f64 * VIOLIN + GAP;
    let plot_width = AXIS + most as f64 * group_width;
    // Side by side while that is not too wide, else one below the other.
    let abreast = rows.len() > 1 && MARGIN * 2.0 + plot_width * 2.0 + GAP <= WIDEST;
    let columns = if abreast { rows.len() } else { 1 };
    let width = (MARGIN * 2.0 + plot_width * columns as f64 + GAP * (columns - 1) as f64).max(640.0);
    let caption = caption(&figure, axis);
    let caption_width = width - 2.0 * MARGIN;
    let caption_height: f64 =
        caption.iter().map(|text| wrapped(text, caption_width, SMALL).len() as f64 * line_height(SMALL) + 4.0).sum();
    let row_height = 26.0 + BRACKETS + PLOT + BELOW;
    let lines = if abreast { 1 } else { rows.len().max(1) };
    let height = 92.0 + row_height * lines as f64 + caption_height + MARGIN;

    let mut canvas = Canvas::new(width, height, "Median ranks by category, framing and family");
    canvas.text(MARGIN, 34.0, "Median ranks by category, framing and family", Font::new(18).bold());
    if let Some(partial) = figure.partial {
        canvas.text(width - MARGIN, 34.0, &format!("partial: {partial}"), Font::new(13).bold().end().colour(WARNING));
    }
    legend(&mut canvas, &families, 62.0);
    for (at, (name, panels)) in rows.iter().enumerate() {
        let (column, row) = if abreast { (at, 0) } else { (0, at) };
        let x = MARGIN + column as f64 * (plot_width + GAP);
        let y = 84.0 + row as f64 * row_height;
        draw_row(&mut canvas, (x, y), plot_width, name, panels, &families, axis, figure.panels.len());
    }
    let mut y = 92.0 + row_height * lines as f64 + f64::from(SMALL);
    for text in caption {
        y = canvas.paragraph(MARGIN, y, caption_width, &text, Font::new(SMALL).colour(GREY)) + 4.0;
    }
    canvas.finish()
}

fn legend(canvas: &mut Canvas, families: &[&str], y: f64) {
    let mut x = MARGIN + 6.0;
    for (at, family) in families.iter().enumerate() {
        let look = Look::of_family(family, at);
        canvas.marker((x, y - 4.0), 5.0, look);
        let name = fitted(family, 160.0, 13);
        canvas.text(x + 12.0, y, &name, Font::new(13).colour(look.colour).bold());
        x += 12.0 + super::canvas::text_width(&name, 13) + 26.0;
    }
    canvas.text(x, y, "large: mean ± standard error; small: one cell", Font::new(SMALL).colour(GREY));
}

#[allow(clippy::too_many_arguments)]
fn draw_row(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    width: f64,
    name: &str,
    panels: &[&Panel],
    families: &[&str],
    axis: RankAxis,
    tests: usize,
) {
    canvas.text(x + AXIS, y + 14.0, &fitted(name, width - AXIS, 13), Font::new(13).bold());
    let (left, right) = (x + AXIS, x + width);
    let top = y + 26.0 + BRACKETS;
    let at = |rank: f64| top + axis.position(rank) * PLOT;
    for tick in ticks(axis.low, axis.high, 6) {
        canvas.line((left, at(tick)), (right, at(tick)), FAINT, 1.0);
        canvas.text(left - 8.0, at(tick) + 4.0, &number(tick), Font::new(SMALL).end().colour(GREY));
    }
    canvas.dashed((left, at(axis.chance)), (right, at(axis.chance)), GREY, 1.0, Some("4 3"));
    canvas.text(right - 2.0, at(axis.chance) - 4.0, "chance", Font::new(10).end().colour(GREY));
    canvas.text(x + 14.0, top + PLOT / 2.0, "median rank (up: preferred)", Font::new(12).middle().turned(-90.0));
    let group_width = families.len().max(1) as f64 * VIOLIN + GAP;
    for (i, panel) in panels.iter().enumerate() {
        let from = left + i as f64 * group_width + GAP / 2.0;
        let centre = |family: usize| from + (family as f64 + 0.5) * VIOLIN;
        for group in &panel.families {
            let Some(place) = families.iter().position(|name| **name == *group.name) else { continue };
            violin(canvas, centre(place), group, Look::of_family(&group.name, place), at);
            let n = format!("n {}", count(group.n()));
            canvas.text(centre(place), top + PLOT + 32.0, &n, Font::new(10).middle().colour(GREY));
        }
        let middle = from + families.len() as f64 * VIOLIN / 2.0;
        canvas.text(middle, top + PLOT + 17.0, &fitted(&panel.category, group_width - 6.0, 13), Font::new(13).middle());
        let Some(contrast) = &panel.contrast else { continue };
        let (a, b) = (centre(0), centre(families.len().saturating_sub(1)));
        let tests = [
            contrast.welch.map(|w| format!("Welch ×{tests} p {}", p_text(w.p_bonferroni))),
            contrast.exact_models.map(|e| format!("exact, models p {}", p_text(e.p))),
        ];
        for (line, text) in tests.into_iter().flatten().enumerate() {
            canvas.text(middle, top + PLOT + 48.0 + line as f64 * 14.0, &text, Font::new(10).middle().colour(GREY));
        }
        if let Some(welch) = contrast.welch {
            let height = top - 12.0;
            canvas.polyline(vec![(a, height + 6.0), (a, height), (b, height), (b, height + 6.0)], INK, 1.0, None);
            canvas.text(middle, height - 5.0, stars(welch.p_bonferroni), Font::new(13).middle());
        }
    }
    canvas.line((left, top), (left, top + PLOT), GREY, 1.0);
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
fn caption(figure: &PanelsFigure, axis: RankAxis) -> Vec<String> {
    let cells: usize = figure.panels.iter().flat_map(|p| &p.families).map(Group::n).sum();
    let mut lines = vec![format!(
        "A cell is the median rank of a category's words within one model and one prompt (rank 1: the highest score, ties averaged). \
         n = {} cells of {} models under {} prompts, over the {} words of {}. Dashed: the median rank of words drawn by chance, {}.",
        count(cells),
        figure.models,
        figure.prompts,
        count(figure.words),
        figure.corpus,
        number(axis.chance),
    )];
    let contrasts: Vec<_> = figure.panels.iter().filter_map(|panel| Some((panel, panel.contrast.as_ref()?))).collect();
    if contrasts.iter().any(|(_, contrast)| contrast.welch.is_some()) {
        lines.push(format!(
            "Stars: Welch's t-test between the families' cells, Bonferroni over {} panels (*** p < .001, ** p < .01, * p < .05, else n.s.).",
            figure.panels.len()
        ));
    }
    let clearest = contrasts.iter().filter(|(_, c)| c.welch.is_some() && c.exact_models.is_some()).min_by(|a, b| {
        let p = |c: &crate::stats::report::Contrast| c.welch.map_or(1.0, |w| w.p);
        p(a.1).total_cmp(&p(b.1))
    });
    if let Some((panel, contrast)) = clearest {
        let cells = panel.families.iter().map(Group::n).sum();
        if let Some(why) = why_they_differ(contrast, cells, panel.models.len()) {
            lines.push(format!(
                "{}, {}: {why}",
                panel.category,
                if panel.framing == Framing::Positive { "positive" } else { "negative" }
            ));
        }
    }
    lines
}
