//! The card for reading: the same tables as plain text, as Markdown and as LaTeX.

use super::CardPage;
use crate::base::terms::Framing;
use crate::base::text::{counted, visible_word};
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::report::ratings;
use crate::stats::card::{Accuracy, Extremes, Leaning, Likeness, Ranked, Standing};
use crate::stats::results::{FramingAgreement, Relation};
use crate::tables::long::rank_text;

/// A heading, a remark, and a table.
struct Section {
    title: String,
    remark: String,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// What a framing is called here.
pub fn framing(framing: Option<Framing>) -> &'static str {
    match framing {
        Some(Framing::Positive) => "positive",
        Some(Framing::Negative) => "negative",
        None => "any",
    }
}

/// The lines under the title.
pub(super) fn facts(page: &CardPage) -> Vec<String> {
    let card = &page.card;
    let categories: Vec<String> = page.categories.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let asked =
        [(card.positive_prompts, "positive"), (card.negative_prompts, "negative"), (card.other_prompts, "of no known framing")];
    let mut asked: Vec<String> = asked.iter().filter(|(n, _)| *n > 0).map(|(n, of)| format!("{n} {of}")).collect();
    if let (true, [_, .., last]) = (card.other_prompts > 0, &mut asked[..]) {
        last.push_str(", left out");
    }
    let prompts = match card.positive_prompts + card.negative_prompts + card.other_prompts {
        1 => "1 prompt".to_owned(),
        n => format!("{n} prompts"),
    };
    let (words, corpus) = (card.words, &page.corpus);
    vec![
        page.provenance.summary(),
        format!("{words} words of {corpus} ({}); {prompts} ({})", categories.join(", "), asked.join(", ")),
    ]
}

/// `61.2 % of 1,000 pairs, 95 % [58.1, 64.2]; 600 chosen, 388 rejected, 12 ties, which count half`
pub fn accuracy(of: &Accuracy) -> String {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let (share, low, high) = (percent(of.accuracy), percent(of.interval.0), percent(of.interval.1));
    let ties = match of.ties {
        0 => "no ties".to_owned(),
        1 => "1 tie, which counts half".to_owned(),
        n => format!("{n} ties, which count half"),
    };
    format!(
        "{share} % of {} pairs, 95 % [{low}, {high}] (Wilson); the chosen answer higher in {}, the rejected in {}, {ties}",
        of.pairs, of.chosen, of.rejected
    )
}

fn sections(page: &CardPage) -> Vec<Section> {
    let card = &page.card;
    let mut sections = vec![leanings(page)];
    let compared = card.axes.iter().filter(|leaning| leaning.models.len() > 1);
    sections.extend(compared.map(|leaning| places(leaning, &card.model)));
    sections.extend(card.words_by_framing.iter().map(extremes));
    sections.extend((!card.agreement.is_empty()).then(|| agreement(&card.agreement)));
    sections.extend(card.framings.as_ref().map(framings));
    let judgement = page.pairs.as_ref().map(|pairs| accuracy(pairs) + ".");
    sections.extend(judgement.map(|remark| Section::of_words("Judgement of pairs", remark)));
    if !page.ratings.is_empty() {
        sections.extend([beside_ratings(&page.ratings), far_from_ratings(&page.ratings)]);
    }
    let notes = (!page.notes.is_empty()).then(|| page.notes.join("; ") + ".");
    sections.extend(notes.map(|remark| Section::of_words("Notes", remark)));
    sections
}

impl Section {
    /// A section without a table.
    fn of_words(title: &str, remark: String) -> Section {
        Section { title: title.to_owned(), remark, header: Vec::new(), rows: Vec::new() }
    }
}

/// Where the model leans on each axis.
fn leanings(page: &CardPage) -> Section {
    let card = &page.card;
    let row = |of: &Leaning| {
        let [first, second] = of.pole_words;
        let words = if second > 0 { format!("{first} + {second}") } else { first.to_string() };
        vec![
            of.axis.axis.clone(),
            framing(of.framing).to_owned(),
            format!("{:+.1}", of.value),
            if of.se.is_nan() { "-".to_owned() } else { format!("{:.1}", of.se) },
            if of.se.is_nan() { "-".to_owned() } else { format!("[{:+.1}, {:+.1}]", of.interval.0, of.interval.1) },
            of.prompts.to_string(),
            words,
            format!("{} of {}", rank_text(of.place), of.models.len()),
        ]
    };
    let one = card.axes.iter().any(|of| of.prompts == 1);
    let only = if one { " Where there is one prompt, the uncertainty is that of words alone." } else { "" };
    Section {
        title: "Leaning".to_owned(),
        remark: format!(
            "Mean over prompts of the difference of median ranks, in places: above zero, the first category ranks higher. \
             Uncertainty by bootstrap over prompts and words ({} samples, seed {}).{only} Place 1 leans farthest to the first.",
            card.replicates, card.seed
        ),
        header: vec!["axis", "framing", "places", "se", "95 %", "prompts", "words", "place"],
        rows: card.axes.iter().map(row).collect(),
    }
}

