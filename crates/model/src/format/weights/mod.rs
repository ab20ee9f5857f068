//! Tensors out of safetensors and GGUF files, mapped and copied once: straight into what is kept, a tensor, a packed matrix
//! (`packing`), or nothing at all where rows are looked up in the file (`embedding`). `internlm2` finds the tensors of Llama in
//! the matrices of InternLM2.
//!
//! Knows names, shapes and dtypes; what a tensor is for is the caller's business.

mod digest;
mod embedding;
mod internlm2;
mod packing;

use crate::format::head_names;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::quantized::GgmlDType;
use candle_core::quantized::ggml_file::qtensor_from_ggml;
use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};

pub use digest::Digest;
pub use embedding::Embedding;

use super::files::Files;
use super::gguf::{self, Change};
use crate::format::mapped::open;
use crate::{Cancel, ModelError};
use rewardscope_base::text;

/// Bytes converted between two looks at the cancel flag; also all the memory that conversion takes beside the result.
const CHUNK: usize = 4 << 20;
/// Names listed in a message before it says how many more there are.
const NAMES_LISTED: usize = 12;
const DECODER: &str = "model.";
const EMBEDDING: &str = "embed_tokens.weight";
const AGAIN: &str = "Download the file again";

/// The open weights of one checkpoint. Dropping it lets go of the files; loaded tensors stay.
pub struct Weights {
    shards: Vec<Shard>,
    tensors: BTreeMap<String, Stored>,
    /// Names of those that were asked for.
    read: Mutex<BTreeSet<String>>,
}

struct Shard {
    path: PathBuf,
    bytes: Bytes,
    /// Where the file is hashed while it is read.
    digest: Option<Arc<Digest>>,
}

enum Bytes {
    Mapped { file: Arc<File>, map: Arc<Mmap> },
    Compiled(&'static [u8]),
}

/// One tensor as the file describes it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As transformers has it.
    pub shape: Vec<usize>,
    format: Format,
    shard: usize,
    /// Where its rows lie within the shard, in order: one range, or several between which rows of other tensors lie.
    ranges: Vec<Range<usize>>,
    /// What has to be undone once it is read.
    change: Change,
}

/// How values lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Plain(Dtype),
    /// Quantized in blocks.
    Blocks(GgmlDType),
}

/// How a tensor is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In the dtype of the file (f64 becomes f32, which nothing here is wider than).
    AsStored,
    /// Converted to this dtype.
    As(DType),
}

/// Counts bytes while a checkpoint loads, from any thread, and ends the load when it is no longer wanted.
pub struct Meter<'a> {
    told: Mutex<Told<'a>>,
    cancel: &'a Cancel,
    total: u64,
}

struct Told<'a> {
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
    done: u64,
}

impl<'a> Meter<'a> {
    /// `progress` is told the bytes read, of `total`.
    pub fn new(progress: &'a mut (dyn FnMut(u64, u64) + Send), cancel: &'a Cancel, total: u64) -> Self {
        Meter { told: Mutex::new(Told { progress, done: 0 }), cancel, total }
    }

    fn advance(&self, bytes: usize) -> Result<(), ModelError> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.done += bytes as u64;
        let done = told.done.min(self.total);
        (told.progress)(done, self.total);
        drop(told);
        self.cancel.check()
    }

    /// Tells that all is read.
    pub fn finish(&self) {
        (self.told.lock().unwrap_or_else(PoisonError::into_inner).progress)(self.total, self.total);
    }
}

impl Stored {
    /// Values in the tensor. The shape was checked against the file's size, so this does not overflow.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }

    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.len() as u64).sum()
    }

    /// The dtype in which [`Keep`] has it; `None` where the file's dtype is none that models are stored in.
    pub fn kept_dtype(&self, keep: Keep) -> Option<DType> {
        let stored = self.format.read_as()?;
        Some(match keep {
            Keep::As(dtype) => dtype,
            Keep::AsStored if stored == DType::F64 => DType::F32,
            Keep::AsStored => stored,
        })
    }
}

