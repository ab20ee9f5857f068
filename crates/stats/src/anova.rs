//! Type II analysis of variance of `cell ~ category * framing * model`: the study's figure 2, where models are two base
//! models.
//!
//! Type II (Langsrud 2003; `Anova` of R's car): a term is tested beside every term that does not contain it.

use nalgebra::{DMatrix, DVector};

use super::cells::PanelCells;
use super::design::{DesignColumn, Factor, PooledCells, columns, terms};
use super::results::{Anova, AnovaTerm};
use super::significance::upper_f;
use super::study::Study;
use rewardscope_base::terms::Framing;

/// A column of the design that is this much shorter beside those before it adds nothing.
const RANK_TOLERANCE: f64 = 1e-9;
/// Unbalanced designs of more kinds of cells would take seconds.
const MOST_UNBALANCED: usize = 400;
/// A sum of squares that is this much smaller than that of the cells themselves is rounding.
const ROUNDING: f64 = 1e-24;

/// The analysis of variance of `cell ~ category * framing * model`, type II.
///
/// # Errors
/// A sentence that says why there is none: fewer than two models have cells, every kind of cell stands once (nothing is left
/// to compare with), or the design is unbalanced and too large.
pub fn anova(study: &Study, panels: &[PanelCells]) -> Result<Anova, String> {
    let mut categories: Vec<String> = panels.iter().map(|panel| panel.category.to_string()).collect();
    categories.dedup();
    let mut framings: Vec<Framing> = panels.iter().map(|panel| panel.framing).collect();
    framings.sort();
    framings.dedup();
    let models: Vec<usize> =
        (0..study.models.len()).filter(|&model| panels.iter().any(|panel| !panel.models[model].is_empty())).collect();
    let mut rows: Vec<PooledCells> = Vec::new();
    for panel in panels {
        let category = categories.iter().position(|category| **category == *panel.category).unwrap_or_default();
        let framing = framings.iter().position(|framing| *framing == panel.framing).unwrap_or_default();
        let of = |(at, model): (usize, &usize)| PooledCells::new(panel, *model, vec![category, framing, at]);
        rows.extend(models.iter().enumerate().filter_map(of));
    }
    let factors = [
        Factor { name: "category", levels: categories },
        Factor { name: "framing", levels: framings.iter().map(|framing| format!("{framing:?}")).collect() },
        Factor { name: "model", levels: models.iter().map(|model| model.to_string()).collect() },
    ];
    let n: f64 = rows.iter().map(|row| row.n).sum();
    let residual_df = n - rows.len() as f64;
    if models.len() < 2 {
        return Err("not computed: it needs cells of two models".to_owned());
    }
    if residual_df < 1.0 {
        let why = "with one cell of each model, category and framing nothing is left to compare with; a second prompt helps";
        return Err(format!("not computed: {why}"));
    }
    let total: f64 = rows.iter().map(|row| row.within + row.n * row.mean * row.mean).sum();
    let or_nothing = |sum_of_squares: f64| if sum_of_squares <= total * ROUNDING { 0.0 } else { sum_of_squares };
    let within = or_nothing(rows.iter().map(|row| row.within).sum());
    let all = terms(&factors);
    let complete = rows.len() == factors.iter().map(|factor| factor.levels.len()).product::<usize>();
    let balanced = complete && rows.iter().all(|row| row.n == rows[0].n);
    let sums = if balanced {
        balanced_sums(&factors, &rows, &all)
    } else if rows.len() <= MOST_UNBALANCED {
        type_two_sums(&factors, &rows, &all)
    } else {
        return Err(format!(
            "not computed: models do not have the same prompts and categories, and {} kinds of cells (model by category by \
             framing) are more than the {MOST_UNBALANCED} that are taken on then; compare fewer models, or give them the same \
             prompts",
            rows.len()
        ));
    };
    let told = |(term, (sum_of_squares, df)): (&Vec<usize>, (f64, f64))| {
        let sum_of_squares = or_nothing(sum_of_squares);
        // Beside a residual of nothing there is no F.
        let f = if within > 0.0 { sum_of_squares / df / (within / residual_df) } else { f64::NAN };
        let name = term.iter().map(|&factor| factors[factor].name).collect::<Vec<_>>().join(":");
        AnovaTerm { term: name, sum_of_squares, df, f, p: upper_f(f, df, residual_df) }
    };
    let terms = all.iter().zip(sums).map(told).collect();
    Ok(Anova { terms, residual_sum_of_squares: within, residual_df, n: n as usize })
}

