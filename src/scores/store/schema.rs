//! The file itself: made, recognised, refused, or set aside.
//!
//! Nothing is written to a file before it is known to be a store of this format. A damaged one is renamed, never
//! overwritten; one of a newer format, or of another program, is not touched at all, nor is a file that is no database and
//! has not a store's name either.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Store, StoreError, failed};
use crate::base::atomic_file::{rename_to_free, with_suffix};
use crate::model::TemplateDate;

/// `RwSc`: tells a store from any other SQLite database.
pub(super) const APPLICATION: i64 = 0x5277_5363;
/// The format. One that is greater was written by a newer program.
pub(super) const FORMAT: i64 = 1;
/// How long one program waits for another that writes, where it has nothing else to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits where it has: whoever needs more tries again.
pub(super) const BRIEF: Duration = Duration::from_millis(50);
/// Files up to this are read through when they are opened; larger ones show damage when it is met.
const CHECKED_BYTES: u64 = 16 << 20;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// What the name of a store ends with, whatever stands in it.
const ENDING: &str = "sqlite";
/// What SQLite keeps beside a database.
pub(super) const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// `token` is -1 for a word that is no token of a vocabulary. Ids are never given twice, so that a program that holds one
/// cannot meet another word under it after a prune.
const TABLES: &str = "
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    parts TEXT NOT NULL,
    name TEXT NOT NULL,
    info TEXT NOT NULL,
    created INTEGER NOT NULL,
    used INTEGER NOT NULL,
    computed INTEGER NOT NULL
);
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL UNIQUE
);
CREATE TABLE words (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL,
    token INTEGER NOT NULL,
    UNIQUE (text, token)
);
CREATE TABLE scores (
    run INTEGER NOT NULL REFERENCES runs (id),
    prompt INTEGER NOT NULL REFERENCES prompts (id),
    word INTEGER NOT NULL REFERENCES words (id),
    score REAL NOT NULL CHECK (abs(score) <= 3.5e38),
    at INTEGER NOT NULL,
    PRIMARY KEY (run, prompt, word)
) WITHOUT ROWID;
CREATE TABLE fingerprints (
    path BLOB PRIMARY KEY,
    stamp BLOB NOT NULL,
    hash BLOB NOT NULL
) WITHOUT ROWID;
";

/// Which file it is: another one under the same name differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|meta| Identity(meta.dev(), meta.ino()))
    }
}

pub(super) fn open(path: &Path) -> Result<(Store, Option<String>), StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| unusable(path, &error))?;
    }
    match connect(path, true) {
        Ok(store) => Ok((store, None)),
        Err(StoreError::Damaged { .. }) => {
            let _turn = Turn::take(path);
            // Another program may have set it aside meanwhile.
            let seen = Identity::of(path);
            match connect(path, true) {
                Ok(store) => Ok((store, None)),
                Err(StoreError::Damaged { problem, .. }) => replace(path, seen, &problem),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// The same where damage was met in a store that was open: in the file that was `seen` then.
pub(super) fn begin_anew(path: &Path, seen: Option<Identity>, problem: &str) -> Result<(Store, Option<String>), StoreError> {
    let _turn = Turn::take(path);
    replace(path, seen, problem)
}

/// Sets the damaged file aside, where it is still the one that lies there, and begins a new store.
fn replace(path: &Path, seen: Option<Identity>, problem: &str) -> Result<(Store, Option<String>), StoreError> {
    if Identity::of(path) != seen {
        return connect(path, true).map(|store| (store, None));
    }
    let aside = set_aside(path)?;
    let store = connect(path, true)?;
    let told = format!(
        "{}: damaged ({problem}). It was set aside as {}, and a new store was begun; its scores will be computed anew",
        path.display(),
        aside.display()
    );
    Ok((store, Some(told)))
}

pub(super) fn open_existing(path: &Path) -> Result<Store, StoreError> {
    is_there(path)?;
    connect(path, false)
}

/// For reading alone: nothing is written to the file, and nothing appears beside it unless another program has it open.
pub(super) fn open_to_read(path: &Path) -> Result<Store, StoreError> {
    is_there(path)?;
    recognise(path)?;
    let connection = read_only(path).map_err(|error| failed(path, &error))?;
    let store = Store { connection, path: path.to_owned(), file: Identity::of(path) };
    store.connection.busy_timeout(PATIENCE).map_err(|error| failed(path, &error))?;
    if !is_store(path, &store.connection)? {
        return Err(StoreError::NoStore(path.to_owned()));
    }
    is_whole(path, &store.connection)?;
    Ok(store)
}

fn is_there(path: &Path) -> Result<(), StoreError> {
    if path.exists() { Ok(()) } else { Err(unusable(path, &Error::new(ErrorKind::NotFound, "there is no such store"))) }
}

/// As SQLite is to find it: it would take some names for something else than a file's.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn connect(path: &Path, create: bool) -> Result<Store, StoreError> {
    recognise(path)?;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(whole(path), flags).map_err(|error| failed(path, &error))?;
    let mut store = Store { connection, path: path.to_owned(), file: None };
    prepare(&mut store)?;
    store.file = Identity::of(path);
    Ok(store)
}

/// A connection that writes nothing. Where nobody has the database open, all of it stands in its file, which is then not even
/// locked: it may lie where nothing can be written.
fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if has_more(path) {
        return Connection::open_with_flags(whole(path), flags);
    }
    let escaped: String = whole(path).as_os_str().as_bytes().iter().map(|byte| escaped(*byte)).collect();
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)
}

