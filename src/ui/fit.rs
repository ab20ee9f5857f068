//! Text cut and padded to a number of cells, counted as a terminal counts them.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::base::text::last_part;

/// A letter with more marks than this is noise that some terminals draw over their neighbours.
const MARKS: usize = 6;

pub fn width(text: &str) -> usize {
    text.width()
}

/// At most `cells` wide, the end cut off where it must be.
pub fn fit(text: &str, cells: usize, ellipsis: char) -> Cow<'_, str> {
    if text.is_ascii() && text.len() <= cells {
        return Cow::Borrowed(text);
    }
    if text.width() <= cells && text.graphemes(true).all(plain) {
        return Cow::Borrowed(text);
    }
    let full = text.width();
    let room = if full <= cells { cells } else { cells.saturating_sub(1) };
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let grapheme =
            if plain(grapheme) { Cow::Borrowed(grapheme) } else { Cow::Owned(grapheme.chars().take(1 + MARKS).collect()) };
        let wide = grapheme.width();
        if used + wide > room {
            break;
        }
        out.push_str(&grapheme);
        used += wide;
    }
    if full > cells && cells > 0 {
        out.push(ellipsis);
    }
    Cow::Owned(out)
}

/// A name at most `cells` wide, its middle cut out where it must be, so that names with a common stem stay apart: of
/// `authority_virtue` the last part is kept. One without parts loses its end.
pub fn fit_name(text: &str, cells: usize, ellipsis: char) -> Cow<'_, str> {
    let last = last_part(text);
    // A few letters of the first part must be left.
    let room = cells.saturating_sub(last.width());
    if text.width() <= cells || last.is_empty() || room < 4 {
        return fit(text, cells, ellipsis);
    }
    let head = fit(&text[..text.len() - last.len()], room, ellipsis);
    Cow::Owned(format!("{head}{last}"))
}

/// At most `cells` wide, the beginning cut off: of a path, the end says most.
pub fn fit_end(text: &str, cells: usize, ellipsis: char) -> Cow<'_, str> {
    if text.width() <= cells {
        return Cow::Borrowed(text);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut used = 1;
    for grapheme in text.graphemes(true).rev() {
        used += grapheme.width();
        if used > cells {
            break;
        }
        kept.push(grapheme);
    }
    let tail: String = kept.into_iter().rev().collect();
    Cow::Owned(if cells > 0 { format!("{ellipsis}{tail}") } else { tail })
}

fn plain(grapheme: &str) -> bool {
    grapheme.chars().count() <= 1 + MARKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_cells_not_by_bytes() {
        for (text, cells, shown) in [
            ("freedom", 7, "freedom"),
            ("freedom", 5, "free…"),
            ("爱情故事", 8, "爱情故事"),
            ("爱情故事", 6, "爱情…"),
            ("爱", 1, "…"),
            ("x", 0, ""),
            ("e\u{301}a", 2, "e\u{301}a"),
        ] {
            let got = fit(text, cells, '…');
            assert_eq!(got, shown);
            assert!(width(&got) <= cells);
        }
        assert_eq!(fit_end("/a/long/path", 6, '…'), "…/path");
    }

    #[test]
    fn of_names_with_a_common_stem_the_ends_are_kept() {
        for (name, cells, shown) in [
            ("authority_virtue", 16, "authority_virtue"),
            ("authority_virtue", 11, "auth…virtue"),
            ("authority_vice", 11, "author…vice"),
            ("authority_virtue", 9, "authorit…"),
            ("communion", 6, "commu…"),
            ("爱情_故事", 8, "爱…故事"),
            ("meta-llama--Llama-3.2-3B", 14, "meta-ll…3.2-3B"),
            ("S-Gem-27B-v0.2", 9, "S-Ge…v0.2"),
            ("F-Lla-8B.v", 9, "F-Ll…8B.v"),
            ("a_", 1, "…"),
            ("-", 0, ""),
        ] {
            assert_eq!(fit_name(name, cells, '…'), shown);
            assert!(width(&fit_name(name, cells, '…')) <= cells);
        }
    }

    #[test]
    fn a_tower_of_marks_is_lowered() {
        let tower = format!("a{}", "\u{301}".repeat(500));
        assert_eq!(fit(&tower, 10, '…').chars().count(), 1 + MARKS);
    }
}
