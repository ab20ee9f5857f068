//! Files that appear whole, and never in place of something that is no file.
//!
//! [`Destination`] says where a name leads: to a plain file, there or not yet, behind all links; or to something that can only
//! be written to, as a device, a pipe, a socket or an open descriptor. Of a file, what is written grows beside it under a name
//! of its own, `FILE.PROCESS-RANDOM.partial`, and takes its name when it is complete. So of several programs that write one
//! FILE the last complete one counts, and a killed one leaves a name that says so. Knows nothing of what is written.

mod destination;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

pub use destination::{Destination, free_beside};
use destination::{Place, Target};

/// A longer name of a file is not repeated in that of what grows beside it: 255 bytes are the most that file systems take.
const LONGEST_NAME: usize = 200;
/// How often, and after what pause, a folder's lock is tried.
const LOCK_TRIES: (usize, Duration) = (100, Duration::from_millis(50));

/// The path with something behind its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renames where nothing lies under the new name yet, in one step as far as the file system has one for that.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where something does.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if std::fs::symlink_metadata(to).is_err() => std::fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(ErrorKind::AlreadyExists.into()),
        renamed => renamed.map_err(io::Error::from),
    }
}

/// Writes all of it; `companion` is what stands beside the file, where the destination has that.
///
/// # Errors
/// As of [`AtomicFile::commit`].
pub fn write(to: Destination, bytes: &[u8], companion: Option<&[u8]>) -> io::Result<()> {
    let mut file = to.create()?;
    file.write_all(bytes)?;
    file.commit(companion)
}

/// What is being written. Unless it is committed or kept, nothing of it stays.
pub struct AtomicFile {
    path: PathBuf,
    out: Out,
}

enum Out {
    Stream(Box<dyn Write + Send>),
    Whole(Box<Whole>),
}

/// A file that is not in its place yet.
struct Whole {
    growing: Growing,
    target: Target,
    /// The place of what stands beside it, where something may.
    beside: Option<Target>,
    replace: bool,
}

impl Whole {
    /// Names the file, and its companion with it.
    fn publish(&mut self, companion: Option<&[u8]>) -> io::Result<()> {
        let mut companion = match (&self.beside, companion) {
            (Some(beside), Some(text)) => {
                let mut growing = Growing::beside(beside)?;
                growing.file.write_all(text)?;
                growing.settle()?;
                Some(growing)
            }
            _ => None,
        };
        let _lock = self.beside.as_ref().and_then(|_| lock_folder(&self.target.path));
        // Both names were free when this began. A companion that stands there now came from another program that writes the
        // same file: of the two the last one counts. A file alone came from elsewhere, and stays.
        let is_of_a_rival = |beside: &Target| companion.is_some() && beside.existing.is_none() && beside.path.is_file();
        let replace = self.replace || self.beside.as_ref().is_some_and(is_of_a_rival);
        if let Some(beside) = &self.beside {
            // In no moment a companion stands beside a file of which it does not tell.
            if !replace {
                destination::is_free(&self.target.path)?;
                destination::is_free(&beside.path)?;
            } else if let Err(error) = std::fs::remove_file(&beside.path)
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        self.growing.name(&self.target.path, replace)?;
        match (&self.beside, &mut companion) {
            (Some(beside), Some(companion)) => companion.name(&beside.path, replace),
            _ => Ok(()),
        }
    }
}

/// A file under a name that no other has; removed where it does not get another one.
struct Growing {
    file: File,
    path: PathBuf,
    is_named: bool,
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.is_named {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Growing {
    /// A new file beside `target`, with the rights of what it will replace.
    fn beside(target: &Target) -> io::Result<Growing> {
        let path = free_name(&target.path);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let growing = Growing { file, path, is_named: false };
        if let Some(existing) = &target.existing {
            // Where the file system knows no rights, there is nothing to keep.
            let _ = growing.file.set_permissions(existing.clone());
        }
        Ok(growing)
    }

    /// What was written is on the disk, or it is known why not.
    fn settle(&self) -> io::Result<()> {
        match self.file.sync_all() {
            // Some file systems cannot be asked.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
            settled => settled,
        }
    }

    fn name(&mut self, path: &Path, replace: bool) -> io::Result<()> {
        if replace {
            std::fs::rename(&self.path, path)?
        } else {
            rename_to_free(&self.path, path).map_err(named(path))?
        }
        self.is_named = true;
        Ok(())
    }
}

/// `FILE.PROCESS-RANDOM.partial`, in the folder of the file.
fn free_name(path: &Path) -> PathBuf {
    let name = path.file_name().filter(|name| name.len() <= LONGEST_NAME).unwrap_or(OsStr::new("output"));
    let random = RandomState::new().hash_one(std::process::id()) as u32;
    let name = with_suffix(Path::new(name), &format!(".{}-{random:08x}.partial", std::process::id()));
    path.with_file_name(name)
}

/// That something is there is said of which.
fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| if error.kind() == ErrorKind::AlreadyExists { destination::exists(path) } else { error }
}

impl Destination {
    /// Begins to write. A stream is open already, and a file grows beside its place.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn create(self) -> io::Result<AtomicFile> {
        let out = match self.place {
            Place::Stream(stream) => Out::Stream(stream.out),
            Place::File { target, beside } => {
                let growing = Growing::beside(&target)?;
                Out::Whole(Box::new(Whole { growing, target, beside, replace: self.replace }))
            }
        };
        Ok(AtomicFile { path: self.path, out })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Stream(out) => out.write(bytes),
            Out::Whole(whole) => whole.growing.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Stream(out) => out.flush(),
            Out::Whole(whole) => whole.growing.file.flush(),
        }
    }
}

