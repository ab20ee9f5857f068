//! Ratings: numbers about words, such as what people think of them, their sentiment or how frequent they are.
//!
//! A file of them is a table with a column of words and columns of numbers. A word of a list takes the numbers of its exact
//! text, else those of its text in lower case without white space around it. Two columns need no file: how many characters a
//! word has, and how many tokens it is to a model.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::suggestions::{did_you_mean, nearest};
use crate::stats::ratings::Rating;
use crate::stats::study::Study;
use crate::tables::read::{Reading, Row, Table};

/// What a column of words may be called; where several are there, the first of these counts.
const WORD_COLUMNS: [&str; 9] = ["word", "words", "term", "token", "token_decoded", "text", "response", "name", "item"];
/// What the columns of row numbers are called that pandas and R write.
const NUMBERING: [&str; 4] = ["", "Unnamed: 0", "...1", "X"];
/// More columns than these are no set of covariates: some are to be named.
const MOST_COLUMNS: usize = 12;
/// Columns that a message names.
const NAMED: usize = 30;

/// Columns of numbers about words.
#[derive(Clone, Debug, Default)]
pub struct Ratings {
    columns: Vec<Column>,
    /// What a reader should know of the files: columns and rows that were passed over.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Column {
    name: Arc<str>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// A file's, and the place of the column in it.
    OfFile(Arc<File>, usize),
    /// Unicode characters of a word.
    Characters,
    /// Tokens of a word.
    Tokens,
}

#[derive(Debug, Default)]
struct File {
    exact: HashMap<Arc<str>, usize>,
    /// By [`plain`] text; of several words the first.
    plain: HashMap<String, usize>,
    /// `[columns][rows]`, NaN where there is none.
    values: Vec<Vec<f64>>,
}

/// The text by which words are found that do not stand in a file as they are.
fn plain(word: &str) -> String {
    word.trim().to_lowercase()
}

impl Ratings {
    /// Reads what `--ratings` names: `characters`, `tokens`, or files, of which the columns called `chosen` are taken, or all
    /// columns of numbers where none is chosen.
    ///
    /// # Errors
    /// A file that cannot be read, has no numbers or too many columns of them, and a chosen column that no file has.
    pub fn read(named: &[String], chosen: &[String]) -> Result<Ratings, FileError> {
        let mut ratings = Ratings::default();
        let mut offered: Vec<String> = Vec::new();
        for name in named {
            match name.as_str() {
                "characters" => ratings.add("characters".to_owned(), Values::Characters),
                "tokens" => ratings.add("tokens".to_owned(), Values::Tokens),
                file => offered.extend(ratings.add_file(Path::new(file), chosen)?),
            }
        }
        if let Some(unknown) = chosen.iter().find(|name| !offered.contains(name)) {
            let near = did_you_mean(&nearest(unknown, offered.iter().map(String::as_str)));
            let next = format!("{near}The columns of numbers are {}", listed(&offered));
            return Err(FileError::Unknown { kind: "column of ratings", name: unknown.clone(), next });
        }
        Ok(ratings)
    }

    /// Whether the number of tokens is asked for, which models alone can tell.
    pub fn count_tokens(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.values, Values::Tokens))
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.columns.iter().map(|column| &column.name)
    }

    /// The columns for the words of a study, and what a reader should know of how the words were found. `tokens` are
    /// `[models][words]`, none for a model that counts no tokens.
    pub fn of_study(&self, study: &Study, tokens: &[Option<Vec<f64>>]) -> (Vec<Rating>, Vec<String>) {
        let words: Vec<&str> = study.words.iter().map(|word| &*word.text).collect();
        let mut notes = Vec::new();
        let of_all = |values: Vec<f64>| {
            let values = Arc::new(values);
            study.models.iter().map(|_| values.clone()).collect()
        };
        let rating = |column: &Column| {
            let values = match &column.values {
                Values::OfFile(file, at) => {
                    let found: Vec<Found> = words.iter().map(|word| file.find(word)).collect();
                    notes.extend(how_found(&column.name, &words, &found, &file.values[*at]));
                    let value = |found: &Found| found.row().map_or(f64::NAN, |row| file.values[*at][row]);
                    of_all(found.iter().map(value).collect())
                }
                Values::Characters => of_all(words.iter().map(|word| word.chars().count() as f64).collect()),
                Values::Tokens => {
                    let unknown = || Arc::new(vec![f64::NAN; words.len()]);
                    let of_model = |model| tokens.get(model).cloned().flatten().map_or_else(unknown, Arc::new);
                    (0..study.models.len()).map(of_model).collect()
                }
            };
            Rating { name: column.name.clone(), values }
        };
        (self.columns.iter().map(rating).collect(), notes)
    }

    fn add(&mut self, name: String, values: Values) {
        // Of columns of one name the later ones get a number.
        let taken = |name: &str| self.columns.iter().any(|column| &*column.name == name);
        let free = (2..).map(|n| format!("{name} {n}")).find(|name| !taken(name)).filter(|_| taken(&name));
        self.columns.push(Column { name: free.unwrap_or(name).into(), values });
    }

    /// Gives the names of all columns of numbers of the file.
    fn add_file(&mut self, path: &Path, chosen: &[String]) -> Result<Vec<String>, FileError> {
        let RatingFile { file, names, notes } = read_file(path)?;
        let is_chosen = |name: &String| chosen.is_empty() || chosen.contains(name);
        let taken: Vec<usize> = (0..names.len()).filter(|&at| is_chosen(&names[at])).collect();
        if taken.len() > MOST_COLUMNS {
            let problem = format!("it has {} columns of numbers: {}", names.len(), listed(&names));
            let next = format!("Name those that are meant with {}", Remedy::RatingColumn);
            return Err(FileError::file(path, problem, next));
        }
        let file = Arc::new(file);
        taken.into_iter().for_each(|at| self.add(names[at].clone(), Values::OfFile(file.clone(), at)));
        self.notes.extend(notes.into_iter().map(|note| format!("{}: {note}", path.display())));
        Ok(names)
    }
}

