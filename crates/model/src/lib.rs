//! What a checkpoint is: what its files say, and how ids become a reward.
//!
//! `hub` brings a model's files, `format` reads them, `text` makes ids of a conversation, `task` settles what the model is taken
//! for, `decoder` turns ids into hidden states, `head` hidden states into a reward and `language` into the probability of the
//! next token; `loaded` is a model that is ready for either. `asking` says in what models were asked differently. Nothing here
//! knows of word lists, threads or screens.

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
mod task;
pub mod text;

use rewardscope_base::terms::{Family, Unit};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

pub use cancel::Cancel;
pub use error::ModelError;
pub use policy::{Policies, PublishedDtype, SoftCap, TemplateDate};

/// How many beginning-of-sequence tokens a conversation starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum BosPolicy {
    /// Exactly one: what the model was trained on.
    #[default]
    Single,
    /// The template's text tokenized with special tokens added once more, as the published scripts do (often two).
    Published,
    /// None, even where the template writes one.
    None,
}

impl fmt::Display for BosPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BosPolicy::Single => "single",
            BosPolicy::Published => "published",
            BosPolicy::None => "none",
        })
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

/// The number format asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Dtype {
    #[default]
    Auto,
    F32,
    Bf16,
    F16,
    /// Matrices quantized to eight bits where they are loaded; on the CPU alone.
    #[value(name = "q8_0")]
    Q8_0,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::Auto => "auto",
            Dtype::F32 => "f32",
            Dtype::Bf16 => "bf16",
            Dtype::F16 => "f16",
            Dtype::Q8_0 => "q8_0",
        })
    }
}

/// The device asked for: `auto`, `cpu`, `cuda`, `cuda:1`, `metal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    #[default]
    Auto,
    Cpu,
    Cuda(usize),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub enum TakenAs {
    /// Scored by log-probability, although there are signs of a reward model.
    LanguageModel,
}

/// Everything about a run that decides a score, besides model, prompt and word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoadOptions {
    pub bos: BosPolicy,
    pub dtype: Dtype,
    pub device: DeviceChoice,
    /// Folder with tokenizer and chat template for a model in GGUF, instead of its own. As given on the command line, and so
    /// alive as long as the program.
    pub tokenizer: Option<&'static Path>,
    pub date: TemplateDate,
    pub softcap: SoftCap,
    /// Rewards are rounded to this; none for rewards as computed. Who opens a model puts the dtype of its published run
    /// here, where the catalogue knows it.
    pub rounding: Option<PublishedDtype>,
    /// For language models alone; none: chat where there is a template. A reward model is always asked in its template.
    pub form: Option<PromptForm>,
    /// None: what the files say.
    pub taken_as: Option<TakenAs>,
    /// Tell the vocabulary as soon as the tokenizer is there.
    pub vocabulary: bool,
    /// Row of a plain head that holds the reward, where the catalogue says; none: row 0, as the published scripts read it.
    pub reward_row: Option<usize>,
}

/// What stands beside every score: where the number comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// Repository id, directory, bundled name or recorded file.
    pub source: String,
    /// Commit of the repository, or a hash of the bundled files; none for a plain directory.
    pub revision: Option<String>,
    /// `LlamaForSequenceClassification`, or `recorded`.
    pub architecture: String,
    /// Compute dtype: `f32`, `bf16`, `f16`, `q8_0`; `recorded` where only the numbers are known.
    pub dtype: String,
    /// Why it is that, in one sentence; empty where only the numbers are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dtype_reason: String,
    /// How GGUF holds the weights that are computed with in that dtype: `Q4K, Q8_0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantized: Option<String>,
    pub device: String,
    /// What multiplies: `avx512bf16`, `avx512`, `avx2`, `portable`; `candle` for its own products.
    #[serde(default)]
    pub kernel: String,
    pub bos: String,
    /// Where the chat template stood, and the date it was given: `chat_template.jinja, 26 Jul 2024`.
    pub template: String,
    /// `score.weight [1, 2048] f32`.
    pub head: String,
    /// What the checkpoint leaves out and was taken as its architecture documents it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
    pub parameters: u64,
    /// What the scores are.
    pub unit: Unit,
    pub recorded: bool,
    pub demonstration: bool,
    /// Of the two models that an implicit reward is made of; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Provenance>,
    #[serde(flatten)]
    pub policies: Policies,
}

/// What is known of a model once its files are read.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelInfo {
    pub family: Family,
    pub provenance: Provenance,
    /// Memory that its weights take, in bytes; 0 for recorded scores.
    pub memory_bytes: u64,
}

impl Provenance {
    /// Of a file of which nothing is known but its numbers.
    pub fn of_recorded(source: String) -> Self {
        let recorded = || "recorded".to_owned();
        Provenance {
            source,
            revision: None,
            architecture: recorded(),
            dtype: recorded(),
            dtype_reason: String::new(),
            device: recorded(),
            kernel: recorded(),
            bos: recorded(),
            template: recorded(),
            head: recorded(),
            quantized: None,
            assumed: Vec::new(),
            parameters: 0,
            unit: Unit::Reward,
            recorded: true,
            demonstration: false,
            parts: Vec::new(),
            policies: Policies::default(),
        }
    }

    /// One line: `meta/llama@ab12cd · f32 · cpu · BOS single · template ... · head ...`.
    pub fn summary(&self) -> String {
        // A file that says nothing but numbers.
        if self.recorded && self.dtype == "recorded" {
            return format!("{} · recorded, not live", self.source);
        }
        let recorded = if self.recorded { " · recorded, not live" } else { "" };
        let revision = self.revision.as_deref().map(|r| format!("@{}", r.get(..7).unwrap_or(r))).unwrap_or_default();
        let assumed = if self.assumed.is_empty() { String::new() } else { format!(" · assumed: {}", self.assumed.join(", ")) };
        let quantized = self.quantized.as_deref().map(|formats| format!(" from {formats}")).unwrap_or_default();
        let policies: String = self.policies.facts().iter().map(|fact| format!(" · {fact}")).collect();
        format!(
            "{}{revision}{recorded} · {}{quantized} · {} · BOS {} · template {} · head {} · {}{policies}{assumed}",
            self.source, self.dtype, self.device, self.bos, self.template, self.head, self.unit
        )
    }
}
