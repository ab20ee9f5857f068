//! The catalogue of known models: nicknames, where they lie, how large they are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::file_error::FileError;
use crate::base::suggestions::nearest;
use crate::base::terms::Family;
use crate::base::text_file::{MOST_BYTES, read_text};
use crate::base::toml_file;
use crate::base::toml_file::TomlError;
use crate::model::PublishedDtype;

const BUILTIN: &str = include_str!("../corpora/models.toml");

/// One model that has a name of its own here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub nickname: String,
    /// `owner/name` on the Hugging Face hub.
    pub id: String,
    pub family: Family,
    /// Number of weights; 0 where not stated.
    #[serde(default)]
    pub parameters: u64,
    /// How its hidden state becomes a reward, in words.
    #[serde(default)]
    pub head: String,
    /// The dtype in which its published rewards stand, as far as the data say.
    #[serde(default)]
    pub published_dtype: Option<PublishedDtype>,
    /// Row of a plain head that holds the reward.
    #[serde(default)]
    pub reward_row: usize,
    /// The token whose logit after the conversation is the reward, for a language model that says it so.
    #[serde(default)]
    pub token_logit: Option<u32>,
    #[serde(default)]
    pub notes: String,
}

impl Entry {
    /// Memory of the weights in bytes, at two bytes each (bf16).
    pub fn memory_bytes_bf16(&self) -> u64 {
        self.parameters * 2
    }

    /// The id as the study's files spell it: `owner_name`.
    pub fn file_stem(&self) -> String {
        self.id.replace('/', "_")
    }
}

/// Every known model: the ten of the study, others that are built in, and those the user adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    entries: Vec<Entry>,
    user_dir: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    model: Vec<toml::Spanned<Entry>>,
}

impl Catalogue {
    /// The ten models of the study, and after them the others.
    pub fn builtin() -> Result<Self, FileError> {
        Ok(Catalogue { entries: parse(Path::new("models.toml"), BUILTIN)?, user_dir: None })
    }

    /// With the entries of `user_dir/models.toml`, which come first and replace entries of the same nickname.
    pub fn with_user(user_dir: Option<&Path>) -> Result<Self, FileError> {
        let mut catalogue = Catalogue { user_dir: user_dir.map(Path::to_owned), ..Self::builtin()? };
        let Some(path) = user_dir.map(|dir| dir.join("models.toml")).filter(|path| path.exists()) else { return Ok(catalogue) };
        let own = parse(&path, &read_text(&path, MOST_BYTES)?)?;
        catalogue.entries.retain(|entry| !own.iter().any(|o| o.nickname.eq_ignore_ascii_case(&entry.nickname)));
        catalogue.entries.splice(0..0, own);
        Ok(catalogue)
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where the user's own entries lie, and beside them the user's prompts.
    pub fn user_dir(&self) -> Option<&Path> {
        self.user_dir.as_deref()
    }

    /// By nickname, repository id or the study's file stem, whatever the case.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        self.entries.iter().find(|entry| is(&entry.nickname) || is(&entry.id) || is(&entry.file_stem()))
    }

    /// Nicknames that look like `name`, nearest first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest(name, self.entries.iter().map(|entry| entry.nickname.as_str()))
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, FileError> {
    let name = path.to_string_lossy();
    let file: File = toml_file::parse(&name, text)?;
    let mut entries: Vec<Entry> = Vec::new();
    for entry in file.model {
        let (at, entry) = (entry.span(), entry.into_inner());
        let is_id = |id: &str| {
            id.split('/').count() == 2 && id.split('/').all(|part| !part.is_empty()) && !id.contains(char::is_whitespace)
        };
        if entry.nickname.trim().is_empty() || !is_id(&entry.id) {
            let message =
                format!("nickname '{}' and id '{}': a name and an id like owner/name are needed", entry.nickname, entry.id);
            return Err(TomlError::at(&name, text, at, message).into());
        }
        if entries.iter().any(|other| other.nickname.eq_ignore_ascii_case(&entry.nickname)) {
            return Err(TomlError::at(&name, text, at, format!("the nickname '{}' stands twice", entry.nickname)).into());
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_models_are_found_by_any_of_their_names() {
        let catalogue = Catalogue::builtin().unwrap();
        let of_the_study = || catalogue.entries().iter().filter(|entry| entry.published_dtype.is_some());
        assert_eq!(of_the_study().count(), 10);
        assert_eq!(of_the_study().filter(|entry| entry.family == Family::Gemma).count(), 4);
        for name in ["r-gem-2b", "Ray2333/GRM-gemma2-2B-rewardmodel-ft", "Ray2333_GRM-gemma2-2B-rewardmodel-ft"] {
            assert_eq!(catalogue.find(name).map(|entry| entry.nickname.as_str()), Some("R-Gem-2B"), "{name}");
        }
        assert_eq!(catalogue.find("R-Gem-3B"), None);
        assert_eq!(catalogue.nearest("R-Gem-3B")[0], "R-Gem-2B");
    }

    #[test]
    fn a_users_entry_replaces_one_of_the_same_nickname_and_mistakes_are_located() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("models.toml");
        std::fs::write(&file, "[[model]]\nnickname = \"R-Gem-2B\"\nid = \"me/mine\"\nfamily = \"Gemma\"\n").unwrap();
        let catalogue = Catalogue::with_user(Some(folder.path())).unwrap();
        assert_eq!(catalogue.entries().len(), Catalogue::builtin().unwrap().entries().len());
        assert_eq!(catalogue.find("R-Gem-2B").unwrap().id, "me/mine");
        let entry = "[[model]]\nnickname = \"x\"\nid = \"me/mine\"\nfamily = \"Gemma\"\n";
        for (text, naming) in [
            (entry.replace("family", "famly"), &["line 4", "famly", "`family`"][..]),
            (entry.replace("me/mine", "mine"), &["line 1", "'mine'", "owner/name"]),
            (entry.replace("Gemma", "Gemini"), &["line 4", "Gemini", "`Llama`"]),
            (entry.repeat(2), &["line 5", "'x' stands twice"]),
        ] {
            std::fs::write(&file, text).unwrap();
            let message = Catalogue::with_user(Some(folder.path())).unwrap_err().to_string();
            for naming in naming.iter().chain(&["models.toml"]) {
                assert!(message.contains(naming), "'{naming}' is not in: {message}");
            }
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
