//! Recorded scores: files that hold what a model once said, as the study's authors published them.
//!
//! Two layouts, each as CSV (with any usual separator), Parquet or JSON lines: a column of words and one for each prompt
//! (`wide`), as the study's `response,<prompt>…` and `token_id,token_name,token_decoded,<prompt>…`; and a row for each score
//! of one model (`long`), as this program writes it: `model,prompt,word,…,score,…`. A prompt is named by its key or its text
//! (`labels`). Numbers are kept as written, in f64; NaN and infinities count as missing, and are counted. The word columns
//! know no missing value: `NA` and `null` are words there. `ratings` reads what else is known
//! of words.

mod labels;
mod long;
pub mod ratings;
pub mod scores;
pub mod trainings;
mod wide;

use std::path::{Path, PathBuf};

use crate::base::file_error::FileError;
use crate::base::terms::Family;
use crate::base::text_file::{ending, stem};
use crate::catalogue::Catalogue;
use crate::recorded::scores::Recorded;
use crate::scores::provenance::FileProvenance;
use crate::tables::columns::SIDECAR;
use crate::tables::read::{self as table, Table};
use labels::Labels;

/// Prefixes of the study's file names.
const FILE_PREFIXES: [&str; 2] = ["big2_rewards_", "MFD20_rewards_"];
/// Ends of names of tables, before that of a packed one; of two files with one name the first counts.
const ENDINGS: [&str; 6] = ["parquet", "csv", "tsv", "tab", "jsonl", "ndjson"];
/// Ends of names of tables that are not read, and what to do with one.
const OTHER_TABLES: [(&str, &str); 15] = [
    ("xlsx", "a workbook; save its sheet as CSV"),
    ("xls", "a workbook; save its sheet as CSV"),
    ("ods", "a workbook; save its sheet as CSV"),
    ("json", "JSON, of which only lines are read, an object each: .jsonl"),
    ("feather", "Feather; save it as Parquet"),
    ("arrow", "Arrow; save it as Parquet"),
    ("pkl", "a pickle; save it as Parquet"),
    ("pickle", "a pickle; save it as Parquet"),
    ("rds", "a file of R; save it as CSV or Parquet"),
    ("rdata", "a file of R; save it as CSV or Parquet"),
    ("sav", "a file of SPSS; save it as CSV"),
    ("dta", "a file of Stata; save it as CSV"),
    ("zip", "an archive; unpack it"),
    ("bz2", "packed with bzip2; unpack it"),
    ("xz", "packed with xz; unpack it"),
];
/// What columns of words are called, the likeliest first.
const WORD: [&str; 6] = ["response", "word", "token_decoded", "text", "term", "token"];
/// Prompts times words: more would be gigabytes, most of them gaps.
pub(crate) const MOST_CELLS: usize = 1 << 27;

/// Of a file whose provenance has the checksum of another table.
pub(crate) const NOT_AS_WRITTEN: &str =
    "it was cut or edited since it was written, or the provenance beside it is of another file";

/// Looks at a file's name and column names alone.
///
/// # Errors
/// Why it holds no recorded scores.
pub fn check(path: &Path) -> Result<(), FileError> {
    if place(path).is_none() {
        let problem = match other_table(path) {
            Some(what) => format!("is {what}"),
            None => "not a file of recorded scores, which is CSV, Parquet or JSON lines".to_owned(),
        };
        return Err(FileError::file(path, problem, "For a checkpoint, name the directory that holds its config.json"));
    }
    let header = table::header(path)?;
    if long::LongColumns::of(path, &header)?.is_some() { Ok(()) } else { wide::WideColumns::of(path, &header).map(drop) }
}

/// As [`check`], of a file that nobody named: one that any list of words could be has the name of a known prompt.
fn check_unnamed(path: &Path, known: &Labels) -> Result<(), FileError> {
    check(path)?;
    let header = table::header(path)?;
    let is_plain = long::LongColumns::of(path, &header)?.is_none() && !wide::is_of_the_study(&header);
    if is_plain && !header.iter().any(|name| known.knows(name)) {
        let problem = format!("none of its columns is a known prompt: {}", header.join(", "));
        return Err(FileError::file(path, problem, "Name the file itself to open it all the same"));
    }
    Ok(())
}

/// Whether the words of a file are tokens, told apart by id.
pub fn has_token_ids(path: &Path) -> bool {
    table::header(path).is_ok_and(|header| header.iter().any(|column| column.trim() == "token_id"))
}

/// What a directory has of recorded scores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Sorted by name. Of a model that has a Parquet file and a CSV file, the Parquet file, because CSV may have been rounded.
    pub files: Vec<PathBuf>,
    /// Tables that are not opened, each with the reason.
    pub passed_over: Vec<String>,
}

