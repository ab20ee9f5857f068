//! What figures are drawn with: text, lines, markers, in pixels from the top left corner, over kuva's scenes.

use std::fmt::Write as _;

use kuva::RasterBackend;
use kuva::backend::svg::SvgBackend;
pub use kuva::render::render::TextAnchor as Anchor;
use kuva::render::render::{PathData, Primitive, Scene, TextSpan};

use super::FigureError;
use crate::base::terms::Family;
use crate::base::text::{last_part, visible};
use crate::corpus::{Side, sides};

/// Wide fonts first: what fits with them fits with any.
const FONTS: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";
/// Mean width of a letter of those, as a share of the font size.
const LETTER: f64 = 0.6;
/// Pixels of a PNG a pixel of the figure.
const SCALE: f32 = 2.0;

pub type Colour = (u8, u8, u8);

pub const INK: Colour = (0x22, 0x22, 0x22);
pub const GREY: Colour = (0x6b, 0x6b, 0x6b);
pub const FAINT: Colour = (0xd9, 0xd9, 0xd9);
pub const WARNING: Colour = (0xb0, 0x3a, 0x00);

/// Okabe and Ito's colours, those of the two families first.
const PALETTE: [Colour; 7] = [
    (0x00, 0x72, 0xb2),
    (0xd5, 0x5e, 0x00),
    (0x00, 0x9e, 0x73),
    (0xcc, 0x79, 0xa7),
    (0xe6, 0x9f, 0x00),
    (0x56, 0xb4, 0xe9),
    (0x55, 0x55, 0x55),
];

/// Colours of text by category, dark enough to be read on white and unlike those of the two families.
const CATEGORIES: [Colour; 6] =
    [(0x9c, 0x2f, 0x74), (0x00, 0x6b, 0x4e), (0x5d, 0x46, 0xa8), (0x6e, 0x5a, 0x00), (0x00, 0x6a, 0x6e), (0x55, 0x55, 0x55)];

/// The colour of each category; the second side of one is paler.
pub fn category_colours(names: &[impl AsRef<str>]) -> Vec<Colour> {
    let of = |side: Side| mixed(CATEGORIES[side.of % CATEGORIES.len()], if side.second { 0.72 } else { 1.0 });
    sides(names).into_iter().map(of).collect()
}

/// The colour and the marker of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub colour: Colour,
    pub marker: Marker,
    pub dash: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Diamond,
    OpenDiamond,
    Circle,
    Square,
    Triangle,
    OpenCircle,
    OpenSquare,
    OpenTriangle,
}

impl Marker {
    /// Another shape for each of four groups, open where this one is.
    pub fn of_group(self, group: usize) -> Marker {
        let open = matches!(self, Marker::OpenDiamond | Marker::OpenCircle | Marker::OpenSquare | Marker::OpenTriangle);
        let shapes = match open {
            true => [Marker::OpenCircle, Marker::OpenTriangle, Marker::OpenSquare, Marker::OpenDiamond],
            false => [Marker::Circle, Marker::Triangle, Marker::Square, Marker::Diamond],
        };
        shapes[group % 4]
    }
}

impl Look {
    /// The look of a family; `at` is its place among all, which decides where it is neither of the two.
    pub fn of_family(name: &str, at: usize) -> Look {
        match Family::guess(name) {
            Family::Gemma => Look { colour: PALETTE[0], marker: Marker::OpenDiamond, dash: None },
            Family::Llama => Look { colour: PALETTE[1], marker: Marker::Diamond, dash: None },
            _ => Look::nth(2 + at % 5),
        }
    }

    /// One of many looks; they repeat after the seventh.
    pub fn nth(at: usize) -> Look {
        let markers = [
            Marker::OpenDiamond,
            Marker::Diamond,
            Marker::Circle,
            Marker::Square,
            Marker::Triangle,
            Marker::OpenCircle,
            Marker::OpenSquare,
        ];
        let dashes = [None, None, Some("6 3"), Some("2 3"), Some("8 3 2 3"), Some("10 4"), Some("4 4")];
        Look { colour: PALETTE[at % 7], marker: markers[at % 7], dash: dashes[at % 7] }
    }
}

/// A finished picture.
#[derive(Debug)]
pub struct Figure {
    scene: Scene,
    title: String,
}

impl Figure {
    /// The picture as the text of an SVG file.
    pub fn svg(&self) -> String {
        let svg = SvgBackend::new().with_pretty(true).render_scene(&self.scene);
        let (width, height) = (self.scene.width, self.scene.height);
        // So that it scales, and says what it is to those who cannot see it.
        let mut head = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\"");
        let body = svg.strip_prefix("<svg").unwrap_or(&svg);
        let (attributes, body) = body.split_once('>').unwrap_or((body, ""));
        let _ = write!(head, "{attributes}>\n  <title>{}</title>", escaped(&self.title));
        head + body
    }

    /// The picture as the bytes of a PNG file: twice the size of the SVG, on white.
    ///
    /// # Errors
    /// Where the picture cannot be turned into pixels.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        RasterBackend::new().with_scale(SCALE).render_scene(&self.scene).map_err(FigureError::Raster)
    }
}

