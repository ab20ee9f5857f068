//! How many lines each part of a screen takes. State needs it to scroll, drawing to draw: both ask here.

use super::View;
use super::action::{ACTIONS, Group};
use crate::base::text::wrap;
use crate::stats::contrast::shown_tests;

/// The smallest terminal in which everything can be used.
pub const NEEDED: (u16, u16) = (60, 16);

/// Tabs and prompt.
pub(super) const HEADER: u16 = 2;
/// Provenance, status, hints.
pub(super) const FOOTER: u16 = 3;
/// From this width on, two panels can share a line.
const WIDE: u16 = 120;
/// From this width on, two histograms can, and below that width of its own, one has short columns beside it.
const ABREAST: u16 = 76;
pub const NARROW: usize = 56;

pub fn fits(size: (u16, u16)) -> bool {
    size.0 >= NEEDED.0 && size.1 >= NEEDED.1
}

/// The block of histograms above the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histograms {
    /// Categories side by side.
    pub columns: usize,
    /// Lines of categories, without the axis above them; 0 where the corpus has none.
    pub lines: u16,
    /// How many categories are shown; the rest are counted.
    pub shown: usize,
    /// Width of a histogram in cells.
    pub bins: usize,
}

pub fn histograms(size: (u16, u16), categories: usize) -> Histograms {
    let most_lines = usize::from((size.1.saturating_sub(12) / 3).max(2));
    // One above the other they compare best; side by side only where there are too many for that, and then with some lines more
    // if that shows all of them.
    let columns = if size.0 >= ABREAST && categories > most_lines { 2 } else { 1 };
    let all = categories.div_ceil(columns);
    let most_lines =
        if columns > 1 && all <= usize::from(size.1.saturating_sub(12) / 2) { most_lines.max(all) } else { most_lines };
    let most = most_lines * columns;
    // One line less where a line has to say how many are left out.
    let shown = if categories > most { most - columns } else { categories };
    let lines = (shown.div_ceil(columns) + usize::from(shown < categories)) as u16;
    let column_width = usize::from(size.0) / columns;
    let bins = if column_width < NARROW { column_width.saturating_sub(28) } else { column_width.saturating_sub(48) };
    Histograms { columns, lines, shown, bins: bins.clamp(12, 64) }
}

/// Rows of the table in a view.
pub fn table_rows(size: (u16, u16), view: View, categories: usize) -> usize {
    let above = match view {
        // The axis and the histograms, then the column titles.
        View::Words => match histograms(size, categories).lines {
            0 => 1,
            lines => lines + 2,
        },
        // The models and their agreement, then the column titles.
        View::Compare => 2,
        // Who likes more, then the column titles.
        View::Implicit => 2,
        // The pages, then the column titles.
        View::Statistics | View::Ablation => 2,
        View::Models | View::Card => 1,
    };
    usize::from(size.1.saturating_sub(HEADER + FOOTER + above).max(1))
}

/// Lines of the statistics view's tables; below them stand the names of the tests.
pub fn statistics_rows(size: (u16, u16)) -> usize {
    table_rows(size, View::Statistics, 0).saturating_sub(usize::from(STATISTICS_NOTES)).max(1)
}

/// Lines that explain a table of statistics.
pub const STATISTICS_NOTES: u16 = 6;

/// How the panels of the statistics view lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Panels side by side.
    pub columns: usize,
    /// Lines of one panel: its title, its lanes, an empty line where there is room.
    pub height: u16,
    /// Lines of a lane, in which the cells of one family lie.
    pub lane: u16,
    /// Rows of panels on the screen.
    pub rows: usize,
    /// Lines that explain the panel under the cursor.
    pub notes: u16,
}

/// The tests of a panel, a line each or all on one, and two lines on why they differ.
fn panel_notes(wide: bool) -> u16 {
    2 + if wide { 1 } else { shown_tests().count() as u16 }
}

/// `lanes` are those of the fullest panel; `paired` says that each category has both framings, which then stand abreast.
pub fn panels(size: (u16, u16), panels: usize, lanes: usize, paired: bool) -> Panels {
    let wide = size.0 >= WIDE;
    let columns = if wide && paired { 2 } else { 1 };
    let notes = panel_notes(wide);
    // Without the line of pages, the axis and the notes.
    let room = size.1.saturating_sub(HEADER + FOOTER + 2 + notes).max(1);
    let rows = panels.div_ceil(columns).max(1) as u16;
    let lanes = lanes.max(1) as u16;
    // An odd number has a middle, in which the mean lies.
    let sizes = [(7, 1), (5, 1), (3, 1), (1, 1), (1, 0)];
    let fitting = sizes.into_iter().find(|(lane, gap)| rows.saturating_mul(1 + lanes * lane + gap) <= room);
    let (lane, gap) = fitting.unwrap_or((1, 0));
    let height = 1 + lanes * lane + gap;
    Panels { columns, height, lane, rows: usize::from((room / height).max(1)), notes }
}

