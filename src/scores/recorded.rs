//! Recorded scores: files that hold what a model once said, as the study's authors published them.
//!
//! Three layouts, each as CSV, Parquet or JSON lines: `response,<prompt>…`, `token_id,token_name,token_decoded,<prompt>…`,
//! and the one that this program writes, `model,prompt,word,…,score,…`, of one model. A prompt is named by its key or its
//! text. Numbers are kept as written, in f64. The word columns know no missing value:
//! `NA` and `null` are words there.

pub(in crate::scores) mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::origin::Origin;
use crate::corpus::{CorpusError, Prompt, PromptSet};
use crate::engine::Recorded;
use crate::model::Family;
use crate::model::catalogue::Catalogue;
use table::Table;

/// What the study's file names begin with.
const FILE_PREFIXES: [&str; 2] = ["big2_rewards_", "MFD20_rewards_"];
const EXTENSIONS: [&str; 3] = ["parquet", "csv", "jsonl"];

/// True for a file with one of the layouts.
pub fn is_recorded_file(path: &Path) -> bool {
    path.is_file() && check(path).is_ok()
}

/// Looks at a file's name and column names alone.
///
/// # Errors
/// Why it holds no recorded scores.
pub fn check(path: &Path) -> Result<(), CorpusError> {
    if extension(path).is_none() {
        let problem = "not a file of recorded scores, which is CSV, Parquet or JSON lines";
        return Err(CorpusError::file(path, problem, "For a checkpoint, name the directory that holds its config.json"));
    }
    let header = table::header(path)?;
    if long(&header).is_some() { Ok(()) } else { layout(path, &header).map(drop) }
}

/// Whether the words of a file are tokens, told apart by id.
pub fn has_token_ids(path: &Path) -> bool {
    table::header(path).is_ok_and(|header| header.iter().any(|column| column.trim() == "token_id"))
}

/// The recorded files of a directory, by name; of a model that stands as Parquet and as CSV, the Parquet file, as CSV rounds.
pub fn list_dir(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_recorded_file(path)).collect();
    files.sort_by_key(|path| (path.file_stem().map(ToOwned::to_owned), extension(path)));
    files.dedup_by(|b, a| a.file_stem() == b.file_stem());
    files
}

/// The model that a file is about, by its name: the catalogue's nickname and family where it knows the model.
pub fn identify(path: &Path, catalogue: &Catalogue) -> (String, Family) {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = FILE_PREFIXES.iter().find_map(|prefix| stem.strip_prefix(prefix)).unwrap_or(&stem);
    match catalogue.find(name) {
        Some(entry) => (entry.nickname.clone(), entry.family),
        None => (name.to_owned(), Family::guess(name)),
    }
}

/// Reads a file; the model's name and family as [`identify`] gives them.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<(String, Family, Recorded), CorpusError> {
    let (name, family) = identify(path, catalogue);
    Ok((name, family, recorded(path, Table::open(path)?, Repeats::First)?))
}

/// The same of log-probabilities: of a text that stands several times, because several tokens decode alike, the most probable
/// one counts under each prompt.
pub fn read_most_probable(path: &Path, catalogue: &Catalogue) -> Result<(String, Family, Recorded), CorpusError> {
    let (name, family) = identify(path, catalogue);
    Ok((name, family, recorded(path, Table::open(path)?, Repeats::Highest)?))
}

/// Which score of a word counts that stands several times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    First,
    Highest,
}

fn extension(path: &Path) -> Option<usize> {
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    EXTENSIONS.iter().position(|known| *known == extension)
}

/// Which columns of a header hold the words and the scores.
struct Layout {
    word: usize,
    scores: Vec<usize>,
}

