//! Text from outside, made safe to show: words, vocabulary tokens, repository names, file contents, error messages.
//!
//! A terminal obeys control characters wherever they come from, so every string that was not written in this repository
//! passes through [`visible`] before it is drawn or printed.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Characters of a name that [`named`] shows.
pub const LONGEST_NAME: usize = 100;

/// True for characters that would steer the terminal or reorder the text around them: C0 and C1 controls, DEL, line and
/// paragraph separators, bidirectional controls, zero-width characters, byte order mark, tags and other format characters
/// that no terminal draws.
pub fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every unsafe character written as an escape: `\n`, `\t`, `\r`, else `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A name from a file as a message shows it: [`visible`], and cut where it has more than [`LONGEST_NAME`] characters.
pub fn named(name: &str) -> String {
    let shown = visible(name);
    match shown.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
}

/// A word as a table shows it: like [`visible`], with leading and trailing spaces drawn as `␣` so that " love" and "love"
/// can be told apart. With `ascii`, `_` takes the place of `␣`.
pub fn visible_word(word: &str, ascii: bool) -> Cow<'_, str> {
    let shown = visible(word);
    let trimmed = shown.trim_matches(' ');
    if trimmed.len() == shown.len() {
        return shown;
    }
    let mark = if ascii { "_" } else { "␣" };
    let lead = shown.len() - shown.trim_start_matches(' ').len();
    let trail = if trimmed.is_empty() { 0 } else { shown.len() - shown.trim_end_matches(' ').len() };
    Cow::Owned(format!("{}{}{}", mark.repeat(lead), trimmed, mark.repeat(trail)))
}

/// A serialized JSON text in which the unsafe characters that JSON leaves alone (C1, bidirectional controls, ...) are
/// written as `\uXXXX`; it parses to the same value.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unsafe(c) {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A value as indented JSON, safe to show.
pub fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string_pretty(value)?;
    Ok(json.lines().map(|line| format!("{}\n", visible_json(line))).collect())
}

/// The last part of a name, or its last two where that is no more than a number or two letters; nothing of a name without parts.
pub fn last_part(text: &str) -> &str {
    let parts = |c: char| matches!(c, '_' | '-' | ' ' | '/' | ':');
    // A point parts words, not the digits of a version.
    let starts = text
        .char_indices()
        .filter(|&(at, c)| parts(c) || c == '.' && text[at + 1..].chars().next().is_some_and(char::is_alphabetic));
    let mut starts: Vec<usize> = starts.map(|(at, _)| at + 1).collect();
    while let Some(start) = starts.pop() {
        if text.len() - start >= 3 || starts.is_empty() {
            return &text[start..];
        }
    }
    ""
}

/// Bytes in the units people read: `812 B`, `1.4 MB`, `16.1 GB` (powers of 1000, as hubs state them).
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A count with thousands separators: `14,634`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// How many there are of something, with an s but for one: `1 model`, `2,000 models`.
pub fn counted(n: usize, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Seconds as `0:07`, `4:37` or `2:03:00`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-:--".to_owned();
    }
    let s = seconds.round() as u64;
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// Lines of at most `cells`, counted as a terminal counts them, broken at spaces where there are any.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for piece in text.split_inclusive(' ') {
        let wide = piece.trim_end().width();
        if used > 0 && used + wide > cells {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
        }
        for grapheme in piece.graphemes(true) {
            let wide = grapheme.width();
            if used + wide > cells {
                if grapheme == " " {
                    continue;
                }
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(grapheme);
            used += wide;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_unsafe_ones_escaped() {
        assert_eq!(named("model.norm.weight\x1b"), "model.norm.weight\\u{1b}");
        let long = named(&"é".repeat(5000));
        assert!(long.chars().count() == LONGEST_NAME + 1 && long.ends_with('…'), "{long}");
    }

    #[test]
    fn control_characters_become_escapes() {
        for (raw, shown) in [
            ("love", "love"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb", "a\\nb"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("Ġlove 爱 ❤", "Ġlove 爱 ❤"),
        ] {
            assert_eq!(visible(raw), shown);
        }
    }

    #[test]
    fn outer_spaces_of_a_word_are_drawn() {
        assert_eq!(visible_word(" love", false), "␣love");
        assert_eq!(visible_word("love ", true), "love_");
        assert_eq!(visible_word("  ", false), "␣␣");
        assert_eq!(visible_word("ice cream", false), "ice cream");
    }

    #[test]
    fn escaped_json_parses_to_the_same_value() {
        let raw = "x\u{9b}\u{202e}\u{1b}\u{e0001}y";
        let json = serde_json::to_string(raw).expect("a string serializes");
        let shown = visible_json(&json);
        assert!(!shown.contains(is_unsafe));
        assert_eq!(serde_json::from_str::<String>(&shown).expect("still JSON"), raw);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!((bytes(812), bytes(1_400_000), bytes(999_960)), ("812 B".into(), "1.4 MB".into(), "1.0 MB".into()));
        assert_eq!(
            (count(7), count(999), count(14_634), count(1_000_000)),
            ("7".into(), "999".into(), "14,634".into(), "1,000,000".into())
        );
        assert_eq!((duration(7.2), duration(277.0), duration(7380.0)), ("0:07".into(), "4:37".into(), "2:03:00".into()));
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_inside() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
