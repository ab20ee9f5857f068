//! What a head reads at each token and after each layer, as lines of the inspector.

use super::{Signs, Tone, TonedLine};

/// A step between neighbours is marked from this share of the range of all values on.
const JUMP: f64 = 0.25;

/// Values one after the other: along a conversation, or from the first layer to the last.
pub(super) struct Course {
    values: Vec<f64>,
    low: f64,
    high: f64,
}

impl Course {
    /// None of no values. The range leaves out the first value of several where `skips` says so: the first token of a
    /// conversation has read nothing, and may be far off.
    pub(super) fn new(values: &[f32], skips: bool) -> Option<Course> {
        let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let of = &values[usize::from(skips && values.len() > 1)..];
        let low = of.iter().copied().reduce(f64::min)?;
        let high = of.iter().copied().fold(low, f64::max);
        Some(Course { values, low, high })
    }

    /// The place of a value in the range, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let place = (value - self.low) / (self.high - self.low);
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The sign for how high a value is.
    fn level(&self, at: usize, signs: Signs) -> char {
        let place = self.values.get(at).map_or(0.0, |value| self.place(*value));
        let step = (place * signs.levels.len() as f64) as usize;
        signs.levels.get(step.min(signs.levels.len().saturating_sub(1))).copied().unwrap_or(' ')
    }

    /// The sign for a step up or down to this value; a space where the step is small.
    fn jump(&self, at: usize, signs: Signs) -> char {
        let before = at.checked_sub(1).and_then(|before| self.values.get(before));
        let step = before.zip(self.values.get(at)).map_or(0.0, |(before, value)| self.place(*value) - self.place(*before));
        match step {
            step if step >= JUMP => signs.up,
            step if step <= -JUMP => signs.down,
            _ => ' ',
        }
    }

    /// A value with its sign, and with decimals that tell the values apart.
    fn number(&self, value: f64, signs: Signs) -> String {
        let decimals = match self.high - self.low {
            range if range < 0.5 => 4,
            range if range < 5.0 => 3,
            _ => 2,
        };
        format!("{value:+.decimals$}").replace('-', &signs.minus.to_string())
    }

    /// Level, number and jump of each value, all of them equally wide.
    pub(super) fn cells(&self, signs: Signs) -> Vec<String> {
        let numbers: Vec<String> = self.values.iter().map(|value| self.number(*value, signs)).collect();
        let wide = numbers.iter().map(|number| number.chars().count()).max().unwrap_or(0);
        let cell = |(at, number)| format!("{} {number:>wide$} {}", self.level(at, signs), self.jump(at, signs));
        numbers.iter().enumerate().map(cell).collect()
    }

    /// A sign for each token of the conversation, with the steps marked below; `tone` is that of a token.
    pub(super) fn strip(&self, cells: usize, signs: Signs, tone: impl Fn(usize) -> Tone) -> Vec<TonedLine> {
        let range = format!("{} to {}", self.number(self.low, signs), self.number(self.high, signs));
        let steps = format!("  {}{} steps of a quarter and more", signs.up, signs.down);
        let mut lines = vec![vec![(format!("Reward at each token, {range}"), Tone::Heading), (steps, Tone::Text)]];
        let all: Vec<usize> = (0..self.values.len()).collect();
        for chunk in all.chunks(cells) {
            lines.push(chunk.iter().map(|&at| (self.level(at, signs).to_string(), tone(at))).collect());
            let jumps: String = chunk.iter().map(|&at| self.jump(at, signs)).collect();
            if !jumps.trim().is_empty() {
                lines.push(vec![(jumps.trim_end().to_owned(), Tone::Heading)]);
            }
        }
        lines
    }

    /// A line a layer: number, value, and a bar from 0 to the value.
    pub(super) fn layers(&self, cells: usize, signs: Signs) -> Vec<TonedLine> {
        let (low, high) = (self.low.min(0.0), self.high.max(0.0));
        let texts = self.cells(signs);
        let wide = texts.first().map_or(0, |text| text.chars().count());
        let room = cells.saturating_sub(7 + wide + 2);
        let column = |value: f64| (((value - low) / (high - low)).clamp(0.0, 1.0) * room as f64).round() as usize;
        let line = |((at, text), value): ((usize, &String), &f64)| {
            let (zero, end) = (column(0.0), column(*value));
            let bar = format!("{}{}", " ".repeat(zero.min(end)), signs.bar.to_string().repeat(zero.abs_diff(end)));
            let tone = if at + 1 == self.values.len() { Tone::Pooled } else { Tone::Text };
            vec![(format!("{:>5}  ", at + 1), Tone::Dim), (text.clone(), tone), (format!("  {bar}"), Tone::Text)]
        };
        texts.iter().enumerate().zip(&self.values).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::inspector::tests::{SIGNS, text};

    #[test]
    fn a_strip_has_a_sign_a_token_and_marks_the_steps_below() {
        let course = Course::new(&[99.0, 0.0, 1.0, 4.0, 3.9, 0.0], true).unwrap();
        let lines = text(&course.strip(40, SIGNS, |_| Tone::Text));
        assert_eq!(lines[0], "Reward at each token, +0.000 to +4.000  ▲▼ steps of a quarter and more");
        assert_eq!(lines[1..], ["▇▁▂▇▇▁", " ▼▲▲ ▼"], "the first token is outside the range");
        assert_eq!(course.strip(4, SIGNS, |_| Tone::Text).len(), 5, "wide conversations take several lines");
        let ascii = Signs { levels: &['.', '#'], up: '^', down: 'v', minus: '-', bar: '#', ascii: true, ..SIGNS };
        assert_eq!(text(&course.strip(40, ascii, |_| Tone::Text))[1..], ["#..##.", " v^^ v"]);
    }

    #[test]
    fn layers_have_bars_from_zero_and_equal_values_are_no_jump() {
        let course = Course::new(&[-1.0, 0.0, 3.0], false).unwrap();
        let lines = text(&course.layers(26, SIGNS));
        assert_eq!(lines, ["    1  ▁ −1.000    ━━", "    2  ▂ +0.000 ▲", "    3  ▇ +3.000 ▲    ━━━━━"]);
        let flat = Course::new(&[2.0, 2.0], false).unwrap();
        assert_eq!(flat.cells(SIGNS), ["▁ +2.0000  ", "▁ +2.0000  "]);
        assert!(Course::new(&[], true).is_none());
    }
}