impl AtomicFile {
    /// The name that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it grows; none where it is a stream.
    pub fn partial(&self) -> Option<&Path> {
        match &self.out {
            Out::Stream(_) => None,
            Out::Whole(whole) => Some(&whole.growing.path),
        }
    }

    /// Puts the file in its place, and `companion` beside it where the destination has such a place: there, both are of one
    /// program, and without a companion none is left that told of an earlier file. Of a stream nothing is left to do.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where a file came there meanwhile, may not be replaced and has no companion, as what
    /// another program of this kind wrote has; what keeps either from being written. Then the file that was there stays, and the new one, where it is whole, keeps the name under which it grew,
    /// which the error tells: nobody loses hours of work to a name.
    pub fn commit(self, companion: Option<&[u8]>) -> io::Result<()> {
        let mut whole = match self.out {
            Out::Stream(mut out) => return out.flush(),
            Out::Whole(whole) => whole,
        };
        whole.growing.settle()?;
        whole.publish(companion).map_err(|error| {
            if whole.growing.is_named {
                return error;
            }
            whole.growing.is_named = true;
            let stands = whole.growing.path.display();
            io::Error::new(error.kind(), format!("{error}. What was to be written stands in {stands}"))
        })
    }

    /// Leaves what there is of the file as `FILE.partial` where that name is free, else under the name under which it grew;
    /// none of a stream.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub fn keep_partial(self) -> io::Result<Option<PathBuf>> {
        let mut whole = match self.out {
            Out::Stream(mut out) => return out.flush().map(|()| None),
            Out::Whole(whole) => whole,
        };
        whole.growing.settle()?;
        let plain = with_suffix(&whole.target.path, ".partial");
        let renamed = rename_to_free(&whole.growing.path, &plain);
        whole.growing.is_named = true;
        Ok(Some(if renamed.is_ok() { plain } else { whole.growing.path.clone() }))
    }
}

/// Two programs give a file and its companion their names one after the other, as far as the file system knows locks. A lock
/// that stays held is not waited for without end.
fn lock_folder(of: &Path) -> Option<File> {
    let folder = File::open(of.parent()?).ok()?;
    let (tries, pause) = LOCK_TRIES;
    for _ in 0..tries {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(pause),
            Err(std::fs::TryLockError::Error(_)) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
