//! The tests of a contrast: whether two families differ in a panel, how sure that is, and by how much.
//!
//! A test is one file in this folder and one entry in [`TESTS`]. Everything that shows results walks the list: JSON, the tables
//! of a page with their legends, the tables of the explorer, and the adjustment for many tests; of those with a p-value also
//! the notes of a panel and the figures. Knows
//! numbers alone: no study and no screen.

pub(crate) mod bootstrap;
mod comparison;
mod crossed;
mod exact;
mod hedges;
mod interval;
pub(crate) mod permutation;
mod welch;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use bootstrap::BOOTSTRAP;
pub use comparison::Comparison;
pub(crate) use comparison::adjust;
pub use crossed::WORDS_AND_MODELS;
pub use exact::EXACT_MODELS;
pub use hedges::HEDGES_G;
pub use interval::MODELS_INTERVAL;
pub use permutation::PERMUTATION;
pub use welch::{WELCH, WelchTest, welch};

/// Every test of a contrast of two families, in the order in which they are shown: those that hold what they promise, then
/// those that are given as published.
pub static TESTS: [&Test; 7] = [&EXACT_MODELS, &MODELS_INTERVAL, &HEDGES_G, &WORDS_AND_MODELS, &BOOTSTRAP, &WELCH, &PERMUTATION];

/// The tests of a contrast of two models, whose only unit is the prompt.
pub static TESTS_OF_MODELS: [&Test; 1] = [&WELCH];

/// The tests that a figure and a screen show: those that draw no random numbers, and so are always made.
pub fn shown_tests() -> impl Iterator<Item = &'static Test> {
    TESTS.into_iter().filter(|test| !test.random)
}

/// Those of them whose adjusted p-value is a verdict, and has stars.
pub fn judging_tests() -> impl Iterator<Item = &'static Test> {
    shown_tests().filter(|test| test.has_p() && !test.is_as_published())
}

/// What a test takes for an independent observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Every cell, so every prompt of every model.
    Prompts,
    /// Every model, by the mean of its cells.
    Models,
    /// Every model and every word.
    ModelsAndWords,
}

/// A test, an interval or an effect size of a contrast: what it is called, what it gives, and how it is computed.
#[derive(Debug)]
pub struct Test {
    /// The key of its results in JSON.
    pub key: &'static str,
    /// Its name where there is little room: `Welch`.
    pub name: &'static str,
    /// What it takes for an independent observation; tests of one unit share a table.
    pub unit: Unit,
    /// Whether it draws random numbers. Such a test is made only where a report asks for replicates.
    pub random: bool,
    /// What it gives, in the order of JSON.
    pub quantities: &'static [Quantity],
    /// A sentence on how it was made, for the legend of a table; the result of one of the contrasts has its details.
    pub legend: fn(Option<&TestResult>) -> Option<String>,
    /// One value for each of `quantities`; none where the test cannot be made, or is not asked for. Adjusted p-values are
    /// filled in when all contrasts are tested.
    pub compute: fn(&Comparison) -> Option<Vec<Value>>,
}

impl Test {
    /// Whether it is given because the study gave it, and not because its p-value holds: a test that takes every prompt of a
    /// model for an independent observation finds differences where there are none (docs/statistics.md). It has no stars.
    pub fn is_as_published(&self) -> bool {
        self.unit == Unit::Prompts
    }

    /// Whether it gives a p-value that is adjusted for the number of contrasts.
    pub fn has_p(&self) -> bool {
        self.quantities.iter().any(|quantity| quantity.kind == Kind::Bonferroni)
    }

    /// The quantities that have a column on a page, from left to right.
    pub fn columns(&self) -> Vec<&'static Quantity> {
        self.ordered(|quantity| !quantity.heading.is_empty())
    }

    /// The quantities that the explorer shows, from left to right.
    pub fn screen_columns(&self) -> Vec<&'static Quantity> {
        self.ordered(|quantity| !quantity.screen_heading.is_empty())
    }

    fn ordered(&self, wanted: fn(&Quantity) -> bool) -> Vec<&'static Quantity> {
        let mut columns: Vec<&Quantity> = self.quantities.iter().filter(|quantity| wanted(quantity)).collect();
        columns.sort_by_key(|quantity| quantity.kind);
        columns
    }
}

