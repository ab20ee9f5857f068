//! A report in words and tables: what was compared, how the families differ and by which test, and what to make of it.

use std::collections::BTreeMap;

use super::grid::{Document, Layout, Side};
use crate::base::terms::Framing;
use crate::base::text::visible_word;
use crate::stats::results::{
    AnovaTerm, Contrast, Dividing, FamilySummary, FixedEffect, FramingAgreement, ModelContrast, ModelSummary, Report,
    ScoreSummary, UNIT_NOTE,
};

const L: Side = Side::Left;
const R: Side = Side::Right;

pub(crate) fn tell(report: &Report, layout: Layout) -> String {
    let mut document = Document::new(layout);
    for warning in &report.warnings {
        document.paragraph(&format!("Warning: {warning}"));
        document.paragraph("");
    }
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for model in &report.models {
        *families.entry(&model.family).or_default() += 1;
    }
    let families: Vec<String> = families.iter().map(|(family, n)| format!("{n} {family}")).collect();
    document.paragraph(&format!(
        "{} models ({}), {} words, {} prompts, {} cells. A cell is the median rank of a category's words under one prompt of \
         one model; 1 is the highest score, and {} is what chance gives.",
        report.models.len(),
        families.join(", "),
        report.words,
        report.prompts.len(),
        report.cells.len(),
        (report.words as f64 + 1.0) / 2.0
    ));
    of_families(&mut document, report);
    of_pairs(&mut document, report);
    of_mixed_model(&mut document, report);
    of_anova(&mut document, report);
    of_models(&mut document, report);
    of_agreement(&mut document, report);
    of_framings(&mut document, report);
    of_dividing(&mut document, report);
    let notes: Vec<&String> = report.notes.iter().filter(|note| *note != UNIT_NOTE).collect();
    if !notes.is_empty() {
        document.heading("Notes");
        notes.iter().for_each(|note| document.item(note));
    }
    document.finish()
}

