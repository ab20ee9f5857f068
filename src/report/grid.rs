//! A document of tables and paragraphs: for a terminal of 100 columns, as Markdown, or as LaTeX. Knows nothing of statistics.

mod latex;

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::base::text;

/// Lines of text are at most so many cells wide.
const COLUMNS: usize = 100;
/// The widest column of a table for a terminal, but for the last; longer text is cut.
const WIDEST: usize = 52;
/// Spaces between two columns.
const GAP: usize = 2;

/// What a document is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// Columns that line up on a terminal.
    Table,
    /// Markdown with tables.
    Markdown,
    /// A part of a LaTeX document, with tables by booktabs.
    Latex,
}

/// The side of a column on which its text is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    Left,
    Right,
}

/// Headings, paragraphs, items and tables, one after the other.
pub(crate) struct Document {
    layout: DocumentFormat,
    out: String,
    /// A list of items is open, which LaTeX has to close.
    in_list: bool,
}

impl Document {
    /// Nothing yet.
    pub(crate) fn new(layout: DocumentFormat) -> Self {
        let out = if layout == DocumentFormat::Latex { latex::PREAMBLE.to_owned() } else { String::new() };
        Document { layout, out, in_list: false }
    }

    /// The name of the whole document.
    pub(crate) fn title(&mut self, text: &str) {
        self.head(text, ["", "# ", "\\section*{"]);
    }

    /// The name of what follows.
    pub(crate) fn heading(&mut self, text: &str) {
        self.end_list();
        self.gap();
        self.head(text, ["", "## ", "\\subsection*{"]);
    }

    fn head(&mut self, text: &str, [table, markdown, latex]: [&str; 3]) {
        let shown = self.shown(text);
        let line = match self.layout {
            DocumentFormat::Table => format!("{table}{shown}\n"),
            DocumentFormat::Markdown => format!("{markdown}{shown}\n\n"),
            DocumentFormat::Latex => format!("{latex}{shown}}}\n\n"),
        };
        self.out.push_str(&line);
    }

