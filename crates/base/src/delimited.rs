//! Tables as text: CSV and its relatives, with the separator, the line ends and the decimal mark that the text itself shows.
//!
//! The csv crate parses. What it accepts in silence is refused here with a line: a quote that is not closed, and rows of
//! another length. A carriage return alone is part of a cell where lines end otherwise, for pandas writes one unquoted.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Terminator};

use super::file_error::FileError;

/// Separators, the likeliest first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// As much of a text as its separator is looked for in, in bytes and rows.
const SAMPLE: usize = 64 << 10;
const SAMPLE_ROWS: usize = 100;

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What stands between two cells.
    pub separator: u8,
    /// Numbers are written as `4,08`.
    pub decimal_comma: bool,
    /// Lines end with a line feed, not with a carriage return alone.
    line_feeds: bool,
    /// Most lines end with a carriage return and a line feed.
    crlf: bool,
    /// Rows have one cell more than the header, a name of their own, as R's `write.table` writes them.
    row_names: bool,
}

impl Dialect {
    /// What a text shows in its first rows: the separator by which they have as many cells as the header. Where several do,
    /// the one that makes most of them; where none does, the one that makes most of the header.
    fn of(text: &str) -> Dialect {
        let sample = whole_lines(text);
        let line_feeds = ends_with_line_feeds(sample);
        let rows_by = |separator| rows(sample, separator, line_feeds);
        let mut best: Option<((bool, bool, usize), Dialect)> = None;
        for separator in SEPARATORS {
            let rows = rows_by(separator);
            let Some((header, rows)) = rows.split_first() else { continue };
            let width = header.len();
            let row_names = separator == b'\t' && rows.len() > 1 && rows.iter().all(|row| row.len() == width + 1);
            let fit = row_names || rows.iter().all(|row| row.len() == width);
            // A header alone shows no more than that it may be separated so.
            let cells = if rows.is_empty() { width.min(2) } else { width };
            let score = (cells > 1 || row_names, fit, cells);
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                let crlf = 2 * rows.iter().chain([header]).filter(|row| ends_with_cr(row)).count() > rows.len();
                let decimal_comma = separator != b',' && has_decimal_commas(rows);
                best = Some((score, Dialect { separator, decimal_comma, line_feeds, crlf, row_names }));
            }
        }
        let plain = Dialect { separator: b',', decimal_comma: false, line_feeds, crlf: false, row_names: false };
        best.map_or(plain, |(_, dialect)| dialect)
    }

    /// What a reader should know of it, where the end of the file's name does not say it.
    pub fn note(&self, ending: &str) -> Option<String> {
        let usual = matches!((ending, self.separator), ("tsv" | "tab", b'\t') | ("csv" | "dicx", b','));
        let decimal = if self.decimal_comma { ", and its numbers have a decimal comma" } else { "" };
        let separator = name_of(self.separator);
        (!usual || self.decimal_comma).then(|| format!("its columns are separated by {separator}{decimal}"))
    }
}

/// What messages call a separator.
fn name_of(separator: u8) -> String {
    if separator == b'\t' { "tabs".to_owned() } else { format!("'{}'", char::from(separator)) }
}

/// A table read row by row from a text.
#[derive(Debug)]
pub struct Delimited {
    path: PathBuf,
    reader: csv::Reader<Cursor<String>>,
    /// Lines of the file before the text.
    before: usize,
    /// How the text is laid out.
    pub dialect: Dialect,
    /// Names of the columns, as they stand in the first row; a column of R's row names is called "".
    pub header: Vec<String>,
}

