//! The help, made from the list of actions.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::theme::Theme;
use super::widgets::popup::popup;
use crate::app::help::{self, HelpLine};

pub fn draw(frame: &mut Frame, area: Rect, scroll: usize, theme: &Theme) {
    let lines = help::lines(area.width);
    let (wide, rows) = help::size(area.width, area.height);
    let scroll = scroll.min(lines.len().saturating_sub(rows));
    let more = if lines.len() > rows {
        format!("Help, {} to {} of {} lines", scroll + 1, scroll + rows, lines.len())
    } else {
        "Help".to_owned()
    };
    let inner = popup(frame, area, wide, rows as u16 + 2, &more, theme);
    for (y, line) in (0..inner.height).zip(lines.into_iter().skip(scroll)) {
        let line = match line {
            HelpLine::Title(name) => Line::styled(name, theme.title),
            HelpLine::Entry(keys, text) => {
                let keys = format!("{keys:<width$}", width = help::KEYS);
                Line::from(vec![Span::styled(keys, theme.key_hint), Span::styled(text, theme.text)])
            }
        };
        frame.buffer_mut().set_line(inner.x, inner.y + y, &line, inner.width);
    }
}
