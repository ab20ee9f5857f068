//! The line of the prompt: its key, its text and its framing, or what makes the numbers doubtful.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::line_with_end;
use super::theme::Theme;
use super::warning::warning;
use crate::app::App;
use crate::app::action::Action;
use crate::base::terms::Framing;
use crate::base::text::visible;

/// Draws the current prompt.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(entry) = app.current_prompt() else {
        let text = format!(" no prompt: {} chooses one", Action::Prompt.key_text());
        return line_with_end(frame, area, Line::styled(text, theme.dim), Line::default());
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
