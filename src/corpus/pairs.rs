//! Pairs of answers of which people chose one: JSON lines with `prompt`, `chosen` and `rejected`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::base::file_error::FileError;
use crate::base::text_file::{MOST_BYTES, read_text};

/// A question with the answer that was chosen and the one that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerPair {
    /// The question.
    pub prompt: String,
    /// The answer that was preferred.
    pub chosen: String,
    /// The answer that was not.
    pub rejected: String,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    prompt: Option<String>,
    chosen: Value,
    rejected: Value,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    content: String,
}

/// The pairs of a file, and how many were left out because they are conversations of several turns, which these models are
/// not asked here. An answer is a text, or a conversation of one question and one answer.
///
/// # Errors
/// File and line of what is neither.
pub fn read_pairs(path: &Path) -> Result<(Vec<AnswerPair>, usize), FileError> {
    let text = read_text(path, MOST_BYTES)?;
    let mut pairs = Vec::new();
    let mut several = 0;
    for (line, at) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let wrong = |problem: String| {
            let next = "Each line is an object as {\"prompt\": \"…\", \"chosen\": \"…\", \"rejected\": \"…\"}";
            FileError::file(path, format!("line {at}: {problem}"), next)
        };
        let Line { prompt, chosen, rejected } = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let of = |name: &str, value: Value| {
            answer(value).ok_or_else(|| wrong(format!("`{name}` is neither a text nor a conversation")))
        };
        let (chosen, rejected) = (of("chosen", chosen)?, of("rejected", rejected)?);
        let (Answer::One(asked, chosen), Answer::One(also, rejected)) = (chosen, rejected) else {
            several += 1;
            continue;
        };
        let Some(prompt) = prompt.or(asked.clone()).or(also.clone()) else {
            return Err(wrong("there is no `prompt`".to_owned()));
        };
        if [asked, also].into_iter().flatten().any(|asked| asked != prompt) {
            return Err(wrong("the answers are to different questions".to_owned()));
        }
        pairs.push(AnswerPair { prompt, chosen, rejected });
    }
    if pairs.is_empty() && several == 0 {
        return Err(FileError::file(path, "it holds no pairs", "Give JSON lines with prompt, chosen and rejected"));
    }
    Ok((pairs, several))
}

enum Answer {
    /// With the question, where it stands beside.
    One(Option<String>, String),
    SeveralTurns,
}

fn answer(value: Value) -> Option<Answer> {
    if let Value::String(text) = value {
        return Some(Answer::One(None, text));
    }
    let turns: Vec<Turn> = serde_json::from_value(value).ok()?;
    let roles: Vec<&str> = turns.iter().map(|turn| turn.role.as_str()).collect();
    let mut contents = turns.iter().map(|turn| turn.content.clone());
    match roles[..] {
        [] => None,
        ["assistant"] => Some(Answer::One(None, contents.next()?)),
        ["user", "assistant"] => Some(Answer::One(contents.next(), contents.next()?)),
        _ => Some(Answer::SeveralTurns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<AnswerPair>, usize), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pairs.jsonl");
        std::fs::write(&path, text).unwrap();
        read_pairs(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_and_conversations_of_one_turn_are_pairs() {
        let turns = |answer: &str| format!(r#"[{{"role":"user","content":"q"}},{{"role":"assistant","content":"{answer}"}}]"#);
        let text = format!(
            "{}\r\n\n{{\"chosen\":{},\"rejected\":{},\"id\":3}}\n{}\n",
            r#"{"prompt":"q","chosen":"a","rejected":"b\n"}"#,
            turns("a"),
            turns("b\\n"),
            r#"{"prompt":"q","chosen":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":"b"}"#,
        );
        let (pairs, several) = read(&text).unwrap();
        assert_eq!((pairs.len(), several), (2, 1));
        assert_eq!(pairs[0], AnswerPair { prompt: "q".into(), chosen: "a".into(), rejected: "b\n".into() });
        assert_eq!(pairs[0], pairs[1]);
    }

    #[test]
    fn what_is_no_pair_is_named_by_its_line() {
        for (text, naming) in [
            (
                "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"prompt\":\"q\",\"chosen\":\"a\"}\n",
                "line 2: missing field `rejected`",
            ),
            ("not json\n", "line 1"),
            ("{\"prompt\":\"q\",\"chosen\":3,\"rejected\":\"b\"}", "`chosen` is neither"),
            ("{\"chosen\":\"a\",\"rejected\":\"b\"}", "no `prompt`"),
            (
                "{\"prompt\":\"p\",\"chosen\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"}],\"rejected\":\"b\"}",
                "different questions",
            ),
            ("\n", "no pairs"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(naming), "'{naming}' is not in: {message}");
        }
    }
}
