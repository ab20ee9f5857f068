//! Files that appear whole: written beside their place as `FILE.partial`, then renamed into it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
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
    let (part, mut file) = begin(path)?;
    let written = file.write_all(bytes).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// `FILE.partial`, new and empty: what a program left there that was killed, and a link to elsewhere, are removed first.
///
/// # Errors
/// Where something else lies there, or the folder cannot be written.
pub fn begin(path: &Path) -> io::Result<(PathBuf, File)> {
    let part = with_suffix(path, ".partial");
    match std::fs::symlink_metadata(&part) {
        Ok(meta) if meta.is_file() || meta.is_symlink() => std::fs::remove_file(&part)?,
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
    Ok((part, file))
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

    #[test]
    fn a_link_where_a_file_is_begun_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (home.path().join("a.txt"), home.path().join("elsewhere"));
        std::fs::write(&elsewhere, "theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, with_suffix(&path, ".partial")).unwrap();
        write(&path, b"ours", false).unwrap();
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"theirs");
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
        // What was left half written is begun anew.
        std::fs::write(with_suffix(&path, ".partial"), "a long half").unwrap();
        write(&path, b"new", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
