//! The BLAKE3 hash of a file of weights, taken while the file is read, in whatever order that happens.
//!
//! BLAKE3 is a tree: blocks of a power of two bytes are hashed one by one, in any order and by any thread, and their hashes
//! joined at the end give the hash of the whole file. So a block is hashed when the loader first looks at a byte of it, and
//! comes from the disk once for both; what nobody has looked at is hashed at the end. Nothing but the hashes is held.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use memmap2::Mmap;
use rayon::prelude::*;

use super::{Cancel, ModelError};

/// Of which BLAKE3's tree is a tree again: a power of two, and a multiple of its own chunks.
const BLOCK: usize = 1 << 20;
/// Blocks hashed between two looks at the cancel flag.
const AT_ONCE: usize = 8;

/// A file whose hash is being taken.
pub struct Digest {
    path: PathBuf,
    map: Arc<Mmap>,
    blocks: Vec<OnceLock<ChainingValue>>,
}

impl Digest {
    pub(super) fn new(path: &Path, map: Arc<Mmap>) -> Self {
        let blocks = std::iter::repeat_with(OnceLock::new).take(map.len().div_ceil(BLOCK)).collect();
        Digest { path: path.to_owned(), map, blocks }
    }

    /// For a file that is read for its hash alone.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Ok(Self::new(path, Arc::new(crate::format::mapped::map(path)?)))
    }

    /// The file that is hashed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hashes what of these bytes has not been hashed yet.
    pub(super) fn look_at(&self, range: &Range<usize>) {
        if !range.is_empty() {
            (range.start / BLOCK..=(range.end - 1) / BLOCK).for_each(|block| self.hash(block));
        }
    }

    fn hash(&self, block: usize) {
        let Some(cell) = self.blocks.get(block) else { return };
        cell.get_or_init(|| {
            let start = block * BLOCK;
            let mut hasher = Hasher::new();
            hasher.set_input_offset(start as u64);
            hasher.update(&self.map[start..self.map.len().min(start + BLOCK)]).finalize_non_root()
        });
    }

    /// The hash of the whole file. What has not been looked at is read now; `progress` is told the bytes of each step.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`].
    pub fn finish(&self, progress: &mut dyn FnMut(u64), cancel: &Cancel) -> Result<blake3::Hash, ModelError> {
        for (step, blocks) in self.blocks.chunks(AT_ONCE).enumerate() {
            let first = step * AT_ONCE;
            if blocks.iter().any(|block| block.get().is_none()) {
                cancel.check()?;
                (first..first + blocks.len()).into_par_iter().for_each(|block| self.hash(block));
            }
            progress((self.map.len().min((first + blocks.len()) * BLOCK) - first * BLOCK) as u64);
        }
        let hashes: Vec<ChainingValue> = self.blocks.iter().filter_map(OnceLock::get).copied().collect();
        Ok(match hashes.len() {
            // The whole is no part of anything, and hashed otherwise than a part.
            0 | 1 => blake3::hash(&self.map),
            count => {
                let (left, right) = hashes.split_at(count.next_power_of_two() / 2);
                merge_subtrees_root(&joined(left), &joined(right), Mode::Hash)
            }
        })
    }
}

/// The left part of a tree is as large as a power of two can be below the whole.
fn joined(hashes: &[ChainingValue]) -> ChainingValue {
    match hashes {
        [] => ChainingValue::default(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            merge_subtrees_non_root(&joined(left), &joined(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> Digest {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Digest::open(file.path()).unwrap()
    }

    #[test]
    fn in_whatever_order_a_file_is_read_its_hash_is_that_of_the_whole() {
        let bytes: Vec<u8> = (0..11 * BLOCK + 3).map(|at| ((at * 7919) >> 5) as u8).collect();
        for length in [0, 1, 1023, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK, 5 * BLOCK + 1024, 8 * BLOCK, bytes.len()] {
            let bytes = &bytes[..length];
            let whole = blake3::hash(bytes);
            let unread = digest(bytes);
            assert_eq!(unread.finish(&mut |_| {}, &Cancel::default()).unwrap(), whole, "{length} bytes that nobody looked at");
            let read = digest(bytes);
            let pieces: Vec<Range<usize>> = (0..length).step_by(300_001).map(|at| at..length.min(at + 300_001)).collect();
            pieces.par_iter().rev().filter(|piece| piece.start % 3 > 0).for_each(|piece| read.look_at(piece));
            let mut told = 0;
            assert_eq!(read.finish(&mut |bytes| told += bytes, &Cancel::default()).unwrap(), whole, "{length} bytes in parts");
            assert_eq!(told, length as u64);
        }
    }

    #[test]
    fn what_was_looked_at_is_not_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 3 * BLOCK]).unwrap();
        let first = blake3::hash(&vec![1; 3 * BLOCK]);
        let digest = Digest::open(file.path()).unwrap();
        digest.look_at(&(0..3 * BLOCK));
        // Under the mapping: a second look would find other bytes.
        std::os::unix::fs::FileExt::write_all_at(&std::fs::File::options().write(true).open(file.path()).unwrap(), b"xyz", 9)
            .unwrap();
        assert_eq!(digest.finish(&mut |_| {}, &Cancel::default()).unwrap(), first);
    }

    #[test]
    fn the_hash_of_what_is_left_can_be_cancelled() {
        let digest = digest(&vec![1; 40 * BLOCK]);
        let cancel = Cancel::default();
        let mut steps = 0;
        let ended = digest.finish(
            &mut |bytes| {
                assert!(bytes <= 8 << 20);
                steps += 1;
                cancel.set();
            },
            &cancel,
        );
        assert!(matches!(ended, Err(ModelError::Cancelled)) && steps == 1, "{steps}");
    }
}
