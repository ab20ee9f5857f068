//! A value card as a page that can be read or sent: plain text, Markdown, LaTeX, JSON and a picture.
//!
//! `stats::card` computes the numbers. Knows no file and no screen.

mod picture;
mod text;

use std::sync::Arc;

use serde::Serialize;

use crate::model::Provenance;
use crate::report::figure::Figure;
use crate::report::grid::DocumentFormat;
use crate::stats::card::{Accuracy, Card};
use crate::stats::ratings::Relation;
use crate::stats::study::Study;

pub use text::{accuracy, framing};

/// Everything on the page, as [`CardPage::json`] writes it.
#[derive(Clone, Debug, Serialize)]
pub struct CardPage {
    program: &'static str,
    /// What the statistics found.
    #[serde(flatten)]
    pub card: Card,
    /// The name of the word list.
    pub corpus: String,
    /// Words of each category.
    pub categories: Vec<(String, usize)>,
    /// How often the model prefers what people chose, where pairs were given.
    pub pairs: Option<Accuracy>,
    /// Its scores beside each column of ratings, where some were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Relation>,
    /// The model's weights, tokenizer and settings, or the file that its scores were read from.
    pub provenance: Provenance,
    /// What a reader should know beside it.
    pub notes: Vec<String>,
}

impl CardPage {
    /// A card of `study`, whose words are those of the list `corpus`.
    pub fn new(card: Card, study: &Study, corpus: &str, provenance: Provenance) -> CardPage {
        let words = |at: usize| study.words.iter().filter(|word| word.categories.contains(&(at as u16))).count();
        let of = |(at, name): (usize, &Arc<str>)| (name.to_string(), words(at));
        CardPage {
            program: concat!("rewardscope ", env!("CARGO_PKG_VERSION")),
            card,
            corpus: corpus.to_owned(),
            categories: study.categories.iter().enumerate().map(of).collect(),
            pairs: None,
            ratings: Vec::new(),
            provenance,
            notes: Vec::new(),
        }
    }

    /// As a page of text in one of the formats.
    pub fn document(&self, format: DocumentFormat) -> String {
        text::document(self, format)
    }

    /// Indented, safe to show.
    pub fn json(&self) -> serde_json::Result<String> {
        crate::base::text::json(self)
    }

    /// As a picture.
    pub fn figure(&self) -> Figure {
        picture::figure(self)
    }

    /// The lines under the title: what the numbers rest on, words and prompts.
    pub fn facts(&self) -> Vec<String> {
        text::facts(self)
    }
}
