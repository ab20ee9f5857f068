//! What determines a score beside prompt and word: two runs with one key give the same numbers, to the bit.
//!
//! A key may tell apart what gives the same numbers (a date that the template does not ask for), which costs a run anew; it
//! must never join what does not. What cannot change a number is not in it: threads, batches, other words.

use serde::{Deserialize, Serialize};

use super::fingerprint::{self, Unread};
use crate::model::checkpoint::Estimate;
use crate::model::device::{Compute, DeviceClass};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::provenance::Backend;
use crate::model::{
    BosPolicy, Cancel, LoadOptions, ModelError, PromptForm, PublishedDtype, ReadToken, SoftCap, Stated, TakenAs, TemplateDate,
    checkpoint,
};
use crate::scores::store::fingerprint::IdentifyError;

/// Grows when this program computes other numbers than before from the same files on the same hardware: then the tests that
/// hold bits fast fail, here and in `model::decoder::native::elementwise`, and this is raised with what they hold.
///
/// 2: products of f32 and f16 are summed in blocks.
/// 3: what a checkpoint is taken for is read from all of its files; a tokenizer's dropout is off.
/// 4: a text begins with a first token only where template or tokenizer has one; the token that is read and the row of a head
/// are those that the model's own code takes.
const SCORING: u32 = 4;

/// The parts, each as text that a reader understands; their order is part of the digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The version of the computation: scores of another version are other scores.
    pub scoring: u32,
    /// `hub:owner/name@commit:HASH`, `bundled:demo-llama:HASH`, `files:HASH`: weights, config, tokenizer and template.
    pub content: String,
    /// Of a tokenizer taken from elsewhere.
    pub tokenizer: Option<String>,
    /// How many beginning-of-sequence tokens a text gets.
    pub bos: BosPolicy,
    /// The day that the chat template is given.
    pub template_date: Stated<TemplateDate>,
    /// Whether attention scores are capped.
    pub softcap: SoftCap,
    /// The dtype that rewards are rounded to; none where they are not rounded.
    pub rounding: Option<PublishedDtype>,
    /// How a prompt is put to a language model; none for a reward model.
    pub form: Option<AskedForm>,
    /// The row of a head of several rewards.
    pub reward_row: Option<usize>,
    /// What the checkpoint was taken for, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_as: Option<TakenAs>,
    /// The token whose logit is the reward, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_logit: Option<u32>,
    /// Whether rewards were asked for as the checkpoint's own mean and deviation normalize them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalize: bool,
    /// The token that a reward is read at, where another was asked for than the architecture's code reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadToken>,
    /// The chat template that was asked for by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
    /// The dtype of the computation.
    pub dtype: Stated<Compute>,
    /// `cpu`, or the kind of GPU: `cuda NVIDIA H100 PCIe`, `metal applegpu_g14d`.
    pub device: Stated<DeviceClass>,
    /// Which code multiplies matrices, for which kind of CPU, and what that says of all else: others add in another order.
    pub kernel: Stated<Backend>,
}

/// How a prompt was put to a language model, as a key names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskedForm {
    #[serde(rename = "chat")]
    Chat,
    #[serde(rename = "bare and a space")]
    Bare,
    /// Neither form was asked for: the checkpoint decides.
    #[serde(rename = "chat, or bare and a space")]
    Undecided,
    /// Of versions that put no space between a bare prompt and its word. Where they left the choice to the checkpoint, their
    /// keys hold no form at all.
    #[serde(rename = "bare")]
    BareWithoutSpace,
}

impl From<Option<PromptForm>> for AskedForm {
    fn from(form: Option<PromptForm>) -> Self {
        match form {
            Some(PromptForm::Chat) => AskedForm::Chat,
            Some(PromptForm::Bare) => AskedForm::Bare,
            None => AskedForm::Undecided,
        }
    }
}

impl Key {
    /// The key of a checkpoint under options, which the catalogue has completed. `content` and `tokenizer` as
    /// `fingerprint::content` gives them.
    ///
    /// # Errors
    /// Where headers of weights or the device cannot be had: the model cannot be loaded either.
    pub fn new(files: &Files, options: &LoadOptions, content: fingerprint::Content) -> Result<Key, ModelError> {
        let Estimate { device_class, dtype, kernel, is_language, read, reward_row, .. } = checkpoint::estimate(files, options)?;
        Ok(Key {
            scoring: SCORING,
            content: content.model,
            tokenizer: content.tokenizer,
            bos: options.bos,
            template_date: Stated::Known(options.date),
            softcap: options.softcap,
            // Rewards are f32 as computed.
            rounding: options.rounding.filter(|dtype| *dtype != PublishedDtype::F32),
            form: is_language.then(|| options.form.into()),
            reward_row,
            taken_as: options.taken_as,
            token_logit: options.token_logit,
            normalize: options.normalize,
            read,
            chat_template: options.chat_template.as_deref().map(str::to_owned),
            kernel: Stated::Known(kernel),
            dtype: Stated::Known(dtype),
            device: Stated::Known(device_class),
        })
    }

    /// Of scores that came in a file without saying what they rest on.
    pub fn of_recorded(hash: &str) -> Key {
        Key {
            scoring: 0,
            content: format!("recorded:{hash}"),
            tokenizer: None,
            bos: BosPolicy::default(),
            template_date: Stated::Unknown,
            softcap: SoftCap::default(),
            rounding: None,
            form: None,
            reward_row: None,
            taken_as: None,
            token_logit: None,
            normalize: false,
            read: None,
            chat_template: None,
            dtype: Stated::Unknown,
            device: Stated::Unknown,
            kernel: Stated::Unknown,
        }
    }

