//! Columns written to a file as CSV, JSON lines or Parquet, with what they rest on beside or inside.
//!
//! What any table of scores becomes when it leaves the program. Texts are exact and numbers have the fewest digits that
//! give them back; a missing number is empty in CSV and null elsewhere. Knows nothing of models or views.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::checksum::{Checksum, Summing};
use crate::base::atomic_file::Destination;
use crate::base::text::{visible, visible_json};

/// The key under which Parquet holds the provenance.
pub const METADATA: &str = "rewardscope.provenance";
/// The suffix of the name of a file's provenance.
pub const SIDECAR: &str = ".provenance.json";

/// The format of a table in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// The names say all.
#[allow(missing_docs)]
pub enum TableFormat {
    Csv,
    Jsonl,
    Parquet,
}

impl TableFormat {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::Jsonl => "jsonl",
            TableFormat::Parquet => "parquet",
        }
    }

    /// By the end of a file's name; none for an end that is no table's.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_string_lossy().to_lowercase().as_str() {
            "csv" => Some(TableFormat::Csv),
            "jsonl" | "ndjson" => Some(TableFormat::Jsonl),
            "parquet" => Some(TableFormat::Parquet),
            _ => None,
        }
    }
}

/// Where a file is to be written that may have its provenance beside it.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] for a file or a provenance that is there, unless they may be replaced; and what keeps
/// either from being written.
pub fn destination(path: &Path, replace: bool) -> io::Result<Destination> {
    Destination::of(path, replace)?.with_companion(SIDECAR)
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// A text for each row.
    Text(Vec<Arc<str>>),
    /// A text, or none: empty in CSV, null elsewhere.
    OptionalText(Vec<Option<Arc<str>>>),
    /// Names, joined by `;` where a cell can hold but one text.
    Names(Vec<Vec<String>>),
    /// NaN where there is none.
    Number(Vec<f64>),
    /// A whole number, or none.
    Integer(Vec<Option<i64>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Text(values) => values.len(),
            Values::OptionalText(values) => values.len(),
            Values::Names(values) => values.len(),
            Values::Number(values) => values.len(),
            Values::Integer(values) => values.len(),
        }
    }

    fn csv(&self, row: usize) -> String {
        match self {
            Values::Text(values) => values[row].to_string(),
            Values::OptionalText(values) => values[row].as_deref().unwrap_or_default().to_owned(),
            Values::Names(values) => values[row].join(";"),
            Values::Number(values) if values[row].is_nan() => String::new(),
            Values::Number(values) => values[row].to_string(),
            Values::Integer(values) => values[row].map(|value| value.to_string()).unwrap_or_default(),
        }
    }

    fn visible(&self) -> Values {
        match self {
            Values::Text(values) => Values::Text(values.iter().map(|text| Arc::from(&*visible(text))).collect()),
            Values::OptionalText(values) => {
                let shown = |text: &Option<Arc<str>>| text.as_deref().map(|text| Arc::from(&*visible(text)));
                Values::OptionalText(values.iter().map(shown).collect())
            }
            Values::Names(values) => {
                Values::Names(values.iter().map(|names| names.iter().map(|name| visible(name).into_owned()).collect()).collect())
            }
            Values::Number(_) | Values::Integer(_) => self.clone(),
        }
    }

    fn json(&self, row: usize) -> Value {
        match self {
            Values::Text(values) => Value::from(&*values[row]),
            Values::OptionalText(values) => Value::from(values[row].as_deref()),
            Values::Names(values) => Value::from(values[row].clone()),
            Values::Number(values) => Value::from(values[row]),
            Values::Integer(values) => Value::from(values[row]),
        }
    }
}

/// Columns of one length, each with its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnTable {
    /// The columns with their names, in order.
    pub columns: Vec<(String, Values)>,
}

impl ColumnTable {
    /// Adds a column, which must be as long as the others.
    pub fn add(&mut self, name: impl Into<String>, values: Values) {
        self.columns.push((name.into(), values));
    }

