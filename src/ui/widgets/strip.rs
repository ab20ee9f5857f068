//! How values are spread along an axis, as a violin of dots: in braille, where a cell holds two columns of four dots, or in
//! ASCII. As long as no column is fuller than the strip is high, each dot is one value.

use crate::ui::glyphs::Glyphs;

/// The dots of a braille cell, by column and by row.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BRAILLE: u32 = 0x2800;

/// Places between 0 and 1 over `cells`, in `rows` lines; cells without a value are spaces.
pub fn strip(places: &[f64], cells: usize, rows: usize, ascii: bool, glyphs: &Glyphs) -> Vec<Vec<char>> {
    if ascii { in_ascii(places, cells, rows, glyphs) } else { in_braille(places, cells, rows) }
}

/// The column of a place among `columns`.
pub fn column(place: f64, columns: usize) -> usize {
    ((place.clamp(0.0, 1.0) * columns as f64) as usize).min(columns.saturating_sub(1))
}

/// How many dots each column has, none higher than `most`, none of a column with a value empty.
fn heights(places: &[f64], columns: usize, most: usize) -> Vec<usize> {
    let mut counts = vec![0; columns];
    for &place in places.iter().filter(|place| !place.is_nan()) {
        if let Some(count) = counts.get_mut(column(place, columns)) {
            *count += 1;
        }
    }
    let fullest = counts.iter().copied().max().unwrap_or(0);
    let height = |count: usize| if fullest <= most { count } else { (count * most).div_ceil(fullest) };
    counts.into_iter().map(height).collect()
}

fn in_braille(places: &[f64], cells: usize, rows: usize) -> Vec<Vec<char>> {
    let tall = rows * 4;
    let mut dots = vec![vec![0u32; cells]; rows];
    for (x, height) in heights(places, cells * 2, tall).into_iter().enumerate() {
        // Around the middle; an odd dot goes above it.
        let top = (tall - height) / 2;
        for y in top..top + height {
            dots[y / 4][x / 2] |= DOTS[x % 2][y % 4];
        }
    }
    let sign = |dots: u32| if dots == 0 { ' ' } else { char::from_u32(BRAILLE + dots).unwrap_or(' ') };
    dots.into_iter().map(|row| row.into_iter().map(sign).collect()).collect()
}

/// One line tells counts by the weight of its signs, several lines by their height.
fn in_ascii(places: &[f64], cells: usize, rows: usize, glyphs: &Glyphs) -> Vec<Vec<char>> {
    let mut lines = vec![vec![' '; cells]; rows];
    if rows == 1 {
        let steps = glyphs.levels.len();
        for (x, height) in heights(places, cells, steps).into_iter().enumerate() {
            if height > 0 {
                lines[0][x] = glyphs.level((height as f64 - 0.5) / steps as f64);
            }
        }
        return lines;
    }
    for (x, height) in heights(places, cells, rows).into_iter().enumerate() {
        let top = (rows - height) / 2;
        for line in &mut lines[top..top + height] {
            line[x] = glyphs.bar;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(places: &[f64], cells: usize, rows: usize, ascii: bool) -> Vec<String> {
        strip(places, cells, rows, ascii, Glyphs::of(ascii)).into_iter().map(String::from_iter).collect()
    }

    #[test]
    fn a_few_values_are_a_dot_each() {
        assert_eq!(drawn(&[0.0, 1.0], 3, 1, false), ["⠂ ⠐"]);
        assert_eq!(drawn(&[0.0, 0.0, 0.0, 0.0], 2, 1, false), ["⡇ "]);
        assert_eq!(
            drawn(&[0.5, f64::NAN], 2, 2, false),
            ["  ", "  "]
                .map(str::to_owned)
                .into_iter()
                .enumerate()
                .map(|(i, s)| if i == 0 { " ⡀".to_owned() } else { s })
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn many_values_fill_the_height_and_a_single_one_is_never_lost() {
        let mut places = vec![0.1; 80];
        places.push(0.9);
        assert_eq!(drawn(&places, 2, 1, false), ["⡇⠐"]);
        assert_eq!(drawn(&places, 2, 1, true), ["#."]);
        assert_eq!(drawn(&places, 2, 3, true), ["# ", "##", "# "]);
    }

    #[test]
    fn nothing_is_drawn_outside() {
        assert_eq!(drawn(&[-3.0, 7.0], 2, 1, false), ["⠂⠐"]);
        assert_eq!(drawn(&[0.5], 0, 1, false), [""]);
        assert!(drawn(&[0.5], 3, 0, false).is_empty());
    }
}
