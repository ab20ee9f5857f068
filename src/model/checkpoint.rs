//! A checkpoint brought together: files to something that gives scores.

use candle_core::{DType, Device, Tensor};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::config::{DecoderConfig, ModelConfig, Task};
use super::decoder::{Decoder, Nodes, Role};
use super::device::Chosen;
use super::files::Files;
use super::head::{self, GatingPattern, Head};
use super::language::LanguageModel;
use super::template::ChatTemplate;
use super::tokenizer::ChatTokenizer;
use super::weights::{Keep, Meter, Stored, Weights};
use super::{
    Cancel, LoadOptions, ModelError, Policies, PromptForm, Provenance, PublishedDtype, SoftCap, TemplateDate, Unit, device,
};
use crate::engine::ModelInfo;

/// What a model is called, and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLabel {
    /// What tables call it.
    pub name: String,
    /// Repository, directory or bundled name.
    pub source: String,
    /// Commit, or hash of the bundled files.
    pub revision: Option<String>,
}

/// A model in memory: what its scores are differs, what it is otherwise does not.
pub enum LoadedModel {
    Reward(RewardModel),
    Language(LanguageModel),
}

impl LoadedModel {
    /// Loads a checkpoint as what its config.json says that it is. `progress` is told the bytes of weights read and to
    /// read, at least every 4 MiB, and `cancel` is looked at as often.
    ///
    /// What can be wrong with the small files is found before the first byte of weights is read.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let checkpoint = Checkpoint::open(files, label, options)?;
        Ok(match checkpoint.config.task {
            Task::Reward => LoadedModel::Reward(RewardModel::from_checkpoint(checkpoint, progress, cancel)?),
            Task::Language => LoadedModel::Language(LanguageModel::load(checkpoint, progress, cancel)?),
        })
    }

    pub fn decoder(&self) -> &Decoder {
        match self {
            LoadedModel::Reward(model) => &model.decoder,
            LoadedModel::Language(model) => &model.decoder,
        }
    }

    pub fn tokenizer(&self) -> &ChatTokenizer {
        match self {
            LoadedModel::Reward(model) => &model.tokenizer,
            LoadedModel::Language(model) => &model.tokenizer,
        }
    }

    pub fn info(&self) -> &ModelInfo {
        match self {
            LoadedModel::Reward(model) => &model.info,
            LoadedModel::Language(model) => &model.info,
        }
    }
}

/// A reward model in memory, ready to score. Dropping it frees its memory.
pub struct RewardModel {
    pub decoder: Decoder,
    pub head: Head,
    /// Where the head's gate reads, for a head that has one.
    pub gating: Option<GatingPattern>,
    pub tokenizer: ChatTokenizer,
    pub info: ModelInfo,
    /// What rewards are rounded to before they are told; none for rewards as computed.
    pub rounding: Option<PublishedDtype>,
}

impl RewardModel {
    /// [`LoadedModel::load`] for a checkpoint that must be a reward model.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<RewardModel, ModelError> {
        let checkpoint = Checkpoint::open(files, label, options)?;
        if checkpoint.config.task != Task::Reward {
            return Err(checkpoint.config.not_a_reward_model(files));
        }
        Self::from_checkpoint(checkpoint, progress, cancel)
    }

    fn from_checkpoint(
        checkpoint: Checkpoint<'_>,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        checkpoint.tokenizer.chat_template()?;
        let mut loading = checkpoint.loading(progress, cancel);
        // The head first: a model without one is found out before gigabytes are read.
        let Checkpoint { files, config, weights, device, options, .. } = &checkpoint;
        let head = Head::load(files, config, weights, options.reward_row, device, &mut loading.meter)?;
        let gating = head.is_gated().then(|| GatingPattern::of(config.family, &checkpoint.tokenizer)).transpose()?;
        loading.count(head.parameters(), DType::F32);
        let decoder = loading.decoder()?;
        let loaded = loading.finish();
        let info = checkpoint.info(loaded, head.describe(), checkpoint.template_text(), Unit::Reward);
        let rounding = checkpoint.options.rounding;
        Ok(RewardModel { decoder, head, gating, tokenizer: checkpoint.tokenizer, info, rounding })
    }

    /// Rewards as they are told: rounded where that was asked for.
    pub fn published(&self, rewards: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        match self.rounding {
            Some(dtype) => dtype.round(rewards),
            None => Ok(rewards),
        }
    }

    /// The position at which the gate reads a conversation; `None` for a head without one.
    ///
    /// Fails where the conversation lacks the gating pattern.
    pub fn gate_position(&self, ids: &[u32]) -> Result<Option<usize>, ModelError> {
        self.gating.as_ref().map(|pattern| pattern.last(ids)).transpose()
    }

    /// The reward of one conversation run on its own, nothing shared: slow, and what every faster way must agree with.
    pub fn reward_alone(&self, ids: &[u32], cancel: &Cancel) -> Result<f32, ModelError> {
        let last = ids.len().saturating_sub(1);
        let gate = self.gate_position(ids)?;
        let reads: Vec<u32> = std::iter::once(last).chain(gate).map(|at| at as u32).collect();
        let hidden = self.decoder.forward(&Nodes::chain(ids, 0), None, &reads, false, cancel)?.hidden;
        let gate = gate.map(|_| hidden.narrow(0, 1, 1)).transpose()?;
        let rewards = self.head.rewards(&hidden.narrow(0, 0, 1)?, gate.as_ref())?;
        rewards.first().copied().ok_or_else(|| candle_core::Error::msg("one conversation gave no reward").into())
    }
}

