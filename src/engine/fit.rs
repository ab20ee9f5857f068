//! Whether a model fits into memory, how large its batches may then be, and what would fit where it does not.
//!
//! Estimates come from the headers of the files and the shape of the model, before a byte of weights is read.

use super::batch::{Batches, FIRST_NODES, MOST_NODES};
use super::memory;
use crate::base::remedy::Remedy;
use crate::base::text;
use crate::model::checkpoint::{self, Estimate};
use crate::model::format::config::DecoderConfig;
use crate::model::format::files::Files;
use crate::model::{DeviceChoice, Dtype, LoadOptions, ModelError};

/// Program, tokenizer and what else comes with any model.
const BASE_BYTES: u64 = 64 << 20;
/// Positions of a shared prefix that are reckoned with; the study's prompts have 20 to 60.
const PREFIX: u64 = 1024;
/// Activations are f32, whatever the dtype of the weights.
const VALUE: u64 = 4;
/// Precisions that take less memory, the most exact first.
const SMALLER: [Dtype; 2] = [Dtype::Bf16, Dtype::Q8_0];

/// What a model takes, of what there is. In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Bytes of the weights in memory.
    pub weights_bytes: u64,
    /// Activations, keys and values of the largest batch, and what comes with any model.
    pub working_bytes: u64,
    /// Bytes that are free on the model's device; none where its driver does not say.
    pub free_bytes: Option<u64>,
    /// Nodes of the largest batch for which there is room.
    pub most_nodes: usize,
}

impl Fit {
    /// How the model fits into `free` bytes, with batches as large as that allows; none where even a small one does not.
    pub fn of(estimate: &Estimate, free: Option<u64>) -> Option<Fit> {
        Self::beside(estimate, free, 0)
    }

    /// The same where another model has to run beside it, in turn, whose smallest batch takes `beside` bytes.
    pub(super) fn beside(estimate: &Estimate, free: Option<u64>, beside: u64) -> Option<Fit> {
        let left = match free {
            Some(free) => Some(free.checked_sub(estimate.weights_bytes).filter(|left| *left >= beside)?),
            None => None,
        };
        let most_nodes = most_nodes(&estimate.config, left)?;
        let working_bytes = working_bytes(&estimate.config, most_nodes as u64);
        Some(Fit { weights_bytes: estimate.weights_bytes, working_bytes, free_bytes: free, most_nodes })
    }

    /// The same on this machine as it is now.
    ///
    /// # Errors
    /// Where the files cannot be read, and `refusal` where the model does not fit.
    pub fn now(name: &str, files: &Files, options: &LoadOptions) -> Result<Fit, ModelError> {
        let estimate = checkpoint::estimate(files, options)?;
        let free = memory::free_on(&estimate.device);
        Fit::of(&estimate, free).ok_or_else(|| refusal(name, files, options, &estimate, free.unwrap_or(0)))
    }

    /// Bytes of weights and working memory together.
    pub fn needed_bytes(&self) -> u64 {
        self.weights_bytes + self.working_bytes
    }

    /// `takes about 2.9 GB of 21.0 GB free`.
    pub fn describe(&self) -> String {
        let free = self.free_bytes.map(|free| format!(" of {} free", text::bytes(free))).unwrap_or_default();
        format!("takes about {}{free}", text::bytes(self.needed_bytes()))
    }
}

/// Nodes of the largest batch that `free` bytes have room for; none where they have none for a small one.
pub(super) fn most_nodes(config: &DecoderConfig, free: Option<u64>) -> Option<usize> {
    let halves = std::iter::successors(Some(MOST_NODES), |&nodes| (nodes > FIRST_NODES).then(|| (nodes / 2).max(FIRST_NODES)));
    halves.into_iter().find(|&nodes| free.is_none_or(|free| working_bytes(config, nodes as u64) <= free))
}