/// Where every kind of cell stands equally often, terms are orthogonal: sums of squares of effects, from means of means.
fn balanced_sums(factors: &[Factor], rows: &[PooledCells], terms: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let mut left: Vec<f64> = rows.iter().map(|row| row.mean).collect();
    let mean = left.iter().sum::<f64>() / left.len() as f64;
    left.iter_mut().for_each(|value| *value -= mean);
    let mut sums = Vec::new();
    for term in terms {
        // The lower terms are already taken off, so the marginal means of what is left are this term's effects.
        let sizes: Vec<usize> = term.iter().map(|&factor| factors[factor].levels.len()).collect();
        let place = |row: &PooledCells| term.iter().zip(&sizes).fold(0, |at, (&factor, size)| at * size + row.levels[factor]);
        let places: usize = sizes.iter().product();
        let mut effects = vec![0.0; places];
        for (row, value) in rows.iter().zip(&left) {
            effects[place(row)] += value * places as f64 / rows.len() as f64;
        }
        let mut sum = 0.0;
        for (row, value) in rows.iter().zip(&mut left) {
            let effect = effects[place(row)];
            sum += row.n * effect * effect;
            *value -= effect;
        }
        sums.push((sum, sizes.iter().map(|size| (size - 1) as f64).product()));
    }
    sums
}

/// A term's sum of squares is what it takes from the residual of all terms that do not contain it.
fn type_two_sums(factors: &[Factor], rows: &[PooledCells], terms: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let of = |term: &Vec<usize>| {
        let contains = |other: &&Vec<usize>| term.iter().all(|factor| other.contains(factor));
        let beside = terms.iter().filter(|other| !contains(other)).flat_map(|term| columns(factors, term));
        let beside: Vec<DesignColumn> = std::iter::once(Vec::new()).chain(beside).collect();
        let own = columns(factors, term);
        let mut space = Space::new(rows);
        space.add(rows, &beside);
        let rank = space.basis.len();
        // Not as the difference of two residuals, which are large where the term's own sum is nothing.
        let sum_of_squares = space.add(rows, &own);
        (sum_of_squares, (space.basis.len() - rank) as f64)
    };
    terms.iter().map(of).collect()
}

/// An orthonormal basis that grows (Gram–Schmidt, twice over), and what it leaves of the cells' means.
struct Space {
    basis: Vec<DVector<f64>>,
    left: DVector<f64>,
}

impl Space {
    fn new(rows: &[PooledCells]) -> Self {
        Space { basis: Vec::new(), left: DVector::from_fn(rows.len(), |i, _| rows[i].n.sqrt() * rows[i].mean) }
    }

