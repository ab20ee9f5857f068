//! The words at both ends of several models' rankings, side by side, in words and tables.

use serde::Serialize;

use super::grid::{Alignment, Document, DocumentFormat};
use super::wording::{missing, number};
use crate::base::text::{count, visible_word};
use crate::stats::optimal::{Optimal, RankedWord};
use crate::tables::long::rank_text;

const L: Alignment = Alignment::Left;
const R: Alignment = Alignment::Right;

/// The tokens that several models share, and the best and worst of them by each.
#[derive(Clone, Debug, Serialize)]
pub struct SharedTokens {
    /// Tokens that all models have, each text once, with a score under every prompt.
    pub shared: usize,
    /// In the order of the arguments.
    pub models: Vec<TokensOfModel>,
    /// By prompt, then model.
    pub optimal: Vec<Optimal>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// What became of the tokens of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokensOfModel {
    /// The model's name.
    pub model: String,
    /// Tokens of its vocabulary, or words of its file.
    pub tokens: usize,
    /// Tokens left out because an earlier one has the same text.
    pub repeated: usize,
    /// Texts left out because they have no score under some prompt.
    pub unscored: usize,
    /// Texts left out because another model lacks them.
    pub not_shared: usize,
}

impl SharedTokens {
    /// All of it, as text or as Markdown.
    pub(crate) fn page(&self, layout: DocumentFormat) -> String {
        let mut document = Document::new(layout);
        document.paragraph(&format!("{} tokens that all models share, by their decoded text.", count(self.shared)));
        let row = |of: &TokensOfModel| {
            let counts = [of.tokens, of.repeated, of.unscored, of.not_shared].map(count);
            [std::slice::from_ref(&of.model), &counts[..]].concat()
        };
        let columns = [("model", L), ("tokens", R), ("repeated", R), ("without score", R), ("not shared", R)];
        document.table(&columns, &self.models.iter().map(row).collect::<Vec<_>>());
        for of in &self.optimal {
            for (what, words) in [("Optimal", &of.optimal), ("Pessimal", &of.pessimal)] {
                document.heading(&format!("{what} by {} under {}", of.model, of.prompt));
                let ranks = self.models.iter().map(|model| (format!("rank by {}", model.model), R));
                let columns: Vec<_> = [("token".to_owned(), L), ("score".to_owned(), R)].into_iter().chain(ranks).collect();
                document.table(&columns, &words.iter().map(word).collect::<Vec<_>>());
            }
        }
        if !self.notes.is_empty() {
            document.heading("Notes");
            self.notes.iter().for_each(|note| document.item(note));
        }
        document.finish()
    }
}

fn word(of: &RankedWord) -> Vec<String> {
    let ranks = of.ranks.iter().map(|rank| rank.map_or_else(missing, rank_text));
    [visible_word(&of.word, false).into_owned(), number(of.score)].into_iter().chain(ranks).collect()
}
