//! How many lines each part of the statistics view takes.

use crate::app::layout::{self, FOOTER, HEADER};

/// From this width on, two panels can share a line.
const WIDE: u16 = 120;

/// The line of pages, then the titles of the columns.
pub(super) const LINES_ABOVE_ROWS: u16 = 2;

/// Lines of the tables; below them the tests are named.
pub fn statistics_rows(size: (u16, u16)) -> usize {
    layout::rows(size, LINES_ABOVE_ROWS).saturating_sub(usize::from(STATISTICS_NOTES)).max(1)
}

/// Rows of the matrix of agreement on the screen; one line below explains it.
pub fn matrix_rows(size: (u16, u16)) -> usize {
    layout::rows(size, LINES_ABOVE_ROWS).saturating_sub(1).max(1)
}

/// Lines that explain a table of statistics.
pub const STATISTICS_NOTES: u16 = 6;

/// The sizes of the panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Panels side by side.
    pub columns: usize,
    /// Lines of one panel: its title, its lanes, an empty line where there is room.
    pub height: u16,
    /// Lines of a lane, which shows the cells of one family.
    pub lane: u16,
    /// Rows of panels on the screen.
    pub rows: usize,
    /// Lines that explain the panel under the cursor.
    pub notes: u16,
}

/// The tests of a panel in numbers, and a line on what they say.
fn panel_notes(wide: bool) -> u16 {
    if wide { 4 } else { 5 }
}

/// The sizes for a screen of columns and rows. `lanes` counts those of the fullest panel; `paired` says that each category has
/// both framings, which are then shown side by side.
pub fn panels(size: (u16, u16), panels: usize, lanes: usize, paired: bool) -> Panels {
    let wide = size.0 >= WIDE;
    let columns = if wide && paired { 2 } else { 1 };
    let notes = panel_notes(wide);
    // Without the line of pages, the axis and the notes.
    let room = size.1.saturating_sub(HEADER + FOOTER + 2 + notes).max(1);
    let rows = panels.div_ceil(columns).max(1) as u16;
    let lanes = lanes.max(1) as u16;
    // An odd number of lines has a middle one, which shows the mean.
    let sizes = [(7, 1), (5, 1), (3, 1), (1, 1), (1, 0)];
    let fitting = sizes.into_iter().find(|(lane, gap)| rows.saturating_mul(1 + lanes * lane + gap) <= room);
    let (lane, gap) = fitting.unwrap_or((1, 0));
    let height = 1 + lanes * lane + gap;
    Panels { columns, height, lane, rows: usize::from((room / height).max(1)), notes }
}

/// The sizes of one panel that fills the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoomed {
    /// Lines of a lane.
    pub lane: u16,
    /// Lanes on the screen.
    pub lanes: usize,
    /// Lines that explain the panel.
    pub notes: u16,
}

/// The sizes for a screen of columns and rows. `lanes` counts those of its families and of its models.
pub fn zoomed(size: (u16, u16), lanes: usize) -> Zoomed {
    let notes = panel_notes(size.0 >= WIDE);
    // Without the line of pages, the title, the axis and the notes.
    let room = usize::from(size.1.saturating_sub(HEADER + FOOTER + 3 + notes)).max(1);
    let lane = if lanes * 3 <= room { 3 } else { 1 };
    Zoomed { lane: lane as u16, lanes: room / lane, notes }
}
