//! Files that follow a training: tables of median ranks as the study's authors published them, and tables of scores with a
//! column, or a row, a checkpoint.
//!
//! | layout | columns |
//! | --- | --- |
//! | medians | `model_id`, `Category`, `checkpoint`, `sum_value`; perhaps `base_model`, `data_size`, `data_source`, `method`, `prompt` |
//! | scores, wide | `response`, then columns whose names end in `step-N`, `checkpoint-N`; what stands before is the prompt |
//! | scores, long | `response`, `checkpoint`, `score`; perhaps `model_id`, `prompt` |

mod medians;
mod ordered;
mod scores;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{NOT_AS_WRITTEN, WORD};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::terms::Family;
use crate::base::text_file::{ending, stem};
use crate::catalogue::Catalogue;
use crate::corpus::Corpus;
use crate::scores::provenance::FileProvenance;
use crate::stats::ablation::{Ablation, Run, Training};
use crate::stats::implicit::Variants;
use crate::tables::read::{Reading, Row, Table, header};

const MODEL: [&str; 2] = ["model_id", "model"];
const CATEGORY: [&str; 1] = ["category"];
const CHECKPOINT: [&str; 4] = ["checkpoint", "step", "global_step", "ckpt"];
const MEDIAN: [&str; 4] = ["sum_value", "median_rank", "median", "rank"];
const SCORE: [&str; 3] = ["score", "reward", "value"];
/// What a column's name ends with before the number of its step.
const STEPS: [&str; 3] = ["step", "checkpoint", "ckpt"];
/// Checkpoints that are known by name alone: at which step they were is not said.
const UNNUMBERED: [&str; 5] = ["base", "init", "best", "last", "final"];

/// Which words of a file of scores take part.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The list that has their categories.
    pub corpus: &'a Corpus,
    /// What becomes of spellings that differ from a word of the list, or from each other, by case and outer white space alone:
    /// they are averaged to one word, or each takes a rank.
    pub variants: Variants,
    /// Only the words of this list, as they are spelled there.
    pub only: Option<&'a Corpus>,
}

impl<'a> Words<'a> {
    /// The words of a list, their spellings averaged.
    pub fn of(corpus: &'a Corpus) -> Self {
        Words { corpus, variants: Variants::Average, only: None }
    }
}

