//! What changes how the numbers on the screen are to be read, in one line.

use ratatui::text::Line;

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use crate::app::App;
use crate::base::text::visible;

/// In as many words as leave a third of the line to what else it says.
pub fn warning(app: &App, cells: usize, theme: &Theme) -> Option<Line<'static>> {
    let texts = app.warning().map(|text| format!("! {} ", visible(&text)));
    let text = texts.iter().find(|text| 3 * width(text) <= 2 * cells).unwrap_or(&texts[1]);
    let text = fit(text, cells, Glyphs::of(theme.ascii).ellipsis).into_owned();
    (!app.warning()[0].is_empty()).then(|| Line::styled(text, theme.warning))
}
