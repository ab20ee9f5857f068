//! A report in words and tables: what was compared, how the families differ and by which test, and what to make of it.

use std::collections::BTreeMap;

use super::grid::{Alignment, Document, DocumentFormat};
use crate::base::terms::Framing;
use crate::base::text::{counted, visible_word};
use crate::report::wording::{missing, number, p_on_page, signed, stars};
use crate::report::{ratings, scores};
use crate::stats::contrast::{Kind, Quantity, TESTS, TESTS_OF_MODELS, Test, TestResult, Unit, Value};
use crate::stats::results::{
    AnovaTerm, Contrast, Dividing, FamilySummary, FixedEffect, FramingAgreement, ModelContrast, ModelSummary, Report,
    ScoreSummary, UNIT_NOTE,
};

const L: Alignment = Alignment::Left;
const R: Alignment = Alignment::Right;

/// The whole report, as text or as Markdown.
pub(crate) fn page(report: &Report, layout: DocumentFormat) -> String {
    let mut document = Document::new(layout);
    for warning in &report.warnings {
        document.paragraph(&format!("Warning: {warning}"));
        document.paragraph("");
    }
    let mut models_of: BTreeMap<&str, usize> = BTreeMap::new();
    for model in &report.models {
        *models_of.entry(&model.family).or_default() += 1;
    }
    let by_family: Vec<String> = models_of.iter().map(|(family, n)| format!("{n} {family}")).collect();
    document.paragraph(&format!(
        "{} ({}), {}, {}, {}. A cell is the median rank of a category's words under one prompt of \
         one model; 1 is the highest score, and {} is what chance gives.",
        counted(report.models.len(), "model"),
        by_family.join(", "),
        counted(report.words, "word"),
        counted(report.prompts.len(), "prompt"),
        counted(report.cells.len(), "cell"),
        (report.words as f64 + 1.0) / 2.0
    ));
    families(&mut document, report);
    contrasts(&mut document, report);
    mixed_models(&mut document, report);
    anova(&mut document, report);
    model_contrasts(&mut document, report);
    models(&mut document, report);
    agreement(&mut document, report);
    framings(&mut document, report);
    dividing_words(&mut document, report);
    scores::framing_sums(&mut document, &report.framing_sums);
    ratings::sections(&mut document, &report.ratings);
    scores::moments(&mut document, &report.moments);
    let notes: Vec<&String> = report.notes.iter().filter(|note| *note != UNIT_NOTE).collect();
    if !notes.is_empty() {
        document.heading("Notes");
        notes.iter().for_each(|note| document.item(note));
    }
    document.finish()
}