fn layout(path: &Path, header: &[String]) -> Result<Layout, CorpusError> {
    let at = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let tokens = [at("token_id"), at("token_name"), at("token_decoded")];
    let word = match (at("response"), tokens) {
        (Some(word), _) => Some(word),
        (None, [Some(_), _, decoded]) => decoded,
        _ => None,
    };
    // R and pandas write row numbers into a first column with no name, or one called X.
    let index = header.first().is_some_and(|name| matches!(name.trim(), "" | "X" | "Unnamed: 0")).then_some(0);
    let other = |i: &usize| !tokens.contains(&Some(*i)) && ![word, index].contains(&Some(*i));
    let scores: Vec<usize> = (0..header.len()).filter(other).collect();
    let Some(word) = word.filter(|_| !scores.is_empty()) else {
        let problem = format!("no recorded scores; its columns are {}", header.join(", "));
        return Err(CorpusError::file(path, problem, "A first column `response` and then one column a prompt are expected"));
    };
    Ok(Layout { word, scores })
}

/// Where a table with a row for each score has them.
struct Long {
    model: usize,
    prompt: usize,
    word: usize,
    score: usize,
}

fn long(header: &[String]) -> Option<Long> {
    let at = |name: &str| header.iter().position(|column| column.trim() == name);
    Some(Long { model: at("model")?, prompt: at("prompt")?, word: at("word")?, score: at("score")? })
}

fn recorded_long(path: &Path, mut table: Table, long: &Long, repeats: Repeats) -> Result<Recorded, CorpusError> {
    let (mut words, mut labels): (Vec<Arc<str>>, Vec<String>) = Default::default();
    let (mut word_index, mut label_index): (HashMap<Arc<str>, usize>, HashMap<String, usize>) = Default::default();
    let mut model: Option<String> = None;
    let mut cells: HashMap<(usize, usize), f64> = HashMap::new();
    let (mut empty, mut differing) = (0, 0);
    while let Some(row) = table.next_row()? {
        let of = row.text(long.model);
        if model.get_or_insert_with(|| of.clone().into_owned()) != &*of {
            let problem = format!("holds scores of more than one model: {} and {of}", model.unwrap_or_default());
            return Err(CorpusError::file(path, problem, "Export one model to a file, so that each can be opened"));
        }
        let word = row.text(long.word);
        if word.is_empty() {
            empty += 1;
            continue;
        }
        let label = row.text(long.prompt);
        let prompt = label_index.get(&*label).copied().unwrap_or_else(|| {
            label_index.insert(label.clone().into_owned(), labels.len());
            labels.push(label.into_owned());
            labels.len() - 1
        });
        let at = word_index.get(&*word).copied().unwrap_or_else(|| {
            let word: Arc<str> = word.as_ref().into();
            word_index.insert(word.clone(), words.len());
            words.push(word);
            words.len() - 1
        });
        let score = table.number(&row, long.score)?;
        let first = cells.entry((prompt, at)).or_insert(score);
        if repeats == Repeats::Highest {
            // The one that is a number, where the other is none.
            *first = first.max(score);
            continue;
        }
        differing += usize::from(first.to_bits() != score.to_bits());
    }
    if words.is_empty() {
        return Err(CorpusError::file(path, "it holds no words", "Give a file with at least one row"));
    }
    let prompts = prompts(path, labels.iter().map(String::as_str))?;
    let score = |prompt, word| cells.get(&(prompt, word)).copied().unwrap_or(f64::NAN);
    let scores = (0..prompts.len()).map(|prompt| (0..words.len()).map(|word| score(prompt, word)).collect()).collect();
    Ok(Recorded { words, prompts, scores, notes: notes(empty, differing) })
}

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

