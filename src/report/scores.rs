//! The scores themselves, in words and tables: their moments under each prompt, and the words that a model likes or dislikes
//! under both framings.

use std::collections::HashSet;

use super::card;
use super::grid::{Alignment, Document};
use super::wording::{missing, number, signed};
use crate::base::terms::Framing;
use crate::base::text::visible_word;
use crate::stats::mean_sd;
use crate::stats::results::{FramingSum, FramingSums, Moments};

const L: Alignment = Alignment::Left;
const R: Alignment = Alignment::Right;

/// Words at either end that a page names.
const SHOWN: usize = 8;

/// A row a model and framing: means over its prompts.
pub(crate) fn moments(document: &mut Document, moments: &[Moments]) {
    if moments.is_empty() {
        return;
    }
    document.heading("Moments of scores: means over prompts");
    let mut groups: Vec<(&str, Option<Framing>)> = moments.iter().map(|of| (&*of.model, of.framing)).collect();
    let mut seen = HashSet::new();
    groups.retain(|group| seen.insert(*group));
    let row = |&(model, framing): &(&str, Option<Framing>)| {
        let here: Vec<&Moments> = moments.iter().filter(|of| (&*of.model, of.framing) == (model, framing)).collect();
        let mean = |of: fn(&Moments) -> Option<f64>, shown: fn(f64) -> String| {
            let values: Vec<f64> = here.iter().filter_map(|moments| of(moments)).collect();
            mean_sd(&values).map_or_else(missing, |(mean, _)| shown(mean))
        };
        vec![
            model.to_owned(),
            card::framing(framing).to_owned(),
            here.len().to_string(),
            mean(|of| Some(of.mean), number),
            mean(|of| of.sd, number),
            mean(|of| of.skew, signed),
            mean(|of| of.kurtosis, signed),
        ]
    };
    let columns = [("model", L), ("framing", L), ("prompts", R), ("mean", R), ("sd", R), ("skew", R), ("kurtosis", R)];
    document.table(&columns, &groups.iter().map(row).collect::<Vec<_>>());
    document.paragraph(
        "Of raw scores over words; in JSON of each prompt. sd with n - 1; skew and kurtosis corrected for bias (G1 and G2), \
         kurtosis as excess: 0 for a normal distribution.",
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
