//! Readers of word lists: tables with columns of words and categories (`table`), LIWC dictionaries (`liwc`), dictionaries of
//! other programs (`outline`), and plain lists.
//!
//! A list is known by what it holds, and only then by its name. A word is taken as it stands, spaces and all; nothing is
//! treated as missing, so `NA` and `null` are words. What is no list of words is refused by what it looks like. Every error
//! names file and line.

mod liwc;
mod outline;
mod table;

use std::path::Path;

use super::wildcards::{self, Term, Wildcard};
use super::{Builder, Corpus};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::text_file::{MOST_BYTES, ending, read_text, stem};

/// A longer line, in characters or words, is no word.
const MOST_CHARACTERS: usize = 60;
const MOST_WORDS: usize = 8;
/// Characters of a line, and terms, that a message shows.
const SHOWN: usize = 40;
const NAMED: usize = 3;

/// Reads a list in the format that it shows: a table of columns, a LIWC dictionary, another program's dictionary, or one word
/// a line.
///
/// # Errors
/// A file that cannot be read, that has no words, or that is no list of words.
pub fn read_file(path: &Path) -> Result<Corpus, FileError> {
    let text = read_text(path, MOST_BYTES)?;
    let ending = ending(path);
    if let Some(found) = outline::read(path, &ending, &text) {
        return found;
    }
    let (comments, rest) = after_comments(&text);
    let mut corpus = match ending.as_str() {
        _ if liwc::is(&ending, rest) => liwc::parse(path, rest, comments),
        "dicx" => table::parse(path, rest, comments, table::Kind::Dicx),
        "csv" | "tsv" | "tab" => table::parse(path, rest, comments, table::Kind::Csv),
        _ if table::is(rest) => table::parse(path, rest, comments, table::Kind::Csv),
        _ => parse_plain(path, rest).and_then(|corpus| refuse_lines_that_are_no_words(path, corpus)),
    }?;
    if comments > 0 {
        corpus.notes.push(format!("the first {comments} lines are comments and were passed over"));
    }
    Ok(corpus)
}

/// Reads one word a line, whatever the file is called and whatever its lines hold. A note says what hardly is a word.
///
/// # Errors
/// A file that cannot be read, or that has no words.
pub fn read_words_file(path: &Path) -> Result<Corpus, FileError> {
    let text = read_text(path, MOST_BYTES)?;
    let mut builder = Builder::new(Corpus::new(stem(path)));
    for line in lines(&text) {
        builder.add(line, []);
    }
    let mut corpus = finish(path, builder)?;
    let (odd, first) = odd_lines(&corpus);
    if odd > 0 {
        let read_table = format!("a table is read with {}", Remedy::Corpus);
        corpus
            .notes
            .push(format!("{odd} lines hold columns or are longer than a sentence, and each is one word: {first}; {read_table}"));
    }
    Ok(corpus)
}

/// CSV with a header: a word column (`word`, `token_decoded`, `response`, `term`) and, where there are some, columns of
/// categories.
pub(crate) fn parse_csv(path: &Path, text: &str) -> Result<Corpus, FileError> {
    table::parse(path, text, 0, table::Kind::Csv)
}

/// One word a line, kept as it stands but for the line end; empty lines are passed over.
fn parse_plain(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let mut terms = Terms::new(path);
    for line in lines(text) {
        terms.add(line, &[]);
    }
    terms.finish(path)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).filter(|line| !line.is_empty())
}

/// The lines of comments that a list begins with, and what comes after them. Lines of `;` or `#` are such where one has words
/// behind the sign and a space, so that a vocabulary may begin with the signs themselves.
fn after_comments(text: &str) -> (usize, &str) {
    let is_comment = |line: &str| line.trim().is_empty() || line.starts_with([';', '#']);
    let has_words = |line: &str| {
        let rest = line.trim_start_matches([';', '#']);
        rest.len() < line.len() && rest.starts_with(' ') && rest.contains(char::is_alphabetic)
    };
    let block: Vec<&str> = text.split_inclusive('\n').take_while(|line| is_comment(line)).collect();
    if !block.iter().any(|line| has_words(line)) {
        return (0, text);
    }
    (block.len(), &text[block.iter().map(|line| line.len()).sum()..])
}