    /// Rows of the table.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    /// Writes to a [`destination`], with the provenance and a checksum: inside where it is Parquet, else beside it as
    /// `FILE.provenance.json`, which a stream does not have.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub fn save(&self, to: Destination, format: TableFormat, provenance: &Value) -> io::Result<()> {
        let mut provenance = provenance.clone();
        if let Some(map) = provenance.as_object_mut() {
            map.insert("checksum".to_owned(), serde_json::to_value(self.checksum())?);
        }
        let mut out = BufWriter::new(to.create()?);
        self.write(&mut out, format, &provenance)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let beside = format!("{provenance:#}\n");
        file.commit((format != TableFormat::Parquet).then_some(beside.as_bytes()))
    }

    /// Of all cells, as any format gives them back.
    pub fn checksum(&self) -> Checksum {
        let mut summing = Summing::default();
        summing.row(self.columns.iter().map(|(name, _)| name.as_str()));
        for row in 0..self.rows() {
            let cells: Vec<String> = self.columns.iter().map(|(_, values)| values.csv(row)).collect();
            summing.row(cells.iter().map(String::as_str));
        }
        summing.finish(self.rows())
    }

    /// Writes the table alone, and in Parquet the provenance with it.
    ///
    /// # Errors
    /// What keeps `out` from being written.
    pub fn write(&self, out: impl Write + Send, format: TableFormat, provenance: &Value) -> io::Result<()> {
        match format {
            TableFormat::Csv => self.csv(out, true),
            TableFormat::Jsonl => self.jsonl(out),
            TableFormat::Parquet => self.parquet(out, provenance).map_err(io::Error::other),
        }
    }

    /// Writes the rows as CSV, below a header where that is asked for.
    pub(super) fn csv(&self, out: impl Write, header: bool) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        if header {
            writer.write_record(self.columns.iter().map(|(name, _)| name))?;
        }
        for row in 0..self.rows() {
            writer.write_record(self.columns.iter().map(|(_, values)| values.csv(row)))?;
        }
        writer.flush()
    }

    fn jsonl(&self, mut out: impl Write) -> io::Result<()> {
        for row in 0..self.rows() {
            writeln!(out, "{}", visible_json(&Value::Object(self.object(row)).to_string()))?;
        }
        Ok(())
    }

    /// A row as an object, with the columns in their order.
    pub(super) fn object(&self, row: usize) -> Map<String, Value> {
        self.columns.iter().map(|(name, values)| (name.clone(), values.json(row))).collect()
    }

    /// The same table with texts that are safe to show on a terminal.
    pub fn visible(&self) -> ColumnTable {
        let columns = self.columns.iter().map(|(name, values)| (visible(name).into_owned(), values.visible()));
        ColumnTable { columns: columns.collect() }
    }

    fn parquet(&self, out: impl Write + Send, provenance: &Value) -> Result<(), ParquetError> {
        let fields = self.columns.iter().map(|(name, values)| {
            let (physical, logical, repetition) = match values {
                Values::Text(_) | Values::Names(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
                Values::OptionalText(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::OPTIONAL),
                Values::Number(_) => (Physical::DOUBLE, None, Repetition::OPTIONAL),
                Values::Integer(_) => (Physical::INT64, None, Repetition::OPTIONAL),
            };
            let field = Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition);
            field.build().map(Arc::new)
        });
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(Type::group_type_builder("scores").with_fields(fields).build()?);
        let metadata = KeyValue::new(METADATA.to_owned(), provenance.to_string());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .set_key_value_metadata(Some(vec![metadata]))
            .build();
        let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            match values {
                Values::Text(values) => column::<ByteArrayType, _>(&mut group, values.iter().map(|v| Some(bytes(v))))?,
                Values::OptionalText(values) => {
                    column::<ByteArrayType, _>(&mut group, values.iter().map(|v| v.as_deref().map(bytes)))?;
                }
                Values::Names(values) => {
                    column::<ByteArrayType, _>(&mut group, values.iter().map(|names| Some(bytes(&names.join(";")))))?;
                }
                Values::Number(values) => {
                    column::<DoubleType, _>(&mut group, values.iter().map(|v| (!v.is_nan()).then_some(*v)))?;
                }
                Values::Integer(values) => column::<Int64Type, _>(&mut group, values.iter().copied())?,
            }
        }
        group.close()?;
        writer.close().map(drop)
    }
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