/// Tests are told apart by their keys.
impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        self.key == other.key
    }
}

/// What a number says. The order is that of the columns of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// t, with the sign of the difference.
    Statistic,
    /// Of the statistic; may be broken.
    DegreesOfFreedom,
    /// How many labellings of the models were gone through.
    Labellings,
    /// Two-sided.
    P,
    /// The smallest p that the numbers of models allow.
    LeastP,
    /// p times the number of contrasts, at most 1.
    Bonferroni,
    /// p after Benjamini and Hochberg, over the contrasts.
    FalseDiscovery,
    /// A size of the difference.
    Effect,
    /// An interval of the difference that is one value, both ends together.
    Interval,
    /// The lower end of the 95 % interval of the difference, or of the effect; its column shows both ends.
    Low,
    /// The upper end, which has no column of its own.
    High,
    /// Whether the labellings are a random sample of all.
    Sampled,
    /// What is needed to compute it again, such as the seed.
    Detail,
}

/// One of the values that a test gives.
#[derive(Debug)]
pub struct Quantity {
    /// Its key in JSON.
    pub key: &'static str,
    /// What its number says.
    pub kind: Kind,
    /// The heading of its column on a page; empty where it has none. That of an adjusted p-value has the number of tests added.
    pub heading: &'static str,
    /// The same in the explorer.
    pub screen_heading: &'static str,
    /// In the explorer, where there is little room: columns with a higher number go first, those with 0 stay.
    pub priority: u8,
}

impl Quantity {
    /// A quantity that only JSON has.
    pub const fn new(key: &'static str, kind: Kind) -> Quantity {
        Quantity { key, kind, heading: "", screen_heading: "", priority: 0 }
    }

    /// With a column on a page.
    pub const fn heading(self, heading: &'static str) -> Quantity {
        Quantity { heading, ..self }
    }

    /// With a column in the explorer.
    pub const fn on_screen(self, screen_heading: &'static str, priority: u8) -> Quantity {
        Quantity { screen_heading, priority, ..self }
    }
}

/// A value of a test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number; NaN, in JSON null, where it is not defined.
    Number(f64),
    /// A whole number, such as a seed.
    Count(u64),
    /// Whether something holds.
    Flag(bool),
    /// None where there is too little to draw from, such as one model in a family.
    Interval(Option<[f64; 2]>),
}

/// What a test finds in one contrast.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResult {
    /// The test that found it.
    pub test: &'static Test,
    /// In the order of the test's quantities; empty where the test was not made.
    values: Vec<Value>,
}

impl TestResult {
    pub(crate) fn new(test: &'static Test, comparison: &Comparison) -> TestResult {
        TestResult { test, values: (test.compute)(comparison).unwrap_or_default() }
    }

    /// A result with given values, in the order of the test's quantities: for what is shown without being computed.
    pub fn with(test: &'static Test, values: Vec<Value>) -> TestResult {
        TestResult { test, values }
    }

    /// Whether the test was made.
    pub fn is_made(&self) -> bool {
        !self.values.is_empty()
    }

    /// The value of a quantity by its key in JSON.
    pub fn value(&self, key: &str) -> Option<Value> {
        let quantities = self.test.quantities.iter().zip(&self.values);
        quantities.into_iter().find(|(quantity, _)| quantity.key == key).map(|(_, value)| *value)
    }

    /// The first value of a kind.
    fn first(&self, kind: Kind) -> Option<Value> {
        let quantities = self.test.quantities.iter().zip(&self.values);
        quantities.into_iter().find(|(quantity, _)| quantity.kind == kind).map(|(_, value)| *value)
    }

