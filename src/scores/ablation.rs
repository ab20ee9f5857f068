//! Files that follow a training: tables of median ranks as the study's authors published them, and tables of scores with a
//! column, or a row, a checkpoint.
//!
//! | layout | columns |
//! | --- | --- |
//! | medians | `model_id`, `Category`, `checkpoint`, `sum_value`; perhaps `base_model`, `data_size`, `data_source`, `method`, `prompt` |
//! | scores, wide | `response`, then columns whose names end in `step-N`, `checkpoint-N`; what stands before is the prompt |
//! | scores, long | `response`, `checkpoint`, `score`; perhaps `model_id`, `prompt` |

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::recorded::identify;
use super::recorded::table::{Row, Table, header};
use crate::corpus::{Corpus, CorpusError};
use crate::model::Family;
use crate::model::catalogue::Catalogue;
use crate::stats::ablation::{Ablation, CheckpointWord, Point, Run, Series, Training, of_scores};

const WORD: [&str; 4] = ["response", "word", "token_decoded", "term"];
const MODEL: [&str; 2] = ["model_id", "model"];
const CATEGORY: [&str; 1] = ["category"];
const CHECKPOINT: [&str; 4] = ["checkpoint", "step", "global_step", "ckpt"];
const MEDIAN: [&str; 4] = ["sum_value", "median_rank", "median", "rank"];
const SCORE: [&str; 3] = ["score", "reward", "value"];
/// What a column's name ends with before the number of its step.
const STEPS: [&str; 3] = ["step", "checkpoint", "ckpt"];
/// What stands for "not known" in a column of names.
const MISSING: [&str; 5] = ["", "NA", "NaN", "null", "None"];

/// The runs that a file tells of. `corpus` gives the categories of the words of a file of scores.
pub fn read(path: &Path, corpus: &Corpus, catalogue: &Catalogue) -> Result<(Vec<Run>, Vec<String>), CorpusError> {
    let mut table = Table::open(path)?;
    let mut reader = Reader { path, of_file: of_name(path), corpus, catalogue, notes: Vec::new() };
    let runs = match Kind::of(&table.header) {
        Some(Kind::Medians(columns)) => reader.medians(&mut table, &columns)?,
        Some(Kind::Wide { word, steps }) => reader.wide(&mut table, word, &steps)?,
        Some(Kind::Long(columns)) => reader.long(&mut table, &columns)?,
        None => {
            let problem = format!("it follows no training; its columns are {}", table.header.join(", "));
            let next = "Expected are model_id, Category, checkpoint and sum_value; or response and columns named step-1000, …; \
                        or response, checkpoint and score";
            return Err(CorpusError::file(path, problem, next));
        }
    };
    if runs.iter().all(|run| run.series.is_empty()) {
        let next = "Give the list of their categories with --corpus";
        return Err(CorpusError::file(path, format!("none of its words has a category in {}", corpus.name), next));
    }
    Ok((runs, reader.notes))
}

/// All trainings that the files and folders tell of.
///
/// # Errors
/// Of the first that cannot be read, or follows none.
pub fn follow(named: &[PathBuf], corpus: &Corpus, catalogue: &Catalogue) -> Result<Ablation, CorpusError> {
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for file in files(named)? {
        let (found, told) = read(&file, corpus, catalogue)?;
        runs.extend(found);
        notes.extend(told);
    }
    Ok(Ablation::new(runs, notes))
}

/// The files named, and those of the folders named, in order.
///
/// # Errors
/// A folder that cannot be read, or has no CSV or Parquet file.
pub fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, CorpusError> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let within = tables(path).map_err(|error| {
            CorpusError::file(path, format!("cannot be read: {error}"), "Check the folder and its permissions")
        })?;
        if within.is_empty() {
            let next = "Those below it are not searched: name the folder that has them";
            return Err(CorpusError::file(path, "this folder has no CSV or Parquet file", next));
        }
        files.extend(within);
    }
    Ok(files)
}

