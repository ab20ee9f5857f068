//! The opened models: what each is doing, how fast, and, for the one under the cursor, everything that is known of it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::action::Action;
use crate::app::{App, Model};
use crate::base::text::{bytes, count, counted, visible, wrap};
use crate::engine::Phase;
use crate::ui::corner::Corner;
use crate::ui::fit::fit;
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::table::{self, Column};
use crate::ui::{look, model_name, no_model, notice, prompt, provenance, shape, status};

/// The screen of the opened models.
pub struct ModelsScreen;

impl Screen for ModelsScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        if app.models.is_empty() {
            return notice(frame, area, &no_model(), theme);
        }
        let rows = (app.models.len() + 1).min(usize::from(area.height / 2)) as u16;
        let list = Rect { height: rows, ..area };
        let offset = (app.views.models.cursor + 2).saturating_sub(usize::from(rows));
        let shown = app.models.iter().skip(offset);
        table::draw(&columns(app, theme), shown, Some(app.views.models.cursor - offset), list, frame.buffer_mut(), &look(theme));
        if let Some(model) = app.models.get(app.views.models.cursor) {
            let below = Rect { y: area.y + rows + 1, height: area.height.saturating_sub(rows + 1), ..area };
            details(frame, below, app, model, theme);
        }
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        prompt::draw(frame, area, app, theme);
    }

    fn corner<'a>(&self, _app: &'a App) -> Corner<'a> {
        Corner::default()
    }

    fn provenance<'a>(&self, app: &'a App) -> Provenance<'a> {
        Provenance::Models([app.models.get(app.views.models.cursor), None])
    }
}

fn columns<'a>(app: &'a App, theme: &'a Theme) -> Vec<Column<'a, &'a Model>> {
    let glyphs = Glyphs::of(theme.ascii);
    let style = |model: &Model| match model.phase {
        Phase::Failed(_) => theme.error,
        Phase::Cancelled | Phase::WaitingForMemory { .. } => theme.warning,
        Phase::Idle => theme.success,
        _ => theme.text,
    };
    let kind = |model: &Model| match (model.spec.is_demonstration(), model.is_recorded()) {
        (true, _) => "demonstration",
        (_, true) => "recorded",
        _ => "live",
    };
    vec![
        Column::new("model", 20, 38, move |model: &&Model, cells| {
            let shown = Some(model.id) == app.focus;
            let mark = Span::styled(if shown { glyphs.current } else { ' ' }.to_string(), shape(theme.selected));
            Line::from(vec![mark, Span::raw(" "), model_name(model, cells.saturating_sub(2), theme)])
        }),
        Column::new("kind", 13, 13, move |model: &&Model, _| Line::styled(kind(model), theme.dim)).priority(2),
        Column::new("memory", 8, 9, move |model: &&Model, _| {
            let memory = model.info.as_ref().map(|info| info.memory_bytes).filter(|&m| m > 0);
            Line::styled(memory.map_or(glyphs.none.to_string(), bytes), theme.dim)
        })
        .right()
        .priority(3),
        Column::new("prompts", 7, 7, move |model: &&Model, _| {
            Line::styled(count(app.score_table.prompts_of(model.id).len()), theme.dim)
        })
        .right()
        .priority(1),
        Column::new("state", 22, 70, move |model: &&Model, cells| {
            let waits = status::waits_for_its_turn(app, model);
            let text = if waits { "waiting for the other models".to_owned() } else { status::phase(&model.phase) };
            let text = if text.len() > cells { status::short_phase(&model.phase).unwrap_or(text) } else { text };
            Line::styled(fit(&text, cells, glyphs.ellipsis).into_owned(), style(model))
        })
        .gap(2),
    ]
}

/// Label and value, a line each; long values are wrapped under their label's column.
fn details(frame: &mut Frame, area: Rect, app: &App, model: &Model, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Phase::Failed(error) = &model.phase {
        facts.push(("failed", visible(error).into_owned()));
        facts.push(("", format!("{} tries again, {} closes it", Action::Resume.key_text(), Action::CloseModel.key_text())));
    } else {
        let waits = status::waits_for_its_turn(app, model);
        let state = if waits { "waiting for the other models".to_owned() } else { status::phase(&model.phase) };
        facts.push(("state", state));
    }
    match &model.info {
        None => facts.push(("source", provenance::source(model, 400, glyphs))),
        Some(info) => {
            let p = &info.provenance;
            facts.push(("source", p.source.clone()));
            facts.extend(p.revision.iter().map(|r| ("revision", r.clone())));
            facts.push(("family", info.family.to_string()));
            if p.recorded {
                facts.push(("scores", "recorded, not live: computed elsewhere, shown as they stand in the file".to_owned()));
            }
            if !p.is_of_numbers_alone() {
                let parameters =
                    if p.parameters > 0 { format!(", {} parameters", count(p.parameters as usize)) } else { String::new() };
                facts.push(("model", format!("{}{parameters}", p.architecture)));
                let memory =
                    if info.memory_bytes > 0 { format!(", {} of memory", bytes(info.memory_bytes)) } else { String::new() };
                facts.push(("computed", format!("{} on {}{memory}", p.dtype, p.device)));
                if !p.dtype_reason.is_empty() {
                    facts.push(("dtype", p.dtype_reason.clone()));
                }
                facts.push(("template", p.template.clone()));
                facts.push(("BOS", p.bos.to_string()));
                facts.push(("head", p.head.clone()));
                facts.extend(p.policies.facts().into_iter().map(|fact| ("policy", fact)));
                facts.extend(p.policies.notes.iter().map(|note| ("note", note.clone())));
            }
        }
    }
    if model.spec.is_demonstration() {
        facts
            .push(("note", "a demonstration model: trained for this program on generated pairs, none of the study's".to_owned()));
    }
    let prompts = app.score_table.prompts_of(model.id).len();
    facts.push(("known", format!("scores under {prompts} of {}", counted(app.prompts.len(), "prompt"))));
    let value_width = usize::from(area.width).saturating_sub(14);
    let mut y = 0;
    for (label, value) in facts {
        for (i, text) in wrap(&visible(&value), value_width).into_iter().enumerate() {
            if y >= area.height {
                return;
            }
            let style = if label == "failed" { theme.error } else { theme.text };
            let label = if i == 0 { label } else { "" };
            let line = Line::from(vec![Span::styled(format!("  {label:<10} "), theme.dim), Span::styled(text, style)]);
            frame.buffer_mut().set_line(area.x, area.y + y, &line, area.width);
            y += 1;
        }
    }
}
