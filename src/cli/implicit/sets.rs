//! Many pairs of language models: each of a set against each of another, the mean over the pairs and every pair beside it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::{Asked, Column, Shown, ask, asked_differently, categories, csv, info, tell, words_of};
use crate::base::terms::Family;
use crate::base::text::visible_word;
use crate::cli::args::{ImplicitArgs, TextFormat};
use crate::cli::output;
use crate::model::ModelInfo;
use crate::report::figure::{self, Figure, Lollipop, LollipopFigure, PairRow, PairsFigure};
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::session::failure::Failure;
use crate::stats::implicit::Variants;
use crate::stats::{mean_sd, ranks_beside};
use crate::tables::long::{shown_rank, sort_rank};

/// Every pair of two sets of models.
#[derive(Serialize)]
struct SetReport<'a> {
    /// What makes the numbers doubtful.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    a: Vec<&'a str>,
    b: Vec<&'a str>,
    measure: &'static str,
    variants: Variants,
    /// Each of A with each of B, in the order of the values.
    pairs: Vec<[&'a str; 2]>,
    prompts: Vec<SetPrompt<'a>>,
}

#[derive(Serialize)]
struct SetPrompt<'a> {
    prompt: &'a str,
    text: &'a str,
    words: Vec<SetRow>,
}

#[derive(Serialize)]
struct SetRow {
    /// Of the mean; 1 is what A likes most against B.
    rank: f64,
    word: String,
    categories: Vec<String>,
    /// It is given beside the list: its rank is the one that it would have there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own: bool,
    /// Texts that were averaged.
    variants: usize,
    /// Over the pairs, in nats.
    mean: f64,
    /// Over the pairs, with n - 1; null for one.
    sd: f64,
    /// Pairs in which the model of A likes the word better.
    above_zero: usize,
    /// A value a pair.
    each: Vec<f64>,
}

pub(super) fn run(args: &ImplicitArgs) -> Result<(), Failure> {
    let (output, figure) = output::output_and_figure(args.output.as_deref(), args.figure.as_deref(), args.force)?;
    let format = TextFormat::of(args.format, &output)?;
    let names: Vec<&String> = args.many_a.iter().chain(&args.many_b).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
        return Err(Failure::Use(format!("{twice}: named twice. Name each model once, under --a or under --b")));
    }
    let Asked { mut headless, words, prompts, specs, sides, mut notes } = ask(args, &names)?;
    let (sides, left_out) = common(sides);
    if left_out > 0 {
        let models = specs.len();
        notes.push(format!("{left_out} times a text has no log-probability by some of the {models} models and was left out"));
    }
    let of_a = args.many_a.len();
    let pairs: Vec<(usize, usize)> = (0..of_a).flat_map(|a| (of_a..specs.len()).map(move |b| (a, b))).collect();
    let categories = categories(args, &words);
    let shown = Shown::new(args);
    let mut found = Vec::new();
    for (at, prompt) in prompts.iter().enumerate() {
        let mut rows: Vec<SetRow> = Vec::new();
        let mut places: HashMap<(bool, String), usize> = HashMap::new();
        for &(a, b) in &pairs {
            for row in words_of(args, &words, &categories, prompt, [&sides[a][at], &sides[b][at]]).words {
                let value = row.word.value(args.measure);
                let place = *places.entry((row.own, row.word.word.clone())).or_insert_with(|| {
                    let (word, variants) = (row.word.word, row.word.variants);
                    let (rank, mean, sd) = (f64::NAN, f64::NAN, f64::NAN);
                    let (categories, own) = (row.categories, row.own);
                    rows.push(SetRow { rank, word, categories, own, variants, mean, sd, above_zero: 0, each: Vec::new() });
                    rows.len() - 1
                });
                rows[place].each.push(value);
            }
        }
        summarize(&mut rows);
        rows.retain(|row| shown.has(&row.word));
        found.push(SetPrompt { prompt: prompt.label(), text: &prompt.text, words: rows });
    }
    shown.check(found.iter().flat_map(|of| &of.words).map(|row| row.word.as_str()))?;
    if found.iter().all(|prompt| prompt.words.is_empty()) {
        return Err(Failure::Run("the models have no word in common".to_owned()));
    }
    let infos: Vec<ModelInfo> = specs.iter().zip(headless.ids()).map(|(spec, id)| info(spec, &headless, id)).collect();
    let name = |at: usize| specs[at].name.as_str();
    let report = SetReport {
        warnings: asked_differently(&specs, &infos),
        a: (0..of_a).map(name).collect(),
        b: (of_a..specs.len()).map(name).collect(),
        measure: args.measure.key(),
        variants: args.variants,
        pairs: pairs.iter().map(|&(a, b)| [name(a), name(b)]).collect(),
        prompts: found,
    };
    let text = match format {
        TextFormat::Table => page(&report, args, DocumentFormat::Table),
        TextFormat::Markdown => page(&report, args, DocumentFormat::Markdown),
        TextFormat::Latex => page(&report, args, DocumentFormat::Latex),
        TextFormat::Csv => {
            let of = |prompt: &SetPrompt| prompt.words.iter().map(|row| (row.word.clone(), row.mean)).collect();
            csv(&report.prompts.iter().map(|prompt| (prompt.prompt, of(prompt))).collect::<Vec<_>>(), output.is_terminal())?
        }
        TextFormat::Json => output::json(&report)?,
    };
    let families: Vec<Family> = infos.iter().map(|info| info.family).collect();
    output::draw(figure, || picture(&report, args, &families, &pairs))?;
    notes.extend(headless.take_notes());
    tell(args, format, &report.warnings, &notes);
    let models = specs.iter().zip(&infos).map(|(spec, info)| ModelProvenance::new(&spec.name, &info.provenance)).collect();
    output::write(output, text.as_bytes(), Some(&FileProvenance::new(models, &prompts)))
}

