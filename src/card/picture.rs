//! The card as a picture: a strip an axis, with the model, its uncertainty and the others on it; words, and whom it is like.

use super::Page;
use super::text::{accuracy, facts, framing};
use crate::figure::{self, CardAxis, CardFigure, CardList, Figure};
use crate::scores::export::rank_text;
use crate::stats::card::{Leaning, Ranked};
use crate::text::visible_word;

pub(super) fn figure(page: &Page) -> Figure {
    let card = &page.card;
    // One scale, so that axes can be compared.
    let ends =
        |of: &Leaning| of.models.iter().map(|standing| standing.value).chain([of.interval.0, of.interval.1]).collect::<Vec<_>>();
    let bound = card.axes.iter().flat_map(ends).map(f64::abs).fold(1.0, f64::max).ceil();
    let axis = |of: &Leaning| CardAxis {
        name: format!("{}, {}", of.axis.axis, framing(of.framing)),
        low: -bound,
        high: bound,
        middle: Some(0.0),
        value: of.value,
        interval: Some(of.interval),
        others: of
            .models
            .iter()
            .filter(|standing| standing.model != card.model)
            .map(|standing| (standing.family.clone(), standing.value))
            .collect(),
        text: format!(
            "{:+.1} [{:+.1}, {:+.1}]  {} of {}",
            of.value,
            of.interval.0,
            of.interval.1,
            rank_text(of.place),
            of.models.len()
        ),
    };
    let mut axes: Vec<CardAxis> = card.axes.iter().map(axis).collect();
    axes.extend(page.pairs.iter().map(|of| CardAxis {
        name: "pairs judged as people did".to_owned(),
        low: 0.0,
        high: 100.0,
        middle: Some(50.0),
        value: of.accuracy * 100.0,
        interval: Some((of.interval.0 * 100.0, of.interval.1 * 100.0)),
        others: Vec::new(),
        text: format!(
            "{:.1} % [{:.0}, {:.0}] of {} pairs",
            of.accuracy * 100.0,
            of.interval.0 * 100.0,
            of.interval.1 * 100.0,
            of.pairs
        ),
    }));
    let word = |of: &Ranked| {
        let categories = if of.categories.is_empty() { String::new() } else { format!(" ({})", of.categories.join(", ")) };
        format!("{:.1}  {}{categories}", of.mean_rank, visible_word(&of.word, false))
    };
    let mut lists = Vec::new();
    for of in &card.words_by_framing {
        let of_framing = framing(of.framing);
        for (title, words) in [("First", &of.top), ("Last", &of.bottom)] {
            lists.push(CardList { title: format!("{title}, {of_framing} framing"), lines: words.iter().map(word).collect() });
        }
    }
    if !card.agreement.is_empty() {
        let line = |of: &crate::stats::card::Likeness| {
            let rho = of.spearman.map_or("-".to_owned(), |rho| format!("{rho:+.2}"));
            format!("{rho}  {}", of.model)
        };
        lists.push(CardList {
            title: "Ranks words like (rho)".to_owned(),
            lines: card.agreement.iter().take(12).map(line).collect(),
        });
    }
    let mut facts = facts(page);
    if page.provenance.demonstration {
        facts.insert(0, "a demonstration model".to_owned());
    }
    let pairs = page.pairs.as_ref().map(|of| format!(" Pairs: {}.", accuracy(of))).unwrap_or_default();
    let framings = card.framings.as_ref().and_then(|of| of.spearman);
    let framings =
        framings.map(|rho| format!(" Words' mean ranks under positive and negative prompts correlate at {rho:+.2} (Spearman)."));
    let caption = format!(
        "Leaning: mean over prompts of the difference of median ranks, in places, to the right for the first category. The bar is \
         the middle 95 % of {} bootstrap samples over prompts and words (seed {}); small marks are the other models. Words stand \
         with their mean rank.{}{pairs} {}.",
        card.replicates,
        card.seed,
        framings.unwrap_or_default(),
        page.program
    );
    let (model, family) = (card.model.clone(), card.family.clone());
    figure::card(&CardFigure { model, family, facts, axes, lists, caption })
}