/// The runs that a file tells of, and notes. `words` gives the categories of the words of a file of scores.
///
/// # Errors
/// A file that cannot be read, that follows no training, or whose words have no category in the list.
pub fn read(path: &Path, words: &Words<'_>, catalogue: &Catalogue) -> Result<(Vec<Run>, Vec<String>), FileError> {
    let (expanded, list) = (expanded(path, words.corpus)?, &words.corpus.name);
    let words = &Words { corpus: expanded.as_ref().unwrap_or(words.corpus), ..*words };
    let corpus = words.corpus;
    let mut table = Table::open(path)?;
    let written = FileProvenance::of_file(path).unwrap_or_default().checksum;
    if written.is_some() {
        table.sum_up();
    }
    let mut reader = Reader {
        path,
        of_file: of_name(path),
        words,
        catalogue,
        notes: Vec::new(),
        strangers: 0,
        torn: None,
        unnumbered: BTreeMap::new(),
    };
    let runs = match Kind::of(&table.header) {
        Some(Kind::Medians(columns)) => reader.medians(&mut table, &columns)?,
        Some(Kind::Wide { word, steps }) => {
            reader.note_other_columns(&table.header, word, &steps);
            reader.wide(&mut table, word, &steps)?
        }
        Some(Kind::Long(columns)) => reader.long(&mut table, &columns)?,
        None => {
            let problem = format!("it follows no training; its columns are {}", table.header.join(", "));
            let next = "Expected are model_id, Category, checkpoint and sum_value; or response and columns named step-1000, …; \
                        or response, checkpoint and score";
            return Err(FileError::file(path, problem, next));
        }
    };
    reader.note_unnumbered();
    let of_wildcards = expanded.as_ref().and_then(|corpus| corpus.notes.last());
    reader.notes.extend(of_wildcards.map(|note| format!("{}: {list}: {note}", reader.of_file.file)));
    reader.note(table.not_finite(), "values are NaN, inf or -inf and count as missing");
    reader.notes.extend(table.note().map(|note| format!("{}: {note}", reader.of_file.file)));
    if let (true, Some(gap)) = (runs.is_empty(), reader.torn) {
        return Err(FileError::file(path, gap, "Leave out the column or the rows of the checkpoint that lacks most"));
    }
    if written.is_some() && written != table.checksum() {
        reader.notes.push(format!("{}: {NOT_AS_WRITTEN}", reader.of_file.file));
    }
    if runs.is_empty() && reader.strangers == 0 {
        let told: String = reader.notes.iter().map(|note| format!("; {note}")).collect();
        let next = "A checkpoint is a whole number of steps, or named as step-1000";
        return Err(FileError::file(path, format!("it has no row that can be followed{told}"), next));
    }
    if corpus.categories.is_empty() && runs.iter().all(|run| run.series.is_empty()) {
        let told: String = corpus.notes.iter().map(|note| format!("; {note}")).collect();
        let problem = format!("the word list {} has no categories{told}", corpus.name);
        return Err(FileError::file(path, problem, format!("Give one that has with {}", Remedy::Corpus)));
    }
    if runs.iter().all(|run| run.series.is_empty()) {
        let next = format!("Give the list of their categories with {}", Remedy::Corpus);
        return Err(FileError::file(path, format!("none of its words has a category in {}", corpus.name), next));
    }
    Ok((runs, reader.notes))
}

/// The list with the words of a file that its wildcards stand for; none of a list without wildcards.
fn expanded(path: &Path, corpus: &Corpus) -> Result<Option<Corpus>, FileError> {
    if corpus.wildcards.is_empty() {
        return Ok(None);
    }
    let mut table = Table::open(path)?;
    let word = match Kind::of(&table.header) {
        Some(Kind::Wide { word, .. } | Kind::Long(LongColumns { word, .. })) => word,
        Some(Kind::Medians(_)) | None => return Ok(None),
    };
    let mut words: Vec<String> = Vec::new();
    while let Some(row) = table.next_row()? {
        words.push(row.text(word).into_owned());
    }
    let (mut corpus, mut known) = (corpus.clone(), HashSet::new());
    corpus.expand(words.iter().map(String::as_str).filter(|word| known.insert(*word)));
    Ok(Some(corpus))
}

/// All trainings that the files and folders tell of.
///
/// # Errors
/// Of the first that cannot be read, or follows none.
pub fn follow(named: &[PathBuf], words: &Words<'_>, catalogue: &Catalogue) -> Result<Ablation, FileError> {
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for file in files(named)? {
        let (found, told) = read(&file, words, catalogue)?;
        runs.extend(found);
        notes.extend(told);
    }
    Ok(Ablation::new(runs, notes))
}

/// The files named, and those of the folders named, in order.
///
/// # Errors
/// A folder that cannot be read, or has no CSV or Parquet file.
pub fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let within = tables(path)
            .map_err(|error| FileError::file(path, format!("cannot be read: {error}"), "Check the folder and its permissions"))?;
        if within.is_empty() {
            let next = "Those below it are not searched: name the folder that has them";
            return Err(FileError::file(path, "this folder has no CSV or Parquet file", next));
        }
        files.extend(within);
    }
    Ok(files)
}

/// Tables of a folder, by name; of formats that can be anything, those that follow a training.
fn tables(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_table = |path: &PathBuf| match ending(path).as_str() {
        "csv" | "parquet" => true,
        "jsonl" | "ndjson" | "tsv" | "tab" => header(path).is_ok_and(|header| Kind::of(&header).is_some()),
        _ => false,
    };
    let mut within: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(is_table).collect();
    within.sort();
    Ok(within)
}

