//! One panel a category and framing: the cells of each family along the ranks, their mean and its standard error, and what
//! the tests say. All panels share one axis.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::layout;
use crate::app::statistics::Statistics;
use crate::corpus::Framing;
use crate::model::Family;
use crate::stats::panels::{Group, Panel, RankAxis, p_text, stars, why_they_differ};
use crate::stats::report::Contrast;
use crate::text::{visible, wrap};
use crate::ui::fit::{fit, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;
use crate::ui::widgets::strip::{column, strip};
use crate::ui::widgets::table;
use crate::ui::{line_with_end, look};

/// Cells that a lane's numbers take: `  84.1 ±2.1  n 162`.
const NUMBERS: usize = 21;
/// Cells before a family's lane: sign and letter.
const FAMILY: usize = 6;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let lanes = shown.panels.iter().map(|panel| panel.families.len()).max().unwrap_or(1);
    let paired = shown.panels.chunks(2).all(|pair| matches!(pair, [a, b] if a.category == b.category));
    let sizes = layout::panels(app.size, shown.panels.len(), lanes, paired);
    let selected = app.statistics.panel.row(shown.panels.len());
    let all_rows = shown.panels.len().div_ceil(sizes.columns);
    // Screen by screen: panels stay where they are until the cursor leaves them.
    let first = (selected / sizes.columns / sizes.rows * sizes.rows).min(all_rows.saturating_sub(sizes.rows));
    let wide = area.width / sizes.columns as u16;
    let bottom = area.bottom().saturating_sub(1 + sizes.notes);
    for (at, panel) in shown.panels.iter().enumerate().skip(first * sizes.columns).take(sizes.rows * sizes.columns) {
        let (row, column) = (at / sizes.columns - first, at % sizes.columns);
        let (x, y) = (area.x + column as u16 * wide, area.y + row as u16 * sizes.height);
        let place = Rect::new(x, y, wide.saturating_sub(u16::from(sizes.columns > 1)), bottom.saturating_sub(y));
        title(frame, Rect { height: 1, ..place }, panel, shown.panels.len(), at == selected, theme);
        for (y, group) in (place.y + 1..).step_by(usize::from(sizes.lane)).zip(&panel.families) {
            let lane = Rect { y, height: sizes.lane.min(bottom.saturating_sub(y)), ..place };
            draw_lane(frame, lane, group, &family_label(group, theme), shown.axis, theme);
        }
    }
    let last_row = all_rows.min(first + sizes.rows) - first;
    let y = (area.y + last_row as u16 * sizes.height).min(bottom);
    for column in 0..sizes.columns.min(shown.panels.len()) {
        let x = area.x + column as u16 * wide;
        axis(frame, Rect::new(x, y, wide.saturating_sub(u16::from(sizes.columns > 1)), 1), FAMILY, shown.axis, theme);
    }
    let left_out = shown.panels.len().saturating_sub((first + sizes.rows) * sizes.columns);
    if first > 0 || left_out > 0 {
        let text =
            format!("panels {} to {} of {} ", first * sizes.columns + 1, shown.panels.len() - left_out, shown.panels.len());
        line_with_end(frame, Rect::new(area.x, y, area.width, 1), Line::default(), Line::styled(text, theme.dim));
    }
    if let Some(panel) = shown.panels.get(selected) {
        let y = y + 1;
        notes(frame, Rect::new(area.x, y, area.width, area.bottom().saturating_sub(y)), panel, shown, theme);
    }
}

/// One panel over the whole page: its families, then each model, which is the unit of the exact test.
pub fn zoomed(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(panel) = shown.panels.get(app.statistics.panel.row(shown.panels.len())) else { return };
    title(frame, Rect { height: 1, ..area }, panel, shown.panels.len(), true, theme);
    let notes_height: u16 = if area.width >= 120 { 3 } else { 4 };
    let room = usize::from(area.height.saturating_sub(2 + notes_height));
    let lanes: Vec<(&Group, bool)> =
        panel.families.iter().map(|group| (group, true)).chain(panel.models.iter().map(|group| (group, false))).collect();
    let lane = if lanes.len() * 3 <= room { 3 } else { 1 };
    let fitting = room / lane;
    let names = panel.models.iter().map(|group| width(&visible(&group.name))).max().unwrap_or(0).clamp(FAMILY, 24) + 7;
    let mut y = area.y + 1;
    for &(group, family) in lanes.iter().take(if lanes.len() > fitting { fitting.saturating_sub(1) } else { fitting }) {
        let style = family_style(group, theme);
        let sign = glyphs.family(Family::guess(&group.family));
        let name = visible(&group.name);
        let name = fit(&name, names - 6, glyphs.ellipsis);
        let label = if family { format!("  {sign} {name}") } else { format!("    {sign} {name}") };
        let label = Span::styled(format!("{label}{}", " ".repeat(names.saturating_sub(width(&label)))), style);
        draw_lane(frame, Rect { y, height: lane as u16, ..area }, group, &label, shown.axis, theme);
        y += lane as u16;
    }
    if lanes.len() > fitting {
        let text = format!("    +{} more models", lanes.len() - fitting.saturating_sub(1));
        frame.buffer_mut().set_line(area.x, y, &Line::styled(text, theme.dim), area.width);
        y += 1;
    }
    axis(frame, Rect { y, height: 1, ..area }, names, shown.axis, theme);
    notes(frame, Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area }, panel, shown, theme);
}