fn of_families(document: &mut Document, report: &Report) {
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

fn of_pairs(document: &mut Document, report: &Report) {
    let mut pairs: Vec<_> = report.contrasts.iter().map(|contrast| &contrast.families).collect();
    pairs.dedup();
    let tested = report.contrasts.iter().filter(|contrast| contrast.welch.is_some()).count();
    let times = format!("p × {tested}");
    for pair in pairs {
        let [first, second] = pair;
        let contrasts: Vec<&Contrast> = report.contrasts.iter().filter(|contrast| contrast.families == *pair).collect();
        document.heading(&format!("{second} − {first}, prompts as the unit"));
        let of_cells = |c: &&Contrast| {
            let welch = c.welch.map(|w| [number(w.t), number(w.df), p(w.p), starred(w.p_bonferroni), p(w.p_fdr)]);
            let [t, df, raw, bonferroni, fdr] = welch.unwrap_or_else(|| std::array::from_fn(|_| none()));
            let drawn = c.permutation.map_or_else(none, |permutation| p(permutation.p));
            let of_all = c.permutation.map_or_else(none, |permutation| starred(permutation.p_bonferroni));
            let n = format!("{}, {}", c.n[0], c.n[1]);
            vec![c.category.to_string(), sign(c.framing), n, signed(c.difference), t, df, raw, bonferroni, fdr, drawn, of_all]
        };
        let rows: Vec<_> = contrasts.iter().map(of_cells).collect();
        let columns = [
            ("category", L),
            ("framing", L),
            ("n", R),
            ("diff.", R),
            ("Welch t", R),
            ("df", R),
            ("p", R),
            (times.as_str(), L),
            ("p FDR", R),
            ("perm. p", R),
            (times.as_str(), L),
        ];
        document.table(&columns, &rows);
        let replicates = contrasts.iter().find_map(|contrast| contrast.permutation);
        if let Some(permutation) = replicates {
            document.paragraph(&format!(
                "perm.: permutation test, {} random divisions, seed {}. FDR: Benjamini–Hochberg. Stars beside the p times the \
                 number of contrasts ({tested}) of that test: * below .05, ** .01, *** .001.",
                permutation.replicates, permutation.seed
            ));
        }
        of_exact(document, pair, &contrasts, &times);
    }
    if report.notes.iter().any(|note| note == UNIT_NOTE) {
        document.paragraph("");
        document.paragraph(UNIT_NOTE);
    }
}

fn of_exact(document: &mut Document, [first, second]: &[std::sync::Arc<str>; 2], contrasts: &[&Contrast], times: &str) {
    document.heading(&format!("{second} − {first}, models as the unit, and intervals"));
    let row = |c: &&Contrast| {
        let exact = c.exact_models.map(|exact| {
            let splits = format!("{}{}", exact.splits, if exact.sampled { " sampled" } else { "" });
            [number(exact.t), splits, p(exact.p), starred(exact.p_bonferroni)]
        });
        let [t, splits, exact_p, bonferroni] = exact.unwrap_or_else(|| std::array::from_fn(|_| none()));
        let interval = |of: Option<[f64; 2]>| of.map_or_else(none, |[low, high]| format!("{} … {}", signed(low), signed(high)));
        let over_models = interval(c.bootstrap.and_then(|bootstrap| bootstrap.models));
        let over_words = interval(c.bootstrap.and_then(|bootstrap| bootstrap.words));
        let models = format!("{}, {}", c.models[0], c.models[1]);
        vec![c.category.to_string(), sign(c.framing), models, t, splits, exact_p, bonferroni, over_models, over_words]
    };
    let rows: Vec<_> = contrasts.iter().map(row).collect();
    let columns = [
        ("category", L),
        ("framing", L),
        ("models", R),
        ("Welch t", R),
        ("ways", R),
        ("exact p", R),
        (times, L),
        ("95 % over models", L),
        ("95 % over words", L),
    ];
    document.table(&columns, &rows);
    if let Some(bootstrap) = contrasts.iter().find_map(|contrast| contrast.bootstrap) {
        document.paragraph(&format!(
            "exact: of all ways to label the models, how many have a Welch t as far from 0. Intervals of the difference: {} \
             bootstrap draws, seed {}.",
            bootstrap.replicates, bootstrap.seed
        ));
    }
}

fn of_mixed_model(document: &mut Document, report: &Report) {
    document.heading("Mixed model");
    let Some(model) = &report.mixed_model else {
        document.paragraph(report.mixed_model_note.as_deref().unwrap_or("not computed"));
        return;
    };
    let row = |e: &FixedEffect| {
        vec![number(e.estimate), number(e.se), number(e.df), number(e.t), p(e.p), stars(e.p).to_owned(), e.term.clone()]
    };
    let rows: Vec<_> = model.fixed.iter().map(row).collect();
    let columns = [("estimate", R), ("se", R), ("df", R), ("t", R), ("p", R), ("", L), ("term", L)];
    document.paragraph(&format!("{}; REML, {} cells, {} models.", model.formula, model.n, model.groups));
    document.table(&columns, &rows);
    document.paragraph(&format!(
        "Variances: {} between models, {} within. Stars by the t test of each term: * below .05, ** .01, *** .001.",
        number(model.intercept_variance),
        number(model.residual_variance)
    ));
}

fn of_anova(document: &mut Document, report: &Report) {
    document.heading("Analysis of variance, type II");
    if let Some(anova) = &report.anova {
        let row = |t: &AnovaTerm| {
            vec![t.term.clone(), number(t.df), number(t.sum_of_squares), number(t.f), p(t.p), stars(t.p).to_owned()]
        };
        let mut rows: Vec<_> = anova.terms.iter().map(row).collect();
        let residual = [number(anova.residual_df), number(anova.residual_sum_of_squares)];
        rows.push([vec!["residual".to_owned()], residual.to_vec(), vec![String::new(); 3]].concat());
        document.table(&[("term", L), ("df", R), ("sum of squares", R), ("F", R), ("p", R), ("", L)], &rows);
        let stars = "Stars by the F test: * below .05, ** .01, *** .001.";
        let nothing =
            if anova.residual_sum_of_squares == 0.0 { " Nothing varies beside the terms: there is no F test." } else { "" };
        document.paragraph(&format!("{} cells. {stars}{nothing}", anova.n));
    } else {
        document.paragraph(report.anova_note.as_deref().unwrap_or("not computed"));
    }
    if report.model_contrasts.is_empty() {
        return;
    }
    document.heading("Model by model, prompts as the unit");
    let row = |c: &ModelContrast| {
        let welch = c.welch.map(|w| [number(w.t), number(w.df), p(w.p), starred(w.p_fdr)]);
        let [t, df, raw, fdr] = welch.unwrap_or_else(|| std::array::from_fn(|_| none()));
        let n = format!("{}, {}", c.n[0], c.n[1]);
        let models = format!("{} − {}", c.models[1], c.models[0]);
        vec![c.category.to_string(), sign(c.framing), n, signed(c.difference), t, df, raw, fdr, models]
    };
    let rows: Vec<_> = report.model_contrasts.iter().map(row).collect();
    let columns = [
        ("category", L),
        ("framing", L),
        ("n", R),
        ("diff.", R),
        ("Welch t", R),
        ("df", R),
        ("p", R),
        ("p FDR", L),
        ("models", L),
    ];
    document.table(&columns, &rows);
    let tests = report.model_contrasts.len();
    document.paragraph(&format!(
        "Stars by Welch's p after Benjamini–Hochberg over {tests} contrasts: * below .05, ** .01, *** .001."
    ));
}

fn of_models(document: &mut Document, report: &Report) {
    if report.models_summary.is_empty() {
        return;
    }
    document.heading("Models: mean of cells, and of scores scaled within model and prompt");
    let row = |m: &ModelSummary| {
        let is_it = |s: &&ScoreSummary| s.model == m.model && s.category == m.category && s.framing == m.framing;
        let scaled = report.scores_summary.iter().find(is_it).map(|s| [format!("{:.3}", s.min_max), format!("{:+.3}", s.z)]);
        let [min_max, z] = scaled.unwrap_or_else(|| std::array::from_fn(|_| none()));
        let (model, category, n) = (m.model.to_string(), m.category.to_string(), m.n.to_string());
        vec![model, category, sign(m.framing), n, rank(m.mean), rank(m.sd), rank(m.se), min_max, z]
    };
    let rows: Vec<_> = report.models_summary.iter().map(row).collect();
    let columns =
        [("model", L), ("category", L), ("framing", L), ("n", R), ("mean", R), ("sd", R), ("se", R), ("0 to 1", R), ("z", R)];
    document.table(&columns, &rows);
}

/// Of each pair of models the mean over prompts.
fn of_agreement(document: &mut Document, report: &Report) {
    let mut pairs: Vec<(&str, &str)> = report.agreement.iter().map(|a| (&*a.a, &*a.b)).collect();
    pairs.dedup();
    if pairs.is_empty() {
        return;
    }
    document.heading("Agreement of models: mean over prompts");
    let row = |&(a, b): &(&str, &str)| {
        let of_pair: Vec<_> = report.agreement.iter().filter(|agreement| &*agreement.a == a && &*agreement.b == b).collect();
        let mean = |values: Vec<f64>| {
            if values.is_empty() { none() } else { format!("{:+.3}", values.iter().sum::<f64>() / values.len() as f64) }
        };
        let spearman = mean(of_pair.iter().filter_map(|agreement| agreement.spearman).collect());
        let kendall = mean(of_pair.iter().filter_map(|agreement| agreement.kendall).collect());
        let rbo = mean(of_pair.iter().filter_map(|agreement| agreement.rbo).collect());
        vec![a.to_owned(), b.to_owned(), of_pair.len().to_string(), spearman, kendall, rbo]
    };
    let rows: Vec<_> = pairs.iter().map(row).collect();
    document.table(&[("a", L), ("b", L), ("prompts", R), ("Spearman", R), ("Kendall", R), ("RBO", R)], &rows);
}

fn of_framings(document: &mut Document, report: &Report) {
    if report.framings.is_empty() {
        return;
    }
    document.heading("Positive against negative framings");
    let row = |of: &FramingAgreement| {
        let spearman = of.spearman.map_or_else(none, |rho| format!("{rho:+.3}"));
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
fn of_dividing(document: &mut Document, report: &Report) {
    const SHOWN: usize = 8;
    for of in &report.dividing {
        let [a, b] = &of.families;
        document.heading(&format!("Words that divide {a} and {b} most, {} framing", sign(of.framing)));
        let row = |word: &Dividing| {
            let interval = word.rank.interval.map_or_else(none, |(low, high)| format!("{} … {}", signed(low), signed(high)));
            let n = format!("{}, {}", word.models[0], word.models[1]);
            vec![
                visible_word(&word.word, false).into_owned(),
                signed(word.rank.difference),
                interval,
                signed(word.z.difference),
                n,
            ]
        };
        let rows: Vec<_> = of.words.iter().take(SHOWN).map(row).collect();
        document.table(&[("word", L), ("ranks", R), ("95 %", L), ("z", R), ("models", R)], &rows);
        document.paragraph(&format!(
            "{b} less {a}, means over prompts and models; Welch's interval with models as the unit. Chosen among {} words as the \
             farthest apart, so the differences are larger than they would be for words chosen beforehand.",
            report.words
        ));
    }
}

fn sign(framing: Framing) -> String {
    match framing {
        Framing::Positive => "positive".to_owned(),
        Framing::Negative => "negative".to_owned(),
    }
}

fn none() -> String {
    "–".to_owned()
}

fn rank(value: f64) -> String {
    if value.is_nan() { none() } else { format!("{value:.2}") }
}

fn signed(value: f64) -> String {
    format!("{value:+.2}")
}

/// Two decimals where there are any; very large and very small ones by their power.
fn number(value: f64) -> String {
    match value.abs() {
        size if value.is_nan() || size.is_infinite() => none(),
        0.0 => "0".to_owned(),
        size if !(0.005..1e7).contains(&size) => format!("{value:.2e}"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

fn p(value: f64) -> String {
    match value {
        value if value.is_nan() => none(),
        value if value >= 0.00095 => format!("{value:.3}"),
        0.0 => "<1e-300".to_owned(),
        value => format!("{value:.0e}"),
    }
}

fn stars(p: f64) -> &'static str {
    match p {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "",
    }
}

fn starred(value: f64) -> String {
    format!("{} {}", p(value), stars(value)).trim_end().to_owned()
}
