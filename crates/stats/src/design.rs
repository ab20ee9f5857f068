//! Cells as a designed experiment: factors with levels, and the cells that share one model and panel taken together.
//!
//! Such cells have one row in every design matrix, so their number, mean and sum of squares are all that a linear model needs
//! of them: 40 rows for the study's 1,080 cells.

use super::cells::PanelCells;
use super::describe::{Summary, squares};

/// A factor with the names of its levels; the first is the reference.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    pub name: &'static str,
    pub levels: Vec<String>,
}

/// The cells of one model in one panel.
#[derive(Clone, Debug)]
pub(super) struct PooledCells {
    pub model: usize,
    /// A level of each factor.
    pub levels: Vec<usize>,
    pub n: f64,
    pub mean: f64,
    /// Sum of squares around the mean.
    pub within: f64,
}

impl PooledCells {
    /// None where the model has no cell in the panel.
    pub fn new(panel: &PanelCells, model: usize, levels: Vec<usize>) -> Option<PooledCells> {
        let cells = panel.models.get(model)?;
        let Summary { n, mean, .. } = Summary::new(cells)?;
        Some(PooledCells { model, levels, n: n as f64, mean, within: squares(cells, mean) })
    }

    /// The value of a column: a product of indicators.
    pub fn value(&self, column: &DesignColumn) -> f64 {
        f64::from(u8::from(column.iter().all(|&(factor, level)| self.levels[factor] == level)))
    }
}

/// A column of a design matrix by the levels that it indicates; none of them for the intercept.
pub(super) type DesignColumn = Vec<(usize, usize)>;

/// The factors of every term of the full design, main effects first, as R orders them; the intercept left out.
pub(super) fn terms(factors: &[Factor]) -> Vec<Vec<usize>> {
    let varying: Vec<usize> = (0..factors.len()).filter(|&i| factors[i].levels.len() > 1).collect();
    let mut terms: Vec<Vec<usize>> = Vec::new();
    for order in 1..=varying.len() {
        let of_order = (0u32..1 << varying.len()).filter(|mask| mask.count_ones() as usize == order);
        let named = |mask: u32| (0..varying.len()).filter(|i| mask >> i & 1 == 1).map(|i| varying[i]).collect::<Vec<usize>>();
        let mut of_order: Vec<Vec<usize>> = of_order.map(named).collect();
        of_order.sort();
        terms.extend(of_order);
    }
    terms
}

/// Treatment coding of a term: every combination of levels but the references, the first factor's varying fastest.
pub(super) fn columns(factors: &[Factor], term: &[usize]) -> Vec<DesignColumn> {
    let mut columns: Vec<DesignColumn> = vec![Vec::new()];
    for &factor in term {
        let levels = 1..factors[factor].levels.len();
        let with = |level: usize| columns.iter().map(move |column| [column.as_slice(), &[(factor, level)]].concat());
        columns = levels.flat_map(with).collect();
    }
    columns
}

/// `family[Llama]:category[Communion]`; `(Intercept)` where nothing is indicated.
pub(super) fn name(factors: &[Factor], column: &DesignColumn) -> String {
    if column.is_empty() {
        return "(Intercept)".to_owned();
    }
    let part = |&(factor, level): &(usize, usize)| format!("{}[{}]", factors[factor].name, factors[factor].levels[level]);
    column.iter().map(part).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_and_columns_stand_in_the_order_of_r() {
        let factor = |name, levels: &[&str]| Factor { name, levels: levels.iter().map(|l| (*l).to_owned()).collect() };
        let factors = [factor("f", &["G", "L", "Q"]), factor("c", &["A", "B"]), factor("s", &["+", "-"]), factor("x", &["1"])];
        let names = |term: &Vec<usize>| columns(&factors, term).iter().map(|c| name(&factors, c)).collect::<Vec<_>>();
        let all: Vec<String> = terms(&factors).iter().flat_map(names).collect();
        let expected = "f[L] f[Q] c[B] s[-] f[L]:c[B] f[Q]:c[B] f[L]:s[-] f[Q]:s[-] c[B]:s[-] f[L]:c[B]:s[-] f[Q]:c[B]:s[-]";
        assert_eq!(all.join(" "), expected, "a factor of one level has no term");
        assert_eq!(name(&factors, &Vec::new()), "(Intercept)");
    }
}