/// A checkpoint whose small files have been read, and whose weights are open.
pub(super) struct Checkpoint<'a> {
    files: &'a Files,
    label: &'a SourceLabel,
    pub(super) options: &'a LoadOptions,
    pub(super) config: ModelConfig,
    pub(super) tokenizer: ChatTokenizer,
    policies: Policies,
    weights: Weights,
    device: Device,
    dtype: DType,
    dtype_reason: String,
}

impl<'a> Checkpoint<'a> {
    fn open(files: &'a Files, label: &'a SourceLabel, options: &'a LoadOptions) -> Result<Self, ModelError> {
        let (mut config, tokenizer) = read_small(files, options)?;
        let policies = policies(&config, &tokenizer, options);
        if options.softcap == SoftCap::Off {
            config.decoder.attention_softcap = None;
        }
        let weights = Weights::open(files)?;
        let device = device::open(options.device)?;
        let Chosen { dtype, reason } = choose(&weights, &config, options, &device);
        Ok(Checkpoint { files, label, options, config, tokenizer, policies, weights, device, dtype, dtype_reason: reason })
    }

    /// Begins to read weights.
    pub(super) fn loading<'b>(&'b self, progress: &'b mut dyn FnMut(u64, u64), cancel: &'b Cancel) -> Loading<'b> {
        let used = self.weights.tensors().filter(|(name, _)| is_used(name, &self.config));
        let total = used.map(|(_, stored)| stored.bytes()).sum();
        let meter = Meter { progress, cancel, done: 0, total };
        Loading { checkpoint: self, meter, parameters: 0, memory_bytes: 0 }
    }

    pub(super) fn template_text(&self) -> String {
        self.tokenizer.template().map(ChatTemplate::describe).unwrap_or_else(|| "none".to_owned())
    }

    pub(super) fn info(&self, loaded: Loaded, head: String, template: String, unit: Unit) -> ModelInfo {
        let provenance = Provenance {
            source: self.label.source.clone(),
            revision: self.label.revision.clone(),
            architecture: self.config.architecture.clone(),
            quantized: self.weights.formats(),
            dtype: self.dtype.as_str().to_owned(),
            dtype_reason: self.dtype_reason.clone(),
            device: device::name(&self.device),
            bos: self.options.bos.to_string(),
            template,
            head,
            assumed: self.config.assumed.clone(),
            parameters: loaded.parameters,
            unit,
            recorded: false,
            demonstration: matches!(self.files, Files::Bundled { .. }),
            policies: self.policies.clone(),
        };
        ModelInfo { family: self.config.family, provenance, memory_bytes: loaded.memory_bytes }
    }
}

/// Weights on their way into memory, counted.
pub(super) struct Loading<'a> {
    checkpoint: &'a Checkpoint<'a>,
    meter: Meter<'a>,
    parameters: u64,
    memory_bytes: u64,
}

/// What has been loaded.
pub(super) struct Loaded {
    parameters: u64,
    memory_bytes: u64,
}

impl Loading<'_> {
    pub(super) fn fetch(&mut self, name: &str, shape: &[usize], role: Role) -> Result<Tensor, ModelError> {
        let Checkpoint { weights, device, dtype, .. } = self.checkpoint;
        let tensor = weights.load(name, shape, keep(role, *dtype), device, &mut self.meter)?;
        self.count(tensor.elem_count() as u64, tensor.dtype());
        Ok(tensor)
    }

    fn count(&mut self, parameters: u64, dtype: DType) {
        self.parameters += parameters;
        self.memory_bytes += parameters * dtype.size_in_bytes() as u64;
    }

    pub(super) fn decoder(&mut self) -> Result<Decoder, ModelError> {
        let Checkpoint { config, device, dtype, .. } = self.checkpoint;
        Decoder::load(&config.decoder, *dtype, device, &mut |name, shape, role| self.fetch(name, shape, role))
    }

    pub(super) fn finish(self) -> Loaded {
        (self.meter.progress)(self.meter.total, self.meter.total);
        Loaded { parameters: self.parameters, memory_bytes: self.memory_bytes }
    }
}

/// The tokenizer alone, for a look at ids while the weights are not in memory; of a language model, with the form in which
/// a prompt is put to it.
pub fn read_tokenizer(files: &Files, options: &LoadOptions) -> Result<(ChatTokenizer, Option<PromptForm>), ModelError> {
    let (config, tokenizer) = read_small(files, options)?;
    let form = (config.task == Task::Language).then(|| tokenizer.form(options.form));
    Ok((tokenizer, form))
}

