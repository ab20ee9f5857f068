//! Which row of a head with several is the reward, by what config.json calls them.

use crate::format::config::{ModelConfig, refusal};
use crate::format::files::Files;
use crate::{HeadRow, ModelError};
use rewardscope_base::remedy::Remedy;
use rewardscope_base::text;

/// Labels of rows that are high where an answer is bad.
const NEGATIVE: [&str; 24] = [
    "rejected",
    "reject",
    "negative",
    "neg",
    "bad",
    "worse",
    "unsafe",
    "harmful",
    "toxic",
    "incorrect",
    "unacceptable",
    "dispreferred",
    "no",
    "false",
    "wrong",
    "fail",
    "failed",
    "lose",
    "loser",
    "invalid",
    "refused",
    "contradiction",
    "hate",
    "spam",
];
/// Labels of rows that are high where an answer is good.
const POSITIVE: [&str; 21] = [
    "chosen",
    "accepted",
    "positive",
    "pos",
    "good",
    "better",
    "safe",
    "harmless",
    "helpful",
    "correct",
    "acceptable",
    "preferred",
    "yes",
    "true",
    "right",
    "pass",
    "passed",
    "win",
    "winner",
    "valid",
    "entailment",
];
/// Labels that a message names before it says how many more there are.
const NAMED: usize = 12;

/// The row to read of a plain head with so many `rows`, and what there is to say of it; none for row 0. `asked` is what the
/// user or the catalogue wants.
///
/// A row 0 that is called bad gives way to the only one that is called good.
///
/// # Errors
/// A label that no row has, and a row 0 that is called bad where not exactly one row is called good.
pub fn choose(
    files: &Files,
    config: &ModelConfig,
    rows: usize,
    asked: Option<&HeadRow>,
) -> Result<(Option<usize>, Option<String>), ModelError> {
    if let Some(asked) = asked {
        return Ok((Some(number(files, config, asked)?), None));
    }
    if rows < 2 || config.token_logit.is_some() {
        return Ok((None, None));
    }
    let rows = match config.label_names.len() == rows {
        true => named_rows(config),
        false => format!("{rows}, without labels"),
    };
    let choice = Remedy::HeadRow;
    if !config.label_names.get(&0).is_some_and(|label| is_one_of(label, &NEGATIVE)) {
        return Ok((
            None,
            Some(format!("the head has several rows: {rows}. Row 0 is read as the reward; {choice} takes another")),
        ));
    }
    let good: Vec<usize> =
        config.label_names.iter().filter(|(_, label)| is_one_of(label, &POSITIVE)).map(|(row, _)| *row).collect();
    match good[..] {
        [row] => {
            let note = format!(
                "the head has several rows: {rows}. Row {row} is read as the reward, since row 0 is called bad; {choice} takes another"
            );
            Ok((Some(row), Some(note)))
        }
        _ => Err(ModelError::file(
            files.path(refusal::FILE),
            format!("the head has several rows ({rows}), row 0 is called bad, and no other alone is called good"),
            format!("Say which one is the reward with {}", choice.with("LABEL")),
        )),
    }
}

/// The number of the row that was asked for.
///
/// # Errors
/// A label that no row, or more than one, has.
pub fn number(files: &Files, config: &ModelConfig, asked: &HeadRow) -> Result<usize, ModelError> {
    let label = match asked {
        HeadRow::Number(row) => return Ok(*row),
        HeadRow::Label(label) => label,
    };
    let mut found = config.label_names.iter().filter(|(_, name)| name.eq_ignore_ascii_case(label)).map(|(row, _)| *row);
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        _ => Err(ModelError::file(
            files.path(refusal::FILE),
            format!("there is no one row called '{}'; the head's rows are {}", text::visible(label), named_rows(config)),
            format!("Take one of these with {}", Remedy::HeadRow),
        )),
    }
}

/// `0 'rejected', 1 'chosen'`
fn named_rows(config: &ModelConfig) -> String {
    let named: Vec<String> =
        config.label_names.iter().take(NAMED).map(|(row, label)| format!("{row} '{}'", text::visible(label))).collect();
    match config.label_names.len() {
        0 => "without labels".to_owned(),
        all if all > NAMED => format!("{} and {} more", named.join(", "), all - NAMED),
        _ => named.join(", "),
    }
}

/// True where a word of the label is one of these: `NEGATIVE`, `not_preferred` is none.
fn is_one_of(label: &str, words: &[&str]) -> bool {
    let label = label.to_ascii_lowercase();
    let parts: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `no` alone is an answer.
    let is_negated = parts.len() > 1 && parts.iter().any(|word| ["not", "non", "no"].contains(word));
    let has = |words: &[&str]| parts.iter().any(|word| words.contains(word));
    if !is_negated {
        return has(words);
    }
    // `not_preferred` is bad, `not_toxic` is good.
    if words == NEGATIVE { has(&POSITIVE) } else { has(&NEGATIVE) }
}
