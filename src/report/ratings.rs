//! Scores beside ratings, in words and tables: how closely they agree, the slopes, and the words that stand apart.

use super::grid::{Alignment, Document};
use super::wording::{missing, number, signed};
use crate::base::text::visible_word;
use crate::stats::ratings::{Adjusted, CategoryDifference, FromLine, RankDifference, Relation};

const L: Alignment = Alignment::Left;
const R: Alignment = Alignment::Right;

/// Words that a line of a page names on either side of the line, and with their difference in rank.
const SHOWN: usize = 6;
const SHOWN_WITH_RANK: usize = 4;

/// What the numbers of [`Relation`] are.
pub const DEFINITION: &str = "Score: a word's mean over the prompts of the framing; difference: that under positive prompts \
     less that under negative ones. Slope: least squares, in units of the score for one unit of the rating; 95 % by standard \
     errors HC3 and Student's t, over words. Standardized: in standard deviations of both.";

/// A section a column of ratings; nothing where there are none.
pub(crate) fn sections(document: &mut Document, relations: &[Relation]) {
    let mut columns: Vec<&str> = Vec::new();
    for relation in relations.iter().filter(|relation| !relation.column.is_empty()) {
        if !columns.contains(&&*relation.column) {
            columns.push(&relation.column);
        }
    }
    for (at, column) in columns.into_iter().enumerate() {
        let relations: Vec<&Relation> = relations.iter().filter(|relation| &*relation.column == column).collect();
        document.heading(&format!("Scores beside {column}"));
        document.table(
            &[
                ("model", L),
                ("framing", L),
                ("n", R),
                ("Spearman", R),
                ("Kendall", R),
                ("slope", R),
                ("95 %", L),
                ("standardized", R),
            ],
            &relations.iter().map(|relation| row(relation)).collect::<Vec<_>>(),
        );
        if at == 0 {
            document.paragraph(DEFINITION);
        }
        adjusted(document, column, &relations);
        words(document, column, &relations);
        categories(document, column, &relations);
    }
}

/// A relation in the columns of its table.
fn row(of: &Relation) -> Vec<String> {
    vec![
        of.model.to_string(),
        of.framing.name().to_owned(),
        of.n.to_string(),
        correlation(of.spearman),
        correlation(of.kendall),
        slope(of.slope),
        interval(of.low, of.high),
        correlation(of.standardized),
    ]
}

/// The slopes given other columns.
fn adjusted(document: &mut Document, column: &str, relations: &[&Relation]) {
    let row = |relation: &Relation, of: &Adjusted| {
        vec![
            relation.model.to_string(),
            relation.framing.name().to_owned(),
            of.given.join(", "),
            of.n.to_string(),
            slope(of.slope),
            interval(of.low, of.high),
            correlation(of.standardized),
        ]
    };
    let rows: Vec<_> = relations.iter().flat_map(|relation| relation.adjusted.iter().map(|of| row(relation, of))).collect();
    if rows.is_empty() {
        return;
    }
    document.heading(&format!("Slope on {column} given other ratings"));
    let columns = [("model", L), ("framing", L), ("given", L), ("n", R), ("slope", R), ("95 %", L), ("standardized", R)];
    document.table(&columns, &rows);
}

/// The words that stand apart from the line, and in rank.
fn words(document: &mut Document, column: &str, relations: &[&Relation]) {
    let head = |relation: &Relation| [relation.model.to_string(), relation.framing.name().to_owned()];
    let from_line = |relation: &&Relation| [head(relation), beside_the_line(relation)].concat();
    let in_rank = |relation: &&Relation| {
        let named = |higher: bool| {
            let side = relation.rank_differences.iter().filter(|word| (word.difference < 0.0) == higher);
            let word = |of: &RankDifference| format!("{} {:+.0}", visible_word(&of.word, false), of.difference);
            side.take(SHOWN_WITH_RANK).map(word).collect::<Vec<_>>().join(", ")
        };
        [&head(relation)[..], &[named(true), named(false)]].concat()
    };
    document.heading(&format!("Words farthest from the line of {column}"));
    let columns = [("model", L), ("framing", L), ("above the line", L), ("below the line", L)];
    document.table(&columns, &relations.iter().map(from_line).collect::<Vec<_>>());
    document.heading(&format!("Words farthest apart in rank from {column}"));
    let columns = [("model", L), ("framing", L), ("the model ranks higher", L), ("the rating ranks higher", L)];
    document.table(&columns, &relations.iter().map(in_rank).collect::<Vec<_>>());
    document.paragraph("Rank by the score less rank by the rating, 1 for the highest of both.");
}

/// The words farthest above the line, and those farthest below it.
pub(super) fn beside_the_line(relation: &Relation) -> [String; 2] {
    [true, false].map(|above| {
        let side = relation.farthest.iter().filter(|word| (word.residual > 0.0) == above);
        side.take(SHOWN).map(|FromLine { word, .. }| visible_word(word, false)).collect::<Vec<_>>().join(", ")
    })
}

/// The categories of the word list among the differences.
fn categories(document: &mut Document, column: &str, relations: &[&Relation]) {
    let row = |relation: &Relation, of: &CategoryDifference| {
        vec![
            relation.model.to_string(),
            relation.framing.name().to_owned(),
            of.category.to_string(),
            of.n.to_string(),
            signed(of.mean_rank_difference),
            of.mean_residual.map_or_else(missing, plain_signed),
        ]
    };
    let rows: Vec<_> = relations.iter().flat_map(|relation| relation.categories.iter().map(|of| row(relation, of))).collect();
    if rows.is_empty() {
        return;
    }
    document.heading(&format!("Categories beside {column}: means over their words"));
    let columns = [("model", L), ("framing", L), ("category", L), ("n", R), ("ranks apart", R), ("from the line", R)];
    document.table(&columns, &rows);
    document.paragraph(
        "Below zero ranks apart, the model ranks the category higher than the rating does; above zero from the line, it scores \
         the category higher than the rating tells. A description, not a test.",
    );
}

/// A correlation, or a standardized slope.
pub(super) fn correlation(value: Option<f64>) -> String {
    value.map_or_else(missing, |value| format!("{value:+.3}"))
}

/// A slope with its sign; a dash where there is none.
pub(super) fn slope(value: Option<f64>) -> String {
    value.map_or_else(missing, plain_signed)
}

/// With its sign; small numbers keep their digits.
fn plain_signed(value: f64) -> String {
    if value >= 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// The ends of an interval; a dash where there is none.
pub(super) fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} … {}", plain_signed(low), plain_signed(high)),
        _ => missing(),
    }
}
