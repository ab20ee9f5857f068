//! The signs the screens are drawn with, in Unicode and in plain ASCII.

use ratatui::symbols::border;

use crate::base::terms::Family;

/// One set of signs; every sign is one cell wide.
#[derive(Debug)]
pub struct Glyphs {
    /// Heights of a sparkline, lowest first; the highest leaves a gap to the row above.
    pub levels: &'static [char],
    /// A cell that is filled from below, by eighths; the last is full.
    pub eighths: &'static [char; 8],
    /// Whether a cell that is filled from above is the rest of it, reversed.
    pub eighths_reverse: bool,
    /// A z-score far below the mean, below it, near it, above it, and far above it.
    pub swing: [char; 5],
    /// The part of a list that is on the screen.
    pub thumb: &'static str,
    /// A full cell of a bar, and a cell of which only one half is filled.
    pub bar: char,
    pub bar_left: char,
    pub bar_right: char,
    pub up: char,
    pub down: char,
    pub same: char,
    pub minus: char,
    pub ellipsis: char,
    /// Before the row under the cursor.
    pub cursor: char,
    /// The position of the word under the cursor on an axis.
    pub marker: char,
    pub axis: char,
    /// Between facts on one line.
    pub dot: char,
    /// No value.
    pub none: char,
    pub ascending: char,
    pub descending: char,
    pub marked: char,
    pub unmarked: char,
    pub current: char,
    pub caret: char,
    /// Between two models that are compared.
    pub against: char,
    /// A standard error to both sides of a mean.
    pub whisker: char,
    /// The rank that chance gives.
    pub chance: char,
    /// The first and the second of two models of one family.
    pub filled: char,
    pub hollow: char,
    /// Two models at one place.
    pub both: char,
    /// At the end of a stem.
    pub head: char,
    /// From the first to the last.
    pub to: char,
    /// What is multiplied by: the number of panels.
    pub times: char,
    pub plus_minus: &'static str,
    /// A difference.
    pub delta: &'static str,
    llama: char,
    gemma: char,
    other: char,
    pub border: border::Set<'static>,
}

static UNICODE: Glyphs = Glyphs {
    levels: &['▁', '▂', '▃', '▄', '▅', '▆', '▇'],
    eighths: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    eighths_reverse: true,
    swing: ['▄', '▄', '·', '▀', '▀'],
    thumb: "▐",
    bar: '━',
    bar_left: '╸',
    bar_right: '╺',
    up: '▲',
    down: '▼',
    same: '=',
    minus: '−',
    ellipsis: '…',
    cursor: '▌',
    marker: '▾',
    axis: '·',
    dot: '·',
    none: '·',
    ascending: '▲',
    descending: '▼',
    marked: '■',
    unmarked: '□',
    current: '●',
    caret: '▏',
    against: '↔',
    whisker: '─',
    chance: '┊',
    filled: '●',
    hollow: '○',
    both: '◈',
    head: '●',
    to: '→',
    times: '×',
    plus_minus: "±",
    delta: "Δ",
    llama: '◆',
    gemma: '◇',
    other: '○',
    border: border::ROUNDED,
};

static ASCII: Glyphs = Glyphs {
    levels: &['.', ':', '-', '=', '+', '%', '#'],
    eighths: &['.', '.', ':', '-', '=', '+', '%', '#'],
    eighths_reverse: false,
    swing: ['_', ',', '-', '\'', '"'],
    thumb: "#",
    bar: '#',
    bar_left: '#',
    bar_right: '#',
    up: '^',
    down: 'v',
    same: '=',
    minus: '-',
    ellipsis: '~',
    cursor: '>',
    marker: 'v',
    axis: '.',
    dot: '|',
    none: '.',
    ascending: '^',
    descending: 'v',
    marked: 'x',
    unmarked: ' ',
    current: 'x',
    caret: '|',
    against: '/',
    whisker: '-',
    chance: '|',
    filled: 'x',
    hollow: '+',
    both: '8',
    head: 'o',
    to: '>',
    times: 'x',
    plus_minus: "+-",
    delta: "diff",
    llama: '@',
    gemma: 'o',
    other: '-',
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Glyphs {
    pub fn of(ascii: bool) -> &'static Glyphs {
        if ascii { &ASCII } else { &UNICODE }
    }

    /// The sign of a family, which is always drawn with its letter.
    pub fn family(&self, family: Family) -> char {
        match family {
            Family::Llama => self.llama,
            Family::Gemma => self.gemma,
            _ => self.other,
        }
    }

    /// The sign for a height between 0 and 1.
    pub fn level(&self, height: f64) -> char {
        pick(self.levels, height * self.levels.len() as f64)
    }
}

fn pick(signs: &[char], at: f64) -> char {
    let at = if at.is_finite() { at.max(0.0) as usize } else { 0 };
    signs.get(at.min(signs.len().saturating_sub(1))).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_use_the_whole_range() {
        let unicode = Glyphs::of(false);
        assert_eq!([0.0, 0.49, 0.5, 1.0, 7.0, f64::NAN].map(|h| unicode.level(h)), ['▁', '▄', '▄', '▇', '▇', '▁']);
        assert_eq!((Glyphs::of(true).level(0.0), Glyphs::of(true).level(1.0)), ('.', '#'));
    }

    #[test]
    fn a_star_is_a_star_alone() {
        let ascii = format!("{:?}", Glyphs::of(true));
        assert!(!ascii.contains('*'), "{ascii}");
    }
}
