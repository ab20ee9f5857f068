//! A row for each word and a column for each prompt: `response,<prompt>…`, `word,<prompt>…`, or
//! `token_id,token_name,token_decoded,<prompt>…`.
//!
//! Files come with other columns beside: row numbers, categories, counts of tokens. Such a column must not pass for a prompt,
//! nor make the file unusable, nor vanish unsaid: what is passed over, and what is taken for a prompt without being known as
//! one, is told in a note.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::labels::Labels;
use super::{Repeats, WORD, column, no_words, notes};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::recorded::scores::Recorded;
use crate::tables::read::{NO_SCORE, Reading, Row, Table};

/// What readers and writers of tables call a column of row numbers, beside `Unnamed: 0` and `...1`.
const NUMBERING: [&str; 18] = [
    "index",
    "idx",
    "id",
    "row",
    "rows",
    "rowname",
    "rownames",
    "row_name",
    "row_names",
    "row.names",
    "rowid",
    "row_id",
    "x",
    "x1",
    "x.1",
    "v1",
    "level_0",
    "unnamed",
];
/// What columns of categories are called, of a word list that has nothing else.
const CATEGORY: [&str; 4] = ["category", "categories", "foundation", "label"];
/// Fewer numbers than this that count up may be scores.
const FEWEST_NUMBERED: usize = 3;

/// Which columns of a header hold the words, and which may hold scores.
pub(super) struct WideColumns {
    word: usize,
    scores: Vec<usize>,
}

impl WideColumns {
    /// # Errors
    /// Why they are no recorded scores.
    pub(super) fn of(path: &Path, header: &[String]) -> Result<WideColumns, FileError> {
        let at = |name: &str| column(header, &[name]);
        let tokens = [at("token_id"), at("token_name"), at("token_decoded")];
        let of_tokens = tokens[0].and(tokens[2]);
        let word = at("response").or(of_tokens).or_else(|| column(header, &WORD));
        // R and pandas write row numbers into a first column with no name, or one called X.
        let index = header.first().is_some_and(|name| matches!(name.trim(), "" | "X" | "Unnamed: 0")).then_some(0);
        let other = |i: &usize| !tokens.contains(&Some(*i)) && ![word, index].contains(&Some(*i));
        let scores: Vec<usize> = (0..header.len()).filter(other).collect();
        let categories: Vec<usize> = CATEGORY.iter().filter_map(|name| at(name)).collect();
        let Some(word) = word.filter(|_| scores.iter().any(|column| !categories.contains(column))) else {
            let problem = format!("no recorded scores; its columns are {}", header.join(", "));
            return Err(FileError::file(path, problem, EXPECTED));
        };
        Ok(WideColumns { word, scores })
    }
}

const EXPECTED: &str = "A first column `response` (or word, token, text, term) and then one column a prompt are expected";

/// By the names of the columns, which no word list has.
pub(super) fn is_of_the_study(header: &[String]) -> bool {
    column(header, &["response"]).or(column(header, &["token_id"])).is_some()
}

/// A column that may be a prompt's, as far as it has been read.
struct Candidate {
    column: usize,
    name: String,
    /// A prompt of the study, of the user or of the file's provenance.
    known: bool,
    /// `[words]`
    scores: Vec<f64>,
    numbers: usize,
    not_finite: usize,
    /// The first cell that is neither a number nor missing, described for a message.
    stray: Option<String>,
    /// The number in the first row, 0 or 1, as long as the column counts up from there by 1 a row; else none.
    counts_from: Option<f64>,
    /// Rows that give a word another score than an earlier one did.
    differing: Vec<usize>,
}

impl Candidate {
    fn new(column: usize, name: &str, known: bool) -> Candidate {
        let (name, counts_from) = (name.trim().to_owned(), Some(f64::NAN));
        let (scores, differing) = (Vec::new(), Vec::new());
        Candidate { column, name, known, scores, numbers: 0, not_finite: 0, stray: None, counts_from, differing }
    }

    /// A question is a prompt by itself; a word that is no known key may be anything.
    fn may_be_other(&self) -> bool {
        !self.known && !self.name.contains(char::is_whitespace)
    }

    /// A row's value of the column; NaN where it has no score.
    fn take(&mut self, table: &Table, row: &Row, number: usize) -> f64 {
        let reading = row.reading(self.column);
        let score = match reading {
            Reading::Score(score) => score,
            Reading::Missing | Reading::NotFinite | Reading::Text => f64::NAN,
        };
        self.numbers += usize::from(matches!(reading, Reading::Score(_)));
        self.not_finite += usize::from(reading == Reading::NotFinite);
        if self.stray.is_none() && reading == Reading::Text {
            self.stray = Some(table.no_score(row, self.column));
        }
        let from = score - number as f64;
        self.counts_from = match self.counts_from {
            Some(first) if number == 0 && first.is_nan() => Some(from).filter(|from| *from == 0.0 || *from == 1.0),
            Some(first) if first == from => Some(first),
            _ => None,
        };
        score
    }
}

/// What becomes of a column.
enum Verdict {
    Prompt,
    /// Not known, and taken for a prompt.
    Unknown,
    Text,
    Empty,
    Numbering,
}

/// Whether a name is one of those that row numbers are written under.
fn numbers_rows(name: &str) -> bool {
    let lower = name.to_lowercase();
    let counted = |prefix: &str| {
        lower.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_')))
    };
    NUMBERING.contains(&lower.as_str()) || counted("...") || counted("unnamed: ") || counted("__index_level_")
}