fn recorded(path: &Path, mut table: Table, repeats: Repeats) -> Result<Recorded, CorpusError> {
    if let Some(long) = long(&table.header) {
        return recorded_long(path, table, &long, repeats);
    }
    let layout = layout(path, &table.header)?;
    let prompts = prompts(path, layout.scores.iter().map(|&column| table.header[column].as_str()))?;
    let mut words: Vec<Arc<str>> = Vec::new();
    let mut scores: Vec<Vec<f64>> = vec![Vec::new(); layout.scores.len()];
    let mut index: HashMap<Arc<str>, usize> = HashMap::new();
    let (mut empty, mut differing) = (0, 0);
    while let Some(row) = table.next_row()? {
        let word = row.text(layout.word);
        if word.is_empty() {
            empty += 1;
            continue;
        }
        let values = layout.scores.iter().map(|&column| table.number(&row, column)).collect::<Result<Vec<f64>, _>>()?;
        if let (Some(&first), Repeats::Highest) = (index.get(&*word), repeats) {
            for (column, value) in scores.iter_mut().zip(values) {
                // The one that is a number, where the other is none.
                column[first] = column[first].max(value);
            }
            continue;
        }
        if let Some(&first) = index.get(&*word) {
            let same = scores.iter().zip(&values).all(|(column, value)| column[first].to_bits() == value.to_bits());
            differing += usize::from(!same);
            continue;
        }
        let word: Arc<str> = word.as_ref().into();
        index.insert(word.clone(), words.len());
        words.push(word);
        for (column, value) in scores.iter_mut().zip(values) {
            column.push(value);
        }
    }
    if words.is_empty() {
        return Err(CorpusError::file(path, "it holds no words", "Give a file with at least one row"));
    }
    Ok(Recorded { words, prompts, scores, notes: notes(empty, differing) })
}

