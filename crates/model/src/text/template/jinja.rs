//! Jinja as Hugging Face runs it (transformers `utils/chat_template_utils.py`): `trim_blocks`, `lstrip_blocks`, Python's
//! string methods, loop controls, `raise_exception`, `strftime_now`, and a `tojson` that escapes no HTML.
//!
//! A template is a program from elsewhere. What can be bounded here is: its length, its steps and what it writes. What
//! cannot, such as how deep it nests and how much memory one value takes, is for the process that this runs in.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, context};
use serde::{Deserialize, Serialize};

use crate::TemplateDate;
use rewardscope_base::text;

/// Bytes of the longest template that is read: ten times the longest that is known.
const MOST_SOURCE: usize = 1 << 20;
/// Bytes of code in it, texts left out. Each can cost the parser a level of nesting, and [`super::serve::STACK`] holds as many.
const MOST_CODE: usize = 100_000;
/// Steps a render may take, and 64 bytes of data each may make: far above any conversation, and over in a second.
const FUEL: u64 = 2_000_000;
/// Bytes that a template may write on its own, and how often it may write the conversation.
const MOST_OWN_TEXT: usize = 32 << 10;
const MOST_REPEATS: usize = 8;
/// Characters of a template's own error message that are shown.
const MOST_MESSAGE: usize = 500;
const NAME: &str = "chat";
const CORRECT: &str = "Correct the template, or download the file again";

/// A template and what it may write by name: `bos_token` and the like.
#[derive(Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) source: String,
    pub(super) tokens: BTreeMap<String, String>,
    /// The day that it is told.
    pub(super) date: TemplateDate,
}

/// Conversations that share the user's turn.
#[derive(Serialize, Deserialize)]
pub(super) struct Conversations {
    pub(super) prompt: String,
    /// One conversation each; none for one that ends where the assistant's answer begins.
    pub(super) answers: Option<Vec<String>>,
}

/// Why there is no text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) problem: String,
    pub(super) next: String,
    /// The template went beyond what a template may take, and will again with the next word.
    pub(super) is_limit: bool,
}

impl Problem {
    pub(super) fn limit(problem: impl Into<String>, next: &str) -> Self {
        Problem { problem: problem.into(), next: next.to_owned(), is_limit: true }
    }
}

/// A parsed template.
pub(super) struct Jinja {
    environment: Environment<'static>,
    tokens: Value,
}

impl Jinja {
    pub(super) fn parse(setup: Setup) -> Result<Self, Problem> {
        let Setup { source, tokens, date } = setup;
        let failed = |problem: String| Problem { problem, next: CORRECT.to_owned(), is_limit: false };
        let own: usize = tokens.values().map(String::len).sum();
        for (length, most, what) in [(source.len() + own, MOST_SOURCE, "text"), (code_length(&source), MOST_CODE, "code")] {
            if length > most {
                let (length, most) = (text::bytes(length as u64), text::bytes(most as u64));
                return Err(failed(format!("the chat template has {length} of {what}, and at most {most} are read")));
            }
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| failed(describe(&error)))?);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<(), Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", move |format: String| {
            date.strftime(&format).map_err(|code| {
                let message = format!("strftime_now: the code %{code} is not known");
                Error::new(ErrorKind::InvalidOperation, message)
            })
        });
        environment.add_filter("tojson", to_json);
        environment
            .add_template_owned(NAME, without_generation_marks(&source))
            .map_err(|error| failed(format!("the chat template does not parse: {}", describe(&error))))?;
        Ok(Jinja { environment, tokens: Value::from_pairs(tokens) })
    }

    /// One text a conversation, in order.
    pub(super) fn render(&self, conversations: &Conversations) -> impl Iterator<Item = Result<String, Problem>> {
        let Conversations { prompt, answers } = conversations;
        let open = answers.is_none().then(|| self.conversation(&[("user", prompt)], true));
        let whole = |answer: &String| self.conversation(&[("user", prompt), ("assistant", answer)], false);
        open.into_iter().chain(answers.iter().flatten().map(whole))
    }

    fn conversation(&self, messages: &[(&str, &str)], add_generation_prompt: bool) -> Result<String, Problem> {
        let most = MOST_OWN_TEXT + MOST_REPEATS * messages.iter().map(|(_, content)| content.len()).sum::<usize>();
        let message = |&(role, content): &(&str, &str)| context! { role => role, content => content };
        let messages = Value::from(messages.iter().map(message).collect::<Vec<_>>());
        let none = Value::from(());
        let conversation = context! {
            messages => messages, add_generation_prompt => add_generation_prompt, tools => none.clone(), documents => none,
            ..self.tokens.clone()
        };
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(conversation));
        let rendered = rendered.map_err(|error| failed(&error))?;
        if rendered.len() > most {
            let (length, most) = (text::bytes(rendered.len() as u64), text::bytes(most as u64));
            let problem = format!("the chat template makes {length} of this conversation, and at most {most} are taken");
            return Err(Problem::limit(problem, CORRECT));
        }
        Ok(rendered)
    }
}

