//! The two last lines: progress, and hints.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::{fitting, line_with_end, numbers};
use crate::app::action::Action;
use crate::app::inspector::{Page, TURN};
use crate::app::table::query::Query;
use crate::app::table::{SideScores, TableKind};
use crate::app::{App, Model, Overlay, StepBack, View};
use crate::base::text::{bytes, count, counted, duration, visible};
use crate::engine::{Phase, Unread};

/// What a model is doing, with numbers: `scoring 4,120 of 14,634  38 words/s  ETA 4:37`.
pub fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Waiting => "waiting".to_owned(),
        Phase::WaitingForMemory { needed_bytes, free_bytes } => format!(
            "waiting for memory: takes {}, {} is free. Close a model ({} in their list) or another program, and it goes on",
            bytes(*needed_bytes),
            bytes(*free_bytes),
            Action::CloseModel.key_text()
        ),
        Phase::Downloading { file, done_bytes, total_bytes, rate } => {
            let eta = total_bytes.saturating_sub(*done_bytes) as f64 / rate;
            let (done, total, rate) = (bytes(*done_bytes), bytes(*total_bytes), bytes(*rate as u64));
            format!("downloading {}  {done} of {total}  {rate}/s  ETA {}", visible(file), duration(eta))
        }
        Phase::Loading { done_bytes, total_bytes, fit } => {
            let fit = fit.map(|fit| format!("  {}", fit.describe())).unwrap_or_default();
            format!("loading {} of {}{fit}", bytes(*done_bytes), bytes(*total_bytes))
        }
        Phase::WarmingUp => "warming up".to_owned(),
        Phase::Scoring { done, total, words_per_second, eta, .. } => {
            let rate =
                if *words_per_second < 10.0 { format!("{words_per_second:.1}") } else { count(*words_per_second as usize) };
            format!("scoring {} of {}  {rate} words/s  ETA {}", count(*done), count(*total), duration(*eta))
        }
        Phase::Idle => "ready".to_owned(),
        Phase::Failed(error) => format!("failed: {}", visible(error)),
        Phase::Cancelled => "cancelled".to_owned(),
    }
}

/// The same in a word or two, for the models that are not on the screen.
pub fn short_phase(phase: &Phase) -> Option<String> {
    let share = |done: f64, total: f64| format!("{:.0} %", 100.0 * done / total.max(1.0));
    Some(match phase {
        Phase::Idle => return None,
        Phase::Waiting => "waiting".to_owned(),
        Phase::WaitingForMemory { .. } => "waiting for memory".to_owned(),
        Phase::Downloading { done_bytes, total_bytes, .. } => {
            format!("download {}", share(*done_bytes as f64, *total_bytes as f64))
        }
        Phase::Loading { done_bytes, total_bytes, .. } => format!("loading {}", share(*done_bytes as f64, *total_bytes as f64)),
        Phase::WarmingUp => "warming up".to_owned(),
        Phase::Scoring { done, total, .. } => format!("scoring {}", share(*done as f64, *total as f64)),
        Phase::Failed(_) => "failed".to_owned(),
        Phase::Cancelled => "cancelled".to_owned(),
    })
}

/// Progress at the left, what the table shows at the right; while a search is typed, the search.
pub fn status(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let left = if app.search.editing { search_line(app, theme) } else { progress(app, theme) };
    // Progress matters more than the name of the corpus, and so does what cannot be seen elsewhere: the last part goes first.
    let parts = [own_place(app, glyphs).unwrap_or_default(), position(app), what_is_shown(app, glyphs)];
    let candidates = (0..=parts.len()).rev().map(|kept| {
        let text = parts[..kept].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("   ");
        if text.is_empty() { Line::default() } else { Line::from(vec![Span::styled(text, theme.dim), Span::raw(" ")]) }
    });
    let room = usize::from(area.width).saturating_sub(left.width() + 1);
    line_with_end(frame, area, left, fitting(candidates, room));
}

/// The rank that the own word under the cursor would have, in a comparison by either model: `own word, would be 37 of 292`; and
/// whether own words alone are shown.
fn own_place(app: &App, glyphs: &Glyphs) -> Option<String> {
    let table = app.table().filter(|_| app.shows_table())?;
    let i = *table.rows.get(app.cursor.row())? as usize;
    if !table.universe.is_own(i) {
        return None;
    }
    let place = |side: &SideScores| match side.ranks.get(i) {
        Some(rank) if *rank > side.ranked as f64 => Some("behind all".to_owned()),
        Some(rank) if !rank.is_nan() => Some(numbers::rank(*rank, glyphs)),
        _ => None,
    };
    let places: Vec<String> = [Some(&table.left), table.right.as_ref()].into_iter().flatten().filter_map(place).collect();
    let what = if app.own_only { "own words only" } else { "own word" };
    if places.is_empty() {
        return Some(what.to_owned());
    }
    Some(format!("{what}, would be {} of {}", places.join(" and "), count(table.left.ranked)))
}