/// How a word was found in a file.
#[derive(Clone, Copy)]
enum Found {
    Exactly(usize),
    Plainly(usize),
    Nowhere,
}

impl Found {
    fn row(self) -> Option<usize> {
        match self {
            Found::Exactly(row) | Found::Plainly(row) => Some(row),
            Found::Nowhere => None,
        }
    }
}

impl File {
    fn find(&self, word: &str) -> Found {
        match (self.exact.get(word), self.plain.get(&plain(word))) {
            (Some(&row), _) => Found::Exactly(row),
            (None, Some(&row)) => Found::Plainly(row),
            (None, None) => Found::Nowhere,
        }
    }
}

/// `sentiment: 20 of 263 words have none; 12 took that of the word in lower case without spaces, the first ' Love'`
fn how_found(column: &str, words: &[&str], found: &[Found], values: &[f64]) -> Option<String> {
    let lacking = found.iter().filter(|found| found.row().is_none_or(|row| values[row].is_nan())).count();
    let plainly: Vec<&str> =
        words.iter().zip(found).filter(|(_, found)| matches!(found, Found::Plainly(_))).map(|(word, _)| *word).collect();
    let mut told = Vec::new();
    if lacking > 0 {
        told.push(format!("{lacking} of {} words have none", words.len()));
    }
    if let Some(first) = plainly.first() {
        let how = "that of the word in lower case without spaces around it, the first of them";
        told.push(format!("{} took {how} '{first}'", plainly.len()));
    }
    (!told.is_empty()).then(|| format!("{column}: {}", told.join("; ")))
}

/// A file as it was read.
struct RatingFile {
    file: File,
    /// Of the columns of numbers.
    names: Vec<String>,
    notes: Vec<String>,
}

