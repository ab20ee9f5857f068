//! A checkpoint brought together: files to something that gives scores.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::decoder::packed::Packed;
use super::decoder::source::Source;
use super::decoder::{Decoder, Nodes, Role, Tensors, packed};
use super::device::{Chosen, Compute, DeviceClass, DeviceName};
use super::format::config::{DecoderConfig, ModelConfig, Task};
use super::format::files::Files;
use super::format::head_names::{EMBEDDING, LM_HEAD};
use super::format::weights::{Embedding, Keep, Meter, Stored, Weights};
use super::head::{self, GatingPattern, Head, row};
use super::provenance::{Backend, Products, Stated};
use super::text::template::ChatTemplate;
use super::text::tokenizer::ChatTokenizer;
use super::{
    Cancel, HeadRow, LoadOptions, ModelError, ModelInfo, Policies, PromptForm, Provenance, PublishedDtype, ReadToken, SoftCap,
    TemplateDate, device, task, unread,
};
use crate::format::files::SourceLabel;
use rewardscope_base::remedy::Remedy;
use rewardscope_base::terms::Unit;
use rewardscope_base::{machine, text};

/// A reward model in memory, ready to score. Dropping it frees its memory.
pub struct RewardModel {
    /// Ids to hidden states.
    pub decoder: Decoder,
    /// Hidden states to rewards.
    pub head: Head,
    /// Where the head's gate reads, for a head that has one.
    pub gating: Option<GatingPattern>,
    /// Text to ids.
    pub tokenizer: ChatTokenizer,
    /// What the model is and what its rewards rest on.
    pub info: ModelInfo,
    /// What rewards are rounded to before they are told; none for rewards as computed.
    pub rounding: Option<PublishedDtype>,
}

impl RewardModel {
    /// [`super::loaded::LoadedModel::load`] for a checkpoint that must be a reward model.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<RewardModel, ModelError> {
        let checkpoint = Checkpoint::open(files, label, options)?;
        if checkpoint.config.task != Task::Reward {
            return Err(checkpoint.config.not_a_reward_model(files));
        }
        Self::from_checkpoint(checkpoint, progress, cancel)
    }

    pub(super) fn from_checkpoint(
        checkpoint: Checkpoint<'_>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        checkpoint.tokenizer.chat_template()?;
        let loading = checkpoint.loading(progress, cancel);
        // The head first: a model without one is found out before gigabytes are read.
        let Checkpoint { files, config, weights, options, .. } = &checkpoint;
        let (row, row_note) = row::choose(files, config, head::rows(config, weights), options.reward_row.as_ref())?;
        let head = Head::load(files, config, weights, row, options.normalize, &loading.meter)
            .map_err(|error| if checkpoint.is_retaken { task::all_the_same(error) } else { error })?;
        let gating = head.is_gated().then(|| GatingPattern::of(config.family, &checkpoint.tokenizer)).transpose()?;
        loading.count(head.parameters(), head.parameters() * 4);
        let decoder = loading.decoder()?;
        let loaded = loading.finish();
        let mut info = checkpoint.info(loaded, head.describe(), checkpoint.template_text(), Unit::Reward);
        normalization(&head, options.normalize, &mut info.provenance.policies);
        info.provenance.policies.notes.extend(row_note);
        if head.ignored_row().is_some_and(|row| row > 0) {
            let problem =
                format!("{} changes nothing: this head gives one reward, and has no rows to choose from", Remedy::HeadRow);
            info.provenance.policies.notes.push(problem);
        }
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
        let last = self.tokenizer.read_at(ids);
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
    /// The CPU computes, on packed matrices.
    pub(super) native: bool,
    /// Taken for a reward model against its architecture's name.
    is_retaken: bool,
    pub(super) weights: Weights,
    device: Device,
    compute: Compute,
    dtype_reason: String,
}

impl<'a> Checkpoint<'a> {
    pub(super) fn open(files: &'a Files, label: &'a SourceLabel, options: &'a LoadOptions) -> Result<Self, ModelError> {
        let (mut config, mut tokenizer) = read_small(files, options)?;
        let weights = open_weights(files, &config)?;
        let named = config.task;
        let resized = take_resized(&mut config, &mut tokenizer, &weights);
        let notes = task::settle((files, label), &mut config, &weights, options)?;
        let mut policies = policies(&config, &tokenizer, options);
        policies.notes.splice(0..0, notes.into_iter().chain(resized));
        if options.softcap == SoftCap::Off {
            config.decoder.attention_softcap = None;
        }
        let device = device::open(options.device)?;
        let is_retaken = config.task != named && config.token_logit.is_none();
        let native = device.is_cpu();
        let Chosen { compute, reason } = choose(&weights, &config, options, &device)?;
        Ok(Checkpoint {
            files,
            label,
            options,
            config,
            tokenizer,
            policies,
            native,
            is_retaken,
            weights,
            device,
            compute,
            dtype_reason: reason,
        })
    }

