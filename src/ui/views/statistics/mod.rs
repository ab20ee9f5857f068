//! The statistics view: pages over the newest statistics, each drawn from what was computed elsewhere.

mod agreement;
mod notes;
mod panels;
mod tables;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::App;
use crate::app::action::Action;
use crate::app::views::statistics::{Statistics, StatisticsPage};
use crate::base::text::{counted, visible};
use crate::ui::corner::Corner;
use crate::ui::fit::width;
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::{fitting, line_with_end, no_model, notice, size_of};

/// What the numbers are.
const CELL: [&str; 3] = [
    "A cell is the median rank of a category's words within model and prompt; rank 1 = highest score, ties averaged.",
    "A cell: median rank of a category's words within model and prompt; 1 = highest",
    "A cell: a category's median rank within model and prompt",
];

/// The screen of the statistics.
pub struct StatisticsScreen;

impl Screen for StatisticsScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        pages(frame, Rect { height: 1, ..area }, app, theme);
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let Some(shown) = app.views.statistics.shown() else { return notice(frame, below, "computing", theme) };
        if let Some(text) = missing(app, shown) {
            return notice(frame, below, &text, theme);
        }
        match app.views.statistics.page {
            StatisticsPage::Panels if app.views.statistics.zoomed => panels::zoomed(frame, below, app, shown, theme),
            StatisticsPage::Panels => panels::draw(frame, below, app, shown, theme),
            StatisticsPage::Contrasts => tables::contrasts(frame, below, app, shown, theme),
            StatisticsPage::MixedModel => tables::mixed_model(frame, below, app, shown, theme),
            StatisticsPage::Agreement => agreement::draw(frame, below, app, shown, theme),
            StatisticsPage::Pairs => tables::pairs(frame, below, app, shown, theme),
        }
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        study(frame, area, app, theme);
    }

    fn corner<'a>(&self, app: &'a App) -> Corner<'a> {
        Corner::of_models(&app.models.iter().collect::<Vec<_>>())
    }

    fn provenance<'a>(&self, _app: &'a App) -> Provenance<'a> {
        Provenance::Definition(CELL)
    }
}

/// Why there is nothing to show, and what to do.
fn missing(app: &App, shown: &Statistics) -> Option<String> {
    let key = |action: Action| action.key_text();
    if app.models.is_empty() {
        return Some(no_model());
    }
    if app.universe.corpus.categories.is_empty() {
        return Some(format!(
            "statistics compare categories of words, and this word list has none: {} chooses another",
            key(Action::Corpus)
        ));
    }
    if let (true, Some(told)) = (shown.report.common_words.are_too_few(), shown.report.common_words.in_sentences()) {
        return Some(format!("{told} In the list of models, {} closes one.", key(Action::CloseModel)));
    }
    if shown.report.cells.is_empty() {
        return Some("no model has scores for all words of a prompt yet: ranks begin to count then".to_owned());
    }
    None
}

fn pages(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let mut left = vec![Span::raw(" ")];
    for page in StatisticsPage::ALL {
        let style = if page == app.views.statistics.page { theme.tab_active } else { theme.tab_inactive };
        left.push(Span::styled(format!(" {} ", page.name()), style));
    }
    let left = Line::from(left);
    let room = usize::from(area.width).saturating_sub(left.width() + 1);
    let right =
        app.views.statistics.shown().map_or_else(Line::default, |shown| progress(app, shown, size_of(frame), room, theme));
    line_with_end(frame, area, left, right);
}