fn family_style(group: &Group, theme: &Theme) -> Style {
    theme.family(Family::guess(&group.family))
}

fn family_label(group: &Group, theme: &Theme) -> Span<'static> {
    let family = Family::guess(&group.family);
    // A family that the user named has no letter of its own: its first one stands for it.
    let letter = visible(&group.name).chars().next().unwrap_or(' ').to_ascii_uppercase();
    let letter = if family == Family::Other { letter } else { family.letter() };
    Span::styled(format!("  {} {letter} ", Glyphs::of(theme.ascii).family(family)), theme.family(family))
}

/// `▌agency + positive   Llama − Gemma −41.2   *** Welch t ×4   n.s. exact, 10 models`.
fn title(frame: &mut Frame, area: Rect, panel: &Panel, panels: usize, selected: bool, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let (sign, framing) = framing(panel.framing, glyphs);
    let category = visible(&panel.category);
    let mut left = vec![
        Span::raw("  "),
        Span::styled(fit(&category, 20, glyphs.ellipsis).into_owned(), theme.title),
        Span::styled(format!(" {sign} {framing}"), theme.title),
    ];
    let mut right = Vec::new();
    if let Some(contrast) = &panel.contrast {
        let names: Vec<_> = panel.families.iter().map(|group| visible(&group.name)).collect();
        if let [first, second] = &names[..] {
            let difference =
                format!("{} {} {} ", fit(second, 12, glyphs.ellipsis), glyphs.minus, fit(first, 12, glyphs.ellipsis));
            left.push(Span::styled(format!("   {difference}"), theme.dim));
            left.push(Span::styled(signed(contrast.difference, glyphs), theme.text));
        }
        right = verdicts(contrast, panels, panel.models.len(), theme);
    }
    let right = Line::from(right);
    // All panels alike, whatever the length of their names.
    let right = if area.width >= 100 {
        right
    } else {
        Line::from(panel.contrast.as_ref().map_or(Vec::new(), |c| short_verdicts(c, theme)))
    };
    line_with_end(frame, area, Line::from(left), right);
    if selected {
        table::mark(frame.buffer_mut(), area, &look(theme));
    }
}

/// Stars, each with its test.
fn verdicts(contrast: &Contrast, panels: usize, models: usize, theme: &Theme) -> Vec<Span<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let mut spans = Vec::new();
    if let Some(welch) = contrast.welch {
        spans.push(Span::styled(stars(welch.p_bonferroni), starred(welch.p_bonferroni, theme)));
        spans.push(Span::styled(format!(" Welch t {}{panels}   ", glyphs.times), theme.dim));
    }
    if let Some(exact) = contrast.exact_models {
        spans.push(Span::styled(stars(exact.p), starred(exact.p, theme)));
        spans.push(Span::styled(format!(" exact, {models} models "), theme.dim));
    }
    spans
}

fn short_verdicts(contrast: &Contrast, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    if let Some(welch) = contrast.welch {
        spans.push(Span::styled(stars(welch.p_bonferroni), starred(welch.p_bonferroni, theme)));
        spans.push(Span::styled(" Welch  ", theme.dim));
    }
    if let Some(exact) = contrast.exact_models {
        spans.push(Span::styled(stars(exact.p), starred(exact.p, theme)));
        spans.push(Span::styled(" exact ", theme.dim));
    }
    spans
}

pub fn starred(p: f64, theme: &Theme) -> Style {
    if p < 0.05 { theme.selected } else { theme.dim }
}

pub fn framing(framing: Framing, glyphs: &Glyphs) -> (char, &'static str) {
    match framing {
        Framing::Positive => ('+', "positive"),
        Framing::Negative => (glyphs.minus, "negative"),
    }
}

/// One decimal, with its sign.
pub fn signed(value: f64, glyphs: &Glyphs) -> String {
    if value < 0.0 { format!("{}{:.1}", glyphs.minus, -value) } else { format!("+{value:.1}") }
}

