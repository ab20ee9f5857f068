//! The card as a picture: a strip an axis, with the model, its uncertainty and the others on it; words, and whom it is like.

use super::CardPage;
use super::text::{accuracy, facts, framing};
use crate::base::terms::Framing;
use crate::base::text::visible_word;
use crate::report::figure;
use crate::report::figure::{CardAxis, CardFigure, CardLine, CardList, CardSubject, Figure};
use crate::stats::card::{Leaning, Likeness, Ranked};
use crate::tables::long::rank_text;

/// Models that the card is likened to.
const LIKE: usize = 12;
/// Words of a list, however many the card holds.
const WORDS: usize = 20;

pub(super) fn figure(page: &CardPage) -> Figure {
    let card = &page.card;
    let categories: Vec<String> = page.categories.iter().map(|(name, _)| name.clone()).collect();
    let mut lists = Vec::new();
    for of in &card.words_by_framing {
        let of_framing = framing(of.framing);
        for (title, words) in [("First", &of.top), ("Last", &of.bottom)] {
            let lines = words.iter().take(WORDS).map(|word| word_line(word, &categories)).collect();
            lists.push(CardList { title: format!("{title}, {of_framing}"), lines });
        }
    }
    if !card.agreement.is_empty() {
        let lines = card.agreement.iter().take(LIKE).map(model_line).collect();
        lists.push(CardList { title: "Ranks words like (rho)".to_owned(), lines });
    }
    let axes = leanings(page).into_iter().chain(judgement(page)).collect();
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
    figure::card(&CardFigure { model, family, facts, axes, lists, categories, caption })
}

/// All on one scale with round ends, so that axes can be compared.
fn leanings(page: &CardPage) -> Vec<CardAxis> {
    let card = &page.card;
    let ends =
        |of: &Leaning| of.models.iter().map(|standing| standing.value).chain([of.interval.0, of.interval.1]).collect::<Vec<_>>();
    let most = card.axes.iter().flat_map(ends).map(f64::abs).filter(|value| value.is_finite()).fold(1.0, f64::max);
    let bound = figure::rounded_up(most);
    let of = |of: &Leaning| CardAxis {
        group: match of.framing {
            Some(Framing::Positive) => "Leaning under positive framing".to_owned(),
            Some(Framing::Negative) => "Leaning under negative framing".to_owned(),
            None => "Leaning".to_owned(),
        },
        name: of.axis.axis.clone(),
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
        text: signed(format!("{:+.1} [{:+.1}, {:+.1}]", of.value, of.interval.0, of.interval.1)),
        place: if of.models.len() > 1 { format!("{} of {}", rank_text(of.place), of.models.len()) } else { String::new() },
    };
    card.axes.iter().map(of).collect()
}

/// How often the model prefers what people chose.
fn judgement(page: &CardPage) -> Option<CardAxis> {
    let of = page.pairs.as_ref()?;
    let percent = |share: f64| share * 100.0;
    let (value, low, high) = (percent(of.accuracy), percent(of.interval.0), percent(of.interval.1));
    Some(CardAxis {
        group: "Pairs of answers, %".to_owned(),
        name: "pairs judged as people did".to_owned(),
        low: 0.0,
        high: 100.0,
        middle: Some(50.0),
        value,
        interval: Some((low, high)),
        others: Vec::new(),
        text: format!("{value:.1} [{low:.0}, {high:.0}]"),
        place: format!("of {} pairs", of.pairs),
    })
}

fn word_line(of: &Ranked, categories: &[String]) -> CardLine {
    let category = of.categories.first().and_then(|name| categories.iter().position(|known| known == name));
    let text = visible_word(&of.word, false).into_owned();
    CardLine { number: format!("{:.1}", of.mean_rank), text, of: CardSubject::Word(category) }
}

fn model_line(of: &Likeness) -> CardLine {
    let number = of.spearman.map_or("-".to_owned(), |rho| signed(format!("{rho:+.2}")));
    CardLine { number, text: of.model.clone(), of: CardSubject::Model(of.family.clone()) }
}

fn signed(text: String) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Provenance;
    use crate::stats::card::{CardOptions, card};
    use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};
    use std::sync::Arc;

    /// Two models under one framing, over words of two foundations.
    fn svg() -> String {
        let names = ["authority_vice", "authority_virtue", "care_vice", "care_virtue"];
        let word = |i: usize| StudyWord { text: format!("word{i}").into(), categories: vec![(i % 4) as u16] };
        let model = |at: usize| StudyModel {
            name: format!("model-{at}").into(),
            family: ["Llama", "Gemma"][at].into(),
            scores: vec![Arc::new((0..24).map(|w| ((w * 7 + at * 5) % 24) as f64).collect())],
        };
        let study = Study {
            categories: names.map(Into::into).to_vec(),
            words: (0..24).map(word).collect(),
            prompts: vec![StudyPrompt { label: "p".into(), framing: Some(Framing::Positive) }],
            models: [0, 1].map(model).to_vec(),
        };
        let options = CardOptions { replicates: 20, ..CardOptions::default() };
        let card = card(&study, 0, &options).expect("a card");
        figure(&CardPage::new(card, &study, "list", Provenance::of_recorded("x".to_owned()))).svg()
    }

    #[test]
    fn what_differs_is_not_cut_and_marks_are_explained() {
        let svg = svg();
        for part in [
            "authority: virtue over vice",
            "care: virtue over vice",
            "Leaning under positive framing",
            "of 2<",
            "this model, bar: 95 %",
            "another model, Gemma",
            "First, positive",
            "Last, positive",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(!svg.contains("framing, positive framing"));
    }
}
