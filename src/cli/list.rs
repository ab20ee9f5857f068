//! `rewardscope models|corpora|prompts|themes`: what can be named.

use serde_json::{Value, json};

use super::args::{ListArgs, PageFormat};
use super::output;
use crate::base::text;
use crate::corpus::{self, PromptSet};
use crate::model::hub;
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::session::failure::Failure;
use crate::session::{DEFAULT_CORPUS, DEFAULT_PROMPT, Session};
use crate::sources::bundled;
use crate::ui::theme;

/// A table as text and as JSON.
struct Listing {
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
    json: Vec<Value>,
    /// What to type with it.
    hint: &'static str,
}

impl Listing {
    fn new(header: &'static [&'static str], hint: &'static str) -> Self {
        Listing { header, rows: Vec::new(), json: Vec::new(), hint }
    }

    fn push(&mut self, row: Vec<String>, json: Value) {
        self.rows.push(row);
        self.json.push(json);
    }

    fn print(self, format: PageFormat) -> Result<(), Failure> {
        let page = match format {
            PageFormat::Json => {
                let json = format!("{:#}", Value::Array(self.json));
                return output::print(&json.lines().map(|line| format!("{}\n", text::visible_json(line))).collect::<String>());
            }
            PageFormat::Table => DocumentFormat::Table,
            PageFormat::Markdown => DocumentFormat::Markdown,
            PageFormat::Latex => DocumentFormat::Latex,
        };
        let mut document = Document::new(page);
        let columns: Vec<_> = self.header.iter().map(|name| (*name, Alignment::Left)).collect();
        document.table(&columns, &self.rows);
        if page == DocumentFormat::Table {
            document.paragraph("");
            document.paragraph(self.hint);
        }
        output::print(&document.finish())
    }
}

pub(super) fn models(args: &ListArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let mut list = Listing::new(
        &["name", "family", "size", "memory", "source", "notes"],
        "Open one: rewardscope NAME. Score with one: rewardscope score NAME --word love",
    );
    for name in bundled::BUNDLED.map(|model| model.name) {
        let family = crate::base::terms::Family::guess(name);
        let row = [name, &family.to_string(), "tiny", "-", "bundled", "demonstration model"];
        list.push(
            row.map(str::to_owned).to_vec(),
            json!({ "name": name, "family": family, "source": "bundled", "demonstration": true }),
        );
    }
    for entry in session.catalogue.entries() {
        let size = format!("{:.1}B", entry.parameters as f64 / 1e9);
        let memory = text::bytes(entry.memory_bytes_bf16());
        let published = entry.published_dtype.map(|dtype| format!("; published in {dtype}")).unwrap_or_default();
        let notes = format!("{}{published}", entry.notes);
        list.push(
            vec![entry.nickname.clone(), entry.family.to_string(), size, memory, entry.id.clone(), notes],
            json!({ "name": entry.nickname, "family": entry.family, "id": entry.id, "parameters": entry.parameters,
                    "memory_bytes_bf16": entry.memory_bytes_bf16(), "published_dtype": entry.published_dtype,
                    "notes": entry.notes }),
        );
    }
    for model in hub::cached_models() {
        let size = text::bytes(model.bytes);
        let family = crate::base::terms::Family::guess(&model.repository);
        list.push(
            vec![model.repository.clone(), family.to_string(), "-".to_owned(), size, "cache".to_owned(), format!("at {}", model.revision)],
            json!({ "name": model.repository, "family": family, "source": "cache", "revision": model.revision, "bytes": model.bytes }),
        );
    }
    list.print(args.format)
}

pub(super) fn corpora(args: &ListArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let mut list = Listing::new(
        &["name", "words", "categories", "from"],
        "Use one: rewardscope --corpus NAME. A file works as well: --corpus FILE",
    );
    for corpus in corpus::list(session.user_dir()) {
        let default = if corpus.name == DEFAULT_CORPUS { " (default)" } else { "" };
        match &corpus.content {
            Ok((words, categories)) => list.push(
                vec![format!("{}{default}", corpus.name), words.to_string(), categories.join(", "), corpus.origin.clone()],
                json!({ "name": corpus.name, "words": words, "categories": categories, "from": corpus.origin }),
            ),
            Err(error) => list.push(
                vec![corpus.name.clone(), "-".to_owned(), error.to_string(), corpus.origin.clone()],
                json!({ "name": corpus.name, "error": error.to_string(), "from": corpus.origin }),
            ),
        }
    }
    list.print(args.format)
}

pub(super) fn prompts(args: &ListArgs) -> Result<(), Failure> {
    let mut list = Listing::new(
        &["key", "framing", "text"],
        "Use one: rewardscope --prompt KEY. All of them: --prompt all. Any other text: --prompt \"What is best in life?\"",
    );
    for prompt in &PromptSet::builtin().map_err(Failure::run)?.prompts {
        let default = if prompt.label() == DEFAULT_PROMPT { " (default)" } else { "" };
        let factors = prompt.factors.as_ref();
        let framing = prompt.framing.map(|framing| format!("{framing:?}").to_lowercase()).unwrap_or_default();
        let json = json!({
            "key": prompt.key.as_deref(), "text": &*prompt.text, "framing": prompt.framing,
            "adjective": factors.map(|f| &f.adjective), "superlative": factors.map(|f| &f.superlative),
            "concision": factors.map(|f| &f.concision),
        });
        list.push(vec![format!("{}{default}", prompt.label()), framing, prompt.text.to_string()], json);
    }
    list.print(args.format)
}

pub(super) fn themes(args: &ListArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let mut list = Listing::new(&["name", "from", "problem"], "Use one: rewardscope --theme NAME");
    for theme in theme::list(session.user_dir()) {
        let origin = theme.path.map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
        let problem = theme.error.unwrap_or_default();
        list.push(
            vec![theme.name.clone(), origin.clone(), problem.clone()],
            json!({ "name": theme.name, "from": origin, "problem": problem }),
        );
    }
    list.print(args.format)
}
