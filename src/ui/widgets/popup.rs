//! A bordered box over the view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear};
use unicode_width::UnicodeWidthStr;

use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;

/// Where a screen is hardly wider than its box, the box takes its whole width: what would peep out at its sides is noise.
const HARDLY_WIDER: u16 = 16;

/// Clears a box in the middle of `area`, at most so wide and high, draws its border and title, and returns the area inside.
pub fn popup(frame: &mut Frame, area: Rect, width: u16, height: u16, title: &str, theme: &Theme) -> Rect {
    let width = if width + HARDLY_WIDER > area.width { area.width } else { width };
    let height = height.min(area.height);
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
    // A wide character that the left border cuts in two would push the border aside.
    for y in place.top()..place.bottom() {
        if let Some(cell) = place.left().checked_sub(1).and_then(|x| frame.buffer_mut().cell_mut((x, y)))
            && cell.symbol().width() > 1
        {
            cell.set_symbol(" ");
        }
    }
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