/// Tables that lie in a folder, by name.
fn tables(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_table = |path: &PathBuf| {
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv") || end.eq_ignore_ascii_case("parquet"))
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
    corpus: &'a Corpus,
    catalogue: &'a Catalogue,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn medians(&mut self, table: &mut Table, columns: &Columns) -> Result<Vec<Run>, CorpusError> {
        let mut runs: Vec<(Training, ByCategory)> = Vec::new();
        let (mut missing, mut differing) = (0, 0);
        while let Some(row) = table.next_row()? {
            let training = self.training(&row, columns);
            let checkpoint = self.step(table, &row, columns.checkpoint)?;
            let median_rank = table.number(&row, columns.median)?;
            if median_rank.is_nan() {
                missing += 1;
                continue;
            }
            let category = row.text(columns.category).trim().to_owned();
            let run = place(&mut runs, |(known, _)| *known == training, || (training.clone(), Vec::new()));
            let series = place(&mut run.1, |(known, _)| *known == category, || (category.clone(), Vec::new()));
            match series.1.iter().find(|point| point.checkpoint == checkpoint) {
                Some(known) => differing += usize::from(known.median_rank != median_rank),
                None => series.1.push(Point { checkpoint, median_rank }),
            }
        }
        self.note(missing, "rows without a median were passed over");
        self.note(differing, "rows repeat a model, category and checkpoint with another median; the first one counts");
        let series = |(category, points)| Series::new(category, points);
        let run = |(training, of): (Training, Vec<_>)| {
            let mut series: Vec<Series> = of.into_iter().filter_map(series).collect();
            series.sort_by(|a, b| a.category.cmp(&b.category));
            Run { training, words: None, series, moved: Vec::new() }
        };
        Ok(runs.into_iter().map(run).collect())
    }

    fn training(&self, row: &Row, columns: &Columns) -> Training {
        let text = |column: Option<usize>| {
            let text = row.text(column?).trim().to_owned();
            (!MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing))).then_some(text)
        };
        let of_file = self.of_file.clone();
        let model = row.text(columns.model).trim().to_owned();
        let other = &columns.other;
        Training {
            family: text(other.base).or_else(|| self.family(&model)),
            data_size_k: text(other.size).and_then(|size| thousands(&size)).or(of_file.data_size_k),
            data_source: text(other.source).or(of_file.data_source),
            method: text(other.method).or(of_file.method),
            prompt: text(other.prompt),
            file: of_file.file,
            model,
        }
    }

    /// The base model that a name tells of.
    fn family(&self, model: &str) -> Option<String> {
        if let Some(entry) = self.catalogue.find(model) {
            return Some(entry.family.to_string());
        }
        let lower = model.to_lowercase();
        let known = [("qwen", "Qwen"), ("mistral", "Mistral"), ("phi-", "Phi"), ("olmo", "OLMo")];
        match Family::guess(model) {
            Family::Other => known.iter().find(|(part, _)| lower.contains(part)).map(|(_, name)| (*name).to_owned()),
            family => Some(family.to_string()),
        }
    }

    fn wide(&mut self, table: &mut Table, word: usize, steps: &[(usize, String, u64)]) -> Result<Vec<Run>, CorpusError> {
        let (model, family) = identify(self.path, self.catalogue);
        let family = if family == Family::Other { self.family(&model) } else { Some(family.to_string()) };
        let mut scores = Scores::new(self.corpus);
        while let Some(row) = table.next_row()? {
            for (column, prompt, step) in steps {
                let score = table.number(&row, *column)?;
                scores.add((model.clone(), prompt.clone()), *step, &row.text(word), score);
            }
        }
        let names = HashMap::from([(model, family)]);
        Ok(self.runs(scores, &names))
    }

    fn long(&mut self, table: &mut Table, columns: &LongColumns) -> Result<Vec<Run>, CorpusError> {
        let LongColumns { word, checkpoint, score, model, prompt } = *columns;
        let mut scores = Scores::new(self.corpus);
        let mut names = HashMap::new();
        let (of_file, _) = identify(self.path, self.catalogue);
        while let Some(row) = table.next_row()? {
            let model = model.map_or_else(|| of_file.clone(), |column| row.text(column).trim().to_owned());
            let prompt = prompt.map(|column| row.text(column).trim().to_owned()).unwrap_or_default();
            let step = self.step(table, &row, checkpoint)?;
            scores.add((model.clone(), prompt), step, &row.text(word), table.number(&row, score)?);
            names.entry(model).or_insert_with_key(|model| self.family(model));
        }
        Ok(self.runs(scores, &names))
    }

    fn runs(&mut self, scores: Scores<'_>, families: &HashMap<String, Option<String>>) -> Vec<Run> {
        let of_file = self.of_file.clone();
        self.note(scores.differing, "rows repeat a word with another score; the first one counts");
        self.note(scores.strangers.len(), "words are not in the word list and take no rank");
        let run = |((model, prompt), steps): (RunKey, BySteps)| {
            // Words that the file lacks take no part.
            let known = |i: usize| steps.iter().any(|(_, scores)| !scores[i].is_nan());
            let kept: Vec<usize> = (0..self.corpus.words.len()).filter(|&i| known(i)).collect();
            let word = |&i: &usize| {
                let word = &self.corpus.words[i];
                CheckpointWord { text: &word.text, categories: self.corpus.categories_of(word).collect() }
            };
            let words: Vec<CheckpointWord<'_>> = kept.iter().map(word).collect();
            let steps: Vec<(u64, Vec<f64>)> =
                steps.iter().map(|(step, scores)| (*step, kept.iter().map(|&i| scores[i]).collect())).collect();
            let (series, moved) = of_scores(&words, &steps);
            let family = families.get(&model).cloned().flatten();
            let prompt = (!prompt.is_empty()).then_some(prompt);
            Run { training: Training { model, family, prompt, ..of_file.clone() }, words: Some(words.len()), series, moved }
        };
        scores.runs.into_iter().map(run).collect()
    }

    fn step(&self, table: &Table, row: &Row, column: usize) -> Result<u64, CorpusError> {
        let text = row.text(column);
        if let Some((_, step)) = step_of(&text) {
            return Ok(step);
        }
        let number = table.number(row, column)?;
        if number >= 0.0 && number.fract() == 0.0 && number < 1e15 {
            return Ok(number as u64);
        }
        let problem = format!("'{text}' is no checkpoint");
        Err(CorpusError::file(self.path, problem, "A checkpoint is a whole number of steps, or named as step-1000"))
    }

    fn note(&mut self, many: usize, what: &str) {
        if many > 0 {
            self.notes.push(format!("{}: {many} {what}", self.of_file.file));
        }
    }
}