/// Whether a file, or the first table of a folder, follows a training, by its columns.
pub fn follows(path: &Path) -> bool {
    let first =
        if path.is_dir() { tables(path).ok().and_then(|within| within.into_iter().next()) } else { Some(path.to_owned()) };
    let header = first.filter(|path| path.is_file()).and_then(|path| header(&path).ok());
    header.is_some_and(|header| Kind::of(&header).is_some())
}

/// What a table holds, by its columns.
enum Kind {
    Medians(Columns),
    /// A column a checkpoint: its place, its prompt, its step.
    Wide {
        word: usize,
        steps: Vec<(usize, String, u64)>,
    },
    Long(LongColumns),
}

impl Kind {
    fn of(header: &[String]) -> Option<Kind> {
        let at = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|h| h.trim().eq_ignore_ascii_case(name)));
        let steps: Vec<(usize, String, u64)> =
            header.iter().enumerate().filter_map(|(i, name)| step_of(name).map(|(prompt, step)| (i, prompt, step))).collect();
        match (at(&MODEL), at(&CATEGORY), at(&CHECKPOINT), at(&MEDIAN), at(&WORD), at(&SCORE)) {
            (Some(model), Some(category), Some(checkpoint), Some(median), ..) => {
                Some(Kind::Medians(Columns { model, category, checkpoint, median, other: Other::find(&at) }))
            }
            (.., Some(word), _) if !steps.is_empty() => Some(Kind::Wide { word, steps }),
            (model, _, Some(checkpoint), _, Some(word), Some(score)) => {
                Some(Kind::Long(LongColumns { word, checkpoint, score, model, prompt: at(&["prompt"]) }))
            }
            _ => None,
        }
    }
}

/// Where the columns of a table of scores stand that has a row for each word and checkpoint.
struct LongColumns {
    word: usize,
    checkpoint: usize,
    score: usize,
    model: Option<usize>,
    prompt: Option<usize>,
}

/// Where the columns of a table of medians stand.
struct Columns {
    model: usize,
    category: usize,
    checkpoint: usize,
    median: usize,
    other: Other,
}

/// Columns that may be missing.
struct Other {
    base: Option<usize>,
    size: Option<usize>,
    source: Option<usize>,
    method: Option<usize>,
    prompt: Option<usize>,
}

impl Other {
    fn find(at: &dyn Fn(&[&str]) -> Option<usize>) -> Other {
        Other {
            base: at(&["base_model", "family"]),
            size: at(&["data_size", "data_size_k"]),
            source: at(&["data_source"]),
            method: at(&["method"]),
            prompt: at(&["prompt"]),
        }
    }
}

struct Reader<'a> {
    path: &'a Path,
    /// What the name of the file says.
    of_file: Training,
    words: &'a Words<'a>,
    catalogue: &'a Catalogue,
    notes: Vec<String>,
    /// Words that are not in the corpus.
    strangers: usize,
    /// Of a training without a word that every checkpoint has.
    torn: Option<String>,
    /// Checkpoints that have no number, and how many rows there are of each.
    unnumbered: BTreeMap<String, usize>,
}