fn read_small(files: &Files, options: &LoadOptions) -> Result<(ModelConfig, ChatTokenizer), ModelError> {
    let config = ModelConfig::read(files)?;
    let (rows, bos) = (config.decoder.vocab_size, config.bos_token_id);
    let tokenizer = ChatTokenizer::on(files, options.bos, options.date, rows, bos)?;
    Ok((config, tokenizer))
}

/// What of the options holds for this model; those that have nothing to act on are named.
fn policies(config: &ModelConfig, tokenizer: &ChatTokenizer, options: &LoadOptions) -> Policies {
    let has_cap = config.decoder.attention_softcap.is_some();
    let mut notes = Vec::new();
    if options.softcap == SoftCap::Off && !has_cap {
        notes.push("--softcap off changes nothing: this model has no attention soft-cap".to_owned());
    }
    if options.date != TemplateDate::default() && !tokenizer.template().is_some_and(ChatTemplate::is_dated) {
        notes.push("--template-date changes nothing: this model's chat template asks for no date".to_owned());
    }
    let reward = config.task == Task::Reward;
    if options.rounding.is_some() && !reward {
        notes.push("--reference-rounding changes nothing: this model gives log-probabilities, not rewards".to_owned());
    }
    Policies {
        attention_softcap: has_cap.then_some(options.softcap),
        rewards_rounded_to: options.rounding.filter(|_| reward),
        notes,
    }
}

/// What a checkpoint will be in memory, from the headers of its files.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// On the device that will hold them.
    pub weights_bytes: u64,
    pub config: DecoderConfig,
    pub device: Device,
    /// `cpu`, `cuda:0`.
    pub device_name: String,
    /// What products are computed in: `f32`.
    pub dtype: String,
}

/// Opens the device and reads headers, no weights.
pub fn estimate(files: &Files, options: &LoadOptions) -> Result<Estimate, ModelError> {
    // What the configuration says is wrong comes before what its weights lack.
    let config = ModelConfig::read(files)?;
    let weights = Weights::open(files)?;
    let device = device::open(options.device)?;
    let chosen = choose(&weights, &config, options, &device);
    Ok(Estimate {
        weights_bytes: memory(&weights, &config, chosen.dtype),
        config: config.decoder,
        device_name: device::name(&device),
        device,
        dtype: chosen.dtype.as_str().to_owned(),
    })
}

/// Bytes of main memory that the weights will take, from the headers of their files; 0 where another device holds them.
pub fn estimate_bytes(files: &Files, options: &LoadOptions) -> Result<u64, ModelError> {
    let estimate = estimate(files, options)?;
    Ok(if estimate.device.is_cpu() { estimate.weights_bytes } else { 0 })
}

/// Device and compute dtype that a checkpoint is loaded with, from the headers of its files: `cuda:0`, `bf16`.
pub fn place(files: &Files, options: &LoadOptions) -> Result<(String, String), ModelError> {
    let estimate = estimate(files, options)?;
    Ok((estimate.device_name, estimate.dtype))
}

fn choose(weights: &Weights, config: &ModelConfig, options: &LoadOptions, device: &Device) -> Chosen {
    device::choose(options.dtype, device, memory(weights, config, DType::F32), machine_bytes())
}

fn keep(role: Role, dtype: DType) -> Keep {
    match role {
        Role::Embedding => Keep::AsStored,
        Role::Linear => Keep::As(dtype),
        Role::Small => Keep::As(DType::F32),
    }
}

/// An output matrix stays on disk where only rewards are asked for, or where the embedding is the output matrix; so do
/// what sees images and what only training counts.
fn is_used(name: &str, config: &ModelConfig) -> bool {
    let name = name.strip_prefix("model.").unwrap_or(name);
    if head::is_a_counter(name) {
        return false;
    }
    if name.starts_with("lm_head.") {
        return config.task == Task::Language && !config.tied;
    }
    !["vision_tower.", "multi_modal_projector."].iter().any(|part| name.starts_with(part))
}

fn memory(weights: &Weights, config: &ModelConfig, dtype: DType) -> u64 {
    let bytes = |(name, stored): (&str, &Stored)| {
        let role = match name {
            name if name.ends_with("embed_tokens.weight") || name == "lm_head.weight" => Role::Embedding,
            name if stored.shape.len() < 2 || head::is_of_a_head(name) => Role::Small,
            _ => Role::Linear,
        };
        let dtype = stored.kept_dtype(keep(role, dtype)).unwrap_or(DType::F32);
        stored.elements() * dtype.size_in_bytes() as u64
    };
    weights.tensors().filter(|(name, _)| is_used(name, config)).map(bytes).sum()
}

/// Memory of the machine, within the limit of this process's control group.
fn machine_bytes() -> u64 {
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let total = system.total_memory();
    system.cgroup_limits().map_or(total, |limits| total.min(limits.total_memory))
}
