//! A bordered box over the view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear};

use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;

/// Clears a box in the middle of `area`, at most so wide and high, draws its border and title, and gives what is inside.
pub fn popup(frame: &mut Frame, area: Rect, width: u16, height: u16, title: &str, theme: &Theme) -> Rect {
    let width = width.min(area.width.saturating_sub(2));
    let height = height.min(area.height.saturating_sub(2));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    boxed(frame, Rect::new(x, y, width, height), title, theme)
}

/// The same at a given place.
pub fn boxed(frame: &mut Frame, place: Rect, title: &str, theme: &Theme) -> Rect {
    let block = Block::bordered()
        .border_set(Glyphs::of(theme.ascii).border)
        .border_style(theme.border)
        .title(if title.is_empty() { String::new() } else { format!(" {title} ") })
        .title_style(theme.title)
        .style(theme.text);
    let inner = block.inner(place);
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
