//! Names that become parts of paths and addresses: repository ids, revisions, file names, content hashes.
//!
//! Everything here may come from a command line, a catalogue, an index file or a server, so nothing is used before it is
//! checked: a name that could leave its folder is refused, never cleaned.

use std::fmt;

use crate::ModelError;

/// `owner/name` of a Hugging Face repository, in the characters the hub allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryId {
    owner: String,
    name: String,
}

impl RepositoryId {
    /// # Errors
    /// Anything but two parts of 1 to 96 letters, digits, `-`, `_` and `.`, that neither begin nor end with `-` or `.` and
    /// hold no `--` or `..`.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let parsed = text.split_once('/').filter(|(owner, name)| is_part(owner) && is_part(name));
        let Some((owner, name)) = parsed else {
            return Err(ModelError::Hub {
                repository: text.to_owned(),
                problem: "this is not a Hugging Face repository id".to_owned(),
                next: "Write it as owner/name, each part of letters, digits, '-', '_' and '.', for example \
                       Skywork/Skywork-Reward-Llama-3.1-8B-v0.2"
                    .to_owned(),
            });
        };
        Ok(RepositoryId { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The id of a cache folder, `models--owner--name`; none for another name.
    pub fn from_folder(folder: &str) -> Option<Self> {
        let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
        (is_part(owner) && is_part(name)).then(|| RepositoryId { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// What stands before the slash.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its folder in the cache, shared by all Hugging Face tools.
    pub(super) fn folder(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }

    /// Where a person reads about the model and accepts its licence.
    pub fn page(&self) -> String {
        format!("https://huggingface.co/{self}")
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

fn is_part(part: &str) -> bool {
    let edge = |c: char| c == '-' || c == '.';
    (1..=96).contains(&part.len())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.starts_with(edge)
        && !part.ends_with(edge)
        && !part.contains("--")
        && !part.contains("..")
}

/// True for a branch, tag, pull request (`refs/pr/1`) or commit that can be a path below `refs/`.
pub fn is_revision(text: &str) -> bool {
    text.len() <= 255 && text.split('/').all(is_file_name)
}

/// True for a full commit hash: it names the same files for ever, so what is cached needs no asking.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit())
}

/// True for a name that stays in the folder it is joined to, on every system: no separators, no leading dot, and only
/// letters, digits, `-`, `_`, `.` and `+`.
pub(super) fn is_file_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_ids_hold_only_what_the_hub_allows() {
        for good in ["a/b", "Skywork/Skywork-Reward-Llama-3.1-8B-v0.2", "Ray2333/GRM-Llama3.2-3B-rewardmodel-ft", "a_b/c.d"] {
            let id = RepositoryId::parse(good).expect(good);
            assert_eq!(id.to_string(), good);
            assert_eq!(RepositoryId::from_folder(&id.folder()), Some(id));
        }
        for hostile in [
            "",
            "gpt2",
            "/",
            "a/",
            "/b",
            "../etc",
            "a/..",
            "a/b/c",
            "a/../b",
            "a/b@main",
            "a b/c",
            "a/b?x=1",
            "a/b#c",
            "a/b%2e",
            "a\\b/c",
            ".a/b",
            "a/b.",
            "a--b/c",
            "a/b..c",
            "ä/b",
            "a/\u{1b}[2J",
        ] {
            let error = RepositoryId::parse(hostile).expect_err(hostile).to_string();
            assert!(error.contains("owner/name"), "{hostile}: {error}");
        }
        assert!(RepositoryId::parse(&format!("a/{}", "b".repeat(97))).is_err());
    }

    #[test]
    fn revisions_and_file_names_cannot_leave_their_folder() {
        for good in ["main", "v1.0", "refs/pr/1", "0123456789abcdef0123456789abcdef01234567"] {
            assert!(is_revision(good), "{good}");
        }
        for bad in ["", "..", "refs/../../x", "/main", "main/", "a b", "a\\b", ".hidden"] {
            assert!(!is_revision(bad), "{bad}");
        }
        assert!(is_file_name("model-00001-of-00002.safetensors"));
        for bad in ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", "C:\\x", "..", ""] {
            assert!(!is_file_name(bad), "{bad}");
        }
        assert!(is_commit(&"a1".repeat(20)) && !is_commit("main") && !is_commit(&"g".repeat(40)));
    }
}