/// Looks at the names and column names of the files of a directory.
pub fn folder(directory: &Path) -> Folder {
    let Ok(entries) = std::fs::read_dir(directory) else { return Folder::default() };
    let (mut tables, others): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).partition(|path| place(path).is_some());
    tables.sort_by_key(|path| (stem(path), place(path), path.clone()));
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut found, known) = (Folder::default(), Labels::built_in());
    for path in tables {
        let checked = known.as_ref().map_or_else(|_| check(&path), |known| check_unnamed(&path, known));
        let why = match (checked, found.files.last()) {
            (Err(FileError::File { problem, .. }), _) => problem,
            (Err(error), _) => error.to_string(),
            (Ok(()), Some(other)) if stem(other) == stem(&path) => {
                format!("{} is read, which has the same name", name(other))
            }
            (Ok(()), _) => {
                found.files.push(path);
                continue;
            }
        };
        found.passed_over.push(format!("{}: not opened: {why}", name(&path)));
    }
    let is_provenance = |path: &Path| name(path).ends_with(SIDECAR);
    let mut others: Vec<String> = others
        .iter()
        .filter(|path| !is_provenance(path))
        .filter_map(|path| Some(format!("{}: not opened: is {}", name(path), other_table(path)?)))
        .collect();
    others.sort();
    found.passed_over.extend(others);
    found
}

/// The recorded files of a directory.
pub fn list_dir(directory: &Path) -> Vec<PathBuf> {
    folder(directory).files
}

/// The model that a file is about: by what its column of models says where it has one, else by its name; the catalogue's
/// nickname and family where it knows the model.
pub fn identify(path: &Path, catalogue: &Catalogue) -> (String, Family) {
    let stem = stem(path);
    let of_file = FILE_PREFIXES.iter().find_map(|prefix| stem.strip_prefix(prefix)).unwrap_or(&stem);
    let said = long::model(path);
    let name = said.as_deref().unwrap_or(of_file);
    match (catalogue.find(name), Family::guess(name)) {
        (Some(entry), _) => (entry.nickname.clone(), entry.family),
        (None, Family::Other) => (name.to_owned(), Family::guess(of_file)),
        (None, family) => (name.to_owned(), family),
    }
}

/// Reads a file; the model's name and family as [`identify`] gives them. Prompts are understood as those of the study, of the
/// user (whose folder the catalogue knows), or as what the file's provenance says of them.
///
/// # Errors
/// A file that cannot be read, or that holds no recorded scores.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<(String, Family, Recorded), FileError> {
    let (name, family) = identify(path, catalogue);
    Ok((name, family, recorded(path, catalogue, Repeats::First)?))
}

/// The same of log-probabilities: of a text that stands several times, because several tokens decode alike, the most probable
/// one counts under each prompt.
///
/// # Errors
/// As [`read`].
pub fn read_most_probable(path: &Path, catalogue: &Catalogue) -> Result<(String, Family, Recorded), FileError> {
    let (name, family) = identify(path, catalogue);
    Ok((name, family, recorded(path, catalogue, Repeats::Highest)?))
}

/// Which score counts of a word that has several rows; a gap never does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    First,
    Highest,
}

impl Repeats {
    /// What counts of two, and whether they contradict each other.
    fn of(self, known: f64, new: f64) -> (f64, bool) {
        match self {
            _ if known.is_nan() || new.is_nan() => (if known.is_nan() { new } else { known }, false),
            Repeats::First => (known, known != new),
            Repeats::Highest => (known.max(new), false),
        }
    }
}

fn recorded(path: &Path, catalogue: &Catalogue, repeats: Repeats) -> Result<Recorded, FileError> {
    let mut table = Table::open(path)?;
    let labels = Labels::of_file(path, catalogue)?;
    let written = FileProvenance::of_file(path).unwrap_or_default().checksum;
    if written.is_some() {
        table.sum_up();
    }
    let mut recorded = match long::LongColumns::of(path, &table.header)? {
        Some(columns) => long::read(path, &mut table, &columns, &labels, repeats),
        None => wide::read(path, &mut table, &labels, repeats),
    }?;
    recorded.notes.extend(table.note());
    if written.is_some() && written != table.checksum() {
        recorded.notes.push(NOT_AS_WRITTEN.to_owned());
    }
    Ok(recorded)
}

/// The place of a file among [`ENDINGS`]; none of one that is no table.
fn place(path: &Path) -> Option<usize> {
    let ending = ending(path);
    ENDINGS.iter().position(|known| *known == ending)
}

/// What a table is that is not read.
fn other_table(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    OTHER_TABLES.iter().find(|(known, _)| *known == ending).map(|(_, what)| *what)
}

/// A column by one of these names, in their order, whatever its case, and with `.` or a space for `_`.
fn column(header: &[String], names: &[&str]) -> Option<usize> {
    let plain = |name: &str| name.trim().to_lowercase().replace(['.', ' ', '-'], "_");
    names.iter().find_map(|name| header.iter().position(|column| plain(column) == *name))
}

fn no_words(path: &Path) -> FileError {
    FileError::file(path, "it holds no words", "Give a file with at least one row")
}

/// What a reader should know of rows and cells.
fn notes(empty: usize, differing: usize, not_finite: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if empty > 0 {
        notes.push(format!("{empty} rows without a word were passed over"));
    }
    if differing > 0 {
        notes.push(format!("{differing} rows repeat a word with other scores; the first one counts"));
    }
    if not_finite > 0 {
        notes.push(format!("{not_finite} scores are NaN, inf or -inf and count as missing"));
    }
    notes
}

#[cfg(test)]
mod tests;
