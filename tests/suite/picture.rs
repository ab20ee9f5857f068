//! The pictures at the head of the README, drawn from the program itself:
//!
//! ```sh
//! cargo test --test suite picture:: -- --ignored
//! ```
//!
//! It runs the explorer on the bundled pair in a pseudo-terminal and writes what a terminal shows to `docs/compare.svg` and
//! `docs/explorer.svg`.

use std::fmt::Write as _;

use crate::support::pty::Launch;

/// Columns and rows.
const SIZE: (u16, u16) = (104, 30);
/// Width and height of a cell in pixels.
const CELL: (u32, u32) = (9, 19);

#[test]
#[ignore = "writes docs/compare.svg and docs/explorer.svg"]
fn pictures_of_the_explorer() {
    let launch = Launch::new(env!("CARGO_BIN_EXE_rewardscope")).size(SIZE.0, SIZE.1).env("COLORTERM", "truecolor");
    let mut pty = launch.args(["--theme", "dark"]).start();
    pty.wait_for("words scored");
    pty.send("a");
    // 108 tables take longer than anything that a test waits for.
    let started = std::time::Instant::now();
    while pty.screen().contains("scoring") || !(pty.screen().contains("z +27 ") && pty.screen().contains("z −27 ")) {
        assert!(started.elapsed().as_secs() < 600, "scoring does not end:\n{}", pty.screen());
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    for (keys, file) in [("2", "compare.svg"), ("1", "explorer.svg")] {
        pty.send(keys);
        pty.wait_quiet(std::time::Duration::from_secs(1));
        let path = format!("{}/docs/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, pty.look(svg)).expect("the picture is written");
    }
}

/// A screen as SVG: a rectangle for each run of cells with a background, a text for each run of one style.
fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = (SIZE.1, SIZE.0);
    let background = colour(screen.cell(0, 0).map_or(vt100::Color::Default, vt100::Cell::bgcolor), "#101010");
    let (width, height) = (u32::from(columns) * CELL.0, u32::from(rows) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>rewardscope on its bundled pair of demonstration models</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{background}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(first) = screen.cell(row, column) else { break };
            let style = |cell: &vt100::Cell| (cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.inverse(), cell.underline());
            let start = column;
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| column < columns && style(cell) == style(first)) {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            run(&mut out, row, start, column - start, &text, first, &background);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn run(out: &mut String, row: u16, start: u16, length: u16, text: &str, cell: &vt100::Cell, background: &str) {
    let (mut fore, mut back) = (colour(cell.fgcolor(), "#d0d0d0"), colour(cell.bgcolor(), background));
    if cell.inverse() {
        std::mem::swap(&mut fore, &mut back);
    }
    let (x, y) = (u32::from(start) * CELL.0, u32::from(row) * CELL.1);
    let width = u32::from(length) * CELL.0;
    if back != *background {
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{back}\"/>", CELL.1);
    }
    // Blocks fill their share of the cell in every font.
    for (at, sign) in text.chars().enumerate() {
        if let Some(eighths) = eighths(sign) {
            let (x, height) = (x + at as u32 * CELL.0, CELL.1 as f32 * eighths as f32 / 8.0);
            let y = (y + CELL.1) as f32 - height;
            let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y:.1}\" width=\"{}\" height=\"{height:.1}\" fill=\"{fore}\"/>", CELL.0);
        }
    }
    let text: String = text.chars().map(|sign| if eighths(sign).is_some() { ' ' } else { sign }).collect();
    if text.trim().is_empty() {
        return;
    }
    let bold = if cell.bold() { " font-weight=\"bold\"" } else { "" };
    let line = if cell.underline() { " text-decoration=\"underline\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" fill=\"{fore}\"{bold}{line}>{escaped}</text>",
        y + CELL.1 - 5
    );
}

/// How much of a cell a block fills from below.
fn eighths(sign: char) -> Option<u32> {
    ('▁'..='█').contains(&sign).then(|| u32::from(sign) - u32::from('▁') + 1)
}

/// The 16 colours as a common terminal shows them, the cube and the greys as they are defined.
fn colour(colour: vt100::Color, default: &str) -> String {
    const BASE: [&str; 16] = [
        "#1c1c1c", "#cd3131", "#0dbc79", "#c5a332", "#3b8eea", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666", "#f14c4c", "#23d18b",
        "#f5f543", "#6cb0ff", "#d670d6", "#29b8db", "#ffffff",
    ];
    match colour {
        vt100::Color::Default => default.to_owned(),
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        vt100::Color::Idx(i @ 0..16) => BASE[usize::from(i)].to_owned(),
        vt100::Color::Idx(i @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let i = i - 16;
            format!("#{:02x}{:02x}{:02x}", level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        vt100::Color::Idx(i) => {
            let grey = 8 + 10 * (i - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
