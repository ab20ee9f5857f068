//! Readers of word lists: CSV with a word and a category column, LIWC dictionaries (.dicx, .dic), plain lists.
//!
//! A word is taken as it stands, spaces and all; nothing is treated as missing, so `NA` and `null` are words. Every error
//! names file and line.

use std::path::Path;

use super::{Builder, Corpus};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::text_file::{MOST_BYTES, line_of, ragged, read_text};

const WORD_COLUMNS: [&str; 5] = ["word", "token_decoded", "response", "term", "dicterm"];
/// Columns that a note names.
const NAMED: usize = 8;
const CATEGORY_COLUMNS: [&str; 3] = ["category", "categories", "foundation"];

/// Reads a list in the format that its name ends with: `.csv`, `.dicx`, `.dic`; anything else is one word a line.
///
/// # Errors
/// A file that cannot be read, or that has no words.
pub fn read_file(path: &Path) -> Result<Corpus, FileError> {
    let text = read_text(path, MOST_BYTES)?;
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let parse = match extension.as_str() {
        "csv" => parse_csv,
        "dicx" => parse_dicx,
        "dic" => parse_dic,
        _ => parse_plain,
    };
    parse(path, &text)
}

/// Reads one word a line, whatever the file is called.
///
/// # Errors
/// A file that cannot be read, or that has no words.
pub fn read_words_file(path: &Path) -> Result<Corpus, FileError> {
    parse_plain(path, &read_text(path, MOST_BYTES)?)
}

/// CSV with a header: a word column (`word`, `token_decoded`, `response`, `term`) and, where there is one, a category column
/// (`category` or `foundation`, or `categories` with `;` between them).
pub(crate) fn parse_csv(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| ragged(path, text, &error))?.clone();
    let column = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|h| h.trim().eq_ignore_ascii_case(name)));
    let Some(word_at) = column(&WORD_COLUMNS) else {
        let found: Vec<&str> = header.iter().collect();
        let problem = format!("no column of words; its columns are {}", found.join(", "));
        let next = format!("Name the columns word,category, or give a plain list with {}", Remedy::WordsFile);
        return Err(FileError::file(path, problem, next));
    };
    let category_at = column(&CATEGORY_COLUMNS);
    let several = category_at.and_then(|at| header.get(at)).is_some_and(|name| name.trim().eq_ignore_ascii_case("categories"));
    let mut builder = Builder::new(named(path));
    let mut without_word = 0;
    for record in reader.records() {
        let record = record.map_err(|error| ragged(path, text, &error))?;
        let word = record.get(word_at).unwrap_or_default();
        if word.is_empty() {
            without_word += 1;
            continue;
        }
        let category = category_at.and_then(|at| record.get(at)).unwrap_or_default();
        let separator = if several { ';' } else { '\0' };
        builder.add(word, category.split(separator).map(str::trim).filter(|name| !name.is_empty()));
    }
    if without_word > 0 {
        builder.note(format!("{without_word} rows without a word were passed over"));
    }
    if category_at.is_none() && header.len() > 1 {
        let found: Vec<&str> = header.iter().take(NAMED).collect();
        let more = if header.len() > NAMED { ", …" } else { "" };
        let what = "no column is called category, so its words have none; its columns are";
        builder.note(format!("{what} {}{more}", found.join(", ")));
    }
    finish(path, builder)
}

/// LIWC-22: a column of terms, then one column a category with an X where the term belongs.
pub(crate) fn parse_dicx(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| ragged(path, text, &error))?.clone();
    let mut builder = Builder::new(named(path));
    let mut wildcards = 0;
    for record in reader.records() {
        let record = record.map_err(|error| ragged(path, text, &error))?;
        let mut categories = Vec::new();
        for (cell, name) in record.iter().zip(&header).skip(1) {
            match cell.trim() {
                "" | "0" => {}
                "X" | "x" | "1" => categories.push(name.trim()),
                other => {
                    let line = line_of(text, &record);
                    let problem = format!("line {line}: '{other}' under '{}' is neither an X nor empty", name.trim());
                    return Err(FileError::file(path, problem, "Mark membership with X"));
                }
            }
        }
        let term = record.get(0).unwrap_or_default();
        add_term(&mut builder, term, categories, &mut wildcards);
    }
    note_wildcards(&mut builder, wildcards);
    finish(path, builder)
}

