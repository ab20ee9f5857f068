//! What a template's source is changed to before minijinja parses it, where Python's Jinja reads it in another way and
//! minijinja has no hook: `%`, `~`, a sign `+`, a loop over none, a loop whose `if` reads what the loop sets, and the
//! `generation` blocks of transformers.
//!
//! Lines stay as they are, so that an error names the line of the file.

use std::ops::Range;

/// The function that stands in for the operator `%`: minijinja's own takes numbers alone.
pub(super) const PERCENT: &str = "__percent";
/// The filter that lets a loop pass over all but none: minijinja takes none for an empty list.
pub(super) const ITERATED: &str = "__iterated";

/// The filter that gives an operand of `~` its text as Python writes it.
pub(super) const TEXT: &str = "__text";

/// Names that Jinja knows without a definition and this program does not. minijinja takes them for undefined ones, and
/// the text would lack what they stand for.
const UNKNOWN_NAMES: [&str; 4] = ["varargs", "kwargs", "self", "lipsum"];
/// Words that join operands, and so end one.
const JOINING: [&str; 6] = ["and", "or", "in", "if", "else", "recursive"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    /// A text in quotes, or a number.
    Literal,
    Sign,
}

#[derive(Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// Byte that it begins at.
    at: usize,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    fn opens(&self) -> bool {
        self.kind == Kind::Sign && matches!(self.text, "(" | "[" | "{")
    }

    fn closes(&self) -> bool {
        self.kind == Kind::Sign && matches!(self.text, ")" | "]" | "}")
    }
}

/// The tokens of one `{{ }}` or `{% %}`.
struct Block<'a> {
    is_tag: bool,
    tokens: Vec<Token<'a>>,
}

/// A change of the source: `order` parts those that begin at one byte.
struct Edit {
    range: Range<usize>,
    order: i8,
    text: &'static str,
}

/// The source as minijinja is to read it.
///
/// # Errors
/// The name of what this program does not know.
pub(super) fn prepared(source: &str) -> Result<String, String> {
    let mut edits = Vec::new();
    let blocks = blocks(source);
    for (at, block) in blocks.iter().enumerate() {
        block.refuse_unknown_names()?;
        block.edit_tag(&mut edits);
        block.edit_operators(&mut edits);
        if let Some(condition) = block.condition() {
            block.edit_condition(condition, &blocks[at + 1..], &mut edits)?;
        }
    }
    edits.sort_by_key(|edit| (edit.range.start, edit.order));
    let (mut out, mut done) = (String::with_capacity(source.len()), 0);
    for Edit { range, text, .. } in edits {
        out.push_str(source.get(done..range.start).unwrap_or_default());
        out.push_str(text);
        done = range.end;
    }
    out.push_str(source.get(done..).unwrap_or_default());
    Ok(out)
}

/// Bytes of code in the source, texts in quotes left out.
pub(super) fn code_length(source: &str) -> usize {
    let is_code = |token: &&Token| !token.text.starts_with(['"', '\'']);
    let tokens = blocks(source).into_iter().flat_map(|block| block.tokens);
    tokens.filter(|token| is_code(&token)).map(|token| token.text.len()).sum()
}

