//! Lists to choose from, and the box in which words are typed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::fit::{fit, width};
use super::glyphs::Glyphs;
use super::theme::Theme;
use super::widgets::popup::popup;
use super::widgets::table;
use super::{look, shape};
use crate::app::ExportInput;
use crate::app::input::Input;
use crate::app::picker::{Item, Picker};
use crate::base::text::{is_unsafe, visible};

pub fn draw(frame: &mut Frame, area: Rect, picker: &Picker, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let wide = area.width.min(110);
    let lines = picker.items.len() + 4 + usize::from(picker.takes_text.is_some());
    let high = lines.clamp(8, usize::from(area.height).max(8)) as u16;
    let title = match &picker.marked {
        Some(marks) => format!("{} {} {} of {}", picker.title, glyphs.dot, marks.items().len(), picker.items.len() - 1),
        _ => format!("{} {} {} of {}", picker.title, glyphs.dot, picker.shown.len(), picker.items.len()),
    };
    let inner = popup(frame, area, wide, high, &title, theme);
    input(frame, Rect { height: 1, ..inner }, &picker.input, placeholder(picker), theme);
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    let height = usize::from(list.height);
    let offset = (picker.cursor + 1).saturating_sub(height);
    let columns = ItemColumns::new(picker, usize::from(list.width));
    for (y, at) in (0..list.height).zip(offset..picker.lines()) {
        let line = match picker.shown.get(at) {
            Some((item, matched)) => columns.line(picker, *item, matched, theme),
            None => typed_line(picker, usize::from(list.width), theme),
        };
        frame.buffer_mut().set_line(list.x, list.y + y, &line, list.width);
        if at == picker.cursor {
            table::mark(frame.buffer_mut(), Rect::new(list.x, list.y + y, list.width, 1), &look(theme));
        }
    }
    if picker.lines() == 0 {
        frame.buffer_mut().set_line(list.x, list.y, &Line::styled("  nothing matches", theme.dim), list.width);
    }
}

fn placeholder(picker: &Picker) -> &'static str {
    match picker.takes_text {
        Some("open") => "type to narrow, or a path, nickname or repository id",
        Some("ask") => "type to narrow, or a prompt of your own",
        Some("read") => "type to narrow, or the path of a word list",
        _ => "type to narrow",
    }
}

/// The typed text as a line that can be chosen.
fn typed_line(picker: &Picker, cells: usize, theme: &Theme) -> Line<'static> {
    let verb = picker.takes_text.unwrap_or_default();
    let text = format!("{verb} \"{}\"", visible(picker.input.text().trim()));
    let text = fit(&text, cells.saturating_sub(3), Glyphs::of(theme.ascii).ellipsis).into_owned();
    Line::from(vec![Span::raw("   "), Span::styled(text, theme.selected)])
}

/// Widths of the parts of an item's line.
struct ItemColumns {
    label: usize,
    group: usize,
    detail: usize,
}

impl ItemColumns {
    fn new(picker: &Picker, cells: usize) -> ItemColumns {
        let widest = |of: fn(&Item) -> &str| picker.items.iter().map(|item| width(&visible(of(item)))).max().unwrap_or(0);
        // Two cells of mark and one of space, four of family where there is one.
        let cells = cells.saturating_sub(3 + ItemColumns::family(picker));
        let group = widest(|i| &i.group).min(22);
        let room = cells.saturating_sub(if group > 0 { group + 2 } else { 0 });
        let detail = widest(|i| &i.detail);
        let label = widest(|i| &i.label).min(if detail > 0 { (room * 3 / 5).max(room.saturating_sub(detail + 2)) } else { room });
        ItemColumns { label, group, detail: room.saturating_sub(label + 2) }
    }

    fn family(picker: &Picker) -> usize {
        if picker.items.iter().any(|i| i.family.is_some()) { 4 } else { 0 }
    }