impl Format {
    fn of(dtype: GgmlDType) -> Self {
        match dtype {
            GgmlDType::F32 => Format::Plain(Dtype::F32),
            GgmlDType::F16 => Format::Plain(Dtype::F16),
            GgmlDType::BF16 => Format::Plain(Dtype::BF16),
            blocks => Format::Blocks(blocks),
        }
    }

    fn name(self) -> String {
        match self {
            Format::Plain(dtype) => format!("{dtype:?}"),
            Format::Blocks(blocks) => format!("{blocks:?}"),
        }
    }

    /// The dtype of the values as they come out of the file; `None` where models are not stored so.
    fn read_as(self) -> Option<DType> {
        match self {
            Format::Plain(Dtype::F32) | Format::Blocks(_) => Some(DType::F32),
            Format::Plain(Dtype::BF16) => Some(DType::BF16),
            Format::Plain(Dtype::F16) => Some(DType::F16),
            Format::Plain(Dtype::F64) => Some(DType::F64),
            Format::Plain(_) => None,
        }
    }

    /// Bytes of the smallest piece that can be read, and the values in it.
    fn piece(self, dtype: DType) -> (usize, usize) {
        match self {
            Format::Plain(_) => (dtype.size_in_bytes(), 1),
            Format::Blocks(blocks) => (blocks.type_size(), blocks.block_size()),
        }
    }

    /// All values in f32.
    fn widen(self, bytes: &[u8], to: &mut [f32]) -> candle_core::Result<()> {
        let word = |bytes: &[u8; 2]| u16::from_le_bytes(*bytes);
        match self {
            Format::Plain(Dtype::F32) => fill(to, bytes.as_chunks().0, |bytes| f32::from_le_bytes(*bytes)),
            Format::Plain(Dtype::BF16) => fill(to, bytes.as_chunks().0, |bytes| bf16::from_bits(word(bytes)).to_f32()),
            Format::Plain(Dtype::F16) => fill(to, bytes.as_chunks().0, |bytes| f16::from_bits(word(bytes)).to_f32()),
            Format::Plain(Dtype::F64) => fill(to, bytes.as_chunks().0, |bytes| f64::from_le_bytes(*bytes) as f32),
            Format::Plain(other) => candle_core::bail!("{other:?} is no dtype of weights"),
            Format::Blocks(_) => {
                let values: Vec<f32> = self.values(bytes, DType::F32, to.len(), &Device::Cpu)?.to_vec1()?;
                to.copy_from_slice(&values);
            }
        }
        Ok(())
    }

    /// `count` values of the kind that [`read_as`](Self::read_as) names.
    fn values(self, bytes: &[u8], dtype: DType, count: usize, device: &Device) -> candle_core::Result<Tensor> {
        match self {
            Format::Plain(_) => Tensor::from_raw_buffer(bytes, dtype, &[count], device),
            Format::Blocks(blocks) => {
                qtensor_from_ggml(blocks, bytes, vec![count], &Device::Cpu)?.dequantize(&Device::Cpu)?.to_device(device)
            }
        }
    }
}

impl Weights {
    /// Opens all shards and reads their headers, not their tensors. A tensor for which `is_of_a_head` holds once the names
    /// that wrap a model are taken off goes by that shorter name.
    pub fn open(files: &Files, is_of_a_head: fn(&str) -> bool) -> Result<Self, ModelError> {
        if let Files::Gguf { file, .. } = files {
            return Self::open_gguf(file);
        }
        let (mut shards, mut tensors) = (Vec::new(), BTreeMap::new());
        for name in files.weights()? {
            let path = files.path(&name);
            let bytes = match files.bundled(&name) {
                Some(bytes) => Bytes::Compiled(bytes),
                None => Bytes::mapped(&path)?,
            };
            let shard = Shard { path, bytes, digest: None };
            shard.index(shards.len(), &mut tensors)?;
            shards.push(shard);
        }
        let prefix = prefix(&tensors);
        let mut named = BTreeMap::new();
        // Of two tensors that would have one name the second keeps its own, so that it is seen.
        for (name, stored) in tensors {
            let canonical = canonical(&name, &prefix, is_of_a_head);
            named.insert(if named.contains_key(&canonical) { name } else { canonical }, stored);
        }
        Ok(Weights { shards, tensors: named, read: Mutex::default() })
    }