fn escaped(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Without anything that XML cannot hold or that would steer whoever prints it.
fn clean(text: &str) -> String {
    visible(text).chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

/// A picture in the making.
pub struct Canvas {
    scene: Scene,
    title: String,
}

/// The size, colour and alignment of a text.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    pub size: u32,
    pub anchor: Anchor,
    pub colour: Colour,
    pub bold: bool,
    /// Degrees, clockwise.
    pub turned: Option<f64>,
}

impl Font {
    pub fn new(size: u32) -> Font {
        Font { size, anchor: Anchor::Start, colour: INK, bold: false, turned: None }
    }

    pub fn middle(self) -> Font {
        Font { anchor: Anchor::Middle, ..self }
    }

    pub fn end(self) -> Font {
        Font { anchor: Anchor::End, ..self }
    }

    pub fn colour(self, colour: Colour) -> Font {
        Font { colour, ..self }
    }

    pub fn bold(self) -> Font {
        Font { bold: true, ..self }
    }

    pub fn turned(self, degrees: f64) -> Font {
        Font { turned: Some(degrees), ..self }
    }
}

impl Canvas {
    pub fn new(width: f64, height: f64, title: &str) -> Canvas {
        let mut scene = Scene::new(width, height);
        scene.font_family = Some(FONTS.to_owned());
        Canvas { scene, title: title.to_owned() }
    }

    pub fn finish(self) -> Figure {
        Figure { scene: self.scene, title: self.title }
    }

    /// `y` is the baseline.
    pub fn text(&mut self, x: f64, y: f64, text: &str, font: Font) {
        let Font { size, anchor, bold, .. } = font;
        let color = Some(rgb(font.colour));
        if bold && font.turned.is_none() {
            // The one form of text that is bold in a PNG as well; it knows no formulas.
            let spans = vec![TextSpan { bold, ..TextSpan::plain(clean(text)) }];
            return self.scene.add(Primitive::RichText { x, y, spans, size, anchor, color });
        }
        // kuva reads the text between two dollars as a formula; escaped, a dollar is a dollar.
        let content = clean(text).replace('$', "\\$");
        self.scene.add(Primitive::Text { x, y, content, size, anchor, rotate: font.turned, bold, color });
    }

    /// Lines of text, one below the other; gives the baseline of the line after.
    pub fn paragraph(&mut self, x: f64, y: f64, width: f64, text: &str, font: Font) -> f64 {
        let mut y = y;
        for line in wrapped(text, width, font.size) {
            self.text(x, y, &line, font);
            y += line_height(font.size);
        }
        y
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour, wide: f64) {
        self.dashed(from, to, colour, wide, None);
    }

    pub fn dashed(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour, wide: f64, dash: Option<&str>) {
        self.scene.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: rgb(colour),
            stroke_width: wide,
            stroke_dasharray: dash.map(str::to_owned),
        });
    }

    pub fn polyline(&mut self, points: Vec<(f64, f64)>, colour: Colour, wide: f64, dash: Option<&str>) {
        let stroke_dasharray = dash.map(str::to_owned);
        self.scene.add(Primitive::PolyLine { points, stroke: rgb(colour), stroke_width: wide, stroke_dasharray });
    }

    /// A closed outline, filled so strongly (0 to 1).
    pub fn area(&mut self, points: &[(f64, f64)], colour: Colour, strength: f64) {
        self.path(points, Some(rgb(mixed(colour, strength))), rgb(colour), 1.0);
    }

    fn path(
        &mut self,
        points: &[(f64, f64)],
        fill: Option<kuva::render::color::Color>,
        stroke: kuva::render::color::Color,
        wide: f64,
    ) {
        let mut d = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{x:.2} {y:.2} ", if i == 0 { 'M' } else { 'L' });
        }
        d.push('Z');
        let data = PathData { d, fill, stroke, stroke_width: wide, opacity: None, stroke_dasharray: None };
        self.scene.add(Primitive::Path(Box::new(data)));
    }

    /// A rectangle without an outline but a thin white one, as those of a matrix are.
    pub fn tile(&mut self, (x, y): (f64, f64), (wide, tall): (f64, f64), colour: Colour) {
        let corners = [(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)];
        self.path(&corners, Some(rgb(colour)), rgb((255, 255, 255)), 1.0);
    }

    pub fn dot(&mut self, (x, y): (f64, f64), r: f64, colour: Colour, open: bool) {
        let fill = if open { rgb((255, 255, 255)) } else { rgb(colour) };
        self.scene.add(Primitive::Circle {
            cx: x,
            cy: y,
            r,
            fill,
            fill_opacity: None,
            stroke: Some(rgb(colour)),
            stroke_width: Some(if open { r / 3.0 } else { 0.4 }),
        });
    }

    pub fn marker(&mut self, at: (f64, f64), r: f64, look: Look) {
        let (x, y) = at;
        let white = rgb((255, 255, 255));
        let colour = rgb(look.colour);
        let diamond = [(x, y - r * 1.3), (x + r * 1.3, y), (x, y + r * 1.3), (x - r * 1.3, y)];
        let square = [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)];
        let triangle = [(x, y - r * 1.2), (x + r * 1.2, y + r), (x - r * 1.2, y + r)];
        let wide = (r / 3.0).max(1.2);
        match look.marker {
            Marker::Diamond => self.path(&diamond, Some(colour.clone()), colour, wide),
            Marker::OpenDiamond => self.path(&diamond, Some(white), colour, wide),
            Marker::Circle => self.dot(at, r, look.colour, false),
            Marker::OpenCircle => self.dot(at, r, look.colour, true),
            Marker::Square => self.path(&square, Some(colour.clone()), colour, wide),
            Marker::OpenSquare => self.path(&square, Some(white), colour, wide),
            Marker::Triangle => self.path(&triangle, Some(colour.clone()), colour, wide),
            Marker::OpenTriangle => self.path(&triangle, Some(white), colour, wide),
        }
    }
}

