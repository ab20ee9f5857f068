//! Recorded scores: files that hold what a model once said, as the study's authors published them.
//!
//! Three layouts, each as CSV, Parquet or JSON lines: `response,<prompt>…`, `token_id,token_name,token_decoded,<prompt>…`
//! (`wide`), and the one that this program writes, `model,prompt,word,…,score,…`, of one model (`long`). A prompt is named by
//! its key or its text (`labels`). Numbers are kept as written, in f64. The word columns know no missing value: `NA` and
//! `null` are words there. `ratings` reads what else is known of words.

mod labels;
mod long;
pub mod ratings;
pub mod scores;
pub mod trainings;
mod wide;

use std::path::{Path, PathBuf};

use crate::base::file_error::FileError;
use crate::base::terms::Family;
use crate::catalogue::Catalogue;
use crate::recorded::scores::Recorded;
use crate::scores::provenance::FileProvenance;
use crate::tables::read::{self as table, Table};
use labels::Labels;

/// Prefixes of the study's file names.
const FILE_PREFIXES: [&str; 2] = ["big2_rewards_", "MFD20_rewards_"];
const EXTENSIONS: [&str; 3] = ["parquet", "csv", "jsonl"];
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
    if extension(path).is_none() {
        let problem = "not a file of recorded scores, which is CSV, Parquet or JSON lines";
        return Err(FileError::file(path, problem, "For a checkpoint, name the directory that holds its config.json"));
    }
    let header = table::header(path)?;
    if long::LongColumns::of(&header).is_some() { Ok(()) } else { wide::WideColumns::of(path, &header).map(drop) }
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
    let is_table = |path: &PathBuf| path.is_file() && extension(path).is_some();
    let mut tables: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_table).collect();
    tables.sort_by_key(|path| (path.file_stem().map(ToOwned::to_owned), extension(path)));
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut found = Folder::default();
    for path in tables {
        let why = match (check(&path), found.files.last()) {
            (Err(FileError::File { problem, .. }), _) => problem,
            (Err(error), _) => error.to_string(),
            (Ok(()), Some(other)) if other.file_stem() == path.file_stem() => {
                format!("{} is read, which has the same name", name(other))
            }
            (Ok(()), _) => {
                found.files.push(path);
                continue;
            }
        };
        found.passed_over.push(format!("{}: not opened: {why}", name(&path)));
    }
    found
}

/// The recorded files of a directory.
pub fn list_dir(directory: &Path) -> Vec<PathBuf> {
    folder(directory).files
}

/// The model that a file is about: by what its column of models says where it has one, else by its name; the catalogue's
/// nickname and family where it knows the model.
pub fn identify(path: &Path, catalogue: &Catalogue) -> (String, Family) {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
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
    let mut recorded = match long::LongColumns::of(&table.header) {
        Some(columns) => long::read(path, &mut table, &columns, &labels, repeats),
        None => wide::read(path, &mut table, &labels, repeats),
    }?;
    if written.is_some() && written != table.checksum() {
        recorded.notes.push(NOT_AS_WRITTEN.to_owned());
    }
    Ok(recorded)
}

fn extension(path: &Path) -> Option<usize> {
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    EXTENSIONS.iter().position(|known| *known == extension)
}

fn no_words(path: &Path) -> FileError {
    FileError::file(path, "it holds no words", "Give a file with at least one row")
}

/// What a reader should know of rows.
fn notes(empty: usize, differing: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if empty > 0 {
        notes.push(format!("{empty} rows without a word were passed over"));
    }
    if differing > 0 {
        notes.push(format!("{differing} rows repeat a word with other scores; the first one counts"));
    }
    notes
}

#[cfg(test)]
mod tests;