    /// Gives the sum of squares that the columns take from what was left.
    fn add(&mut self, rows: &[PooledCells], columns: &[DesignColumn]) -> f64 {
        let mut taken = 0.0;
        let all = DMatrix::from_fn(rows.len(), columns.len(), |i, j| rows[i].n.sqrt() * rows[i].value(&columns[j]));
        for column in all.column_iter() {
            let mut column = column.clone_owned();
            let length = column.norm();
            for _ in 0..2 {
                for known in &self.basis {
                    let along = known.dot(&column);
                    column.axpy(-along, known, 1.0);
                }
            }
            let rest = column.norm();
            if rest > length * RANK_TOLERANCE && rest > 0.0 {
                column /= rest;
                let along = column.dot(&self.left);
                self.left.axpy(-along, &column, 1.0);
                self.basis.push(column);
                taken += along * along;
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::{panel, study};

    fn two_models() -> Study {
        study(&[], &[], &[("a", "G", &[]), ("b", "L", &[])])
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} for {expected}");
    }

    #[test]
    fn both_ways_agree_where_the_design_is_balanced() {
        let cells = |shift: f64| [[1.0 + shift, 4.0, 2.0], [3.0, 7.5 - shift, 5.0]];
        let of = |category, framing, shift| {
            let [a, b] = cells(shift);
            panel(category, framing, &[&a, &b])
        };
        use Framing::{Negative, Positive};
        let panels = [of("A", Positive, 1.0), of("A", Negative, -4.0), of("B", Positive, 2.0), of("B", Negative, 9.0)];
        let balanced = anova(&two_models(), &panels).unwrap();
        let names: Vec<&str> = balanced.terms.iter().map(|term| term.term.as_str()).collect();
        let all = ["category", "framing", "model", "category:framing", "category:model", "framing:model"];
        assert_eq!(names[..6], all);
        assert_eq!((names[6], balanced.n, balanced.residual_df), ("category:framing:model", 24, 16.0));
        // All that varies is shared out.
        let cells: Vec<f64> = panels.iter().flat_map(|panel| panel.models.concat()).collect();
        let mean = cells.iter().sum::<f64>() / 24.0;
        let shares: f64 = balanced.terms.iter().map(|term| term.sum_of_squares).sum();
        close(shares + balanced.residual_sum_of_squares, super::super::describe::squares(&cells, mean));
        let factors = [("category", 2), ("framing", 2), ("model", 2)]
            .map(|(name, many)| Factor { name, levels: (0..many).map(|i| i.to_string()).collect() });
        let mut rows = Vec::new();
        for (at, panel) in panels.iter().enumerate() {
            rows.extend((0..2).filter_map(|model| PooledCells::new(panel, model, vec![at / 2, at % 2, model])));
        }
        for (term, (sum, df)) in balanced.terms.iter().zip(type_two_sums(&factors, &rows, &terms(&factors))) {
            close(sum, term.sum_of_squares);
            assert_eq!(df, term.df);
        }
    }

    #[test]
    fn one_cell_of_each_kind_leaves_nothing_to_compare_with() {
        let panels = [panel("A", Framing::Positive, &[&[1.0], &[2.0]]), panel("B", Framing::Positive, &[&[1.0], &[4.0]])];
        assert!(anova(&two_models(), &panels).unwrap_err().contains("nothing is left"));
        let panels = [panel("A", Framing::Positive, &[&[1.0, 2.0], &[]])];
        assert!(anova(&two_models(), &panels).unwrap_err().contains("two models"), "one model has cells");
        assert!(anova(&two_models(), &[]).is_err());
    }

    /// Means of three equal thirds are not those thirds: squares of the sixteenth digit are neither effect nor residual.
    #[test]
    fn rounding_is_no_effect() {
        use Framing::{Negative, Positive};
        let third = 131.0f64 / 3.0;
        let close = [third, third.next_up(), third];
        for second in [&close[..], &close[..2]] {
            let panels = [
                panel("A", Positive, &[&close, second]),
                panel("A", Negative, &[&[third; 3], second]),
                panel("B", Positive, &[&close, &[third; 3]]),
                panel("B", Negative, &[&close, second]),
            ];
            let found = anova(&two_models(), &panels).unwrap();
            assert_eq!(found.residual_sum_of_squares, 0.0);
            for term in &found.terms {
                assert!(term.sum_of_squares == 0.0 && term.f.is_nan() && term.p.is_nan(), "{term:?}");
            }
        }
        // Beside a residual that is there, no effect is an F of 0.
        let panels = [panel("A", Positive, &[&[1.0, 3.0], &[1.0, 3.0]]), panel("B", Positive, &[&[1.0, 3.0], &[1.0, 3.0]])];
        let found = anova(&two_models(), &panels).unwrap();
        assert!(found.terms.iter().all(|term| (term.f, term.p) == (0.0, 1.0)), "{found:?}");
    }

    #[test]
    fn a_large_unbalanced_design_says_why_it_has_none() {
        let names: Vec<String> = (0..MOST_UNBALANCED + 1).map(|i| format!("m{i}")).collect();
        let models: Vec<(&str, &str, &[&[f64]])> = names.iter().map(|name| (name.as_str(), "G", &[][..])).collect();
        let mut cells: Vec<&[f64]> = vec![&[1.0, 2.0]; names.len()];
        cells[0] = &[1.0];
        let why = anova(&study(&[], &[], &models), &[panel("A", Framing::Positive, &cells)]).unwrap_err();
        assert!(why.contains("401 kinds") && why.contains("400"), "{why}");
    }
}
