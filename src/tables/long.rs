//! The long layout: a row for each score, as a table for reading, CSV, JSON lines or columns of a file.
//!
//! [`LongTable::columns`] alone says which columns there are. Knows nothing of models. What goes to a terminal is made safe to
//! show; what goes to a file is exact.

mod layers;

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::columns::{ColumnTable, Values};
use crate::base::text;
use crate::stats::ranks_beside;

/// A word of a long table.
#[derive(Clone, Debug, Default)]
pub struct LongWord {
    /// The word exactly as it was scored.
    pub text: Arc<str>,
    /// Names of the categories that it belongs to.
    pub categories: Vec<String>,
    /// Of a token of a vocabulary.
    pub token: Option<u32>,
    /// The word is no part of the list: it gets the rank that it would have there, and changes no other rank.
    pub own: bool,
}

/// One word's score by one model under one prompt.
#[derive(Clone, Debug)]
struct LongRow {
    model: Arc<str>,
    /// The prompt's key, or its text where it has none.
    prompt: Arc<str>,
    word: LongWord,
    /// Raw reward, or log-probability in nats.
    score: f64,
    /// Within model and prompt; 1 is the highest reward, ties averaged. Of an own word, the rank that it would have.
    rank: f64,
    tokens: Option<TokenColumns>,
}

/// What a row has beside its score, where it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenColumns {
    /// Of the whole conversation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_ids: Vec<u32>,
    /// Of a reward model: the reward at each of `token_ids`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_rewards: Vec<f64>,
    /// Of a reward model: what its head reads after each layer, the last of which is the score.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layer_rewards: Vec<f64>,
    /// Of a language model: the log-probabilities of the word's tokens, which are the last of `token_ids`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_logprobs: Vec<f64>,
    /// The word's first token includes text before the word.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
    /// The token that the reward is read at, where it is not the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_token: Option<IndexedToken>,
}

/// A token of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexedToken {
    /// Its place among the conversation's tokens; the first is 0.
    pub index: usize,
    /// What it stands for.
    pub text: String,
}

/// Scores of words, a row for each.
#[derive(Debug, Default)]
pub struct LongTable {
    rows: Vec<LongRow>,
}

impl LongTable {
    /// One model's scores of `words` under one prompt; ranks are over those of the list that have a score, and only words that
    /// have one become rows.
    pub fn add(&mut self, model: &str, prompt: &str, words: &[LongWord], scores: &[f64]) {
        self.add_with_tokens(model, prompt, words, scores, |_| None);
    }

    /// The same with the tokens of the word at each index.
    pub fn add_with_tokens(
        &mut self,
        model: &str,
        prompt: &str,
        words: &[LongWord],
        scores: &[f64],
        mut tokens: impl FnMut(usize) -> Option<TokenColumns>,
    ) {
        let (model, prompt): (Arc<str>, Arc<str>) = (model.into(), prompt.into());
        let own: Vec<bool> = words.iter().map(|word| word.own).collect();
        let ranks = ranks_beside(scores, &own);
        for (at, ((word, &score), rank)) in
            words.iter().zip(scores).zip(ranks).enumerate().filter(|(_, ((_, score), _))| !score.is_nan())
        {
            let (model, prompt, word) = (model.clone(), prompt.clone(), word.clone());
            self.rows.push(LongRow { model, prompt, word, score, rank, tokens: tokens(at) });
        }
    }

    /// The columns that every format has: model, prompt, word, categories, score, rank; and token_id where any word is a token.
    pub fn columns(&self) -> ColumnTable {
        self.columns_with(self.rows.iter().any(|row| row.word.token.is_some()))
    }

    fn columns_with(&self, ids: bool) -> ColumnTable {
        let text = |of: fn(&LongRow) -> &Arc<str>| Values::Text(self.rows.iter().map(of).cloned().collect());
        let mut table = ColumnTable::default();
        table.add("model", text(|row| &row.model));
        table.add("prompt", text(|row| &row.prompt));
        table.add("word", text(|row| &row.word.text));
        table.add("categories", Values::Names(self.rows.iter().map(|row| row.word.categories.clone()).collect()));
        table.add("score", Values::Number(self.rows.iter().map(|row| row.score).collect()));
        table.add("rank", Values::Number(self.rows.iter().map(|row| row.rank).collect()));
        if ids {
            table.add("token_id", Values::Integer(self.rows.iter().map(|row| row.word.token.map(i64::from)).collect()));
        }
        table
    }
}

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLayout {
    /// Lined up for reading.
    Table,
    /// With the columns that were asked for.
    Csv(CsvColumns),
    /// A JSON object for each row.
    Jsonl,
}

