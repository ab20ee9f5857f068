//! Small pictures of many numbers: a histogram, one word's z-scores over prompts.

use crate::ui::glyphs::Glyphs;

/// The z-scores of the lowest and the highest sign; values beyond them look alike.
const Z_RANGE: f64 = 3.0;

/// A histogram one line high, its fullest bin as high as the line: forms are compared, and sizes are numbers beside it.
/// Empty bins stay empty.
pub fn histogram(counts: &[u32], glyphs: &Glyphs) -> String {
    let fullest = f64::from(counts.iter().copied().max().unwrap_or(0).max(1));
    let sign = |&count: &u32| if count == 0 { ' ' } else { glyphs.level(f64::from(count) / fullest - 1e-9) };
    counts.iter().map(sign).collect()
}

/// How many of `cells` each of several groups takes, with one cell between two groups; a cell a member where there is room.
pub fn shares(groups: &[usize], cells: usize) -> Vec<usize> {
    let cells = cells.saturating_sub(groups.len().saturating_sub(1));
    let all: usize = groups.iter().sum();
    let share = |&members: &usize| if all <= cells { members } else { (members * cells / all).max(usize::from(members > 0)) };
    groups.iter().map(share).collect()
}

/// One sign for each of `cells` stretches of the values, by their mean; none where no value of a stretch is known.
pub fn stretches(values: &[Option<f64>], cells: usize) -> Vec<Option<f64>> {
    let cells = cells.min(values.len());
    let mean = |cell: usize| {
        let part = &values[cell * values.len() / cells..(cell + 1) * values.len() / cells];
        let known: Vec<f64> = part.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    (0..cells).map(mean).collect()
}

/// The sign of a z-score.
pub fn z_sign(z: f64, glyphs: &Glyphs) -> char {
    glyphs.low_level(((z + Z_RANGE) / (2.0 * Z_RANGE)).clamp(0.0, 1.0) - 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_leaves_empty_bins_empty() {
        let unicode = Glyphs::of(false);
        assert_eq!(histogram(&[0, 2, 2], unicode), " ▇▇");
        assert_eq!(histogram(&[4, 0, 1], unicode), "▇ ▂");
        assert_eq!(histogram(&[0, 0], unicode), "  ");
    }

    #[test]
    fn many_prompts_share_cells_and_unknown_ones_leave_gaps() {
        let values = [Some(1.0), Some(3.0), None, None, Some(5.0), None];
        assert_eq!(stretches(&values, 3), [Some(2.0), None, Some(5.0)]);
        assert_eq!(stretches(&values, 9).len(), 6);
        assert!(stretches(&[], 4).is_empty());
    }

    #[test]
    fn groups_share_the_room_and_have_a_gap_between_them() {
        assert_eq!(shares(&[27, 27], 60), [27, 27]);
        assert_eq!(shares(&[27, 27], 14), [6, 6]);
        assert_eq!(shares(&[27, 27, 1], 14), [5, 5, 1]);
        assert_eq!(shares(&[4], 14), [4]);
        assert!(shares(&[], 14).is_empty());
    }

    #[test]
    fn the_middle_of_the_scale_is_the_mean() {
        let unicode = Glyphs::of(false);
        assert_eq!([-9.0, 0.0, 3.0].map(|z| z_sign(z, unicode)), ['▁', '▃', '▆']);
    }
}