impl Delimited {
    /// A table from a text that is below `before` other lines of the file. A first line `sep=;`, as Excel understands it, is
    /// no row.
    ///
    /// # Errors
    /// A text without a row, and what is wrong with the first.
    pub fn new(path: &Path, mut text: String, mut before: usize) -> Result<Delimited, FileError> {
        let mut said = None;
        if let Some((separator, length)) = separator_line(&text) {
            said = Some(separator);
            text.drain(..length);
            before += 1;
        }
        let mut dialect = Dialect::of(&text);
        if let Some(separator) = said.filter(|separator| *separator != dialect.separator) {
            let decimal_comma = separator != b',' && has_decimal_commas(&rows(whole_lines(&text), separator, dialect.line_feeds));
            dialect = Dialect { separator, decimal_comma, row_names: false, ..dialect };
        }
        let reader = builder(dialect.separator, dialect.line_feeds).from_reader(Cursor::new(text));
        let mut table = Delimited { path: path.to_owned(), reader, before, dialect, header: Vec::new() };
        let Some(header) = table.next_ragged()? else {
            return Err(FileError::file(path, "it is empty", "Give a file whose first row names its columns"));
        };
        // The lines of a file may end in several ways.
        let name = |name: &str| name.strip_suffix('\r').unwrap_or(name).to_owned();
        table.header = dialect.row_names.then(String::new).into_iter().chain(header.iter().map(name)).collect();
        Ok(table)
    }

    /// The next row, with as many cells as the header; none at the end.
    ///
    /// # Errors
    /// Line and reason of a row that has another number of cells, or whose quotes are not closed.
    pub fn next_row(&mut self) -> Result<Option<StringRecord>, FileError> {
        let Some(row) = self.next_ragged()? else { return Ok(None) };
        if row.len() == self.header.len() {
            return Ok(Some(row));
        }
        let (line, cells, names) = (self.line_of(&row), row.len(), self.header.len());
        let separator = if self.dialect.separator == b',' { "commas".to_owned() } else { name_of(self.dialect.separator) };
        let problem = format!("line {line}: {cells} fields where the header has {names}");
        Err(FileError::file(&self.path, problem, format!("Quote fields that contain {separator} or line breaks")))
    }

    /// The next row, whatever number of cells it has.
    ///
    /// # Errors
    /// As [`Delimited::next_row`], but for the number of cells.
    pub fn next_ragged(&mut self) -> Result<Option<StringRecord>, FileError> {
        loop {
            let (start, mut row) = (self.at(), StringRecord::new());
            match self.reader.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(FileError::file(&self.path, error.to_string(), "Check that it is a table")),
            }
            let raw = &self.text().as_bytes()[start..self.at()];
            if let Some(at) = misquoted(raw, self.dialect.separator) {
                let problem =
                    format!("line {}: the quote that begins a cell here is not closed where it ends", self.line(start + at));
                return Err(FileError::file(&self.path, problem, "Close it, and double each quote that is part of the cell"));
            }
            let ended = row.iter().next_back().and_then(|cell| cell.strip_suffix('\r')).map(str::to_owned);
            if let (true, Some(cell)) = (self.dialect.crlf, ended) {
                row.truncate(row.len() - 1);
                row.push_field(&cell);
            }
            // A line without anything.
            if row.len() > 1 || !matches!(row.get(0), Some("" | "\r")) || raw.contains(&b'"') {
                return Ok(Some(row));
            }
        }
    }

    /// The line of the file, counted from 1, on which a row begins.
    pub fn line_of(&self, row: &StringRecord) -> usize {
        // The csv crate places a row where the one before it ended: before the rest of a CRLF and before empty lines.
        let start = row.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let bytes = self.text().as_bytes();
        let start = start.min(bytes.len());
        self.line(start + bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count())
    }

    fn line(&self, byte: usize) -> usize {
        self.before + 1 + self.text().as_bytes()[..byte].iter().filter(|&&byte| byte == b'\n').count()
    }

    fn at(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX).min(self.text().len())
    }

    fn text(&self) -> &str {
        self.reader.get_ref().get_ref()
    }
}

/// A number that is written with a decimal comma, as one that Rust reads.
pub fn with_decimal_point(number: &str) -> Option<String> {
    let (whole, decimals) = number.split_once(',')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = decimals.split(['e', 'E']).next().unwrap_or(decimals);
    (digits(whole.trim_start_matches(['-', '+'])) && digits(mantissa) && !mantissa.is_empty())
        .then(|| number.replacen(',', ".", 1))
}