    /// Begins to read weights.
    pub(super) fn loading<'b>(&'b self, progress: &'b mut (dyn FnMut(u64, u64) + Send), cancel: &'b Cancel) -> Loading<'b> {
        let used = self.weights.tensors().filter(|(name, _)| unread::is_used(name, &self.config));
        let total = used.map(|(_, stored)| stored.bytes()).sum();
        let meter = Meter::new(progress, cancel, total);
        Loading {
            checkpoint: self,
            meter,
            parameters: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            why_candle: std::sync::Mutex::default(),
        }
    }

    pub(super) fn template_text(&self) -> String {
        self.tokenizer.template().map(ChatTemplate::describe).unwrap_or_else(|| "none".to_owned())
    }

    pub(super) fn info(&self, loaded: Loaded, head: String, template: String, unit: Unit) -> ModelInfo {
        let mut policies = self.policies.clone();
        policies.notes.extend(unread::notes(&self.weights, &self.config));
        let mut kernel = backend(&self.config, self.compute, &self.device);
        if let Some(why) = loaded.why_candle {
            kernel = Backend { products: Products::Candle, build: None };
            let note = "our CUDA kernels are not used for this model: candle computes, more slowly, and scores are not kept in the store";
            policies.notes.push(format!("{note} ({why})"));
        }
        let provenance = Provenance {
            source: self.label.source.clone(),
            revision: self.label.revision.clone(),
            architecture: self.config.architecture.clone(),
            quantized: self.weights.formats(),
            dtype: Stated::Known(self.compute),
            dtype_reason: self.dtype_reason.clone(),
            device: Stated::Known(device::name(&self.device)),
            kernel: Stated::Known(kernel),
            bos: Stated::Known(self.options.bos),
            template,
            head,
            assumed: self.config.assumed.clone(),
            parameters: loaded.parameters,
            unit,
            recorded: false,
            demonstration: matches!(self.files, Files::Bundled { .. }),
            parts: Vec::new(),
            policies,
        };
        ModelInfo { family: self.config.family, provenance, memory_bytes: loaded.memory_bytes }
    }
}

/// Weights on their way into memory, counted.
pub(super) struct Loading<'a> {
    checkpoint: &'a Checkpoint<'a>,
    meter: Meter<'a>,
    parameters: AtomicU64,
    memory_bytes: AtomicU64,
    /// Why candle computes on a GPU that our kernels are for.
    why_candle: std::sync::Mutex<Option<String>>,
}

/// What has been loaded.
pub(super) struct Loaded {
    parameters: u64,
    memory_bytes: u64,
    why_candle: Option<String>,
}

impl Loading<'_> {
    /// True where the CPU computes, on packed matrices.
    pub(super) fn is_native(&self) -> bool {
        self.checkpoint.native
    }

    pub(super) fn fetch(&self, name: &str, shape: &[usize], role: Role) -> Result<Tensor, ModelError> {
        let Checkpoint { weights, device, compute, .. } = self.checkpoint;
        let tensor = weights.load(name, shape, keep(role, compute.dtype()), device, &self.meter)?;
        let count = tensor.elem_count();
        self.count(count as u64, (count * tensor.dtype().size_in_bytes()) as u64);
        Ok(tensor)
    }

    /// An output matrix `[out, input]`, packed `rows` at a time in parallel, with what it is multiplied in.
    pub(super) fn pieces(
        &self,
        name: &str,
        (out, input): (usize, usize),
        rows: usize,
    ) -> Result<(Vec<Packed>, Compute), ModelError> {
        let Checkpoint { weights, compute, .. } = self.checkpoint;
        let (compute, meter) = (*compute, &self.meter);
        let piece = |index: usize| {
            let first = index * rows;
            let mut packed = Packed::zeros(rows.min(out - first), input, compute);
            weights.rows(name, (out, input), first, &mut packed, meter).map(|()| packed)
        };
        let pieces: Vec<Packed> = (0..out.div_ceil(rows)).into_par_iter().map(piece).collect::<Result<_, _>>()?;
        let parameters = if self.checkpoint.config.tied { 0 } else { out * input };
        self.count(parameters as u64, pieces.iter().map(Packed::bytes).sum());
        Ok((pieces, compute))
    }

    fn count(&self, parameters: u64, bytes: u64) {
        self.parameters.fetch_add(parameters, Ordering::Relaxed);
        self.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn decoder(&self) -> Result<Decoder, ModelError> {
        let Checkpoint { config, device, compute, weights, .. } = self.checkpoint;
        if let Some(stock) = &config.stock {
            return Decoder::stock(&config.decoder, &stock.of_weights(&config.decoder, config.tied), device, self);
        }
        if !self.is_native() {
            let mut fetch = |name: &str, shape: &[usize], role| self.fetch(name, shape, role);
            let (decoder, why) = Decoder::on_gpu(&config.decoder, *compute, device, &mut fetch)?;
            *self.why_candle.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
            return Ok(decoder);
        }
        let reading =
            Reading { weights, meter: &self.meter, compute: *compute, count: &|parameters, bytes| self.count(parameters, bytes) };
        Decoder::read(&config.decoder, *compute, &reading)
    }

    pub(super) fn finish(self) -> Loaded {
        self.meter.finish();
        Loaded {
            parameters: self.parameters.into_inner(),
            memory_bytes: self.memory_bytes.into_inner(),
            why_candle: self.why_candle.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }
}

impl Tensors for Loading<'_> {
    fn has(&self, name: &str) -> bool {
        self.checkpoint.weights.get(name).is_some()
    }

    fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        self.fetch(name, shape, Role::Small)
    }
}

