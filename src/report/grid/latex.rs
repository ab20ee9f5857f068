//! LaTeX: text that it takes literally, and tables with the rules of the booktabs package. Knows nothing of statistics.

use super::Alignment;
use crate::base::text::visible;

/// A table with more rows is one of the longtable package, which goes over several pages.
const ROWS_OF_A_PAGE: usize = 45;

/// What a document that takes these tables in must load.
pub(super) const PREAMBLE: &str = "% Load booktabs and longtable: \\usepackage{booktabs,longtable}. Words in other scripts than \
                                   Latin need LuaLaTeX or XeLaTeX, and a font that has them.\n";

/// The text as LaTeX shows it, letter by letter: nothing in it is a command, an option of the line before, a formula or a
/// ligature, and control characters are written out. Letters of other scripts stay as they are; signs that this program
/// writes and that pdfLaTeX does not know become its own.
pub(super) fn escaped(text: &str) -> String {
    let visible = visible(text);
    let mut out = String::with_capacity(visible.len() + 8);
    let mut before = ' ';
    let mut letters = visible.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => out.extend(['\\', c]),
            '^' => out.push_str("\\textasciicircum{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            // Some languages of the babel package make commands with it.
            '"' => out.push_str("\\symbol{34}"),
            // After the end of a row these would be its options.
            '[' | '*' => out.extend(['{', c, '}']),
            '-' if letters.peek().is_some_and(char::is_ascii_digit) && !before.is_alphanumeric() => out.push_str("$-$"),
            // Two of a kind would become one sign.
            '-' | '\'' | ',' if before == c => out.extend(['{', '}', c]),
            '−' => out.push_str("$-$"),
            '×' => out.push_str("$\\times$"),
            '→' => out.push_str("$\\rightarrow$"),
            '←' => out.push_str("$\\leftarrow$"),
            '◀' => out.push_str("$\\triangleleft$"),
            '√' => out.push_str("$\\surd$"),
            '␣' => out.push_str("\\textvisiblespace{}"),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// A number as a formula, so that its minus is one and its power of ten is raised; any other text as it is.
fn number(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix(['<', '+', '-', '−']) {
        Some(digits) => (text.chars().next().map(|c| if c == '−' { '-' } else { c }), digits),
        None => (None, text),
    };
    let (mantissa, power) = digits.split_once('e').map_or((digits, None), |(mantissa, power)| (mantissa, Some(power)));
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok();
    if !is_number(mantissa) || power.is_some_and(|power| power.parse::<i32>().is_err()) {
        return escaped(text);
    }
    let sign = sign.map(String::from).unwrap_or_default();
    match power {
        None if sign.is_empty() => mantissa.to_owned(),
        None => format!("${sign}{mantissa}$"),
        Some(power) if power.parse() == Ok(0) => format!("${sign}{mantissa}$"),
        Some(power) => format!("${sign}{mantissa} \\times 10^{{{}}}$", power.trim_start_matches('+')),
    }
}

/// A table with a rule above, below, and under the titles of its columns.
pub(super) fn table<S: AsRef<str>>(columns: &[(S, Alignment)], rows: &[Vec<String>]) -> String {
    let sides: String = columns.iter().map(|(_, side)| if *side == Alignment::Right { 'r' } else { 'l' }).collect();
    let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    let head = line(columns.iter().map(|(title, _)| escaped(title.as_ref())).collect());
    let cell = |(cell, (_, side)): (&String, &(S, Alignment))| match side {
        Alignment::Right => number(cell),
        Alignment::Left => escaped(cell),
    };
    let body: String = rows.iter().map(|row| line(row.iter().zip(columns).map(cell).collect())).collect();
    match rows.len() > ROWS_OF_A_PAGE {
        true => format!(
            "\\begin{{longtable}}{{{sides}}}\n\\toprule\n{head}\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n{body}\\end{{longtable}}\n\n"
        ),
        false => {
            format!("\\begin{{tabular}}{{{sides}}}\n\\toprule\n{head}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_are_text() {
        for (word, expected) in [
            ("\\input{/etc/passwd}", "\\textbackslash{}input\\{/etc/passwd\\}"),
            ("a_b^c~d#e%f&g$h", "a\\_b\\textasciicircum{}c\\textasciitilde{}d\\#e\\%f\\&g\\$h"),
            ("^^41", "\\textasciicircum{}\\textasciicircum{}41"),
            ("[2cm]*", "{[}2cm]{*}"),
            ("\u{1b}[31m\n\n", "\\textbackslash{}u\\{1b\\}{[}31m\\textbackslash{}n\\textbackslash{}n"),
            ("--'',,<<\"`", "-{}-'{}',{},\\textless{}\\textless{}\\symbol{34}\\textasciigrave{}"),
            ("\u{202e}爱 é", "\\textbackslash{}u\\{202e\\}爱 é"),
            (" -1.5 … −2, co-op-2", " $-$1.5 … $-$2, co-op-2"),
        ] {
            assert_eq!(escaped(word), expected, "{word:?}");
        }
    }

    #[test]
    fn numbers_are_formulas_in_columns_of_numbers_alone() {
        let rows = [vec!["1e5".to_owned(), "-1.25e-5".to_owned()], vec!["[x".to_owned(), "<1e-300".to_owned()]];
        let text = table(&[("word", Alignment::Left), ("p", Alignment::Right)], &rows);
        assert_eq!(
            text,
            "\\begin{tabular}{lr}\n\\toprule\nword & p \\\\\n\\midrule\n1e5 & $-1.25 \\times 10^{-5}$ \\\\\n{[}x & $<1 \\times \
             10^{-300}$ \\\\\n\\bottomrule\n\\end{tabular}\n\n"
        );
        let shown = ["12", "+0.50", "-1.5e0", "1,024", "12, 18", "3 of 10", "–", "inf", "$x$", "0.1 **"].map(number);
        assert_eq!(shown, ["12", "$+0.50$", "$-1.5$", "1,024", "12, 18", "3 of 10", "–", "inf", "\\$x\\$", "0.1 {*}{*}"]);
    }

    #[test]
    fn a_long_table_goes_over_pages() {
        let text = table(&[("n", Alignment::Right)], &vec![vec!["1".to_owned()]; 46]);
        assert!(text.starts_with("\\begin{longtable}{r}\n") && text.ends_with("\\end{longtable}\n\n"), "{text}");
    }
}