    fn open_gguf(path: &Path) -> Result<Self, ModelError> {
        let shard = Shard { path: path.to_owned(), bytes: Bytes::mapped(path)?, digest: None };
        let header = gguf::Header::read(path, shard.bytes())?;
        let described = gguf::tensors(&header)?.into_iter().map(|tensor| {
            let stored = Stored {
                shape: tensor.shape,
                format: Format::of(tensor.dtype),
                shard: 0,
                ranges: vec![tensor.range],
                change: tensor.change,
            };
            (tensor.name, stored)
        });
        let tensors = described.collect();
        Ok(Weights { shards: vec![shard], tensors, read: Mutex::default() })
    }

    /// From here on the files are hashed as they are read; the hashes are to be had once the tensors are loaded. Of nothing
    /// where the weights are compiled in.
    pub(crate) fn hash_while_reading(&mut self) -> Vec<Arc<Digest>> {
        for shard in &mut self.shards {
            if let Bytes::Mapped { map, .. } = &shard.bytes {
                shard.digest = Some(Arc::new(Digest::new(&shard.path, map.clone())));
            }
        }
        self.shards.iter().filter_map(|shard| shard.digest.clone()).collect()
    }

    /// The formats of quantized tensors, for the provenance: `Q4K, Q8_0`; `None` where none is.
    pub fn formats(&self) -> Option<String> {
        let quantized = self.tensors.values().filter_map(|stored| match stored.format {
            Format::Blocks(blocks) => Some(format!("{blocks:?}")),
            Format::Plain(_) => None,
        });
        let formats: BTreeSet<String> = quantized.collect();
        (!formats.is_empty()).then(|| formats.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// All tensors by name, in order of name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored))
    }

    /// One tensor by name.
    pub fn get(&self, name: &str) -> Option<&Stored> {
        self.tensors.get(name)
    }

    /// One tensor of the shape expected, on `device`.
    ///
    /// Fails where it is missing, has another shape, or a dtype that models are not stored in.
    pub fn load(&self, name: &str, shape: &[usize], keep: Keep, device: &Device, meter: &Meter) -> Result<Tensor, ModelError> {
        let (stored, shard, from) = self.found(name, shape)?;
        let to = stored.kept_dtype(keep).unwrap_or(from);
        let (width, values) = stored.format.piece(from);
        let flat = Tensor::zeros(stored.bytes() as usize / width * values, to, device)?;
        let step = CHUNK / width * width;
        let mut at = 0;
        for range in &stored.ranges {
            for start in range.clone().step_by(step) {
                let chunk = shard.read(&(start..range.end.min(start + step)));
                let count = chunk.len() / width * values;
                let values = stored.format.values(chunk, from, count, device)?;
                let values = if stored.change == Change::OneAdded { (values - 1.0)? } else { values };
                flat.slice_set(&values.to_dtype(to)?, 0, at)?;
                at += count;
                meter.advance(chunk.len())?;
            }
            shard.give_back(range.clone());
        }
        Ok(match stored.change {
            Change::Interleaved { heads } => apart(&flat, shape, heads)?,
            Change::None | Change::OneAdded => flat.reshape(shape)?,
        })
    }

    /// A tensor, the file that holds it and the dtype its values are read as.
    fn found(&self, name: &str, shape: &[usize]) -> Result<(&Stored, &Shard, DType), ModelError> {
        let stored = self.get(name).ok_or_else(|| self.missing(name))?;
        let shard = &self.shards[stored.shard];
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        // Packed weights have another shape as well: what they are stored as says more.
        let Some(from) = stored.format.read_as() else {
            let problem = format!("the tensor {name} is stored as {}, as quantized weights are", stored.format.name());
            return Err(ModelError::unsupported(
                shard.path.display().to_string(),
                problem,
                "Weights are read from f32, bf16 and f16, and from the blocks of GGUF: look for the model before it was quantized, \
                 or in GGUF",
            ));
        };
        if stored.shape != shape {
            return Err(shard.misshapen(name, &stored.shape, shape));
        }
        Ok((stored, shard, from))
    }

    /// Names of the tensors that nothing has asked for, in order.
    pub fn unread(&self) -> Vec<&str> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.tensors.keys().map(String::as_str).filter(|name| !read.contains(*name)).collect()
    }