/// Writes the next column; a required one has every value.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let values: Vec<T::T> = values.inspect(|value| levels.push(i16::from(value.is_some()))).flatten().collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::recorded;
    use proptest::prelude::*;

    /// Words that have bent a number somewhere.
    const QUIRKS: [&str; 14] = [
        "NA",
        "null",
        "nan",
        "inf",
        "-inf",
        "None",
        "ice, cream",
        "two\nlines",
        "two\r\nlines",
        "\"quoted\"",
        " love ",
        "\u{feff}love",
        "=1+1",
        "'",
    ];

    fn long(words: &[String], prompts: &[&str], scores: &[Vec<f64>]) -> ColumnTable {
        let (mut all_words, mut all_prompts, mut all_scores) = (Vec::new(), Vec::new(), Vec::new());
        for (prompt, column) in prompts.iter().zip(scores) {
            for (word, score) in words.iter().zip(column) {
                all_words.push(Arc::from(word.as_str()));
                all_prompts.push(Arc::from(*prompt));
                all_scores.push(*score);
            }
        }
        let mut table = ColumnTable::default();
        table.add("model", Values::Text(vec!["m".into(); all_words.len()]));
        table.add("prompt", Values::Text(all_prompts));
        table.add("word", Values::Text(all_words));
        table.add("categories", Values::Names(vec![vec!["a".into(), "b".into()]; all_scores.len()]));
        table.add("score", Values::Number(all_scores));
        table
    }

    fn wide(words: &[String], prompts: &[&str], scores: &[Vec<f64>]) -> ColumnTable {
        let mut table = ColumnTable::default();
        table.add("response", Values::Text(words.iter().map(|word| word.as_str().into()).collect()));
        for (prompt, column) in prompts.iter().zip(scores) {
            table.add(*prompt, Values::Number(column.clone()));
        }
        table
    }

    fn round_trip(table: &ColumnTable, words: &[String], prompts: &[&str], scores: &[Vec<f64>]) {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        for (name, format) in [("x.csv", TableFormat::Csv), ("x.jsonl", TableFormat::Jsonl), ("x.parquet", TableFormat::Parquet)]
        {
            let path = folder.path().join(name);
            table.save(destination(&path, true).unwrap(), format, &Value::Null).unwrap();
            let (_, _, read) = recorded::read(&path, &catalogue).unwrap();
            assert_eq!(read.words.iter().map(|word| word.to_string()).collect::<Vec<_>>(), words, "{name}");
            assert_eq!(read.prompts.iter().map(|prompt| prompt.label().to_owned()).collect::<Vec<_>>(), prompts, "{name}");
            for (read, written) in read.scores.iter().zip(scores) {
                let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(read.iter().zip(written).all(same), "{name}: {read:?} {written:?}");
            }
            assert!(read.notes.is_empty(), "{name}: {:?}", read.notes);
            assert_eq!(Checksum::of_file(&path).unwrap(), table.checksum(), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_word_and_any_score_come_back_from_every_format_and_layout(
            words in proptest::collection::btree_set(
                prop_oneof![proptest::sample::select(QUIRKS.to_vec()).prop_map(str::to_owned), "\\PC{1,8}", "[\\x00-\\x7f]{1,4}"], 1..12),
            seeds in proptest::collection::vec(prop_oneof![any::<f64>().prop_filter("a score", |x| x.is_finite()), Just(f64::NAN)], 24),
        ) {
            let words: Vec<String> = words.into_iter().collect();
            let prompts = ["best_ever_one", "What, in \"one\" word, is new?"];
            let mut scores = vec![seeds[..words.len()].to_vec(), seeds[12..12 + words.len()].to_vec()];
            // A column without any score is no prompt's.
            for column in scores.iter_mut().filter(|column| column.iter().all(|score| score.is_nan())) {
                column[0] = 0.5;
            }
            for table in [long(&words, &prompts, &scores), wide(&words, &prompts, &scores)] {
                round_trip(&table, &words, &prompts, &scores);
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_or_edited_is_told_from_a_sound_one() {
        use crate::scores::provenance::FileProvenance;
        let folder = tempfile::tempdir().unwrap();
        let words = ["love", "war", "peace"].map(str::to_owned);
        let table = wide(&words, &["best_ever_one"], &[vec![1.5, -2.0, 3.0]]);
        for (name, format) in [("x.csv", TableFormat::Csv), ("x.jsonl", TableFormat::Jsonl)] {
            let path = folder.path().join(name);
            table.save(destination(&path, false).unwrap(), format, &FileProvenance::default().json()).unwrap();
            let sound = std::fs::read_to_string(&path).unwrap();
            assert!(FileProvenance::of_file(&path).unwrap().tells_of(&path), "{name}");
            let cut = sound.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
            for other in [cut, sound.replace("-2", "2"), sound.replace("war", "wart")] {
                std::fs::write(&path, &other).unwrap();
                assert!(!FileProvenance::of_file(&path).unwrap().tells_of(&path), "{name}: {other}");
            }
            // Line ends are no content.
            std::fs::write(&path, sound.replace('\n', "\r\n")).unwrap();
            assert!(FileProvenance::of_file(&path).unwrap().tells_of(&path), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_replaced_unasked_and_says_again_what_it_rests_on() {
        use crate::base::atomic_file::with_suffix;
        use crate::model::Provenance;
        use crate::scores::provenance::{FileProvenance, ModelProvenance};
        let folder = tempfile::tempdir().unwrap();
        let words = ["love".to_owned()];
        let table = wide(&words, &["best_ever_one"], &[vec![1.5]]);
        let model = ModelProvenance {
            model: "m".into(),
            provenance: Provenance { dtype: "bf16".into(), ..Provenance::of_recorded("lab/m".into()) },
            key: Some(crate::scores::store::Key::of_recorded("x")),
        };
        let origin = FileProvenance::new(vec![model], None);
        for (name, format) in [("x.csv", TableFormat::Csv), ("x.parquet", TableFormat::Parquet)] {
            let path = folder.path().join(name);
            table.save(destination(&path, false).unwrap(), format, &origin.json()).unwrap();
            assert_eq!(destination(&path, false).err().map(|error| error.kind()), Some(io::ErrorKind::AlreadyExists));
            let found = FileProvenance::of_file(&path).unwrap();
            assert_eq!(found.checksum, Some(table.checksum()), "{name}");
            assert_eq!(FileProvenance { checksum: None, ..found }, origin, "{name}");
        }
        assert!(!with_suffix(&folder.path().join("x.parquet"), SIDECAR).exists());
    }
}
