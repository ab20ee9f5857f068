//! The token inspector over the view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::fit::fit;
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::popup::boxed;
use crate::app::App;
use crate::app::inspector::{Inspector, Page, Signs, Tone, box_width};
use crate::base::text::{visible, visible_word};

pub fn draw(frame: &mut Frame, area: Rect, app: &App, inspector: &Inspector, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let place = box_width(area.width);
    let signs = Signs {
        shared: glyphs.dot,
        pooled: glyphs.current,
        levels: glyphs.levels,
        up: glyphs.up,
        down: glyphs.down,
        minus: glyphs.minus,
        bar: glyphs.bar,
        ascii: theme.ascii,
    };
    let lines = inspector.lines(usize::from(place).saturating_sub(4), signs);
    let word = visible_word(&inspector.word, theme.ascii);
    let name = app.model(inspector.model).map(|model| visible(&model.spec.name).into_owned()).unwrap_or_default();
    let rows = usize::from(area.height.saturating_sub(2));
    let scroll = inspector.scroll.min(lines.len().saturating_sub(rows));
    let more = if lines.len() > rows {
        format!(", {} to {} of {} lines", scroll + 1, scroll + rows, lines.len())
    } else {
        String::new()
    };
    let page = match inspector.page {
        Page::Tokens => "Tokens",
        Page::Layers => "Layers",
    };
    let title = format!("{page} of {} by {}{more}", fit(&word, 24, glyphs.ellipsis), fit(&name, 24, glyphs.ellipsis));
    let high = (lines.len() as u16).saturating_add(2).clamp(5, area.height);
    let left = area.x + (area.width - place) / 2;
    let inner = boxed(frame, Rect::new(left, area.y, place, high), &title, theme);
    for (y, line) in (0..inner.height).zip(lines.into_iter().skip(scroll)) {
        let spans: Vec<Span> = line.into_iter().map(|(text, tone)| Span::styled(text, style(tone, theme))).collect();
        frame.buffer_mut().set_line(inner.x, inner.y + y, &Line::from(spans), inner.width);
    }
}

fn style(tone: Tone, theme: &Theme) -> Style {
    match tone {
        Tone::Heading => theme.title,
        Tone::Text => theme.text,
        Tone::Own => theme.text.add_modifier(Modifier::BOLD),
        Tone::Dim | Tone::Shared => theme.dim,
        Tone::Word => theme.search_match,
        Tone::Pooled => theme.selected,
        Tone::Warning => theme.warning,
        Tone::Error => theme.error,
    }
}