/// The decoder's tensors, read by any number of threads.
struct Reading<'a, 'm> {
    weights: &'a Weights,
    meter: &'a Meter<'m>,
    compute: Compute,
    /// Told parameters and bytes.
    count: &'a (dyn Fn(u64, u64) + Sync),
}

impl Source for Reading<'_, '_> {
    fn embedding(&self, name: &str, rows: usize, width: usize) -> Result<Embedding, ModelError> {
        let embedding = self.weights.embedding(name, rows, width, self.meter)?;
        (self.count)((rows * width) as u64, embedding.bytes());
        Ok(embedding)
    }

    fn matrix(&self, name: &str, out: usize, input: usize) -> Result<Packed, ModelError> {
        let packed = self.weights.matrix(name, out, input, self.compute, self.meter)?;
        (self.count)((out * input) as u64, packed.bytes());
        Ok(packed)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let values = self.weights.vector(name, length, self.meter)?;
        (self.count)(length as u64, length as u64 * 4);
        Ok(values)
    }
}

/// The tokenizer alone, for a look at ids while the weights are not in memory; of a language model, with the form in which
/// a prompt is put to it.
pub fn read_tokenizer(files: &Files, options: &LoadOptions) -> Result<(ChatTokenizer, Option<PromptForm>), ModelError> {
    let (mut config, mut tokenizer) = read_small(files, options)?;
    let weights = open_weights(files, &config)?;
    task::settle((files, &SourceLabel::default()), &mut config, &weights, options)?;
    take_resized(&mut config, &mut tokenizer, &weights);
    let form = (config.task == Task::Language).then(|| tokenizer.form(options.form));
    Ok((tokenizer, form))
}

fn open_weights(files: &Files, config: &ModelConfig) -> Result<Weights, ModelError> {
    Weights::open(files, head::is_of_a_head)?.under_llama_names(&config.decoder)
}

fn read_small(files: &Files, options: &LoadOptions) -> Result<(ModelConfig, ChatTokenizer), ModelError> {
    let config = ModelConfig::read(files)?;
    let (rows, bos) = (config.decoder.vocab_size, config.bos_token_id);
    let tokenizer = ChatTokenizer::on(files, options, rows, bos)?;
    let pad = config.pad_token_id.filter(|_| options.read.unwrap_or(config.read) == ReadToken::BeforePad);
    let reward_token = config.reward_token.filter(|_| options.taken_as.is_none());
    let tokenizer = tokenizer.for_model(pad, reward_token, config.decoder.max_positions);
    Ok((config, tokenizer))
}

/// Takes the rows of an embedding that has more than config.json says, as after tokens were added to a tokenizer; says so.
fn take_resized(config: &mut ModelConfig, tokenizer: &mut ChatTokenizer, weights: &Weights) -> Option<String> {
    let stated = config.decoder.vocab_size;
    let &[rows, _] = weights.get(EMBEDDING)?.shape.as_slice() else { return None };
    if rows <= stated {
        return None;
    }
    config.decoder.vocab_size = rows;
    tokenizer.set_rows(rows);
    Some(format!("the embedding has {rows} rows, and config.json says {stated}: all {rows} are taken"))
}

