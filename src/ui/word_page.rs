//! The page of one word: a line a prompt, a column a model, the word's rank in each cell.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::fit::{fit, fit_name, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::popup::popup;
use super::{numbers, shape};
use crate::app::table::{Place, WordPage};
use crate::app::word_page::{GAP, WordPageLayout, WordPageState};
use crate::app::{App, Model};
use crate::base::terms::Framing;
use crate::base::text::{visible, visible_word};
use crate::stats::median;

/// The best and the last words, as a share of all: in colour from `NEAR` on, with a sign from `FAR` on.
const FAR: f64 = 0.1;
const NEAR: f64 = 0.25;

/// Draws the page over the view.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, state: WordPageState, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let layout = app.word_page_layout();
    let word = visible_word(app.score_table.word_text(state.word), theme.ascii);
    let categories = app.universe.index_of(state.word).map(|at| app.universe.category_names(at)).unwrap_or_default();
    let categories: Vec<_> = categories.into_iter().map(visible).collect();
    let title = match categories.is_empty() {
        true => word.into_owned(),
        false => format!("{word} {} {}", glyphs.dot, categories.join(", ")),
    };
    let scroll = state.scroll.min(layout.last_scroll());
    let part = match layout.last_scroll() {
        0 => String::new(),
        _ => format!(", {} to {} of {} lines", scroll + 1, scroll + layout.rows, layout.lines),
    };
    let room = usize::from(area.width.saturating_sub(8)).saturating_sub(width(&part));
    let title = format!("{}{part}", fit(&title, room, glyphs.ellipsis));
    let height = (layout.lines.min(layout.rows) + 3) as u16;
    let inner = popup(frame, area, area.width, height, &title, theme);
    let page = app.table().and_then(|table| table.page.as_ref()).filter(|page| page.word == state.word);
    let lines = lines(app, page, layout, theme);
    let shown = inner.height.saturating_sub(1);
    for (y, line) in (0..shown).zip(lines.into_iter().skip(scroll)) {
        frame.buffer_mut().set_line(inner.x, inner.y + y, &line, inner.width);
    }
    let legend = Line::from(vec![
        Span::styled("ranks, 1 is best   ", theme.dim),
        Span::styled(format!("{} best tenth", glyphs.up), shape(theme.rank_up)),
        Span::raw("  "),
        Span::styled(format!("{} last tenth", glyphs.down), shape(theme.rank_down)),
    ]);
    frame.buffer_mut().set_line(inner.x, inner.bottom().saturating_sub(1), &legend, inner.width);
}

/// Every line of the page.
fn lines(app: &App, page: Option<&WordPage>, layout: WordPageLayout, theme: &Theme) -> Vec<Line<'static>> {
    let groups = app.prompts_by_framing();
    let mut groups = groups.iter().map(|(framing, prompts)| group(app, page, *framing, prompts, layout, theme));
    let mut lines: Vec<Line> = Vec::new();
    if layout.abreast
        && let (Some(left), Some(right)) = (groups.next(), groups.next())
    {
        let wide = layout.label + app.models.len() * layout.rank;
        for at in 0..left.len().max(right.len()) {
            let mut line = left.get(at).cloned().unwrap_or_default();
            line.push_span(Span::raw(" ".repeat((wide + GAP).saturating_sub(line.width()))));
            line.spans.extend(right.get(at).cloned().unwrap_or_default().spans);
            lines.push(line);
        }
    }
    for group in groups {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(group);
    }
    lines
}

/// A heading, the models, their medians, and a line a prompt.
fn group(
    app: &App,
    page: Option<&WordPage>,
    framing: Option<Framing>,
    prompts: &[usize],
    layout: WordPageLayout,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let name = match framing {
        Some(Framing::Positive) => "+ positive prompts".to_owned(),
        Some(Framing::Negative) => format!("{} negative prompts", glyphs.minus),
        None => "prompts without framing".to_owned(),
    };
    let row = |label: Span<'static>, cells: Vec<Line<'static>>| {
        let mut line = Line::from(label);
        for (at, cell) in (0..).zip(cells) {
            let end: usize = layout.label + (at + 1) * layout.rank;
            line.push_span(Span::raw(" ".repeat(end.saturating_sub(line.width() + cell.width()))));
            line.spans.extend(cell.spans);
        }
        line
    };
    let models = app.models.iter().map(|model| Line::from(short_name(model, layout.rank - 1, theme))).collect();
    let places = |model: &Model| -> Vec<Place> {
        let place = |at: &usize| page?.place(model.id, app.prompts[*at].id);
        prompts.iter().filter_map(place).collect()
    };
    let medians = app.models.iter().map(|model| {
        let places = places(model);
        let share = median(places.iter().map(Place::share));
        match (median(places.iter().map(|place| place.rank)), share) {
            (Some(rank), Some(share)) => cell(rank, share, Modifier::BOLD, theme),
            _ => unknown(page, theme),
        }
    });
    let mut lines = vec![
        Line::styled(name, theme.title),
        row(Span::raw(""), models),
        row(Span::styled("median", theme.dim), medians.collect()),
    ];
    for &at in prompts {
        let entry = &app.prompts[at];
        let label = fit_name(&visible(entry.prompt.label()), layout.label - 1, glyphs.ellipsis).into_owned();
        let style = if at == app.prompt { theme.selected } else { theme.text };
        let cells = app.models.iter().map(|model| match page.and_then(|page| page.place(model.id, entry.id)) {
            Some(place) => cell(place.rank, place.share(), Modifier::empty(), theme),
            None => unknown(page, theme),
        });
        lines.push(row(Span::styled(label, style), cells.collect()));
    }
    lines
}

/// `12▲`: the rank, and a sign where the word is among the best or the last.
fn cell(rank: f64, share: f64, modifier: Modifier, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let sign = match share {
        share if share <= FAR => glyphs.up,
        share if share >= 1.0 - FAR => glyphs.down,
        _ => ' ',
    };
    let style = match share {
        share if share <= NEAR => theme.rank_up,
        share if share >= 1.0 - NEAR => theme.rank_down,
        _ => theme.text,
    };
    Line::styled(format!("{}{sign}", numbers::rank(rank, glyphs)), shape(style).add_modifier(modifier))
}

/// No score, or none yet: until the ranks have been counted, that is not known.
fn unknown(page: Option<&WordPage>, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let sign = if page.is_some() { glyphs.none } else { glyphs.ellipsis };
    Line::styled(format!("{sign} "), theme.dim)
}

/// The sign of the family and as much of the name as fits.
fn short_name(model: &Model, cells: usize, theme: &Theme) -> Span<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let name = visible(&model.spec.name);
    let name = fit_name(&name, cells.saturating_sub(3), glyphs.ellipsis).into_owned();
    let style: Style = theme.family(model.family());
    // The column of signs behind the ranks stays free.
    let text = format!("{} {name} ", glyphs.family(model.family()));
    debug_assert!(width(&text) <= cells + 1);
    Span::styled(text, shape(style))
}
