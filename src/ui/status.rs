//! The three lines at the bottom: where the numbers come from, what is going on, what can be done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, fit_end, width};
use super::glyphs::Glyphs;
use super::line_with_end;
use super::theme::Theme;
use crate::app::action::{ACTIONS, Action};
use crate::app::{App, Model, Overlay, View};
use crate::engine::Phase;
use crate::model::Unit;
use crate::model::source::ModelSource;
use crate::text::{bytes, count, duration, visible};

/// Source and revision, dtype, BOS policy, template, head: all that decides a score besides the word. Of two models that
/// are compared, the facts that may differ.
pub fn provenance(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let room = usize::from(area.width).saturating_sub(2);
    let separator = format!(" {} ", glyphs.dot);
    let key = app.table().map(|t| &t.key);
    let definition = match app.view {
        View::Statistics => Some(
            "A cell is the median rank of a category's words within model and prompt; rank 1 = highest score, ties averaged.",
        ),
        View::Card => Some(
            "Leaning: difference of the poles' median ranks, in places, mean over prompts; + leans to the first. 95 %: bootstrap over prompts and words.",
        ),
        View::Ablation => {
            Some("Median rank of each category's words at each checkpoint; up is preferred; change: last less first.")
        }
        _ => None,
    };
    if let Some(text) = definition {
        let line = Line::styled(format!(" {}", fit(text, room, glyphs.ellipsis)), theme.provenance);
        return line_with_end(frame, area, line, Line::default());
    }
    let models = match app.view {
        View::Models => [app.models.get(app.models_cursor), None],
        View::Words | View::Statistics | View::Card | View::Ablation => {
            [key.and_then(|k| app.model(k.model?)).or(app.focused()), None]
        }
        View::Compare | View::Implicit => [key.and_then(|k| app.model(k.model?)), key.and_then(|k| app.model(k.other?))],
    };
    let text = match models {
        [Some(left), Some(right)] => {
            let (left, right) = (short_facts(left, room, glyphs), short_facts(right, room, glyphs));
            // Sources always differ; every other fact is said once where both agree.
            let both = |i: usize| match (left.get(i), right.get(i)) {
                (Some(l), Some(r)) if l == r => l.clone(),
                (l, r) => {
                    let said = |fact: Option<&String>| fact.cloned().unwrap_or(glyphs.none.to_string());
                    format!("{} {} {}", said(l), glyphs.against, said(r))
                }
            };
            (0..left.len().max(right.len())).map(both).collect::<Vec<_>>().join(&separator)
        }
        [Some(model), None] => {
            let full = facts(model, room, glyphs).join(&separator);
            if width(&full) <= room { full } else { short_facts(model, room, glyphs).join(&separator) }
        }
        _ => return,
    };
    let line = Line::styled(format!(" {}", fit(&text, room, glyphs.ellipsis)), theme.provenance);
    line_with_end(frame, area, line, Line::default());
}

/// The provenance of a model as separate facts, the source first; a long path keeps its end.
pub fn facts(model: &Model, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut facts = Vec::new();
    if model.spec.is_demonstration() {
        facts.push("demonstration model".to_owned());
    }
    facts.push(source(model, (room / 2).max(20), glyphs));
    if model.is_recorded() {
        facts.push("recorded, not live".to_owned());
    } else if let Some(info) = &model.info {
        let p = &info.provenance;
        facts.push(format!("{} on {}", visible(&p.dtype), visible(&p.device)));
        facts.push(format!("BOS {}", visible(&p.bos)));
        facts.push(format!("template {}", visible(&p.template)));
        facts.push(format!("head {}{}", visible(&p.head), unit(model)));
        facts.extend(p.policies.facts());
    }
    facts
}

/// The same for a narrow line: the template by its date, the head by its tensor, and what the header says left out.
fn short_facts(model: &Model, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut facts = vec![source(model, (room / 3).max(16), glyphs)];
    if model.is_recorded() {
        facts.push("recorded, not live".to_owned());
    } else if let Some(info) = &model.info {
        let p = &info.provenance;
        // One fact, so that those of two models stay abreast.
        let computed = [vec![format!("{} {}", p.dtype, p.device)], p.policies.unusual()].concat().join(", ");
        facts.push(visible(&computed).into_owned());
        facts.push(format!("BOS {}", visible(&p.bos)));
        let template = p.template.rsplit(", ").next().unwrap_or_default();
        facts.push(visible(template.rsplit_once('.').map_or(template, |(stem, _)| stem)).into_owned());
        facts.push(format!("{}{}", visible(p.head.split(" [").next().unwrap_or_default()), unit(model)));
    }
    facts
}

/// Said where it is not the usual one.
fn unit(model: &Model) -> &'static str {
    match model.unit() {
        Unit::Reward => "",
        Unit::Nats => ", nats",
        Unit::LogRatio => ", log ratio",
        Unit::Mwlr => ", MWLR",
    }
}

/// Where a model comes from, with its revision.
pub fn source(model: &Model, room: usize, glyphs: &Glyphs) -> String {
    let (source, revision) = match &model.info {
        Some(info) => (info.provenance.source.clone(), info.provenance.revision.as_deref()),
        None => (source_text(&model.spec.source), None),
    };
    let source = visible(&source);
    let source = fit_end(&source, room, glyphs.ellipsis);
    match revision {
        Some(revision) => format!("{source}@{}", visible(revision).chars().take(7).collect::<String>()),
        None => source.into_owned(),
    }
}

