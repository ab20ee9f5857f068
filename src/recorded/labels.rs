//! The prompt behind a column or a label: one of the study's or the user's by key or text, one that the file's provenance
//! tells, or else a text.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::base::file_error::FileError;
use crate::catalogue::Catalogue;
use crate::corpus::{Prompt, PromptSet};
use crate::scores::provenance::FileProvenance;

/// The prompts that labels of one file can mean.
pub(super) struct Labels {
    prompts: Vec<Prompt>,
    by_label: HashMap<Arc<str>, usize>,
    by_text: HashMap<Arc<str>, usize>,
    /// Texts that the file's provenance gives its labels.
    said: HashMap<String, String>,
}

impl Labels {
    pub(super) fn of_file(path: &Path, catalogue: &Catalogue) -> Result<Labels, FileError> {
        let prompts = PromptSet::with_user(catalogue.user_dir())?.prompts;
        let (mut by_label, mut by_text) = (HashMap::new(), HashMap::new());
        for (i, prompt) in prompts.iter().enumerate() {
            by_label.entry(prompt.label().into()).or_insert(i);
            by_text.entry(prompt.text.clone()).or_insert(i);
        }
        let said = FileProvenance::of_file(path).unwrap_or_default().prompts;
        Ok(Labels { prompts, by_label, by_text, said: said.into_iter().map(|prompt| (prompt.label, prompt.text)).collect() })
    }

    /// Whether a label is known to be a prompt's.
    pub(super) fn knows(&self, label: &str) -> bool {
        self.said.contains_key(label) || self.find(label).is_some()
    }

    fn find(&self, label: &str) -> Option<&Prompt> {
        let found = match self.said.get(label) {
            Some(text) => self.by_text.get(text.as_str()),
            None => self.by_label.get(label.trim()).or_else(|| self.by_text.get(label.trim())),
        };
        found.map(|&at| &self.prompts[at])
    }

    fn prompt(&self, label: &str) -> Prompt {
        if let Some(prompt) = self.find(label) {
            return prompt.clone();
        }
        let (said, label) = (self.said.get(label), label.trim());
        let key = (!label.contains(char::is_whitespace)).then(|| label.into());
        Prompt { key, text: said.map_or(label, String::as_str).into(), framing: None, factors: None }
    }

    /// The prompt of each label.
    ///
    /// # Errors
    /// Two labels of one prompt.
    pub(super) fn prompts<'a>(&self, path: &Path, labels: impl Iterator<Item = &'a str>) -> Result<Vec<Prompt>, FileError> {
        let mut seen: HashSet<Arc<str>> = HashSet::new();
        let one = |label: &'a str| {
            let prompt = self.prompt(label);
            if seen.insert(prompt.text.clone()) {
                return Ok(prompt);
            }
            let problem = format!("two columns are about the prompt '{}'", label.trim());
            Err(FileError::file(path, problem, "Remove one of them: which scores are meant cannot be known"))
        };
        labels.map(one).collect()
    }
}
