//! The help, made from the list of actions.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::wrap;
use super::theme::Theme;
use super::widgets::popup::popup;
use crate::app::action::{ACTIONS, Group};

const KEYS: usize = 16;

pub fn draw(frame: &mut Frame, area: Rect, scroll: usize, theme: &Theme) {
    let wide = area.width.min(96);
    let lines = lines(usize::from(wide.saturating_sub(5)), theme);
    let inner = popup(frame, area, wide, lines.len() as u16 + 2, "Help", theme);
    let most = lines.len().saturating_sub(usize::from(inner.height));
    for (y, line) in (0..inner.height).zip(lines.iter().skip(scroll.min(most))) {
        frame.buffer_mut().set_line(inner.x, inner.y + y, line, inner.width);
    }
}

fn lines(wide: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(group.name(), theme.title));
        for entry in ACTIONS.iter().filter(|e| e.group == group) {
            for (i, text) in wrap(entry.help, wide.saturating_sub(KEYS)).into_iter().enumerate() {
                let keys = if i == 0 { entry.keys_text() } else { String::new() };
                lines.push(Line::from(vec![Span::styled(format!("{keys:<KEYS$}"), theme.key_hint), Span::styled(text, theme.text)]));
            }
        }
    }
    lines
}
