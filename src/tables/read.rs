//! A CSV, Parquet or JSON-lines file as a table, read row by row. Knows nothing of what the columns mean. Text may have any of
//! the usual separators, a decimal comma, and be packed with gzip or Zstandard.
//!
//! A vocabulary of 256,000 tokens under 54 prompts is 14 million cells: no more than one row of cells is held at a time.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use serde_json::Value;

use crate::base::delimited::{Delimited, with_decimal_point};
use crate::base::file_error::FileError;
use crate::base::text_file::{ending, read_text, start, utf8};
use crate::tables::checksum::{Checksum, Summing};

mod names;

/// Larger CSV files are refused; the full vocabulary of Gemma with every digit of an f64 stays below.
const MOST_BYTES: u64 = 1 << 30;
/// A header ends before this, or the file is no table of ours.
const MOST_HEADER_BYTES: u64 = 1 << 20;
/// Cells that mean "no value" in a column of numbers.
const MISSING: [&str; 4] = ["", "na", "null", "none"];

pub(crate) struct Table {
    path: PathBuf,
    pub(crate) header: Vec<String>,
    /// Columns that pandas wrote for the index of a data frame, as Parquet tells.
    pub(crate) index: Vec<String>,
    rows: Rows,
    /// Numbers asked for so far that were NaN or infinite.
    not_finite: Cell<usize>,
    /// Of the rows read so far, and how many they are, where that is asked for.
    sum: Option<(Summing, usize)>,
}

enum Rows {
    Csv(Box<Delimited>),
    Parquet { rows: RowIter<'static>, read: usize },
    Jsonl { text: String, at: usize, line: usize },
}

pub(crate) enum Row {
    Csv {
        record: StringRecord,
        decimal_comma: bool,
    },
    /// Counted from 1: rows of Parquet, lines of JSON.
    Cells(usize, Vec<Content>),
}

pub(crate) enum Content {
    Text(String),
    Number(f64),
    Missing,
}

/// The content of a cell in a column of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading {
    Score(f64),
    Missing,
    /// `NaN`, `inf`, `-inf`: what a computation gives that failed.
    NotFinite,
    Text,
}

impl Row {
    /// A cell of a column of words.
    pub(crate) fn text(&self, column: usize) -> Cow<'_, str> {
        match self {
            Row::Csv { record, .. } => Cow::Borrowed(record.get(column).unwrap_or_default()),
            Row::Cells(_, cells) => match cells.get(column) {
                Some(Content::Text(text)) => Cow::Borrowed(text),
                Some(Content::Number(number)) => Cow::Owned(number.to_string()),
                Some(Content::Missing) | None => Cow::Borrowed(""),
            },
        }
    }

    /// A cell of a column of scores.
    pub(crate) fn reading(&self, column: usize) -> Reading {
        let number = match self {
            Row::Cells(_, cells) => match cells.get(column) {
                Some(Content::Number(number)) => *number,
                Some(Content::Missing) | None => return Reading::Missing,
                Some(Content::Text(text)) => return parse(text),
            },
            Row::Csv { record, decimal_comma } => {
                let text = record.get(column).unwrap_or_default();
                // What has a point in such a file has it between thousands.
                return match parse(text) {
                    Reading::Score(_) if *decimal_comma && text.contains('.') => Reading::Text,
                    Reading::Text if *decimal_comma => with_decimal_point(text.trim()).map_or(Reading::Text, |text| parse(&text)),
                    reading => reading,
                };
            }
        };
        if number.is_finite() { Reading::Score(number) } else { Reading::NotFinite }
    }
}

fn parse(text: &str) -> Reading {
    let text = text.trim();
    if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
        return Reading::Missing;
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Reading::Score(number),
        Ok(_) => Reading::NotFinite,
        Err(_) => Reading::Text,
    }
}

impl Table {
    pub(crate) fn open(path: &Path) -> Result<Table, FileError> {
        Table::open_as(path, path)
    }

    /// As a file that is called `name`.
    pub(crate) fn open_as(path: &Path, name: &Path) -> Result<Table, FileError> {
        let mut index = Vec::new();
        let (header, rows) = match ending(name).as_str() {
            "parquet" => open_parquet(path, &mut index)?,
            "jsonl" | "ndjson" => open_jsonl(path, MOST_BYTES)?,
            _ => open_csv(path)?,
        };
        Ok(Table { path: path.to_owned(), header, index, rows, not_finite: Cell::default(), sum: None })
    }