    /// The first number of a kind, such as the p-value.
    pub fn number(&self, kind: Kind) -> Option<f64> {
        match self.first(kind)? {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The interval whose ends are two values.
    pub fn ends(&self) -> Option<[f64; 2]> {
        Some([self.number(Kind::Low)?, self.number(Kind::High)?])
    }

    /// How many labellings of the models the p-value rests on.
    pub fn labellings(&self) -> Option<u64> {
        match self.first(Kind::Labellings)? {
            Value::Count(labellings) => Some(labellings),
            _ => None,
        }
    }

    /// Whether those labellings are a random sample of all.
    pub fn is_sampled(&self) -> bool {
        self.first(Kind::Sampled) == Some(Value::Flag(true))
    }

    /// The p-value.
    pub fn p(&self) -> Option<f64> {
        self.number(Kind::P)
    }

    /// The p-value times the number of contrasts.
    pub fn p_bonferroni(&self) -> Option<f64> {
        self.number(Kind::Bonferroni)
    }

    fn set(&mut self, kind: Kind, number: f64) {
        for (quantity, value) in self.test.quantities.iter().zip(&mut self.values) {
            if quantity.kind == kind {
                *value = Value::Number(number);
            }
        }
    }
}

impl Serialize for TestResult {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !self.is_made() {
            return to.serialize_none();
        }
        let mut map = to.serialize_map(Some(self.values.len()))?;
        for (quantity, value) in self.test.quantities.iter().zip(&self.values) {
            map.serialize_entry(quantity.key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ReportOptions;
    use crate::placements::{FamilyPlacements, TwoWay};

    /// Two families of three models, whose cells vary.
    fn comparison<'a>(cells: &'a [Vec<f64>], placements: &'a [FamilyPlacements; 2]) -> Comparison<'a> {
        let (first, second) = cells.split_at(3);
        Comparison {
            models: [first, second].map(|models| models.iter().map(Vec::as_slice).collect()),
            word_draws: Some((0..50).map(f64::from).collect()),
            placements: Some(placements.each_ref()),
            options: ReportOptions { replicates: 99, bootstrap: 50, seed: 1 },
            number: 0,
        }
    }

    #[test]
    fn every_test_gives_the_quantities_that_it_names_and_can_be_missing() {
        let cells: Vec<Vec<f64>> = (0..6).map(|m| (0..4).map(|p| f64::from((m * 5 + p * 3) % 11)).collect()).collect();
        let mut keys: Vec<&str> = TESTS.iter().map(|test| test.key).collect();
        keys.dedup();
        assert_eq!(keys.len(), TESTS.len());
        let table =
            |shift: f64| TwoWay { models: vec![1.0, 3.0 + shift, 4.0], words: vec![2.0, 5.0, 3.0 - shift], interaction: 0.5 };
        let placements = [0.0, 2.0].map(|shift| FamilyPlacements { own: table(shift), others: table(1.0 - shift) });
        for test in TESTS {
            let result = TestResult::new(test, &comparison(&cells, &placements));
            assert_eq!(result.values.len(), test.quantities.len(), "{}", test.key);
            for (quantity, value) in test.quantities.iter().zip(&result.values) {
                let fits = match quantity.kind {
                    Kind::Labellings => matches!(value, Value::Count(_)),
                    Kind::Sampled => matches!(value, Value::Flag(_)),
                    Kind::Interval => matches!(value, Value::Interval(_)),
                    Kind::Detail => true,
                    _ => matches!(value, Value::Number(_)),
                };
                assert!(fits, "{}: {} is {value:?}", test.key, quantity.key);
            }
            assert_eq!(test.has_p(), result.p().is_some(), "{}: a p-value is given and adjusted, or neither", test.key);
            assert!(!test.columns().is_empty(), "{}: a page shows it", test.key);
            assert!(test.random || !test.screen_columns().is_empty(), "{}: the explorer shows it", test.key);
        }
    }

    #[test]
    fn each_test_is_adjusted_by_itself_and_a_missing_one_is_passed_over() {
        let welch = |p| TestResult::with(&WELCH, [1.0, 2.0, p, p, p].map(Value::Number).to_vec());
        let mut results = [vec![welch(0.01)], vec![TestResult::with(&WELCH, Vec::new())], vec![welch(0.04)]];
        adjust(&mut results.iter_mut().collect::<Vec<_>>(), 4);
        let adjusted = |kind| results.iter().map(|of| of[0].number(kind)).collect::<Vec<_>>();
        assert_eq!(adjusted(Kind::Bonferroni), [Some(0.04), None, Some(0.16)]);
        assert_eq!(adjusted(Kind::FalseDiscovery), [Some(0.02), None, Some(0.04)]);
        assert_eq!(serde_json::to_string(&results[1]).unwrap(), "[null]");
        assert_eq!(
            serde_json::to_string(&results[0][0]).unwrap(),
            r#"{"t":1.0,"df":2.0,"p":0.01,"p_bonferroni":0.04,"p_fdr":0.02}"#
        );
    }
}
