//! Drawing only, from a state that it never changes: the frame here, each view in a module of `views`.
//!
//! A frame costs what is visible: tables come ranked and sorted from `app::table`, and only rows on the screen are formatted.

pub mod abilities;
mod corner;
mod fit;
mod glyphs;
mod header;
mod help;
mod inspector;
mod numbers;
mod picker;
mod prompt;
mod provenance;
mod status;
pub mod theme;
mod toast;
mod views;
pub mod warning;
pub mod widgets;
mod word_page;
mod word_table;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::action::Action;
use crate::app::{App, Overlay, layout};
use crate::base::terms::Family;
use crate::base::text::{visible, wrap};
use crate::corpus::{Side, sides};
use glyphs::Glyphs;
use theme::Theme;
use widgets::table::Look;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, app: &App, theme: &Theme) {
    let area = frame.area();
    frame.buffer_mut().set_style(area, theme.text);
    if !layout::fits(size_of(frame)) {
        return too_small(frame, area);
    }
    let line = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    let body = Rect::new(area.x, area.y + 2, area.width, area.height - 5);
    let screen = views::screen(app.view);
    header::draw(frame, line(0), app, &screen.corner(app), theme);
    screen.heading(frame, line(1), app, theme);
    screen.body(frame, body, app, theme);
    provenance::draw(frame, line(area.height - 3), &screen.provenance(app), theme);
    status::status(frame, line(area.height - 2), app, theme);
    status::hints(frame, line(area.height - 1), app, theme);
    match &app.overlay {
        Some(Overlay::Help { scroll }) => help::draw(frame, body, *scroll, theme),
        Some(Overlay::Picker(picker)) => picker::draw(frame, body, picker, theme),
        Some(Overlay::AddWords(input)) => picker::add_words(frame, body, input, theme),
        Some(Overlay::Export(input)) => picker::export(frame, body, input, theme),
        Some(Overlay::Inspector(inspector)) => inspector::draw(frame, body, app, inspector, theme),
        Some(Overlay::Word(page)) => word_page::draw(frame, body, app, *page, theme),
        None => {}
    }
    toast::draw(frame, body, app, theme);
}

fn too_small(frame: &mut Frame, area: Rect) {
    let (columns, rows) = layout::NEEDED;
    let text = format!("rewardscope needs {columns}x{rows}, this terminal is {}x{}", area.width, area.height);
    let lines: Vec<Line> = wrap(&text, usize::from(area.width)).into_iter().map(Line::raw).collect();
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    let place = Rect { y: area.y + top, height: area.height - top, ..area };
    frame.render_widget(Paragraph::new(lines).alignment(Alignment::Center), place);
}

/// The size of the frame, by which everything on it is laid out. The state may know of a newer or an older size.
fn size_of(frame: &Frame) -> (u16, u16) {
    (frame.area().width, frame.area().height)
}

/// A line in the middle of an empty view.
fn notice(frame: &mut Frame, area: Rect, text: &str, theme: &Theme) {
    let lines = wrap(text, usize::from(area.width.saturating_sub(8)).max(1));
    let lines: Vec<Line> = lines.into_iter().map(|line| Line::styled(line, theme.dim)).collect();
    let top = area.height / 3;
    let place = Rect { y: area.y + top, height: area.height - top, ..area };
    frame.render_widget(Paragraph::new(lines).alignment(Alignment::Center), place);
}

/// What an empty view says where no model is open.
fn no_model() -> String {
    format!("no model is open: {} opens one", Action::OpenModel.key_text())
}

fn look(theme: &Theme) -> Look<'static> {
    Look { header: theme.header, cursor: theme.cursor_row, glyphs: Glyphs::of(theme.ascii) }
}

/// The first of the lines that fits into so many cells, else the last.
fn fitting<'a>(candidates: impl IntoIterator<Item = Line<'a>>, cells: usize) -> Line<'a> {
    let mut last = Line::default();
    for candidate in candidates {
        last = candidate;
        if last.width() <= cells {
            break;
        }
    }
    last
}

/// Draws one line with something at its right end; the left part gives way.
fn line_with_end(frame: &mut Frame, area: Rect, left: Line, right: Line) {
    let wide = (right.width() as u16).min(area.width);
    let buffer = frame.buffer_mut();
    buffer.set_line(area.x, area.y, &left, area.width.saturating_sub(wide + u16::from(wide > 0)));
    buffer.set_line(area.right() - wide, area.y, &right, wide);
}

/// The style of each category; of two sides of one, such as virtue and vice, the second is the first's, dimmed.
fn category_styles(names: &[String], theme: &Theme) -> Vec<Style> {
    let style = |side: Side| {
        let style = theme.category(side.of);
        if side.second { style.add_modifier(Modifier::DIM) } else { style }
    };
    sides(names).into_iter().map(style).collect()
}

/// A style for bars and marks: an underline would be taken for a part of them.
fn shape(style: Style) -> Style {
    style.remove_modifier(Modifier::UNDERLINED)
}

/// Sign, letter and name of a model, in its family's style.
fn model_name(model: &crate::app::Model, cells: usize, theme: &Theme) -> Span<'static> {
    name_span(&model.spec.name, model.family(), cells, theme)
}

/// The same of a name that is no opened model's.
fn name_span(name: &str, family: Family, cells: usize, theme: &Theme) -> Span<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let name = visible(name);
    let name = fit::fit_name(&name, cells.saturating_sub(4), glyphs.ellipsis);
    Span::styled(format!("{} {} {name}", glyphs.family(family), family.letter()), theme.family(family))
}