/// Whether part of a database may stand beside its file.
pub(super) fn has_more(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| with_suffix(path, suffix).exists())
}

/// A byte of a path within a `file:` name.
fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// Looks at the first bytes alone, so that a file of a newer format is not so much as opened as a database, and into those of
/// which they do not tell enough without writing.
fn recognise(path: &Path) -> Result<(), StoreError> {
    // Asked before it is opened: to open a pipe would wait for its writer.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(path, &error)),
        Ok(meta) if !meta.is_file() => return Err(unusable(path, &Error::other("it is no plain file"))),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(100).read_to_end(&mut bytes)) {
        // Set aside this very moment by another program.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| unusable(path, &error))?,
    };
    let Some(head) = bytes.first_chunk::<100>().filter(|head| head.starts_with(MAGIC)) else {
        let named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING));
        return match (bytes.is_empty(), named) {
            (true, _) => Ok(()),
            (false, true) => Err(damaged(path, "it is no SQLite database")),
            (false, false) => Err(StoreError::NoStore(path.to_owned())),
        };
    };
    let number = |at: usize| i64::from(u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    match (number(68), number(60)) {
        (APPLICATION, found) if found > FORMAT => Err(newer(path, found)),
        (APPLICATION, _) if !has_more(path) => Ok(()),
        // 0 while a store is being made, and in databases of many programs; what stands beside the file may say more. A
        // connection that writes would put that into the file.
        (APPLICATION | 0, _) => match read_only(path).map(|connection| is_store(path, &connection)) {
            Ok(Err(error @ (StoreError::Foreign(_) | StoreError::Newer { .. }))) => Err(error),
            Ok(Err(StoreError::Damaged { .. })) if number(68) == 0 => Err(StoreError::Foreign(path.to_owned())),
            _ => Ok(()),
        },
        _ => Err(StoreError::Foreign(path.to_owned())),
    }
}

/// Whether a database is a store of this format: false for an empty one. Asked within one transaction, as another program may
/// be just making it.
fn is_store(path: &Path, connection: &Connection) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| failed(path, &error);
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    is_store_within(path, &transaction)
}

fn is_store_within(path: &Path, transaction: &Connection) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| failed(path, &error);
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    // The first of them begins to read, and all that follow see what it saw.
    let objects = number("SELECT count(*) FROM sqlite_master")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?) {
        (APPLICATION, FORMAT) => Ok(true),
        (APPLICATION, found) if found > FORMAT => Err(newer(path, found)),
        (0, 0) if objects == 0 => Ok(false),
        (APPLICATION, found) => Err(damaged(path, &format!("it says that it has format {found}, which there never was"))),
        _ => Err(StoreError::Foreign(path.to_owned())),
    }
}

fn prepare(store: &mut Store) -> Result<(), StoreError> {
    let path = store.path.clone();
    let failed = |error: rusqlite::Error| failed(&path, &error);
    let connection = &mut store.connection;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let made = is_store(&path, connection)?;
    wal(connection).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", "ON").map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    if !made {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another program may have made it meanwhile.
        if !is_store_within(&path, &transaction)? {
            transaction.execute_batch(TABLES).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
    }
    is_whole(&path, connection)
}

/// Looks for damage, in a file that is not too large for that, and for every table that is asked for.
fn is_whole(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| failed(path, &error);
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() <= CHECKED_BYTES) {
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(damaged(path, verdict.lines().last().unwrap_or_default()));
        }
    }
    let query = "SELECT runs.computed, prompts.text, words.token, scores.at, fingerprints.stamp
                 FROM runs, prompts, words, scores, fingerprints LIMIT 0";
    connection.prepare(query).map(drop).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) => damaged(path, &error.to_string()),
        _ => failed(error),
    })
}

/// SQLite does not wait for another program at this one place.
fn wal(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            // On a file system without shared memory another mode stays, which is as safe and slower.
            done => return done,
        }
    }
}

/// One program at a time sets a file aside: a lock on the folder, which lies there anyway. Where there are no such locks, or
/// another program does not let go of it, it is done without.
struct Turn {
    _folder: Option<File>,
}

impl Turn {
    fn take(path: &Path) -> Turn {
        let started = Instant::now();
        let Some(folder) = whole(path).parent().and_then(|folder| File::open(folder).ok()) else { return Turn { _folder: None } };
        while let Err(std::fs::TryLockError::WouldBlock) = folder.try_lock() {
            if started.elapsed() >= PATIENCE {
                return Turn { _folder: None };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Turn { _folder: Some(folder) }
    }
}

/// Renames a damaged file, with what belongs to it, to a name that is free.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let date = TemplateDate::today().strftime("%Y-%m-%d").unwrap_or_default();
    let unusable = |error| unusable(path, &error);
    for number in 1.. {
        let again = if number > 1 { format!("-{number}") } else { String::new() };
        let aside = with_suffix(path, &format!(".damaged-{date}{again}"));
        if std::fs::symlink_metadata(&aside).is_ok() {
            continue;
        }
        // What belongs to it goes first. As soon as the file itself is gone, another program may make a new one, and what lies
        // beside the name belongs to that.
        for suffix in BESIDE {
            match std::fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(unusable(error)),
                _ => {}
            }
        }
        match rename_to_free(path, &aside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| aside).map_err(unusable),
        }
    }
    Err(unusable(ErrorKind::AlreadyExists.into()))
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer { path: path.to_owned(), found, known: FORMAT }
}

fn damaged(path: &Path, problem: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), problem: problem.to_owned() }
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable { path: path.to_owned(), problem: error.to_string() }
}