/// Bytes that the smallest batch takes.
pub(super) fn least_working_bytes(config: &DecoderConfig) -> u64 {
    working_bytes(config, FIRST_NODES as u64)
}

/// The least that a model takes.
pub(super) fn least_bytes(estimate: &Estimate) -> u64 {
    estimate.weights_bytes + least_working_bytes(&estimate.config)
}

/// What is alive at once while a batch of `nodes` runs, by the shapes of the decoder, and half as much again for what the
/// allocator holds back.
fn working_bytes(config: &DecoderConfig, nodes: u64) -> u64 {
    let [hidden, inner, heads, kv_heads, head_dim] =
        [config.hidden_size, config.intermediate_size, config.heads, config.kv_heads, config.head_dim].map(|n| n as u64);
    let keys_values = 2 * kv_heads * head_dim;
    let kept = config.windows.len() as u64 * keys_values * (PREFIX + nodes);
    // The residual, its norm and a sum; queries and what attention mixed; gate, up and their product.
    let a_node = 4 * hidden + 3 * heads * head_dim + keys_values + 3 * inner;
    // Scores, masked scores and weights.
    let attention = 3 * heads * (PREFIX + nodes);
    BASE_BYTES + (kept + nodes * (a_node + attention)) * VALUE * 3 / 2
}

/// Why a model does not fit, and what would.
pub(super) fn refusal(name: &str, files: &Files, options: &LoadOptions, estimate: &Estimate, free: u64) -> ModelError {
    let (needed, device) = (least_bytes(estimate), &estimate.device_name);
    let problem = format!(
        "needs about {} of memory on {device} ({} of weights in {}), and {} is free",
        text::bytes(needed),
        text::bytes(estimate.weights_bytes),
        estimate.dtype,
        text::bytes(free)
    );
    let estimates = SMALLER.iter().filter_map(|&dtype| {
        let smaller = checkpoint::estimate(files, &LoadOptions { dtype, ..options.clone() }).ok()?;
        (smaller.weights_bytes < estimate.weights_bytes).then(|| (dtype, least_bytes(&smaller)))
    });
    let estimates: Vec<(Dtype, u64)> = estimates.collect();
    let next = match (estimates.iter().find(|(_, needed)| *needed <= free), estimates.last()) {
        (Some((dtype, needed)), _) => format!("Take {}, which needs about {}", Remedy::Dtype.with(dtype), text::bytes(*needed)),
        (None, smallest) => {
            let free_it = match smallest {
                Some((dtype, needed)) => {
                    format!("The least that it takes is about {}, with {}", text::bytes(*needed), Remedy::Dtype.with(dtype))
                }
                None => "No smaller precision is known for it".to_owned(),
            };
            format!("{free_it}: close other programs, or take a machine with that much memory{}", gpu(files, options))
        }
    };
    ModelError::unsupported(name, problem, next)
}

/// `, or a GPU with 57 GB (a build with the Cargo feature cuda, and --device cuda)`; nothing where a GPU was tried.
fn gpu(files: &Files, options: &LoadOptions) -> String {
    if !matches!(options.device, DeviceChoice::Auto | DeviceChoice::Cpu) {
        return String::new();
    }
    let on_gpu = LoadOptions { dtype: Dtype::Bf16, device: DeviceChoice::Cpu, ..options.clone() };
    let Ok(estimate) = checkpoint::estimate(files, &on_gpu) else { return String::new() };
    let bytes = estimate.weights_bytes + working_bytes(&estimate.config, MOST_NODES as u64);
    let (gigabytes, device) = (bytes.div_ceil(1_000_000_000), Remedy::Device.with("cuda"));
    format!(", or a GPU with {gigabytes} GB (a build with the Cargo feature cuda, and {device})")
}

/// How many nodes a batch may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchLimit {
    /// By what was reckoned.
    most_nodes: usize,
    /// By what was learnt from running.
    learnt: usize,
}

impl BatchLimit {
    pub(crate) fn of(fit: &Fit) -> Self {
        BatchLimit { most_nodes: fit.most_nodes, learnt: MOST_NODES }
    }