impl Block<'_> {
    fn tag(&self) -> Option<&str> {
        self.tokens.first().filter(|_| self.is_tag).map(|token| token.text)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }

    fn refuse_unknown_names(&self) -> Result<(), String> {
        let unknown = |(at, token): &(usize, &Token)| {
            let is_part = *at > 0 && (self.is(at - 1, ".") || self.is(at - 1, "|"));
            token.kind == Kind::Name && UNKNOWN_NAMES.contains(&token.text) && !is_part && !self.is(at + 1, "=")
        };
        match self.tokens.iter().enumerate().find(unknown) {
            Some((_, token)) => Err(token.text.to_owned()),
            None => Ok(()),
        }
    }

    /// transformers marks what the assistant said with `{% generation %}` blocks, which change nothing in the text: they
    /// become `{% if true %}`, which leaves the trimming of white space around them as it was.
    fn edit_tag(&self, edits: &mut Vec<Edit>) {
        let replacement = match self.tag() {
            Some("generation") => "if true",
            Some("endgeneration") => "endif",
            Some("for") => return self.edit_loop(edits),
            _ => return,
        };
        let tag = self.tokens[0];
        edits.push(Edit { range: tag.at..tag.end(), order: 0, text: replacement });
    }

    /// `for x in EXPRESSION if …` to `for x in (EXPRESSION)|__iterated if …`.
    fn edit_loop(&self, edits: &mut Vec<Edit>) {
        let Some(keyword) = self.tokens.iter().position(|token| token.text == "in") else { return };
        let end = self.operand_end(keyword + 1, |at| matches!(self.tokens[at].text, "if" | "recursive"));
        if let Some([first, .., last] | [first @ last]) = self.tokens.get(keyword + 1..end) {
            edits.push(Edit { range: first.at..first.at, order: -2, text: "(" });
            edits.push(Edit { range: last.end()..last.end(), order: 2, text: ")|__iterated" });
        }
    }

    /// Where the `if` of a loop stands.
    fn condition(&self) -> Option<usize> {
        let keyword = self.tokens.iter().position(|token| token.text == "in").filter(|_| self.tag() == Some("for"))?;
        let end = self.operand_end(keyword + 1, |at| matches!(self.tokens[at].text, "if" | "recursive"));
        Some(end).filter(|end| self.is(*end, "if"))
    }

    /// Python asks a loop's `if` at each turn, minijinja before the first: one that reads what the loop sets becomes an `if`
    /// block within the loop. `behind` are the blocks after the loop's first.
    ///
    /// # Errors
    /// Where that would change `loop` or an `else`.
    fn edit_condition(&self, condition: usize, behind: &[Block], edits: &mut Vec<Edit>) -> Result<(), String> {
        let mut open = 0usize;
        let closes = |block: &Block| {
            match block.tag() {
                Some("for") => open += 1,
                Some("endfor") if open == 0 => return true,
                Some("endfor") => open -= 1,
                _ => {}
            }
            false
        };
        let Some(end) = behind.iter().position(closes) else { return Ok(()) };
        let body = &behind[..end];
        let reads = |name: &str| {
            (condition + 1..self.tokens.len())
                .any(|at| self.tokens[at].text == name && !self.is(at - 1, ".") && self.is(at + 1, "."))
        };
        let sets = |block: &Block| block.tag() == Some("set") && block.is(2, ".") && reads(block.tokens[1].text);
        if !body.iter().any(sets) {
            return Ok(());
        }
        let names_loop =
            |block: &Block| (0..block.tokens.len()).any(|at| block.is(at, "loop") && !(at > 0 && block.is(at - 1, ".")));
        if body.iter().any(names_loop) || has_own_else(body) {
            return Err("loop or else in a loop whose if reads what the loop sets".to_owned());
        }
        let (if_word, end_word) = (self.tokens[condition], behind[end].tokens[0]);
        edits.push(Edit { range: if_word.at..if_word.at, order: 0, text: "%}{% " });
        edits.push(Edit { range: end_word.at..end_word.end(), order: 0, text: "endif %}{% endfor" });
        Ok(())
    }

    fn edit_operators(&self, edits: &mut Vec<Edit>) {
        for (at, token) in self.tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign) {
            match token.text {
                "%" => {
                    let left = self.tokens[self.left_start(at)].at;
                    let is_end = |at| self.is_boundary(at) || matches!(self.tokens[at].text, "*" | "/" | "//" | "%");
                    let end = self.operand_end(at + 1, is_end);
                    let right = self.tokens[end - 1].end();
                    edits.push(Edit { range: left..left, order: 0, text: "__percent(" });
                    edits.push(Edit { range: token.at..token.end(), order: 0, text: "," });
                    edits.push(Edit { range: right..right, order: 0, text: ")" });
                }
                "~" => self.edit_joined(at, edits),
                "+" if !self.ends_operand(at) => edits.push(Edit { range: token.at..token.end(), order: 0, text: "" }),
                _ => {}
            }
        }
    }

    /// `a ~ b` to `(a)|__text ~ (b)|__text`; of several in a row, each gives its left operand this form, and the last its right.
    fn edit_joined(&self, at: usize, edits: &mut Vec<Edit>) {
        let end = self.operand_end(at + 1, |at| self.is_boundary(at));
        let right = (at + 1..end, !self.is(end, "~"));
        for (operand, is_edited) in [(self.left_start(at)..at, true), right] {
            if let (Some([first, .., last] | [first @ last]), true) = (self.tokens.get(operand), is_edited) {
                edits.push(Edit { range: first.at..first.at, order: -1, text: "(" });
                edits.push(Edit { range: last.end()..last.end(), order: 1, text: ")|__text" });
            }
        }
    }

    /// True where an operand ends before the token at this place, so that a `+` or `-` there joins two.
    fn ends_operand(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).map(|at| self.tokens[at]) else { return false };
        match before.kind {
            Kind::Literal => true,
            Kind::Sign => before.closes(),
            Kind::Name => {
                let is_keyword = JOINING.contains(&before.text) || matches!(before.text, "not" | "is");
                !(is_keyword || at == 1 && self.is_tag)
            }
        }
    }

    /// True where what binds looser than `%` stands at this place, outside of brackets.
    fn is_boundary(&self, at: usize) -> bool {
        let token = self.tokens[at];
        match token.kind {
            Kind::Literal => false,
            Kind::Name if at == 0 && self.is_tag => true,
            Kind::Name if token.text == "not" => at == 0 || !self.is(at - 1, "is"),
            Kind::Name => JOINING.contains(&token.text) && !(at > 0 && self.is(at - 1, ".")),
            Kind::Sign => match token.text {
                "+" | "-" => self.ends_operand(at),
                text => matches!(text, "," | ":" | "=" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "~"),
            },
        }
    }

    /// The first token of the operand on the left of `at`: all that `* / // %` join, for they are read from the left.
    fn left_start(&self, at: usize) -> usize {
        let mut depth = 0usize;
        for place in (0..at).rev() {
            let token = self.tokens[place];
            if token.closes() {
                depth += 1;
            } else if depth == 0 && (token.opens() || self.is_boundary(place)) {
                return place + 1;
            } else if token.opens() {
                depth -= 1;
            }
        }
        0
    }

    /// The token after what begins at `start`: the first outside of brackets of which `is_end` holds.
    fn operand_end(&self, start: usize, is_end: impl Fn(usize) -> bool) -> usize {
        let mut depth = 0usize;
        for place in start..self.tokens.len() {
            let token = self.tokens[place];
            if token.opens() {
                depth += 1;
            } else if depth == 0 && (token.closes() || is_end(place)) {
                return place;
            } else if token.closes() {
                depth -= 1;
            }
        }
        self.tokens.len()
    }
}