/// The log-probabilities of texts that every model has under a prompt, `[models][prompts]`, so that every pair ranks the same
/// words; and how many others there were.
fn common(sides: Vec<Vec<Column>>) -> (Vec<Vec<Column>>, usize) {
    let prompts = sides.first().map_or(0, Vec::len);
    let shared: Vec<HashSet<Arc<str>>> = (0..prompts)
        .map(|prompt| {
            let texts = |side: &Vec<Column>| {
                side[prompt].iter().filter(|(_, log)| !log.is_nan()).map(|(text, _)| text.clone()).collect::<HashSet<_>>()
            };
            let mut sets = sides.iter().map(texts);
            let first = sets.next().unwrap_or_default();
            sets.fold(first, |mut shared, next| {
                shared.retain(|text| next.contains(text));
                shared
            })
        })
        .collect();
    let mut left_out = 0;
    let mut kept = sides;
    for side in &mut kept {
        for (column, shared) in side.iter_mut().zip(&shared) {
            let before = column.len();
            column.retain(|(text, _)| shared.contains(text));
            left_out += before - column.len();
        }
    }
    (kept, left_out)
}

fn summarize(rows: &mut [SetRow]) {
    for row in rows.iter_mut() {
        row.above_zero = row.each.iter().filter(|value| **value > 0.0).count();
        (row.mean, row.sd) = mean_sd(&row.each).unwrap_or((f64::NAN, f64::NAN));
        if row.each.len() < 2 {
            row.sd = f64::NAN;
        }
    }
    let values: Vec<f64> = rows.iter().map(|row| row.mean).collect();
    let own: Vec<bool> = rows.iter().map(|row| row.own).collect();
    for (row, rank) in rows.iter_mut().zip(ranks_beside(&values, &own)) {
        row.rank = rank;
    }
}

fn in_order<'a>(of: &'a SetPrompt) -> Vec<&'a SetRow> {
    let mut rows: Vec<&SetRow> = of.words.iter().collect();
    rows.sort_by(|a, b| sort_rank(a.rank, a.own).total_cmp(&sort_rank(b.rank, b.own)));
    rows
}