fn read_file(path: &Path) -> Result<RatingFile, FileError> {
    let mut table = Table::open(path)?;
    let header: Vec<String> = table.header.iter().map(|name| name.trim().to_owned()).collect();
    let mut notes = Vec::new();
    // A number names no column: the first row is one of numbers, as in AFINN's list.
    let is_headless = header.len() > 1 && header.iter().any(|name| name.parse::<f64>().is_ok());
    let mut rows: Vec<Row> = Vec::new();
    if is_headless {
        notes.push("its first row holds a number, so it is taken for words and not for the names of columns".to_owned());
        rows.push(table.header_as_row());
    }
    while let Some(row) = table.next_row()? {
        rows.push(row);
    }
    let is_number = |column: &usize| {
        let readings = || rows.iter().map(|row| row.reading(*column));
        !readings().any(|reading| reading == Reading::Text) && readings().any(|reading| matches!(reading, Reading::Score(_)))
    };
    let called = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let by_name = WORD_COLUMNS.iter().filter_map(|name| called(name)).find(|column| !is_headless && !is_number(column));
    let Some(word) = by_name.or_else(|| (0..header.len()).find(|column| !is_number(column))) else {
        let problem = format!("no column of words; its columns are {}", listed(&header));
        return Err(FileError::file(path, problem, "Name the column of words `word`"));
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name_of = |column: usize| match (is_headless, header.len()) {
        (false, _) => header[column].clone(),
        (true, 2) => stem.clone(),
        (true, _) => format!("{stem} {}", column + 1),
    };
    if by_name.is_none() && !is_headless {
        notes.push(format!("no column is called word, so its words are those of the column {}", name_of(word)));
    }
    let is_numbering = |column: usize| NUMBERING.contains(&header[column].as_str()) || table.index.contains(&header[column]);
    let others = (0..header.len()).filter(|column| *column != word);
    let (numbers, passed_over): (Vec<usize>, Vec<usize>) =
        others.partition(|column| is_number(column) && (is_headless || !is_numbering(*column)));
    if numbers.is_empty() {
        let problem = format!("no column of numbers beside its words; its columns are {}", listed(&header));
        return Err(FileError::file(path, problem, "Give a table with the columns word and, say, sentiment"));
    }
    if !passed_over.is_empty() {
        let names: Vec<String> = passed_over.into_iter().map(name_of).collect();
        notes.push(format!("passed over, as they hold no ratings: {}", listed(&names)));
    }
    let (file, repeated) = file(&rows, word, &numbers);
    if repeated > 0 {
        notes.push(format!("{repeated} rows repeat a word; the first row of a word counts"));
    }
    Ok(RatingFile { file, names: numbers.into_iter().map(name_of).collect(), notes })
}

/// The rows by their words, and how many repeat one.
fn file(rows: &[Row], word: usize, numbers: &[usize]) -> (File, usize) {
    let mut file = File { values: vec![Vec::new(); numbers.len()], ..File::default() };
    let mut repeated = 0;
    for row in rows {
        let (text, at) = (row.text(word), file.exact.len());
        if text.is_empty() {
            continue;
        }
        if file.exact.contains_key(&*text) {
            repeated += 1;
            continue;
        }
        file.plain.entry(plain(&text)).or_insert(at);
        file.exact.insert(Arc::from(&*text), at);
        for (values, &column) in file.values.iter_mut().zip(numbers) {
            values.push(match row.reading(column) {
                Reading::Score(value) => value,
                Reading::Missing | Reading::NotFinite | Reading::Text => f64::NAN,
            });
        }
    }
    (file, repeated)
}

/// With commas between them; beyond many, how many more there are.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::study::{StudyModel, StudyWord};

    fn read(name: &str, text: &str, chosen: &[&str]) -> Result<Ratings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        Ratings::read(&[path.display().to_string()], &chosen).map_err(|error| error.to_string())
    }

    /// `[columns][words]`.
    fn values(ratings: &Ratings, words: &[&str]) -> (Vec<(String, Vec<f64>)>, Vec<String>) {
        let word = |text: &&str| StudyWord { text: (*text).into(), categories: Vec::new() };
        let model = StudyModel { name: "m".into(), family: "F".into(), scores: Vec::new() };
        let study = Study { words: words.iter().map(word).collect(), models: vec![model], ..Study::default() };
        let (found, notes) = ratings.of_study(&study, &[]);
        (found.into_iter().map(|of| (of.name.to_string(), of.values[0].to_vec())).collect(), notes)
    }

    #[test]
    fn columns_of_numbers_are_joined_by_word_and_the_others_named() {
        let text = ",name,elo_score,kind,log_frequency\n0,Love,1500.5,thing,3\n1,war,900,thing,\n2,war,901,thing,5\n3,NA,7,x,1\n";
        let ratings = read("elo.csv", text, &[]).unwrap();
        let (found, notes) = values(&ratings, &["Love", " love ", "war", "NA", "peace"]);
        let nan = |values: &[f64]| values.iter().map(|value| value.is_nan()).collect::<Vec<_>>();
        assert_eq!(found.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["elo_score", "log_frequency"]);
        assert_eq!(found[0].1[..4], [1500.5, 1500.5, 900.0, 7.0]);
        assert_eq!(nan(&found[1].1), [false, false, true, false, true]);
        let told = ratings.notes.concat();
        assert!(told.contains("no ratings: , kind") && told.contains("1 rows repeat a word"), "{told}");
        let expected = "elo_score: 1 of 5 words have none; 1 took that of the word in lower case without spaces around it, the first of \
                        them ' love '";
        assert_eq!(notes[0], expected);
    }

    #[test]
    fn a_list_without_a_header_loses_no_word() {
        let ratings = read("afinn.csv", "abandon,-2\nlove,3\n", &[]).unwrap();
        let (found, _) = values(&ratings, &["abandon", "love"]);
        assert_eq!(found, [("afinn".to_owned(), vec![-2.0, 3.0])]);
    }

    #[test]
    fn columns_can_be_chosen_and_too_many_are_refused() {
        let names: Vec<String> = (0..20).map(|i| format!("c{i}")).collect();
        let text = format!("word,{}\nlove{}\nwar{}\n", names.join(","), ",1".repeat(20), ",2".repeat(20));
        let message = read("wide.csv", &text, &[]).unwrap_err();
        assert!(message.contains("20 columns of numbers") && message.contains("Name those that are meant"), "{message}");
        let ratings = read("wide.csv", &text, &["c7"]).unwrap();
        assert_eq!(ratings.names().map(|name| &**name).collect::<Vec<_>>(), ["c7"]);
        let message = read("wide.csv", &text, &["c77"]).unwrap_err();
        assert!(message.contains("no column of ratings 'c77'") && message.contains("c7"), "{message}");
    }

    #[test]
    fn a_table_without_words_or_numbers_is_refused() {
        assert!(read("x.csv", "word,kind\nlove,a\n", &[]).unwrap_err().contains("no column of numbers"));
        assert!(read("x.csv", "a,b\n1,2\n", &[]).unwrap_err().contains("no column of words"));
    }

    #[test]
    fn characters_are_counted_without_a_file() {
        let ratings = Ratings::read(&["characters".to_owned()], &[]).unwrap();
        assert_eq!(values(&ratings, &["love", "爱", " é"]).0, [("characters".to_owned(), vec![4.0, 1.0, 2.0])]);
        assert!(!ratings.count_tokens());
    }
}
