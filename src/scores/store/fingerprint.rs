//! What a checkpoint's files hold, in a name: by commit where a hub knows it, else by a hash of every byte that counts.
//!
//! A hash is kept beside size, times and inode of its file, so that a model is read through once and not at each start. A
//! file that was written moments ago is read again: a second write within the clock's step would not show.

use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{OptionalExtension, params};

use super::key::IdentifyError;
use super::schema::PATIENCE;
use super::{Store, StoreError};
use crate::model::checkpoint::SourceLabel;
use crate::model::files::Files;
use crate::model::{Cancel, ModelError};

/// What is hashed between two looks at the cancel flag: a few milliseconds' work, where it does not wait for the disk.
const CHUNK: usize = 8 << 20;
/// A file must have been at rest for so long before its hash is kept.
const AT_REST: Duration = Duration::from_secs(2);
/// Everything beside the weights that can change a score.
const SMALL: [&str; 5] =
    ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

/// What stands in the files of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub model: String,
    /// Of a tokenizer folder given instead of the model's own.
    pub tokenizer: Option<String>,
}

/// Names the content of a checkpoint's files. `progress` is told bytes read and to read. Unless files `may_be_read`, only
/// hashes that are known serve; without one the answer is [`ModelError::Cancelled`].
pub(super) fn content(
    store: &mut Store,
    files: &Files,
    label: &SourceLabel,
    may_be_read: bool,
    progress: &mut dyn FnMut(u64, u64),
    cancel: &Cancel,
) -> Result<Content, IdentifyError> {
    let mut read = Read { store, may_be_read, progress, cancel, done: 0, total: 0 };
    match (files, &label.revision) {
        (Files::Bundled { name, entries }, _) => {
            let mut hasher = blake3::Hasher::new();
            for (file, bytes) in *entries {
                add(&mut hasher, file, blake3::hash(bytes));
            }
            Ok(Content { model: format!("bundled:{name}:{}", hasher.finalize().to_hex()), tokenizer: None })
        }
        // A commit never changes; what lies in the cache is what the hub sent.
        (Files::Directory(_), Some(commit)) => Ok(Content { model: format!("hub:{}@{commit}", label.source), tokenizer: None }),
        (Files::Directory(folder), None) => {
            let mut names: Vec<String> =
                SMALL.iter().filter(|name| folder.join(name).exists()).map(|name| (*name).to_owned()).collect();
            names.extend(files.weights()?);
            let model = read.all(names.iter().map(|name| (name.clone(), folder.join(name))).collect())?;
            Ok(Content { model: format!("files:{model}"), tokenizer: None })
        }
        (Files::Gguf { file, tokenizer }, _) => {
            let beside = |folder: &PathBuf| {
                let names = SMALL.iter().filter(|name| **name != "config.json" && folder.join(name).exists());
                names.map(|name| ((*name).to_owned(), folder.join(name))).collect::<Vec<_>>()
            };
            let model = read.all(vec![("gguf".to_owned(), file.clone())])?;
            let tokenizer = tokenizer.as_ref().map(|folder| read.all(beside(folder))).transpose()?;
            Ok(Content { model: format!("files:{model}"), tokenizer: tokenizer.map(|hash| format!("files:{hash}")) })
        }
    }
}

/// When the files of a model were last changed, as far as the file system knows: to see whether they are still those that
/// were hashed. Of nothing where nothing lies on disk that can change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Stamps {
    /// As they are now.
    pub fn of(files: &Files, label: &SourceLabel) -> Self {
        let small = |folder: &Path| SMALL.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
        let paths = match (files, &label.revision) {
            (Files::Bundled { .. }, _) | (Files::Directory(_), Some(_)) => Vec::new(),
            (Files::Directory(folder), None) => {
                let weights = files.weights().unwrap_or_default();
                [small(folder), weights.iter().map(|name| folder.join(name)).collect()].concat()
            }
            (Files::Gguf { file, tokenizer }, _) => {
                [vec![file.clone()], tokenizer.as_deref().map(small).unwrap_or_default()].concat()
            }
        };
        Stamps(paths.into_iter().map(|path| (path.clone(), now(&path))).collect())
    }

    /// Whether every one of these files is as it was: asked of the file system alone, nothing is read.
    pub fn still_hold(&self) -> bool {
        self.0.iter().all(|(path, stamp)| now(path) == *stamp)
    }
}