fn builder(separator: u8, line_feeds: bool) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).has_headers(false).flexible(true);
    if line_feeds {
        builder.terminator(Terminator::Any(b'\n'));
    }
    builder
}

/// The first rows of a text, without those that are empty.
fn rows(sample: &str, separator: u8, line_feeds: bool) -> Vec<StringRecord> {
    let mut reader = builder(separator, line_feeds).from_reader(sample.as_bytes());
    let rows = reader.records().map_while(Result::ok).filter(|row| row.len() > 1 || !matches!(row.get(0), Some("" | "\r")));
    rows.take(SAMPLE_ROWS).collect()
}

/// The start of a text, up to a line's end.
fn whole_lines(text: &str) -> &str {
    if text.len() <= SAMPLE {
        return text;
    }
    let start = &text[..text.floor_char_boundary(SAMPLE)];
    start.rfind(['\n', '\r']).map_or(start, |end| &start[..=end])
}

/// By what ends the first line, outside quotes.
fn ends_with_line_feeds(text: &str) -> bool {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return true,
            b'\r' if !quoted => return text.as_bytes().get(at + 1) == Some(&b'\n'),
            _ => {}
        }
    }
    true
}

/// Numbers with a decimal comma, and none with a point.
fn has_decimal_commas(rows: &[StringRecord]) -> bool {
    let cells = || rows.iter().flatten().map(str::trim);
    let point = |cell: &str| cell.contains('.') && cell.parse::<f64>().is_ok();
    cells().any(|cell| with_decimal_point(cell).is_some()) && !cells().any(point)
}

/// `sep=;` in the first line: the separator, and the length of the line with its end.
fn separator_line(text: &str) -> Option<(u8, usize)> {
    let line = text.split_inclusive('\n').next()?;
    let said = line.trim_end_matches(['\r', '\n']).trim_matches('"');
    let rest = said.get(..4).filter(|key| key.eq_ignore_ascii_case("sep=")).map(|key| &said.as_bytes()[key.len()..])?;
    let [separator] = rest else { return None };
    Some((*separator, line.len()))
}

fn ends_with_cr(row: &StringRecord) -> bool {
    row.iter().next_back().is_some_and(|cell| cell.ends_with('\r'))
}

/// Where a quote begins a cell of a row and is not closed where the cell ends.
fn misquoted(row: &[u8], separator: u8) -> Option<usize> {
    if !row.contains(&b'"') {
        return None;
    }
    let (mut at, mut begins) = (0, true);
    while at < row.len() {
        if begins && row[at] == b'"' {
            let Some(closed) = closing_quote(row, at) else { return Some(at) };
            let after = row[closed + 1..].iter().find(|byte| !matches!(byte, b' ' | b'\r'));
            if after.is_some_and(|&byte| byte != separator && byte != b'\n') {
                return Some(at);
            }
            (at, begins) = (closed + 1, false);
        } else {
            // Empty lines may come before a row.
            begins = row[at] == separator || (begins && matches!(row[at], b'\r' | b'\n'));
            at += 1;
        }
    }
    None
}

