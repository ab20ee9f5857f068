//! Notices over the view: the whole text, wrapped, at the lower right.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::fit::width;
use super::theme::Theme;
use super::widgets::popup::boxed;
use crate::app::{App, Level};
use crate::base::text::{visible, wrap};

const WIDEST: u16 = 64;

pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let mut bottom = area.bottom();
    // The newest is nearest to the status line; older ones are stacked above it while there is room.
    for toast in app.toasts.iter().rev() {
        let text = visible(&toast.text);
        let lines = wrap(&text, usize::from(WIDEST.min(area.width.saturating_sub(4)) - 4));
        let wide = lines.iter().map(|line| width(line)).max().unwrap_or(0) as u16 + 4;
        let high = (lines.len() as u16 + 2).min(area.height);
        let Some(top) = bottom.checked_sub(high).filter(|&top| top >= area.y) else { return };
        let place = Rect::new(area.right().saturating_sub(wide + 1), top, wide, high);
        let (title, style) = match toast.level {
            Level::Info => ("", theme.text),
            Level::Warning => ("Note", theme.text),
            Level::Error => ("Error", theme.error),
        };
        let inner = boxed(frame, place, title, theme);
        for (y, line) in (0..inner.height).zip(lines) {
            frame.buffer_mut().set_line(inner.x, inner.y + y, &Line::styled(line, style), inner.width);
        }
        bottom = top;
    }
}
