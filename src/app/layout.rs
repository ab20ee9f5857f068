//! What every screen has: its least size, its header and footer, and the rows that are left between them. A view decides by
//! itself how many lines its parts take; state needs that to scroll, drawing to draw, and both ask the view's module in `app`.

use super::action::Action;

/// The smallest terminal in which everything can be used: columns and rows.
pub const NEEDED: (u16, u16) = (60, 16);

/// Tabs and prompt.
pub(super) const HEADER: u16 = 2;
/// Provenance, status, hints.
pub(super) const FOOTER: u16 = 3;

/// Whether everything can be used on a screen of this size.
pub fn fits(size: (u16, u16)) -> bool {
    size.0 >= NEEDED.0 && size.1 >= NEEDED.1
}

/// Rows of a list with so many lines above it; at least one.
pub(super) fn rows(size: (u16, u16), lines_above: u16) -> usize {
    usize::from(size.1.saturating_sub(HEADER + FOOTER + lines_above).max(1))
}

/// Where an action scrolls a text to that is scrolled by `from` lines; none for an action that does not scroll.
pub(super) fn scrolled(from: usize, action: Option<Action>, page: usize, last: usize) -> Option<usize> {
    let to = match action? {
        Action::Down => from + 1,
        Action::Up => from.saturating_sub(1),
        Action::PageDown => from + page,
        Action::PageUp => from.saturating_sub(page),
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    };
    Some(to.min(last))
}