    /// Filled to the width of the page.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.end_list();
        let lines = match self.layout {
            DocumentFormat::Table => text::wrap(&self.shown(text), COLUMNS),
            DocumentFormat::Markdown | DocumentFormat::Latex => vec![self.shown(text).into_owned()],
        };
        for line in lines {
            self.out.push_str(&line);
            self.out.push('\n');
        }
        if self.layout != DocumentFormat::Table {
            self.out.push('\n');
        }
    }

    /// An item of a list; its lines after the first are indented.
    pub(crate) fn item(&mut self, text: &str) {
        match self.layout {
            DocumentFormat::Table => {
                for (i, line) in text::wrap(&self.shown(text), COLUMNS - 2).iter().enumerate() {
                    self.out.push_str(if i == 0 { "- " } else { "  " });
                    self.out.push_str(line);
                    self.out.push('\n');
                }
            }
            DocumentFormat::Markdown => {
                let line = format!("- {}\n", self.shown(text));
                self.out.push_str(&line);
            }
            DocumentFormat::Latex => {
                let begin = if self.in_list { "" } else { "\\begin{itemize}\n" };
                let line = format!("{begin}\\item {}\n", self.shown(text));
                self.out.push_str(&line);
                self.in_list = true;
            }
        }
    }

    /// Whether a table is no wider than the page; Markdown has no width.
    pub(crate) fn fits<S: AsRef<str>>(&self, columns: &[(S, Alignment)], rows: &[Vec<String>]) -> bool {
        let (_, widths) = measured(columns, rows);
        self.layout == DocumentFormat::Markdown || widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) <= COLUMNS
    }

    /// A row of titles, then one a row of cells.
    pub(crate) fn table<S: AsRef<str>>(&mut self, columns: &[(S, Alignment)], rows: &[Vec<String>]) {
        self.end_list();
        match self.layout {
            DocumentFormat::Table => self.aligned(columns, rows),
            DocumentFormat::Markdown => self.piped(columns, rows),
            DocumentFormat::Latex => self.out.push_str(&latex::table(columns, rows)),
        }
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        self.end_list();
        self.out
    }

    fn end_list(&mut self) {
        if std::mem::take(&mut self.in_list) {
            self.out.push_str("\\end{itemize}\n\n");
        }
    }

    fn aligned<S: AsRef<str>>(&mut self, columns: &[(S, Alignment)], rows: &[Vec<String>]) {
        let (cells, widths) = measured(columns, rows);
        let head: Vec<String> = columns.iter().map(|(head, _)| head.as_ref().to_owned()).collect();
        for row in std::iter::once(&head).chain(&cells) {
            let mut line = String::new();
            for ((cell, width), (_, side)) in row.iter().zip(&widths).zip(columns) {
                let space = " ".repeat(width - cell.width());
                let (before, after) = if *side == Alignment::Right { (space.as_str(), "") } else { ("", space.as_str()) };
                line.push_str(&format!("{before}{cell}{after}{:GAP$}", ""));
            }
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
    }

    fn piped<S: AsRef<str>>(&mut self, columns: &[(S, Alignment)], rows: &[Vec<String>]) {
        let line = |cells: &mut dyn Iterator<Item = Cow<'_, str>>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        let head = line(&mut columns.iter().map(|(head, _)| self.shown(head.as_ref())));
        let rule = columns.iter().map(|(_, side)| if *side == Alignment::Right { "---:" } else { "---" });
        let rule = line(&mut rule.map(Cow::Borrowed));
        let rows: String = rows.iter().map(|row| line(&mut row.iter().map(|cell| self.shown(cell)))).collect();
        self.out.push_str(&format!("{head}{rule}{rows}\n"));
    }

    fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Safe on a terminal, and taken literally by Markdown and LaTeX.
    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.layout == DocumentFormat::Latex {
            return Cow::Owned(latex::escaped(text));
        }
        let visible = text::visible(text);
        if self.layout == DocumentFormat::Table || !visible.contains(['|', '*', '_', '<', '`', '[', '\\']) {
            return visible;
        }
        let mut escaped = String::with_capacity(visible.len() + 8);
        for c in visible.chars() {
            if matches!(c, '|' | '*' | '_' | '<' | '`' | '[' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        Cow::Owned(escaped)
    }
}

/// The cells of a table as they are shown, and the width of each column.
fn measured<S: AsRef<str>>(columns: &[(S, Alignment)], rows: &[Vec<String>]) -> (Vec<Vec<String>>, Vec<usize>) {
    let last = columns.len().saturating_sub(1);
    // Nothing is beside the last column, so its text may be as long as it is.
    let cell =
        |(at, cell): (usize, &String)| if at == last { text::visible(cell).into_owned() } else { cut(&text::visible(cell)) };
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().enumerate().map(cell).collect()).collect();
    let widest = |i: usize| cells.iter().filter_map(|row| row.get(i)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths = columns.iter().enumerate().map(|(i, (head, _))| head.as_ref().width().max(widest(i))).collect();
    (cells, widths)
}

/// At most [`WIDEST`] cells wide.
fn cut(text: &str) -> String {
    if text.width() <= WIDEST {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) >= WIDEST {
            break;
        }
        short.push(c);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(layout: DocumentFormat) -> String {
        let mut document = Document::new(layout);
        document.heading("First");
        document.table(
            &[("name", Alignment::Left), ("n", Alignment::Right)],
            &[vec!["爱|a_b".to_owned(), "5".to_owned()], vec!["\u{1b}[31m".to_owned(), "1,024".to_owned()]],
        );
        document.heading("Second");
        document.paragraph(&"word ".repeat(30));
        document.finish()
    }

    #[test]
    fn a_table_lines_up_and_a_paragraph_keeps_to_the_page() {
        let text = document(DocumentFormat::Table);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1..4], ["name            n", "爱|a_b          5", "\\u{1b}[31m  1,024"]);
        assert_eq!(lines[4..6], ["", "Second"]);
        assert!(lines.iter().all(|line| line.width() <= COLUMNS), "{text}");
        assert_eq!(cut(&"爱".repeat(60)).width(), 51, "a wide character does not fit in half");
    }

    #[test]
    fn markdown_takes_names_literally() {
        let text = document(DocumentFormat::Markdown);
        assert!(text.contains("| name | n |\n| --- | ---: |\n| 爱\\|a\\_b | 5 |\n"), "{text}");
        assert!(text.starts_with("## First\n\n|") && text.contains("\n\n## Second\n\n"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
