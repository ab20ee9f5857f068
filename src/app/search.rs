//! Finding words as they are typed.

use std::ops::Range;

use super::input::Input;
use crate::base::terms::WordId;

/// The search of the tables. It stays when the view or the model changes.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The line that is typed.
    pub input: Input,
    /// The line is being typed.
    pub editing: bool,
    /// Where the cursor was when the search began: matches are sought from there, and Esc goes back there.
    pub(super) origin: Option<WordId>,
    /// The cursor goes to the first match as soon as the matches are known.
    pub(super) jump: bool,
}

impl Search {
    /// The text that is searched for; empty for none.
    pub fn query(&self) -> &str {
        self.input.text()
    }
}

/// The byte range of the first place where `text` holds `query`, whatever the case.
pub fn find(text: &str, query: &str) -> Option<Range<usize>> {
    if query.is_empty() {
        return None;
    }
    text.char_indices().find_map(|(start, _)| {
        let mut wanted = query.chars().flat_map(char::to_lowercase).peekable();
        for (at, c) in text[start..].char_indices() {
            for lower in c.to_lowercase() {
                match wanted.next() {
                    Some(w) if w == lower => {}
                    _ => return None,
                }
            }
            if wanted.peek().is_none() {
                return Some(start..start + at + c.len_utf8());
            }
        }
        None
    })
}

/// The match after (or before) `row`, going round at the ends.
pub fn next_match(matches: &[u32], row: usize, forward: bool) -> Option<usize> {
    let row = row as u32;
    let found = if forward {
        matches.get(matches.partition_point(|&m| m <= row)).or(matches.first())
    } else {
        matches[..matches.partition_point(|&m| m < row)].last().or(matches.last())
    };
    found.map(|&m| m as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case() {
        for (text, query, range) in [
            ("freedom", "DOM", Some(4..7)),
            ("Ärger", "är", Some(0..3)),
            ("Straße", "SSE", None),
            (" love", " l", Some(0..2)),
            ("aab", "ab", Some(1..3)),
            ("爱情", "情", Some(3..6)),
            ("a", "ab", None),
            ("a", "", None),
        ] {
            assert_eq!(find(text, query), range, "{query} in {text}");
        }
    }

    #[test]
    fn matches_go_round_at_the_ends() {
        let matches = [2, 5, 9];
        assert_eq!(next_match(&matches, 2, true), Some(5));
        assert_eq!(next_match(&matches, 9, true), Some(2));
        assert_eq!(next_match(&matches, 3, true), Some(5));
        assert_eq!(next_match(&matches, 5, false), Some(2));
        assert_eq!(next_match(&matches, 1, false), Some(9));
        assert_eq!(next_match(&[], 1, false), None);
    }
}
