//! Text files that a user names: bounded, unpacked, UTF-8, with what is wrong and in which line.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use super::file_error::FileError;

/// Larger files are refused: no word list comes near.
pub const MOST_BYTES: u64 = 256 << 20;

/// Ends of the names of packed files.
const PACKED: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
/// First bytes of files that hold no text, what such a file is, and what to do.
const BINARY: [(&[u8], &str, &str); 10] = [
    (b"PK\x03\x04", "a workbook (.xlsx, .ods) or a ZIP archive", "Save the sheet as CSV in UTF-8, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old workbook of Excel (.xls)", "Save the sheet as CSV in UTF-8"),
    (b"PAR1", "a Parquet file", "Let its name end with .parquet"),
    (b"ARROW1", "an Arrow (Feather) file", "Save it as CSV or Parquet"),
    (b"FEA1", "a Feather file", "Save it as CSV or Parquet"),
    (b"%PDF", "a PDF", "Save its table as CSV"),
    (b"SQLite format 3", "an SQLite database", "Export its table as CSV"),
    (b"BZh", "packed with bzip2", "Unpack it: gzip and Zstandard are unpacked here"),
    (b"\xfd7zXZ", "packed with xz", "Unpack it: gzip and Zstandard are unpacked here"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it"),
];

/// A file of at most `most_bytes` as text, without a byte order mark. A file packed with gzip or Zstandard is unpacked, and the
/// bound is on what it holds.
///
/// # Errors
/// A file that cannot be read, is longer, or holds no UTF-8.
pub fn read_text(path: &Path, most_bytes: u64) -> Result<String, FileError> {
    let meta = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
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
    let bytes = start(path, most_bytes + 1)?;
    if bytes.len() as u64 > most_bytes {
        return Err(too_long(format!("longer than {}", crate::text::bytes(most_bytes))));
    }
    utf8(path, bytes)
}

/// The first bytes of what a file holds, unpacked; at most this many.
///
/// # Errors
/// A file that cannot be read or unpacked.
pub fn start(path: &Path, most_bytes: u64) -> Result<Vec<u8>, FileError> {
    let mut file = BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
    let packed = match file.fill_buf().map_err(|error| unreadable(path, &error))? {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("Zstandard"),
        _ => None,
    };
    let unpacked: io::Result<Box<dyn Read>> = match packed {
        Some("gzip") => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file))),
        Some(_) => zstd::stream::read::Decoder::with_buffer(file).map(|decoder| Box::new(decoder) as Box<dyn Read>),
        None => Ok(Box::new(file)),
    };
    let mut bytes = Vec::new();
    match (unpacked.and_then(|reader| reader.take(most_bytes).read_to_end(&mut bytes)), packed) {
        (Ok(_), _) => Ok(bytes),
        (Err(error), None) => Err(unreadable(path, &error)),
        (Err(error), Some(by)) => {
            Err(FileError::file(path, format!("cannot be unpacked with {by}: {error}"), "Fetch the file again"))
        }
    }
}

