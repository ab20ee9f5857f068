//! Categories that are two sides of one, as `care_virtue` and `care_vice` are: they are told by one colour in two shades.

/// Last parts of names that stand against each other.
const OPPOSED: [[&str; 2]; 2] = [["virtue", "vice"], ["positive", "negative"]];

/// A category as one side of a pair of opposed categories. A category without an opposite is a pair by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The number of the pair of opposed categories, counted in order of first appearance.
    pub of: usize,
    /// The category is the second of the two.
    pub second: bool,
}

/// One for each name.
pub fn sides(names: &[impl AsRef<str>]) -> Vec<Side> {
    let lower: Vec<String> = names.iter().map(|name| name.as_ref().to_lowercase()).collect();
    let first_of = |name: &String| {
        let first = OPPOSED.iter().find_map(|[first, second]| Some(format!("{}{first}", name.strip_suffix(second)?)));
        first.filter(|first| lower.contains(first))
    };
    let mut known: Vec<String> = Vec::new();
    let side = |name: &String| {
        let (first, second) = first_of(name).map_or((name.clone(), false), |first| (first, true));
        let of = known.iter().position(|known| *known == first).unwrap_or_else(|| {
            known.push(first);
            known.len() - 1
        });
        Side { of, second }
    };
    lower.iter().map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtue_and_vice_of_one_foundation_are_two_sides_and_others_stand_alone() {
        let found = |names: &[&str]| sides(names).iter().map(|side| (side.of, side.second)).collect::<Vec<_>>();
        let names = ["care_vice", "care_virtue", "Loyalty.virtue", "loyalty.vice", "vice", "agency"];
        assert_eq!(found(&names), [(0, true), (0, false), (1, false), (1, true), (2, false), (3, false)]);
        assert_eq!(found(&["Agency", "Communion"]), [(0, false), (1, false)]);
        assert!(found(&[]).is_empty());
    }
}