/// None for a file that is not there.
fn now(path: &Path) -> Option<Vec<u8>> {
    std::fs::metadata(path).ok().map(|meta| stamp(&meta))
}

struct Read<'a> {
    store: &'a mut Store,
    may_be_read: bool,
    progress: &'a mut dyn FnMut(u64, u64),
    cancel: &'a Cancel,
    done: u64,
    total: u64,
}

impl Read<'_> {
    /// One hash over names and contents, in the order given.
    fn all(&mut self, files: Vec<(String, PathBuf)>) -> Result<String, IdentifyError> {
        self.total += files.iter().filter_map(|(_, path)| std::fs::metadata(path).ok()).map(|meta| meta.len()).sum::<u64>();
        let mut hasher = blake3::Hasher::new();
        for (name, path) in files {
            add(&mut hasher, &name, self.one(&path)?);
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn one(&mut self, path: &Path) -> Result<blake3::Hash, IdentifyError> {
        let unreadable = |error: std::io::Error| {
            ModelError::file(path, format!("cannot be read: {error}"), "Check the file and its permissions")
        };
        let file = File::open(path).map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        let real = std::fs::canonicalize(path).map_err(unreadable)?;
        if let Some(known) = self.store.fingerprint(&real, &stamp(&meta))? {
            self.done += meta.len();
            return Ok(known);
        }
        if !self.may_be_read {
            return Err(ModelError::Cancelled.into());
        }
        let mut hasher = blake3::Hasher::new();
        if meta.len() > 0 {
            // SAFETY: the map is only read. Another program that cuts the file short would end this one with SIGBUS, as it
            // would while the weights are loaded, which are mapped in the same way.
            let map = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
            for chunk in map.chunks(CHUNK) {
                self.cancel.check()?;
                hasher.update_rayon(chunk);
                self.done += chunk.len() as u64;
                (self.progress)(self.done, self.total);
            }
        }
        let hash = hasher.finalize();
        let after = std::fs::metadata(path).map_err(unreadable)?;
        let rested = after.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if stamp(&after) == stamp(&meta) && rested.is_some_and(|rested| rested >= AT_REST) {
            self.keep(&real, &stamp(&meta), &hash)?;
        }
        Ok(hash)
    }

    /// Keeps a hash, which is worth some waiting; where it cannot be kept, the file is read again the next time.
    fn keep(&mut self, path: &Path, stamp: &[u8], hash: &blake3::Hash) -> Result<(), IdentifyError> {
        let started = Instant::now();
        loop {
            match self.store.keep_fingerprint(path, stamp, hash) {
                Err(StoreError::Busy(_)) if started.elapsed() < PATIENCE => self.cancel.check()?,
                Err(error @ StoreError::Damaged { .. }) => return Err(error.into()),
                _ => return Ok(()),
            }
        }
    }
}

impl Store {
    pub(super) fn fingerprint(&self, path: &Path, stamp: &[u8]) -> Result<Option<blake3::Hash>, StoreError> {
        let hash = self
            .connection
            .prepare_cached("SELECT hash FROM fingerprints WHERE path = ?1 AND stamp = ?2")
            .and_then(|mut statement| {
                statement.query_row(params![path.as_os_str().as_bytes(), stamp], |row| row.get::<_, Vec<u8>>(0)).optional()
            })
            .map_err(|error| self.failed(&error))?;
        Ok(hash.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(blake3::Hash::from_bytes))
    }

    pub(super) fn keep_fingerprint(&mut self, path: &Path, stamp: &[u8], hash: &blake3::Hash) -> Result<(), StoreError> {
        let sql = "INSERT INTO fingerprints (path, stamp, hash) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET stamp = excluded.stamp, hash = excluded.hash";
        let written = self.transaction(|transaction| {
            transaction.execute(sql, params![path.as_os_str().as_bytes(), stamp, &hash.as_bytes()[..]])
        });
        written.map(drop).map_err(|error| self.failed(&error))
    }
}

/// Size, inode, and both times to the nanosecond: the second cannot be set back by those who set the first.
fn stamp(meta: &Metadata) -> Vec<u8> {
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    let which = [meta.size(), meta.ino(), meta.dev()];
    times.iter().flat_map(|n| n.to_le_bytes()).chain(which.iter().flat_map(|n| n.to_le_bytes())).collect()
}

fn add(hasher: &mut blake3::Hasher, name: &str, hash: blake3::Hash) {
    hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(hash.as_bytes());
}