/// The cells of a group along the axis, its mean by the sign of its family, the standard error beside it, the numbers at the
/// right.
fn draw_lane(frame: &mut Frame, area: Rect, group: &Group, label: &Span<'static>, axis: RankAxis, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let glyphs = Glyphs::of(theme.ascii);
    let style = family_style(group, theme);
    let before = width(&label.content);
    let cells = usize::from(area.width).saturating_sub(before + NUMBERS);
    let rows = usize::from(area.height);
    let places: Vec<f64> = group.values.iter().map(|&value| axis.position(value)).collect();
    let mut lines = strip(&places, cells, rows, theme.ascii, glyphs);
    let chance = column(axis.position(axis.chance), cells);
    for line in &mut lines {
        if let Some(cell) = line.get_mut(chance).filter(|cell| **cell == ' ') {
            *cell = glyphs.chance;
        }
    }
    let middle = (rows - 1) / 2;
    let at = |value: f64| column(axis.position(value), cells);
    let (from, mean, to) = (at(group.mean - group.se), at(group.mean), at(group.mean + group.se));
    let strong = style.add_modifier(Modifier::BOLD);
    for (y, line) in lines.into_iter().enumerate() {
        let mut spans: Vec<Span> = Vec::new();
        if y == middle {
            spans.push(label.clone());
        } else {
            spans.push(Span::raw(" ".repeat(before)));
        }
        for (x, sign) in line.into_iter().enumerate() {
            let (sign, style) = match () {
                () if y == middle && x == mean => {
                    (glyphs.family(Family::guess(&group.family)), strong.add_modifier(Modifier::REVERSED))
                }
                () if y == middle && (from..=to).contains(&x) => (glyphs.whisker, strong),
                () if sign == glyphs.chance => (sign, theme.dim),
                () => (sign, style),
            };
            spans.push(Span::styled(sign.to_string(), style));
        }
        if y == middle {
            spans.push(Span::styled(format!(" {:>6.1}", group.mean), theme.text));
            let spread = if group.n() > 1 { format!(" {}{:<4.1}", glyphs.plus_minus, group.se) } else { String::new() };
            spans.push(Span::styled(format!("{spread:<7}{:>5} ", format!("n {}", group.n())), theme.dim));
        }
        frame.buffer_mut().set_line(area.x, area.y + y as u16, &Line::from(spans), area.width);
    }
}

/// `1 = preferred ──── chance 132 ──── 263`, right below the lanes.
fn axis(frame: &mut Frame, area: Rect, before: usize, axis: RankAxis, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let cells = usize::from(area.width).saturating_sub(before + NUMBERS);
    let mut line = vec![glyphs.axis; cells];
    let mut put = |text: &str, start: usize| {
        for (i, c) in text.chars().enumerate() {
            if let Some(cell) = line.get_mut(start + i) {
                *cell = c;
            }
        }
    };
    let low = format!("rank {:.0}, preferred ", axis.low);
    let high = format!(" {:.0}", axis.high);
    let chance = format!(" {:.0} chance ", axis.chance);
    put(&low, 0);
    put(&high, cells.saturating_sub(high.len()));
    let start = column(axis.position(axis.chance), cells).saturating_sub(chance.len() / 2);
    if start >= low.len() && start + chance.len() + high.len() <= cells {
        put(&chance, start);
    }
    let mut spans = vec![Span::raw(" ".repeat(before)), Span::styled(line.into_iter().collect::<String>(), theme.dim)];
    spans.push(Span::styled(format!(" {:>6} {}se", "mean", glyphs.plus_minus), theme.dim));
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// The tests of the panel under the cursor in numbers, and in plain words why they differ.
fn notes(frame: &mut Frame, area: Rect, panel: &Panel, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let cells: usize = panel.families.iter().map(Group::n).sum();
    let mut lines: Vec<(String, Style)> = Vec::new();
    let room = usize::from(area.width).saturating_sub(4);
    match &panel.contrast {
        None => lines.push(("one family alone: a contrast needs models of two families; m opens another".to_owned(), theme.dim)),
        Some(contrast) => {
            let numbers = numbers(contrast, shown.panels.len(), glyphs).join(&format!(" {} ", glyphs.dot));
            lines.extend(wrap(&numbers, room).into_iter().map(|line| (line, theme.text)));
            let why = why_they_differ(contrast, cells, panel.models.len())
                .unwrap_or_else(|| "too few cells or models for a test: more prompts and models are needed".to_owned());
            lines.extend(wrap(&why, room).into_iter().map(|line| (line, theme.dim)));
        }
    }
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(text, style), area.width.saturating_sub(2));
    }
}

/// Each test with its numbers.
fn numbers(contrast: &Contrast, panels: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(welch) = contrast.welch {
        let (t, times) = (signed_two(welch.t, glyphs), glyphs.times);
        let (p, bonferroni, fdr) = (p_text(welch.p), p_text(welch.p_bonferroni), p_text(welch.p_fdr));
        parts.push(format!("Welch t {t}, df {:.1}, p {p}, {times}{panels} {bonferroni}, FDR {fdr}", welch.df));
    }
    if let Some(permutation) = contrast.permutation {
        parts.push(format!("permutation p {}", p_text(permutation.p)));
    }
    if let Some(exact) = contrast.exact_models {
        parts.push(format!("exact over models p {}", p_text(exact.p)));
    }
    parts
}

pub fn signed_two(value: f64, glyphs: &Glyphs) -> String {
    if value < 0.0 { format!("{}{:.2}", glyphs.minus, -value) } else { format!("+{value:.2}") }
}
