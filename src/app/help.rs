//! The help, line by line, made from the list of actions.

use super::action::{ActionGroup, entries};
use super::layout::{FOOTER, HEADER};
use crate::base::text::wrap;

/// Width of the keys in the help.
pub const KEYS: usize = 16;
const WIDEST: u16 = 96;

/// One line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// The name of a group, or an empty line before it.
    Title(&'static str),
    /// Keys, and what they do; no keys where the text goes on.
    Entry(String, String),
}

/// The help for a screen of this width, line by line.
pub fn lines(columns: u16) -> Vec<HelpLine> {
    let wide = usize::from(columns.min(WIDEST)).saturating_sub(4 + KEYS);
    let mut out = Vec::new();
    for group in ActionGroup::ALL {
        if !out.is_empty() {
            out.push(HelpLine::Title(""));
        }
        out.push(HelpLine::Title(group.name()));
        for entry in entries().filter(|entry| entry.group == group) {
            let mut keys = entry.keys_text();
            out.extend(wrap(entry.help, wide).into_iter().map(|text| HelpLine::Entry(std::mem::take(&mut keys), text)));
        }
    }
    out
}

/// Width of the help's box and the lines that fit into it, under the given space.
pub fn size(columns: u16, rows: u16) -> (u16, usize) {
    (columns.min(WIDEST), lines(columns).len().min(usize::from(rows.saturating_sub(2))))
}

/// Lines of the help on a screen of this size.
pub fn rows(size: (u16, u16)) -> usize {
    self::size(size.0, size.1.saturating_sub(HEADER + FOOTER)).1
}

/// How far the help can be scrolled.
pub fn last_scroll(size: (u16, u16)) -> usize {
    lines(size.0).len() - rows(size)
}