    /// The file that holds a tensor, where it is one of a head's own.
    pub fn head_file(&self, name: &str) -> Option<String> {
        let path = &self.shards.get(self.get(name)?.shard)?.path;
        let name = path.file_name()?.to_str()?;
        head_names::is_a_head_file(name).then(|| name.to_owned())
    }

    /// The error for a tensor that is not there, with what is.
    pub fn missing(&self, name: &str) -> ModelError {
        let file = match self.shards.as_slice() {
            [one] => one.path.clone(),
            shards => shards.first().and_then(|s| s.path.parent()).map(Path::to_owned).unwrap_or_default(),
        };
        let problem = format!("there is no tensor {name}. Found: {}", self.names());
        ModelError::file(
            file,
            problem,
            "Check that this is the model meant, not the one that it was made from, and that every shard is there",
        )
    }

    /// Names for a message: those outside the layers, where a head is; of the layers the number.
    fn names(&self) -> String {
        let (layers, mut outside): (Vec<&str>, Vec<&str>) =
            self.tensors.keys().map(String::as_str).partition(|name| name.contains("layers."));
        // What may be the head comes first.
        outside.sort_by_key(|name| !head_names::speaks_of_a_head(&name.to_ascii_lowercase()));
        let mut shown: Vec<String> = outside.iter().take(NAMES_LISTED).map(|name| text::named(name)).collect();
        let more = outside.len() - shown.len();
        shown.extend((more > 0).then(|| format!("{more} more outside the layers")));
        shown.extend((!layers.is_empty()).then(|| format!("tensors of the layers: {}", layers.len())));
        if shown.is_empty() { "no tensors at all".to_owned() } else { shown.join(", ") }
    }
}

impl Bytes {
    fn mapped(path: &Path) -> Result<Self, ModelError> {
        let (file, map) = open(path)?;
        Ok(Bytes::Mapped { file: Arc::new(file), map: Arc::new(map) })
    }
}

