//! The two lines at the top: tabs and model, prompt and framing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::views::{ablation, card, statistics};
use super::warning::warning;
use super::{line_with_end, model_name, name_span};
use crate::app::{App, Model, View};
use crate::base::terms::{Framing, Unit};
use crate::base::text::visible;
use crate::sources::resolve::ModelSource;

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

/// How much of the tabs is said, and how closely they stand.
#[derive(Clone, Copy, PartialEq)]
enum Tabs {
    /// With the program's name.
    Whole,
    /// Two spaces apart.
    Wide,
    /// A space apart.
    Close,
    /// A space apart, and none between key and name.
    Tight,
    /// Of the last ones the keys alone.
    Keys,
}

/// The tab on the screen is marked on its own cells, with a space on either side of the mark.
fn tab_line(how: Tabs, app: &App, theme: &Theme) -> Line<'static> {
    let mut left = vec![Span::raw(" ")];
    if how == Tabs::Whole {
        left.push(Span::styled("rewardscope", theme.title));
        left.push(Span::raw("  "));
    }
    let padded = matches!(how, Tabs::Whole | Tabs::Wide);
    for (view, key, name, short) in TABS {
        let name = match how {
            Tabs::Whole => Some(name),
            Tabs::Keys if view != app.view => short,
            _ => short.or(Some(name)),
        };
        let space = if matches!(how, Tabs::Tight | Tabs::Keys) { "" } else { " " };
        let text = name.map_or(key.to_owned(), |name| format!("{key}{space}{name}"));
        let style = if view == app.view { theme.tab_active } else { theme.tab_inactive };
        left.push(Span::styled(if padded { format!(" {text} ") } else { text }, style));
        if !padded {
            left.push(Span::raw(" "));
        }
    }
    Line::from(left)
}

fn tabs(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let right = Right::of(app);
    let wide = usize::from(area.width);
    let fits =
        |how: &Tabs| (*how != Tabs::Whole || area.width >= NAMED) && tab_line(*how, app, theme).width() + right.wanted() <= wide;
    let how = [Tabs::Whole, Tabs::Wide, Tabs::Close, Tabs::Tight].into_iter().find(fits).unwrap_or(Tabs::Keys);
    let left = tab_line(how, app, theme);
    let room = wide.saturating_sub(left.width() + 1);
    line_with_end(frame, area, left, right.line(room, theme));
}

/// What stands at the right end of the first line.
struct Right<'a> {
    /// The model whose numbers are shown, and which of how many it is.
    model: Option<(&'a Model, String)>,
    /// What it is, in many words and in few.
    notes: &'static [&'static str],
}

impl<'a> Right<'a> {
    fn of(app: &'a App) -> Right<'a> {
        let nothing = Right { model: None, notes: &[] };
        match app.view {
            View::Words => {
                // The table knows whose numbers it shows; between a flip and its table that is not yet the model asked for.
                let shown = app.table().and_then(|t| t.key.model).or(app.focus).and_then(|id| app.model(id));
                let Some(model) = shown else { return nothing };
                let at = app.models.iter().position(|m| m.id == model.id).unwrap_or(0) + 1;
                let slash = if app.models.len() > 1 { format!("  {at}/{}", app.models.len()) } else { String::new() };
                Right { model: Some((model, slash)), notes: Self::what(model) }
            }
            View::Compare | View::Statistics => {
                let pair: Vec<&Model> = match app.view {
                    View::Compare => app.focused().into_iter().chain(app.other()).collect(),
                    _ => app.models.iter().collect(),
                };
                let any = |is: fn(&Model) -> bool| pair.iter().any(|model| is(model));
                let notes: &[&str] = match () {
                    () if any(|m| m.spec.is_demonstration()) => &["demonstration models ", "demonstration "],
                    () if any(Model::is_recorded) => &["recorded, not live ", "recorded "],
                    () => &[],
                };
                Right { notes, ..nothing }
            }
            View::Models | View::Card | View::Implicit | View::Ablation => nothing,
        }
    }

    fn what(model: &Model) -> &'static [&'static str] {
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

    /// Cells for which tabs make room: a model's name, else the shortest note.
    fn wanted(&self) -> usize {
        /// The longest name for which they do.
        const NAME: usize = 24;
        match &self.model {
            Some((model, count)) => name_width(model).min(NAME * names_of(model)) + count.len() + 2,
            None => self.notes.last().map_or(0, |note| note.len() + 1),
        }
    }

    /// The note gives way before the name.
    fn line(&self, room: usize, theme: &Theme) -> Line<'static> {
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

fn prompt(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(entry) = app.current_prompt() else {
        return line_with_end(frame, area, Line::styled(" no prompt: p chooses one", theme.dim), Line::default());
    };
    let framing = match entry.prompt.framing {
        Some(Framing::Positive) => Line::from(vec![Span::styled("+ ", theme.title), Span::styled("positive ", theme.dim)]),
        Some(Framing::Negative) => {
            Line::from(vec![Span::styled(format!("{} ", glyphs.minus), theme.title), Span::styled("negative ", theme.dim)])
        }
        None => Line::styled("your prompt ", theme.dim),
    };
    let right = warning(app, usize::from(area.width), theme).unwrap_or(framing);
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
