//! Names of columns where no line of its own gives them: those of JSON lines, and those that pandas notes in Parquet.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{no_object, with_texts_for_not_finite};
use crate::base::file_error::FileError;

/// The names in all lines, in the order in which they come up: a line may lack what it has no value for.
pub(super) fn of_lines(path: &Path, text: &str) -> Result<Vec<String>, FileError> {
    let mut names = Names::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        names.add(&with_texts_for_not_finite(line)).map_err(|error| no_object(path, at + 1, &error))?;
    }
    Ok(names.order)
}

/// The same of the start of a file: of the lines that stand there whole, and of the first in any case.
pub(super) fn of_start(path: &Path, start: &[u8]) -> Result<Vec<String>, FileError> {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}');
    let whole = text.rfind('\n').map_or(text, |end| &text[..end]);
    of_lines(path, if whole.trim().is_empty() { text } else { whole })
}

/// The columns that pandas wrote for a data frame's index.
pub(super) fn pandas_index(metadata: &str) -> Vec<String> {
    let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    let columns = metadata["index_columns"].as_array().cloned().unwrap_or_default();
    // An index that only counts is told by its range, and has no column.
    columns.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[derive(Default)]
struct Names {
    known: HashSet<String>,
    order: Vec<String>,
}

impl Names {
    /// Values are passed over, not kept.
    fn add(&mut self, object: &str) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(object);
        reader.deserialize_map(Object(self))?;
        reader.end()
    }
}

struct Object<'a>(&'a mut Names);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Name(self.0))?.is_some() {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

struct Name<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        if !self.0.known.contains(name) {
            self.0.known.insert(name.to_owned());
            self.0.order.push(name.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_lines_are_gathered_and_a_broken_line_is_named() {
        let names = |text: &str| of_lines(Path::new("x.jsonl"), text).map_err(|error| error.to_string());
        assert_eq!(names("{\"a\":1,\"b\":{\"c\":[2]}}\n\n{\"d\\u00e9\":null,\"a\":2}\n").unwrap(), ["a", "b", "d\u{e9}"]);
        for text in ["{\"a\":1}\n[1]\n", "{\"a\":1}\n{\"a\":}\n", "{\"a\":1}\n{} {}\n"] {
            let message = names(text).unwrap_err();
            assert!(message.contains("line 2") && message.contains("JSON object"), "{message}");
        }
        let cut = of_start(Path::new("x.jsonl"), b"\xef\xbb\xbf{\"a\":1}\n{\"b\":2}\n{\"c\"").unwrap();
        assert_eq!(cut, ["a", "b"], "a line that is cut off names nothing");
    }

    #[test]
    fn pandas_names_its_index() {
        let named = r#"{"index_columns": ["idx", {"kind": "range", "name": null}], "columns": []}"#;
        assert_eq!(pandas_index(named), ["idx"]);
        assert!(pandas_index("").is_empty() && pandas_index("[1]").is_empty());
    }
}
