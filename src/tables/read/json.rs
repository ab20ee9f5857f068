//! The cells of a line of JSON, with numbers as they are written and with those that are none to JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::Content;
use crate::base::file_error::FileError;

/// A line of JSON in which `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not know, are texts.
pub(super) fn with_texts_for_not_finite(line: &str) -> Cow<'_, str> {
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

/// What is to be said of a line that holds none.
pub(super) fn no_object(path: &Path, line: usize, error: &serde_json::Error) -> FileError {
    let problem = format!("line {line}: not a JSON object: {error}");
    FileError::file(path, problem, "JSON lines hold one object a line")
}

/// The cells of one line by their names. serde_json rounds numbers of many digits a little, so those are read from the text.
pub(super) fn cells(path: &Path, line: usize, text: &str) -> Result<HashMap<String, Content>, FileError> {
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
