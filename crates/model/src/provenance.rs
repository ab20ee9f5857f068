//! What a score rests on: the files, what computed it and how its model was asked.
//!
//! Each fact is typed, and written as the text that files and stores have held from the start.

use std::fmt;
use std::str::FromStr;

use rewardscope_base::terms::{Family, Unit};
use rewardscope_kernels::Kernel;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::device::{Compute, DeviceName};
use super::{BosPolicy, Policies};

/// A fact as a file may state it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// The file states this.
    Known(T),
    /// `recorded`: scores came in a file that does not say.
    #[default]
    Unknown,
    /// What this version has no name for, and what two models of a pair do not share: `f32 / bf16`.
    Other(String),
}

impl<T> Stated<T> {
    /// The fact, where there is one.
    pub fn known(&self) -> Option<&T> {
        if let Stated::Known(fact) = self { Some(fact) } else { None }
    }
}

impl<T: PartialEq + fmt::Display> Stated<T> {
    /// Of two models together: what both state, else both texts, `f32 / bf16`.
    pub fn of_both(a: Self, b: Self) -> Self {
        if a == b { a } else { Stated::Other(format!("{a} / {b}")) }
    }
}

const UNKNOWN: &str = "recorded";

impl<T: FromStr> From<&str> for Stated<T> {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(fact) => Stated::Known(fact),
            Err(_) if text == UNKNOWN => Stated::Unknown,
            Err(_) => Stated::Other(text.to_owned()),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Stated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stated::Known(fact) => fact.fmt(f),
            Stated::Unknown => f.write_str(UNKNOWN),
            Stated::Other(text) => f.write_str(text),
        }
    }
}

impl<T: fmt::Display> Serialize for Stated<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Stated<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(deserializer)?.as_str().into())
    }
}

/// The code that multiplies matrices, and, where its name leaves that open, what all else was compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Whose products of matrices.
    pub products: Products,
    /// `x86_64+fma`: the architecture, and whether norms and attention are computed with fused operations.
    pub build: Option<String>,
}

/// Whose products of matrices a model is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// One of our kernels for the CPU.
    Kernel(Kernel),
    /// candle's own.
    Candle,
    /// cuBLASLt's between our kernels on an NVIDIA GPU. The name has a number, which is raised where a bit of a score changes.
    Cuda,
    /// Those of one of candle-transformers' models, which computes everything else as well. The number is raised with a version
    /// of candle that changes a bit of a score.
    Stock,
}

impl Products {
    fn name(self) -> &'static str {
        match self {
            Products::Kernel(kernel) => kernel.name(),
            Products::Candle => "candle",
            Products::Cuda => "cuda1",
            Products::Stock => "stock1",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.products.name())?;
        self.build.iter().try_for_each(|build| write!(f, "-{build}"))
    }
}

impl FromStr for Backend {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, build) = text.split_once('-').map_or((text, None), |(name, build)| (name, Some(build.to_owned())));
        let ours = Kernel::ALL.into_iter().map(Products::Kernel);
        let products =
            ours.chain([Products::Candle, Products::Cuda, Products::Stock]).find(|products| products.name() == name).ok_or(())?;
        Ok(Backend { products, build })
    }
}

/// What stands beside every score: where the number comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Repository id, directory, bundled name or recorded file.
    pub source: String,
    /// Commit of the repository, or a hash of the bundled files; none for a plain directory.
    pub revision: Option<String>,
    /// `LlamaForSequenceClassification`, or `recorded`.
    pub architecture: String,
    /// What matrices are multiplied in.
    pub dtype: Stated<Compute>,
    /// Why it is that, in one sentence; empty where only the numbers are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dtype_reason: String,
    /// How GGUF holds the weights that are computed with in that dtype: `Q4K, Q8_0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantized: Option<String>,
    /// Where it was computed.
    pub device: Stated<DeviceName>,
    /// The code that multiplies; old files do not state it.
    #[serde(default)]
    pub kernel: Stated<Backend>,
    /// How many beginning-of-sequence tokens there were.
    pub bos: Stated<BosPolicy>,
    /// Where the chat template stood, and the date it was given: `chat_template.jinja, 26 Jul 2024`.
    pub template: String,
    /// `score.weight [1, 2048] f32`.
    pub head: String,
    /// What the checkpoint leaves out and was taken as its architecture documents it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
    /// How many numbers the model holds; 0 where that is not known.
    pub parameters: u64,
    /// What the scores are.
    pub unit: Unit,
    /// The scores came in a file, and no model is loaded.
    pub recorded: bool,
    /// One of the pair that is compiled into the program.
    pub demonstration: bool,
    /// Of the two models that an implicit reward is made of; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Provenance>,
    /// The choices that held.
    #[serde(flatten)]
    pub policies: Policies,
}

