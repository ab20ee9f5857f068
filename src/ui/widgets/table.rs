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
    /// Over the column.
    pub title: String,
    /// The least width; a column that cannot have it is left out.
    pub min: u16,
    /// The greatest width.
    pub max: u16,
    /// Empty cells before it.
    pub gap: u16,
    /// The highest goes first; of equal ones the last.
    pub priority: u8,
    /// Grows to its `max` before others grow at all.
    pub eager: bool,
    /// The side of a wider column at which the cell is.
    pub align: Alignment,
    /// Draws a row's cell into so many cells.
    pub cell: Cell<'a, Row>,
}

impl<'a, Row> Column<'a, Row> {
    /// A column from `min` to `max` cells wide, before which one cell stays empty.
    pub fn new(title: impl Into<String>, min: u16, max: u16, cell: impl Fn(&Row, usize) -> Line<'static> + 'a) -> Self {
        Column { title: title.into(), min, max, gap: 1, priority: 0, eager: false, align: Alignment::Left, cell: Box::new(cell) }
    }

    /// Aligns the cells to the right.
    pub fn right(mut self) -> Self {
        self.align = Alignment::Right;
        self
    }

    /// Leaves so many cells empty before the column.
    pub fn gap(mut self, gap: u16) -> Self {
        self.gap = gap;
        self
    }

    /// Gives way where there is no room: the highest number first.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Grows to its full width before others grow at all.
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }
}

/// The start and the width of each column, in cells; none for one that is left out. No column is narrower than its `min`: half
/// a number is another number. The first column is never left out.
pub fn column_spans<Row>(columns: &[Column<Row>], width: u16) -> Vec<Option<(u16, u16)>> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let least = |kept: &[bool]| -> u16 { columns.iter().zip(kept).filter(|(_, k)| **k).map(|(c, _)| c.gap + c.min).sum() };
    while least(&kept) > width {
        let candidates = columns.iter().enumerate().skip(1).filter(|(i, _)| kept[*i]);
        let Some((goes, _)) = candidates.max_by_key(|(_, c)| c.priority) else { break };
        kept[goes] = false;
    }
    let mut spare = width.saturating_sub(least(&kept));
    let mut widths: Vec<u16> = columns.iter().map(|column| column.min).collect();
    for eager in [true, false] {
        let growing: Vec<usize> = (0..columns.len()).filter(|&i| kept[i] && columns[i].eager == eager).collect();
        let room = |i: &usize| columns[*i].max.saturating_sub(columns[*i].min);
        let growth: f64 = growing.iter().map(|i| f64::from(room(i))).sum();
        let share = if growth > 0.0 { (f64::from(spare) / growth).min(1.0) } else { 0.0 };
        for i in &growing {
            let more = (f64::from(room(i)) * share).floor() as u16;
            widths[*i] += more;
            spare -= more;
        }
    }
    let mut x = 0;
    let span = |((column, kept), wide): ((&Column<Row>, bool), u16)| {
        kept.then(|| {
            let at = x + column.gap;
            x = at + wide;
            (at, wide.min(width.saturating_sub(at)))
        })
    };
    columns.iter().zip(kept).zip(widths).map(span).collect()
}

/// How a table looks.
pub struct Look<'a> {
    /// The titles of the columns.
    pub header: Style,
    /// The row under the cursor.
    pub cursor: Style,
    /// The signs to draw with.
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
    let spans = column_spans(columns, area.width);
    let shown = || columns.iter().zip(&spans).filter_map(|(column, span)| span.map(|(x, width)| (column, x, width)));
    for (column, x, width) in shown() {
        put(buffer, area, x, 0, width, Line::styled(column.title.clone(), look.header), column.align);
    }
    for (y, row) in (1..area.height).zip(rows) {
        for (column, x, width) in shown() {
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
        assert_eq!(column_spans(&columns, 29), [Some((1, 4)), Some((6, 10)), Some((17, 6)), Some((24, 5))]);
        assert_eq!(column_spans(&columns, 28), [Some((1, 4)), Some((6, 13)), None, Some((20, 8))]);
        assert_eq!(column_spans(&columns, 18), [Some((1, 4)), Some((6, 12)), None, None]);
        assert_eq!(column_spans(&columns, 200), [Some((1, 4)), Some((6, 20)), Some((27, 6)), Some((34, 15))]);
    }

    #[test]
    fn no_column_is_narrower_than_its_least_width() {
        let columns = [column(11, 20, 0), column(7, 9, 0), column(7, 9, 0), column(4, 4, 0)];
        for width in 12..60 {
            let places = column_spans(&columns, width);
            for (column, place) in columns.iter().zip(&places) {
                assert!(place.is_none_or(|(at, wide)| wide >= column.min && at + wide <= width), "{width}: {places:?}");
            }
            assert!(places[0].is_some(), "the first stays");
        }
        assert_eq!(column_spans(&columns, 20), [Some((1, 11)), Some((13, 7)), None, None], "of equal ones the last goes");
    }

    #[test]
    fn an_eager_column_is_full_before_others_grow() {
        let columns = [column(10, 10, 0), column(10, 16, 0).eager(), column(8, 40, 0)];
        assert_eq!(column_spans(&columns, 35), [Some((1, 10)), Some((12, 14)), Some((27, 8))]);
        assert_eq!(column_spans(&columns, 50), [Some((1, 10)), Some((12, 16)), Some((29, 21))]);
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
