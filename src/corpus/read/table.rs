//! Word lists in columns: words and the names of their categories, or a column for each category with marks; with the names of
//! the columns in the first line, or, where what they hold shows it, without.

use std::collections::HashSet;
use std::path::Path;

use csv::StringRecord;

use super::{Terms, first_of, has_inner_tab, is_long, shown};
use crate::base::delimited::Delimited;
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::text::counted;
use crate::base::text_file::ending;
use crate::corpus::Corpus;

const WORD: [&str; 11] =
    ["word", "token_decoded", "response", "term", "dicterm", "text", "token", "entry", "lemma", "english word", "english (en)"];
/// A number behind such a name is passed over: `category2`, `category.1`.
const CATEGORY: [&str; 5] = ["category", "categories", "foundation", "emotion", "sentiment"];
/// Beside a column of categories: whether the word of the row belongs to it.
const FLAG: [&str; 5] = ["association", "associated", "member", "flag", "value"];
/// Columns that a note names.
const NAMED: usize = 8;

/// Which rules hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    /// LIWC-22: a column of terms, then one column a category.
    Dicx,
}

/// Whether a text whose name does not say so is a table: its lines have tabs between texts, or its first line names a column
/// of words and one of categories.
pub(super) fn is(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let names: Vec<&str> = first.split([',', ';', '|']).map(|name| name.trim_matches([' ', '"'])).collect();
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&plain(name)));
    text.lines().any(has_inner_tab) || (has(&WORD) && has(&CATEGORY))
}

/// `before` lines of the file come before the text.
pub(super) fn parse(path: &Path, text: &str, before: usize, kind: Kind) -> Result<Corpus, FileError> {
    let mut table = Delimited::new(path, text.to_owned(), before)?;
    let mut terms = Terms::new(path);
    if let Some(note) = table.dialect.note(&ending(path)) {
        terms.note(note);
    }
    let named = WORD.iter().find_map(|name| table.header.iter().position(|column| column.trim().eq_ignore_ascii_case(name)));
    match (named, kind) {
        // A category may be called as a column of words is.
        (named, Kind::Dicx) => {
            let word = named.filter(|_| table.header[0].trim().is_empty()).unwrap_or(0);
            dicx(path, &mut table, word, &mut terms)?;
        }
        (Some(word), Kind::Csv) => with_header(&mut table, word, &mut terms)?,
        (None, Kind::Csv) => without_header(path, &mut table, &mut terms)?,
    }
    let mut corpus = terms.finish(path)?;
    let (long, first) = first_of(&corpus, is_long);
    if long > 0 {
        corpus.notes.push(format!("{long} words are longer than a sentence, and each is one word: {first}"));
    }
    match corpus.words.iter().find(|word| has_inner_tab(&word.text) && !word.text.contains('\n')) {
        Some(word) => {
            let problem = format!("{} is no word: tabs separate the columns of a table", shown(&word.text));
            Err(FileError::file(path, problem, "Give the first line the names of all columns, word and category among them"))
        }
        None => Ok(corpus),
    }
}

/// The name of a column without a number behind it, in lower case.
fn plain(name: &str) -> &'static str {
    let lower = name.trim().to_lowercase();
    let bare = lower.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(['_', '.', ' ', '-']);
    let known = |names: &[&'static str], name: &str| names.iter().find(|known| **known == name).copied();
    known(&WORD, &lower).or_else(|| known(&CATEGORY, bare)).unwrap_or_default()
}

/// What the cells of a column show.
enum Column {
    Empty,
    /// A mark where the word belongs to the column's category.
    Marks,
    /// Numbers, not all of them 0 or 1.
    Numbers,
    Text,
}