/// The end of a file's name in lower case, such as `csv`; of a packed file the one before, as in `x.csv.gz`.
pub fn ending(path: &Path) -> String {
    unpacked_name(path).extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The name of a file without its [`ending`].
pub fn stem(path: &Path) -> String {
    unpacked_name(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn unpacked_name(path: &Path) -> &Path {
    let is_packed = path.extension().is_some_and(|end| PACKED.iter().any(|known| end.eq_ignore_ascii_case(known)));
    path.file_stem().map(Path::new).filter(|_| is_packed).unwrap_or(path)
}

/// Bytes as text, without a byte order mark.
///
/// # Errors
/// Line and byte of what is not UTF-8, or what the file is instead of a text.
pub fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    if is_utf16(&bytes) {
        return Err(FileError::file(path, "line 1 is not UTF-8 but UTF-16", iconv("utf-16")));
    }
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => error,
    };
    let bytes = error.as_bytes();
    if let Some((_, what, next)) = BINARY.iter().find(|(first, ..)| bytes.starts_with(first)) {
        return Err(FileError::file(path, format!("is {what} and no text"), *next));
    }
    let at = error.utf8_error().valid_up_to();
    let line = bytes[..at].iter().filter(|&&b| b == b'\n').count() + 1;
    if bytes.contains(&0) {
        return Err(FileError::file(path, format!("holds binary data in line {line} and is no text"), "Give a text file"));
    }
    let byte = bytes.get(at).copied().unwrap_or_default();
    Err(FileError::file(path, format!("line {line} is not UTF-8 (byte 0x{byte:02x})"), iconv("latin1")))
}

fn iconv(from: &str) -> String {
    format!("Convert it, for example with: iconv -f {from} -t utf-8")
}

/// By its byte order mark; without one, every other byte of the start is zero.
fn is_utf16(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(64) & !1];
    let zero = |byte: &[u8; 2], at: usize| byte[at] == 0 && byte[1 - at] != 0;
    let pairs = || start.as_chunks::<2>().0.iter();
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || (start.len() >= 4 && (pairs().all(|pair| zero(pair, 0)) || pairs().all(|pair| zero(pair, 1))))
}

fn unreadable(path: &Path, error: &io::Error) -> FileError {
    FileError::file(path, format!("cannot be read: {error}"), "Check the name and the permissions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn read(bytes: &[u8], most: u64) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv.gz");
        std::fs::write(&path, bytes).unwrap();
        read_text(&path, most).map_err(|error| error.to_string())
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_files_are_unpacked_and_the_bound_is_on_what_they_hold() {
        let text = "love\n".repeat(2000);
        let zstandard = zstd::encode_all(text.as_bytes(), 1).unwrap();
        let twice = [gzip(b"love\n"), gzip(b"war\n")].concat();
        assert_eq!(read(&gzip(text.as_bytes()), 10_000).unwrap(), text);
        assert_eq!(read(&zstandard, 10_000).unwrap(), text);
        assert_eq!(read(&twice, 100).unwrap(), "love\nwar\n", "a file of several parts");
        for packed in [gzip(text.as_bytes()), zstandard] {
            assert!(read(&packed, 9_999).unwrap_err().contains("longer than 10.0 kB"));
            assert!(read(&packed[..packed.len() - 6], 10_000).unwrap_err().contains("cannot be unpacked"));
        }
        assert!(read(&gzip(b"caf\xe9\n"), 100).unwrap_err().contains("iconv -f latin1"));
    }

    #[test]
    fn a_packed_file_is_called_as_it_is_called_unpacked() {
        for (name, end, rest) in
            [("a.csv.gz", "csv", "a"), ("a.b.TSV.ZST", "tsv", "a.b"), ("a.csv", "csv", "a"), ("a.gz", "", "a"), ("a", "", "a")]
        {
            assert_eq!((ending(Path::new(name)), stem(Path::new(name))), (end.to_owned(), rest.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_is_no_text_is_named_and_not_called_another_encoding() {
        for (bytes, naming) in [
            (&b"PK\x03\x04\x14\0\0\x08\xff"[..], ".xlsx"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
            (b"PAR1\x15\x04\xff", "Parquet"),
            (b"BZh91AY&SY\xff", "bzip2"),
            (b"love\n\0\xff\xfe", "binary data in line 2"),
            (b"\xff\xfew\0", "iconv -f utf-16"),
            (b"w\0o\0r\0d\0", "iconv -f utf-16"),
            (b"\0w\0o\0r\0d", "iconv -f utf-16"),
        ] {
            let message = read(bytes, 100).unwrap_err();
            assert!(message.contains(naming) && !message.contains("latin1"), "'{naming}' is not in: {message}");
        }
        assert_eq!(read(b"a\0b\n", 100).unwrap(), "a\0b\n", "a control character is text");
    }
}
