//! What the environment says about the hub: address, cache, token, offline.
//!
//! The variables are those of all Hugging Face tools. Reading goes through a lookup function, so that a test needs no
//! process-wide environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// The hub that is asked where no other is named.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// An access token. `Debug` shows where it came from, never its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    value: String,
    /// Where it was found.
    pub origin: TokenOrigin,
}

/// Where a token was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// The variable `HF_TOKEN`.
    Variable,
    /// The file named by `HF_TOKEN_PATH`, or `token` in the Hugging Face home, where a login writes it.
    File(PathBuf),
}

impl Token {
    /// `None` for a text that is empty but for white space.
    pub fn new(value: &str, origin: TokenOrigin) -> Option<Self> {
        let value = value.trim();
        (!value.is_empty()).then(|| Token { value: value.to_owned(), origin })
    }

    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl fmt::Display for TokenOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenOrigin::Variable => f.write_str("HF_TOKEN"),
            TokenOrigin::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How the hub is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// `https://huggingface.co`, or a mirror; plain `http://` is allowed.
    pub endpoint: String,
    /// The folder that holds `models--owner--name`.
    pub cache_dir: PathBuf,
    /// Sent to the endpoint alone; none where the user has none.
    pub token: Option<Token>,
    /// Only the cache is used; nothing is asked of the network.
    pub offline: bool,
    /// A server that says nothing for so long is given up.
    pub patience: Duration,
}

impl HubSettings {
    /// From `HF_ENDPOINT`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `TRANSFORMERS_CACHE` (transformers before 5), `HF_HOME`,
    /// `XDG_CACHE_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH` and `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok(), etcetera::home_dir().ok().as_deref())
    }

    /// Like [`HubSettings::from_env`] with the variables that `lookup` knows and the given home folder. Empty variables
    /// count as unset. Reads the token file where `HF_TOKEN` is unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(|value| expand_home(&value, home));
        let hf_home = path("HF_HOME").unwrap_or_else(|| {
            path("XDG_CACHE_HOME").unwrap_or_else(|| home.unwrap_or(Path::new(".")).join(".cache")).join("huggingface")
        });
        let token = if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some() {
            None
        } else {
            set("HF_TOKEN")
                .and_then(|value| Token::new(&value, TokenOrigin::Variable))
                .or_else(|| read_token(path("HF_TOKEN_PATH")?))
                .or_else(|| read_token(hf_home.join("token")))
        };
        HubSettings {
            endpoint: set("HF_ENDPOINT").map_or_else(|| DEFAULT_ENDPOINT.to_owned(), |url| url.trim_end_matches('/').to_owned()),
            cache_dir: ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"]
                .into_iter()
                .find_map(path)
                .unwrap_or_else(|| hf_home.join("hub")),
            token,
            offline: set("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
            patience: PATIENCE,
        }
    }
}

fn read_token(file: PathBuf) -> Option<Token> {
    let value = std::fs::read_to_string(&file).ok()?;
    Token::new(&value, TokenOrigin::File(file))
}

fn expand_home(value: &str, home: Option<&Path>) -> PathBuf {
    match (value.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(value),
    }
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> HubSettings {
        HubSettings::from_lookup(
            |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
            Some(Path::new("/home/ada")),
        )
    }

    #[test]
    fn the_cache_folder_is_the_one_of_all_hugging_face_tools() {
        for (variables, folder) in [
            (&[][..], "/home/ada/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/c")], "/c/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/c"), ("HF_HOME", "/h")], "/h/hub"),
            (&[("HF_HOME", "~/hf")], "/home/ada/hf/hub"),
            (&[("HF_HOME", "")], "/home/ada/.cache/huggingface/hub"),
            (&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/x")], "/x"),
            (&[("HF_HOME", "/h"), ("TRANSFORMERS_CACHE", "/t")], "/t"),
            (&[("HF_HUB_CACHE", "/x"), ("TRANSFORMERS_CACHE", "/t")], "/x"),
        ] {
            assert_eq!(settings(variables).cache_dir, Path::new(folder), "{variables:?}");
        }
    }

    #[test]
    fn offline_is_said_in_the_usual_words() {
        for (value, offline) in
            [("1", true), ("true", true), ("YES", true), ("On", true), ("0", false), ("false", false), ("", false)]
        {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
    }

    #[test]
    fn the_endpoint_may_be_a_plain_http_mirror() {
        assert_eq!(settings(&[]).endpoint, DEFAULT_ENDPOINT);
        assert_eq!(settings(&[("HF_ENDPOINT", "http://127.0.0.1:8080/")]).endpoint, "http://127.0.0.1:8080");
    }

    #[test]
    fn a_token_comes_from_the_variable_then_from_the_login_file_and_is_never_shown() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("token"), "hf_file\n").expect("written");
        let place = home.path().to_str().expect("UTF-8");
        let from_file = settings(&[("HF_HOME", place)]).token.expect("a token");
        assert_eq!((from_file.value(), &from_file.origin), ("hf_file", &TokenOrigin::File(home.path().join("token"))));
        let both = settings(&[("HF_HOME", place), ("HF_TOKEN", " hf_variable ")]);
        assert_eq!(both.token.as_ref().map(Token::value), Some("hf_variable"));
        assert!(!format!("{both:?}").contains("hf_variable"));
        assert_eq!(settings(&[("HF_HOME", place), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token, None);
    }
}
