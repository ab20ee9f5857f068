//! The tests of one panel in numbers, and in plain words what they say.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::App;
use crate::app::action::Action;
use crate::app::views::statistics::Statistics;
use crate::base::text::count;
use crate::report::panels::{Panel, why_in_short};
use crate::report::wording::p_in_short;
use crate::stats::contrast::{Kind, Quantity, TestResult, Value, judging_tests, shown_tests};
use crate::stats::results::Contrast;
use crate::ui::fit::width;
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, letter};
use crate::ui::theme::Theme;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, panel: &Panel, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let room = usize::from(area.width).saturating_sub(4);
    let adjusted_for = shown.report.adjusted_for;
    let mut lines: Vec<(String, Style)> = Vec::new();
    match &panel.contrasts[..] {
        [] => {
            let open = Action::OpenModel.key_text();
            let few = format!("a contrast needs models of two families: {open} opens another");
            let unknown = "a contrast needs models of two families that are known".to_owned();
            let families = app.models.iter().map(|model| model.family()).collect::<std::collections::HashSet<_>>().len();
            lines.push((if families > 1 { unknown } else { few }, theme.dim));
        }
        [contrast] => {
            lines.extend(in_numbers(contrast, adjusted_for, room, glyphs).into_iter().map(|line| (line, theme.text)));
            lines.extend(why_in_short(contrast, room).into_iter().map(|line| (line, theme.dim)));
        }
        several => lines.extend(several.iter().map(|contrast| (one_of_several(contrast, adjusted_for, glyphs), theme.text))),
    }
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(text, style), area.width.saturating_sub(2));
    }
}

/// Each test that was made, as many on a line as there is room for.
fn in_numbers(contrast: &Contrast, adjusted_for: usize, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for result in shown_tests().filter_map(|test| contrast.result(test)) {
        let [long, short] = [true, false].map(|long| in_words(contrast, result, adjusted_for, long, glyphs));
        let text = if width(&long) <= room { long } else { short };
        match lines.last_mut() {
            Some(line) if width(line) + width(&text) + 3 <= room => *line += &format!(" {} {text}", glyphs.dot),
            _ => lines.push(text),
        }
    }
    lines
}

/// A test in one piece: `exact over 4 and 6 models, 210 labellings, p .229, least .005, ×4 .916`, or `as published: Welch t −3.53,
/// df 256.6, p 5e-4`.
fn in_words(contrast: &Contrast, result: &TestResult, adjusted_for: usize, long: bool, glyphs: &Glyphs) -> String {
    let [a, b] = contrast.models;
    let ends = |ends: [f64; 2]| ends.map(|end| numbers::signed(end, 1, glyphs)).join(" to ");
    let of = |quantity: &Quantity| {
        Some(match (quantity.kind, result.value(quantity.key)?) {
            (Kind::Labellings, Value::Count(labellings)) if long => {
                let random = if result.is_sampled() { "random " } else { "" };
                format!("over {a} and {b} models, {} {random}labellings", count(labellings as usize))
            }
            (Kind::DegreesOfFreedom, Value::Number(df)) if result.test.is_as_published() && long => format!("df {df:.1}"),
            (Kind::P, Value::Number(p)) => format!("p {}", p_in_short(p)),
            (Kind::LeastP, Value::Number(p)) if long => format!("least {}", p_in_short(p)),
            (Kind::Bonferroni, Value::Number(p)) if !result.test.is_as_published() => {
                format!("{}{adjusted_for} {}", glyphs.times, p_in_short(p))
            }
            (Kind::Statistic, Value::Number(t)) if result.test.is_as_published() => {
                format!("t {}", numbers::signed(t, 2, glyphs))
            }
            (Kind::Effect, Value::Number(effect)) if !quantity.screen_heading.is_empty() => numbers::signed(effect, 2, glyphs),
            (Kind::Low, _) => format!("95 % {}", ends(result.ends()?)),
            _ => return None,
        })
    };
    let parts: Vec<String> = result.test.columns().into_iter().filter_map(of).collect();
    let published = if result.test.is_as_published() { "as published: " } else { "" };
    format!("{published}{} {}", result.test.name, parts.join(", "))
}

/// Where a panel has several pairs of families, a line each: `L − G −4.2: exact ×12 .91, crossed ×12 1`.
fn one_of_several(contrast: &Contrast, adjusted_for: usize, glyphs: &Glyphs) -> String {
    let [first, second] = contrast.families.each_ref().map(|name| letter(name));
    let adjusted = judging_tests().filter_map(|test| Some((test, contrast.result(test)?.p_bonferroni()?)));
    let tests = adjusted.map(|(test, p)| format!("{} {}{adjusted_for} {}", test.name, glyphs.times, p_in_short(p)));
    let tests: Vec<String> = tests.collect();
    let tests = if tests.is_empty() { "too few models for a test".to_owned() } else { tests.join(", ") };
    format!("{second} {} {first} {}: {tests}", glyphs.minus, numbers::signed(contrast.difference, 1, glyphs))
}
