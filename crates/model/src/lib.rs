//! What a checkpoint is: what its files say, and how ids become a reward.
//!
//! `hub` brings a model's files, `format` reads them, `text` makes ids of a conversation, `task` settles what the model is taken
//! for, `decoder` turns ids into hidden states, `head` hidden states into a reward and `language` into the probability of the
//! next token; `loaded` is a model that is ready for either. `asking` says in what models were asked differently. Nothing here
//! knows of word lists, threads or screens.

#![warn(missing_docs)]

pub mod asking;
pub mod cancel;
pub mod checkpoint;
pub mod decoder;
pub mod device;
pub mod error;
pub mod format;
pub mod head;
pub mod hub;
pub mod language;
pub mod loaded;
mod nonempty;
pub mod policy;
pub mod provenance;
mod task;
pub mod text;
mod unread;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rewardscope_base::suggestions::named;

pub use cancel::Cancel;
pub use error::ModelError;
pub use policy::{Policies, PublishedDtype, ReadToken, SoftCap, TemplateDate};
pub use provenance::{ModelInfo, Provenance, Stated};

/// How many beginning-of-sequence tokens a conversation starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BosPolicy {
    /// One, where the chat template writes it or the tokenizer adds it; else none.
    #[default]
    Single,
    /// The template's text tokenized with special tokens added once more, as the published scripts do (often two).
    Published,
    /// None, even where the template writes one.
    None,
}

impl BosPolicy {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            BosPolicy::Single => "single",
            BosPolicy::Published => "published",
            BosPolicy::None => "none",
        }
    }
}

impl fmt::Display for BosPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a prompt is put to a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromptForm {
    /// The chat template's user turn and the opening of its answer.
    Chat,
    /// The prompt's text alone, and a space before the word: see [`text::continuation::gap`].
    Bare,
}

impl FromStr for BosPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        named(&[BosPolicy::Single, BosPolicy::Published, BosPolicy::None], text)
    }
}

/// The number format asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// The most exact that the machine has memory for, bf16 on a GPU.
    #[default]
    Auto,
    /// Single precision.
    F32,
    /// Half precision with the range of f32.
    Bf16,
    /// Half precision of IEEE 754.
    F16,
    /// Matrices quantized to eight bits where they are loaded; on the CPU alone.
    Q8_0,
}

impl Dtype {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::Auto => "auto",
            Dtype::F32 => "f32",
            Dtype::Bf16 => "bf16",
            Dtype::F16 => "f16",
            Dtype::Q8_0 => "q8_0",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dtype {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        named(&[Dtype::Auto, Dtype::F32, Dtype::Bf16, Dtype::F16, Dtype::Q8_0], text)
    }
}

/// The device asked for: `auto`, `cpu`, `cuda`, `cuda:1`, `metal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU of NVIDIA, by its number from 0.
    Cuda(usize),
    /// The GPU of a Mac.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            "metal" => Ok(DeviceChoice::Metal),
            _ => s
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| format!("no device '{s}': use auto, cpu, cuda, cuda:N or metal")),
        }
    }
}

/// What a checkpoint is taken for, whatever its files show beside its architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakenAs {
    /// Scored by log-probability, although there are signs of a reward model.
    LanguageModel,
}

impl TakenAs {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            TakenAs::LanguageModel => "language-model",
        }
    }
}

impl fmt::Display for TakenAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a model is to be loaded: everything that decides a score besides model, prompt and word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoadOptions {
    /// How many beginning-of-sequence tokens a conversation starts with.
    pub bos: BosPolicy,
    /// The number format asked for.
    pub dtype: Dtype,
    /// The device asked for.
    pub device: DeviceChoice,
    /// Folder with tokenizer and chat template for a model in GGUF, instead of its own.
    pub tokenizer: Option<Arc<Path>>,
    /// The day that chat templates are given.
    pub date: TemplateDate,
    /// Whether attention scores are soft-capped where the checkpoint asks for it.
    pub softcap: SoftCap,
    /// Rewards are rounded to this; none for rewards as computed. Who opens a model puts the dtype of its published run
    /// here, where the catalogue knows it.
    pub rounding: Option<PublishedDtype>,
    /// For language models alone; none: chat where there is a template. A reward model is always asked in its template.
    pub form: Option<PromptForm>,
    /// None: what the files say.
    pub taken_as: Option<TakenAs>,
    /// A language model's logit of this token after the conversation is its reward; none: what the files say.
    pub token_logit: Option<u32>,
    /// Rewards are normalized by the mean and the deviation that the checkpoint holds for that.
    pub normalize: bool,
    /// The engine reports the vocabulary as soon as the tokenizer is read; decides no score.
    pub vocabulary: bool,
    /// Row of a plain head that holds the reward, as the user or the catalogue says; none: row 0, as the published scripts read
    /// it, unless its label speaks against it.
    pub reward_row: Option<HeadRow>,
    /// The token that a reward is read at; none: as the code that the architecture names.
    pub read: Option<ReadToken>,
    /// Of several chat templates, the one of this name; none: the default.
    pub chat_template: Option<Arc<str>>,
}

/// A row of a head that has several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeadRow {
    /// The first is 0.
    Number(usize),
    /// As config.json calls it in `id2label`, in whatever case.
    Label(Arc<str>),
}

/// `1` is a number, anything else a label.
impl From<&str> for HeadRow {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| HeadRow::Label(text.into()), HeadRow::Number)
    }
}