fn page(report: &SetReport<'_>, args: &ImplicitArgs, format: DocumentFormat) -> String {
    const LEFT: Alignment = Alignment::Left;
    const RIGHT: Alignment = Alignment::Right;
    let mut document = Document::new(format);
    for warning in &report.warnings {
        document.paragraph(&format!("Warning: {warning}"));
        document.paragraph("");
    }
    for of in &report.prompts {
        document.heading(&format!("{} over {} pairs of models", args.measure, report.pairs.len()));
        let name = if of.prompt == of.text { String::new() } else { format!("{}: ", of.prompt) };
        document.paragraph(&format!("{name}{}", of.text));
        document.paragraph(&format!("A: {}. B: {}.", report.a.join(", "), report.b.join(", ")));
        document.paragraph(&format!("{} words, above zero where A gives the word more", of.words.len()));
        let rows = in_order(of);
        let row = |row: &&SetRow| {
            let ends = row.each.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
            let number = |value: f64| if value.is_nan() { "–".to_owned() } else { format!("{value:+.3e}") };
            vec![
                shown_rank(row.rank, row.own),
                number(row.mean),
                number(row.sd),
                number(ends.0),
                number(ends.1),
                format!("{} of {}", row.above_zero, row.each.len()),
                row.variants.to_string(),
                row.categories.join(", "),
                visible_word(&row.word, false).into_owned(),
            ]
        };
        let numbers = ["rank", "mean", "sd", "lowest", "highest", "above zero", "n"].map(|name| (name, RIGHT));
        let columns = [&numbers[..], &[("category", LEFT), ("word", LEFT)]].concat();
        document.table(&columns, &rows.iter().map(row).collect::<Vec<_>>());
        if rows.len() <= PairsFigure::MOST_WORDS {
            document.paragraph("");
            let words = rows.iter().map(|row| (visible_word(&row.word, false).into_owned(), RIGHT));
            let columns: Vec<_> = words.chain(["A", "B"].map(|side| (side.to_owned(), LEFT))).collect();
            let pair = |(at, [a, b]): (usize, &[&str; 2])| {
                let values = rows.iter().map(|row| row.each.get(at).map(|value| format!("{value:+.3e}")).unwrap_or_default());
                values.chain([a.to_string(), b.to_string()]).collect::<Vec<_>>()
            };
            document.table(&columns, &report.pairs.iter().enumerate().map(pair).collect::<Vec<_>>());
        }
    }
    document.finish()
}

/// Under the first prompt: of few words a row a pair, as in the study's third figure; else a row a word.
fn picture(report: &SetReport<'_>, args: &ImplicitArgs, families: &[Family], pairs: &[(usize, usize)]) -> Figure {
    let Some(of) = report.prompts.first() else { return figure::lollipops(&LollipopFigure::default()) };
    let rows = in_order(of);
    let (measure, prompt) = (args.measure, of.text.to_owned());
    if rows.len() <= PairsFigure::MOST_WORDS {
        let pair = |(at, &(a, b)): (usize, &(usize, usize))| {
            let [name_a, name_b] = report.pairs[at].map(str::to_owned);
            let values = rows.iter().map(|row| row.each.get(at).copied().unwrap_or(f64::NAN)).collect();
            PairRow { models: [(name_a, families[a]), (name_b, families[b])], values }
        };
        let words = rows.iter().map(|row| row.word.clone()).collect();
        let (rows, note) = (pairs.iter().enumerate().map(pair).collect(), report.warnings.join(" "));
        return figure::pairs(&PairsFigure { words, rows, measure, prompt, note });
    }
    let own = rows.iter().filter(|row| row.own).count();
    let word = |row: &&SetRow| Lollipop {
        word: row.word.clone(),
        categories: row.categories.clone(),
        value: row.mean,
        each: row.each.clone(),
    };
    let side = |names: &[&str], families: &[Family]| {
        let family = families.first().copied().filter(|first| families.iter().all(|family| family == first));
        let family = family.unwrap_or(Family::Other);
        match (names, family) {
            ([name], family) => ((*name).to_owned(), family),
            (names, Family::Other) => (format!("{} models", names.len()), Family::Other),
            (names, family) => (format!("{} {family} models", names.len()), family),
        }
    };
    let (of_a, of_b) = families.split_at(report.a.len());
    let notes = [report.warnings.join(" "), LollipopFigure::not_drawn(own)];
    figure::lollipops(&LollipopFigure {
        models: [side(&report.a, of_a), side(&report.b, of_b)],
        measure,
        words: rows.iter().filter(|row| !row.own).map(word).collect(),
        prompt,
        note: notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; "),
    })
}