/// How one panel lies that fills the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoomed {
    /// Lines of a lane.
    pub lane: u16,
    /// Lanes on the screen.
    pub lanes: usize,
    /// Lines that explain the panel.
    pub notes: u16,
}

/// `lanes` are those of its families and of its models.
pub fn zoomed(size: (u16, u16), lanes: usize) -> Zoomed {
    let notes = panel_notes(size.0 >= WIDE);
    // Without the line of pages, the title, the axis and the notes.
    let room = usize::from(size.1.saturating_sub(HEADER + FOOTER + 3 + notes)).max(1);
    let lane = if lanes * 3 <= room { 3 } else { 1 };
    Zoomed { lane: lane as u16, lanes: room / lane, notes }
}

/// How the card lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Leanings on the screen.
    pub axes: usize,
}

pub fn card(size: (u16, u16), axes: usize) -> Card {
    // Without titles, judgement, an empty line; half of the rest is for lists.
    let room = usize::from(size.1.saturating_sub(HEADER + FOOTER + 3));
    Card { axes: axes.min((room / 2).max(2)) }
}

/// How the charts of the ablation view lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charts {
    pub columns: usize,
    pub rows: usize,
    /// Lines of all charts together.
    pub charts: u16,
}

/// Within `area`, below the line that names the data: the charts of so many categories, above a table of so many trainings.
pub fn ablation(area: (u16, u16), categories: usize, trainings: usize) -> Charts {
    const WIDEST: usize = 38;
    const LOWEST: u16 = 6;
    let table = (trainings as u16 + 1).min(area.1 / 2);
    let charts = area.1.saturating_sub(1 + table);
    let columns = (usize::from(area.0) / WIDEST).clamp(1, categories.max(1));
    let rows = categories.div_ceil(columns).clamp(1, usize::from((charts / LOWEST).max(1)));
    Charts { columns, rows, charts }
}

/// Width of the keys in the help.
pub const HELP_KEYS: usize = 16;
const HELP_WIDEST: u16 = 96;

/// One line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// The name of a group, or an empty line before it.
    Group(&'static str),
    /// Keys, and what they do; no keys where the text goes on.
    Entry(String, String),
}

/// The help for a screen of this width, line by line.
pub fn help(columns: u16) -> Vec<HelpLine> {
    let wide = usize::from(columns.min(HELP_WIDEST)).saturating_sub(4 + HELP_KEYS);
    let mut lines = Vec::new();
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(HelpLine::Group(""));
        }
        lines.push(HelpLine::Group(group.name()));
        for entry in ACTIONS.iter().filter(|e| e.group == group) {
            let mut keys = entry.keys_text();
            lines.extend(wrap(entry.help, wide).into_iter().map(|text| HelpLine::Entry(std::mem::take(&mut keys), text)));
        }
    }
    lines
}

/// Width of the help's box and the lines that fit into it, under the given space.
pub fn help_box(columns: u16, rows: u16) -> (u16, usize) {
    (columns.min(HELP_WIDEST), help(columns).len().min(usize::from(rows.saturating_sub(2))))
}

/// Lines of the help on a screen of this size.
pub fn help_rows(size: (u16, u16)) -> usize {
    help_box(size.0, size.1.saturating_sub(HEADER + FOOTER)).1
}

/// How far the help can be scrolled.
pub fn help_scroll(size: (u16, u16)) -> usize {
    help(size.0).len() - help_rows(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_terminal_keeps_most_of_its_lines_for_words() {
        let h = histograms((80, 24), 2);
        assert_eq!((h.columns, h.lines, h.shown), (1, 2, 2));
        assert_eq!(table_rows((80, 24), View::Words, 2), 15);
        let many = histograms((80, 24), 10);
        assert_eq!((many.columns, many.lines, many.shown), (2, 5, 10), "ten foundations are all there");
        let more = histograms((80, 24), 20);
        assert_eq!((more.lines, more.shown), (4, 6), "a line says how many are left out");
        assert_eq!((histograms((60, 24), 10).columns, histograms((60, 24), 10).shown), (1, 3));
        assert_eq!((histograms((160, 50), 10).lines, histograms((160, 50), 20).lines), (10, 10));
        assert_eq!(table_rows((60, 16), View::Words, 0), 10);
    }
}
