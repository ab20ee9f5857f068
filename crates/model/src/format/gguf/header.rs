//! What a GGUF file says of itself: metadata by key, tensors by name. Bounded, for the file comes from elsewhere.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};

use crate::ModelError;
use rewardscope_base::text;

/// Metadata and tensor list end before this. The largest known vocabularies take 15 MB, and candle keeps 32 bytes for
/// the smallest value.
const LONGEST_HEADER: usize = 48 << 20;
/// The newest version of the format that candle reads.
const NEWEST: u32 = 3;
/// candle divides by its value.
const ALIGNMENT: &[u8] = b"general.alignment";

pub(crate) struct Header {
    pub path: PathBuf,
    pub content: Content,
    /// Bytes of the whole file.
    pub size: usize,
}

impl Header {
    /// `bytes` is the whole file, mapped.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, ModelError> {
        let damaged = |problem: String| ModelError::file(path, problem, "Download the file again");
        if !bytes.starts_with(b"GGUF") {
            return Err(damaged("is no GGUF file: it does not begin with those letters".to_owned()));
        }
        let version = bytes.get(4..8).and_then(|version| version.try_into().ok()).map_or(0, u32::from_le_bytes);
        if version > NEWEST {
            let is_swapped = version.swap_bytes() <= NEWEST;
            let problem = match is_swapped {
                true => "is written for machines with the other order of bytes (big-endian)".to_owned(),
                false => format!("is GGUF of version {version}"),
            };
            let next = format!("This program reads versions 1 to {NEWEST} in the usual order of bytes: look for such a file");
            return Err(ModelError::unsupported(path.display().to_string(), problem, next));
        }
        let head = &bytes[..bytes.len().min(LONGEST_HEADER)];
        if states_no_alignment(head) {
            return Err(damaged("states an alignment of 0".to_owned()));
        }
        let content = Content::read(&mut Cursor::new(head)).map_err(|error| {
            let error = error.to_string();
            if let Some(name) = quantization(&error) {
                let next = "GGUF is read in F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K: take the file with one of them";
                return ModelError::unsupported(path.display().to_string(), format!("the quantization {name} is not read"), next);
            }
            let error = text::visible(error.lines().next().unwrap_or_default());
            damaged(format!("is no GGUF file of {} that can be read: {error}", text::bytes(bytes.len() as u64)))
        })?;
        let header = Header { path: path.to_owned(), content, size: bytes.len() };
        match header.count("split.count") {
            Some(parts @ 2..) => {
                let next = "Join them into one file with llama-gguf-split --merge";
                Err(header.unsupported(format!("this is one of {parts} parts of a model"), next))
            }
            _ => Ok(header),
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.content.metadata.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn count(&self, key: &str) -> Option<usize> {
        match self.content.metadata.get(key)? {
            Value::I32(value) => usize::try_from(*value).ok(),
            Value::I64(value) => usize::try_from(*value).ok(),
            value => usize::try_from(value.to_u64().ok()?).ok(),
        }
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        match self.content.metadata.get(key)? {
            Value::F32(value) => Some(f64::from(*value)),
            Value::F64(value) => Some(*value),
            _ => self.count(key).map(|count| count as f64),
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.content.metadata.get(key)?.to_bool().ok()
    }

    pub fn list(&self, key: &str) -> &[Value] {
        match self.content.metadata.get(key) {
            Some(Value::Array(values)) => values,
            _ => &[],
        }
    }

    /// A list of texts, in order; what is no text stands as an empty one, so that places stay.
    pub fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).iter().map(|value| value.to_string().map_or("", String::as_str)).collect()
    }

    /// `llama`, `gemma3`: also what stands before the keys of the model.
    pub fn architecture(&self) -> &str {
        self.text("general.architecture").unwrap_or_default()
    }

    /// A key of the model without what stands before it: `block_count`.
    pub fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture())
    }

    pub fn unsupported(&self, problem: String, next: &str) -> ModelError {
        ModelError::unsupported(self.path.display().to_string(), problem, next)
    }
}

/// Kinds of tensors that candle does not know, by their number in ggml (`enum ggml_type` in `ggml.h`).
const UNREAD: [(u32, &str); 20] = [
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
];

/// The quantization that candle's message is about, where ggml has one of that number.
fn quantization(message: &str) -> Option<&'static str> {
    let (_, number) = message.lines().next()?.split_once("unknown dtype for tensor ")?;
    let number: u32 = number.trim().parse().ok()?;
    UNREAD.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// Looks for the key anywhere: a name or text that says the same is no honest one either.
fn states_no_alignment(head: &[u8]) -> bool {
    let mut places = head.windows(ALIGNMENT.len()).enumerate().filter(|(_, bytes)| *bytes == ALIGNMENT);
    places.any(|(at, _)| {
        let value = head.get(at + ALIGNMENT.len() + 4..).unwrap_or_default();
        // One, two or four bytes: all integers are little-endian, and no alignment above 255 is in use.
        value.first().is_none_or(|byte| *byte == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        Header::read(Path::new("model.gguf"), bytes).err().expect("refused").to_string()
    }

    fn file(counts: [u64; 2], rest: &[u8]) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        bytes.extend(rest);
        bytes
    }

    fn key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
        [&(name.len() as u64).to_le_bytes(), name.as_bytes(), &kind.to_le_bytes(), value].concat()
    }

    #[test]
    fn hostile_headers_are_refused() {
        let huge = [&8u32.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat();
        for bytes in [
            b"".to_vec(),
            b"GGUF".to_vec(),
            b"<html>".to_vec(),
            file([u64::MAX, u64::MAX], b""),
            file([0, 1], &key("general.name", 8, &u64::MAX.to_le_bytes())),
            file([0, 1], &key("tokenizer.ggml.tokens", 9, &huge)),
            file([0, 1], &key("general.alignment", 4, &[0; 4])),
            file([0, 1], &key("x", 99, &[0; 4])),
            file([0, 1], &key("split.count", 2, &[3, 0])),
        ] {
            let message = refusal(&bytes);
            assert!(message.starts_with("model.gguf: "), "{message}");
        }
    }

    #[test]
    fn a_quantization_that_is_not_read_is_named() {
        for (number, name) in UNREAD {
            let tensor = [&key("x", 1, &8u64.to_le_bytes())[..], &number.to_le_bytes(), &0u64.to_le_bytes()].concat();
            let message = refusal(&file([1, 0], &tensor));
            assert!(message.contains(&format!("the quantization {name} is not read")), "{message}");
            assert!(message.contains("Q8_0") && !message.contains("Download"), "{message}");
        }
    }

    #[test]
    fn keys_are_read_by_kind() {
        let bytes =
            file([0, 3], &[key("a", 4, &7u32.to_le_bytes()), key("b", 6, &0.5f32.to_le_bytes()), key("c", 7, &[1])].concat());
        let header = Header::read(Path::new("model.gguf"), &bytes).unwrap();
        assert_eq!(
            (header.count("a"), header.number("a"), header.number("b"), header.flag("c")),
            (Some(7), Some(7.0), Some(0.5), Some(true))
        );
        assert_eq!((header.count("b"), header.text("a"), header.list("a").len()), (None, None, 0));
    }
}
