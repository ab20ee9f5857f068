//! Words in order of score, with ties as groups: made once a column, compared with many.

/// Words in groups of one score, the highest first.
pub(super) struct Ranking {
    pub(super) order: Vec<u32>,
    /// Where each group begins in `order`, and its end.
    pub(super) starts: Vec<usize>,
    pub(super) group_of: Vec<u32>,
}

impl Ranking {
    /// None of the scores may be NaN.
    pub(super) fn new(scores: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        // Adding zero makes one of -0.0 and 0.0, which a total order would tell apart.
        let score = |word: u32| scores[word as usize] + 0.0;
        order.sort_unstable_by(|x, y| score(*y).total_cmp(&score(*x)));
        let mut starts = vec![0];
        let mut group_of = vec![0; scores.len()];
        let mut end = 0;
        for (group, index) in order.chunk_by(|x, y| score(*x) == score(*y)).zip(0..) {
            group.iter().for_each(|word| group_of[*word as usize] = index);
            end += group.len();
            starts.push(end);
        }
        Ranking { order, starts, group_of }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn members(&self, group: usize) -> &[u32] {
        match self.starts.get(group..=group + 1) {
            Some(&[start, end]) => &self.order[start..end],
            _ => &[],
        }
    }

    /// Whether all words have one score.
    pub(super) fn is_constant(&self) -> bool {
        self.starts.len() == 2
    }

    /// Pairs of words with one score.
    pub(super) fn tied_pairs(&self) -> u64 {
        self.starts.windows(2).map(|ends| choose_two(ends[1] - ends[0])).sum()
    }

    /// Twice the distance of a group's average rank from the middle: whole numbers, so sums are exact.
    fn doubled(&self, group: u32) -> i64 {
        let at = group as usize;
        (self.starts[at] + self.starts[at + 1]) as i64 - self.len() as i64
    }

    fn squares(&self) -> i64 {
        (0..self.starts.len() as u32 - 1)
            .map(|group| self.members(group as usize).len() as i64 * self.doubled(group).pow(2))
            .sum()
    }
}

pub(super) fn choose_two(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// Spearman's correlation of two rankings of the same words; none where one side is all tied.
pub(super) fn spearman_of(a: &Ranking, b: &Ranking) -> Option<f64> {
    let products: i64 = a.group_of.iter().zip(&b.group_of).map(|(&x, &y)| a.doubled(x) * b.doubled(y)).sum();
    let (a, b) = (a.squares() as f64, b.squares() as f64);
    (a > 0.0 && b > 0.0).then(|| (products as f64 / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0))
}
