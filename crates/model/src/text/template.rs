//! Chat templates: a prompt and a word to the text that the model was trained to read.
//!
//! A template is a program from elsewhere: `jinja` says what it means, `serve` runs it in a process of its own, and
//! `renderer` is what this program holds of that process. `source`, `python`, `methods` and `json` bring minijinja to mean
//! what Python's Jinja means.

mod jinja;
mod json;
mod methods;
mod python;
mod renderer;
mod serve;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::format::files::Files;
use crate::{Cancel, ModelError, TemplateDate};
use jinja::{Problem, Setup};
pub use renderer::use_program;
use renderer::{Renderer, Stop};
pub use serve::{ARGUMENT, main as serve_main};

const JINJA: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";

/// A parsed template with the special tokens that it may write.
pub struct ChatTemplate {
    renderer: Renderer,
    /// File that it stands in.
    file: PathBuf,
    origin: &'static str,
    /// The day it is told, where it asks for one.
    date: Option<TemplateDate>,
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
        // The template of Llama 3.1 has the default date written into it, and takes another one by this name.
        let named = date != TemplateDate::default() && source.contains("date_string");
        if named {
            tokens.insert("date_string".to_owned(), date.to_string());
        }
        let asks = named || source.contains("strftime_now");
        let renderer = Renderer::start(Setup { source, tokens, date }).map_err(|problem| at(&file, problem))?;
        Ok(ChatTemplate { renderer, file, origin, date: asks.then_some(date) })
    }

    /// The conversation `[{user: prompt}, {assistant: word}]` as text, without a generation prompt.
    pub fn render(&self, prompt: &str, word: &str) -> Result<String, ModelError> {
        let mut texts = self.render_all(prompt, &[word], &Cancel::default())?;
        texts.pop().unwrap_or(Err(ModelError::Cancelled))
    }

    /// [`render`](Self::render) for many words; one result a word, in order. Fails as a whole when cancelled, and where the
    /// template takes more memory or time than a template may have.
    pub fn render_all(
        &self,
        prompt: &str,
        words: &[&str],
        cancel: &Cancel,
    ) -> Result<Vec<Result<String, ModelError>>, ModelError> {
        let texts = self.renderer.render(prompt, words, cancel).map_err(|stop| self.stopped(stop))?;
        Ok(texts.into_iter().map(|text| text.map_err(|problem| at(&self.file, problem))).collect())
    }

    /// `[{user: prompt}]` and the opening of the answer: what a language model is to go on from.
    pub fn render_open(&self, prompt: &str) -> Result<String, ModelError> {
        self.renderer.render_open(prompt).map_err(|stop| self.stopped(stop))
    }

    /// For the provenance line: where it stands, and the date where it asks for one.
    pub fn describe(&self) -> String {
        self.date.map_or_else(|| self.origin.to_owned(), |date| format!("{}, {date}", self.origin))
    }

    /// Whether the text depends on the day that the template is told.
    pub fn is_dated(&self) -> bool {
        self.date.is_some()
    }

    /// The file that holds it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn stopped(&self, stop: Stop) -> ModelError {
        match stop {
            Stop::Cancelled => ModelError::Cancelled,
            Stop::Problem(problem) => at(&self.file, problem),
        }
    }
}

fn at(file: &Path, problem: Problem) -> ModelError {
    ModelError::file(file, problem.problem, problem.next)
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

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
