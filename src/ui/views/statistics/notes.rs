//! The tests of one panel in numbers, and in plain words why they differ: a line each, that none is cut off.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::App;
use crate::app::action::Action;
use crate::app::views::statistics::Statistics;
use crate::base::text::count;
use crate::report::panels::{Panel, p_text, why_in_short};
use crate::stats::results::{AdjustedFor, Contrast};
use crate::ui::fit::width;
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, letter};
use crate::ui::theme::Theme;

/// From so many cells on, both tests stand on one line.
const ABREAST: usize = 100;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, panel: &Panel, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let room = usize::from(area.width).saturating_sub(4);
    let tests = shown.report.adjusted_for;
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
            let abreast = room >= ABREAST;
            let exact = exact(contrast, tests, if abreast { room * 3 / 7 } else { room }, glyphs);
            let beside: usize = if abreast { exact.iter().map(|text| width(text) + 3).sum() } else { 0 };
            let numbers = [welch(contrast, tests, room.saturating_sub(beside), glyphs), exact].concat();
            match abreast {
                true => lines.push((numbers.join(&format!(" {} ", glyphs.dot)), theme.text)),
                false => lines.extend(numbers.into_iter().map(|line| (line, theme.text))),
            }
            lines.extend(why_in_short(contrast, room).into_iter().map(|line| (line, theme.dim)));
        }
        several => lines.extend(several.iter().map(|contrast| (of_several(contrast, tests, glyphs), theme.text))),
    }
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(text, style), area.width.saturating_sub(2));
    }
}

/// `Welch t −3.53, df 256.6, p 5e-4, ×4 .002, FDR 7e-4, n 108 and 162`; where there is less room, without n, df or FDR.
fn welch(contrast: &Contrast, tests: AdjustedFor, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let Some(welch) = contrast.welch else { return Vec::new() };
    let (p, times, bonferroni) = (p_text(welch.p), tests.welch, p_text(welch.p_bonferroni));
    let adjusted = format!("p {p}, {}{times} {bonferroni}", glyphs.times);
    let (t, df) = (format!("Welch t {}", numbers::signed(welch.t, 2, glyphs)), format!("df {:.1}", welch.df));
    let (fdr, n) = (format!("FDR {}", p_text(welch.p_fdr)), format!("n {} and {}", count(contrast.n[0]), count(contrast.n[1])));
    let forms: [&[&String]; 4] =
        [&[&t, &df, &adjusted, &fdr, &n], &[&t, &df, &adjusted, &fdr], &[&t, &adjusted, &fdr], &[&t, &adjusted]];
    vec![shortened(forms, room)]
}

/// `exact over 4 and 6 models, 210 labellings: p .229, ×4 .916`.
fn exact(contrast: &Contrast, tests: AdjustedFor, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let Some(exact) = contrast.exact_models else { return Vec::new() };
    let [a, b] = contrast.models;
    let of = format!("exact over {a} and {b} models");
    let labellings = format!("{}{} labellings", count(exact.splits as usize), if exact.sampled { " random" } else { "" });
    let p = format!("p {}, {}{} {}", p_text(exact.p), glyphs.times, tests.exact_models, p_text(exact.p_bonferroni));
    vec![shortened([&[&of, &labellings, &p][..], &[&of, &p]], room)]
}

/// The first form that fits, else the last.
fn shortened<const N: usize>(forms: [&[&String]; N], room: usize) -> String {
    let joined = |parts: &&[&String]| parts.iter().map(|part| part.as_str()).collect::<Vec<_>>().join(", ");
    let texts: Vec<String> = forms.iter().map(joined).collect();
    texts.iter().find(|text| width(text) <= room).or(texts.last()).cloned().unwrap_or_default()
}

/// Where a panel has several pairs of families, a line each: `L − G −4.2: Welch ×12 .002, exact ×12 .91`.
fn of_several(contrast: &Contrast, tests: AdjustedFor, glyphs: &Glyphs) -> String {
    let [first, second] = contrast.families.each_ref().map(|name| letter(name));
    let mut parts = Vec::new();
    parts.extend(contrast.welch.map(|w| format!("Welch {}{} {}", glyphs.times, tests.welch, p_text(w.p_bonferroni))));
    let exact = contrast.exact_models;
    parts.extend(exact.map(|e| format!("exact {}{} {}", glyphs.times, tests.exact_models, p_text(e.p_bonferroni))));
    let tests = if parts.is_empty() { "too few cells for a test".to_owned() } else { parts.join(", ") };
    format!("{second} {} {first} {}: {tests}", glyphs.minus, numbers::signed(contrast.difference, 1, glyphs))
}