fn families(document: &mut Document, report: &Report) {
    if report.families.is_empty() {
        return;
    }
    document.heading("Families: mean of cells");
    let mut all: Vec<_> = report.families.iter().collect();
    all.sort_by(|a, b| (&a.category, a.framing, &a.family).cmp(&(&b.category, b.framing, &b.family)));
    let row = |f: &&FamilySummary| {
        vec![f.category.to_string(), sign(f.framing), f.family.to_string(), f.n.to_string(), rank(f.mean), rank(f.sd), rank(f.se)]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    document.table(&[("category", L), ("framing", L), ("family", L), ("n", R), ("mean", R), ("sd", R), ("se", R)], &rows);
}

/// The sections of a pair of families, by what their tests take for an independent observation.
const SECTIONS: [(Unit, &str); 3] = [
    (Unit::Models, "models as the unit"),
    (Unit::ModelsAndWords, "models and words crossed"),
    (Unit::Prompts, "as published, prompts as the unit"),
];

/// The contrasts of each two families: the tests that hold what they promise, then those that are given as published.
fn contrasts(document: &mut Document, report: &Report) {
    let mut pairs: Vec<_> = report.contrasts.iter().map(|contrast| &contrast.families).collect();
    pairs.dedup();
    for pair in pairs {
        let [first, second] = pair;
        let contrasts: Vec<&Contrast> = report.contrasts.iter().filter(|contrast| contrast.families == *pair).collect();
        for (unit, name) in SECTIONS {
            document.heading(&format!("{second} − {first}, {name}"));
            if unit == Unit::Models {
                document.paragraph("Judge by these; the tests with prompts as the unit, as published, come after them.");
            }
            let tests: Vec<&Test> = TESTS.into_iter().filter(|test| test.unit == unit).collect();
            tables_of_tests(document, unit, &tests, &contrasts, report.adjusted_for);
            legend(document, unit, &tests, &contrasts, report.adjusted_for);
        }
    }
    if report.notes.iter().any(|note| note == UNIT_NOTE) {
        document.paragraph("");
        document.paragraph(UNIT_NOTE);
    }
}

/// A row a contrast, with the columns of every test; tests that the page is too narrow for have a table of their own below.
fn tables_of_tests(document: &mut Document, unit: Unit, tests: &[&Test], contrasts: &[&Contrast], adjusted_for: usize) {
    let mut rest = tests;
    while !rest.is_empty() {
        let tables = (1..=rest.len()).map(|n| (n, Table::of_tests(unit, &rest[..n], contrasts, adjusted_for)));
        // A single test is shown however wide it is.
        let fitting = tables.rev().find(|(n, table)| *n == 1 || document.fits(&table.columns, &table.rows));
        let Some((n, table)) = fitting else { break };
        document.table(&table.columns, &table.rows);
        rest = &rest[n..];
        if !rest.is_empty() {
            document.paragraph("");
        }
    }
}

struct Table {
    columns: Vec<(String, Alignment)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of_tests(unit: Unit, tests: &[&Test], contrasts: &[&Contrast], adjusted_for: usize) -> Table {
        let known: &[(&str, Alignment)] = match unit {
            Unit::Prompts => &[("category", L), ("framing", L), ("n", R), ("diff.", R)],
            Unit::Models => &[("category", L), ("framing", L), ("models", R), ("diff.", R)],
            Unit::ModelsAndWords => &[("category", L), ("framing", L), ("models", R)],
        };
        let mut columns: Vec<(String, Alignment)> = known.iter().map(|(heading, side)| ((*heading).to_owned(), *side)).collect();
        columns.extend(tests.iter().flat_map(|test| test.columns()).map(|quantity| column_of(quantity, adjusted_for)));
        let row = |c: &&Contrast| {
            let mut row = vec![c.category.to_string(), sign(c.framing)];
            match unit {
                Unit::Prompts => row.extend([format!("{}, {}", c.n[0], c.n[1]), signed(c.difference)]),
                Unit::Models => row.extend([format!("{}, {}", c.models[0], c.models[1]), signed(c.difference)]),
                Unit::ModelsAndWords => row.push(format!("{}, {}", c.models[0], c.models[1])),
            }
            for test in tests {
                let result = c.result(test);
                row.extend(test.columns().into_iter().map(|quantity| cell(quantity, result)));
            }
            row
        };
        Table { columns, rows: contrasts.iter().map(row).collect() }
    }
}

fn column_of(quantity: &Quantity, adjusted_for: usize) -> (String, Alignment) {
    match quantity.kind {
        Kind::Bonferroni if adjusted_for > 0 => (format!("{} × {adjusted_for}", quantity.heading), L),
        Kind::Bonferroni | Kind::Interval | Kind::Low => (quantity.heading.to_owned(), L),
        _ => (quantity.heading.to_owned(), R),
    }
}

fn cell(quantity: &Quantity, result: Option<&TestResult>) -> String {
    let Some((result, value)) = result.and_then(|result| Some((result, result.value(quantity.key)?))) else { return missing() };
    match (value, quantity.kind) {
        (Value::Number(_), Kind::Low) => interval(result.ends()),
        (Value::Number(p), Kind::Bonferroni) if !result.test.is_as_published() => starred(p),
        (Value::Number(p), Kind::P | Kind::LeastP | Kind::Bonferroni | Kind::FalseDiscovery) => p_on_page(p),
        (Value::Number(effect), Kind::Effect) => signed(effect),
        (Value::Number(value), _) => number(value),
        (Value::Count(n), Kind::Labellings) if result.is_sampled() => format!("{n} sampled"),
        (Value::Count(n), _) => n.to_string(),
        (Value::Flag(flag), _) => if flag { "yes" } else { "no" }.to_owned(),
        (Value::Interval(ends), _) => interval(ends),
    }
}

fn interval(ends: Option<[f64; 2]>) -> String {
    ends.filter(|ends| ends.iter().all(|end| !end.is_nan()))
        .map_or_else(missing, |[low, high]| format!("{} … {}", signed(low), signed(high)))
}

/// How the tests were made.
fn legend(document: &mut Document, unit: Unit, tests: &[&Test], contrasts: &[&Contrast], adjusted_for: usize) {
    let first = |test: &Test| contrasts.iter().find_map(|contrast| contrast.result(test));
    let made = tests.iter().filter(|test| first(test).is_some());
    let mut sentences: Vec<String> = made.filter_map(|test| (test.legend)(first(test))).collect();
    if !tests.iter().any(|test| first(test).is_some()) {
        return;
    }
    sentences.push(match unit {
        Unit::Prompts => {
            format!("p × {adjusted_for}: Bonferroni; FDR: Benjamini–Hochberg. No stars: these p-values do not hold.")
        }
        _ => format!("p × {adjusted_for}: times the number of contrasts. {STARS}"),
    });
    document.paragraph(&sentences.join(" "));
}

const STARS: &str = "Stars: * below .05, ** .01, *** .001.";

/// The mixed model with random slopes, and the one as published.
fn mixed_models(document: &mut Document, report: &Report) {
    document.heading("Mixed model, random slopes by model");
    match &report.random_slopes {
        Some(model) => {
            document.paragraph(&format!("{}; REML, {} cells, {} models.", model.formula, model.n, model.groups));
            fixed_effects(document, &model.fixed, true);
            let singular = if model.singular { " Models vary in fewer directions than there are panels (singular)." } else { "" };
            document.paragraph(&format!(
                "Degrees of freedom: models less families. Variance within models {}.{singular} By the t test of each term, \
                 not adjusted. {STARS}",
                number(model.residual_variance)
            ));
        }
        None => document.paragraph(report.random_slopes_note.as_deref().unwrap_or("not computed")),
    }
    document.heading("Mixed model as published, random intercept by model alone");
    match &report.mixed_model {
        Some(model) => {
            document.paragraph(&format!("{}; REML, {} cells, {} models.", model.formula, model.n, model.groups));
            fixed_effects(document, &model.fixed, false);
            document.paragraph(&format!(
                "Variances: {} between models, {} within. No stars: models differ by category and framing too, so that these \
                 p-values do not hold.",
                number(model.intercept_variance),
                number(model.residual_variance)
            ));
        }
        None => document.paragraph(report.mixed_model_note.as_deref().unwrap_or("not computed")),
    }
}

fn fixed_effects(document: &mut Document, effects: &[FixedEffect], with_stars: bool) {
    let row = |e: &FixedEffect| {
        let p = if with_stars { starred(e.p) } else { p_on_page(e.p) };
        vec![number(e.estimate), number(e.se), number(e.df), number(e.t), p, e.term.clone()]
    };
    let rows: Vec<_> = effects.iter().map(row).collect();
    document.table(&[("estimate", R), ("se", R), ("df", R), ("t", R), ("p", L), ("term", L)], &rows);
}

fn anova(document: &mut Document, report: &Report) {
    document.heading("Analysis of variance as published, type II");
    if let Some(anova) = &report.anova {
        let row = |t: &AnovaTerm| vec![t.term.clone(), number(t.df), number(t.sum_of_squares), number(t.f), p_on_page(t.p)];
        let mut rows: Vec<_> = anova.terms.iter().map(row).collect();
        let residual = [number(anova.residual_df), number(anova.residual_sum_of_squares)];
        rows.push([vec!["residual".to_owned()], residual.to_vec(), vec![String::new(); 2]].concat());
        document.table(&[("term", L), ("df", R), ("sum of squares", R), ("F", R), ("p", R)], &rows);
        let nothing =
            if anova.residual_sum_of_squares == 0.0 { " Nothing varies beside the terms: there is no F test." } else { "" };
        let why = "No stars: cells of one prompt and of one model are not independent, so that these p-values do not hold.";
        document.paragraph(&format!("{} cells. {why}{nothing}", anova.n));
    } else {
        document.paragraph(report.anova_note.as_deref().unwrap_or("not computed"));
    }
}

/// Welch's test of each two models, where there are few.
fn model_contrasts(document: &mut Document, report: &Report) {
    if report.model_contrasts.is_empty() {
        return;
    }
    document.heading("Model by model as published, prompts as the unit");
    // Of so many comparisons the false discovery rate is judged, and nothing else is adjusted.
    let columns_of = |test: &Test| test.columns().into_iter().filter(|quantity| quantity.kind != Kind::Bonferroni);
    let row = |c: &ModelContrast| {
        let mut row = vec![c.category.to_string(), sign(c.framing), format!("{}, {}", c.n[0], c.n[1]), signed(c.difference)];
        for test in TESTS_OF_MODELS {
            let result = c.result(test);
            row.extend(columns_of(test).map(|quantity| cell(quantity, result)));
        }
        row.push(format!("{} − {}", c.models[1], c.models[0]));
        row
    };
    let rows: Vec<_> = report.model_contrasts.iter().map(row).collect();
    let mut columns = vec![("category", L), ("framing", L), ("n", R), ("diff.", R)];
    columns.extend(TESTS_OF_MODELS.into_iter().flat_map(columns_of).map(|quantity| (quantity.heading, R)));
    columns.push(("models", L));
    document.table(&columns, &rows);
    let tests = report.model_contrasts.len();
    document.paragraph(&format!(
        "FDR: Benjamini–Hochberg over {tests} contrasts. These p-values speak of these two models alone, and of other prompts as \
         independent as theirs."
    ));
}

fn models(document: &mut Document, report: &Report) {
    if report.models_summary.is_empty() {
        return;
    }
    document.heading("Models: mean of cells, and of scores scaled within model and prompt");
    let row = |m: &ModelSummary| {
        let is_it = |s: &&ScoreSummary| s.model == m.model && s.category == m.category && s.framing == m.framing;
        let scaled = report.scores_summary.iter().find(is_it).map(|s| [format!("{:.3}", s.min_max), format!("{:+.3}", s.z)]);
        let [min_max, z] = scaled.unwrap_or_else(|| std::array::from_fn(|_| missing()));
        let (model, category, n) = (m.model.to_string(), m.category.to_string(), m.n.to_string());
        vec![model, category, sign(m.framing), n, rank(m.mean), rank(m.sd), rank(m.se), min_max, z]
    };
    let rows: Vec<_> = report.models_summary.iter().map(row).collect();
    let columns =
        [("model", L), ("category", L), ("framing", L), ("n", R), ("mean", R), ("sd", R), ("se", R), ("0 to 1", R), ("z", R)];
    document.table(&columns, &rows);
}

/// Of each pair of models the mean over prompts.
fn agreement(document: &mut Document, report: &Report) {
    let mut pairs: Vec<(&str, &str)> = report.agreement.iter().map(|a| (&*a.a, &*a.b)).collect();
    pairs.dedup();
    if pairs.is_empty() {
        return;
    }
    document.heading("Agreement of models: mean over prompts");
    let row = |&(a, b): &(&str, &str)| {
        let of_pair: Vec<_> = report.agreement.iter().filter(|agreement| &*agreement.a == a && &*agreement.b == b).collect();
        let mean = |values: Vec<f64>| {
            if values.is_empty() { missing() } else { format!("{:+.3}", values.iter().sum::<f64>() / values.len() as f64) }
        };
        let spearman = mean(of_pair.iter().filter_map(|agreement| agreement.spearman).collect());
        let kendall = mean(of_pair.iter().filter_map(|agreement| agreement.kendall).collect());
        let rbo = mean(of_pair.iter().filter_map(|agreement| agreement.rbo).collect());
        vec![a.to_owned(), b.to_owned(), of_pair.len().to_string(), spearman, kendall, rbo]
    };
    let rows: Vec<_> = pairs.iter().map(row).collect();
    document.table(&[("a", L), ("b", L), ("prompts", R), ("Spearman", R), ("Kendall", R), ("RBO", R)], &rows);
}

fn framings(document: &mut Document, report: &Report) {
    if report.framings.is_empty() {
        return;
    }
    document.heading("Positive against negative framings");
    let row = |of: &FramingAgreement| {
        let spearman = of.spearman.map_or_else(missing, |rho| format!("{rho:+.3}"));
        let prompts = format!("{}, {}", of.positive_prompts, of.negative_prompts);
        vec![of.model.clone(), prompts, of.words.to_string(), spearman]
    };
    let rows: Vec<_> = report.framings.iter().map(row).collect();
    document.table(&[("model", L), ("prompts", R), ("words", R), ("Spearman", R)], &rows);
    document.paragraph(
        "Of words' mean ranks under positive prompts with those under negative ones: -1 where the order turns about, +1 where \
         words rank alike whatever is asked.",
    );
}

/// Of the words that divide families most, as many as are read.
fn dividing_words(document: &mut Document, report: &Report) {
    const SHOWN: usize = 8;
    for of in &report.dividing {
        let [a, b] = &of.families;
        document.heading(&format!("Words that divide {a} and {b} most, {} framing", sign(of.framing)));
        let row = |word: &Dividing| {
            let se = word.rank.se.map_or_else(missing, number);
            let n = format!("{}, {}", word.models[0], word.models[1]);
            vec![visible_word(&word.word, false).into_owned(), signed(word.rank.difference), se, signed(word.z.difference), n]
        };
        let rows: Vec<_> = of.words.iter().take(SHOWN).map(row).collect();
        document.table(&[("word", L), ("ranks", R), ("se", R), ("z", R), ("models", R)], &rows);
        document.paragraph(&format!(
            "{b} less {a}, means over prompts and models; the standard error has models as the unit. Chosen among {} as the \
             farthest apart, so the differences are larger than they would be for words chosen beforehand, and no interval around \
             them holds.",
            counted(report.words, "word")
        ));
    }
}

fn sign(framing: Framing) -> String {
    match framing {
        Framing::Positive => "positive".to_owned(),
        Framing::Negative => "negative".to_owned(),
    }
}

fn rank(value: f64) -> String {
    if value.is_nan() { missing() } else { format!("{value:.2}") }
}

fn starred(p: f64) -> String {
    format!("{} {}", p_on_page(p), stars(p, "")).trim_end().to_owned()
}
