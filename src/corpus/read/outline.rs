//! Dictionaries that name each category and then its words: JSON, Lexicoder's .lc3, WordStat's .cat; and YAML, which is named
//! and not read. A category within another is called by both: `harm.physical`.

use std::path::Path;

use serde_json::Value;

use super::Terms;
use crate::base::file_error::FileError;
use crate::corpus::Corpus;

/// Reads a text that is such a dictionary, by the end of its name or by how it begins; none where it is no such dictionary.
pub(super) fn read(path: &Path, ending: &str, text: &str) -> Option<Result<Corpus, FileError>> {
    match ending {
        "json" => Some(json(path, text)),
        "lc3" | "lcd" => Some(lexicoder(path, text)),
        "cat" => Some(wordstat(path, text)),
        "yml" | "yaml" => Some(Err(yaml(path))),
        "csv" | "tsv" | "tab" | "dic" | "dicx" => None,
        _ if is_json(text) => Some(json(path, text)),
        _ if is_yaml(text) => Some(Err(yaml(path))),
        _ if text.trim_start().starts_with("<?xml") => {
            let problem = "is XML, such as a dictionary of Yoshikoder, which is not read";
            Some(Err(FileError::file(path, problem, AS_TABLE)))
        }
        _ => None,
    }
}

const AS_TABLE: &str = "Write it as CSV with the columns word,category";

fn is_json(text: &str) -> bool {
    let text = text.trim();
    let braces = (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'));
    braces && text.contains('"')
}

/// A name with a colon, and behind it or in the next line a list.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#') && *line != "---");
    let Some((name, rest)) = lines.next().and_then(|line| line.split_once(':')) else { return false };
    let rest = rest.trim();
    let next = lines.next().unwrap_or_default();
    let is_list = rest.starts_with('[') || (rest.is_empty() && (next.trim_start().starts_with("- ") || next.starts_with("  ")));
    !name.is_empty() && is_list
}

fn yaml(path: &Path) -> FileError {
    let problem = "is a dictionary in YAML, such as quanteda writes, which is not read";
    FileError::file(path, problem, "Write it as JSON, {\"category\": [\"word\", …], …}, or as CSV with the columns word,category")
}

fn json(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let lines = text.trim_end().lines().filter(|line| line.starts_with('{')).count();
        let next = if lines > 1 { "JSON lines are no word list: write CSV with the columns word,category" } else { FORM };
        FileError::file(path, format!("is no JSON: {error}"), next)
    })?;
    let mut terms = Terms::new(path);
    let all_texts = |map: &serde_json::Map<String, Value>| map.len() > 1 && map.values().all(Value::is_string);
    match &value {
        Value::Object(map) if all_texts(map) => {
            let problem = "it gives each name one text: which of the two is the word cannot be known";
            return Err(FileError::file(path, problem, FORM));
        }
        Value::Object(map) if map.values().any(Value::is_number) => {
            let problem = "it gives words numbers, as a list of ratings does, and no categories";
            return Err(FileError::file(
                path,
                problem,
                "Write it as CSV with the columns word,rating, and give it to `stats --ratings`",
            ));
        }
        Value::Object(_) | Value::Array(_) => walk(path, &value, "", &mut terms)?,
        _ => return Err(FileError::file(path, "it is neither a dictionary nor a list", FORM)),
    }
    terms.finish(path)
}

const FORM: &str = "Write it as {\"category\": [\"word\", …], …}";

fn walk(path: &Path, value: &Value, category: &str, terms: &mut Terms) -> Result<(), FileError> {
    match value {
        Value::String(word) => terms.add(word, &[category]),
        Value::Array(values) => values.iter().try_for_each(|value| match value {
            Value::Object(map) if category.is_empty() => {
                let names = map.keys().take(super::NAMED).cloned().collect::<Vec<_>>().join(", ");
                let problem = format!("it is a list of records ({names}), not a dictionary");
                Err(FileError::file(path, problem, format!("{AS_TABLE}, or as {{\"category\": [\"word\", …], …}}")))
            }
            value => walk(path, value, category, terms),
        })?,
        Value::Object(map) => map.iter().try_for_each(|(name, value)| {
            walk(path, value, &if category.is_empty() { name.clone() } else { format!("{category}.{name}") }, terms)
        })?,
        other => {
            let problem = format!("{other} under '{category}' is no word");
            return Err(FileError::file(path, problem, FORM));
        }
    }
    Ok(())
}

/// `+category`, then a line for each of its words.
fn lexicoder(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let (mut terms, mut category) = (Terms::new(path), None);
    for (line, at) in text.lines().zip(1..).map(|(line, at)| (line.trim(), at)).filter(|(line, _)| !line.is_empty()) {
        match (line.strip_prefix('+'), category) {
            (Some(name), _) if !name.trim().is_empty() => category = Some(name.trim()),
            (_, Some(category)) => terms.add(line, &[category]),
            _ => {
                let problem = format!("line {at} comes before any category");
                return Err(FileError::file(path, problem, "In a dictionary of Lexicoder a line +name begins each category"));
            }
        }
    }
    terms.finish(path)
}

/// Categories and words one below the other, indented by tabs; a word has its weight behind it: `widget (1)`.
fn wordstat(path: &Path, text: &str) -> Result<Corpus, FileError> {
    let (mut terms, mut names, mut words): (_, Vec<&str>, _) = (Terms::new(path), Vec::new(), 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let depth = line.chars().take_while(|letter| letter.is_whitespace()).filter(|letter| *letter == '\t').count();
        let weight = |text: &&str| text.strip_suffix(')').is_some_and(|number| number.parse::<f64>().is_ok());
        match line.trim().rsplit_once(" (").filter(|(_, rest)| weight(rest)) {
            Some((word, _)) => {
                let category = names[..depth.min(names.len())].join(".");
                terms.add(word.trim(), &[&category]);
                words += 1;
            }
            None => {
                names.truncate(depth);
                names.push(line.trim());
            }
        }
    }
    if words == 0 {
        let problem = "no line is a word of a WordStat dictionary";
        return Err(FileError::file(path, problem, "Words are indented by tabs below their category, as in: widget (1)"));
    }
    terms.finish(path)
}
