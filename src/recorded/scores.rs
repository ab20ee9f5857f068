//! Scores as a file holds them.

use std::sync::Arc;

use crate::base::terms::{ModelId, WordId};
use crate::corpus::Prompt;
use crate::scores::table::ScoreTable;

/// Labels of prompts that a message names.
const NAMED: usize = 6;

/// Scores read from a file: all at once.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Texts of the words, each once.
    pub words: Vec<Arc<str>>,
    /// The prompts that have a column.
    pub prompts: Vec<Prompt>,
    /// `[prompts][words]`; NaN where the file has no value.
    pub scores: Vec<Vec<f64>>,
    /// What a reader should know of the file: rows passed over, columns not read.
    pub notes: Vec<String>,
}

impl Recorded {
    /// The scores of all words under a prompt, which a file may name by its key or by its text.
    pub fn column(&self, prompt: &Prompt) -> Option<&[f64]> {
        let at = self.prompts.iter().position(|known| known.is(prompt))?;
        self.scores.get(at).map(Vec::as_slice)
    }

    /// Puts the scores of all words under `prompts` into a table. Gives the prompts that the file has no column for.
    pub fn insert_into<'a>(&self, table: &mut ScoreTable, model: ModelId, prompts: &'a [Prompt]) -> Vec<&'a Prompt> {
        let words: Vec<WordId> = self.words.iter().map(|word| table.word(word)).collect();
        let mut missing = Vec::new();
        for prompt in prompts {
            let Some(column) = self.column(prompt) else {
                missing.push(prompt);
                continue;
            };
            let id = table.prompt(&prompt.text);
            table.insert(model, id, words.iter().copied().zip(column.iter().copied()));
        }
        missing
    }

    /// The first of the prompts, for a message.
    pub fn named_prompts(&self) -> String {
        let named: Vec<&str> = self.prompts.iter().map(Prompt::label).take(NAMED).collect();
        format!("{}{}", named.join(", "), if self.prompts.len() > NAMED { ", …" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(key: Option<&str>, text: &str) -> Prompt {
        Prompt { key: key.map(Arc::from), text: text.into(), framing: None, factors: None }
    }

    #[test]
    fn a_column_is_found_by_the_text_or_by_the_key_of_its_prompt() {
        let recorded = Recorded {
            words: vec!["love".into(), "war".into()],
            prompts: vec![prompt(Some("best"), "What is best?"), prompt(None, "And worst?")],
            scores: vec![vec![1.0, f64::NAN], vec![2.0, 3.0]],
            notes: Vec::new(),
        };
        assert_eq!(recorded.column(&prompt(Some("best"), "Which is best?")).map(|column| column[0]), Some(1.0));
        assert_eq!(recorded.column(&prompt(Some("worst"), "And worst?")), Some(&[2.0, 3.0][..]));
        assert_eq!(recorded.column(&prompt(None, "Which is best?")), None, "no key is no name");
        let mut table = ScoreTable::default();
        let asked = [prompt(Some("best"), "Which is best?"), prompt(None, "Other?")];
        let missing = recorded.insert_into(&mut table, ModelId(0), &asked);
        assert_eq!(missing, [&asked[1]]);
        let (id, love, war) = (table.prompt("Which is best?"), table.word("love"), table.word("war"));
        assert_eq!((table.score(ModelId(0), id, love), table.score(ModelId(0), id, war)), (Some(1.0), None));
    }
}
