//! One panel a category and framing: the cells of each family along the ranks, their mean and its standard error, and what
//! the tests say. All panels share one axis.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::notes;
use crate::app::App;
use crate::app::views::statistics::{Statistics, StatisticsPage};
use crate::base::terms::{Family, Framing};
use crate::base::text::visible;
use crate::report::panels::{Group, Lane, Panel, RankAxis};
use crate::report::wording::{NOT_SIGNIFICANT, stars};
use crate::stats::contrast::{EXACT_MODELS, Unit, judging_tests};
use crate::stats::results::{Contrast, Report};
use crate::ui::fit::{fit, fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, letter};
use crate::ui::theme::Theme;
use crate::ui::widgets::strip::{column, strip};
use crate::ui::widgets::table;
use crate::ui::{fitting, line_with_end, look, size_of};

/// Cells that a lane's numbers take: `  84.1 ±2.1  n 162`.
const NUMBERS: usize = 21;
/// Cells before a family's lane: sign and letter.
const FAMILY: usize = 6;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let size = size_of(frame);
    let sizes = app.views.statistics.panels(size);
    let selected = app.views.statistics.panel.row(shown.panels.len());
    let on_screen = on_screen(app, shown, size);
    let wide = area.width / sizes.columns as u16;
    let beside = u16::from(sizes.columns > 1);
    let bottom = area.bottom().saturating_sub(1 + sizes.notes);
    let mut last_row = 0;
    for (place, at) in on_screen.enumerate() {
        let (row, column) = (place / sizes.columns, place % sizes.columns);
        let (x, y) = (area.x + column as u16 * wide, area.y + row as u16 * sizes.height);
        let place = Rect::new(x, y, wide.saturating_sub(beside), bottom.saturating_sub(y));
        let panel = &shown.panels[at];
        title(frame, Rect { height: 1, ..place }, panel, shown.report.adjusted_for, at == selected, theme);
        for (y, group) in (place.y + 1..).step_by(usize::from(sizes.lane)).zip(&panel.families) {
            let lane = Rect { y, height: sizes.lane.min(bottom.saturating_sub(y)), ..place };
            draw_lane(frame, lane, group, &family_label(group, theme), shown.axis, theme);
        }
        last_row = row + 1;
    }
    let y = (area.y + last_row as u16 * sizes.height).min(bottom);
    for column in 0..sizes.columns.min(shown.panels.len()) {
        let x = area.x + column as u16 * wide;
        axis(frame, Rect::new(x, y, wide.saturating_sub(beside), 1), FAMILY, shown.axis, theme);
    }
    if let Some(panel) = shown.panels.get(selected) {
        let place = Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area };
        notes::draw(frame, place, app, panel, shown, theme);
    }
}

/// The panels on the screen: screen by screen, so that panels stay where they are until the cursor leaves them.
fn on_screen(app: &App, shown: &Statistics, size: (u16, u16)) -> std::ops::Range<usize> {
    let sizes = app.views.statistics.panels(size);
    let all_rows = shown.panels.len().div_ceil(sizes.columns);
    let row = app.views.statistics.panel.row(shown.panels.len()) / sizes.columns;
    let first = (row / sizes.rows * sizes.rows).min(all_rows.saturating_sub(sizes.rows));
    first * sizes.columns..((first + sizes.rows) * sizes.columns).min(shown.panels.len())
}

/// Which of many are on the screen.
pub struct PlaceOf {
    what: &'static str,
    first: usize,
    last: usize,
    of: usize,
}

impl PlaceOf {
    pub fn long(&self) -> String {
        format!("{} {} to {} of {} ", self.what, self.first, self.last, self.of)
    }

    pub fn short(&self) -> String {
        format!("{} to {} of {} ", self.first, self.last, self.of)
    }
}

/// Which panels, or lines of the one that fills the page, are on the screen; none where all are.
pub fn place_of(app: &App, shown: &Statistics, size: (u16, u16)) -> Option<PlaceOf> {
    if app.views.statistics.page != StatisticsPage::Panels {
        return None;
    }
    let (what, range, of) = if app.views.statistics.zoomed {
        let (sizes, first) = app.views.statistics.zoom(size);
        let lanes = app.views.statistics.selected()?.lanes().len();
        ("lines", first..(first + sizes.lanes).min(lanes), lanes)
    } else {
        ("panels", on_screen(app, shown, size), shown.panels.len())
    };
    (range.len() < of).then(|| PlaceOf { what, first: range.start + 1, last: range.end, of })
}