/// What of the options holds for this model; those that have nothing to act on are named.
fn policies(config: &ModelConfig, tokenizer: &ChatTokenizer, options: &LoadOptions) -> Policies {
    let has_cap = config.decoder.attention_softcap.is_some();
    let mut notes = Vec::new();
    if options.softcap == SoftCap::Off && !has_cap {
        let asked = Remedy::Softcap.with(SoftCap::Off);
        notes.push(format!("{asked} changes nothing: this model has no attention soft-cap"));
    }
    if options.date != TemplateDate::default() && !tokenizer.template().is_some_and(ChatTemplate::is_dated) {
        let asked = Remedy::TemplateDate;
        notes.push(format!("{asked} changes nothing: this model's chat template asks for no date"));
    }
    if let Some(sampling) = tokenizer.sampling() {
        notes.push(format!("the tokenizer's {sampling}, which makes tokens a matter of chance, is switched off"));
    }
    notes.extend(tokenizer.added().map(str::to_owned));
    let reward = config.task == Task::Reward;
    let of_rewards = [
        (options.rounding.is_some(), Remedy::ReferenceRounding),
        (options.normalize, Remedy::Normalize),
        (options.read.is_some(), Remedy::Read),
        // The catalogue says row 0 of models that have no other.
        (options.reward_row.as_ref().is_some_and(|row| *row != HeadRow::Number(0)), Remedy::HeadRow),
    ];
    for (_, asked) in of_rewards.into_iter().filter(|(is_asked, _)| *is_asked && !reward) {
        notes.push(format!("{asked} changes nothing: this model gives log-probabilities, not rewards"));
    }
    notes.extend(config.reward_token.filter(|_| reward).map(|token| reward_token_note(token, tokenizer)));
    let read = read_token(config, tokenizer, options.read).filter(|_| reward);
    notes.extend(read.map(|read| read_note(config, tokenizer, read)));
    if let (Some(asked), None, true) = (options.read, read, reward) {
        let asked = Remedy::Read.with(asked);
        notes.push(format!("{asked} changes nothing: no conversation ends with a pad token that config.json names"));
    }
    Policies {
        read,
        attention_softcap: has_cap.then_some(options.softcap),
        rewards_rounded_to: options.rounding.filter(|_| reward),
        normalized: None,
        notes,
    }
}

/// What became of the request to normalize rewards, and what of a normalizer that nobody asked for.
fn normalization(head: &Head, asked: bool, policies: &mut Policies) {
    let option = Remedy::Normalize;
    let note = match (head.normalizer(), asked) {
        (None, false) => return,
        (None, true) => {
            format!("{option} changes nothing: this checkpoint holds no mean and no deviation to normalize rewards by")
        }
        (Some(normalizer), false) => {
            format!("rewards are as the head gives them: the checkpoint holds {normalizer}, which {option} applies")
        }
        (Some(normalizer), true) => {
            policies.normalized = Some(normalizer.to_string());
            return;
        }
    };
    policies.notes.push(note);
}

/// What stands behind each conversation, and whether POLAR's reference stands in it: its tokenizers have a mark of their own
/// between the two answers, where InternLM2's reward models have that name for the last token (InternLM's POLAR, README).
fn reward_token_note(token: u32, tokenizer: &ChatTokenizer) -> String {
    const MARK: &str = "<|reward|>";
    let shown = tokenizer.token_text(token);
    let note = format!(
        "{} (config.json: reward_token_id {token}) stands behind each conversation, and the reward is read there, as InternLM's \
         code does",
        text::visible(&shown)
    );
    let is_compared = tokenizer.has_token(MARK) && shown != MARK;
    let is_written = || tokenizer.render("A", "b").is_ok_and(|conversation| conversation.contains(MARK));
    if is_compared && !is_written() {
        return format!(
            "{note}. The tokenizer is POLAR's, whose rewards compare an answer with a reference, and the chat template writes \
             none: put a chat_template.jinja into the folder that writes prompt, new line, reference, {MARK}, prompt, new line, \
             answer"
        );
    }
    note
}

/// Which token is read; none where conversations do not end with the pad token, so that it is the last one in any case.
fn read_token(config: &ModelConfig, tokenizer: &ChatTokenizer, asked: Option<ReadToken>) -> Option<ReadToken> {
    let text = tokenizer.render("A", "b").ok()?;
    let last = tokenizer.conversation(&text).ok()?.pop()?;
    (config.pad_token_id == Some(last)).then(|| asked.unwrap_or(config.read))
}