/// Which of the rows the cursor is on: `24 of 292`.
fn position(app: &App) -> String {
    match app.table().filter(|table| app.shows_table() && !table.rows.is_empty()) {
        Some(table) => format!("{} of {}", count(app.cursor.row() + 1), count(table.rows.len())),
        None => String::new(),
    }
}

fn search_line(app: &App, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let (before, after) = app.search.input.split();
    // Until the table knows of the text, there is no number of matches.
    let matches = match app.table().filter(|table| table.key.search == app.search.query()) {
        None => glyphs.ellipsis.to_string(),
        Some(table) => {
            let is_comparison = matches!(table.key.kind, TableKind::Compare(_));
            match (table.query.problem(is_comparison), &table.query, table.matches.len()) {
                (Some(problem), ..) => problem,
                (None, Query::Empty, _) => String::new(),
                (None, Query::Expression(_), words) => counted(words, "word"),
                (None, _, 1) => "1 match".to_owned(),
                (None, _, matches) => format!("{} matches", count(matches)),
            }
        }
    };
    Line::from(vec![
        Span::styled(" /", theme.key_hint),
        Span::styled(visible(before).into_owned(), theme.input),
        Span::styled(glyphs.caret.to_string(), theme.key_hint),
        Span::styled(visible(after).into_owned(), theme.input),
        Span::styled(format!("   {matches}"), theme.dim),
    ])
}

fn progress(app: &App, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let many = app.models.len() > 1;
    let sign = |model: &Model| Span::styled(format!("{} ", glyphs.family(model.family())), theme.family(model.family()));
    let mut spans = vec![Span::raw(" ")];
    if let Some(model) = app.focused() {
        if many {
            spans.push(sign(model));
        }
        let style = if matches!(model.phase, Phase::Failed(_)) { theme.error } else { theme.text };
        spans.push(Span::styled(focused_phase(app, model), style));
    }
    if app.paused {
        spans.push(Span::styled(format!("  cancelled: {} to go on", Action::Resume.key_text()), theme.warning));
    }
    for model in app.models.iter().filter(|m| Some(m.id) != app.focus) {
        let waits = waits_for_its_turn(app, model);
        if let Some(text) = if waits { Some("waiting".to_owned()) } else { short_phase(&model.phase) } {
            spans.push(Span::raw("   "));
            spans.push(sign(model));
            spans.push(Span::styled(text, theme.dim));
        }
    }
    Line::from(spans)
}

/// Nothing of it has been read while the one thread that reads and scores is busy with another.
pub fn waits_for_its_turn(app: &App, model: &Model) -> bool {
    let works = |other: &Model| match other.phase {
        Phase::Loading { done_bytes, .. } => done_bytes > 0,
        Phase::WarmingUp | Phase::Scoring { .. } => true,
        _ => false,
    };
    matches!(model.phase, Phase::Loading { done_bytes: 0, .. }) && app.models.iter().any(|m| m.id != model.id && works(m))
}

/// At rest, how many words have a score and how many have none yet.
fn focused_phase(app: &App, model: &Model) -> String {
    let table = app.table().filter(|t| t.key.model == Some(model.id));
    let (known, own_known) = table.map_or((0, 0), |t| (t.left.scored, t.left.own_scored));
    let (all, own) = (app.universe.listed(), app.universe.own.len());
    match &model.phase {
        Phase::Scoring { prompt, .. } if app.current_prompt().is_some_and(|p| p.id != *prompt) => {
            let known = app.score_table.prompts_of(model.id).len();
            format!("{}  prompt {known} of {}", phase(&model.phase), app.prompts.len())
        }
        Phase::Idle | Phase::Cancelled => {
            let left = (all + own).saturating_sub(known + own_known);
            if left > 0 && !app.table_is_current() {
                return format!("ranking {} words", count(all));
            }
            let of = |known: usize, all: usize| match known == all {
                true => count(all),
                false => format!("{} of {}", count(known), count(all)),
            };
            let own = if own > 0 { format!(" and {} own", of(own_known, own)) } else { String::new() };
            let left = if left > 0 { format!(", {} without score", count(left)) } else { String::new() };
            format!("{} words{own} scored{left}", of(known, all))
        }
        Phase::Failed(_) if app.failure_in_place_of_words().is_some() => "failed".to_owned(),
        Phase::Failed(_) => format!("failed: {} shows why", Action::Show(View::Models).key_text()),
        _ if waits_for_its_turn(app, model) => "waiting for the other models".to_owned(),
        other => phase(other),
    }
}

