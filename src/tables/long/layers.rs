//! The lines under a table of what a head reads after every layer: where in the depth categories part.

use super::{LongRow, pad};
use crate::stats::z_scores;

/// A line a layer with the mean z-score of each category's words, over the words of the list that have a score; nothing
/// where no row has readings by layer. z is taken within a layer, for readings of different layers have no common scale.
pub(super) fn by_category(rows: &[LongRow]) -> Vec<String> {
    let readings = |row: &LongRow| row.tokens.as_ref().map(|tokens| tokens.layer_rewards.clone()).unwrap_or_default();
    let listed: Vec<(&LongRow, Vec<f64>)> = rows.iter().filter(|row| !row.word.own).map(|row| (row, readings(row))).collect();
    let layers = listed.iter().map(|(_, readings)| readings.len()).max().unwrap_or(0);
    if layers == 0 {
        return Vec::new();
    }
    let mut categories: Vec<&str> = Vec::new();
    for category in listed.iter().flat_map(|(row, _)| &row.word.categories) {
        if !categories.contains(&category.as_str()) {
            categories.push(category);
        }
    }
    let words = listed.len();
    let mut lines = vec![
        String::new(),
        format!("What the head reads after each layer: mean z of each category among these {words} words."),
        "This explores, and proves no cause: the head was trained on the last layer alone.".to_owned(),
    ];
    let width = |category: &str| super::columns(category).max(6);
    let heads: Vec<String> = categories.iter().map(|category| pad(category, width(category))).collect();
    lines.push(format!("{:>7}  {}", "layer", heads.join("  ")).trim_end().to_owned());
    for layer in 0..layers {
        let at = |readings: &[f64]| readings.get(layer).copied().unwrap_or(f64::NAN);
        let z = z_scores(&listed.iter().map(|(_, readings)| at(readings)).collect::<Vec<_>>());
        let cells = categories.iter().map(|category| {
            let is_in = |row: &LongRow| row.word.categories.iter().any(|of| of == category);
            let of = || listed.iter().zip(&z).filter(|((row, _), z)| is_in(row) && !z.is_nan()).map(|(_, z)| z);
            let mean =
                if of().count() > 0 { format!("{:+.2}", of().sum::<f64>() / of().count() as f64) } else { "–".to_owned() };
            format!("{mean:>0$}", width(category))
        });
        lines.push(format!("{:>7}  {}", layer + 1, cells.collect::<Vec<_>>().join("  ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{LongTable, LongWord, TokenColumns};
    use super::*;

    #[test]
    fn each_layer_has_the_mean_z_of_each_category_and_own_words_move_none() {
        let word = |text: &str, category: &str, own| LongWord {
            text: text.into(),
            categories: vec![category.to_owned()],
            token: None,
            own,
        };
        let words = [word("power", "agency", false), word("love", "communion", false), word("mine", "own", true)];
        let readings = [vec![1.0, 1.0, 3.0], vec![1.0, 3.0, 1.0], vec![900.0, 900.0, 900.0]];
        let mut table = LongTable::default();
        table.add_with_tokens("m", "p", &words, &[3.0, 1.0, 900.0], |at| {
            Some(TokenColumns { layer_rewards: readings[at].clone(), ..TokenColumns::default() })
        });
        // Of two words, one standard deviation is their distance by the root of 2.
        let lines = by_category(&table.rows);
        assert_eq!(
            lines[3..],
            [
                "  layer  agency  communion",
                "      1   +0.00      +0.00",
                "      2   -0.71      +0.71",
                "      3   +0.71      -0.71"
            ]
        );
        assert!(lines[1].contains("these 2 words") && lines[2].contains("no cause"));
        let mut plain = LongTable::default();
        plain.add("m", "p", &words, &[3.0, 1.0, 900.0]);
        assert!(by_category(&plain.rows).is_empty());
    }
}