impl Column {
    fn of(rows: &[StringRecord], column: usize, name: &str) -> Column {
        let (mut marks, mut zeros, mut numbers, mut others) = (0, 0, 0, 0);
        for row in rows {
            match mark_under(name, row.get(column).unwrap_or_default()) {
                Some(Mark::Yes) => marks += 1,
                Some(Mark::Zero) => zeros += 1,
                Some(Mark::No) => {}
                Some(Mark::Weight(_)) => numbers += 1,
                None => others += 1,
            }
        }
        match (others, numbers, marks) {
            (1.., ..) => Column::Text,
            (0, 1.., _) => Column::Numbers,
            (0, 0, 1..) => Column::Marks,
            _ if zeros > 0 => Column::Numbers,
            _ => Column::Empty,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Yes,
    Zero,
    No,
    Weight(f64),
}

/// A cell of a column that stands for a category.
fn mark(cell: &str) -> Option<Mark> {
    match cell.trim() {
        "" | "NA" | "FALSE" | "False" | "false" => Some(Mark::No),
        "X" | "x" | "TRUE" | "True" | "true" => Some(Mark::Yes),
        number => match number.parse::<f64>() {
            Ok(1.0) => Some(Mark::Yes),
            Ok(0.0) => Some(Mark::Zero),
            Ok(weight) if weight.is_finite() => Some(Mark::Weight(weight)),
            Ok(_) => Some(Mark::No),
            Err(_) => None,
        },
    }
}

/// The same of a column with a name, which the General Inquirer repeats where a word belongs.
fn mark_under(name: &str, cell: &str) -> Option<Mark> {
    let is_name = !name.trim().is_empty() && cell.trim().eq_ignore_ascii_case(name.trim());
    if is_name { Some(Mark::Yes) } else { mark(cell) }
}

fn with_header(table: &mut Delimited, word: usize, terms: &mut Terms) -> Result<(), FileError> {
    let rows = rows(table)?;
    let header = &table.header;
    let (named, others): (Vec<usize>, Vec<usize>) =
        besides(header, word).partition(|&column| CATEGORY.contains(&plain(&header[column])) && !is_rating(&rows, column));
    let of_kind = |wanted: fn(&Column) -> bool| -> Vec<usize> {
        others.iter().copied().filter(|&column| wanted(&Column::of(&rows, column, &header[column]))).collect()
    };
    let rated = of_kind(|kind| matches!(kind, Column::Numbers));
    if !named.is_empty() {
        // NRC's EmoLex has a row for every word and category, and says in a third column whether they belong together.
        let flag = others.iter().copied().find(|&column| {
            let is_named = FLAG.contains(&header[column].trim().to_lowercase().as_str());
            is_named && all(&rows, column, |mark| matches!(mark, Mark::Yes | Mark::Zero))
        });
        by_name(&rows, word, &named, flag, terms);
        if !rated.is_empty() {
            terms.note(format!("passed over, for they hold numbers: the columns {}", in_short(header, rated)));
        }
        return Ok(());
    }
    let marked = of_kind(|kind| matches!(kind, Column::Marks));
    for row in &rows {
        let belongs = |column: &&usize| mark_under(&header[**column], row.get(**column).unwrap_or_default()) == Some(Mark::Yes);
        let categories: Vec<&str> = marked.iter().filter(belongs).map(|&column| header[column].trim()).collect();
        terms.add(row.get(word).unwrap_or_default(), &categories);
    }
    if !marked.is_empty() {
        let marked = in_short(header, marked);
        terms.note(format!("the columns {marked} mark words with 1 or X, and are taken for categories"));
    } else if !rated.is_empty() {
        let rated = in_short(header, rated);
        terms.note(format!(
            "the columns {rated} hold numbers, as in a list of ratings, and none is called category, so its words have none; give \
             the file with {} to compare scores with them",
            Remedy::Ratings
        ));
    } else if header.len() > 1 {
        let columns = in_short(header, 0..header.len());
        terms.note(format!("no column is called category, so its words have none; its columns are {columns}"));
    }
    Ok(())
}

fn rows(table: &mut Delimited) -> Result<Vec<StringRecord>, FileError> {
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        rows.push(row);
    }
    Ok(rows)
}

/// Whether a column that is called as one of categories is holds ratings: numbers alone, with a sign or a fraction among them.
/// Whole numbers may be the names of categories.
fn is_rating(rows: &[StringRecord], column: usize) -> bool {
    let numbers = || rows.iter().map(|row| row.get(column).unwrap_or_default().trim()).filter(|cell| !cell.is_empty());
    numbers().all(|cell| cell.parse::<f64>().is_ok()) && numbers().any(|cell| cell.starts_with('-') || cell.contains('.'))
}

/// The columns that have a name and are not that of the words.
fn besides(header: &[String], word: usize) -> impl Iterator<Item = usize> {
    (0..header.len()).filter(move |column| *column != word && !header[*column].trim().is_empty())
}

/// Whether every cell of a column is such a mark.
fn all(rows: &[StringRecord], column: usize, test: fn(&Mark) -> bool) -> bool {
    rows.iter().all(|row| row.get(column).and_then(mark).as_ref().is_some_and(test))
}

/// A column of words, columns with names of categories, and perhaps one that says with 0 that a row's word does not belong.
fn by_name(rows: &[StringRecord], word: usize, named: &[usize], flag: Option<usize>, terms: &mut Terms) {
    let (mut without, mut with_commas) = (0, 0);
    let mut known: HashSet<&str> = HashSet::new();
    for row in rows {
        let (text, cells) = (row.get(word).unwrap_or_default(), || named.iter().filter_map(|&column| row.get(column)));
        let is_new = known.insert(text);
        if flag.is_some_and(|flag| row.get(flag).and_then(mark) == Some(Mark::Zero)) {
            without += 1;
            if is_new {
                terms.add(text, &[]);
            }
            continue;
        }
        with_commas += usize::from(cells().any(|cell| cell.contains(',')));
        terms.add(text, &cells().flat_map(categories_in).collect::<Vec<_>>());
    }
    if without > 0 {
        terms.note(format!("{without} rows say with 0 that their word does not belong to their category"));
    }
    if with_commas > 0 {
        terms.note(format!("{with_commas} rows have commas between the names of categories, and so several categories"));
    }
}

/// The categories that a cell names, whatever is between them: `care|harm`, `care; harm`, `['care', 'harm']`.
fn categories_in(cell: &str) -> impl Iterator<Item = &str> {
    let inner = cell.trim();
    let inner = inner.strip_prefix(['[', '{']).and_then(|inner| inner.strip_suffix([']', '}'])).unwrap_or(inner);
    inner.split([';', '|', ',']).map(|name| name.trim().trim_matches(['\'', '"']).trim()).filter(|name| !name.is_empty())
}

/// A column of terms, and one for each category with a mark, or a weight, where the term belongs.
fn dicx(path: &Path, table: &mut Delimited, word: usize, terms: &mut Terms) -> Result<(), FileError> {
    let mut weights = 0;
    for row in rows(table)? {
        let mut of_term = Vec::new();
        for column in besides(&table.header, word) {
            let (name, cell) = (table.header[column].trim(), row.get(column).unwrap_or_default());
            match mark(cell) {
                Some(Mark::Yes) => of_term.push(name),
                Some(Mark::Weight(weight)) => {
                    weights += 1;
                    of_term.extend((weight > 0.0).then_some(name));
                }
                Some(Mark::No | Mark::Zero) => {}
                None => {
                    let (line, cell) = (table.line_of(&row), cell.trim());
                    let problem = format!("line {line}: '{cell}' under '{name}' is neither an X nor empty");
                    return Err(FileError::file(path, problem, "Mark membership with X"));
                }
            }
        }
        terms.add(row.get(word).unwrap_or_default().trim(), &of_term);
    }
    if weights > 0 {
        terms.note(format!("{weights} cells hold weights: a term belongs to the categories in which its weight is above 0"));
    }
    Ok(())
}

/// A table whose first line names no column of words: what its cells show tells which column is which.
fn without_header(path: &Path, table: &mut Delimited, terms: &mut Terms) -> Result<(), FileError> {
    let mut rows = vec![StringRecord::from(table.header.clone())];
    while let Some(row) = table.next_ragged()? {
        rows.push(row);
    }
    let width = rows[0].len();
    let is_even = rows.iter().all(|row| row.len() == width);
    let is_number = |mark: &Mark| matches!(mark, Mark::Yes | Mark::Zero | Mark::Weight(_));
    let is_flag = |mark: &Mark| matches!(mark, Mark::Yes | Mark::Zero);
    let cell = |row: &StringRecord, column: usize| row.get(column).unwrap_or_default().trim().to_owned();
    if is_even && width == 3 && all(&rows, 2, is_flag) && !all(&rows, 1, is_number) {
        terms.note(
            "no line names its columns; they are taken for a word, a category, and 1 where they belong together".to_owned(),
        );
        by_name(&rows, 0, &[1], Some(2), terms);
    } else if is_even && width > 1 && all(&rows, 1, is_number) && !all(&rows, 0, is_number) {
        // VADER's has what each rater said behind the numbers.
        let numbers = (1..width).filter(|&column| all(&rows, column, is_number)).count();
        terms.note(format!(
            "it is a list of ratings, {} behind each word, so its words have no categories; give the file with {} to compare \
             scores with them",
            counted(numbers, "number"),
            Remedy::Ratings
        ));
        rows.iter().for_each(|row| terms.add(row.get(0).unwrap_or_default(), &[]));
    } else if let (true, 2, Some((word, category))) = (is_even, width, word_and_category(&rows)) {
        let order = if word == 0 { "a word and its category" } else { "a category and a word of it" };
        terms.note(format!("no line names its columns; they are taken for {order}"));
        by_name(&rows, word, &[category], None, terms);
    } else if table.dialect.separator == b'\t' && are_categories_with_words(&rows) {
        terms.note("no line names its columns; each line is taken for a category and its words".to_owned());
        for row in &rows {
            let words = row.iter().skip(1).map(str::trim).filter(|word| !word.is_empty());
            words.for_each(|word| terms.add(word, &[&cell(row, 0)]));
        }
    } else {
        let problem = format!("no column of words; its columns are {}", in_short(&table.header, 0..table.header.len()));
        let next = format!("Name the columns word,category, or give a plain list with {}", Remedy::WordsFile);
        return Err(FileError::file(path, problem, next));
    }
    Ok(())
}

/// Of two columns without names, the one of words and the one of categories: the first line's category comes again, and
/// there are fewer categories than words.
fn word_and_category(rows: &[StringRecord]) -> Option<(usize, usize)> {
    let distinct = |column: usize| rows.iter().filter_map(|row| row.get(column)).collect::<HashSet<_>>().len();
    let again = |column: usize| rows[1..].iter().any(|row| row.get(column) == rows[0].get(column));
    match (distinct(0), distinct(1)) {
        (words, categories) if categories < words && again(1) => Some((0, 1)),
        (categories, words) if categories < words && again(0) => Some((1, 0)),
        _ => None,
    }
}

/// Lines as Empath has them: each begins with a name of its own, they are of different lengths, or hardly a word is in two of
/// them, and what follows a name is hardly there twice.
fn are_categories_with_words(rows: &[StringRecord]) -> bool {
    let names: HashSet<&str> = rows.iter().filter_map(|row| row.get(0)).collect();
    let words_of = |row: &StringRecord| -> Vec<String> {
        row.iter().skip(1).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let lines: Vec<Vec<String>> = rows.iter().map(words_of).collect();
    let all: usize = lines.iter().map(Vec::len).sum();
    let once_a_line: usize = lines.iter().map(|words| words.iter().collect::<HashSet<_>>().len()).sum();
    let once: HashSet<&String> = lines.iter().flatten().collect();
    let is_ragged = lines.iter().any(|words| words.len() != lines[0].len());
    // Some words are numbers: Empath has 911 and 101.
    let numbers = once.iter().filter(|word| word.parse::<f64>().is_ok()).count();
    let has_numbers = numbers * 20 > once.len();
    let is_list = lines.iter().any(|words| words.len() > 1) && 2 * once_a_line > all && (is_ragged || 2 * once.len() > all);
    names.len() == rows.len() && is_list && !has_numbers
}

/// The names of some columns; the first of many, each no longer than a word.
fn in_short(header: &[String], columns: impl IntoIterator<Item = usize>) -> String {
    let mut columns = columns.into_iter().map(|column| header[column].trim().chars().take(super::MOST_CHARACTERS).collect());
    let named: Vec<String> = columns.by_ref().take(NAMED).collect();
    format!("{}{}", named.join(", "), if columns.next().is_some() { ", …" } else { "" })
}
