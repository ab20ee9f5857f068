//! Rank-biased overlap: how much the tops of two rankings share, with weights that fall off with depth.

use super::both;
use super::ranking::Ranking;

/// The persistence p that the reports use: a reader goes on from each word to the next with this probability, so the first
/// ten words carry 86 % of the weight (Webber et al. 2010, equation 21).
pub const PERSISTENCE: f64 = 0.9;

/// Extrapolated rank-biased overlap of two rankings of the same words, highest score first (Webber, Moffat and Zobel 2010, A
/// similarity measure for indefinite rankings, equation 30), over the words in which neither score is NaN.
///
/// Tied words stand in no known order, so this is the mean over all ways to break the ties of both sides (RBO^a of Corsi and
/// Urbano 2024, The treatment of ties in rank-biased overlap). None without words, and where all words of a side tie: such a
/// side has no order to agree with.
pub fn rank_biased_overlap(a: &[f64], b: &[f64], p: f64) -> Option<f64> {
    let (a, b) = both(a, b);
    overlap_of(&Ranking::new(&a), &Ranking::new(&b), p)
}

/// The same of two rankings of the same words.
pub(super) fn overlap_of(a: &Ranking, b: &Ranking, p: f64) -> Option<f64> {
    if a.len() > 1 && (a.is_constant() || b.is_constant()) {
        return None;
    }
    let agreements = agreements_of(a, b);
    let last = *agreements.last()?;
    let mut weight = 1.0;
    let mut sum = 0.0;
    for agreement in agreements {
        sum += (1.0 - p) * weight * agreement;
        weight *= p;
    }
    // Beyond the end the agreement is taken to stay what it is there.
    Some(sum + last * weight)
}

/// At each depth d = 1, 2, … the expected share of words that the two first d have in common.
pub fn depth_agreements(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (a, b) = both(a, b);
    agreements_of(&Ranking::new(&a), &Ranking::new(&b))
}

fn agreements_of(a: &Ranking, b: &Ranking) -> Vec<f64> {
    let mut agreements = Vec::with_capacity(a.len());
    // Words by where they stand: above the open group of a side, or in it. `taken` counts places of the open group.
    let (mut group_a, mut group_b) = (0, 0);
    let (mut taken_a, mut taken_b) = (0, 0);
    let count = |members: &[u32], other: &Ranking, below: &dyn Fn(u32) -> bool| {
        members.iter().filter(|word| below(other.group_of[**word as usize])).count() as f64
    };
    let (mut above_both, mut in_a_above_b, mut above_a_in_b) = (0.0, 0.0, 0.0);
    let mut in_both = if a.len() == 0 { 0.0 } else { count(a.members(0), b, &|group| group == 0) };
    for depth in 1..=a.len() {
        if taken_a == a.members(group_a).len() {
            above_both += in_a_above_b;
            above_a_in_b += in_both;
            group_a += 1;
            taken_a = 0;
            in_a_above_b = count(a.members(group_a), b, &|group| (group as usize) < group_b);
            in_both = count(a.members(group_a), b, &|group| group as usize == group_b);
        }
        if taken_b == b.members(group_b).len() {
            above_both += above_a_in_b;
            in_a_above_b += in_both;
            group_b += 1;
            taken_b = 0;
            above_a_in_b = count(b.members(group_b), a, &|group| (group as usize) < group_a);
            in_both = count(b.members(group_b), a, &|group| group as usize == group_a);
        }
        taken_a += 1;
        taken_b += 1;
        // Each word of an open group is among the first with this probability.
        let share_a = taken_a as f64 / a.members(group_a).len() as f64;
        let share_b = taken_b as f64 / b.members(group_b).len() as f64;
        let shared = above_both + share_a * in_a_above_b + share_b * above_a_in_b + share_a * share_b * in_both;
        agreements.push(shared / depth as f64);
    }
    agreements
}
