//! What a checkpoint's files hold, in a name: a hash of every byte that counts, wherever the files came from.
//!
//! A hash is kept beside path, size, times and inode of its file, so that a model is known at each start without being read.
//! Where that is not known, small files are read here, and the hashes of weights come from the load that reads them anyway
//! (`model::weights::Digest`): gigabytes are read once. A file that was written moments ago is read again the next time: a
//! second write within the clock's step would not show.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{OptionalExtension, params};

use super::schema::PATIENCE;
use super::{Store, StoreError};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::format::weights::Digest;
use crate::model::{Cancel, ModelError};

/// A file must have been at rest for so long before its hash is kept.
const AT_REST: Duration = Duration::from_secs(2);
/// Everything beside the weights that can change a score.
const SMALL: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
];

/// The hash of the content of a model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// As [`Key::content`](super::Key) has it.
    pub model: String,
    /// Of a tokenizer folder given instead of the model's own.
    pub tokenizer: Option<String>,
}

/// Where the hashes of weights come from that are not known yet.
pub enum Unread<'a> {
    /// From a load that took them; of weights that were not loaded so there is none.
    Loaded(&'a Hashed),
    /// From the files, which are read through for this alone. Told bytes read and to read.
    Read(&'a mut dyn FnMut(u64, u64)),
}

/// Hashes of weights that were taken while they were loaded, and the stamps that their files had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed(HashMap<PathBuf, (Vec<u8>, blake3::Hash)>);

/// Names the content of a checkpoint's files; `None` where the hash of weights is neither known nor to be had from `unread`.
pub(super) fn content(
    store: &mut Store,
    files: &Files,
    label: &SourceLabel,
    unread: &mut Unread<'_>,
    cancel: &Cancel,
) -> Result<Option<Content>, IdentifyError> {
    let mut read = Read { store, files, unread, cancel, done: 0, total: files.weight_files()?.bytes };
    let (model, tokenizer) = match files {
        Files::Bundled { name, entries } => {
            let mut hasher = blake3::Hasher::new();
            for (file, bytes) in *entries {
                add(&mut hasher, file, blake3::hash(bytes));
            }
            let model = format!("bundled:{name}:{}", hasher.finalize().to_hex());
            return Ok(Some(Content { model, tokenizer: None }));
        }
        Files::Directory(folder) => {
            let small = SMALL.iter().filter(|name| folder.join(name).exists());
            (read.all(small, files.weights()?.into_iter().map(|name| (files.path(&name), name)).collect())?, None)
        }
        Files::Gguf { file, tokenizer } => {
            let model = read.all([].iter(), vec![(file.clone(), "gguf".to_owned())])?;
            let beside = |folder: &PathBuf| {
                let small = SMALL.iter().filter(|name| **name != "config.json" && folder.join(name).exists());
                read.all(small, Vec::new())
            };
            (model, tokenizer.as_ref().map(beside).transpose()?.flatten())
        }
    };
    let model = model.map(|hash| match &label.revision {
        // The files in the cache may differ from those that the hub has at the same commit.
        Some(commit) => format!("hub:{}@{commit}:{hash}", label.source),
        None => format!("files:{hash}"),
    });
    Ok(model.map(|model| Content { model, tokenizer: tokenizer.map(|hash| format!("files:{hash}")) }))
}

/// When the files of a model were last changed, as far as the file system knows: to see whether they are still those that
/// were hashed. Of nothing where nothing lies on disk that can change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Stamps {
    /// As they are now.
    pub fn of(files: &Files) -> Self {
        let small = |folder: &Path| SMALL.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
        let paths = match files {
            Files::Bundled { .. } => Vec::new(),
            Files::Directory(folder) => {
                let weights = files.weights().unwrap_or_default();
                [small(folder), weights.iter().map(|name| folder.join(name)).collect()].concat()
            }
            Files::Gguf { file, tokenizer } => [vec![file.clone()], tokenizer.as_deref().map(small).unwrap_or_default()].concat(),
        };
        Stamps(paths.into_iter().map(|path| (path.clone(), now(&path))).collect())
    }

    /// Whether every one of these files is as it was: asked of the file system alone, nothing is read.
    pub fn still_hold(&self) -> bool {
        self.0.iter().all(|(path, stamp)| now(path) == *stamp)
    }

    /// Hashes of these files, taken since, with the stamps from before.
    pub fn hashed(&self, hashes: Vec<(PathBuf, blake3::Hash)>) -> Hashed {
        let mut hashes: HashMap<PathBuf, blake3::Hash> = hashes.into_iter().collect();
        let stamped = self.0.iter().filter_map(|(path, stamp)| {
            let hash = hashes.remove(path)?;
            Some((path.clone(), (stamp.clone()?, hash)))
        });
        Hashed(stamped.collect())
    }
}