/// Model and prompt.
type RunKey = (String, String);
/// Scores at each step, by place of the word in the corpus.
type BySteps = Vec<(u64, Vec<f64>)>;
/// Points by category.
type ByCategory = Vec<(String, Vec<Point>)>;

/// Scores by model and prompt, then step, then place of the word in the corpus.
struct Scores<'a> {
    places: HashMap<&'a str, usize>,
    runs: Vec<(RunKey, BySteps)>,
    strangers: std::collections::HashSet<String>,
    differing: usize,
}

impl<'a> Scores<'a> {
    fn new(corpus: &'a Corpus) -> Self {
        let places = corpus.words.iter().enumerate().map(|(i, word)| (&*word.text, i)).collect();
        Scores { places, runs: Vec::new(), strangers: Default::default(), differing: 0 }
    }

    fn add(&mut self, run: RunKey, step: u64, word: &str, score: f64) {
        let Some(&at) = self.places.get(word) else {
            self.strangers.insert(word.to_owned());
            return;
        };
        let words = self.places.len();
        let steps = &mut place(&mut self.runs, |(known, _)| *known == run, || (run.clone(), Vec::new())).1;
        let scores = &mut place(steps, |(known, _)| *known == step, || (step, vec![f64::NAN; words])).1;
        if scores[at].is_nan() {
            scores[at] = score;
        } else {
            self.differing += usize::from(scores[at] != score && !score.is_nan());
        }
    }
}