    /// What is free has changed, and has room for so many nodes; for none, small batches are tried all the same.
    pub(super) fn share(&mut self, most_nodes: Option<usize>) {
        self.most_nodes = most_nodes.unwrap_or(FIRST_NODES);
    }

    /// Makes `attempt` at the next batch, and with half the nodes of the forward that failed each time the device runs out of
    /// memory; at a single node that is an error.
    pub(crate) fn run<T>(
        &mut self,
        batches: &mut Batches,
        mut attempt: impl FnMut(&mut Batches) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        loop {
            batches.limit(self.most_nodes.min(self.learnt));
            match attempt(batches) {
                Err(error) if memory::is_exhausted(&error) => {
                    let begun = batches.begun();
                    if begun <= 1 {
                        let (dtype, device) = (Remedy::Dtype.with("bf16"), Remedy::Device.with("cpu"));
                        let next = format!("Close what else uses the device, or take {dtype}, or {device}");
                        return Err(ModelError::unsupported("the device", format!("has no memory for one word: {error}"), next));
                    }
                    self.learnt = begun / 2;
                    tracing::warn!(nodes = self.learnt, %error, "out of memory: smaller batches");
                }
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::bundled;

    fn demo() -> (Files, Estimate) {
        let files = Files::Bundled { name: "demo-llama", entries: bundled::bundled("demo-llama").unwrap() };
        let estimate = checkpoint::estimate(&files, &LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() }).unwrap();
        (files, estimate)
    }

    fn refused(free: u64) -> String {
        let (files, estimate) = demo();
        let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
        refusal("demo-llama", &files, &options, &estimate, free).to_string()
    }

    #[test]
    fn batches_shrink_with_what_is_free_until_nothing_fits() {
        let (_, estimate) = demo();
        let most = |free| Fit::of(&estimate, free).map(|fit| fit.most_nodes);
        assert_eq!(most(None), Some(MOST_NODES), "a driver that does not tell is believed to have room");
        let (full, least) = (working_bytes(&estimate.config, 512), working_bytes(&estimate.config, 24));
        let with = |working| Some(estimate.weights_bytes + working);
        assert_eq!(most(with(full)), Some(512));
        assert_eq!(most(with(full - 1)), Some(256));
        assert_eq!(most(with(least)), Some(24));
        assert_eq!(most(with(least - 1)), None);
        let fit = Fit::of(&estimate, with(full)).unwrap();
        assert_eq!(fit.needed_bytes(), estimate.weights_bytes + full);
        assert!(fit.describe().starts_with("takes about ") && fit.describe().ends_with(" free"), "{}", fit.describe());
    }

    #[test]
    fn working_memory_is_that_of_the_shapes() {
        let mut config = demo().1.config;
        (config.hidden_size, config.intermediate_size) = (2048, 8192);
        (config.heads, config.kv_heads, config.head_dim, config.windows) = (32, 8, 64, vec![None; 16]);
        let kept = 16 * 2 * 512 * (1024 + 512);
        let nodes = 512 * (4 * 2048 + 3 * 2048 + 2 * 512 + 3 * 8192 + 3 * 32 * (1024 + 512));
        assert_eq!(working_bytes(&config, 512), (64 << 20) + (kept + nodes) * 6);
    }

    #[test]
    fn a_refusal_names_the_precision_that_fits_or_the_machine_that_would() {
        let (_, estimate) = demo();
        let needed = estimate.weights_bytes + working_bytes(&estimate.config, 24);
        let message = refused(needed - 1);
        assert!(message.contains("weights in f32") && message.contains("Take dtype bf16, which needs about"), "{message}");
        let message = refused(1000);
        assert!(message.contains("1.0 kB is free") && message.contains("The least that it takes is about"), "{message}");
        assert!(message.contains("or a GPU with 1 GB"), "{message}");
    }
}