/// None for a file that is not there.
fn now(path: &Path) -> Option<Vec<u8>> {
    std::fs::metadata(path).ok().map(|meta| stamp(&meta))
}

struct Read<'a, 'u> {
    store: &'a mut Store,
    files: &'a Files,
    unread: &'a mut Unread<'u>,
    cancel: &'a Cancel,
    /// Bytes of weights that are known, and all of them.
    done: u64,
    total: u64,
}

impl Read<'_, '_> {
    /// One hash over names and contents, in the order given.
    fn all<'n>(
        &mut self,
        small: impl Iterator<Item = &'n &'static str>,
        weights: Vec<(PathBuf, String)>,
    ) -> Result<Option<String>, IdentifyError> {
        let mut hasher = blake3::Hasher::new();
        for name in small {
            add(&mut hasher, name, self.small(name)?);
        }
        for (path, name) in weights {
            let Some(hash) = self.weights(&path)? else { return Ok(None) };
            add(&mut hasher, &name, hash);
        }
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }

    fn small(&mut self, name: &str) -> Result<blake3::Hash, IdentifyError> {
        let path = self.files.path(name);
        let (real, stamp) = look(&path)?;
        if let Some(known) = self.store.fingerprint(&real, &stamp)? {
            return Ok(known);
        }
        let gone = || ModelError::file(&path, "is not there any more", "Open the model again once its files are complete");
        let hash = blake3::hash(&self.files.read(name)?.ok_or_else(gone)?);
        self.remember(&path, &real, &stamp, &hash)?;
        Ok(hash)
    }

    fn weights(&mut self, path: &Path) -> Result<Option<blake3::Hash>, IdentifyError> {
        let (real, stamp) = look(path)?;
        let hash = match (self.store.fingerprint(&real, &stamp)?, &mut *self.unread) {
            (Some(known), _) => {
                self.done += std::fs::metadata(path).map_or(0, |meta| meta.len());
                return Ok(Some(known));
            }
            (None, Unread::Loaded(hashed)) => match hashed.0.get(path).filter(|(then, _)| *then == stamp) {
                Some((_, hash)) => *hash,
                None => return Ok(None),
            },
            (None, Unread::Read(progress)) => {
                let (done, total) = (&mut self.done, self.total);
                let mut advance = |bytes: u64| {
                    *done += bytes;
                    progress(*done, total);
                };
                Digest::open(path)?.finish(&mut advance, self.cancel)?
            }
        };
        self.remember(path, &real, &stamp, &hash)?;
        Ok(Some(hash))
    }

    /// Keeps a hash, where the file is still as it was and has been at rest.
    fn remember(&mut self, path: &Path, real: &Path, stamp: &[u8], hash: &blake3::Hash) -> Result<(), IdentifyError> {
        let Ok(after) = std::fs::metadata(path) else { return Ok(()) };
        let rested = after.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if self::stamp(&after) == stamp && rested.is_some_and(|rested| rested >= AT_REST) {
            self.keep(real, stamp, hash)?;
        }
        Ok(())
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

/// Where a file lies, without links, and its stamp.
fn look(path: &Path) -> Result<(PathBuf, Vec<u8>), ModelError> {
    let seen = std::fs::canonicalize(path).and_then(|real| Ok((real, stamp(&std::fs::metadata(path)?))));
    seen.map_err(|error| ModelError::file(path, format!("cannot be read: {error}"), "Check the file and its permissions"))
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

/// Why a model could not be identified.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The model's files cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The store does not say what it knows of the files.
    #[error(transparent)]
    Store(#[from] StoreError),
}
