//! Whether a file holds what it should: by the hash that names its content, else by its own shape.
//!
//! The hub names a file of its large storage by the SHA-256 of the content, and any other by its git blob hash, the SHA-1 of
//! `blob LENGTH\0` and the content. The cache keeps a blob under that name, so what lies in it can be verified without asking
//! anyone. Where no hash is known, a file can still be seen to be no such file at all: a web page, or cut.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::Look;

/// What is hashed between two looks at whether to go on: a few milliseconds' work.
const CHUNK: usize = 4 << 20;
/// Files of so many bytes are hashed in a moment.
const BRIEF_BYTES: u64 = 32 << 20;
/// No safetensors header is larger; the format itself says so.
const MOST_HEADER: u64 = 100 << 20;
/// The version line of a git-lfs pointer, which stands in the repository for a large file.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1";

/// The hash that a content must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha256(String),
    /// Of a git blob with the content, or with the git-lfs pointer to it; some mirrors give the SHA-1 of the content alone.
    Sha1(String),
}

impl Digest {
    /// As it stands in a listing, an ETag or the name of a blob; `None` for what is no such hash.
    pub fn named(hash: &str) -> Option<Self> {
        let is_hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match hash.len() {
            64 if is_hex => Some(Digest::Sha256(hash.to_ascii_lowercase())),
            40 if is_hex => Some(Digest::Sha1(hash.to_ascii_lowercase())),
            _ => None,
        }
    }
}

/// A file that is being read through, a chunk at a time.
pub struct Hashing {
    file: File,
    chunk: Vec<u8>,
    bytes: u64,
    sha256: Sha256,
    sha1: Sha1,
    git: Sha1,
}

impl Hashing {
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut git = Sha1::new();
        git.update(format!("blob {bytes}\0"));
        Ok(Hashing { file, chunk: vec![0; CHUNK], bytes, sha256: Sha256::new(), sha1: Sha1::new(), git })
    }

    /// Reads on; false at the end.
    pub fn step(&mut self, of: &Digest) -> io::Result<bool> {
        let read = self.file.read(&mut self.chunk)?;
        let chunk = &self.chunk[..read];
        self.sha256.update(chunk);
        if matches!(of, Digest::Sha1(_)) {
            self.sha1.update(chunk);
            self.git.update(chunk);
        }
        Ok(read > 0)
    }

    /// Whether what was read has this hash.
    pub fn is(self, digest: &Digest) -> bool {
        let sha256 = hex(&self.sha256.finalize());
        match digest {
            Digest::Sha256(wanted) => *wanted == sha256,
            Digest::Sha1(wanted) => {
                let pointer = format!("{POINTER}\noid sha256:{sha256}\nsize {}\n", self.bytes);
                let known = [hex(&self.git.finalize()), hex(&self.sha1.finalize()), git_hash(pointer.as_bytes())];
                known.contains(wanted)
            }
        }
    }
}

/// Of a blob in a git repository.
fn git_hash(content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a file is not what it should be: by the hash that names its content where there is one and the `look` goes so far, else
/// by its shape. `None` where nothing speaks against it.
pub fn fault(
    path: &Path,
    name: &str,
    digest: Option<&Digest>,
    look: Look,
    goes_on: &dyn Fn() -> bool,
) -> io::Result<Option<String>> {
    if let Some(digest) = digest
        && (look == Look::Whole || fs::metadata(path)?.len() <= BRIEF_BYTES)
    {
        return match holds(path, digest, goes_on)? {
            Some(false) => Ok(Some(fault_of_shape(path, name)?.unwrap_or_else(|| OTHER_CONTENT.to_owned()))),
            Some(true) | None => Ok(None),
        };
    }
    fault_of_shape(path, name)
}

/// What is said of a file that has another hash.
pub const OTHER_CONTENT: &str = "its content is not the one whose hash is its name";

/// Whether the file has this hash; `None` where `goes_on` said no before the end.
pub fn holds(path: &Path, digest: &Digest, goes_on: &dyn Fn() -> bool) -> io::Result<Option<bool>> {
    let mut hashing = Hashing::begin(path)?;
    while hashing.step(digest)? {
        if !goes_on() {
            return Ok(None);
        }
    }
    Ok(Some(hashing.is(digest)))
}

/// Why a file cannot be what its name says, without knowing a hash of it: the shape of JSON and safetensors. `None` where
/// nothing speaks against it.
pub fn fault_of_shape(path: &Path, name: &str) -> io::Result<Option<String>> {
    let mut start = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut start)?;
    if is_web_page(&start, name) {
        return Ok(Some(WEB_PAGE.to_owned()));
    }
    if name.ends_with(".json") {
        let read: Result<IgnoredAny, _> = serde_json::from_reader(BufReader::new(File::open(path)?));
        return Ok(read.err().map(|error| format!("it is not whole JSON ({error})")));
    }
    if name.ends_with(".safetensors") { weights_fault(path) } else { Ok(None) }
}

