//! Chat templates: a prompt and a word to the text that the model was trained to read.
//!
//! A template is a program from elsewhere: `jinja` says what it means, `serve` runs it in a process of its own, and
//! `renderer` is what this program holds of that process. `source`, `python`, `methods`, `percent`, `repr`,
//! `wordwrap` and `json` bring minijinja to mean what Python's Jinja means.

mod jinja;
mod json;
mod methods;
mod percent;
mod python;
mod renderer;
mod repr;
mod serve;
mod source;
mod wordwrap;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::format::files::Files;
use crate::format::instead::names_in;
use crate::{Cancel, LoadOptions, ModelError, TemplateDate};
use jinja::{Problem, Setup};
pub use renderer::use_program;
use renderer::{Renderer, Stop};
use rewardscope_base::remedy::Remedy;
use rewardscope_base::text;
pub use serve::{ARGUMENT, main as serve_main};

const JINJA: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";
/// The template that is taken where none is asked for.
const DEFAULT: &str = "default";
/// Templates that a message names before it says how many more there are.
const NAMED: usize = 12;

/// A parsed template with the special tokens that it may write.
pub struct ChatTemplate {
    renderer: Renderer,
    /// File that it stands in.
    file: PathBuf,
    origin: &'static str,
    /// What it is called among several, where it was asked for by that name.
    name: Option<String>,
    /// The day it is told, where it asks for one.
    date: Option<TemplateDate>,
}

impl ChatTemplate {
    /// Takes `chat_template.jinja`, else the key `chat_template` of `tokenizer_config.json`: a text, or named ones, as
    /// a list or as a map, of which `default` or the one that is asked for is taken; `None` where there is none to take.
    ///
    /// Fails where it does not parse, and the message has file and line; and where none has the name that is asked for.
    pub fn load(
        files: &Files,
        tokenizer_config: &serde_json::Map<String, serde_json::Value>,
        tokens: BTreeMap<String, String>,
        options: &LoadOptions,
    ) -> Result<Option<Self>, ModelError> {
        let date = options.date;
        if let Some(asked) = options.chat_template.as_deref().filter(|asked| *asked != DEFAULT) {
            let named = named(tokenizer_config);
            let Some((_, source)) = named.iter().find(|(name, _)| *name == asked) else {
                let problem = format!("there is no chat template called '{}' here", text::visible(asked));
                let names = Self::names(tokenizer_config);
                let next = beside(&files.path("")).filter(|_| names.is_empty()).unwrap_or_else(|| listed(&names));
                return Err(ModelError::file(files.path(CONFIG), problem, next));
            };
            let template = Self::parse((*source).to_owned(), CONFIG, files.path(CONFIG), tokens, date)?;
            return Ok(Some(ChatTemplate { name: Some(asked.to_owned()), ..template }));
        }
        let (origin, source) = match files.read(JINJA)? {
            Some(bytes) => match String::from_utf8(bytes.into_owned()) {
                Ok(source) if matches!(files, Files::Gguf { tokenizer: None, .. }) => ("of the GGUF", source),
                Ok(source) => (JINJA, source),
                Err(_) => return Err(ModelError::file(files.path(JINJA), "is not UTF-8", "Download the file again")),
            },
            None => match named(tokenizer_config).into_iter().find(|(name, _)| *name == DEFAULT).map(|(_, source)| source) {
                Some(source) => (CONFIG, source.to_owned()),
                None => return Ok(None),
            },
        };
        Self::parse(source, origin, files.path(origin), tokens, date).map(Some)
    }

    /// The error for a model that needs a template and has none.
    pub fn missing(folder: impl Into<PathBuf>, next: &str) -> ModelError {
        let folder = folder.into();
        let next = beside(&folder).unwrap_or_else(|| next.to_owned());
        let problem = format!("there is no chat template: no {JINJA}, and no text under chat_template in {CONFIG}");
        ModelError::file(folder, problem, next)
    }

    /// The names of the templates in `tokenizer_config.json`, in order.
    pub fn names(tokenizer_config: &serde_json::Map<String, serde_json::Value>) -> Vec<String> {
        named(tokenizer_config).into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// The error for a model that has several templates, of which none is the default.
    pub fn undecided(folder: impl Into<PathBuf>, names: &[String]) -> ModelError {
        ModelError::file(folder, format!("{CONFIG} names its chat templates, and none is called {DEFAULT}"), listed(names))
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
        Ok(ChatTemplate { renderer, file, origin, name: None, date: asks.then_some(date) })
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
        let name = self.name.as_deref().map(|name| format!(" '{}'", text::visible(name))).unwrap_or_default();
        let date = self.date.map(|date| format!(", {date}")).unwrap_or_default();
        format!("{}{name}{date}", self.origin)
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

/// What to do where named templates lie in the folder that transformers 5 keeps them in, which is not read.
fn beside(folder: &Path) -> Option<String> {
    const FOLDER: &str = "additional_chat_templates";
    let names = names_in(&folder.join(FOLDER));
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| text::named(name)).collect();
    (!shown.is_empty()).then(|| format!("Copy one of the templates in {FOLDER} to {JINJA}: {}", shown.join(", ")))
}

/// Names and texts of the templates that the key `chat_template` holds; a text alone is the default, and an empty one none.
fn named(tokenizer_config: &serde_json::Map<String, serde_json::Value>) -> Vec<(&str, &str)> {
    let mut named: Vec<(&str, &str)> = match tokenizer_config.get("chat_template") {
        Some(serde_json::Value::String(template)) => vec![(DEFAULT, template)],
        Some(serde_json::Value::Array(templates)) => {
            templates.iter().filter_map(|entry| Some((entry.get("name")?.as_str()?, entry.get("template")?.as_str()?))).collect()
        }
        Some(serde_json::Value::Object(templates)) => {
            templates.iter().filter_map(|(name, template)| Some((name.as_str(), template.as_str()?))).collect()
        }
        _ => Vec::new(),
    };
    named.retain(|(_, template)| !template.trim().is_empty());
    named
}

/// What to do where one of these has to be chosen.
fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(|name| text::visible(name).into_owned()).collect();
    let more = names.len().saturating_sub(NAMED);
    match shown.len() {
        0 => format!("{CONFIG} names no templates; leave {} out", Remedy::ChatTemplate),
        _ => {
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("Choose one of {}{more} with {}", shown.join(", "), Remedy::ChatTemplate.with("NAME"))
        }
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
