//! The right end of the first line: the name of the model that is shown, or a note on several models.

use ratatui::text::{Line, Span};

use super::fit::width;
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::{model_name, name_span};
use crate::app::{App, Model};
use crate::base::terms::Unit;
use crate::base::text::visible;
use crate::sources::resolve::ModelSource;

/// What the right end of the first line says.
#[derive(Default)]
pub struct Corner<'a> {
    /// The model whose numbers are shown, and which of how many it is.
    model: Option<(&'a Model, String)>,
    /// The kind of model, in many words and in few.
    notes: &'static [&'static str],
}

impl<'a> Corner<'a> {
    /// Names the model that is shown.
    pub fn of_model(app: &App, model: &'a Model) -> Corner<'a> {
        let at = app.models.iter().position(|m| m.id == model.id).unwrap_or(0) + 1;
        let count = if app.models.len() > 1 { format!("  {at}/{}", app.models.len()) } else { String::new() };
        Corner { model: Some((model, count)), notes: kind(model) }
    }

    /// Says of several models whether some of them are not live.
    pub fn of_models(models: &[&Model]) -> Corner<'a> {
        let any = |is: fn(&Model) -> bool| models.iter().any(|model| is(model));
        let notes: &[&str] = match () {
            () if any(|model| model.spec.is_demonstration()) => &["demonstration models ", "demonstration "],
            () if any(Model::is_recorded) => &["recorded, not live ", "recorded "],
            () => &[],
        };
        Corner { model: None, notes }
    }

    /// Cells for which tabs make room: a model's name, else the shortest note.
    pub fn wanted(&self) -> usize {
        /// The longest name for which they do.
        const NAME: usize = 24;
        match &self.model {
            Some((model, count)) => name_width(model).min(NAME * names_of(model)) + count.len() + 2,
            None => self.notes.last().map_or(0, |note| note.len() + 1),
        }
    }

    /// The note gives way before the name.
    pub fn line(&self, room: usize, theme: &Theme) -> Line<'static> {
        let Some((model, count)) = &self.model else {
            let note = self.notes.iter().find(|note| note.len() <= room).copied().unwrap_or_default();
            return Line::styled(note, theme.dim);
        };
        let room = room.saturating_sub(count.len() + 1);
        let name = name_width(model).min(room);
        let note = self.notes.iter().find(|note| name + note.len() <= room).copied().unwrap_or_default();
        let mut line = Line::from(model_names(model, name, theme));
        line.push_span(Span::styled(note, theme.dim));
        line.push_span(Span::styled(count.clone(), theme.dim));
        line.push_span(Span::raw(" "));
        line
    }
}

/// What a model is, in many words and in few; nothing of one that computes rewards.
fn kind(model: &Model) -> &'static [&'static str] {
    match (model.spec.is_demonstration(), model.is_recorded()) {
        (true, _) => &["  demonstration model", "  demonstration"],
        (_, true) => &["  recorded, not live", "  recorded"],
        _ if matches!(model.unit(), Unit::Mwlr | Unit::LogRatio) => {
            &["  implicit reward of two language models", "  implicit reward", "  implicit"]
        }
        _ if model.unit() == Unit::Nats => &["  language model, log p in nats", "  log p in nats", "  nats"],
        _ => &[],
    }
}

/// The models that one is of: two of an implicit reward.
fn names_of(model: &Model) -> usize {
    if matches!(model.spec.source, ModelSource::Implicit { .. }) { 2 } else { 1 }
}

fn name_width(model: &Model) -> usize {
    match &model.spec.source {
        ModelSource::Implicit { models, .. } => models.iter().map(|spec| width(&visible(&spec.name)) + 4).sum::<usize>() + 3,
        _ => width(&visible(&model.spec.name)) + 4,
    }
}

/// Sign, letter and name; of an implicit reward those of both its models, each with half of the room.
fn model_names(model: &Model, cells: usize, theme: &Theme) -> Vec<Span<'static>> {
    let ModelSource::Implicit { models, .. } = &model.spec.source else { return vec![model_name(model, cells, theme)] };
    let glyphs = Glyphs::of(theme.ascii);
    let room = cells.saturating_sub(3);
    let wide = models.each_ref().map(|spec| width(&visible(&spec.name)) + 4);
    let halves = [room.saturating_sub(wide[1]).max(room / 2), room.saturating_sub(wide[0]).max(room / 2)];
    let name = |at: usize| name_span(&models[at].name, models[at].family, halves[at].min(wide[at]), theme);
    vec![name(0), Span::styled(format!(" {} ", glyphs.against), theme.dim), name(1)]
}
