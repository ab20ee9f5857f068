//! LIWC dictionaries before 2022: categories between two `%` lines as `number name`, then terms as `term number number`.

use std::path::Path;

use super::Terms;
use crate::base::file_error::FileError;
use crate::corpus::Corpus;

/// Whether a text is one: by the end of its name, or by its two lines of `%` with numbered names between them.
pub(super) fn is(ending: &str, text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let has_legend = lines.next() == Some("%")
        && lines.next().is_some_and(|line| line.starts_with(|letter: char| letter.is_ascii_digit()))
        && lines.any(|line| line == "%");
    ending == "dic" || has_legend
}

/// A category's number without zeros before it, and its name.
struct Legend<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Legend<'a> {
    fn name(&self, number: &str) -> Option<&'a str> {
        let number = without_zeros(number);
        self.0.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
    }
}

fn without_zeros(number: &str) -> &str {
    let rest = number.trim_start_matches('0');
    if rest.starts_with(|c: char| c.is_ascii_digit()) { rest } else { number }
}

/// `before` lines of the file come before the text.
pub(super) fn parse(path: &Path, text: &str, before: usize) -> Result<Corpus, FileError> {
    let mut lines = text.lines().zip(before + 1..).filter(|(line, _)| !line.trim().is_empty());
    if lines.next().is_none_or(|(line, _)| line.trim() != "%") {
        let problem = format!("line {} is not %", before + 1);
        return Err(FileError::file(path, problem, "A .dic file begins with its categories between two lines of %"));
    }
    let legend = legend(path, &mut lines)?;
    let mut terms = Terms::new(path);
    let mut conditional = 0;
    for (line, at) in lines {
        let (term, codes) = parts(line, &legend);
        let mut categories = Vec::new();
        for code in codes {
            // `<of>131/125` and `(02 134)125/464` give a category by the words around, of which there are none here.
            if code.contains(['<', '(', '/']) {
                conditional += 1;
                continue;
            }
            let Some(name) = legend.name(code) else {
                let problem = format!("line {at}: no category has the number '{code}'");
                return Err(FileError::file(path, problem, "Name it between the two lines of %"));
            };
            categories.push(name);
        }
        terms.add(term, &categories);
    }
    if conditional > 0 {
        terms.note(format!(
            "{conditional} categories that a term has only among certain other words, as in <of>131/125, were passed over"
        ));
    }
    terms.finish(path)
}

fn legend<'a>(path: &Path, lines: &mut impl Iterator<Item = (&'a str, usize)>) -> Result<Legend<'a>, FileError> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (line, at) in lines.by_ref() {
        if line.trim() == "%" {
            break;
        }
        let Some((number, name)) = line.trim().split_once(char::is_whitespace) else {
            let problem = format!("line {at}: a category needs a number and a name");
            return Err(FileError::file(path, problem, "Write it as: 1 care.virtue"));
        };
        let (number, name) = (without_zeros(number), name.trim());
        match names.iter().find(|(known, _)| *known == number) {
            Some((_, other)) if *other != name => {
                let problem = format!("line {at}: the number {number} is given to '{other}' and to '{name}'");
                return Err(FileError::file(path, problem, "Give each category a number of its own, and to its terms too"));
            }
            Some(_) => {}
            None => names.push((number, name)),
        }
    }
    Ok(Legend(names))
}

/// A term and its codes. Terms of several words are told from their codes by a tab; without one, the codes are the last fields
/// that are numbers of the legend. A last number that is none is given as a code, for the message that nobody knows it.
fn parts<'a>(line: &'a str, legend: &Legend<'_>) -> (&'a str, Vec<&'a str>) {
    if let Some((term, codes)) = line.split_once('\t') {
        return (term.trim(), codes_in(codes));
    }
    let (mut term, mut codes) = (line.trim(), Vec::new());
    while let Some((before, last)) = term.rsplit_once(char::is_whitespace) {
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        if legend.name(last).is_none() && !last.contains(['<', '(', '/']) && !(codes.is_empty() && is_number) {
            break;
        }
        codes.push(last);
        term = before.trim_end();
    }
    codes.reverse();
    (term, codes)
}

/// Codes with white space between them, but for that within brackets.
fn codes_in(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let outside = move |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter.is_whitespace() && depth == 0
    };
    text.split(outside).filter(|code| !code.is_empty()).collect()
}