/// One panel over the whole page: each family, and below it its models, which are the unit of the exact test.
pub fn zoomed(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(panel) = app.views.statistics.selected() else { return };
    title(frame, Rect { height: 1, ..area }, panel, shown.report.adjusted_for, true, theme);
    let (sizes, first) = app.views.statistics.zoom(size_of(frame));
    let lanes = panel.lanes();
    let names = panel.models.iter().map(|group| width(&visible(&group.name))).max().unwrap_or(0).clamp(FAMILY, 24) + 7;
    let mut y = area.y + 1;
    for &Lane { group, is_family } in lanes.iter().skip(first).take(sizes.lanes) {
        let style = family_style(group, theme);
        let sign = glyphs.family(Family::guess(&group.family));
        let name = visible(&group.name);
        let name = fit(&name, names - 6, glyphs.ellipsis);
        let label = if is_family { format!("  {sign} {name}") } else { format!("    {sign} {name}") };
        let style = if is_family { style } else { style.remove_modifier(Modifier::BOLD) };
        let label = Span::styled(format!("{label}{}", " ".repeat(names.saturating_sub(width(&label)))), style);
        draw_lane(frame, Rect { y, height: sizes.lane, ..area }, group, &label, shown.axis, theme);
        y += sizes.lane;
    }
    axis(frame, Rect { y, height: 1, ..area }, names, shown.axis, theme);
    let place = Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area };
    notes::draw(frame, place, app, panel, shown, theme);
}

fn family_style(group: &Group, theme: &Theme) -> Style {
    theme.family(Family::guess(&group.family))
}

fn family_label(group: &Group, theme: &Theme) -> Span<'static> {
    let family = Family::guess(&group.family);
    let sign = Glyphs::of(theme.ascii).family(family);
    Span::styled(format!("  {sign} {} ", letter(&group.name)), theme.family(family))
}

/// What the differences are between, the longest form first; none where nothing is compared.
pub fn what_a_difference_is(report: &Report, glyphs: &Glyphs) -> Vec<String> {
    let mut pairs: Vec<_> = report.contrasts.iter().map(|contrast| &contrast.families).collect();
    pairs.dedup();
    let (delta, minus) = (glyphs.delta, glyphs.minus);
    match pairs[..] {
        [] => Vec::new(),
        [[first, second]] => {
            let (a, b) = (visible(first), visible(second));
            let [of_a, of_b] = [first, second].map(|name| letter(name));
            vec![
                format!("{delta} = {b} {minus} {a}, below 0 {b} prefers"),
                format!("{delta} {of_b} {minus} {of_a}, below 0 {of_b} prefers"),
                format!("{delta} {of_b} {minus} {of_a}"),
            ]
        }
        _ => vec![format!("{delta} below 0: the family named first prefers"), format!("{delta} below 0: the first prefers")],
    }
}

/// `▌agency + positive   Δ −41.2      * exact  n.s. crossed`. The numbers have their room first; then the names, and the words
/// as far as there is some left.
fn title(frame: &mut Frame, area: Rect, panel: &Panel, adjusted_for: usize, selected: bool, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let (sign, word) = framing(panel.framing, glyphs);
    let mut numbers: Vec<Span> = Vec::new();
    let mut right = Line::default();
    match &panel.contrasts[..] {
        [] => {}
        [contrast] => {
            numbers.push(Span::styled(format!("   {} ", glyphs.delta), theme.dim));
            numbers.push(Span::styled(numbers::signed(contrast.difference, 1, glyphs), theme.text));
            // All panels alike, whatever the length of their names.
            right = verdicts(contrast, (area.width >= 100).then_some(adjusted_for), theme);
        }
        several => {
            for contrast in several {
                let [first, second] = contrast.families.each_ref().map(|name| letter(name));
                numbers.push(Span::styled(format!("   {second}{}{first} ", glyphs.minus), theme.dim));
                numbers.push(Span::styled(numbers::signed(contrast.difference, 1, glyphs), theme.text));
                let p = contrast.result(&EXACT_MODELS).and_then(|exact| exact.p_bonferroni());
                numbers.extend(p.map(|p| Span::styled(format!(" {}", stars(p, NOT_SIGNIFICANT)), theme.dim)));
            }
        }
    }
    let room = usize::from(area.width).saturating_sub(Line::from(numbers.clone()).width() + right.width() + 1);
    let category = visible(&panel.category);
    let name = |text: String| Line::styled(text, theme.title);
    let candidates = [
        name(format!("  {category} {sign} {word}")),
        name(format!("  {category} {sign}")),
        name(format!("  {} {sign}", fit_name(&category, room.saturating_sub(4), glyphs.ellipsis))),
    ];
    let mut left = fitting(candidates, room);
    left.spans.extend(numbers);
    line_with_end(frame, area, left, right);
    if selected {
        table::mark(frame.buffer_mut(), area, &look(theme));
    }
}