/// The prompt behind each label: one of the study's by key or text, one that the file's provenance tells, or a text.
fn prompts<'a>(path: &Path, labels: impl Iterator<Item = &'a str>) -> Result<Vec<Prompt>, CorpusError> {
    let (known, origin) = (PromptSet::builtin()?, Origin::of_file(path).unwrap_or_default());
    let mut prompts: Vec<Prompt> = Vec::new();
    for label in labels {
        let said = origin.prompt_text(label);
        let label = label.trim();
        let is_it = |prompt: &&Prompt| match said {
            Some(text) => &*prompt.text == text,
            None => prompt.label() == label || &*prompt.text == label,
        };
        let prompt = known.prompts.iter().find(is_it).cloned().unwrap_or_else(|| {
            let key = (!label.contains(char::is_whitespace)).then(|| label.into());
            Prompt { key, text: said.unwrap_or(label).into(), framing: None, factors: None }
        });
        if prompts.iter().any(|other| other.text == prompt.text) {
            let problem = format!("two columns are about the prompt '{label}'");
            return Err(CorpusError::file(path, problem, "Remove one of them: which scores are meant cannot be known"));
        }
        prompts.push(prompt);
    }
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_csv(text: &str) -> Result<Recorded, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big2_rewards_Ray2333_GRM-gemma2-2B-rewardmodel-ft.csv");
        std::fs::write(&path, text).unwrap();
        let (name, family, recorded) = read(&path, &Catalogue::builtin().unwrap()).map_err(|error| error.to_string())?;
        assert_eq!((name.as_str(), family), ("R-Gem-2B", Family::Gemma));
        Ok(recorded)
    }

    fn words(recorded: &Recorded) -> Vec<&str> {
        recorded.words.iter().map(|word| &**word).collect()
    }

    #[test]
    fn words_and_prompts_are_read_as_written() {
        let recorded =
            read_csv("response,best_ever_one,What is new?\nlove,1.25,-0.00759333372\nNA,2,NA\n\"null, or not\",3,\n").unwrap();
        assert_eq!(words(&recorded), ["love", "NA", "null, or not"]);
        assert_eq!(&*recorded.prompts[0].text, "What, in one word, is the best thing ever?");
        assert_eq!(recorded.prompts[1].label(), "What is new?");
        assert_eq!(recorded.scores[0], [1.25, 2.0, 3.0]);
        assert_eq!(recorded.scores[1][0], -0.00759333372);
        assert!(recorded.scores[1][1].is_nan() && recorded.scores[1][2].is_nan());
    }

    #[test]
    fn the_vocabulary_layout_and_row_numbers_are_understood() {
        let recorded =
            read_csv(",token_id,token_name,token_decoded,best_ever_one\n0,5,Ġlove, love,1.5\n1,6,love,love,1.0\n").unwrap();
        assert_eq!(words(&recorded), [" love", "love"]);
        assert_eq!((recorded.prompts.len(), &recorded.scores[0]), (1, &vec![1.5, 1.0]));
    }

    #[test]
    fn repeats_are_noted_only_where_they_differ() {
        let recorded = read_csv("response,best_ever_one\r\nlove,1\r\nlove,1\r\n").unwrap();
        assert!(recorded.notes.is_empty());
        let recorded = read_csv("response,best_ever_one\nlove,1\nlove,2\n").unwrap();
        assert_eq!((recorded.scores[0][0], recorded.notes.len()), (1.0, 1));
    }

    #[test]
    fn of_log_probabilities_the_most_probable_repeat_counts_under_each_prompt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let text = "token_id,token_name,token_decoded,p,q\n1,a,love,-2,NA\n2,b,war,-1,-1\n3,c,love,-1,-4\n4,d,love,-3,-5\n";
        std::fs::write(&path, text).unwrap();
        let (_, _, recorded) = read_most_probable(&path, &Catalogue::builtin().unwrap()).unwrap();
        assert_eq!((words(&recorded), recorded.notes.len()), (vec!["love", "war"], 0));
        assert_eq!(recorded.scores, [[-1.0, -1.0], [-4.0, -1.0]]);
    }

    #[test]
    fn what_is_not_a_number_is_located() {
        for (text, naming) in [
            ("response,best_ever_one\nlove,1\nhate,high\n", &["line 3", "best_ever_one", "high"][..]),
            ("response,best_ever_one\nlove,inf\n", &["line 2", "inf"]),
            ("word,category\nlove,a\n", &["word, category", "response"]),
            ("response,best_ever_one\nlove\n", &["line 2"]),
            ("response,best_ever_one\r\nlove,1\r\nhate,x\r\n", &["line 3"]),
            (
                "response,p,\"What, in one word, is the best thing ever?\",best_ever_one\nlove,1,2,3\n",
                &["two columns", "best_ever_one"],
            ),
            ("response,best_ever_one\n", &["no words"]),
        ] {
            let message = read_csv(text).unwrap_err();
            for name in naming {
                assert!(message.contains(name), "'{name}' is not in: {message}");
            }
        }
    }

    #[test]
    fn what_a_file_lacks_is_told_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, naming) in [
            ("model.safetensors", &b"x"[..], "CSV, Parquet"),
            ("cut.parquet", b"PAR1PAR1", "Parquet"),
            ("dictionary.csv", b"word,category\n", "word, category"),
            ("latin.csv", b"response,caf\xe9\n", "utf-8"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let message = check(&path).unwrap_err().to_string();
            assert!(message.to_lowercase().contains(&naming.to_lowercase()), "'{naming}' is not in: {message}");
            assert!(!is_recorded_file(&path));
        }
    }

    #[test]
    fn a_directory_lists_each_model_once_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("b.csv", "response,p\nx,1\n"),
            ("a.csv", "response,p\nx,1\n"),
            ("dictionary.csv", "\"Category\",\"token_decoded\"\n\"A\",\"x\"\n"),
            ("notes.txt", "response,p\n"),
            ("broken.parquet", "PAR1"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let parquet = table::tests::parquet_bytes(parquet::basic::Compression::SNAPPY);
        std::fs::write(folder.path().join("b.parquet"), parquet).unwrap();
        let names: Vec<_> = list_dir(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.csv", "b.parquet"], "Parquet goes before the CSV of the same name");
    }
}
