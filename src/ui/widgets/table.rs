//! A table of typed rows: columns give way by priority when the terminal is narrow, the first ones never.
//!
//! It draws the rows it is given; who calls it gives only those on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use crate::ui::glyphs::Glyphs;

type Cell<'a, Row> = Box<dyn Fn(&Row, usize) -> Line<'static> + 'a>;

/// One column; widths in cells.
pub struct Column<'a, Row> {
    pub title: String,
    pub min: u16,
    pub max: u16,
    /// Empty cells before it.
    pub gap: u16,
    /// 0 stays always; the highest goes first.
    pub priority: u8,
    pub align: Alignment,
    /// Draws a row's cell into so many cells.
    pub cell: Cell<'a, Row>,
}

impl<'a, Row> Column<'a, Row> {
    pub fn new(title: impl Into<String>, min: u16, max: u16, cell: impl Fn(&Row, usize) -> Line<'static> + 'a) -> Self {
        Column { title: title.into(), min, max, gap: 1, priority: 0, align: Alignment::Left, cell: Box::new(cell) }
    }

    pub fn right(mut self) -> Self {
        self.align = Alignment::Right;
        self
    }

    pub fn gap(mut self, gap: u16) -> Self {
        self.gap = gap;
        self
    }

    /// Gives way where there is no room: the highest number first.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }
}

/// Where each column lies: start and width; none for one that gave way.
pub fn places<Row>(columns: &[Column<Row>], width: u16) -> Vec<Option<(u16, u16)>> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let least = |kept: &[bool]| -> u16 { columns.iter().zip(kept).filter(|(_, k)| **k).map(|(c, _)| c.gap + c.min).sum() };
    while least(&kept) > width {
        let candidates = columns.iter().enumerate().filter(|(i, c)| kept[*i] && c.priority > 0);
        let Some((goes, _)) = candidates.max_by_key(|(_, c)| c.priority) else { break };
        kept[goes] = false;
    }
    let spare = f64::from(width.saturating_sub(least(&kept)));
    let growth: f64 = columns.iter().zip(&kept).filter(|(_, k)| **k).map(|(c, _)| f64::from(c.max.saturating_sub(c.min))).sum();
    let share = if growth > 0.0 { (spare / growth).min(1.0) } else { 0.0 };
    let mut x = 0;
    let place = |(column, kept): (&Column<Row>, bool)| {
        kept.then(|| {
            let wide = column.min + (f64::from(column.max.saturating_sub(column.min)) * share).floor() as u16;
            let at = x + column.gap;
            x = at + wide;
            (at, wide.min(width.saturating_sub(at)))
        })
    };
    columns.iter().zip(kept).map(place).collect()
}

/// How a table looks.
pub struct Look<'a> {
    pub header: Style,
    pub cursor: Style,
    pub glyphs: &'a Glyphs,
}

/// Draws titles and rows; the row numbered `cursor` is marked.
pub fn draw<Row>(
    columns: &[Column<Row>],
    rows: impl IntoIterator<Item = Row>,
    cursor: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
    look: &Look,
) {
    let places = places(columns, area.width);
    let placed = || columns.iter().zip(&places).filter_map(|(c, place)| place.map(|(x, width)| (c, x, width)));
    for (column, x, width) in placed() {
        put(buffer, area, x, 0, width, Line::styled(column.title.clone(), look.header), column.align);
    }
    for (y, row) in (1..area.height).zip(rows) {
        for (column, x, width) in placed() {
            put(buffer, area, x, y, width, (column.cell)(&row, usize::from(width)), column.align);
        }
        if cursor == Some(usize::from(y - 1)) {
            mark(buffer, Rect::new(area.x, area.y + y, area.width, 1), look);
        }
    }
}

/// Marks a row by style and by a sign at its left. A reversed row loses its colours, which would make a rag of it.
pub fn mark(buffer: &mut Buffer, row: Rect, look: &Look) {
    if look.cursor.add_modifier.contains(Modifier::REVERSED) {
        for x in row.left()..row.right() {
            let kept = buffer[(x, row.y)].modifier & (Modifier::BOLD | Modifier::UNDERLINED);
            buffer[(x, row.y)].set_style(Style::reset().patch(look.cursor).add_modifier(kept));
        }
    } else {
        buffer.set_style(row, look.cursor);
    }
    if row.width > 0 {
        buffer[(row.x, row.y)].set_char(look.glyphs.cursor);
    }
}

fn put(buffer: &mut Buffer, area: Rect, x: u16, y: u16, width: u16, line: Line<'static>, align: Alignment) {
    let free = width.saturating_sub(line.width() as u16);
    let x = if align == Alignment::Right { x + free } else { x };
    buffer.set_line(area.x + x, area.y + y, &line, width);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell as Counter;

    fn column(min: u16, max: u16, priority: u8) -> Column<'static, u32> {
        Column::new("c", min, max, |n: &u32, _| Line::raw(n.to_string())).priority(priority)
    }

    #[test]
    fn narrow_tables_lose_the_least_important_columns_and_wide_ones_grow() {
        let columns = [column(4, 4, 0), column(10, 20, 0), column(6, 6, 2), column(5, 15, 1)];
        assert_eq!(places(&columns, 29), [Some((1, 4)), Some((6, 10)), Some((17, 6)), Some((24, 5))]);
        assert_eq!(places(&columns, 28), [Some((1, 4)), Some((6, 13)), None, Some((20, 8))]);
        assert_eq!(places(&columns, 18), [Some((1, 4)), Some((6, 12)), None, None]);
        assert_eq!(places(&columns, 200), [Some((1, 4)), Some((6, 20)), Some((27, 6)), Some((34, 15))]);
    }

    #[test]
    fn only_rows_on_the_screen_are_formatted() {
        let drawn = Counter::new(0);
        let columns = [Column::new("n", 6, 6, |n: &u32, _| {
            drawn.set(drawn.get() + 1);
            Line::raw(n.to_string())
        })];
        let area = Rect::new(0, 0, 10, 5);
        let look = Look { header: Style::new(), cursor: Style::new().reversed(), glyphs: Glyphs::of(false) };
        draw(&columns, 0..130_000, Some(2), area, &mut Buffer::empty(area), &look);
        assert_eq!(drawn.get(), 4);
    }
}