fn failed(error: &Error) -> Problem {
    if error.kind() == ErrorKind::OutOfFuel {
        let next = "Look for an endless loop in it, or shorten the prompt";
        return Problem::limit("the chat template does not come to an end within its budget", next);
    }
    let problem = format!("the chat template fails on this conversation: {}", describe(error));
    Problem { problem, next: "Correct the template, or choose another prompt".to_owned(), is_limit: false }
}

/// Bytes inside of `{{ }}` and `{% %}`, texts in quotes left out.
fn code_length(source: &str) -> usize {
    let (mut length, mut rest) = (0, source.as_bytes());
    while let Some(at) = rest.windows(2).position(|pair| matches!(pair, b"{{" | b"{%")) {
        rest = &rest[at + 2..];
        let mut quote = None;
        while let [byte, after @ ..] = rest {
            if quote.is_none() && matches!(rest, [b'}' | b'%', b'}', ..]) {
                break;
            }
            rest = after;
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(*byte),
                (Some(_), b'\\') => rest = after.get(1..).unwrap_or_default(),
                (Some(open), close) if open == *close => quote = None,
                (Some(_), _) => {}
                (None, _) => length += 1,
            }
        }
    }
    length
}

/// `syntax error: unexpected end of block (line 3 of the template)`
fn describe(error: &Error) -> String {
    let mut message = error.kind().to_string();
    if let Some(detail) = error.detail() {
        message = if error.kind() == ErrorKind::InvalidOperation { detail.to_owned() } else { format!("{message}: {detail}") };
    }
    if let Some((end, _)) = message.char_indices().nth(MOST_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    if let Some(line) = error.line() {
        message.push_str(&format!(" (line {line} of the template)"));
    }
    text::visible(&message).into_owned()
}

/// transformers marks what the assistant said with `{% generation %}` blocks, which change nothing in the text: they
/// become `{% if true %}`, which leaves the trimming of white space around them as it was.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out.push_str(before);
        let inside = tag.trim_start_matches(['-', '+']).trim_start();
        let open = &tag[..tag.len() - inside.len()];
        let word = inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let replacement = match word {
            "generation" => "if true",
            "endgeneration" => "endif",
            word => word,
        };
        out.push_str(open);
        out.push_str(replacement);
        rest = &inside[word.len()..];
    }
    out.push_str(rest);
    out
}

/// Python's `json.dumps(value, ensure_ascii=False, indent=…)`: `", "` and `": "` between items, and `<`, `&`, `'` as they are.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Whatever else Python's dumps takes changes nothing for the plain values of a conversation.
    for ignored in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(ignored)?;
    }
    options.assert_all_used()?;
    let failed = |error: serde_json::Error| Error::new(ErrorKind::BadSerialization, error.to_string());
    let mut out = Vec::new();
    match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(16));
            let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, formatter))
                .map_err(failed)?;
        }
        None => {
            serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, Spaced)).map_err(failed)?
        }
    }
    String::from_utf8(out).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Python's default separators.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
