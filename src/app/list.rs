//! The cursor of a list whose lines keep their places.

/// A line, and the first one on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCursor {
    row: usize,
    offset: usize,
}

impl ListCursor {
    /// The line of a list that may have become shorter.
    pub fn row(&self, lines: usize) -> usize {
        self.row.min(lines.saturating_sub(1))
    }

    /// The first line to draw where `height` of `lines` fit.
    pub fn offset(&self, lines: usize, height: usize) -> usize {
        let row = self.row(lines);
        let height = height.max(1);
        self.offset.clamp((row + 1).saturating_sub(height), row).min(lines.saturating_sub(height))
    }

    /// Moves by lines; the list scrolls only where it must.
    pub fn step(&mut self, by: isize, lines: usize, height: usize) {
        let row = self.row(lines).saturating_add_signed(by).min(lines.saturating_sub(1));
        let moved = ListCursor { row, offset: self.offset };
        *self = ListCursor { row, offset: moved.offset(lines, height) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_scrolls_only_where_it_must() {
        let mut cursor = ListCursor::default();
        cursor.step(4, 10, 5);
        assert_eq!((cursor.row(10), cursor.offset(10, 5)), (4, 0));
        cursor.step(1, 10, 5);
        assert_eq!((cursor.row(10), cursor.offset(10, 5)), (5, 1));
        cursor.step(-4, 10, 5);
        assert_eq!((cursor.row(10), cursor.offset(10, 5)), (1, 1));
        cursor.step(isize::MAX / 2, 10, 5);
        assert_eq!((cursor.row(10), cursor.offset(10, 5)), (9, 5));
        assert_eq!((cursor.row(3), cursor.offset(3, 5), cursor.row(0), cursor.offset(0, 0)), (2, 0, 0, 0));
    }
}
