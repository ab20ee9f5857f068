//! Chat templates: a prompt and a word to the text that the model was trained to read.
//!
//! Jinja as Hugging Face runs it (transformers `utils/chat_template_utils.py`): `trim_blocks`, `lstrip_blocks`, Python's
//! string methods, loop controls, `raise_exception`, `strftime_now`, and a `tojson` that escapes no HTML. A template is a
//! program from elsewhere, so it runs on a budget.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, context};

use super::files::Files;
use super::{ModelError, TemplateDate};
use crate::text;

/// Steps a render may take, and 64 bytes of data each may make: far above any conversation, and over in a second.
const FUEL: u64 = 2_000_000;
const NAME: &str = "chat";
const JINJA: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";

/// A parsed template with the special tokens that it may write.
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// File that it stands in.
    file: PathBuf,
    origin: &'static str,
    /// The day it is told, where it asks for one.
    date: Option<TemplateDate>,
    /// What it may write by name: `bos_token` and the like.
    tokens: Value,
}

impl ChatTemplate {
    /// Takes `chat_template.jinja`, else the key `chat_template` of `tokenizer_config.json`: a text, or a list of named ones
    /// of which `default` is taken; `None` where there is neither, as for a base model.
    ///
    /// Fails where it does not parse; the message has file and line.
    pub fn load(
        files: &Files,
        tokenizer_config: &serde_json::Map<String, serde_json::Value>,
        tokens: BTreeMap<String, String>,
        date: TemplateDate,
    ) -> Result<Option<Self>, ModelError> {
        let (origin, source) = match files.read(JINJA)? {
            Some(bytes) => match String::from_utf8(bytes.into_owned()) {
                Ok(source) if matches!(files, Files::Gguf { tokenizer: None, .. }) => ("of the GGUF", source),
                Ok(source) => (JINJA, source),
                Err(_) => return Err(ModelError::file(files.path(JINJA), "is not UTF-8", "Download the file again")),
            },
            None => match tokenizer_config.get("chat_template").and_then(named_default) {
                Some(source) => (CONFIG, source.to_owned()),
                None => return Ok(None),
            },
        };
        Self::parse(source, origin, files.path(origin), tokens, date).map(Some)
    }

    /// The error for a model that needs a template and has none.
    pub fn missing(folder: impl Into<PathBuf>, next: &str) -> ModelError {
        ModelError::file(folder, format!("there is no chat template: no {JINJA}, and no chat_template in {CONFIG}"), next)
    }

    fn parse(
        source: String,
        origin: &'static str,
        file: PathBuf,
        mut tokens: BTreeMap<String, String>,
        date: TemplateDate,
    ) -> Result<Self, ModelError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| ModelError::file(&file, describe(&error), "Please report this"))?);
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
        // The template of Llama 3.1 has the default date written into it, and takes another one by this name.
        let named = date != TemplateDate::default() && source.contains("date_string");
        if named {
            tokens.insert("date_string".to_owned(), date.to_string());
        }
        let date = (named || source.contains("strftime_now")).then_some(date);
        environment.add_template_owned(NAME, without_generation_marks(&source)).map_err(|error| {
            let next = "Correct the template, or download the file again";
            ModelError::file(&file, format!("the chat template does not parse: {}", describe(&error)), next)
        })?;
        Ok(ChatTemplate { environment, file, origin, date, tokens: Value::from_pairs(tokens) })
    }

    /// The conversation `[{user: prompt}, {assistant: word}]` as text, without a generation prompt.
    pub fn render(&self, prompt: &str, word: &str) -> Result<String, ModelError> {
        self.conversation(&[("user", prompt), ("assistant", word)], false)
    }

    /// `[{user: prompt}]` and the opening of the answer: what a language model is to go on from.
    pub fn render_open(&self, prompt: &str) -> Result<String, ModelError> {
        self.conversation(&[("user", prompt)], true)
    }

    fn conversation(&self, messages: &[(&str, &str)], add_generation_prompt: bool) -> Result<String, ModelError> {
        let message = |&(role, content): &(&str, &str)| context! { role => role, content => content };
        let messages = Value::from(messages.iter().map(message).collect::<Vec<_>>());
        let none = Value::from(());
        let conversation = context! {
            messages => messages, add_generation_prompt => add_generation_prompt, tools => none.clone(), documents => none,
            ..self.tokens.clone()
        };
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(conversation));
        rendered.map_err(|error| self.failed(&error))
    }

    /// For the provenance line: where it stands, and the date where it asks for one.
    pub fn describe(&self) -> String {
        self.date.map_or_else(|| self.origin.to_owned(), |date| format!("{}, {date}", self.origin))
    }

    /// Whether the text depends on the day that the template is told.
    pub fn is_dated(&self) -> bool {
        self.date.is_some()
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    fn failed(&self, error: &Error) -> ModelError {
        let (problem, next) = match error.kind() {
            ErrorKind::OutOfFuel => (
                "the chat template does not come to an end within its budget".to_owned(),
                "Look for an endless loop in it, or shorten the prompt",
            ),
            _ => (
                format!("the chat template fails on this conversation: {}", describe(error)),
                "Correct the template, or choose another prompt",
            ),
        };
        ModelError::file(&self.file, problem, next)
    }
}

fn named_default(value: &serde_json::Value) -> Option<&str> {
    match value {
        serde_json::Value::String(template) => Some(template),
        serde_json::Value::Array(templates) => {
            let default = templates.iter().find(|t| t.get("name").and_then(|n| n.as_str()) == Some("default"))?;
            default.get("template")?.as_str()
        }
        _ => None,
    }
}

/// `syntax error: unexpected end of block (line 3 of the template)`
fn describe(error: &Error) -> String {
    let mut message = error.kind().to_string();
    if let Some(detail) = error.detail() {
        message = if error.kind() == ErrorKind::InvalidOperation { detail.to_owned() } else { format!("{message}: {detail}") };
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

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