impl Reader<'_> {
    /// The base model that a name tells of.
    fn family(&self, model: &str) -> Option<String> {
        if let Some(entry) = self.catalogue.find(model) {
            return Some(entry.family.to_string());
        }
        Some(Family::guess(model)).filter(|family| *family != Family::Other).map(|family| family.to_string())
    }

    /// A row's step; none of a checkpoint that is known by its name alone, which is told at the end.
    fn step(&mut self, table: &Table, row: &Row, column: usize) -> Result<Option<u64>, FileError> {
        let text = row.text(column);
        if let Some((_, step)) = step_of(&text) {
            return Ok(Some(step));
        }
        if UNNUMBERED.iter().any(|name| text.trim().eq_ignore_ascii_case(name)) {
            *self.unnumbered.entry(text.trim().to_owned()).or_default() += 1;
            return Ok(None);
        }
        match row.reading(column) {
            Reading::Score(number) if number >= 0.0 && number.fract() == 0.0 && number < 1e15 => Ok(Some(number as u64)),
            _ => {
                let problem = format!("{}, column {}: '{text}' is no checkpoint", table.place(row), table.header[column]);
                Err(FileError::file(self.path, problem, "A checkpoint is a whole number of steps, or named as step-1000"))
            }
        }
    }

    fn note(&mut self, many: usize, what: &str) {
        if many > 0 {
            self.notes.push(format!("{}: {many} {what}", self.of_file.file));
        }
    }

    fn note_unnumbered(&mut self) {
        let names = self.unnumbered.keys().cloned().collect::<Vec<_>>().join(", ");
        self.note(
            self.unnumbered.values().sum(),
            &format!("rows of the checkpoints {names} were passed over: at which step they were is not said"),
        );
    }

    /// Columns beside the word and its steps; those that every table may have are no loss.
    fn note_other_columns(&mut self, header: &[String], word: usize, steps: &[(usize, String, u64)]) {
        const OFTEN: [&str; 8] = ["", "x", "unnamed: 0", "token_id", "token_name", "category", "model", "model_id"];
        let is_other = |(i, name): &(usize, &String)| {
            let read = *i == word || steps.iter().any(|(column, ..)| column == i);
            !read && !OFTEN.contains(&name.trim().to_lowercase().as_str())
        };
        let others: Vec<&str> = header.iter().enumerate().filter(is_other).map(|(_, name)| name.trim()).collect();
        if !others.is_empty() {
            let what = "passed over, as their names tell no step; step-1000 would";
            self.notes.push(format!("{}: the columns {} are {what}", self.of_file.file, others.join(", ")));
        }
    }
}

/// `step-1000`, `greatest_ever_one/checkpoint_500`: what stands before, and the number.
fn step_of(name: &str) -> Option<(String, u64)> {
    let name = name.trim();
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (before, number) = name.split_at(name.len() - digits);
    let number = number.parse().ok()?;
    let before = before.trim_end_matches(['-', '_', ' ', '=', ':']);
    let lower = before.to_ascii_lowercase();
    let kind = STEPS.iter().find(|kind| lower.ends_with(*kind))?;
    let prompt = &before[..before.len() - kind.len()];
    let prompt = prompt.trim_end_matches(['-', '_', ' ', '/', ':', '.', '|', '@']);
    let prompt = if prompt.eq_ignore_ascii_case("global") { "" } else { prompt };
    Some((prompt.to_owned(), number))
}

/// `80`, `80k`, `0.5M`, in thousands; a number above 5,000 counts pairs.
fn thousands(text: &str) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(number), _) => (number, 1.0),
        (_, Some(number)) => (number, 1000.0),
        _ => (lower.as_str(), 1.0),
    };
    let number: f64 = number.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0)?;
    Some(if unit == 1.0 && !lower.ends_with('k') && number > 5000.0 { number / 1000.0 } else { number * unit })
}

/// What `rank_results_uf_54.csv` says by its name: data source and size, and perhaps the method.
fn of_name(path: &Path) -> Training {
    let stem = stem(path);
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut training = Training { file, ..Training::default() };
    let Some(rest) = stem.to_ascii_lowercase().strip_prefix("rank_results_").map(str::to_owned) else { return training };
    for part in rest.split('_') {
        match part {
            "grm" | "bt" => training.method = Some(part.to_uppercase()),
            "sky" => training.data_source = Some("skywork".to_owned()),
            part => match thousands(part) {
                Some(size) => training.data_size_k = Some(size),
                None => training.data_source = Some(part.to_owned()),
            },
        }
    }
    training
}

#[cfg(test)]
mod tests;