/// The place of every model on one axis; the card's own has a mark.
fn places(leaning: &Leaning, own: &str) -> Section {
    let row = |standing: &Standing| {
        let mark = if standing.model == own { "◀" } else { "" };
        vec![
            format!("{} {mark}", standing.model),
            rank_text(standing.place),
            format!("{:+.1}", standing.value),
            standing.family.clone(),
        ]
    };
    Section {
        title: format!("Place: {}, {} framing", leaning.axis.axis, framing(leaning.framing)),
        remark: String::new(),
        header: vec!["model", "place", "places", "family"],
        rows: leaning.models.iter().map(row).collect(),
    }
}

/// The first and the last words under one framing, side by side.
fn extremes(extremes: &Extremes) -> Section {
    let word = |ranked: &Ranked| {
        let categories =
            if ranked.categories.is_empty() { String::new() } else { format!(" ({})", ranked.categories.join(", ")) };
        let text = format!("{}{categories}", visible_word(&ranked.word, false));
        [text, format!("{:.1}", ranked.mean_rank), format!("{:+.2}", ranked.mean_z)]
    };
    let row = |at: usize| {
        let [best, rank, z] = extremes.top.get(at).map(word).unwrap_or_default();
        let [worst, low, low_z] = extremes.bottom.get(at).map(word).unwrap_or_default();
        vec![best, rank, z, low, low_z, worst]
    };
    Section {
        title: format!("Words first and last, {} framing", framing(extremes.framing)),
        remark: match extremes.prompts {
            1 => "Rank and z under one prompt.".to_owned(),
            n => format!("Mean rank and mean z over {n} prompts."),
        },
        header: vec!["first", "rank", "z", "rank", "z", "last"],
        rows: (0..extremes.top.len()).map(row).collect(),
    }
}

/// How alike the model and each other one rank words.
fn agreement(agreement: &[Likeness]) -> Section {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let row = |of: &Likeness| {
        let [rho, tau, rbo] = [of.spearman, of.kendall, of.rbo].map(number);
        vec![of.model.clone(), of.prompts.to_string(), rho, tau, rbo, of.family.clone()]
    };
    Section {
        title: "Agreement with others".to_owned(),
        remark: "Of the ranking of words, means over the prompts that both were asked: Spearman's rho, Kendall's tau-b, \
                 rank-biased overlap (p = 0.9, extrapolated)."
            .to_owned(),
        header: vec!["model", "prompts", "rho", "tau", "overlap", "family"],
        rows: agreement.iter().map(row).collect(),
    }
}

/// How the scores follow each column of ratings.
fn beside_ratings(relations: &[Relation]) -> Section {
    let row = |of: &Relation| {
        let given = of.adjusted.first().map_or_else(String::new, |given| ratings::slope(given.slope));
        vec![
            of.column.to_string(),
            of.framing.name().to_owned(),
            of.n.to_string(),
            ratings::correlation(of.spearman),
            ratings::correlation(of.kendall),
            ratings::correlation(of.standardized),
            given,
            ratings::slope(of.slope),
            ratings::interval(of.low, of.high),
        ]
    };
    Section {
        title: "Scores beside ratings".to_owned(),
        remark: ratings::DEFINITION.to_owned(),
        header: vec!["ratings", "framing", "n", "rho", "tau", "standardized", "given others", "slope", "95 %"],
        rows: relations.iter().map(row).collect(),
    }
}

/// The words farthest from each line.
fn far_from_ratings(relations: &[Relation]) -> Section {
    let row = |of: &Relation| {
        let [above, below] = ratings::beside_the_line(of);
        vec![of.column.to_string(), of.framing.name().to_owned(), above, below]
    };
    Section {
        title: "Words farthest from the line of their ratings".to_owned(),
        remark: String::new(),
        header: vec!["ratings", "framing", "above the line", "below the line"],
        rows: relations.iter().map(row).collect(),
    }
}

/// How words rank under positive and under negative prompts.
fn framings(of: &FramingAgreement) -> Section {
    let rho = of.spearman.map_or("not defined".to_owned(), |rho| format!("{rho:+.3}"));
    let remark = format!(
        "Words' mean ranks under {} positive and under {} correlate at {rho} (Spearman, {}): -1 where the \
         order turns about, +1 where words rank alike whatever is asked.",
        of.positive_prompts,
        counted(of.negative_prompts, "negative prompt"),
        counted(of.words, "word")
    );
    Section::of_words("Framings", remark)
}

fn title(page: &CardPage) -> String {
    let demonstration = if page.provenance.demonstration { ", a demonstration model" } else { "" };
    format!("Value card of {} ({}{demonstration})", page.card.model, page.card.family)
}

/// The whole page. The first and the last column of a table are set left, the others right.
pub(super) fn document(page: &CardPage, format: DocumentFormat) -> String {
    let mut document = Document::new(format);
    document.title(&title(page));
    facts(page).iter().for_each(|fact| document.paragraph(fact));
    for section in sections(page) {
        document.heading(&section.title);
        if !section.remark.is_empty() {
            document.paragraph(&section.remark);
        }
        let last = section.header.len().saturating_sub(1);
        let side = |at: usize| if at == 0 || at == last { Alignment::Left } else { Alignment::Right };
        let columns: Vec<_> = section.header.iter().enumerate().map(|(at, name)| (*name, side(at))).collect();
        if !columns.is_empty() {
            document.table(&columns, &section.rows);
        }
    }
    document.finish()
}
