//! Scores written out: a table for reading, CSV, JSON lines.
//!
//! Knows rows and writers, nothing of models. What goes to a terminal is made safe to show; what goes to a file is exact.

use std::io::{self, Write};

use serde::Serialize;

use crate::base::text;

/// One word's score by one model under one prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    pub model: &'a str,
    /// The prompt's key, or its text where it has none.
    pub prompt: &'a str,
    pub word: &'a str,
    /// Of a token of a vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<u32>,
    pub categories: Vec<&'a str>,
    /// Raw reward, or log-probability in nats.
    pub score: f64,
    /// Within model and prompt; 1 is the highest reward, ties averaged. Of an own word, the rank that it would have.
    pub rank: f64,
    /// The word stands beside the list and takes no place in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    #[serde(flatten)]
    pub tokens: Option<TokenColumns>,
}

/// What `--tokens` adds to a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenColumns {
    /// Of the whole conversation.
    pub token_ids: Vec<u32>,
    /// Of a language model: the log-probabilities of the word's tokens, which are the last of `token_ids`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_logprobs: Vec<f64>,
    /// The word's first token holds text that stands before the word.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
}

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Table,
    /// With columns of the word's tokens, or of the token that the word is, where asked for.
    Csv {
        tokens: bool,
        ids: bool,
    },
    Jsonl,
}