/// The entry that `is` finds, from the end, or a new one.
fn place<T>(entries: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = entries.iter().rposition(is).unwrap_or_else(|| {
        entries.push(new());
        entries.len() - 1
    });
    &mut entries[at]
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
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
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
mod tests {
    use super::*;

    fn read_csv(name: &str, text: &str) -> Result<(Vec<Run>, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let corpus = crate::corpus::read::parse_csv(
            Path::new("list.csv"),
            "word,category\nlove,c\nNA,c\nnull,a\n\"ice, cream\",a\n\"two\nlines\",a\n",
        );
        read(&path, &corpus.unwrap(), &Catalogue::builtin().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn medians_are_read_with_all_their_quirks() {
        let text = "\"\",\"model_id\",\"Category\",\"checkpoint\",\"base_model\",\"sum_value\"\r\n\
                    \"1\",\"Qwen2.5-3B\",\"Agency\",2000,NA,803.5\r\n\"2\",\"Qwen2.5-3B\",\"Agency\",1000,NA,815.5\r\n\
                    \"3\",\"google--gemma-2b\",\"NA\",1000,\"Gemma\",700\r\n\"4\",\"Qwen2.5-3B\",\"Agency\",2000,NA,803.5\r\n\
                    \"5\",\"Qwen2.5-3B\",\"Agency\",2000,NA,1\r\n\"6\",\"Qwen2.5-3B\",\"Agency\",3000,NA,NA\r\n";
        let (runs, notes) = read_csv("rank_results_uf_54.csv", text).unwrap();
        assert_eq!(runs.len(), 2);
        let first = &runs[0];
        assert_eq!((first.training.family.as_deref(), first.training.data_source.as_deref()), (Some("Qwen"), Some("uf")));
        assert_eq!((first.training.data_size_k, first.series[0].change), (Some(54.0), -12.0));
        assert_eq!((runs[1].training.family.as_deref(), runs[1].series[0].category.as_str()), (Some("Gemma"), "NA"));
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("1 rows without a median") && notes[1].contains("1 rows repeat"), "{notes:?}");
    }

    #[test]
    fn columns_go_before_the_name_of_the_file() {
        let text = "\"X\",\"model_id\",\"Category\",\"checkpoint\",\"base_model\",\"sum_value\",\"data_size\",\"data_source\",\"method\",\"prompt\"\n\
                    NA,\"R-Lla-3B\",\"Agency\",1,NA,678,85,\"skywork\",\"GRM\",\"Greatest\"\n";
        let (runs, _) = read_csv("rank_results_grm_80k.csv", text).unwrap();
        let t = &runs[0].training;
        assert_eq!((t.data_size_k, t.data_source.as_deref(), t.method.as_deref()), (Some(85.0), Some("skywork"), Some("GRM")));
        assert_eq!((t.family.as_deref(), t.prompt.as_deref()), (Some("Llama"), Some("Greatest")));
    }

    #[test]
    fn wide_and_long_scores_give_the_same_series() {
        let wide = "response,step-20,step-10\nlove,1,4\nNA,2,3\nnull,3,2\n\"ice, cream\",4,1\n\"two\nlines\",5,0\nstranger,9,9\nlove,1,7\n";
        let mut long = "word,checkpoint,score\n".to_owned();
        for (word, at_20, at_10) in
            [("love", 1, 4), ("NA", 2, 3), ("null", 3, 2), ("\"ice, cream\"", 4, 1), ("\"two\nlines\"", 5, 0)]
        {
            long += &format!("{word},step-20,{at_20}\n{word},10,{at_10}\n");
        }
        let (runs, notes) = read_csv("my-gemma.csv", wide).unwrap();
        let (same, _) = read_csv("my-gemma.csv", &long).unwrap();
        assert_eq!((runs[0].series.clone(), runs[0].moved.clone()), (same[0].series.clone(), same[0].moved.clone()));
        assert_eq!((runs[0].training.family.as_deref(), runs[0].words), (Some("Gemma"), Some(5)));
        let found: Vec<(&str, f64)> = runs[0].series.iter().map(|s| (s.category.as_str(), s.change)).collect();
        assert_eq!(found, [("a", -2.0), ("c", 3.0)]);
        assert_eq!((runs[0].moved.len(), runs[0].moved[0].change.abs()), (5, 4.0));
        assert!(notes[0].contains("1 rows repeat") && notes[1].contains("1 words are not"), "{notes:?}");
    }

    #[test]
    fn names_of_columns_tell_prompt_and_step() {
        for (name, expected) in [
            ("step-1000", Some(("", 1000))),
            ("checkpoint_5", Some(("", 5))),
            ("global_step20", Some(("", 20))),
            ("best_ever_one/step-30", Some(("best_ever_one", 30))),
            ("best_ever_one_step_30", Some(("best_ever_one", 30))),
            ("best_ever_one", None),
            ("prompt_2", None),
            ("step", None),
            ("1000", None),
        ] {
            assert_eq!(step_of(name), expected.map(|(prompt, step)| (prompt.to_owned(), step)), "{name}");
        }
        for (text, expected) in
            [("80", Some(80.0)), ("80k", Some(80.0)), ("0.5M", Some(500.0)), ("80000", Some(80.0)), ("x", None)]
        {
            assert_eq!(thousands(text), expected, "{text}");
        }
    }

    #[test]
    fn what_follows_no_training_is_refused_by_its_columns() {
        for (text, naming) in [
            ("response,best_ever_one\nlove,1\n", "response, best_ever_one"),
            ("response,step-1\nstranger,1\n", "none of its words"),
            ("model_id,Category,checkpoint,sum_value\nm,a,first,1\n", "first"),
            ("model_id,Category,checkpoint,sum_value\nm,a,1.5,1\n", "1.5"),
            ("model_id,Category,checkpoint,sum_value\nm,a,1,high\n", "high"),
        ] {
            let message = read_csv("x.csv", text).unwrap_err();
            assert!(message.contains(naming), "'{naming}' is not in: {message}");
        }
    }
}
