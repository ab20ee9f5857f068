//! One word's z-scores under many prompts: a cell a prompt, marked above or below the mean.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::ui::glyphs::Glyphs;

/// From here on a z-score is off the mean, and from there on far off.
const OFF: f64 = 0.5;
const FAR: f64 = 1.5;

/// One cell for each z-score: high ones in the first style, low ones in the second, both dim where they are not far off, and
/// those near the mean in the third; an empty cell where none is known.
pub fn strip(z: &[Option<f64>], [high, low, near]: [Style; 3], glyphs: &Glyphs) -> Line<'static> {
    let cell = |z: &Option<f64>| {
        let Some(z) = z else { return Span::raw(" ") };
        let style = match z {
            z if *z >= OFF => high,
            z if *z <= -OFF => low,
            _ => near,
        };
        let style = if z.abs() < FAR { style.add_modifier(Modifier::DIM) } else { style };
        Span::styled(z_sign(*z, glyphs).to_string(), style)
    };
    Line::from_iter(z.iter().map(cell))
}

/// The sign of a z-score: in the upper half of its cell above the mean, in the lower half below it.
fn z_sign(z: f64, glyphs: &Glyphs) -> char {
    let [far_below, below, near, above, far_above] = glyphs.swing;
    match z {
        z if z >= FAR => far_above,
        z if z >= OFF => above,
        z if z > -OFF => near,
        z if z > -FAR => below,
        _ => far_below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_above_the_mean_are_above_the_middle_of_their_cells() {
        let z = [Some(-9.0), Some(-0.5), Some(0.1), None, Some(0.5), Some(1.5)];
        let text = |ascii: bool| strip(&z, [Style::new(); 3], Glyphs::of(ascii)).to_string();
        assert_eq!(text(false), "▄▄· ▀▀");
        assert_eq!(text(true), "_,- '\"");
        let dim = |span: &Span| span.style.add_modifier.contains(Modifier::DIM);
        let line = strip(&z, [Style::new(); 3], Glyphs::of(false));
        assert_eq!(line.spans.iter().map(dim).collect::<Vec<_>>(), [false, true, true, false, true, false]);
    }
}