/// True where an `else` among these blocks is that of the loop around them.
fn has_own_else(body: &[Block]) -> bool {
    let mut open = 0usize;
    body.iter().filter_map(Block::tag).any(|tag| {
        match tag {
            "if" | "for" => open += 1,
            "endif" | "endfor" => open = open.saturating_sub(1),
            _ => {}
        }
        tag == "else" && open == 0
    })
}

/// All blocks in order; texts between them, comments and what is raw have none.
fn blocks(source: &str) -> Vec<Block<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(open) = source[at..].find('{').map(|offset| at + offset) {
        at = open + 1;
        match source.as_bytes().get(at) {
            Some(b'#') => at = source[at..].find("#}").map_or(source.len(), |end| at + end + 2),
            Some(b'{' | b'%') => {
                let is_tag = source.as_bytes()[at] == b'%';
                let (tokens, end) = tokens(source, at + 1, if is_tag { "%}" } else { "}}" });
                at = end;
                if is_tag && tokens.first().is_some_and(|token| token.text == "raw") {
                    at = source[at..].find("endraw").map_or(source.len(), |end| at + end);
                }
                found.push(Block { is_tag, tokens });
            }
            _ => {}
        }
    }
    found
}

/// The tokens from `at` to `close`, and the byte after it.
fn tokens<'a>(source: &'a str, mut at: usize, close: &str) -> (Vec<Token<'a>>, usize) {
    let (mut found, mut depth) = (Vec::new(), 0usize);
    // A sign that keeps or takes the white space before the block.
    at += source[at..].starts_with(['-', '+']) as usize;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let trims = rest.starts_with(['-', '+']) && rest[1..].starts_with(close);
        if depth == 0 && (trims || rest.starts_with(close)) {
            return (found, at + usize::from(trims) + close.len());
        }
        let (kind, length) = match first {
            space if space.is_whitespace() => {
                at += space.len_utf8();
                continue;
            }
            '"' | '\'' => (Kind::Literal, quoted(rest, first)),
            digit if digit.is_ascii_digit() => (Kind::Literal, number(rest)),
            letter if letter.is_alphabetic() || letter == '_' => {
                (Kind::Name, rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()))
            }
            _ => {
                let is_double = ["**", "//", "==", "!=", "<=", ">="].iter().any(|sign| rest.starts_with(sign));
                (Kind::Sign, if is_double { 2 } else { first.len_utf8() })
            }
        };
        let token = Token { kind, text: &rest[..length], at };
        depth = if token.opens() { depth + 1 } else { depth.saturating_sub(usize::from(token.closes())) };
        found.push(token);
        at += length;
    }
    (found, source.len())
}

/// Bytes of the text in quotes that `rest` begins with.
fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Bytes of the number that `rest` begins with: `12`, `1_000`, `0x1f`, `1.5e-7`.
fn number(rest: &str) -> usize {
    let is_hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let bytes = rest.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let goes_on = |&at: &usize| match bytes[at] {
        b'.' => is_digit(at + 1),
        b'+' | b'-' => !is_hexadecimal && at > 0 && matches!(bytes[at - 1], b'e' | b'E') && is_digit(at + 1),
        byte => byte.is_ascii_alphanumeric() || byte == b'_',
    };
    (0..bytes.len()).find(|at| !goes_on(at)).unwrap_or(bytes.len())
}
