//! A checkpoint brought together: files to something that gives rewards.

use candle_core::{DType, Device};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::config::ModelConfig;
use super::decoder::{Decoder, Role};
use super::files::Files;
use super::head::Head;
use super::tokenizer::ChatTokenizer;
use super::weights::{Keep, Meter, Stored, Weights};
use super::{Cancel, LoadOptions, ModelError, Provenance, device};
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

/// A model in memory, ready to score. Dropping it frees its memory.
pub struct RewardModel {
    pub decoder: Decoder,
    pub head: Head,
    pub tokenizer: ChatTokenizer,
    pub info: ModelInfo,
}

impl RewardModel {
    /// Loads a checkpoint. `progress` is told the bytes of weights read and to read, at least every 4 MiB, and `cancel` is
    /// looked at as often.
    ///
    /// What can be wrong with the small files is found before the first byte of weights is read.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<RewardModel, ModelError> {
        let config = ModelConfig::read(files)?;
        let tokenizer = ChatTokenizer::load(files, options.bos, config.decoder.vocab_size, config.bos_token_id)?;
        let weights = Weights::open(files)?;
        let device = device::open(options.device)?;
        let dtype = dtype(&weights, options, &device);

        let total = weights.tensors().filter(|(name, _)| is_used(name)).map(|(_, stored)| stored.bytes()).sum();
        let mut meter = Meter { progress, cancel, done: 0, total };
        let (mut parameters, mut memory_bytes) = (0, 0);
        // The head first: a model without one is found out before gigabytes are read.
        let head = Head::load(files, &config, &weights, &device, &mut meter)?;
        let decoder = Decoder::load(&config.decoder, dtype, &device, &mut |name, shape, role| {
            let tensor = weights.load(name, shape, keep(role, dtype), &device, &mut meter)?;
            parameters += tensor.elem_count() as u64;
            memory_bytes += (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64;
            Ok(tensor)
        })?;
        (meter.progress)(total, total);

        parameters += head.parameters();
        memory_bytes += head.parameters() * DType::F32.size_in_bytes() as u64;
        let provenance = Provenance {
            source: label.source.clone(),
            revision: label.revision.clone(),
            architecture: config.architecture,
            dtype: dtype.as_str().to_owned(),
            device: device::name(&device),
            bos: options.bos.to_string(),
            template: tokenizer.template().describe(),
            head: head.describe(),
            parameters,
            recorded: false,
            demonstration: matches!(files, Files::Bundled { .. }),
        };
        let info = ModelInfo { family: config.family, provenance, memory_bytes };
        Ok(RewardModel { decoder, head, tokenizer, info })
    }
}

/// Bytes of main memory that the weights will take, from the headers of their files; 0 where another device holds them.
pub fn estimate_bytes(files: &Files, options: &LoadOptions) -> Result<u64, ModelError> {
    // What the configuration says is wrong comes before what its weights lack.
    ModelConfig::read(files)?;
    let weights = Weights::open(files)?;
    let device = device::open(options.device)?;
    Ok(if device.is_cpu() { memory(&weights, dtype(&weights, options, &device)) } else { 0 })
}

fn dtype(weights: &Weights, options: &LoadOptions, device: &Device) -> DType {
    device::compute_dtype(options.dtype, device, memory(weights, DType::F32), machine_bytes())
}

fn keep(role: Role, dtype: DType) -> Keep {
    match role {
        Role::Embedding => Keep::AsStored,
        Role::Linear => Keep::As(dtype),
        Role::Small => Keep::As(DType::F32),
    }
}

/// A language model's output matrix stays on disk, for rewards do not need it; so does what sees images.
fn is_used(name: &str) -> bool {
    let name = name.strip_prefix("model.").unwrap_or(name);
    !["lm_head.", "vision_tower.", "multi_modal_projector."].iter().any(|part| name.starts_with(part))
}

fn memory(weights: &Weights, dtype: DType) -> u64 {
    let bytes = |(name, stored): (&str, &Stored)| {
        let role = match name {
            name if name.ends_with("embed_tokens.weight") => Role::Embedding,
            name if stored.shape.len() < 2 || name.starts_with("score.") => Role::Small,
            _ => Role::Linear,
        };
        let dtype = stored.kept_dtype(keep(role, dtype)).unwrap_or(DType::F32);
        stored.elements() * dtype.size_in_bytes() as u64
    };
    weights.tensors().filter(|(name, _)| is_used(name)).map(bytes).sum()
}

/// Memory of the machine, within the limit of this process's control group.
fn machine_bytes() -> u64 {
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let total = system.total_memory();
    system.cgroup_limits().map_or(total, |limits| total.min(limits.total_memory))
}