/// Columns of CSV beside those that every format has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvColumns {
    /// The ids and log-probabilities of the word's tokens.
    pub tokens: bool,
    /// The reward at every token.
    pub token_rewards: bool,
    /// What the head reads after every layer.
    pub layer_rewards: bool,
    /// The id of the token that the word is.
    pub ids: bool,
}

/// Writes groups of rows, one group for each model and prompt.
pub struct RowWriter<W: Write> {
    out: W,
    layout: RowLayout,
    /// The output is a terminal: nothing unsafe may reach it in any layout.
    terminal: bool,
    groups: usize,
}

impl<W: Write> RowWriter<W> {
    /// Writes to `out`; for a terminal, texts are made safe to show in any layout.
    pub fn new(out: W, layout: RowLayout, terminal: bool) -> Self {
        RowWriter { out, layout, terminal, groups: 0 }
    }

    /// Writes one model's scores under one prompt. `heading` is printed above them in a table, and nowhere else.
    ///
    /// # Errors
    /// What keeps the output from being written.
    pub fn group(&mut self, heading: &str, group: &LongTable) -> io::Result<()> {
        match self.layout {
            RowLayout::Table => self.table(heading, &group.rows)?,
            RowLayout::Csv(columns) => self.csv(group, columns)?,
            RowLayout::Jsonl => self.jsonl(group)?,
        }
        self.groups += 1;
        self.out.flush()
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn table(&mut self, heading: &str, group: &[LongRow]) -> io::Result<()> {
        let mut rows: Vec<_> = group.iter().collect();
        // An own word comes before the one whose rank it would have, and before own words of lower scores.
        let by_score = |a: &LongRow, b: &LongRow| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal);
        let order = |row: &LongRow| sort_rank(row.rank, row.word.own);
        rows.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| by_score(a, b)));
        if self.groups > 0 {
            writeln!(self.out)?;
        }
        for line in heading.lines() {
            writeln!(self.out, "{}", text::visible(line))?;
        }
        // Several tokens of a vocabulary may have one text: those, which have a category, show their ids.
        let id = |row: &LongRow| row.word.token.filter(|_| !row.word.categories.is_empty()).map(|id| format!(" #{id}"));
        let word = |row: &&LongRow| format!("{}{}", text::visible_word(&row.word.text, false), id(row).unwrap_or_default());
        let words: Vec<String> = rows.iter().map(word).collect();
        let categories: Vec<_> = rows.iter().map(|row| text::visible(&row.word.categories.join(", ")).into_owned()).collect();
        let width = |texts: &mut dyn Iterator<Item = usize>, least: usize| texts.max().unwrap_or(0).max(least);
        let word_width = width(&mut words.iter().map(|w| columns(w)), "word".len());
        let category_width = width(&mut categories.iter().map(|c| columns(c)), "category".len());
        writeln!(self.out, "{:>7}  {}  {}  {:>12}", "rank", pad("word", word_width), pad("category", category_width), "score")?;
        for ((row, word), category) in rows.iter().zip(&words).zip(&categories) {
            let (word, category) = (pad(word, word_width), pad(category, category_width));
            let rank = shown_rank(row.rank, row.word.own);
            write!(self.out, "{rank:>7}  {word}  {category}  {:>12}", score_text(row.score))?;
            if let Some(tokens) = row.tokens.as_ref().filter(|tokens| !tokens.token_ids.is_empty()) {
                let merged = if tokens.merged { "  merges with the text before it" } else { "" };
                write!(self.out, "  {}", joined(&tokens.token_ids))?;
                for values in [&tokens.token_logprobs, &tokens.token_rewards].into_iter().filter(|values| !values.is_empty()) {
                    write!(self.out, "  {}", joined(values))?;
                }
                write!(self.out, "{merged}")?;
            }
            writeln!(self.out)?;
        }
        for line in layers::by_category(group) {
            writeln!(self.out, "{}", text::visible(&line))?;
        }
        Ok(())
    }

    fn csv(&mut self, group: &LongTable, columns: CsvColumns) -> io::Result<()> {
        let mut table = group.columns_with(columns.ids);
        let texts = |of: fn(&TokenColumns) -> String| {
            Values::Text(group.rows.iter().map(|row| row.tokens.as_ref().map(of).unwrap_or_default().into()).collect())
        };
        if columns.tokens {
            table.add("token_ids", texts(|tokens| joined(&tokens.token_ids)));
            table.add("token_logprobs", texts(|tokens| joined(&tokens.token_logprobs)));
        }
        if columns.token_rewards {
            table.add("token_rewards", texts(|tokens| joined(&tokens.token_rewards)));
        }
        if columns.layer_rewards {
            table.add("layer_rewards", texts(|tokens| joined(&tokens.layer_rewards)));
        }
        if self.terminal {
            table = table.visible();
        }
        table.csv(&mut self.out, self.groups == 0)
    }

    fn jsonl(&mut self, group: &LongTable) -> io::Result<()> {
        let table = group.columns();
        for (at, row) in group.rows.iter().enumerate() {
            let mut object = table.object(at);
            if row.word.own {
                object.insert("own".to_owned(), Value::from(true));
            }
            if let Some(Value::Object(tokens)) = row.tokens.as_ref().map(serde_json::to_value).transpose()? {
                object.extend(tokens);
            }
            writeln!(self.out, "{}", text::visible_json(&Value::Object(object).to_string()))?;
        }
        Ok(())
    }
}