fn read_note(config: &ModelConfig, tokenizer: &ChatTokenizer, read: ReadToken) -> String {
    let id = config.pad_token_id.unwrap_or_default();
    let pad = tokenizer.token_text(id);
    let (token, other) = match read {
        ReadToken::Last => ("this last token", ReadToken::BeforePad),
        ReadToken::BeforePad => ("the token before it", ReadToken::Last),
    };
    let why = match (read == config.read, config.read) {
        (false, _) => "as was asked",
        (true, ReadToken::BeforePad) => "as the class of transformers that config.json names does",
        (true, ReadToken::Last) => "as checkpoints with code of their own do",
    };
    format!(
        "a conversation ends with {}, which is the pad token too (config.json: pad_token_id {id}). The reward is read at {token}, \
         {why}; {} takes the other",
        text::visible(&pad),
        Remedy::Read.with(other)
    )
}

/// What a checkpoint will be in memory, from the headers of its files.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// On the device that will hold them.
    pub weights_bytes: u64,
    /// Sizes of the decoder.
    pub config: DecoderConfig,
    /// The device, opened.
    pub device: Device,
    /// What this machine calls it.
    pub device_name: DeviceName,
    /// What matrices are multiplied in.
    pub dtype: Compute,
    /// The code that multiplies them.
    pub kernel: Backend,
    /// What kind of device it is.
    pub device_class: DeviceClass,
    /// Whether it is scored as a language model.
    pub is_language: bool,
    /// The token that a reward is read at, where another was asked for than the architecture's code reads.
    pub read: Option<ReadToken>,
    /// The number of the head's row that was asked for.
    pub reward_row: Option<usize>,
}

/// Opens the device and reads headers, no weights.
pub fn estimate(files: &Files, options: &LoadOptions) -> Result<Estimate, ModelError> {
    // What the configuration says is wrong comes before what its weights lack.
    let mut config = ModelConfig::read(files)?;
    let weights = open_weights(files, &config)?;
    task::settle((files, &SourceLabel::default()), &mut config, &weights, options)?;
    let device = device::open(options.device)?;
    let chosen = choose(&weights, &config, options, &device)?;
    Ok(Estimate {
        weights_bytes: memory(&weights, &config, chosen.compute, &device),
        is_language: config.task == Task::Language,
        read: options.read.filter(|asked| config.task == Task::Reward && config.pad_token_id.is_some() && *asked != config.read),
        reward_row: options.reward_row.as_ref().map(|row| row::number(files, &config, row)).transpose()?,
        kernel: backend(&config, chosen.compute, &device),
        config: config.decoder,
        device_name: device::name(&device),
        device_class: device::class(&device),
        device,
        dtype: chosen.compute,
    })
}

/// What multiplies: a kernel of this CPU, or candle on another device.
fn backend(config: &ModelConfig, compute: Compute, device: &Device) -> Backend {
    match device {
        _ if config.stock.is_some() => packed::stock_backend(),
        Device::Cpu => packed::backend(compute),
        Device::Cuda(_) => Backend { products: Products::Cuda, build: None },
        _ => Backend { products: Products::Candle, build: None },
    }
}

fn choose(weights: &Weights, config: &ModelConfig, options: &LoadOptions, device: &Device) -> Result<Chosen, ModelError> {
    if config.stock.is_some() {
        return device::choose_f32(&config.architecture, options.dtype);
    }
    device::choose(options.dtype, device, memory(weights, config, Compute::F32, device), machine::memory().total)
}

fn keep(role: Role, dtype: DType) -> Keep {
    match role {
        Role::Embedding => Keep::AsStored,
        Role::Linear => Keep::As(dtype),
        Role::Small => Keep::As(DType::F32),
    }
}

/// Bytes that a model takes on its device. On the CPU its embedding stays in the file, unless it is the output matrix too.
fn memory(weights: &Weights, config: &ModelConfig, compute: Compute, device: &Device) -> u64 {
    let mapped = device.is_cpu() && (config.task == Task::Reward || !config.tied);
    let bytes = |(name, stored): (&str, &Stored)| match (name, stored.shape.as_slice()) {
        _ if config.stock.is_some() => stored.elements() * 4,
        (name, _) if head::is_of_a_head(name) => stored.elements() * 4,
        (EMBEDDING, _) if mapped => 0,
        (EMBEDDING | LM_HEAD, _) if !device.is_cpu() => {
            stored.elements() * stored.kept_dtype(Keep::AsStored).unwrap_or(DType::F32).size_in_bytes() as u64
        }
        (_, [out, input]) if device.is_cpu() => packed::bytes(*out, *input, compute),
        (_, [_, _]) => stored.elements() * compute.dtype().size_in_bytes() as u64,
        _ => stored.elements() * 4,
    };
    weights.tensors().filter(|(name, _)| unread::is_used(name, config)).map(bytes).sum()
}