/// LIWC before 2022: categories between two `%` lines as `number name`, then terms as `term number number`.
pub(crate) fn parse_dic(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if lines.next().is_none_or(|(_, line)| line.trim() != "%") {
        return Err(FileError::file(path, "line 1 is not %", "A .dic file begins with its categories between two lines of %"));
    }
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (at, line) in lines.by_ref() {
        if line.trim() == "%" {
            break;
        }
        let Some((number, name)) = line.trim().split_once(char::is_whitespace) else {
            let problem = format!("line {}: a category needs a number and a name", at + 1);
            return Err(FileError::file(path, problem, "Write it as: 1 care.virtue"));
        };
        names.push((number, name.trim()));
    }
    let mut builder = Builder::new(named(path));
    let mut wildcards = 0;
    for (at, line) in lines {
        // Terms of several words are told from their numbers by a tab; older files use any white space.
        let mut parts: Vec<&str> =
            if line.contains('\t') { line.split('\t').collect() } else { line.split_whitespace().collect() };
        let term = parts.remove(0).trim();
        let mut categories = Vec::new();
        for number in parts.iter().flat_map(|part| part.split_whitespace()) {
            let Some((_, name)) = names.iter().find(|(known, _)| *known == number) else {
                let problem = format!("line {}: no category has the number '{number}'", at + 1);
                return Err(FileError::file(path, problem, "Name it between the two lines of %"));
            };
            categories.push(*name);
        }
        add_term(&mut builder, term, categories, &mut wildcards);
    }
    note_wildcards(&mut builder, wildcards);
    finish(path, builder)
}

/// One word a line, kept as it stands but for the line end; empty lines are passed over.
pub(crate) fn parse_plain(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let mut builder = Builder::new(named(path));
    for line in text.split('\n') {
        let word = line.strip_suffix('\r').unwrap_or(line);
        if !word.is_empty() {
            builder.add(word, []);
        }
    }
    finish(path, builder)
}

fn add_term(builder: &mut Builder, term: &str, categories: Vec<&str>, wildcards: &mut usize) {
    if term.ends_with('*') {
        *wildcards += 1;
    } else if !term.is_empty() {
        builder.add(term, categories);
    }
}

fn note_wildcards(builder: &mut Builder, wildcards: usize) {
    if wildcards > 0 {
        builder.note(format!("{wildcards} terms that end in * stand for many words and were passed over"));
    }
}

fn finish(path: &Path, mut builder: Builder) -> Result<Corpus, FileError> {
    if builder.repeated() > 0 {
        builder.note(format!("{} repeated rows were merged", builder.repeated()));
    }
    let corpus = builder.finish();
    if corpus.words.is_empty() {
        let notes: String = corpus.notes.iter().map(|note| format!("; {note}")).collect();
        return Err(FileError::file(path, format!("it holds no words{notes}"), "Give a file with at least one word"));
    }
    if corpus.categories.len() > usize::from(u16::MAX) {
        return Err(FileError::file(path, "it has more than 65,535 categories", "Look whether its columns are swapped"));
    }
    Ok(corpus)
}

