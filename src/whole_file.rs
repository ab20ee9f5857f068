//! Files that appear whole: written beside their place as `FILE.partial`, then renamed into it.

use std::io;
use std::path::{Path, PathBuf};

/// The path with something behind its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a file that appears whole.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] for a file that is there, unless it may be replaced; and what keeps it from being written.
pub fn write(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    may_be_written(path, replace)?;
    let part = with_suffix(path, ".partial");
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}

/// As [`write`] fails, before anything is computed.
pub fn may_be_written(path: &Path, replace: bool) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    if !replace && path.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists already, and is not overwritten"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_unasked_and_nothing_is_left_beside() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.txt");
        write(&path, b"one", false).unwrap();
        assert_eq!(write(&path, b"two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        write(&path, b"three", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert!(write(home.path(), b"x", true).is_err());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