    fn line(&self, picker: &Picker, index: usize, matched: &[u32], theme: &Theme) -> Line<'static> {
        let glyphs = Glyphs::of(theme.ascii);
        let item = &picker.items[index];
        let mark = match &picker.marked {
            Some(marks) if marks.has(index) => glyphs.marked,
            Some(_) => glyphs.unmarked,
            None if item.current => glyphs.current,
            None => ' ',
        };
        let mark = if mark == ' ' { Span::raw(" ") } else { Span::styled(mark.to_string(), shape(theme.selected)) };
        let mut spans = vec![Span::raw(" "), mark];
        if ItemColumns::family(picker) > 0 {
            let family = item.family.map_or("    ".to_owned(), |f| format!(" {} {}", glyphs.family(f), f.letter()));
            spans.push(Span::styled(family, item.family.map_or(theme.text, |f| theme.family(f))));
        }
        spans.push(Span::raw(" "));
        let style = if item.broken { theme.error } else { theme.text };
        spans.extend(label(&item.label, self.label.saturating_sub(1), matched, style, theme));
        let column = |text: &str, cells: usize| {
            let text = visible(text);
            let text = fit(&text, cells, glyphs.ellipsis);
            format!("  {text}{}", " ".repeat(cells.saturating_sub(width(&text))))
        };
        if self.group > 0 {
            spans.push(Span::styled(column(&item.group, self.group), theme.dim));
        }
        spans.push(Span::styled(column(&item.detail, self.detail), theme.dim));
        Line::from(spans)
    }
}

/// The label with the characters that were matched, padded to its column.
fn label(text: &str, cells: usize, matched: &[u32], style: Style, theme: &Theme) -> Vec<Span<'static>> {
    // Escapes would shift the places of the matches.
    let marks = if text.contains(is_unsafe) { &[] } else { matched };
    let shown = visible(text);
    let shown = fit(&shown, cells + 1, Glyphs::of(theme.ascii).ellipsis);
    let pad = " ".repeat((cells + 1).saturating_sub(width(&shown)));
    let mut spans: Vec<Span> = Vec::new();
    for (i, c) in (0..).zip(shown.chars()) {
        let style = if marks.binary_search(&i).is_ok() { style.patch(theme.search_match) } else { style };
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push(c),
            _ => spans.push(Span::styled(c.to_string(), style)),
        }
    }
    spans.push(Span::raw(pad));
    spans
}

/// A line being typed, its end in sight.
fn input(frame: &mut Frame, area: Rect, input: &Input, placeholder: &str, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let (before, after) = input.split();
    let before = visible(before);
    let before = super::fit::fit_end(&before, usize::from(area.width).saturating_sub(4), glyphs.ellipsis);
    let mut spans = vec![
        Span::styled("> ", theme.key_hint),
        Span::styled(before.into_owned(), theme.input),
        Span::styled(glyphs.caret.to_string(), theme.key_hint),
    ];
    if input.text().is_empty() {
        spans.push(Span::styled(format!(" {placeholder}"), theme.dim));
    } else {
        spans.push(Span::styled(visible(after).into_owned(), theme.input));
    }
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// What is to be written, and how its name may end.
pub fn export(frame: &mut Frame, area: Rect, typed: &ExportInput, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let ends = typed.endings();
    let lines = if typed.everything.is_some() { 7 } else { 5 };
    let inner = popup(frame, area, 76, lines, &format!("Write the {} to a file", typed.noun), theme);
    input(frame, Rect { height: 1, ..inner }, &typed.name, &format!("a name that ends with {ends}"), theme);
    let mut notes: Vec<Line> = Vec::new();
    if let Some(everything) = typed.everything {
        let choice = |chosen: bool, text: &str| {
            let mark = if chosen { glyphs.current } else { ' ' };
            Line::styled(format!("{mark} {text}"), if chosen { theme.selected } else { theme.dim })
        };
        notes.push(choice(!everything, "these rows, as they stand"));
        notes.push(choice(everything, "everything: all models, prompts and words (Tab)"));
    }
    notes.push(Line::styled(format!("{ends}; nothing is overwritten"), theme.dim));
    for (y, line) in (inner.y + 2..inner.bottom()).zip(notes) {
        frame.buffer_mut().set_line(inner.x, y, &line, inner.width);
    }
}

/// The box for typing words in.
pub fn add_words(frame: &mut Frame, area: Rect, text: &Input, theme: &Theme) {
    let inner = popup(frame, area, 64, 6, "Add own words", theme);
    input(frame, Rect { height: 1, ..inner }, text, "a word, as it stands; then the next", theme);
    let notes = [
        "a leading space is part of the word; pasted lines are words",
        "own words stand beside the list and count in no statistic",
    ];
    for (y, note) in (inner.y + 2..inner.bottom()).zip(notes) {
        frame.buffer_mut().set_line(inner.x, y, &Line::styled(note, theme.dim), inner.width);
    }
}