fn rgb((r, g, b): Colour) -> kuva::render::color::Color {
    kuva::render::color::Color::Rgb(r, g, b)
}

/// A colour on white, so strong. Blended here, so that every viewer shows the same.
pub fn mixed((r, g, b): Colour, strength: f64) -> Colour {
    let mix = |c: u8| (255.0 - (255.0 - f64::from(c)) * strength.clamp(0.0, 1.0)).round() as u8;
    (mix(r), mix(g), mix(b))
}

pub fn line_height(size: u32) -> f64 {
    f64::from(size) * 1.45
}

/// About how wide a text is, rather more than less.
pub fn text_width(text: &str, size: u32) -> f64 {
    use unicode_width::UnicodeWidthStr;
    text.width() as f64 * f64::from(size) * LETTER
}

pub fn wrapped(text: &str, width: f64, size: u32) -> Vec<String> {
    crate::base::text::wrap(text, (width / (f64::from(size) * LETTER)) as usize)
}

/// A name at most so wide, its middle cut out where it must be: names with a common stem differ at their ends.
pub fn fitted_name(text: &str, width: f64, size: u32) -> String {
    let last = last_part(text);
    let room = width - text_width(last, size);
    if text_width(text, size) <= width || last.is_empty() || room < text_width("abcd", size) {
        return fitted(text, width, size);
    }
    format!("{}{last}", fitted(&text[..text.len() - last.len()], room, size))
}

/// At most so wide, cut off where it must be.
pub fn fitted(text: &str, width: f64, size: u32) -> String {
    use unicode_segmentation::UnicodeSegmentation;
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for grapheme in text.graphemes(true) {
        if text_width(&out, size) + text_width(grapheme, size) + text_width("…", size) > width {
            break;
        }
        out.push_str(grapheme);
    }
    out + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_common_stem_keep_their_ends() {
        let cut = fitted_name("authority_virtue", text_width("authority_vi", 12), 12);
        assert!(cut.ends_with("…virtue") && text_width(&cut, 12) <= text_width("authority_vi", 12), "{cut}");
        assert_eq!(fitted_name("agency", 500.0, 12), "agency");
    }

    #[test]
    fn words_with_dollars_tags_and_controls_are_drawn_as_they_stand() {
        for word in ["$x$", "a\\$b$c$", "<b>&\"'", "]]>", "\u{1b}[2J\u{0}\u{ffff}", "爱\u{202e}"] {
            let mut canvas = Canvas::new(100.0, 50.0, word);
            canvas.text(10.0, 20.0, word, Font::new(12));
            let figure = canvas.finish();
            let svg = figure.svg();
            assert!(!svg.contains(|c: char| crate::base::text::is_unsafe(c) && c != '\n'), "{svg}");
            assert!(!svg.contains("<b>") && !svg.contains('\u{ffff}'), "{svg}");
            assert!(figure.png().expect("a picture").starts_with(b"\x89PNG"));
        }
        let mut canvas = Canvas::new(100.0, 50.0, "t");
        canvas.text(10.0, 20.0, "$x$ and $y$", Font::new(12));
        assert!(canvas.finish().svg().contains(">$x$ and $y$<"));
    }

    #[test]
    fn long_texts_are_cut_and_wrapped_by_their_width() {
        assert_eq!(fitted("freedom", 1000.0, 12), "freedom");
        let cut = fitted("freedom and more", 60.0, 12);
        assert!(cut.ends_with('…') && text_width(&cut, 12) <= 60.0, "{cut}");
        assert!(wrapped("one two three four", 60.0, 12).len() > 1);
    }
}
