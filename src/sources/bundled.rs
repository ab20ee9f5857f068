//! The demonstration pair, compiled into the program, so that the one file runs wherever it is copied.
//!
//! Knows names and bytes; what the files mean is read like any other checkpoint's.

use crate::base::terms::Family;

/// File names and their contents.
pub type Entries = &'static [(&'static str, &'static [u8])];

macro_rules! entries {
    ($name:literal) => {
        &[
            entries!($name, "config.json"),
            entries!($name, "model.safetensors"),
            entries!($name, "special_tokens_map.json"),
            entries!($name, "tokenizer.json"),
            entries!($name, "tokenizer_config.json"),
        ]
    };
    ($name:literal, $file:literal) => {
        ($file, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $name, "/", $file)) as &[u8])
    };
}

/// A model compiled into the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// What a MODEL argument calls it.
    pub name: &'static str,
    pub family: Family,
    entries: Entries,
}

/// The demonstration pair.
pub const BUNDLED: [Bundled; 2] = [
    Bundled { name: "demo-llama", family: Family::Llama, entries: entries!("demo-llama") },
    Bundled { name: "demo-gemma", family: Family::Gemma, entries: entries!("demo-gemma") },
];

/// The files of one of the pair; `None` for any other name.
pub fn bundled(name: &str) -> Option<Entries> {
    BUNDLED.iter().find(|model| model.name == name).map(|model| model.entries)
}

/// What stands in for a commit: the first 12 hexadecimal digits of the BLAKE3 hash over all names, lengths and contents. Takes
/// milliseconds, so it is for loading a model and not for drawing.
pub fn revision(entries: &[(&str, &[u8])]) -> String {
    let mut hash = blake3::Hasher::new();
    for (name, bytes) in entries {
        hash.update(format!("{name}\n{}\n", bytes.len()).as_bytes());
        hash.update(bytes);
    }
    hash.finalize().to_hex().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_the_pair_are_whole_and_small() {
        let mut together = 0;
        for Bundled { name, entries, .. } in BUNDLED {
            let size: usize = entries.iter().map(|(_, bytes)| bytes.len()).sum();
            assert!(size <= 3_000_000, "{name} has {size} bytes");
            together += size;
            let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
            assert_eq!(std::fs::read_dir(directory).unwrap().count(), entries.len(), "every file of {name} is compiled in");
        }
        assert!(together <= 5_500_000, "{together} bytes in all");
        assert!(bundled("demo-mistral").is_none());
    }

    #[test]
    fn the_revision_changes_with_any_byte_or_name() {
        let one = revision(&[("a", b"12"), ("b", b"3")]);
        assert_eq!(one.len(), 12);
        assert_ne!(one, revision(&[("a", b"12"), ("b", b"4")]));
        assert_ne!(one, revision(&[("a", b"12"), ("c", b"3")]));
        assert_ne!(one, revision(&[("a", b"123"), ("b", b"")]));
    }
}