pub(super) fn read(path: &Path, table: &mut Table, labels: &Labels, repeats: Repeats) -> Result<Recorded, FileError> {
    let columns = WideColumns::of(path, &table.header)?;
    let any_known = columns.scores.iter().any(|&column| labels.knows(&table.header[column]));
    let mut beside = Beside::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    for &column in &columns.scores {
        let name = &table.header[column];
        let candidate = Candidate::new(column, name, labels.knows(name));
        let is_index = candidate.name.is_empty() || table.index.contains(name) || (any_known && numbers_rows(&candidate.name));
        match is_index && !candidate.known {
            true if candidate.name.is_empty() => beside.unnamed += 1,
            true => beside.numbering.push(candidate.name),
            false => candidates.push(candidate),
        }
    }
    let Rows { words, rows, empty } = take_rows(table, columns.word, &mut candidates, repeats)?;
    if words.is_empty() {
        return Err(no_words(path));
    }
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        match verdict(path, &candidate, any_known, rows)? {
            Verdict::Prompt => kept.push(candidate),
            Verdict::Unknown => {
                beside.unknown.push(candidate.name.clone());
                kept.push(candidate);
            }
            Verdict::Text => beside.text.push(candidate.name),
            Verdict::Empty => beside.empty.push(candidate.name),
            Verdict::Numbering => beside.numbering.push(candidate.name),
        }
    }
    if kept.is_empty() {
        let problem = format!("none of its columns holds scores; {}", beside.notes().join("; "));
        return Err(FileError::file(path, problem, EXPECTED));
    }
    let names = || kept.iter().map(|candidate| table.header[candidate.column].as_str());
    let prompts = labels.prompts(path, names())?;
    let differing: HashSet<usize> = kept.iter().flat_map(|candidate| candidate.differing.iter().copied()).collect();
    let mut notes = notes(empty, differing.len(), kept.iter().map(|candidate| candidate.not_finite).sum());
    notes.extend(labels.note(names()));
    notes.extend(beside.notes());
    Ok(Recorded { words, prompts, scores: kept.into_iter().map(|candidate| candidate.scores).collect(), notes })
}

/// Words in the order of the file, each once.
struct Rows {
    words: Vec<Arc<str>>,
    rows: usize,
    /// Rows without a word.
    empty: usize,
}

fn take_rows(table: &mut Table, word_at: usize, candidates: &mut [Candidate], repeats: Repeats) -> Result<Rows, FileError> {
    let mut found = Rows { words: Vec::new(), rows: 0, empty: 0 };
    let mut index: HashMap<Arc<str>, usize> = HashMap::new();
    while let Some(row) = table.next_row()? {
        let word = row.text(word_at);
        let known = index.get(&*word).copied();
        for candidate in candidates.iter_mut() {
            let score = candidate.take(table, &row, found.rows);
            match known {
                _ if word.is_empty() => {}
                None => candidate.scores.push(score),
                Some(at) => {
                    let (counts, differs) = repeats.of(candidate.scores[at], score);
                    candidate.scores[at] = counts;
                    candidate.differing.extend(differs.then_some(found.rows));
                }
            }
        }
        found.rows += 1;
        if word.is_empty() {
            found.empty += 1;
        } else if known.is_none() {
            let word: Arc<str> = word.as_ref().into();
            index.insert(word.clone(), found.words.len());
            found.words.push(word);
        }
    }
    Ok(found)
}

/// Names of the columns that the notes mention.
#[derive(Default)]
struct Beside {
    unnamed: usize,
    numbering: Vec<String>,
    text: Vec<String>,
    empty: Vec<String>,
    /// Kept, for they may be prompts.
    unknown: Vec<String>,
}

impl Beside {
    fn notes(&self) -> Vec<String> {
        let unnamed = match self.unnamed {
            0 => None,
            1 => Some("a column without a name".to_owned()),
            n => Some(format!("{n} columns without a name")),
        };
        let passed_over = [
            unnamed,
            listed(&self.numbering, "number the rows", "numbers the rows"),
            listed(&self.text, "hold text and no score", "holds text and no score"),
            listed(&self.empty, "hold no score", "holds no score"),
        ];
        let passed_over = passed_over.into_iter().flatten().map(|columns| format!("passed over: {columns}"));
        let prompt = Remedy::Prompt;
        let several = format!(
            "are no known prompts and count as prompts of unknown framing; if they are none, take them out of the file, or name \
             with {prompt} those that count"
        );
        let one = format!(
            "is no known prompt and counts as a prompt of unknown framing; if it is none, take it out of the file, or name with \
             {prompt} those that count"
        );
        passed_over.chain(listed(&self.unknown, &several, &one)).collect()
    }
}

/// What becomes of a column.
///
/// # Errors
/// A prompt's column, or one with scores, holds something else as well.
fn verdict(path: &Path, candidate: &Candidate, any_known: bool, rows: usize) -> Result<Verdict, FileError> {
    let Candidate { name, known, numbers, stray, .. } = candidate;
    match stray {
        Some(problem) if *known || *numbers > 0 => {
            let other = format!(". Where '{name}' is no prompt, take it out of the file");
            let next = format!("{NO_SCORE}{}", if *known { "" } else { other.as_str() });
            Err(FileError::file(path, problem, next))
        }
        Some(_) => Ok(Verdict::Text),
        None if *numbers == 0 => Ok(Verdict::Empty),
        None if !any_known || !candidate.may_be_other() => Ok(Verdict::Prompt),
        None if rows >= FEWEST_NUMBERED && candidate.counts_from.is_some() => Ok(Verdict::Numbering),
        None => Ok(Verdict::Unknown),
    }
}

/// `the columns a, b, which hold text`
fn listed(names: &[String], several: &str, one: &str) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("the column {name}, which {one}")),
        names => Some(format!("the columns {}, which {several}", names.join(", "))),
    }
}
