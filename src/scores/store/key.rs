//! What determines a score beside prompt and word: two runs with one key give the same numbers, to the bit.
//!
//! A key may tell apart what gives the same numbers (a date that the template does not ask for), which costs a run anew; it
//! must never join what does not. What cannot change a number is not in it: threads, batches, other words.

use serde::{Deserialize, Serialize};

use super::{StoreError, fingerprint};
use crate::model::checkpoint::{self, Estimate, SourceLabel};
use crate::model::files::Files;
use crate::model::{BosPolicy, Cancel, LoadOptions, ModelError, PromptForm, PublishedDtype, SoftCap};

/// Grows when this program computes other numbers than before from the same files on the same hardware.
const SCORING: u32 = 1;

/// The parts, each as text that a reader understands; their order is part of the digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub scoring: u32,
    /// `hub:owner/name@commit`, `bundled:demo-llama:HASH`, `files:HASH`: weights, config, tokenizer and template.
    pub content: String,
    /// Of a tokenizer taken from elsewhere.
    pub tokenizer: Option<String>,
    pub bos: BosPolicy,
    pub template_date: String,
    pub softcap: SoftCap,
    pub rounding: Option<PublishedDtype>,
    /// How a prompt is put to a language model; none: as the checkpoint has it.
    pub form: Option<String>,
    pub reward_row: Option<usize>,
    /// What is computed in.
    pub dtype: String,
    /// `cpu`, `cuda`, `metal`.
    pub device: String,
    /// Which code multiplies matrices: others add in another order.
    pub kernel: String,
}

impl Key {
    /// The key of a checkpoint under options, which the catalogue has completed. `content` and `tokenizer` as
    /// [`fingerprint::content`] gives them.
    ///
    /// # Errors
    /// Where headers of weights or the device cannot be had: the model cannot be loaded either.
    pub fn new(files: &Files, options: &LoadOptions, content: fingerprint::Content) -> Result<Key, ModelError> {
        let Estimate { device_name, dtype, kernel, .. } = checkpoint::estimate(files, options)?;
        Ok(Key {
            scoring: SCORING,
            content: content.model,
            tokenizer: content.tokenizer,
            bos: options.bos,
            template_date: options.date.to_string(),
            softcap: options.softcap,
            // Rewards are f32 as computed.
            rounding: options.rounding.filter(|dtype| *dtype != PublishedDtype::F32),
            form: options.form.map(|form| match form {
                PromptForm::Chat => "chat".to_owned(),
                PromptForm::Bare => "bare".to_owned(),
            }),
            reward_row: options.reward_row,
            kernel,
            dtype,
            device: device_name.split(':').next().unwrap_or_default().to_owned(),
        })
    }

    /// Of scores that came in a file without saying what they rest on.
    pub fn of_recorded(hash: &str) -> Key {
        let unknown = || "recorded".to_owned();
        Key {
            scoring: 0,
            content: format!("recorded:{hash}"),
            tokenizer: None,
            bos: BosPolicy::default(),
            template_date: unknown(),
            softcap: SoftCap::default(),
            rounding: None,
            form: None,
            reward_row: None,
            dtype: unknown(),
            device: unknown(),
            kernel: unknown(),
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the store finds a run by: BLAKE3 of the parts as JSON.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.json().as_bytes()).as_bytes()
    }
}

/// The key of a model, its content looked up in the store or, where files `may_be_read`, taken from them.
///
/// # Errors
/// [`ModelError::Cancelled`], or what is wrong with the model's files.
pub fn identify(
    store: &mut super::Store,
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    may_be_read: bool,
    progress: &mut dyn FnMut(u64, u64),
    cancel: &Cancel,
) -> Result<Key, IdentifyError> {
    let content = fingerprint::content(store, files, label, may_be_read, progress, cancel)?;
    Ok(Key::new(files, options, content)?)
}

/// Why a model could not be identified.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
