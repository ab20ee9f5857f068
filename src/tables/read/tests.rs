use super::*;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Three words (`NA` among them) under three prompts, whose columns are of three types; `single` has a gap.
pub(crate) fn parquet_bytes(compression: Compression) -> Vec<u8> {
    parquet_with(compression, None)
}

pub(crate) fn parquet_with(compression: Compression, pandas: Option<&str>) -> Vec<u8> {
    let schema = "message scores { REQUIRED BYTE_ARRAY response (UTF8); REQUIRED DOUBLE double; OPTIONAL FLOAT single; REQUIRED INT32 whole; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let metadata = pandas.map(|text| vec![KeyValue::new("pandas".to_owned(), text.to_owned())]);
    let properties = WriterProperties::builder().set_compression(compression).set_key_value_metadata(metadata);
    let properties = Arc::new(properties.build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let words = ["love", "NA", " love"].map(ByteArray::from);
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&words, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[0.1, f64::NAN, -2.5], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FloatType>().write_batch(&[1.5, 0.1], Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[3, 2, 1], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn rows(path: &Path) -> Result<Vec<(String, Vec<f64>)>, FileError> {
    let mut table = Table::open(path)?;
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        let numbers = (1..table.header.len()).map(|column| table.number(&row, column)).collect::<Result<_, _>>()?;
        rows.push((row.text(0).into_owned(), numbers));
    }
    Ok(rows)
}

#[test]
fn parquet_columns_of_every_number_type_are_read_and_gaps_are_nan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ] {
        std::fs::write(&path, parquet_bytes(compression)).unwrap();
        assert_eq!(header(&path).unwrap(), ["response", "double", "single", "whole"]);
        let rows = rows(&path).unwrap();
        let words: Vec<&str> = rows.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["love", "NA", " love"], "{compression}");
        assert_eq!(rows[0].1, [0.1, 1.5, 3.0]);
        assert_eq!(rows[2].1, [-2.5, f64::from(0.1_f32), 1.0]);
        assert!(rows[1].1[0].is_nan() && rows[1].1[1].is_nan());
    }
}

/// As pandas writes a data frame whose index is not that of its rows.
#[test]
fn an_index_of_pandas_is_told_by_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let metadata = r#"{"index_columns": ["whole"], "columns": []}"#;
    std::fs::write(&path, parquet_with(Compression::SNAPPY, Some(metadata))).unwrap();
    assert_eq!(Table::open(&path).unwrap().index, ["whole"]);
}

#[test]
fn a_codec_that_is_not_read_is_no_damage() {
    let path = Path::new("x.parquet");
    let error = guarded::<()>(path, || Err(ParquetError::General("Disabled feature at compile time: x".to_owned())));
    let message = error.unwrap_err().to_string();
    assert!(message.contains("gzip") && message.contains("to_parquet") && !message.contains("Fetch"), "{message}");
    let message = guarded::<()>(path, || Err(ParquetError::EOF("cut".to_owned()))).unwrap_err().to_string();
    assert!(message.contains("Fetch the file again"), "{message}");
}

#[test]
fn a_word_column_taken_for_scores_is_refused_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, parquet_bytes(Compression::SNAPPY)).unwrap();
    let mut table = Table::open(&path).unwrap();
    let row = table.next_row().unwrap().unwrap();
    let message = table.number(&row, 0).unwrap_err().to_string();
    for naming in ["x.parquet", "row 1", "column response", "'love'"] {
        assert!(message.contains(naming), "'{naming}' is not in: {message}");
    }
}

#[test]
fn damage_is_an_error_or_other_numbers_but_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let whole = parquet_bytes(Compression::SNAPPY);
    let mut refused = 0;
    std::fs::write(&path, &whole).unwrap();
    assert!(rows(&path).is_ok(), "the whole file is sound");
    for at in (0..whole.len()).step_by(5) {
        let mut bent = whole.clone();
        bent[at] ^= 0x15;
        for bytes in [&bent[..], &whole[..at]] {
            std::fs::write(&path, bytes).unwrap();
            refused += usize::from(rows(&path).is_err());
        }
    }
    assert!(refused > whole.len() / 5, "{refused}: a cut file, at least, is refused");
}
