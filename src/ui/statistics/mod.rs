//! The statistics view: pages over the newest statistics, each drawn from what was computed elsewhere.

mod panels;
mod tables;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::glyphs::Glyphs;
use super::theme::Theme;
use super::{line_with_end, notice};
use crate::app::App;
use crate::app::action::Action;
use crate::app::statistics::{Page, Statistics};
use crate::text::{count, visible};

pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    pages(frame, Rect { height: 1, ..area }, app, theme);
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(shown) = app.statistics.shown() else { return notice(frame, below, "computing", theme) };
    if let Some(text) = missing(app, shown) {
        return notice(frame, below, &text, theme);
    }
    match app.statistics.page {
        Page::Panels if app.statistics.zoomed => panels::zoomed(frame, below, app, shown, theme),
        Page::Panels => panels::draw(frame, below, app, shown, theme),
        Page::Contrasts => tables::contrasts(frame, below, app, shown, theme),
        Page::MixedModel => tables::mixed_model(frame, below, app, shown, theme),
        Page::Agreement => tables::agreement(frame, below, app, shown, theme),
    }
}

/// Why there is nothing to show, and what to do.
fn missing(app: &App, shown: &Statistics) -> Option<String> {
    let key = |action: Action| action.key_text();
    if app.models.is_empty() {
        return Some(format!("no model is open: {} opens one", key(Action::OpenModel)));
    }
    if app.universe.corpus.categories.is_empty() {
        return Some(format!(
            "statistics compare categories of words, and this word list has none: {} chooses another",
            key(Action::Corpus)
        ));
    }
    if shown.report.cells.is_empty() {
        return Some("no model has scores for all words of a prompt yet: ranks begin to count then".to_owned());
    }
    None
}

fn pages(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let mut left = vec![Span::raw(" ")];
    for page in Page::ALL {
        let style = if page == app.statistics.page { theme.tab_active } else { theme.tab_inactive };
        left.push(Span::styled(format!(" {} ", page.name()), style));
    }
    let mut right = Vec::new();
    if let Some(shown) = app.statistics.shown().filter(|shown| shown.progress.is_partial()) {
        let (done, all) = (shown.progress.prompts, shown.progress.prompts_wanted);
        let what = if done < all {
            format!("partial: {done} of {all} prompts ")
        } else {
            format!("partial: {} of {} tables ", count(shown.progress.columns), count(shown.progress.columns_wanted))
        };
        right.push(Span::styled(what, theme.warning));
        if !app.all_prompts && done < all {
            right.push(Span::styled(format!("{} {} scores all ", glyphs.dot, Action::AllPrompts.key_text()), theme.dim));
        }
    }
    line_with_end(frame, area, Line::from(left), Line::from(right));
}

/// The second line of the screen: what is compared, and n of everything.
pub fn study(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(shown) = app.statistics.shown() else { return };
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
        let family = crate::model::Family::guess(name);
        left.push(Span::styled(format!("{} {} {n}  ", glyphs.family(family), visible(name)), theme.family(family)));
    }
    let plural = |n: usize, one: &str| format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" });
    let facts = [
        plural(report.prompts.len(), "prompt"),
        plural(report.words, "word"),
        format!("n {}", plural(report.cells.len(), "cell")),
    ];
    left.push(Span::styled(facts.join(&format!(" {} ", glyphs.dot)), theme.text));
    let mut right = Line::default();
    if shown.left_out > 0 {
        right.push_span(Span::styled(format!("{} of another unit left out ", plural(shown.left_out, "model")), theme.dim));
    }
    line_with_end(frame, area, Line::from(left), right);
}