/// What is said of a web page in place of a file.
pub const WEB_PAGE: &str = "it is a web page, such as a network's login or error page, and not the file";

/// Whether a file of that name begins as a web page does; JSON never begins with `<`, where a template may.
pub fn is_web_page(content: &[u8], name: &str) -> bool {
    let start = String::from_utf8_lossy(&content[..content.len().min(256)]).to_lowercase();
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let tags: &[&str] = if name.ends_with(".json") { &["<"] } else { &["<!doctype", "<html", "<head", "<body", "<?xml"] };
    tags.iter().any(|tag| start.starts_with(tag))
}

/// A safetensors file is as long as its header says: eight bytes, the header, the values up to the end of the last tensor.
fn weights_fault(path: &Path) -> io::Result<Option<String>> {
    #[derive(serde::Deserialize)]
    struct Tensor {
        data_offsets: [u64; 2],
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Tensor(Tensor),
        Other(IgnoredAny),
    }
    let length = fs::metadata(path)?.len();
    let mut file = File::open(path)?;
    let mut first = [0; 8];
    if length < 8 {
        return Ok(Some("it is cut: it has no header".to_owned()));
    }
    file.read_exact(&mut first)?;
    let header = u64::from_le_bytes(first);
    if header == 0 || header > MOST_HEADER.min(length - 8) {
        return Ok(Some("it has no header of safetensors".to_owned()));
    }
    let entries: HashMap<String, Entry> = match serde_json::from_reader(BufReader::new(file.take(header))) {
        Ok(entries) => entries,
        Err(error) => return Ok(Some(format!("its header is damaged ({error})"))),
    };
    let end = entries.values().map(|entry| match entry {
        Entry::Tensor(tensor) => tensor.data_offsets[1],
        Entry::Other(_) => 0,
    });
    let wanted = (8 + header).saturating_add(end.max().unwrap_or(0));
    Ok((wanted != length).then(|| format!("it has {length} bytes where its header says {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, content).expect("written");
        (folder, path)
    }

    #[test]
    fn a_content_is_known_by_each_of_the_names_that_the_hub_gives_it() {
        let (_folder, path) = file(b"hello\n");
        // As `git hash-object`, `sha256sum`, `git hash-object` of the pointer that git-lfs writes, and `sha1sum` tell.
        for name in [
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "fa61e1ef71c9908c0926776a4aa3504b3a27f159",
            "f572d396fae9206628714fb2ce00f72e94f2258f",
        ] {
            let digest = Digest::named(name).expect(name);
            assert_eq!(holds(&path, &digest, &|| true).expect("read"), Some(true), "{name}");
        }
        fs::write(&path, b"hellO\n").expect("written");
        for name in
            ["ce013625030ba8dba906f756967f9e9ca394464a", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"]
        {
            assert_eq!(holds(&path, &Digest::named(name).expect(name), &|| true).expect("read"), Some(false), "{name}");
        }
        assert_eq!([Digest::named("e1"), Digest::named(&"g".repeat(40)), Digest::named("")], [None, None, None]);
    }

    #[test]
    fn a_web_page_and_cut_files_are_told_by_their_shape() {
        let header = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"x":"y"}}"#;
        let whole = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
        let page = b"\n<!DOCTYPE html><html>Log in</html>";
        let cases: [(&str, &[u8], bool); 9] = [
            ("model.safetensors", &whole, true),
            ("model.safetensors", &whole[..whole.len() - 1], false),
            ("model.safetensors", &whole[..4], false),
            ("model.safetensors", &[0; 5000], false),
            ("model.safetensors", page, false),
            ("config.json", b"{\"a\": 1}", true),
            ("config.json", b"{\"a\": ", false),
            ("tokenizer.json", page, false),
            ("chat_template.jinja", b"<s>{{ x }}", true),
        ];
        for (name, content, is_sound) in cases {
            let (_folder, path) = file(content);
            let fault = fault_of_shape(&path, name).expect("read");
            assert_eq!(fault.is_none(), is_sound, "{name}, {} bytes: {fault:?}", content.len());
        }
    }
}