    /// Has the checksum taken of the rows that are read from here on.
    pub(crate) fn sum_up(&mut self) {
        let mut summing = Summing::default();
        summing.row(self.header.iter().map(String::as_str));
        self.sum = Some((summing, 0));
    }

    /// Of the rows that were read since it was asked for.
    pub(crate) fn checksum(&self) -> Option<Checksum> {
        self.sum.as_ref().map(|(summing, rows)| summing.finish(*rows))
    }

    /// The next row; none at the end.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, FileError> {
        let row = self.read_row()?;
        if let (Some((summing, rows)), Some(row)) = (&mut self.sum, &row) {
            *rows += 1;
            let cells: Vec<_> = (0..self.header.len()).map(|column| row.text(column)).collect();
            summing.row(cells.iter().map(|cell| &**cell));
        }
        Ok(row)
    }

    fn read_row(&mut self) -> Result<Option<Row>, FileError> {
        match &mut self.rows {
            Rows::Csv(table) => {
                let decimal_comma = table.dialect.decimal_comma;
                Ok(table.next_row()?.map(|record| Row::Csv { record, decimal_comma }))
            }
            Rows::Parquet { rows, read } => {
                let Some(row) = guarded(&self.path, || rows.next().transpose())? else { return Ok(None) };
                *read += 1;
                Ok(Some(Row::Cells(*read, row.into_columns().into_iter().map(|(_, field)| cell(field)).collect())))
            }
            Rows::Jsonl { text, at, line } => loop {
                let rest = &text[*at..];
                if rest.is_empty() {
                    return Ok(None);
                }
                let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
                let object = rest[..end].trim();
                *at += end;
                *line += 1;
                if !object.is_empty() {
                    let mut cells = json_cells(&self.path, *line, object)?;
                    let cells = self.header.iter().map(|name| cells.remove(name).unwrap_or(Content::Missing));
                    return Ok(Some(Row::Cells(*line, cells.collect())));
                }
            },
        }
    }

    /// What a reader should know of how the file is written.
    pub(crate) fn note(&self) -> Option<String> {
        match &self.rows {
            Rows::Csv(table) => table.dialect.note(&ending(&self.path)),
            Rows::Parquet { .. } | Rows::Jsonl { .. } => None,
        }
    }

    /// A score; NaN where the file has none. The error names row and column.
    pub(crate) fn number(&self, row: &Row, column: usize) -> Result<f64, FileError> {
        match row.reading(column) {
            Reading::Score(score) => Ok(score),
            Reading::Missing => Ok(f64::NAN),
            Reading::NotFinite => {
                self.not_finite.set(self.not_finite.get() + 1);
                Ok(f64::NAN)
            }
            Reading::Text => Err(FileError::file(&self.path, self.no_score(row, column), NO_SCORE)),
        }
    }

    /// How many of the numbers that were asked for are NaN or infinite, and so count as missing.
    pub(crate) fn not_finite(&self) -> usize {
        self.not_finite.get()
    }

    /// `line 3, column best_ever_one: 'high' is not a score`
    pub(crate) fn no_score(&self, row: &Row, column: usize) -> String {
        format!("{}, column {}: '{}' is not a score", self.place(row), self.header[column], row.text(column))
    }

    /// The header as a row, for files whose first row names no columns.
    pub(crate) fn header_as_row(&self) -> Row {
        let decimal_comma = matches!(&self.rows, Rows::Csv(table) if table.dialect.decimal_comma);
        Row::Csv { record: StringRecord::from(self.header.clone()), decimal_comma }
    }

    /// The position of a row in its file, for a message.
    pub(crate) fn place(&self, row: &Row) -> String {
        match row {
            Row::Csv { record, .. } => match &self.rows {
                Rows::Csv(table) => format!("line {}", table.line_of(record)),
                Rows::Parquet { .. } | Rows::Jsonl { .. } => "one row".to_owned(),
            },
            Row::Cells(number, _) => format!("row {number}"),
        }
    }
}

