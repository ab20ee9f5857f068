//! Where a name leads: to a plain file behind all links, or to something that is written to and never replaced.

use std::fs::{FileType, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::with_suffix;

/// More links in a row lead round in a circle, as the system counts as well.
const MOST_LINKS: usize = 40;

/// Where something is to be written, looked at before the work for it begins.
pub struct Destination {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    pub(super) replace: bool,
}

pub(super) enum Place {
    Stream(Stream),
    File {
        target: Target,
        /// Of what stands beside it.
        beside: Option<Target>,
    },
}

/// The place of a plain file.
pub(super) struct Target {
    /// Behind all links.
    pub(super) path: PathBuf,
    /// The rights of the file that is there.
    pub(super) existing: Option<Permissions>,
}

/// A device, a pipe, a socket or an open descriptor: open, so that a reader who waits has its writer.
pub(super) struct Stream {
    pub(super) out: Box<dyn Write + Send>,
    is_terminal: bool,
}

impl Destination {
    /// Standard output.
    pub fn stdout() -> Self {
        Destination { path: PathBuf::from("-"), place: Place::Stream(Stream::stdout()), replace: false }
    }

    /// Follows the links of `path`; `-` is standard output. A stream is opened.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] for a file that is there, unless it may be replaced; a folder, no folder, links in a
    /// circle, and what cannot be written.
    pub fn of(path: &Path, replace: bool) -> io::Result<Self> {
        let place = match resolve(path)? {
            Found::Stream(stream) => Place::Stream(stream),
            Found::File(target) => {
                if target.existing.is_some() && !replace {
                    return Err(exists(path));
                }
                may_be_written(&target.path)?;
                Place::File { target, beside: None }
            }
        };
        Ok(Destination { path: path.to_owned(), place, replace })
    }

    /// With a companion that stands beside the file, under its name and `suffix`. A stream has none.
    ///
    /// # Errors
    /// As of [`Destination::of`], of the companion.
    pub fn with_companion(mut self, suffix: &str) -> io::Result<Self> {
        if let Place::File { target, beside } = &mut self.place {
            let path = with_suffix(&target.path, suffix);
            let Found::File(found) = resolve(&path)? else {
                return Err(io::Error::other(format!("{} is no plain file", path.display())));
            };
            if found.existing.is_some() && !self.replace {
                return Err(exists(&with_suffix(&self.path, suffix)));
            }
            *beside = Some(found);
        }
        Ok(self)
    }

    /// The name that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It is written to as it is, and nothing can stand beside it.
    pub fn is_stream(&self) -> bool {
        matches!(self.place, Place::Stream(_))
    }

    /// What is written there is read by a person's terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(&self.place, Place::Stream(stream) if stream.is_terminal)
    }

    /// Whether both are one file.
    pub fn is_same_file(&self, other: &Destination) -> bool {
        matches!((&self.place, &other.place), (Place::File { target: a, .. }, Place::File { target: b, .. }) if a.path == b.path)
    }
}

/// `name-2.csv`, or with the next number that is free, for a name that is taken.
pub fn free_beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let name = |number: usize| {
        let mut name = stem.to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    };
    (2..1000).map(name).find(|path| is_free(path).is_ok()).unwrap_or_else(|| path.to_owned())
}

enum Found {
    Stream(Stream),
    File(Target),
}

/// One link after the other, so that an open descriptor is known before its name in the file system is.
fn resolve(path: &Path) -> io::Result<Found> {
    if path == Path::new("-") {
        return Ok(Found::Stream(Stream::stdout()));
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let is_folder = || io::Error::other("it is a directory");
        let name = path.file_name().filter(|_| !path.as_os_str().as_encoded_bytes().ends_with(b"/")).ok_or_else(is_folder)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = match parent.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(io::Error::other("there is no such folder")),
            folder => folder?,
        };
        if let Some(stream) = Stream::of_descriptor(&folder, &name.to_string_lossy())? {
            return Ok(Found::Stream(stream));
        }
        let place = folder.join(name);
        match std::fs::symlink_metadata(&place) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::File(Target { path: place, existing: None })),
            Err(error) => return Err(error),
            Ok(found) if found.is_symlink() => path = folder.join(std::fs::read_link(&place)?),
            Ok(found) if found.is_dir() => return Err(is_folder()),
            Ok(found) if found.is_file() => return Ok(Found::File(Target { path: place, existing: Some(rights(&found)) })),
            Ok(found) => return Ok(Found::Stream(Stream::open(&place, found.file_type())?)),
        }
    }
    Err(io::Error::other("its links lead round in a circle"))
}

/// What may be read, written and run, by whom.
fn rights(of: &Metadata) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    Permissions::from_mode(of.permissions().mode() & 0o777)
}

/// # Errors
/// The folder takes no new file.
fn may_be_written(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?)
}

/// # Errors
/// [`ErrorKind::AlreadyExists`] where something lies there, a link that leads nowhere included.
pub(super) fn is_free(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok() { Err(exists(path)) } else { Ok(()) }
}

pub(super) fn exists(path: &Path) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, format!("{} exists already, and is not overwritten", path.display()))
}

impl Stream {
    fn stdout() -> Self {
        Stream { out: Box::new(io::stdout()), is_terminal: io::stdout().is_terminal() }
    }

    /// A descriptor that a program has open, by the names that systems have for them.
    fn of_descriptor(folder: &Path, name: &str) -> io::Result<Option<Stream>> {
        let table = folder.to_str().and_then(|folder| folder.strip_prefix("/proc/")?.strip_suffix("/fd"));
        let process = table.and_then(|table| table.split('/').next()?.parse::<u32>().ok());
        let is_own = folder == Path::new("/dev/fd") || process == Some(std::process::id());
        if !is_own && process.is_none() {
            return Ok(None);
        }
        Ok(Some(match name {
            "1" if is_own => Stream::stdout(),
            "2" if is_own => Stream { out: Box::new(io::stderr()), is_terminal: io::stderr().is_terminal() },
            // At its end: what a file behind it holds already stays.
            _ => Stream::opened(OpenOptions::new().append(true).open(folder.join(name))?),
        }))
    }

    fn open(path: &Path, kind: FileType) -> io::Result<Stream> {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_socket() {
            let out = Box::new(std::os::unix::net::UnixStream::connect(path)?);
            return Ok(Stream { out, is_terminal: false });
        }
        Ok(Stream::opened(OpenOptions::new().write(true).open(path)?))
    }

    fn opened(file: std::fs::File) -> Stream {
        Stream { is_terminal: file.is_terminal(), out: Box::new(file) }
    }
}