/// `12`, or `12.5` where ties fall between.
pub fn rank_text(rank: f64) -> String {
    if rank.fract() == 0.0 { format!("{rank:.0}") } else { format!("{rank:.1}") }
}

/// A rank in a table; in brackets that of an own word, which it only would have.
pub fn shown_rank(rank: f64, own: bool) -> String {
    if own { format!("({})", rank_text(rank)) } else { rank_text(rank) }
}

/// What rows of a table are sorted by: an own word comes before the word whose rank it would have.
pub fn sort_rank(rank: f64, own: bool) -> f64 {
    if own { rank - 0.5 } else { rank }
}

/// Five decimals with a sign, so that a column lines up; by its power where those would hide a small number.
fn score_text(score: f64) -> String {
    if score != 0.0 && score.abs() < 1e-3 { format!("{score:+.2e}") } else { format!("{score:+.5}") }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, own: bool) -> LongWord {
        LongWord { text: text.into(), categories: vec!["a".to_owned(), "b".to_owned()], token: None, own }
    }

    fn group() -> LongTable {
        let mut table = LongTable::default();
        table.add(
            "m",
            "p",
            &[word("cold, or \"not\"", false), word("\u{1b}[31m爱", false), word("even", false)],
            &[0.5, 1.25, 0.5],
        );
        table
    }

    fn written(layout: RowLayout, terminal: bool) -> String {
        let mut writer = RowWriter::new(Vec::new(), layout, terminal);
        writer.group("heading", &group()).unwrap();
        String::from_utf8(writer.into_inner()).unwrap()
    }

    #[test]
    fn a_table_is_sorted_by_rank_and_safe() {
        let table = written(RowLayout::Table, false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "heading");
        assert!(lines[2].contains("\\u{1b}[31m爱") && lines[2].contains("+1.25000"), "{table}");
        assert!(lines[3].trim_start().starts_with("2.5"), "{table}");
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn an_own_word_stands_before_the_word_whose_rank_it_would_have() {
        let words = [word("low", true), word("high", true), word("first", false), word("second", false)];
        let mut rows = LongTable::default();
        rows.add("m", "p", &words, &[1.0, 2.0, 9.0, 0.5]);
        let mut writer = RowWriter::new(Vec::new(), RowLayout::Table, false);
        writer.group("", &rows).unwrap();
        let table = String::from_utf8(writer.into_inner()).unwrap();
        let shown: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(shown, [["1", "first"], ["(2)", "high"], ["(2)", "low"], ["2", "second"]], "{table}");
    }

    #[test]
    fn csv_is_exact_in_a_file_and_safe_on_a_terminal() {
        let exact = written(RowLayout::Csv(CsvColumns::default()), false);
        let mut reader = csv::Reader::from_reader(exact.as_bytes());
        let words: Vec<String> = reader.records().map(|r| r.unwrap()[2].to_owned()).collect();
        assert_eq!(words, ["cold, or \"not\"", "\u{1b}[31m爱", "even"]);
        assert!(!written(RowLayout::Csv(CsvColumns::default()), true).contains('\u{1b}'));
    }

    #[test]
    fn json_rows_have_the_documented_keys() {
        let out = written(RowLayout::Jsonl, false);
        let first = out.lines().next().unwrap();
        assert_eq!(
            first,
            r#"{"model":"m","prompt":"p","word":"cold, or \"not\"","categories":["a","b"],"score":0.5,"rank":2.5}"#
        );
    }
}