/// Where the cell ends whose opening quote is at `at`; a quote within it is doubled.
fn closing_quote(row: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += row[at..].iter().position(|&byte| byte == b'"')?;
        if row.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a text, with the header as the first.
    fn read(text: &str) -> Result<Vec<Vec<String>>, String> {
        let mut table = Delimited::new(Path::new("x.csv"), text.to_owned(), 0).map_err(|error| error.to_string())?;
        let mut rows = vec![table.header.clone()];
        while let Some(row) = table.next_row().map_err(|error| error.to_string())? {
            rows.push(row.iter().map(str::to_owned).collect());
        }
        Ok(rows)
    }

    fn dialect(text: &str) -> Dialect {
        Delimited::new(Path::new("x.csv"), text.to_owned(), 0).unwrap().dialect
    }

    #[test]
    fn the_separator_is_the_one_by_which_rows_have_the_cells_of_the_header() {
        for (text, separator) in [
            ("word,category\nlove,a;b\n", b','),
            ("word;best\nlove;1,5\nwar;2,5\n", b';'),
            ("word\tbest\nlove, dear\t1\n", b'\t'),
            ("word|category\nlove|a,b\n", b'|'),
            ("word,\"what; is; best\"\nlove,1\n", b','),
            ("word,\"what; is; best\"\n", b','),
            ("word;best\n", b';'),
            ("word,a\nlove,b\nwar,c,d\n", b','),
            ("word\nlove\n", b','),
            ("word;best, ever;worst\nlove;1;2\n", b';'),
            ("sep=;\r\nword;best\r\nlove;1\r\n", b';'),
            ("\"sep=|\"\nword,a\nlove,1\n", b'|'),
        ] {
            assert_eq!(char::from(dialect(text).separator), char::from(separator), "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_one_where_no_number_has_a_point() {
        assert!(dialect("word;a;b\nlove;1,5;2\n").decimal_comma);
        assert!(dialect("sep=;\nword;a\nlove;1,5\n").decimal_comma);
        assert!(!dialect("word;a;b\nlove;1,500;2.5\n").decimal_comma, "these are thousands");
        assert!(!dialect("word,a\n\"ice, cream\",\"1,5\"\n").decimal_comma);
        for (text, number) in
            [("4,08", Some("4.08")), ("-,5e-3", Some("-.5e-3")), ("1.234,5", None), ("1,2,3", None), ("a,b", None)]
        {
            assert_eq!(with_decimal_point(text).as_deref(), number, "{text}");
        }
    }

    #[test]
    fn a_carriage_return_alone_is_text_where_lines_end_otherwise() {
        let expected = [vec!["word", "best"], vec!["\r", "1"], vec!["x\ry", "2"], vec!["\r\n", "3"]];
        for (line_feed, text) in
            [("\n", "word,best\n\r,1\nx\ry,2\n\"\r\n\",3\n"), ("\r\n", "word,best\r\n\r,1\r\nx\ry,2\r\n\r\n\"\r\n\",3\r\n\r\n")]
        {
            assert_eq!(read(text).unwrap(), expected, "{line_feed:?}");
        }
        assert_eq!(read("best,word\n1,\r\n2,x\n").unwrap(), [["best", "word"], ["1", "\r"], ["2", "x"]]);
        assert_eq!(read("word,best\rlove,1\r\rwar,2\r").unwrap(), [["word", "best"], ["love", "1"], ["war", "2"]]);
        assert_eq!(read("word,best\r\nlove,1\nwar,2").unwrap(), [["word", "best"], ["love", "1"], ["war", "2"]]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_an_error_with_its_line() {
        for (text, line) in [
            ("word,category\nlove,\"care\nwar,harm\n", "line 2"),
            ("word,category\r\n\r\nlove,\"care\r\nwar,\"harm\"\r\n", "line 3"),
            ("best,word\n1,a\n2,\"b\n3,c\n", "line 3"),
            ("best,word\n1,a\n2,\"", "line 3"),
            ("best,word\n1,\"a\nb\",\n", "line 2: 3 fields"),
            ("\"word,category\nlove,care\n", "line 1"),
            ("word,category\nlove,\"say \\\"hi\\\"\"\n", "line 2"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(line), "'{line}' is not in: {message}");
        }
        let sound = "word,n\n\"a \"\"b\"\"\",1\n5\" nail,2\n\"\",3\n\"x\" ,4\n\"two\nlines\",5\n";
        assert_eq!(read(sound).unwrap().len(), 6);
    }

    #[test]
    fn names_of_rows_that_r_writes_are_a_column_without_a_name() {
        let rows = read("word\tbest\n1\tlove\t2.5\n2\twar\t1\n").unwrap();
        assert_eq!(rows[..2], [["", "word", "best"], ["1", "love", "2.5"]]);
        assert!(read("word,best\n1,love,2.5\n2,war,1\n").unwrap_err().contains("line 2: 3 fields where the header has 2"));
        assert!(read("").unwrap_err().contains("empty") && read("\n\r\n").unwrap_err().contains("empty"));
    }
}
