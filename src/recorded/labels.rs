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
    /// By what R makes of a key or a text, and of this file's labels; none where two prompts would be one.
    by_plain: HashMap<String, Option<usize>>,
    /// Texts that the file's provenance gives its labels.
    said: HashMap<String, String>,
}

impl Labels {
    pub(super) fn of_file(path: &Path, catalogue: &Catalogue) -> Result<Labels, FileError> {
        let said = FileProvenance::of_file(path).unwrap_or_default().prompts;
        let said = said.into_iter().map(|prompt| (prompt.label, prompt.text)).collect();
        Ok(Labels { said, ..Labels::of(PromptSet::with_user(catalogue.user_dir())?.prompts) })
    }

    /// Those of the study.
    pub(super) fn built_in() -> Result<Labels, FileError> {
        Ok(Labels::of(PromptSet::builtin()?.prompts))
    }

    fn of(prompts: Vec<Prompt>) -> Labels {
        let (mut by_label, mut by_text, mut by_plain) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (i, prompt) in prompts.iter().enumerate() {
            by_label.entry(prompt.label().into()).or_insert(i);
            by_text.entry(prompt.text.clone()).or_insert(i);
            for name in HashSet::from([plain(prompt.label()), plain(&prompt.text)]) {
                by_plain.entry(name).and_modify(|known| *known = None).or_insert(Some(i));
            }
        }
        Labels { prompts, by_label, by_text, by_plain, said: HashMap::new() }
    }

    /// Whether a label is known to be a prompt's.
    pub(super) fn knows(&self, label: &str) -> bool {
        self.said.contains_key(label) || self.find(label).is_some()
    }

    fn find(&self, label: &str) -> Option<&Prompt> {
        let found = match self.said.get(label) {
            Some(text) => self.by_text.get(text.as_str()),
            None => {
                let exact = self.by_label.get(label.trim()).or_else(|| self.by_text.get(label.trim()));
                exact.or_else(|| self.by_plain.get(&plain(label))?.as_ref())
            }
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

    /// Which of a file's labels were understood although they are written otherwise.
    pub(super) fn note<'a>(&self, labels: impl Iterator<Item = &'a str>) -> Option<String> {
        let is_exact = |label: &str| {
            self.said.contains_key(label) || self.by_label.contains_key(label.trim()) || self.by_text.contains_key(label.trim())
        };
        let mut read = labels.filter(|label| !is_exact(label)).filter_map(|label| Some((label.trim(), self.find(label)?)));
        let ((label, prompt), more) = (read.next()?, read.count());
        let more = if more > 0 { format!(", and {more} more alike") } else { String::new() };
        Some(format!("'{label}' is read as the prompt {}{more}", prompt.label()))
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

/// A label as R's `make.names` leaves it, but for case: letters and digits, and `_` for all else.
fn plain(label: &str) -> String {
    label.trim().chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect::<String>().to_lowercase()
}