/// What is missing yet, and which of the panels are on the screen, in as many words as there is room for.
fn progress(app: &App, shown: &Statistics, size: (u16, u16), room: usize, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let notes = shown.progress.notes();
    let warning = app.warning().map(|text| if text.is_empty() { text } else { format!("! {}  ", visible(&text)) });
    let scores_all = shown.progress.is_partial() && !app.all_prompts && app.models.iter().any(|model| !model.is_recorded());
    let key = format!("{} {} scores all ", glyphs.dot, Action::AllPrompts.key_text());
    let partial = |words: usize| match (notes.is_empty(), words) {
        (true, _) => String::new(),
        (_, 0) if shown.progress.is_partial() => format!("partial {}/{} ", shown.progress.columns, shown.progress.columns_wanted),
        (_, 0 | 1) => format!("{} ", notes[0]),
        _ => format!("{} ", notes.join(", ")),
    };
    let place = panels::place_of(app, shown, size);
    let where_it_is = |long: bool| place.as_ref().map_or(String::new(), |of| if long { of.long() } else { of.short() });
    let line = |words: usize, hint: bool, long: bool| {
        let mut spans = vec![Span::styled(format!("{}{}", warning[usize::from(words == 0)], partial(words)), theme.warning)];
        spans.extend((hint && scores_all).then(|| Span::styled(key.clone(), theme.dim)));
        let place = where_it_is(long);
        spans.extend((!place.is_empty()).then(|| Span::styled(format!(" {place}"), theme.dim)));
        Line::from(spans)
    };
    let candidates =
        [(2, true, true), (2, true, false), (2, false, true), (2, false, false), (1, false, false), (0, false, false)];
    fitting(candidates.map(|(words, hint, long)| line(words, hint, long)), room)
}

/// The second line of the screen: what is compared, n of everything, and what a difference is. What there is no room for goes,
/// the least important first.
fn study(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(shown) = app.views.statistics.shown() else { return };
    let report = &shown.report;
    let mut families: Vec<(&str, usize)> = Vec::new();
    for model in &report.models {
        match families.iter_mut().find(|(name, _)| **name == *model.family) {
            Some((_, n)) => *n += 1,
            None => families.push((&model.family, 1)),
        }
    }
    families.sort_unstable();
    let mut left = vec![Span::raw(" ")];
    for (name, n) in families {
        let family = crate::base::terms::Family::guess(name);
        left.push(Span::styled(format!("{} {} {n}  ", glyphs.family(family), visible(name)), theme.family(family)));
    }
    if report.common_words.are_fewer() {
        left.push(Span::styled(format!("! {}  ", report.common_words.in_short()), theme.warning));
    }
    let facts = [
        counted(report.prompts.len(), "prompt"),
        // Of those that are fewer than the list, the number stands before.
        report.common_words.models_in_short().map_or_else(|| counted(report.words, "word"), |of| visible(&of).into_owned()),
        format!("n {}", counted(report.cells.len(), "cell")),
    ];
    let told = |kept: [bool; 3]| {
        let kept = facts.iter().zip(kept).filter(|(_, kept)| *kept).map(|(fact, _)| fact.as_str());
        kept.collect::<Vec<_>>().join(&format!(" {} ", glyphs.dot))
    };
    let difference = panels::what_a_difference_is(report, glyphs);
    let left_out = match shown.left_out {
        0 => Vec::new(),
        n => vec![format!("{} of another unit left out", counted(n, "model")), format!("{n} left out")],
    };
    let room = usize::from(area.width).saturating_sub(left.iter().map(|span| width(&span.content)).sum());
    let wide = |kept, right: &[&String]| width(&told(kept)) + right.iter().map(|text| width(text) + 2).sum::<usize>();
    let mut kept = [false, false, true];
    let mut right: Vec<&String> = Vec::new();
    // In their shortest forms; then, between the other facts, in the longest for which there still is room.
    for shortest in [left_out.last(), difference.last()].into_iter().flatten() {
        right.push(shortest);
        if wide(kept, &right) > room {
            right.pop();
        }
    }
    for fact in [0, 1] {
        kept[fact] = true;
        kept[fact] = wide(kept, &right) <= room;
        for of in [&left_out, &difference] {
            let Some(at) = right.iter().position(|text| of.contains(text)) else { continue };
            // The very longest form waits for the last fact.
            for form in of.iter().rev().take(if fact == 0 { 2 } else { of.len() }) {
                let before = std::mem::replace(&mut right[at], form);
                if wide(kept, &right) > room {
                    right[at] = before;
                }
            }
        }
    }
    left.push(Span::styled(told(kept), theme.text));
    let right: String = right.iter().map(|text| format!("  {text}")).collect();
    line_with_end(frame, area, Line::from(left), Line::styled(format!("{} ", right.trim_start()), theme.dim));
}
