//! What is typed behind `/`: a text to find, or an expression that the words which are shown must meet, such as
//! `cat:agency rank<20 |diff|>100 z<-2 re:^self`.

use regex::{Regex, RegexBuilder};

use super::SideScores;
use crate::app::search::find;
use crate::app::universe::Universe;

/// Most bytes of a compiled pattern.
const MOST_PATTERN: usize = 1 << 20;

/// A search, read.
#[derive(Clone, Debug)]
pub enum Query {
    /// Nothing is typed.
    Empty,
    /// Words that hold this text are matches.
    Text(String),
    /// Words that meet every term are shown, and no others.
    Expression(Vec<Term>),
    /// Why it cannot be read.
    Problem(String),
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Term {
    condition: Condition,
    /// With a `!` before it: met where the condition is not.
    negated: bool,
}

#[derive(Clone, Debug)]
enum Condition {
    Text(String),
    Category(String),
    Pattern(Regex),
    Number { field: Field, absolute: bool, comparison: Comparison, value: f64 },
}

/// A number of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Rank,
    OtherRank,
    Score,
    Z,
    Difference,
}

/// What the fields are called.
const FIELDS: [(&str, Field); 5] =
    [("rank", Field::Rank), ("rank2", Field::OtherRank), ("score", Field::Score), ("z", Field::Z), ("diff", Field::Difference)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtMost,
    AtLeast,
    Unequal,
    Less,
    Greater,
    Equal,
}

/// The signs, longer ones first.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equal),
];

/// The numbers of the words of a table.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    /// The words.
    pub universe: &'a Universe,
    /// The model, or the left-hand one of two.
    pub left: &'a SideScores,
    /// The right-hand model of a comparison.
    pub right: Option<&'a SideScores>,
    /// Right rank less left rank; empty but in a comparison.
    pub differences: &'a [f64],
}

impl Query {
    /// Reads what is typed. Without any term it is a text, blanks and all.
    pub fn parse(text: &str) -> Query {
        if text.is_empty() {
            return Query::Empty;
        }
        let mut terms = Vec::new();
        let mut has_terms = false;
        for part in parts(text) {
            let (negated, body) = match part.strip_prefix('!') {
                Some(body) if !body.is_empty() => (true, body),
                _ => (false, part.as_str()),
            };
            let condition = match condition(body) {
                Ok(Some(condition)) => {
                    has_terms = true;
                    condition
                }
                Ok(None) => {
                    has_terms |= negated;
                    Condition::Text(body.to_owned())
                }
                Err(problem) => return Query::Problem(problem),
            };
            terms.push(Term { condition, negated });
        }
        if has_terms { Query::Expression(terms) } else { Query::Text(text.to_owned()) }
    }

    /// Why it cannot be read, or why this table cannot answer it.
    pub fn problem(&self, is_comparison: bool) -> Option<String> {
        match self {
            Query::Problem(problem) => Some(problem.clone()),
            Query::Expression(terms) if !is_comparison => {
                let of_two = |term: &Term| match term.condition {
                    Condition::Number { field: field @ (Field::OtherRank | Field::Difference), .. } => Some(field),
                    _ => None,
                };
                let name = |field| FIELDS.iter().find(|(_, of)| *of == field).map_or("", |(name, _)| name);
                terms.iter().find_map(of_two).map(|field| format!("{} is of a comparison of two models", name(field)))
            }
            _ => None,
        }
    }

    /// Whether a word is shown: one that an expression leaves out is not. Of what cannot be read, all are.
    pub fn shows(&self, at: usize, of: &Numbers) -> bool {
        match self {
            Query::Expression(terms) => terms.iter().all(|term| term.holds(at, of) != term.negated),
            Query::Empty | Query::Text(_) | Query::Problem(_) => true,
        }
    }

    /// Whether a word that is shown is a match.
    pub fn matches(&self, word: &str) -> bool {
        match self {
            Query::Text(text) => find(word, text).is_some(),
            Query::Expression(_) => true,
            Query::Empty | Query::Problem(_) => false,
        }
    }
}

impl Term {
    fn holds(&self, at: usize, of: &Numbers) -> bool {
        match &self.condition {
            Condition::Text(text) => find(of.universe.text(at), text).is_some(),
            Condition::Category(name) => of.universe.category_names(at).into_iter().any(|of| find(of, name).is_some()),
            Condition::Pattern(pattern) => pattern.is_match(of.universe.text(at)),
            Condition::Number { field, absolute, comparison, value } => {
                let found = match field {
                    Field::Rank => Some(of.left.ranks[at]),
                    Field::OtherRank => of.right.map(|right| right.ranks[at]),
                    Field::Score => Some(of.left.scores[at]),
                    Field::Z => Some(of.left.z[at]),
                    Field::Difference => of.differences.get(at).copied(),
                };
                let found = found.unwrap_or(f64::NAN);
                comparison.holds(if *absolute { found.abs() } else { found }, *value)
            }
        }
    }
}

impl Comparison {
    /// False where there is no number.
    fn holds(self, found: f64, value: f64) -> bool {
        match self {
            Comparison::AtMost => found <= value,
            Comparison::AtLeast => found >= value,
            Comparison::Unequal => !found.is_nan() && found != value,
            Comparison::Less => found < value,
            Comparison::Greater => found > value,
            Comparison::Equal => found == value,
        }
    }
}