fn what_is_shown(app: &App, glyphs: &Glyphs) -> String {
    let corpus = &app.universe.corpus;
    if app.models.is_empty() && app.universe.is_empty() {
        return String::new();
    }
    let mut parts = Vec::new();
    if let Some(table) = app.table().filter(|t| !t.key.search.is_empty() && !app.search.editing) {
        let typed = visible(&table.key.search);
        parts.push(match &table.query {
            // The position among the rows says the rest: others are not shown.
            Query::Expression(_) | Query::Problem(_) | Query::Empty => format!("/{typed}"),
            Query::Text(_) => {
                let at = table.matches.iter().position(|&m| m as usize == app.cursor.row());
                let at = at.map_or(glyphs.none.to_string(), |at| (at + 1).to_string());
                format!("/{typed} {at} of {}", count(table.matches.len()))
            }
        });
    }
    if !app.filter.is_empty() {
        let names: Vec<_> = app.filter.iter().map(|name| visible(name)).collect();
        parts.push(format!("only {}", fit(&names.join(", "), 24, glyphs.ellipsis)));
    }
    let own = match app.universe.own.len() {
        0 => String::new(),
        own => format!(" + {} own", count(own)),
    };
    parts.push(format!(
        "{} {} {} words{own}",
        fit(&visible(&corpus.name), 24, glyphs.ellipsis),
        glyphs.dot,
        count(app.universe.listed())
    ));
    parts.join("   ")
}

/// The keys that matter here, as many as fit; help and quit always.
pub fn hints(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let hint = |keys: &str, name: &str| {
        vec![Span::styled(format!(" {keys}"), theme.key_hint), Span::styled(format!(" {name} "), theme.key_hint_text)]
    };
    let mut given: Vec<Vec<Span>> = Vec::new();
    match &app.overlay {
        Some(Overlay::Picker(picker)) => match &picker.marked {
            Some(marked) => {
                let enter = if marked.changed { "keep" } else { "only this" };
                given.extend([hint("Space", "tick"), hint("Enter", enter), hint("Up Down", "move"), hint("Esc", "close")]);
            }
            None => given.extend([hint("Enter", "choose"), hint("Up Down", "move"), hint("Esc", "close")]),
        },
        Some(Overlay::AddWords(_)) => given.extend([hint("Enter", "add"), hint("Esc", "close")]),
        Some(Overlay::Export(input)) => {
            given.push(hint("Enter", "write"));
            given.extend(input.everything.map(|_| hint("Tab", "these rows, everything")));
            given.push(hint("Esc", "close"));
        }
        Some(Overlay::Inspector(inspector)) => {
            let flip = (app.models.len() > 1).then(|| hint(&Action::NextModel.key_text(), "flip"));
            let load = (inspector.readings == Some(Err(Unread::NotLoaded))).then(|| hint("Enter", "load"));
            let turn = match (&inspector.readings, inspector.page) {
                (_, Page::Layers) => Some(hint(&TURN.to_string(), "tokens")),
                (Some(Ok(_)), Page::Tokens) => Some(hint(&TURN.to_string(), "layers")),
                _ => None,
            };
            let last = [hint("Esc", "close")];
            given.extend([hint("Up Down", "scroll")].into_iter().chain(load).chain(turn).chain(flip).chain(last));
        }
        Some(Overlay::Word(_)) => given.extend([
            hint("Left Right", "neighbour"),
            hint("Up Down", "scroll"),
            hint(&Action::Inspect.key_text(), "tokens"),
            hint("Esc", "close"),
        ]),
        Some(Overlay::Help { .. }) => given.extend([hint("Up Down", "scroll"), hint("Esc", "close")]),
        None if app.search.editing => {
            given.extend([hint("Enter", "keep"), hint("Up Down", "previous, next"), hint("Esc", "back")])
        }
        None => {
            if app.paused {
                given.push(hint(&Action::Resume.key_text(), "go on"));
            } else if app.failure_in_place_of_words().is_some() {
                given.push(hint(&Action::Resume.key_text(), "retry"));
            }
            let step = app.step_back().filter(|step| !app.paused || *step != StepBack::Work);
            given.extend(step.map(|step| hint(&Action::Cancel.key_text(), step.name())));
            given.extend(app.hints().iter().map(|(key, name)| hint(key, name)));
        }
    }
    let wide = |spans: &Vec<Span>| spans.iter().map(|s| width(&s.content)).sum::<usize>();
    let last = if app.overlay.is_none() && !app.search.editing { App::lasting_hints() } else { 0 };
    let tail = given.split_off(given.len() - last.min(given.len()));
    let mut room = usize::from(area.width).saturating_sub(tail.iter().map(wide).sum());
    let mut line = Vec::new();
    for spans in given {
        let Some(rest) = room.checked_sub(wide(&spans)) else { break };
        room = rest;
        line.extend(spans);
    }
    line.extend(tail.into_iter().flatten());
    line_with_end(frame, area, Line::from(line), Line::default());
}