impl Shard {
    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped { map, .. } => map,
            Bytes::Compiled(bytes) => bytes,
        }
    }

    /// The bytes of a range, which are about to be used.
    fn read(&self, range: &Range<usize>) -> &[u8] {
        self.look_at(range);
        &self.bytes()[range.clone()]
    }

    fn look_at(&self, range: &Range<usize>) {
        if let Some(digest) = &self.digest {
            digest.look_at(range);
        }
    }

    /// Lets go of pages that were read and will not be needed again: the mapping then takes no memory of this process.
    fn give_back(&self, range: Range<usize>) {
        if let Bytes::Mapped { map, .. } = &self.bytes {
            // SAFETY: the pages are a file's, mapped to be read alone: given back, they come from the file again when they are
            // next looked at, with the same bytes.
            let given = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
            if let Err(error) = given {
                tracing::debug!(%error, "pages of weights could not be given back");
            }
        }
    }

    fn index(&self, shard: usize, tensors: &mut BTreeMap<String, Stored>) -> Result<(), ModelError> {
        let bytes = self.bytes();
        let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| self.damaged(&error))?;
        // Tensors follow the header, which follows its length in eight bytes. The crate has checked every range.
        let data = header + 8;
        for (name, info) in metadata.tensors() {
            let range = data + info.data_offsets.0..data + info.data_offsets.1;
            let stored = Stored {
                shape: info.shape.clone(),
                format: Format::Plain(info.dtype),
                shard,
                ranges: vec![range],
                change: Change::None,
            };
            tensors.insert(name, stored);
        }
        Ok(())
    }

    /// The error for a tensor of another shape than the configuration asks for.
    fn misshapen(&self, name: &str, found: &[usize], asked: &[usize]) -> ModelError {
        let problem = format!("the tensor {name} has shape {found:?}, and config.json asks for {asked:?}");
        ModelError::file(&self.path, problem, "config.json and weights are not of the same model: download both again")
    }

    fn damaged(&self, error: &dyn std::fmt::Display) -> ModelError {
        let bytes = self.bytes();
        let found = text::bytes(bytes.len() as u64);
        if bytes.starts_with(b"version https://git-lfs") {
            return ModelError::file(&self.path, "is a Git LFS pointer, not the weights", "Run git lfs pull in that folder");
        }
        let problem = match size_by_header(bytes) {
            Some(size) if size > bytes.len() as u64 => {
                let missing = text::bytes(size - bytes.len() as u64);
                format!(
                    "is cut short: its header speaks of {} ({size} bytes), the file has {found} ({missing} missing)",
                    text::bytes(size)
                )
            }
            _ => format!("is no sound safetensors file of {found}: {error}"),
        };
        ModelError::file(&self.path, problem, AGAIN)
    }
}

fn fill<const N: usize>(to: &mut [f32], bytes: &[[u8; N]], value: impl Fn(&[u8; N]) -> f32) {
    for (to, bytes) in to.iter_mut().zip(bytes) {
        *to = value(bytes);
    }
}

/// Rows that stand in turn, one of the first half of a head and one of the second, put half behind half.
fn apart(flat: &Tensor, shape: &[usize], heads: usize) -> candle_core::Result<Tensor> {
    let rest: usize = shape.iter().skip(1).product();
    let half = shape.first().copied().unwrap_or_default() / 2 / heads.max(1);
    flat.reshape((heads, half, 2, rest))?.transpose(1, 2)?.contiguous()?.reshape(shape)
}

/// What stands before the decoder's tensors: `model.`, nothing, or more where the checkpoint sees images as well.
fn prefix(tensors: &BTreeMap<String, Stored>) -> String {
    tensors.keys().find_map(|name| name.strip_suffix(EMBEDDING)).unwrap_or(DECODER).to_owned()
}

/// The name in the form of a plain language model: the decoder's tensors under `model.`, the output matrix `lm_head`, a head
/// as its kind is written.
fn canonical(name: &str, prefix: &str, is_of_a_head: fn(&str) -> bool) -> String {
    let inside = |rest: &str| ["layers.", "embed_tokens.", "norm."].iter().any(|part| rest.starts_with(part));
    match name.strip_prefix(prefix) {
        Some(rest) if inside(rest) => format!("{DECODER}{rest}"),
        _ => head_names::unwrapped(name, |rest| rest.starts_with("lm_head.") || is_of_a_head(rest)).unwrap_or(name).to_owned(),
    }
}

/// What the file's own header says its size is; `None` where the header cannot be read or is itself cut off.
fn size_by_header(bytes: &[u8]) -> Option<u64> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let data = length.checked_add(8)?;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(bytes.get(8..usize::try_from(data).ok()?)?).ok()?;
    let ends = header.values().filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64());
    data.checked_add(ends.max()?)
}

#[cfg(test)]
mod tests;