/// The text at its blanks, but for those between quotes.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => parts.extend((!part.is_empty()).then(|| std::mem::take(&mut part))),
            c => part.push(c),
        }
    }
    parts.extend((!part.is_empty()).then_some(part));
    parts
}

/// None for a plain text.
fn condition(part: &str) -> Result<Option<Condition>, String> {
    if let Some(name) = part.strip_prefix("cat:") {
        return if name.is_empty() {
            Err("cat: is followed by a part of the name of a category".to_owned())
        } else {
            Ok(Some(Condition::Category(name.to_owned())))
        };
    }
    if let Some(pattern) = part.strip_prefix("re:") {
        let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(MOST_PATTERN).build();
        return match built {
            Ok(_) if pattern.is_empty() => Err("re: is followed by a regular expression".to_owned()),
            Ok(pattern) => Ok(Some(Condition::Pattern(pattern))),
            Err(regex::Error::CompiledTooBig(_)) => Err("the regular expression is too large".to_owned()),
            Err(_) => Err(format!("no regular expression: {pattern}")),
        };
    }
    let (absolute, rest) = match part.strip_prefix('|').and_then(|rest| rest.split_once('|')) {
        Some((field, rest)) => (true, format!("{field}{rest}")),
        None => (false, part.to_owned()),
    };
    let Some((at, sign, comparison)) = COMPARISONS
        .iter()
        .filter_map(|(sign, comparison)| Some((rest.find(sign)?, *sign, *comparison)))
        .min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()))
    else {
        return Ok(None);
    };
    let (name, number) = (&rest[..at], rest[at + sign.len()..].replace('−', "-"));
    let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else { return Ok(None) };
    match number.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(Some(Condition::Number { field: *field, absolute, comparison, value })),
        _ => Err(format!("{name}{sign} is followed by a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Corpus, Word};
    use crate::scores::table::ScoreTable;

    /// Words, those of the table that the expression shows.
    fn shown(query: &str) -> Vec<&'static str> {
        const WORDS: [&str; 5] = ["self", "selfish", "love", "Power", "ice cream"];
        let word = |(text, category): (&&str, u16)| Word { text: (*text).into(), categories: vec![category] };
        let corpus = Corpus {
            categories: vec!["agency".to_owned(), "civic virtue".to_owned()],
            words: WORDS.iter().zip([0, 0, 1, 0, 1]).map(word).collect(),
            ..Corpus::new("test")
        };
        let universe = Universe::new(1, &corpus, &[], &[], &mut ScoreTable::default());
        let side = |ranks: [f64; 5]| SideScores {
            scores: ranks.iter().map(|rank| -rank).collect(),
            z: ranks.iter().map(|rank| 1.5 - rank).collect(),
            ranks: ranks.to_vec(),
            ..SideScores::default()
        };
        let (left, right) = (side([1.0, 2.0, 3.0, 4.0, f64::NAN]), side([4.0, 2.0, 1.0, 3.0, 5.0]));
        let differences: Vec<f64> = left.ranks.iter().zip(&right.ranks).map(|(l, r)| r - l).collect();
        let numbers = Numbers { universe: &universe, left: &left, right: Some(&right), differences: &differences };
        let query = Query::parse(query);
        (0..WORDS.len()).filter(|&at| query.shows(at, &numbers)).map(|at| WORDS[at]).collect()
    }

    #[test]
    fn terms_are_met_together() {
        for (query, expected) in [
            ("rank<3", vec!["self", "selfish"]),
            ("rank<=3 cat:agency", vec!["self", "selfish"]),
            ("rank>=2 !cat:agency", vec!["love"]),
            ("|diff|>1", vec!["self", "love"]),
            ("diff>1", vec!["self"]),
            ("diff=0", vec!["selfish"]),
            ("diff!=0", vec!["self", "love", "Power"]),
            ("z<−2", vec!["Power"]),
            ("score>-3 self", vec!["self", "selfish"]),
            ("re:^self$", vec!["self"]),
            ("re:^p", vec!["Power"]),
            ("cat:\"civic v\"", vec!["love", "ice cream"]),
            ("!self", vec!["love", "Power", "ice cream"]),
            ("rank2<2", vec!["love"]),
            ("rank>0", vec!["self", "selfish", "love", "Power"]),
        ] {
            assert_eq!(shown(query), expected, "{query}");
        }
    }

    #[test]
    fn what_has_no_term_is_a_text_with_its_blanks() {
        for text in ["love", " love", "ice cream", "a=b", "x<y", "http://x", "!", "|a|"] {
            assert!(matches!(Query::parse(text), Query::Text(found) if found == text), "{text}");
        }
        assert!(matches!(Query::parse(""), Query::Empty));
        assert!(Query::parse("ice").matches("Nice") && !Query::parse("ice").matches("love"));
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        for query in ["rank<", "z>x", "re:(", "re:", "cat:", "score=nan"] {
            assert!(Query::parse(query).problem(true).is_some(), "{query}");
            assert_eq!(shown(query).len(), 5, "all words stay: {query}");
        }
        let pattern = format!("re:{}", "(a{1000}){1000}");
        assert!(Query::parse(&pattern).problem(true).is_some_and(|problem| problem.contains("too large")));
        assert_eq!(Query::parse("diff>3").problem(true), None);
        assert!(Query::parse("diff>3").problem(false).is_some_and(|problem| problem.contains("comparison")));
    }
}