/// Stars, each with its test; where there is room for it, with the number of tests that the p-value is adjusted for.
fn verdicts(contrast: &Contrast, adjusted_for: Option<usize>, theme: &Theme) -> Line<'static> {
    let times = Glyphs::of(theme.ascii).times;
    let models: usize = contrast.models.iter().sum();
    let mut spans = Vec::new();
    let mut tests = judging_tests().peekable();
    while let Some(test) = tests.next() {
        let last = tests.peek().is_none();
        let Some(p) = contrast.result(test).and_then(|result| result.p_bonferroni()) else { continue };
        spans.push(Span::styled(stars(p, NOT_SIGNIFICANT), starred(p, theme)));
        let text = match adjusted_for {
            None => format!(" {}{}", test.name, if last { " " } else { "  " }),
            Some(n) => {
                let unit = if test.unit == Unit::Models { format!(", {models} models") } else { String::new() };
                format!(" {} {times}{n}{unit}{}", test.name, if last { " " } else { "   " })
            }
        };
        spans.push(Span::styled(text, theme.dim));
    }
    Line::from(spans)
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
    // A whisker of less than half a cell would show which cell the mean is nearer to, not how sure it is.
    let seen = (axis.position(group.mean + group.se) - axis.position(group.mean)) * cells as f64 >= 0.5;
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
                () if y == middle && seen && (from..=to).contains(&x) => (glyphs.whisker, strong),
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
    let lows = [format!("rank {:.0}, preferred ", axis.low), format!("{:.0} preferred ", axis.low), format!("{:.0} ", axis.low)];
    let high = format!(" {:.0}", axis.high);
    let chances = [format!(" {:.0} chance ", axis.chance), format!(" {:.0} ", axis.chance)];
    let start = |chance: &String| column(axis.position(axis.chance), cells).saturating_sub(chance.len() / 2);
    let fits = |low: &String, chance: &String| start(chance) >= low.len() && start(chance) + chance.len() + high.len() <= cells;
    put(&high, cells.saturating_sub(high.len()));
    // The word chance goes before the ends say more than their numbers.
    let mut found = chances.iter().flat_map(|chance| lows.iter().map(move |low| (low, chance)));
    match found.find(|(low, chance)| fits(low, chance)) {
        Some((low, chance)) => {
            put(low, 0);
            put(chance, start(chance));
        }
        None => put(&lows[2], 0),
    }
    let mut spans = vec![Span::raw(" ".repeat(before)), Span::styled(line.into_iter().collect::<String>(), theme.dim)];
    spans.push(Span::styled(format!(" {:>6} {}se", "mean", glyphs.plus_minus), theme.dim));
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// A lane of 40 cells over ranks 0 to 100.
    fn lane(mean: f64, se: f64) -> String {
        let group = Group { name: "Llama".into(), family: "Llama".into(), values: vec![mean], mean, sd: se, se };
        let axis = RankAxis { low: 0.0, high: 100.0, chance: 1.0 };
        let theme = Theme::default();
        let mut terminal = Terminal::new(TestBackend::new((FAMILY + 40 + NUMBERS) as u16, 1)).expect("a terminal");
        let drawn = terminal.draw(|frame| draw_lane(frame, frame.area(), &group, &family_label(&group, &theme), axis, &theme));
        drawn.expect("drawn").buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn a_whisker_is_drawn_where_it_says_something() {
        // Half a cell is 1.25 ranks.
        assert!(lane(50.0, 8.0).contains("───◆───"));
        assert!(!lane(50.0, 1.2).contains('─'), "a mean at the border of a cell has no whisker by that alone");
        assert!(lane(50.0, 1.3).contains('─'));
    }
}
