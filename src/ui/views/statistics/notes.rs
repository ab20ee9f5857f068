//! The tests of one panel in numbers, and in plain words why they differ: a line each, that none is cut off.

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
use crate::stats::contrast::{Kind, TestResult, Unit, Value, shown_tests};
use crate::stats::results::Contrast;
use crate::ui::fit::width;
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, letter};
use crate::ui::theme::Theme;

/// From so many cells on, the tests share one line.
const ABREAST: usize = 100;

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
            let numbers = in_numbers(contrast, adjusted_for, room, glyphs);
            match room >= ABREAST {
                true => lines.push((numbers.join(&format!(" {} ", glyphs.dot)), theme.text)),
                false => lines.extend(numbers.into_iter().map(|line| (line, theme.text))),
            }
            lines.extend(why_in_short(contrast, room).into_iter().map(|line| (line, theme.dim)));
        }
        several => lines.extend(several.iter().map(|contrast| (one_of_several(contrast, adjusted_for, glyphs), theme.text))),
    }
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(text, style), area.width.saturating_sub(2));
    }
}

/// Each test that was made, in as many words as there is room for. Side by side, the first takes what the others leave.
fn in_numbers(contrast: &Contrast, adjusted_for: usize, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let results: Vec<&TestResult> = shown_tests().filter_map(|test| contrast.result(test)).collect();
    let abreast = room >= ABREAST;
    let share = if abreast { room * 3 / 7 / results.len().saturating_sub(1).max(1) } else { room };
    let test = |result: &&TestResult, room: usize| shortened(&forms(contrast, result, adjusted_for, glyphs), room);
    let mut numbers: Vec<String> = results.iter().skip(1).map(|result| test(result, share)).collect();
    let beside: usize = if abreast { numbers.iter().map(|text| width(text) + 3).sum() } else { 0 };
    numbers.splice(0..0, results.first().map(|result| test(result, room.saturating_sub(beside))));
    numbers
}

/// A test from its longest form to its shortest: without n, degrees of freedom, false discovery rate, and labellings.
/// `Welch t −3.53, df 256.6, p 5e-4, ×4 .002, FDR 7e-4, n 108 and 162`, or `exact over 4 and 6 models, 210 labellings, p .229,
/// ×4 .916`.
fn forms(contrast: &Contrast, result: &TestResult, adjusted_for: usize, glyphs: &Glyphs) -> Vec<String> {
    let of_models = result.test.unit == Unit::Models;
    let form = |without: usize| {
        let mut parts = Vec::new();
        if of_models {
            let [a, b] = contrast.models;
            parts.push(format!("over {a} and {b} models"));
        }
        if let Some(labellings) = result.labellings().filter(|_| without < 4) {
            let random = if result.is_sampled() { " random" } else { "" };
            parts.push(format!("{}{random} labellings", count(labellings as usize)));
        }
        for quantity in result.test.screen_columns() {
            let text = match (quantity.kind, result.value(quantity.key)) {
                (Kind::DegreesOfFreedom, Some(Value::Number(df))) if without < 2 => format!("df {df:.1}"),
                (Kind::P, Some(Value::Number(p))) => format!("p {}", p_in_short(p)),
                (Kind::Bonferroni, Some(Value::Number(p))) => format!("{}{adjusted_for} {}", glyphs.times, p_in_short(p)),
                (Kind::FalseDiscovery, Some(Value::Number(p))) if without < 3 => format!("FDR {}", p_in_short(p)),
                (Kind::Statistic | Kind::Effect, Some(Value::Number(value))) => {
                    format!("{} {}", quantity.screen_heading, numbers::signed(value, 2, glyphs))
                }
                (Kind::Interval, Some(Value::Interval(Some(ends)))) => {
                    format!("{} {}", quantity.screen_heading, ends.map(|end| numbers::signed(end, 1, glyphs)).join(" to "))
                }
                _ => continue,
            };
            parts.push(text);
        }
        if without == 0 && !of_models {
            parts.push(format!("n {} and {}", count(contrast.n[0]), count(contrast.n[1])));
        }
        format!("{} {}", result.test.name, parts.join(", "))
    };
    (0..=4).map(form).collect()
}

/// The first form that fits, else the last.
fn shortened(forms: &[String], room: usize) -> String {
    forms.iter().find(|form| width(form) <= room).or(forms.last()).cloned().unwrap_or_default()
}

/// Where a panel has several pairs of families, a line each: `L − G −4.2: Welch ×12 .002, exact ×12 .91`.
fn one_of_several(contrast: &Contrast, adjusted_for: usize, glyphs: &Glyphs) -> String {
    let [first, second] = contrast.families.each_ref().map(|name| letter(name));
    let adjusted = shown_tests().filter_map(|test| Some((test, contrast.result(test)?.p_bonferroni()?)));
    let tests = adjusted.map(|(test, p)| format!("{} {}{adjusted_for} {}", test.name, glyphs.times, p_in_short(p)));
    let tests: Vec<String> = tests.collect();
    let tests = if tests.is_empty() { "too few cells for a test".to_owned() } else { tests.join(", ") };
    format!("{second} {} {first} {}: {tests}", glyphs.minus, numbers::signed(contrast.difference, 1, glyphs))
}