fn source_text(source: &ModelSource) -> String {
    match source {
        ModelSource::Bundled(name) => (*name).to_owned(),
        ModelSource::Hub { repository, revision: Some(revision) } => format!("{repository}@{revision}"),
        ModelSource::Hub { repository, revision: None } => repository.clone(),
        ModelSource::Directory(path) | ModelSource::Recorded(path) => path.display().to_string(),
        ModelSource::Implicit { measure, models } => {
            let [a, b] = models.each_ref().map(|spec| source_text(&spec.source));
            format!("{}:{a},{b}", measure.key())
        }
    }
}

/// What a model is doing, with numbers: `scoring 4,120 of 14,634  38 words/s  ETA 4:37`.
pub fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Waiting => "waiting".to_owned(),
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
    let right = Line::from(vec![Span::styled(what_is_shown(app, glyphs), theme.dim), Span::raw(" ")]);
    let left = if app.search.editing { search_line(app, theme) } else { progress(app, theme) };
    // Progress matters more than the name of the corpus.
    let fits = left.width() + right.width() < usize::from(area.width);
    line_with_end(frame, area, left, if fits { right } else { Line::default() });
}

fn search_line(app: &App, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let (before, after) = app.search.input.split();
    let matches = app.table().filter(|t| t.key.search == app.search.query()).map_or(0, |t| t.matches.len());
    Line::from(vec![
        Span::styled(" /", theme.key_hint),
        Span::styled(visible(before).into_owned(), theme.input),
        Span::styled(glyphs.caret.to_string(), theme.key_hint),
        Span::styled(visible(after).into_owned(), theme.input),
        Span::styled(format!("   {} matches", count(matches)), theme.dim),
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
        if let Some(text) = short_phase(&model.phase) {
            spans.push(Span::raw("   "));
            spans.push(sign(model));
            spans.push(Span::styled(text, theme.dim));
        }
    }
    Line::from(spans)
}

/// At rest, how many words have a score and how many have none yet.
fn focused_phase(app: &App, model: &Model) -> String {
    let known = app.table().filter(|t| t.key.model == Some(model.id)).map_or(0, |t| t.left.scored);
    let all = app.universe.len();
    match &model.phase {
        Phase::Scoring { prompt, .. } if app.current_prompt().is_some_and(|p| p.id != *prompt) => {
            let known = app.book.prompts_of(model.id).len();
            format!("{}  prompt {known} of {}", phase(&model.phase), app.prompts.len())
        }
        Phase::Idle | Phase::Cancelled if known == all => format!("{} words scored", count(all)),
        Phase::Idle | Phase::Cancelled => {
            format!("{} of {} words scored, {} without score", count(known), count(all), count(all - known))
        }
        Phase::Failed(_) => format!("failed: {} shows why", Action::Show(View::Models).key_text()),
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
        let at = table.matches.iter().position(|&m| m as usize == app.cursor.row());
        let at = at.map_or(glyphs.none.to_string(), |at| (at + 1).to_string());
        parts.push(format!("/{} {at} of {}", visible(&table.key.search), count(table.matches.len())));
    }
    if !app.filter.is_empty() {
        let names: Vec<_> = app.filter.iter().map(|name| visible(name)).collect();
        parts.push(format!("only {}", fit(&names.join(", "), 24, glyphs.ellipsis)));
    }
    parts.push(format!(
        "{} {} {} words",
        fit(&visible(&corpus.name), 24, glyphs.ellipsis),
        glyphs.dot,
        count(app.universe.len())
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
        Some(Overlay::Picker(picker)) => {
            if picker.marked.is_some() {
                given.push(hint("Space", "mark"));
            }
            given.extend([hint("Enter", "choose"), hint("Up Down", "move"), hint("Esc", "close")]);
        }
        Some(Overlay::AddWords(_)) => given.extend([hint("Enter", "add"), hint("Esc", "close")]),
        Some(Overlay::Export(input)) => {
            given.push(hint("Enter", "write"));
            given.extend(input.everything.map(|_| hint("Tab", "these rows, everything")));
            given.push(hint("Esc", "close"));
        }
        Some(Overlay::Inspector(_)) => {
            let flip = (app.models.len() > 1).then(|| hint(&Action::NextModel.key_text(), "flip"));
            given.extend([hint("Up Down", "scroll")].into_iter().chain(flip).chain([hint("Esc", "close")]));
        }
        Some(Overlay::Help { .. }) => given.extend([hint("Up Down", "scroll"), hint("Esc", "close")]),
        None if app.search.editing => {
            given.extend([hint("Enter", "keep"), hint("Up Down", "previous, next"), hint("Esc", "back")])
        }
        None => {
            if app.paused {
                given.push(hint(&Action::Resume.key_text(), "go on"));
            } else if app.models.iter().any(|m| !m.is_recorded() && m.is_busy()) {
                given.push(hint("Esc", "cancel"));
            }
            let here = ACTIONS.iter().filter(|e| e.hint && e.views.contains(&app.view));
            given.extend(here.map(|e| hint(&e.action.key_text(), e.name)));
        }
    }
    let wide = |spans: &Vec<Span>| spans.iter().map(|s| width(&s.content)).sum::<usize>();
    let last = if app.overlay.is_none() && !app.search.editing { 2 } else { 0 };
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