/// What to do about it.
pub(crate) const NO_SCORE: &str = "A score is a finite number; a missing one is empty or NA";

/// Column names alone, without reading the rest of the file.
pub(crate) fn header(path: &Path) -> Result<Vec<String>, FileError> {
    match ending(path).as_str() {
        "parquet" => Ok(open_parquet(path, &mut Vec::new())?.0),
        "jsonl" | "ndjson" => names::of_start(path, &start(path, MOST_HEADER_BYTES)?),
        _ => Ok(csv_start(path)?.header),
    }
}

/// Column names and the first row, where there is one, without reading the rest of the file.
pub(crate) fn first(path: &Path) -> Result<(Vec<String>, Option<Row>), FileError> {
    let of_start = |header, rows| {
        let (path, index) = (path.to_owned(), Vec::new());
        Table { path, header, index, rows, not_finite: Cell::default(), sum: None }
    };
    let mut table = match ending(path).as_str() {
        "parquet" => Table::open(path)?,
        "jsonl" | "ndjson" => {
            let start = start(path, MOST_HEADER_BYTES)?;
            let (text, header) = (String::from_utf8_lossy(&start).into_owned(), names::of_start(path, &start)?);
            of_start(header, Rows::Jsonl { text, at: 0, line: 0 })
        }
        _ => {
            let table = csv_start(path)?;
            of_start(table.header.clone(), Rows::Csv(Box::new(table)))
        }
    };
    let row = table.next_row()?;
    Ok((table.header, row))
}

/// As much of a table of text as its header can take.
fn csv_start(path: &Path) -> Result<Delimited, FileError> {
    let mut start = start(path, MOST_HEADER_BYTES)?;
    // The last character may be cut off.
    if let Err(error) = std::str::from_utf8(&start)
        && error.error_len().is_none()
        && start.len() as u64 == MOST_HEADER_BYTES
    {
        start.truncate(error.valid_up_to());
    }
    Delimited::new(path, utf8(path, start)?, 0)
}

fn open_jsonl(path: &Path, most_bytes: u64) -> Result<(Vec<String>, Rows), FileError> {
    let text = read_text(path, most_bytes)?;
    let header = names::of_lines(path, &text)?;
    Ok((header, Rows::Jsonl { text, at: 0, line: 0 }))
}

/// A line of JSON in which `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not know, are texts.
fn with_texts_for_not_finite(line: &str) -> Cow<'_, str> {
    if !line.contains("NaN") && !line.contains("Infinity") {
        return Cow::Borrowed(line);
    }
    let (mut out, mut rest) = (String::with_capacity(line.len() + 16), line);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name = ["NaN", "Infinity", "-Infinity"].into_iter().find(|name| from.starts_with(name));
        let length = match name {
            Some(name) => name.len(),
            None if from.starts_with('"') => end_of_text(from),
            None => 1,
        };
        let (piece, after) = from.split_at(length);
        out.push_str(&if name.is_some() { format!("\"{piece}\"") } else { piece.to_owned() });
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of the JSON text that something begins with, its quotes counted.
fn end_of_text(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn no_object(path: &Path, line: usize, error: &serde_json::Error) -> FileError {
    let problem = format!("line {line}: not a JSON object: {error}");
    FileError::file(path, problem, "JSON lines hold one object a line")
}

/// The cells of one line by their names. serde_json rounds numbers of many digits a little, so those are read from the text.
fn json_cells(path: &Path, line: usize, text: &str) -> Result<HashMap<String, Content>, FileError> {
    let text = with_texts_for_not_finite(text);
    let object: serde_json::Map<String, Value> = serde_json::from_str(&text).map_err(|error| no_object(path, line, &error))?;
    let numbers = top_numbers(&text);
    if object.values().filter(|value| value.is_number()).count() != numbers.len() {
        return Err(FileError::file(path, format!("line {line}: a name stands twice"), "Give each value a name of its own"));
    }
    let mut numbers = numbers.into_iter();
    let cell = |value| match value {
        Value::Null => Content::Missing,
        Value::Number(_) => numbers.next().and_then(|text| text.parse().ok()).map_or(Content::Missing, Content::Number),
        Value::String(text) => Content::Text(text),
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            Content::Text(texts.collect::<Vec<_>>().join(";"))
        }
        other => Content::Text(other.to_string()),
    };
    let (names, values): (Vec<String>, Vec<Value>) = object.into_iter().unzip();
    Ok(names.into_iter().zip(values.into_iter().map(cell)).collect())
}

