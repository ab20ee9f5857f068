//! What the user has settled once and for all: `config.toml`, and the folders that programs keep things in.
//!
//! A setting given on the command line or in the environment goes before the file (see [`Settings::or`]). The file holds
//! only what differs from the defaults; it is never written by the program.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use etcetera::AppStrategy as _;
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::base::text::visible;
use crate::base::toml_file;
use crate::base::toml_file::TomlError;
use crate::model::{BosPolicy, DeviceChoice, Dtype, SoftCap, TemplateDate};

/// Names another configuration folder than the usual one.
pub const CONFIG_VARIABLE: &str = "REWARDSCOPE_CONFIG";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{CONFIG_VARIABLE} names {}, which is not a folder; make it, or unset the variable", visible(&.0.to_string_lossy()))]
    NotAFolder(PathBuf),
    #[error("cannot read {}: {source}; check its permissions, or move it away", visible(&.path.to_string_lossy()))]
    Read { path: PathBuf, source: io::Error },
    #[error("{0}")]
    File(#[from] TomlError),
}

/// Where things lie, each a folder of our own that need not exist. None where the system names no home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// The user's own files: `config.toml`, `models.toml`, `corpora/`, `prompts/`, `themes/`.
    pub config: Option<PathBuf>,
    /// What is worth keeping.
    pub data: Option<PathBuf>,
    /// Logs.
    pub state: Option<PathBuf>,
    /// What can be made again.
    pub cache: Option<PathBuf>,
}

impl Folders {
    /// The folders of this user: those of the XDG base directories, on macOS too, as for most programs of the command line.
    pub fn find() -> Result<Self, ConfigError> {
        let mut folders = Self::default();
        let names = etcetera::AppStrategyArgs {
            top_level_domain: String::new(),
            author: String::new(),
            app_name: "rewardscope".to_owned(),
        };
        if let Ok(strategy) = etcetera::choose_app_strategy(names) {
            folders.config = Some(strategy.config_dir());
            folders.data = Some(strategy.data_dir());
            folders.state = strategy.state_dir();
            folders.cache = Some(strategy.cache_dir());
        }
        if let Some(folder) = std::env::var_os(CONFIG_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from) {
            if !folder.is_dir() {
                return Err(ConfigError::NotAFolder(folder));
            }
            folders.config = Some(folder);
        }
        Ok(folders)
    }
}

/// What can be settled in `config.toml`; the same names as on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub theme: Option<String>,
    pub ascii: Option<bool>,
    /// A corpus by name or file.
    pub corpus: Option<String>,
    /// A prompt by key, a prompt's text, or `all`.
    pub prompt: Option<String>,
    /// What to open where the command line names no MODEL.
    pub models: Option<Vec<String>>,
    #[serde(deserialize_with = "parsed")]
    pub bos: Option<BosPolicy>,
    #[serde(deserialize_with = "parsed")]
    pub dtype: Option<Dtype>,
    #[serde(deserialize_with = "parsed")]
    pub device: Option<DeviceChoice>,
    #[serde(deserialize_with = "parsed")]
    pub template_date: Option<TemplateDate>,
    #[serde(deserialize_with = "parsed")]
    pub softcap: Option<SoftCap>,
    pub reference_rounding: Option<bool>,
}

impl Settings {
    /// Reads `config.toml` in the configuration folder; without one, nothing is settled.
    pub fn load(config: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = config.map(|folder| folder.join("config.toml")) else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(toml_file::parse(&path.to_string_lossy(), &text)?),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }

    /// These settings, and those of `fallback` where these say nothing.
    pub fn or(self, fallback: Self) -> Self {
        Self {
            theme: self.theme.or(fallback.theme),
            ascii: self.ascii.or(fallback.ascii),
            corpus: self.corpus.or(fallback.corpus),
            prompt: self.prompt.or(fallback.prompt),
            models: self.models.or(fallback.models),
            bos: self.bos.or(fallback.bos),
            dtype: self.dtype.or(fallback.dtype),
            device: self.device.or(fallback.device),
            template_date: self.template_date.or(fallback.template_date),
            softcap: self.softcap.or(fallback.softcap),
            reference_rounding: self.reference_rounding.or(fallback.reference_rounding),
        }
    }
}

/// A value that the command line reads from its text.
fn parsed<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config.toml"), text).expect("a file");
        Settings::load(Some(folder.path()))
    }

    #[test]
    fn every_setting_is_read() {
        let text = "theme = 'dark'\nascii = true\ncorpus = 'big-two'\nprompt = 'best_ever_one'\nmodels = ['demo-llama']\n\
                    bos = 'published'\ndtype = 'bf16'\ndevice = 'cuda:1'\ntemplate_date = '2026-11-23'\nsoftcap = 'off'\n\
                    reference_rounding = true";
        let settings = load(text).expect("valid");
        let expected = Settings {
            theme: Some("dark".into()),
            ascii: Some(true),
            corpus: Some("big-two".into()),
            prompt: Some("best_ever_one".into()),
            models: Some(vec!["demo-llama".into()]),
            bos: Some(BosPolicy::Published),
            dtype: Some(Dtype::Bf16),
            device: Some(DeviceChoice::Cuda(1)),
            template_date: Some("2026-11-23".parse().expect("a date")),
            softcap: Some(SoftCap::Off),
            reference_rounding: Some(true),
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn without_a_file_nothing_is_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Settings::load(Some(folder.path())).expect("no file is no mistake"), Settings::default());
        assert_eq!(Settings::load(None).expect("no folder is no mistake"), Settings::default());
        assert_eq!(load("").expect("valid"), Settings::default());
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0, "nothing is written");
    }

    #[test]
    fn every_mistake_names_file_line_key_and_what_is_allowed() {
        for (text, line, parts) in [
            ("ascii = true\nthme = 'dark'", 2, &["unknown field `thme`", "`theme`", "`device`"][..]),
            ("ascii = 'yes'", 1, &["ascii = 'yes'", "expected a boolean"]),
            ("dtype = 'bf61'", 1, &["no value 'bf61'", "did you mean 'bf16'", "auto, f32, bf16, f16"]),
            ("bos = 1", 1, &["bos = 1", "expected a string"]),
            ("device = 'gpu'", 1, &["no device 'gpu'", "cuda:N"]),
            ("template_date = 'then'", 1, &["'then' is no date", "today"]),
            ("softcap = 'of'", 1, &["no value 'of'", "on, off"]),
            ("models = 'demo-llama'", 1, &["models", "expected a sequence"]),
            ("theme = 'a'\ntheme = 'b'", 2, &["duplicate key"]),
            ("theme = ", 1, &["theme ="]),
        ] {
            let error = load(text).expect_err(text).to_string();
            assert!(error.contains(&format!("config.toml, line {line} (")), "{error}");
            for part in parts {
                assert!(error.contains(part), "{error} lacks {part}");
            }
        }
    }

    #[test]
    fn a_config_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("config.toml")).expect("a folder where the file should be");
        let error = Settings::load(Some(folder.path())).expect_err("a folder is not a file").to_string();
        assert!(error.contains("config.toml"), "{error}");
        let error = load("theme = '\u{0}'").expect_err("a control character").to_string();
        assert!(!error.contains(crate::base::text::is_unsafe), "{error:?}");
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let line = Settings { theme: Some("light".into()), ..Settings::default() };
        let file = Settings { theme: Some("dark".into()), ascii: Some(true), ..Settings::default() };
        let both = line.or(file);
        assert_eq!((both.theme.as_deref(), both.ascii), (Some("light"), Some(true)));
    }
}
