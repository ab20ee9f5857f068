//! Colours as a theme writes them, and the nearest that a terminal with fewer colours can show.

use ratatui::style::Color;

use crate::ui::abilities::Colours;

/// The sixteen colours that the user's terminal gives a shade of its own, with the shades of xterm for comparing, and
/// `reset`, the terminal's own foreground or background.
pub const TERMINAL_COLOURS: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// Reads a terminal name, `reset`, `#rrggbb` or an index from 0 to 255.
pub fn parse(text: &str) -> Option<Color> {
    if text == "reset" {
        return Some(Color::Reset);
    }
    if let Some((_, colour, _)) = TERMINAL_COLOURS.iter().find(|(name, ..)| *name == text) {
        return Some(*colour);
    }
    match text.strip_prefix('#') {
        Some(hex) if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
            Some(Color::Rgb(r, g, b))
        }
        Some(_) => None,
        None => text.parse().ok().map(Color::Indexed),
    }
}

/// The nearest colour that a terminal with `colours` can show; none where it shows none.
pub fn adapt(colour: Color, colours: Colours) -> Option<Color> {
    match (colours, colour) {
        (Colours::None, _) => None,
        (_, Color::Rgb(r, g, b)) if colours == Colours::Indexed256 => Some(Color::Indexed(nearest_index([r, g, b]))),
        (Colours::Sixteen, Color::Rgb(r, g, b)) => Some(nearest_of_sixteen([r, g, b])),
        (Colours::Sixteen, Color::Indexed(i)) if i < 16 => Some(TERMINAL_COLOURS[i as usize].1),
        (Colours::Sixteen, Color::Indexed(i)) => Some(nearest_of_sixteen(index_rgb(i))),
        _ => Some(colour),
    }
}

/// Red, green and blue of an index of the 256: xterm's colour cube from 16 and its greys from 232; below, its sixteen.
pub(super) fn index_rgb(index: u8) -> [u8; 3] {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..=15 => TERMINAL_COLOURS[index as usize].2,
        16..=231 => [level((index - 16) / 36), level((index - 16) / 6 % 6), level((index - 16) % 6)],
        232..=255 => [8 + 10 * (index - 232); 3],
    }
}

/// The first sixteen are left out: users give them shades of their own.
fn nearest_index(rgb: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|&index| distance(rgb, index_rgb(index))).unwrap_or(16)
}

fn nearest_of_sixteen(rgb: [u8; 3]) -> Color {
    TERMINAL_COLOURS.iter().min_by_key(|(_, _, shade)| distance(rgb, *shade)).map_or(Color::Reset, |(_, colour, _)| *colour)
}

/// Squared distance in RGB, green weighing most and blue least, about as eyes do.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let weights = [3, 4, 2];
    a.iter().zip(b).zip(weights).map(|((&a, b), weight)| weight * u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_colour_is_read() {
        for (text, expected) in [
            ("reset", Some(Color::Reset)),
            ("red", Some(Color::Red)),
            ("white", Some(Color::Gray)),
            ("bright-black", Some(Color::DarkGray)),
            ("#e69F00", Some(Color::Rgb(0xe6, 0x9f, 0))),
            ("208", Some(Color::Indexed(208))),
            ("256", None),
            ("-1", None),
            ("#e69f0", None),
            ("#+69f00", None),
            ("mauve", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_colour_falls_back_to_the_nearest_that_the_terminal_has() {
        let orange = Color::Rgb(255, 135, 0);
        for (colour, colours, expected) in [
            (orange, Colours::True, Some(orange)),
            (orange, Colours::Indexed256, Some(Color::Indexed(208))),
            (Color::Rgb(18, 18, 18), Colours::Indexed256, Some(Color::Indexed(233))),
            (Color::Rgb(250, 5, 5), Colours::Sixteen, Some(Color::LightRed)),
            (Color::Indexed(4), Colours::Sixteen, Some(Color::Blue)),
            (Color::Indexed(196), Colours::Sixteen, Some(Color::LightRed)),
            (Color::Indexed(208), Colours::Indexed256, Some(Color::Indexed(208))),
            (Color::Reset, Colours::Sixteen, Some(Color::Reset)),
            (Color::Magenta, Colours::Indexed256, Some(Color::Magenta)),
            (Color::Magenta, Colours::None, None),
        ] {
            assert_eq!(adapt(colour, colours), expected, "{colour:?} with {colours}");
        }
    }

    #[test]
    fn a_colour_of_the_256_is_its_own_nearest() {
        for index in 16..=255 {
            let nearest = nearest_index(index_rgb(index));
            assert_eq!(index_rgb(nearest), index_rgb(index), "{index}");
        }
    }
}
