//! The scores themselves, in words and tables: their moments under each prompt, and the words that a model likes or dislikes
//! under both framings.

use super::grid::{Alignment, Document};
use super::wording::{missing, number, signed};
use crate::base::text::visible_word;
use crate::stats::framing_sums::{FramingSum, FramingSums};
use crate::stats::moments::Moments;

const L: Alignment = Alignment::Left;
const R: Alignment = Alignment::Right;

/// Words at either end that a page names.
const SHOWN: usize = 8;

/// A row a model and prompt.
pub(crate) fn moments(document: &mut Document, moments: &[Moments]) {
    if moments.is_empty() {
        return;
    }
    document.heading("Moments of scores");
    let shape = |value: Option<f64>| value.map_or_else(missing, signed);
    let row = |of: &Moments| {
        vec![
            of.model.to_string(),
            of.n.to_string(),
            number(of.mean),
            of.sd.map_or_else(missing, number),
            shape(of.skew),
            shape(of.kurtosis),
            of.prompt.to_string(),
        ]
    };
    let columns = [("model", L), ("n", R), ("mean", R), ("sd", R), ("skew", R), ("kurtosis", R), ("prompt", L)];
    document.table(&columns, &moments.iter().map(row).collect::<Vec<_>>());
    document.paragraph(
        "Of raw scores over words. sd with n - 1; skew and kurtosis corrected for bias (G1 and G2), kurtosis as excess: 0 for a \
         normal distribution.",
    );
}

/// Of each model the words with the highest and with the lowest sums.
pub(crate) fn framing_sums(document: &mut Document, sums: &[FramingSums]) {
    for of in sums {
        document.heading(&format!("Liked or disliked under both framings by {}", of.model));
        let cells = |of: Option<&FramingSum>| match of {
            Some(of) => {
                [visible_word(&of.word, false).into_owned(), signed(of.positive), signed(of.negative), signed(of.sum)].to_vec()
            }
            None => vec![String::new(); 4],
        };
        let row = |at: usize| [cells(of.highest.get(at)), cells(of.lowest.get(at))].concat();
        let side = |word| [(word, L), ("best", R), ("worst", R), ("sum", R)];
        let rows: Vec<_> = (0..of.highest.len().min(SHOWN)).map(row).collect();
        document.table(&[side("liked"), side("disliked")].concat(), &rows);
        document.paragraph(&format!(
            "Mean z-scores under {} positive (best) and {} negative (worst) prompts, and their sum: 0 where the order turns about \
             with the framing. Over {} words the sums have a standard deviation of {}, the differences of {}.",
            of.positive_prompts,
            of.negative_prompts,
            of.n,
            number(of.sd_of_sums),
            number(of.sd_of_differences)
        ));
    }
}