/// Writes groups of rows, one group for each model and prompt.
pub struct Writer<W: Write> {
    out: W,
    layout: Layout,
    /// The output is a terminal: nothing unsafe may reach it in any layout.
    terminal: bool,
    groups: usize,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, layout: Layout, terminal: bool) -> Self {
        Writer { out, layout, terminal, groups: 0 }
    }

    /// `heading` stands above the group in a table, and nowhere else.
    pub fn group(&mut self, heading: &str, rows: &[Row<'_>]) -> io::Result<()> {
        match self.layout {
            Layout::Table => self.table(heading, rows)?,
            Layout::Csv { tokens, ids } => self.csv(rows, tokens, ids)?,
            Layout::Jsonl => {
                for row in rows {
                    let json = serde_json::to_string(row).map_err(io::Error::other)?;
                    writeln!(self.out, "{}", text::visible_json(&json))?;
                }
            }
        }
        self.groups += 1;
        self.out.flush()
    }

    pub fn into_inner(self) -> W {
        self.out
    }

    fn table(&mut self, heading: &str, rows: &[Row<'_>]) -> io::Result<()> {
        let mut rows: Vec<_> = rows.iter().collect();
        // An own word stands before the one whose rank it would have, and before own words of lower scores.
        let order = |row: &Row<'_>| row.rank - if row.own { 0.5 } else { 0.0 };
        let by_score = |a: &Row<'_>, b: &Row<'_>| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal);
        rows.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| by_score(a, b)));
        if self.groups > 0 {
            writeln!(self.out)?;
        }
        for line in heading.lines() {
            writeln!(self.out, "{}", text::visible(line))?;
        }
        // A token whose text is not its own shows its id.
        let id = |row: &Row<'_>| row.token_id.filter(|_| !row.categories.is_empty()).map(|id| format!(" #{id}"));
        let word = |row: &&Row<'_>| format!("{}{}", text::visible_word(row.word, false), id(row).unwrap_or_default());
        let words: Vec<String> = rows.iter().map(word).collect();
        let categories: Vec<_> = rows.iter().map(|row| text::visible(&row.categories.join(", ")).into_owned()).collect();
        let width = |texts: &mut dyn Iterator<Item = usize>, least: usize| texts.max().unwrap_or(0).max(least);
        let word_width = width(&mut words.iter().map(|w| columns(w)), "word".len());
        let category_width = width(&mut categories.iter().map(|c| columns(c)), "category".len());
        writeln!(self.out, "{:>7}  {}  {}  {:>12}", "rank", pad("word", word_width), pad("category", category_width), "score")?;
        for ((row, word), category) in rows.iter().zip(&words).zip(&categories) {
            let (word, category) = (pad(word, word_width), pad(category, category_width));
            let rank = if row.own { format!("({})", rank_text(row.rank)) } else { rank_text(row.rank) };
            write!(self.out, "{rank:>7}  {word}  {category}  {:>12}", score_text(row.score))?;
            if let Some(tokens) = &row.tokens {
                let merged = if tokens.merged { "  merges with the text before it" } else { "" };
                let values = if tokens.token_logprobs.is_empty() { "" } else { "  " };
                write!(self.out, "  {}{values}{}{merged}", joined(&tokens.token_ids), joined(&tokens.token_logprobs))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn csv(&mut self, rows: &[Row<'_>], tokens: bool, ids: bool) -> io::Result<()> {
        let terminal = self.terminal;
        let mut writer = csv::Writer::from_writer(&mut self.out);
        if self.groups == 0 {
            let mut header = vec!["model", "prompt", "word", "categories", "score", "rank"];
            header.extend(ids.then_some("token_id"));
            header.extend(tokens.then_some(["token_ids", "token_logprobs"]).into_iter().flatten());
            writer.write_record(&header)?;
        }
        for row in rows {
            let mut record = vec![
                row.model.to_owned(),
                row.prompt.to_owned(),
                row.word.to_owned(),
                row.categories.join(";"),
                row.score.to_string(),
                row.rank.to_string(),
            ];
            if ids {
                record.push(row.token_id.map(|id| id.to_string()).unwrap_or_default());
            }
            if tokens {
                let (ids, values) = match &row.tokens {
                    Some(tokens) => (joined(&tokens.token_ids), joined(&tokens.token_logprobs)),
                    None => Default::default(),
                };
                record.extend([ids, values]);
            }
            if terminal {
                record = record.iter().map(|field| text::visible(field).into_owned()).collect();
            }
            writer.write_record(&record)?;
        }
        writer.flush()
    }
}

/// `12`, or `12.5` where ties fall between.
pub fn rank_text(rank: f64) -> String {
    if rank.fract() == 0.0 { format!("{rank:.0}") } else { format!("{rank:.1}") }
}

/// Five decimals with a sign, so that a column lines up; by its power where those would hide a small number.
fn score_text(score: f64) -> String {
    if score != 0.0 && score.abs() < 1e-3 { format!("{score:+.2e}") } else { format!("{score:+.5}") }
}

/// The number with the fewest digits that is this one in f32: 0.1, not 0.10000000149011612.
pub fn shortest(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
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

    fn rows() -> Vec<Row<'static>> {
        let row = |word, score, rank| Row {
            model: "m",
            prompt: "p",
            word,
            token_id: None,
            categories: vec!["a", "b"],
            score,
            rank,
            own: false,
            tokens: None,
        };
        vec![row("cold, or \"not\"", 0.5, 2.5), row("\u{1b}[31m爱", 1.25, 1.0)]
    }

    fn written(layout: Layout, terminal: bool) -> String {
        let mut writer = Writer::new(Vec::new(), layout, terminal);
        writer.group("heading", &rows()).unwrap();
        String::from_utf8(writer.into_inner()).unwrap()
    }

    #[test]
    fn a_table_is_sorted_by_rank_and_safe() {
        let table = written(Layout::Table, false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "heading");
        assert!(lines[2].contains("\\u{1b}[31m爱") && lines[2].contains("+1.25000"), "{table}");
        assert!(lines[3].trim_start().starts_with("2.5"), "{table}");
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn an_own_word_stands_before_the_word_whose_rank_it_would_have() {
        let row = |word, score, rank, own| Row { word, score, rank, own, ..rows()[0].clone() };
        let rows = [
            row("low", 1.0, 2.0, true),
            row("high", 2.0, 2.0, true),
            row("first", 9.0, 1.0, false),
            row("second", 0.5, 2.0, false),
        ];
        let mut writer = Writer::new(Vec::new(), Layout::Table, false);
        writer.group("", &rows).unwrap();
        let table = String::from_utf8(writer.into_inner()).unwrap();
        let shown: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(shown, [["1", "first"], ["(2)", "high"], ["(2)", "low"], ["2", "second"]], "{table}");
    }

    #[test]
    fn csv_is_exact_in_a_file_and_safe_on_a_terminal() {
        let exact = written(Layout::Csv { tokens: false, ids: false }, false);
        let mut reader = csv::Reader::from_reader(exact.as_bytes());
        let words: Vec<String> = reader.records().map(|r| r.unwrap()[2].to_owned()).collect();
        assert_eq!(words, ["cold, or \"not\"", "\u{1b}[31m爱"]);
        assert!(!written(Layout::Csv { tokens: false, ids: false }, true).contains('\u{1b}'));
    }

    #[test]
    fn json_rows_have_the_documented_keys() {
        let out = written(Layout::Jsonl, false);
        let first = out.lines().next().unwrap();
        assert_eq!(
            first,
            r#"{"model":"m","prompt":"p","word":"cold, or \"not\"","categories":["a","b"],"score":0.5,"rank":2.5}"#
        );
    }
}
