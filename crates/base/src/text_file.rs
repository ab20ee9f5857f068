//! Text files that a user names: bounded, UTF-8, with the line of what is wrong.

use std::io::Read as _;
use std::path::Path;

use csv::StringRecord;

use super::file_error::FileError;

/// Larger files are refused: no word list comes near.
pub const MOST_BYTES: u64 = 256 << 20;

/// A file of at most `most_bytes` as text, without a byte order mark.
pub fn read_text(path: &Path, most_bytes: u64) -> Result<String, FileError> {
    let unreadable =
        |error: std::io::Error| FileError::file(path, format!("cannot be read: {error}"), "Check the name and the permissions");
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(FileError::file(path, "is a directory", "Give one of its files"));
    }
    let too_long = |size: String| {
        let problem = format!("is {size}, more than such a file can be");
        FileError::file(path, problem, format!("Give a file of at most {}", crate::text::bytes(most_bytes)))
    };
    if meta.len() > most_bytes {
        return Err(too_long(crate::text::bytes(meta.len())));
    }
    // A pipe or a device has no size beforehand, and may have no end.
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > most_bytes {
        return Err(too_long(format!("longer than {}", crate::text::bytes(most_bytes))));
    }
    utf8(path, bytes)
}

/// Bytes as text, without a byte order mark; the error names line and byte.
pub fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..at];
            let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            let problem = format!("line {line} is not UTF-8 (byte 0x{byte:02x})");
            // What spreadsheets save as "Unicode text" begins with a byte order mark of UTF-16.
            let from = if matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) { "utf-16" } else { "latin1" };
            Err(FileError::file(path, problem, format!("Convert it, for example with: iconv -f {from} -t utf-8")))
        }
    }
}

/// What is wrong with the form of a CSV text.
pub fn ragged(path: &Path, text: &str, error: &csv::Error) -> FileError {
    let place = error.position().map(|position| format!("line {}: ", line_at(text, position))).unwrap_or_default();
    let (problem, next) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem = format!("{place}{len} fields where the header has {expected_len}");
            (problem, "Quote fields that contain commas or line breaks")
        }
        csv::ErrorKind::Utf8 { .. } => (format!("{place}not UTF-8"), "Convert it, for example with: iconv -f latin1 -t utf-8"),
        _ => (format!("{place}{error}"), "Check that it is a CSV file and can be read"),
    };
    FileError::file(path, problem, next)
}

/// The line, counted from 1, on which a record of `text` begins.
pub fn line_of(text: &str, record: &StringRecord) -> usize {
    record.position().map_or(1, |position| line_at(text, position))
}

/// The csv crate places a record where the one before it ended: before the rest of a CRLF and before empty lines.
fn line_at(text: &str, position: &csv::Position) -> usize {
    let bytes = text.as_bytes();
    let end = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
    let blank = bytes[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    bytes[..end + blank].iter().filter(|&&byte| byte == b'\n').count() + 1
}
