//! The two lines at the top: tabs and model, prompt and framing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::{ablation, card, line_with_end, model_name, statistics};
use crate::app::{App, Model, View};
use crate::corpus::Framing;
use crate::model::Unit;
use crate::text::visible;

/// From this width on, the program says its own name; below, the model's matters more.
const NAMED: u16 = 140;

/// Every view with its tab: key, name, and the name where there is less room; none for what is then its key alone.
const TABS: [(View, &str, &str, Option<&str>); 7] = [
    (View::Words, "1", "Words", Some("Words")),
    (View::Compare, "2", "Compare", Some("Compare")),
    (View::Statistics, "3", "Statistics", Some("Stats")),
    (View::Models, "4", "Models", Some("Models")),
    (View::Card, "5", "Card", None),
    (View::Implicit, "6", "Implicit", None),
    (View::Ablation, "7", "Ablation", None),
];

pub fn draw(frame: &mut Frame, top: Rect, below: Rect, app: &App, theme: &Theme) {
    tabs(frame, top, app, theme);
    match app.view {
        View::Statistics => statistics::study(frame, below, app, theme),
        View::Card => card::heading(frame, below, app, theme),
        View::Ablation => ablation::heading(frame, below, app, theme),
        _ => prompt(frame, below, app, theme),
    }
}

/// How much of the tabs is said.
#[derive(Clone, Copy, PartialEq)]
enum Tabs {
    /// With the program's name.
    Whole,
    Names,
    /// Of the last ones the keys alone.
    Short,
}

/// One space apart; the one on the screen takes the spaces at its sides, so that nothing moves with it.
fn tab_line(how: Tabs, app: &App, theme: &Theme) -> Line<'static> {
    let mut left = vec![Span::raw(" ")];
    if how == Tabs::Whole {
        left.push(Span::styled("rewardscope ", theme.title));
    }
    for (view, key, name, short) in TABS {
        let name = match how {
            Tabs::Whole => Some(name),
            Tabs::Short if view != app.view => short,
            Tabs::Names | Tabs::Short => short.or(Some(name)),
        };
        let text = name.map_or(key.to_owned(), |name| format!("{key} {name}"));
        if view == app.view {
            left.pop();
            left.push(Span::styled(format!(" {text} "), theme.tab_active));
        } else {
            left.push(Span::styled(text, theme.tab_inactive));
            left.push(Span::raw(" "));
        }
    }
    Line::from(left)
}

fn tabs(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    // What stands at the right end needs some room.
    let needed = match app.view {
        View::Words => 36,
        View::Compare | View::Statistics => 22,
        View::Models | View::Card | View::Implicit | View::Ablation => 0,
    };
    let fits = |line: &Line| line.width() + needed <= usize::from(area.width);
    let whole = Some(tab_line(Tabs::Whole, app, theme)).filter(|line| area.width >= NAMED && fits(line));
    let names = || Some(tab_line(Tabs::Names, app, theme)).filter(&fits);
    let left = whole.or_else(names).unwrap_or_else(|| tab_line(Tabs::Short, app, theme));
    let mut right = Line::default();
    // The table knows whose numbers it shows; between a flip and its table that is not yet the model asked for.
    let shown = app.table().and_then(|t| t.key.model).or(app.focus).and_then(|id| app.model(id));
    if let Some(model) = shown.filter(|_| app.view == View::Words) {
        let room = usize::from(area.width).saturating_sub(left.width() + 3);
        let notes: &[&str] = match (model.spec.is_demonstration(), model.is_recorded()) {
            (true, _) => &["  demonstration model", "  demonstration"],
            (_, true) => &["  recorded, not live", "  recorded"],
            _ if matches!(model.unit(), Unit::Mwlr | Unit::LogRatio) => {
                &["  implicit reward of two language models", "  implicit reward", "  implicit"]
            }
            _ if model.unit() == Unit::Nats => &["  language model, log p in nats", "  log p in nats", "  nats"],
            _ => &[""],
        };
        let at = app.models.iter().position(|m| m.id == model.id).unwrap_or(0) + 1;
        let count = if app.models.len() > 1 { format!("  {at}/{}", app.models.len()) } else { String::new() };
        // The name gives way before the note that says what it is.
        let name = (width(&visible(&model.spec.name)) + 4).min(room / 2);
        let fits = |note: &&&str| name + note.len() + count.len() <= room;
        let note = notes.iter().find(fits).or(notes.last()).copied().unwrap_or_default();
        right.push_span(model_name(model, room.saturating_sub(note.len() + count.len()), theme));
        right.push_span(Span::styled(note, theme.dim));
        right.push_span(Span::styled(count, theme.dim));
        right.push_span(Span::raw(" "));
    }
    if matches!(app.view, View::Compare | View::Statistics) {
        let pair: Vec<&Model> = match app.view {
            View::Compare => app.focused().into_iter().chain(app.other()).collect(),
            _ => app.models.iter().collect(),
        };
        let kind = |is: fn(&Model) -> bool| pair.iter().any(|model| is(model));
        if kind(|m| m.spec.is_demonstration()) {
            right.push_span(Span::styled("demonstration models ", theme.dim));
        } else if kind(Model::is_recorded) {
            right.push_span(Span::styled("recorded, not live ", theme.dim));
        }
    }
    line_with_end(frame, area, left, right);
}

fn prompt(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(entry) = app.current_prompt() else {
        return line_with_end(frame, area, Line::styled(" no prompt: p chooses one", theme.dim), Line::default());
    };
    let right = match entry.prompt.framing {
        Some(Framing::Positive) => Line::from(vec![Span::styled("+ ", theme.title), Span::styled("positive ", theme.dim)]),
        Some(Framing::Negative) => {
            Line::from(vec![Span::styled(format!("{} ", glyphs.minus), theme.title), Span::styled("negative ", theme.dim)])
        }
        None => Line::styled("your prompt ", theme.dim),
    };
    let mut room = usize::from(area.width).saturating_sub(right.width() + 3);
    let mut left = vec![Span::raw(" ")];
    if let Some(key) = &entry.prompt.key {
        let key = fit(&visible(key), room, glyphs.ellipsis).into_owned();
        room = room.saturating_sub(width(&key) + 2);
        left.push(Span::styled(key, theme.title));
        left.push(Span::raw("  "));
    }
    left.push(Span::styled(fit(&visible(&entry.prompt.text), room, glyphs.ellipsis).into_owned(), theme.text));
    line_with_end(frame, area, Line::from(left), right);
}