/// The numbers that stand right in a JSON object, as they are written, in order.
fn top_numbers(object: &str) -> Vec<&str> {
    let bytes = object.as_bytes();
    let (mut found, mut depth, mut at) = (Vec::new(), 0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at += end_of_text(&object[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' if depth == 1 => {
                let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                found.push(&object[at..at + length]);
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn open_csv(path: &Path) -> Result<(Vec<String>, Rows), FileError> {
    let table = Delimited::new(path, read_text(path, MOST_BYTES)?, 0)?;
    Ok((table.header.clone(), Rows::Csv(Box::new(table))))
}

fn open_parquet(path: &Path, index: &mut Vec<String>) -> Result<(Vec<String>, Rows), FileError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let reader = guarded(path, || SerializedFileReader::new(file))?;
    let about = reader.metadata().file_metadata();
    let pandas = about.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "pandas");
    index.extend(pandas.and_then(|pair| pair.value.as_deref()).map(names::pandas_index).unwrap_or_default());
    let schema = about.schema();
    let header = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let rows = guarded(path, || Ok(RowIter::from_file_into(Box::new(reader))))?;
    Ok((header, Rows::Parquet { rows, read: 0 }))
}

/// The parquet crate panics on some damaged files; to the reader of the message it is damage all the same.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FileError> {
    let outcome = catch_unwind(AssertUnwindSafe(read));
    let (problem, next) = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => {
            let said = error.to_string();
            let is_codec = matches!(error, ParquetError::NYI(_)) || said.contains("Disabled feature");
            (format!("is not readable Parquet: {said}"), if is_codec { OTHER_CODEC } else { DAMAGED })
        }
        Err(_) => ("is damaged Parquet".to_owned(), DAMAGED),
    };
    Err(FileError::file(path, problem, next))
}

const DAMAGED: &str = "Fetch the file again, or give the CSV";
const OTHER_CODEC: &str = "Pages packed with Snappy, Zstandard, gzip, Brotli or LZ4 are read: write the file anew, in Python \
     with pandas.read_parquet(FILE).to_parquet(FILE)";

fn unreadable(path: &Path, error: &std::io::Error) -> FileError {
    FileError::file(path, format!("cannot be read: {error}"), "Check the name and the permissions")
}

fn cell(field: Field) -> Content {
    match field {
        Field::Null => Content::Missing,
        Field::Str(text) => Content::Text(text),
        Field::Bytes(bytes) => Content::Text(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Double(x) if x.is_nan() => Content::Missing,
        Field::Float(x) if x.is_nan() => Content::Missing,
        Field::Double(x) => Content::Number(x),
        Field::Float(x) => Content::Number(x.into()),
        Field::Float16(x) if x.is_nan() => Content::Missing,
        Field::Float16(x) => Content::Number(x.into()),
        Field::Byte(x) => Content::Number(x.into()),
        Field::Short(x) => Content::Number(x.into()),
        Field::Int(x) => Content::Number(x.into()),
        Field::Long(x) => Content::Number(x as f64),
        Field::UByte(x) => Content::Number(x.into()),
        Field::UShort(x) => Content::Number(x.into()),
        Field::UInt(x) => Content::Number(x.into()),
        Field::ULong(x) => Content::Number(x as f64),
        other => Content::Text(other.to_string()),
    }
}

impl Checksum {
    /// Reads the file to its end.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn of_file(path: &Path) -> Result<Self, FileError> {
        Self::of_file_named(path, path)
    }

    /// Of a file that will have another name, by whose end its format is known.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn of_file_named(path: &Path, name: &Path) -> Result<Self, FileError> {
        let mut table = Table::open_as(path, name)?;
        table.sum_up();
        while table.next_row()?.is_some() {}
        Ok(table.checksum().unwrap_or_else(|| Summing::default().finish(0)))
    }
}

#[cfg(test)]
pub(crate) mod tests;
