//! A CSV or Parquet file as a table of cells. Knows nothing of what the columns mean.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::corpus::CorpusError;
use crate::corpus::read::{ragged, read_text};

/// What stands for "no value" in a column of numbers.
const MISSING: [&str; 5] = ["", "na", "nan", "null", "none"];

enum Cell {
    Text(String),
    Number(f64),
    Missing,
}

pub(super) struct Table {
    pub(super) header: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// Line of each row in a text file.
    lines: Vec<u64>,
}

impl Table {
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// A cell of a column of words.
    pub(super) fn text(&self, row: usize, column: usize) -> Cow<'_, str> {
        match &self.rows[row][column] {
            Cell::Text(text) => Cow::Borrowed(text),
            Cell::Number(number) => Cow::Owned(number.to_string()),
            Cell::Missing => Cow::Borrowed(""),
        }
    }

    /// A cell of a column of scores; NaN where it holds none.
    pub(super) fn number(&self, path: &Path, row: usize, column: usize) -> Result<f64, CorpusError> {
        let value = match &self.rows[row][column] {
            Cell::Number(number) => *number,
            Cell::Missing => return Ok(f64::NAN),
            Cell::Text(text) => {
                let text = text.trim();
                if MISSING.contains(&text.to_lowercase().as_str()) {
                    return Ok(f64::NAN);
                }
                text.parse().unwrap_or(f64::INFINITY)
            }
        };
        if value.is_infinite() {
            let place = self.lines.get(row).map_or_else(|| format!("row {}", row + 1), |line| format!("line {line}"));
            let problem = format!("{place}, column {}: '{}' is not a score", self.header[column], self.text(row, column));
            return Err(CorpusError::file(path, problem, "A score is a finite number; a missing one is empty or NA"));
        }
        Ok(value)
    }
}

/// Column names alone.
pub(super) fn header(path: &Path) -> Result<Vec<String>, CorpusError> {
    if is_parquet(path) {
        let reader = open_parquet(path)?;
        return Ok(parquet_header(&reader));
    }
    let mut reader = csv::Reader::from_path(path).map_err(|error| ragged(path, &error))?;
    let header = reader.headers().map_err(|error| ragged(path, &error))?;
    Ok(header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect())
}

pub(super) fn read(path: &Path) -> Result<Table, CorpusError> {
    if is_parquet(path) { read_parquet(path) } else { read_csv(path) }
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

fn read_csv(path: &Path) -> Result<Table, CorpusError> {
    let text = read_text(path)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| ragged(path, &error))?.iter().map(str::to_owned).collect();
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| ragged(path, &error))?;
        lines.push(record.position().map_or(0, csv::Position::line));
        rows.push(record.iter().map(|cell| Cell::Text(cell.to_owned())).collect());
    }
    Ok(Table { header, rows, lines })
}

fn open_parquet(path: &Path) -> Result<SerializedFileReader<File>, CorpusError> {
    let file = File::open(path)
        .map_err(|error| CorpusError::file(path, format!("cannot be read: {error}"), "Check the name and the permissions"))?;
    SerializedFileReader::new(file).map_err(|error| damaged(path, &error))
}

fn parquet_header(reader: &SerializedFileReader<File>) -> Vec<String> {
    let schema = reader.metadata().file_metadata().schema();
    schema.get_fields().iter().map(|field| field.name().to_owned()).collect()
}

fn read_parquet(path: &Path) -> Result<Table, CorpusError> {
    let reader = open_parquet(path)?;
    let header = parquet_header(&reader);
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(|error| damaged(path, &error))? {
        let row = row.map_err(|error| damaged(path, &error))?;
        rows.push(row.into_columns().into_iter().map(|(_, field)| cell(field)).collect());
    }
    Ok(Table { header, rows, lines: Vec::new() })
}

fn cell(field: Field) -> Cell {
    match field {
        Field::Null => Cell::Missing,
        Field::Str(text) => Cell::Text(text),
        Field::Bytes(bytes) => Cell::Text(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Double(x) if x.is_nan() => Cell::Missing,
        Field::Float(x) if x.is_nan() => Cell::Missing,
        Field::Double(x) => Cell::Number(x),
        Field::Float(x) => Cell::Number(x.into()),
        Field::Float16(x) => Cell::Number(x.into()),
        Field::Byte(x) => Cell::Number(x.into()),
        Field::Short(x) => Cell::Number(x.into()),
        Field::Int(x) => Cell::Number(x.into()),
        Field::Long(x) => Cell::Number(x as f64),
        Field::UByte(x) => Cell::Number(x.into()),
        Field::UShort(x) => Cell::Number(x.into()),
        Field::UInt(x) => Cell::Number(x.into()),
        Field::ULong(x) => Cell::Number(x as f64),
        other => Cell::Text(other.to_string()),
    }
}

fn damaged(path: &Path, error: &ParquetError) -> CorpusError {
    CorpusError::file(path, format!("is not readable Parquet: {error}"), "Fetch the file again, or give the CSV")
}