/// What is known of a model once its files are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The base model that it grew from.
    pub family: Family,
    /// What its scores rest on.
    pub provenance: Provenance,
    /// Memory that its weights take, in bytes; 0 for recorded scores.
    pub memory_bytes: u64,
}

impl Provenance {
    /// Of a file of which nothing is known but its numbers.
    pub fn of_recorded(source: String) -> Self {
        let recorded = || UNKNOWN.to_owned();
        Provenance {
            source,
            revision: None,
            architecture: recorded(),
            dtype: Stated::Unknown,
            dtype_reason: String::new(),
            device: Stated::Unknown,
            kernel: Stated::Unknown,
            bos: Stated::Unknown,
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

    /// True for recorded scores whose file says nothing else.
    pub fn is_of_numbers_alone(&self) -> bool {
        self.recorded && self.dtype == Stated::Unknown
    }

    /// One line: `meta/llama@ab12cd · f32 · cpu · BOS single · template ... · head ...`.
    pub fn summary(&self) -> String {
        if self.is_of_numbers_alone() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As versions before this one wrote it, of one model and of a pair.
    const OLD: &str = r#"{"source":"mwlr:a,b","revision":null,"architecture":"implicit reward","dtype":"f32 / bf16","device":"cuda:1","kernel":"candle","bos":"recorded","template":"none","head":"x","parameters":1,"unit":"mwlr","recorded":false,"demonstration":false,"parts":[{"source":"a","revision":null,"architecture":"LlamaForCausalLM","dtype":"bf16","device":"cpu","kernel":"portable-x86_64+fma","bos":"published","template":"none","head":"x","parameters":1,"unit":"nats","recorded":false,"demonstration":false,"attention_softcap":null,"rewards_rounded_to":null,"notes":[]}],"attention_softcap":null,"rewards_rounded_to":null,"notes":[]}"#;

    #[test]
    fn provenance_is_read_and_written_as_before() {
        let pair: Provenance = serde_json::from_str(OLD).unwrap();
        assert_eq!(serde_json::to_string(&pair).unwrap(), OLD);
        assert_eq!((&pair.dtype, &pair.bos), (&Stated::Other("f32 / bf16".to_owned()), &Stated::Unknown));
        let backend = Backend { products: Products::Kernel(Kernel::Portable), build: Some("x86_64+fma".to_owned()) };
        let part = &pair.parts[0];
        assert_eq!(part.dtype.known(), Some(&Compute::Bf16));
        assert_eq!(part.device.known(), Some(&DeviceName::Cpu));
        assert_eq!(part.bos.known(), Some(&BosPolicy::Published));
        assert_eq!(part.kernel.known(), Some(&backend));
        assert_eq!(pair.device.known(), Some(&DeviceName::Cuda(1)));
        let foreign = OLD.replace("\"bf16\"", "\"fp8\"").replace("portable-", "avx1024-");
        let read: Provenance = serde_json::from_str(&foreign).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), foreign, "what a later version writes is kept");
    }

    #[test]
    fn two_models_state_together_what_both_state() {
        let both = |a: &str, b: &str| Stated::<Compute>::of_both(a.into(), b.into()).to_string();
        assert_eq!((both("f32", "f32"), both("f32", "recorded")), ("f32".to_owned(), "f32 / recorded".to_owned()));
    }
}