fn named(path: &Path) -> Corpus {
    Corpus::new(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text_file::utf8;
    use proptest::prelude::*;

    type Parse = fn(&Path, &str) -> Result<Corpus, FileError>;

    fn words(parse: Parse, text: &str) -> Vec<(String, Vec<String>)> {
        let corpus = parse(Path::new("list.x"), text).unwrap();
        let categories = |word| corpus.categories_of(word).map(str::to_owned).collect();
        corpus.words.iter().map(|word| (word.text.to_string(), categories(word))).collect()
    }

    fn word(text: &str, categories: &[&str]) -> (String, Vec<String>) {
        (text.to_owned(), categories.iter().map(|c| (*c).to_owned()).collect())
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read_text(Path::new("/dev/zero"), 1000).unwrap_err().to_string();
        assert!(error.contains("/dev/zero") && error.contains("longer than 1.0 kB"), "{error}");
    }

    #[test]
    fn our_csv_and_the_authors_csv_are_read_alike() {
        let expected = [word("love", &["Communion"]), word("NA", &["Agency"]), word("null", &["Agency"])];
        assert_eq!(words(parse_csv, "word,category\nlove,Communion\nNA,Agency\nnull,Agency\n"), expected);
        assert_eq!(
            words(
                parse_csv,
                "\"Category\",\"token_decoded\"\r\n\"Communion\",\"love\"\r\n\"Agency\",\"NA\"\r\n\"Agency\",\"null\"\r\n"
            ),
            expected
        );
    }

    #[test]
    fn a_column_of_foundations_is_one_of_categories_and_a_list_without_any_says_what_it_has() {
        assert_eq!(words(parse_csv, "Foundation,word\ncare,love\n"), [word("love", &["care"])]);
        let notes = |text: &str| parse_csv(Path::new("list.csv"), text).unwrap().notes;
        assert!(notes("word,kind\nlove,care\n")[0].contains("its columns are word, kind"));
        assert!(notes("word\nlove\n").is_empty(), "a plain list lacks nothing");
    }

    #[test]
    fn quirks_of_csv_do_not_bend_a_word() {
        let text = "word,category\n\"ice, cream\",a\n\"two\nlines\",a\n love ,b\nlove,a\nlove,b\nlove,a\n";
        assert_eq!(
            words(parse_csv, text),
            [word("ice, cream", &["a"]), word("two\nlines", &["a"]), word(" love ", &["b"]), word("love", &["a", "b"])]
        );
    }

    #[test]
    fn dicx_marks_give_categories_and_wildcards_are_passed_over() {
        let text = "DicTerm,Agency,Communion\nlead,X,\nhelp,,X\nfriend*,,X\nbond,x,X\n";
        assert_eq!(
            words(parse_dicx, text),
            [word("lead", &["Agency"]), word("help", &["Communion"]), word("bond", &["Agency", "Communion"])]
        );
        let corpus = parse_dicx(Path::new("x.dicx"), text).unwrap();
        assert!(corpus.notes.iter().any(|note| note.starts_with("1 terms that end in *")), "{:?}", corpus.notes);
    }

    #[test]
    fn dic_numbers_give_categories() {
        let text = "%\n1\tcare.virtue\n2\tcare.vice\n%\n\nkindness\t1\nfor free\t1\t2\n";
        assert_eq!(words(parse_dic, text), [word("kindness", &["care.virtue"]), word("for free", &["care.virtue", "care.vice"])]);
    }

    #[test]
    fn a_plain_list_keeps_spaces_and_knows_no_comments() {
        assert_eq!(words(parse_plain, " love\r\nlove\n\n# x\nlove"), [word(" love", &[]), word("love", &[]), word("# x", &[])]);
    }

    #[test]
    fn errors_name_file_line_and_next_step() {
        let error = |parse: Parse, text: &str| parse(Path::new("list.csv"), text).unwrap_err().to_string();
        for (message, naming) in [
            (error(parse_csv, "word,category\na,b\nc,d,e\n"), &["list.csv", "line 3", "3 fields", "2"][..]),
            (error(parse_csv, "word,category\r\na,b\r\n\r\nc,d,e\r\n"), &["line 4"]),
            (error(parse_csv, "word,category\n\"a\nb\",c\n\"c,d\n"), &["line 4"]),
            (error(parse_csv, "wort,kategorie\na,b\n"), &["wort, kategorie", "word,category"]),
            (error(parse_plain, "\n\n"), &["no words"]),
            (error(parse_csv, "word,category\n"), &["no words"]),
            (error(parse_dicx, "DicTerm,A\nlov*,X\n"), &["no words", "1 terms that end in *"]),
            (error(parse_dicx, "DicTerm,A\nlove,maybe\n"), &["line 2", "maybe", "'A'"]),
            (error(parse_dic, "%\n1 a\n%\nlove\t7\n"), &["line 4", "'7'"]),
            (error(parse_dic, "love 1\n"), &["line 1"]),
            (
                utf8(Path::new("l.txt"), b"ok\ncaf\xe9".to_vec()).unwrap_err().to_string(),
                &["l.txt", "line 2", "0xe9", "iconv -f latin1"],
            ),
            (utf8(Path::new("l.txt"), b"\xff\xfel\0".to_vec()).unwrap_err().to_string(), &["line 1", "iconv -f utf-16"]),
        ] {
            for name in naming {
                assert!(message.contains(name), "'{name}' is not in: {message}");
            }
        }
    }

    #[test]
    fn columns_that_were_swapped_are_noticed() {
        let rows: String = (0..70_000).map(|i| format!("noun,word{i}\n")).collect();
        let message = parse_csv(Path::new("x.csv"), &format!("word,category\n{rows}")).unwrap_err().to_string();
        assert!(message.contains("65,535 categories"), "{message}");
    }

    proptest! {
        /// From the pieces that the formats are made of, as arbitrary bytes are hardly ever a file that is read past its start.
        #[test]
        fn no_text_makes_a_reader_panic(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(vec![
                        "word", "category", "DicTerm", "X", "%", "1", "love*", ",", ",", "\"", "\t", " ", "\r", "\n", "\n", "\r\n", "\u{feff}", "é",
                    ]).prop_map(|piece| piece.as_bytes().to_vec()),
                    proptest::collection::vec(any::<u8>(), 0..4),
                ],
                0..60,
            )
        ) {
            let bytes = pieces.concat();
            let lossy = String::from_utf8_lossy(&bytes).into_owned();
            for text in [utf8(Path::new("x"), bytes).ok(), Some(lossy)].into_iter().flatten() {
                for header in ["", "word,category\n", "DicTerm,a,b\r\n", "%\n1\ta\n%\n"] {
                    for parse in [parse_csv, parse_dicx, parse_dic, parse_plain] {
                        let _ = parse(Path::new("x"), &format!("{header}{text}"));
                    }
                }
            }
        }

        #[test]
        fn any_word_survives_csv(list in proptest::collection::hash_set("\\PC{1,12}", 1..20)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["word", "category"]).unwrap();
            for word in &list {
                writer.write_record([word.as_str(), "c"]).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: std::collections::HashSet<String> = words(parse_csv, &text).into_iter().map(|(word, _)| word).collect();
            prop_assert_eq!(read, list);
        }
    }
}
