//! The filter `wordwrap`: Python's `textwrap.wrap` for each line, as Jinja calls it (`filters.py`, `do_wordwrap`).

use minijinja::value::Kwargs;
use minijinja::{Error, ErrorKind};

/// What Python's `textwrap` takes for white space.
const SPACE: [char; 6] = ['\t', '\n', '\x0b', '\x0c', '\r', ' '];

/// The filter `wordwrap(width=79, break_long_words=true, wrapstring=None, break_on_hyphens=true)`.
pub(super) fn word_wrap(
    text: String,
    width: Option<usize>,
    long: Option<bool>,
    between: Option<String>,
    named: Kwargs,
) -> Result<String, Error> {
    let width = width.or(named.get("width")?).unwrap_or(79);
    let breaks_long = long.or(named.get("break_long_words")?).unwrap_or(true);
    let between = between.or(named.get("wrapstring")?).unwrap_or_else(|| "\n".to_owned());
    let breaks_hyphens = named.get::<Option<bool>>("break_on_hyphens")?.unwrap_or(true);
    named.assert_all_used()?;
    if width == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "wordwrap: the width is 0"));
    }
    let wrapped = |line: &str| wrap(line, width, breaks_long, breaks_hyphens).join(&between);
    Ok(text.lines().map(wrapped).collect::<Vec<_>>().join(&between))
}

/// Lines of at most `width` characters; a longer word is cut where that is allowed, after a hyphen if there is one.
fn wrap(text: &str, width: usize, breaks_long: bool, breaks_hyphens: bool) -> Vec<String> {
    let length = |part: &str| part.chars().count();
    let is_space = |part: &str| part.trim_matches(SPACE).is_empty();
    let mut left: Vec<String> = chunks(text, breaks_hyphens);
    left.reverse();
    let mut lines: Vec<String> = Vec::new();
    while !left.is_empty() {
        let (mut line, mut taken): (Vec<String>, usize) = (Vec::new(), 0);
        if !lines.is_empty() {
            left.pop_if(|chunk| is_space(chunk));
        }
        while let Some(chunk) = left.pop_if(|chunk| taken + length(chunk) <= width) {
            taken += length(&chunk);
            line.push(chunk);
        }
        if let Some(chunk) = left.pop_if(|chunk| length(chunk) > width) {
            let room = width - taken;
            if breaks_long {
                let cut: String = chunk.chars().take(room).collect();
                // Behind a hyphen that is not the first of the word.
                let hyphen = cut.rfind('-').filter(|at| breaks_hyphens && cut[..*at].contains(|c| c != '-'));
                let cut = hyphen.map_or(cut.len(), |at| at + 1);
                line.push(chunk[..cut].to_owned());
                left.push(chunk[cut..].to_owned());
            } else if line.is_empty() {
                line.push(chunk);
            } else {
                left.push(chunk);
            }
        }
        line.pop_if(|chunk| is_space(chunk));
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

/// Words and the white space between them, words cut after hyphens where Python cuts them: `well-` and `known`.
fn chunks(text: &str, at_hyphens: bool) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut found: Vec<String> = Vec::new();
    for (at, &c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let goes_on = before.is_some_and(|before| SPACE.contains(&before) == SPACE.contains(&c));
        let is_cut = at_hyphens && before == Some('-') && is_hyphenated(&characters, at - 1);
        match found.last_mut().filter(|_| goes_on && !is_cut) {
            Some(chunk) => chunk.push(c),
            None => found.push(c.to_string()),
        }
    }
    found
}

/// True for a hyphen within a word: two letters, or a letter and a hyphen and a letter, stand before it, and such behind it.
fn is_hyphenated(characters: &[char], at: usize) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| characters.get(at)).is_some_and(|c| (c.is_alphanumeric() || *c == '_') && !c.is_ascii_digit())
    };
    let back = |by: usize| at.checked_sub(by);
    let is_hyphen = |at: Option<usize>| at.and_then(|at| characters.get(at)) == Some(&'-');
    let before = is_letter(back(1)) && (is_letter(back(2)) || is_hyphen(back(2)) && is_letter(back(3)));
    let behind = is_letter(Some(at + 1)) && (is_letter(Some(at + 2)) || is_hyphen(Some(at + 2)) && is_letter(Some(at + 3)));
    before && behind
}