    /// As JSON, from which [`Key::digest`] is computed.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The BLAKE3 hash of the parts as JSON, by which the store finds a run.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.json().as_bytes()).as_bytes()
    }
}

/// The key of a model; `None` where the hash of its weights is neither known nor to be had from `unread`.
///
/// # Errors
/// [`ModelError::Cancelled`], or what is wrong with the model's files.
pub fn identify(
    store: &mut super::Store,
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    unread: &mut Unread<'_>,
    cancel: &Cancel,
) -> Result<Option<Key>, IdentifyError> {
    let content = fingerprint::content(store, files, label, unread, cancel)?;
    Ok(content.map(|content| Key::new(files, options, content)).transpose()?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::kernels::{Element, Kernel, Matrix, Stored};

    /// Numbers that look random and are the same each time.
    fn numbers(count: usize, mut seed: u32) -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// As versions before this one wrote it, with its digest: under another, scores that are kept would not be found.
    #[test]
    fn a_key_is_read_and_written_as_before() {
        let old = r#"{"scoring":3,"content":"files:1","tokenizer":null,"bos":"published","template_date":"26 Jul 2024","softcap":"on","rounding":"f16","form":"chat, or bare and a space","reward_row":null,"dtype":"bf16","device":"cuda NVIDIA H100 PCIe","kernel":"candle"}"#;
        let key: Key = serde_json::from_str(old).unwrap();
        assert_eq!(key.json(), old);
        assert_eq!(key.digest()[..], *blake3::hash(old.as_bytes()).as_bytes());
        assert_eq!(key.template_date, Stated::Known(TemplateDate::default()));
        assert_eq!((key.form, key.dtype), (Some(AskedForm::Undecided), Stated::Known(Compute::Bf16)));
        assert_eq!(key.device, Stated::Known(DeviceClass::Cuda("NVIDIA H100 PCIe".to_owned())));
        assert_eq!(key.kernel, Stated::Known(Backend { products: crate::model::provenance::Products::Candle, build: None }));
        let recorded = Key::of_recorded("1");
        assert_eq!(serde_json::from_str::<Key>(&recorded.json()).unwrap(), recorded);
    }

    #[test]
    fn runs_of_a_bare_prompt_that_was_not_parted_from_its_word_are_not_found() {
        let folder = |name: &str| Files::Directory(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name));
        let key = |name: &str, form| {
            let content = fingerprint::Content { model: "files:1".to_owned(), tokenizer: None };
            Key::new(&folder(name), &LoadOptions { form, ..LoadOptions::default() }, content).unwrap()
        };
        let forms = [None, Some(PromptForm::Chat), Some(PromptForm::Bare)];
        let keys = forms.map(|form| key("llama-lm", form));
        let before = Key { form: Some(AskedForm::BareWithoutSpace), ..keys[2].clone() };
        let undecided = Key { form: None, ..keys[2].clone() };
        let digests: HashSet<_> = keys.iter().chain([&before, &undecided]).map(Key::digest).collect();
        assert_eq!(digests.len(), 5, "{keys:?}");
        assert!(forms.into_iter().all(|form| key("llama", form).form.is_none()), "a reward model is asked in one way");
    }

    /// The sums that scores are made of, to the bit. Whoever changes a number here raises [`SCORING`]: scores that were kept
    /// under the old one are no longer what this program computes.
    #[test]
    fn products_are_what_they_were_when_the_scoring_got_its_number() {
        let (out, input, rows) = (37, 300, 5);
        let weights: Vec<u8> = numbers(out * input, 1).into_iter().flat_map(f32::to_le_bytes).collect();
        let x = numbers(rows * input, 2);
        // One value, and a hash of all.
        let held = [
            (Kernel::Avx512, Element::F32, 0x408d_1ca2, 0x3ca0_ad8b),
            (Kernel::Avx2, Element::F32, 0x408d_1ca2, 0x3ca0_ad8b),
            (Kernel::Portable, Element::F32, 0x408d_1ca2, 0xc01b_6ce4),
            (Kernel::Avx512Bf16, Element::Bf16, 0x408c_a360, 0x5745_21bf),
            (Kernel::Avx512, Element::Bf16, 0x408c_a360, 0x3002_c41d),
            (Kernel::Avx2, Element::Bf16, 0x408c_a360, 0x3002_c41d),
            (Kernel::Portable, Element::Bf16, 0x408c_a360, 0x3002_c41d),
            (Kernel::Avx512, Element::F16, 0x408d_1c28, 0xcf81_de49),
            (Kernel::Avx2, Element::F16, 0x408d_1c28, 0xcf81_de49),
            (Kernel::Portable, Element::F16, 0x408d_1c29, 0xf2cf_b20c),
        ];
        for element in [Element::F32, Element::Bf16, Element::F16] {
            for kernel in Kernel::available(element) {
                let mut matrix = Matrix::zeros_for(kernel, out, input, element);
                matrix.fill(0, Stored::F32(&weights));
                let mut y = vec![0.0; rows * out];
                matrix.multiply(&x, &mut y);
                let bits: Vec<u8> = y.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
                let hash = u32::from_le_bytes(*blake3::hash(&bits).as_bytes().first_chunk().unwrap());
                let found = (kernel, element, y[7].to_bits(), hash);
                assert!(held.contains(&found), "{found:#010x?}, where scoring is {SCORING}");
            }
        }
    }
}
