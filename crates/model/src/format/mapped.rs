//! Files of weights mapped into memory.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::ModelError;

/// The file's bytes, read as they are looked at.
pub fn map(path: &Path) -> Result<Mmap, ModelError> {
    open(path).map(|(_, map)| map)
}

pub(super) fn open(path: &Path) -> Result<(File, Mmap), ModelError> {
    let unreadable =
        |error: std::io::Error| ModelError::file(path, format!("cannot be read: {error}"), "Check the file and its permissions");
    let file = File::open(path).map_err(unreadable)?;
    // SAFETY: a mapping is sound as long as nobody changes the file under it. No safe call can rule that out; weights are
    // written once, by a download that renames the finished file into place, and the mapping lives no longer than they are
    // read. Someone who overwrites the file meanwhile gets wrong numbers, which are kept nowhere (`engine::store_adapter`); who
    // truncates it, a bus error, as in every program that maps weights.
    let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
    Ok((file, map))
}