/// How many words hold columns, or are longer than a sentence, and the first of them.
fn odd_lines(corpus: &Corpus) -> (usize, String) {
    let has_columns = |text: &str| has_inner_tab(text) || (text.contains(char::is_alphabetic) && text.trim().contains("  "));
    first_of(corpus, |text| has_columns(text) || is_long(text))
}

fn first_of(corpus: &Corpus, is: impl Fn(&str) -> bool) -> (usize, String) {
    let mut found = corpus.words.iter().map(|word| &*word.text).filter(|text| is(text));
    let first = found.next().map(shown).unwrap_or_default();
    (if first.is_empty() { 0 } else { 1 + found.count() }, first)
}

/// Whether a text is longer than a sentence.
fn is_long(text: &str) -> bool {
    text.split_whitespace().count() > MOST_WORDS || (text.contains(char::is_alphabetic) && text.chars().count() > MOST_CHARACTERS)
}

/// Whether a line has text on both sides of a tab, as a row of a table does.
fn has_inner_tab(line: &str) -> bool {
    line.trim().contains('\t')
}

fn refuse_lines_that_are_no_words(path: &Path, corpus: Corpus) -> Result<Corpus, FileError> {
    let (odd, first) = odd_lines(&corpus);
    if odd == 0 {
        return Ok(corpus);
    }
    let problem =
        format!("{odd} of {} lines hold columns or are longer than a sentence, and so no words: {first}", corpus.words.len());
    let next = format!(
        "Give a table whose first line names its columns, word,category; {} takes every line as it stands",
        Remedy::WordsFile
    );
    Err(FileError::file(path, problem, next))
}

/// The start of a text, in quotes.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    format!("'{}{}'", start.replace('\t', "<TAB>"), if start.len() < text.len() { "…" } else { "" })
}

/// The terms of a list as they are read: words, wildcards, and what is passed over.
struct Terms {
    builder: Builder,
    wildcards: Vec<Wildcard>,
    /// Terms with a `*` elsewhere than at their end.
    patterns: Vec<String>,
    without_word: usize,
}

impl Terms {
    fn new(path: &Path) -> Self {
        let builder = Builder::new(Corpus::new(stem(path)));
        Terms { builder, wildcards: Vec::new(), patterns: Vec::new(), without_word: 0 }
    }

    /// A term with the names of its categories, of which an empty one is none.
    fn add(&mut self, term: &str, categories: &[&str]) {
        let categories = categories.iter().copied().filter(|name| !name.is_empty());
        match wildcards::term(term) {
            _ if term.is_empty() => self.without_word += 1,
            Term::Word => self.builder.add(term, categories),
            Term::Stem(stem) => {
                let categories = categories.map(str::to_owned).collect();
                self.wildcards.push(Wildcard { stem: stem.to_owned(), categories });
            }
            Term::Pattern => self.patterns.push(term.to_owned()),
        }
    }

    fn note(&mut self, note: String) {
        self.builder.note(note);
    }

    fn finish(mut self, path: &Path) -> Result<Corpus, FileError> {
        if self.without_word > 0 {
            self.note(format!("{} rows without a word were passed over", self.without_word));
        }
        if let Some(note) = wildcards::note(self.wildcards.len()) {
            self.note(note);
        }
        if !self.patterns.is_empty() {
            let (many, more) = (self.patterns.len(), if self.patterns.len() > NAMED { ", …" } else { "" });
            let named: Vec<String> = self.patterns.iter().take(NAMED).map(|term| shown(term)).collect();
            self.note(format!(
                "{many} terms have a * elsewhere than at their end, which stands for nothing here, and were passed over: {}{more}",
                named.join(", ")
            ));
        }
        let mut corpus = finish(path, self.builder)?;
        corpus.wildcards = self.wildcards;
        Ok(corpus)
    }
}

fn finish(path: &Path, mut builder: Builder) -> Result<Corpus, FileError> {
    if builder.repeated() > 0 {
        builder.note(format!("{} repeated rows were merged", builder.repeated()));
    }
    let corpus = builder.finish();
    if corpus.words.is_empty() {
        let notes: String = corpus.notes.iter().map(|note| format!("; {note}")).collect();
        return Err(FileError::file(path, format!("it holds no words{notes}"), "Give a file with at least one word"));
    }
    if corpus.categories.len() > usize::from(u16::MAX) {
        return Err(FileError::file(path, "it has more than 65,535 categories", "Look whether its columns are swapped"));
    }
    Ok(corpus)
}

#[cfg(test)]
mod tests;
