//! The file itself: made, recognised, refused, or set aside.
//!
//! Nothing is written to a file before it is known to be a store of this format. A damaged one is renamed, never
//! overwritten; one of a newer format, or of another program, is not touched at all.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Store, StoreError, failed};
use crate::model::TemplateDate;

/// `RwSc`: tells a store from any other SQLite database.
pub(super) const APPLICATION: i64 = 0x5277_5363;
/// The format. One that is greater was written by a newer program.
pub(super) const FORMAT: i64 = 1;
/// How long one program waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Files up to this are read through when they are opened; larger ones show damage when it is met.
const CHECKED_BYTES: u64 = 16 << 20;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

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

pub(super) fn open(path: &Path) -> Result<(Store, Option<String>), StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| unusable(path, &error))?;
    }
    let seen = identity(path);
    match connect(path, true) {
        Ok(store) => Ok((store, None)),
        Err(StoreError::Damaged { problem, .. }) => {
            let aside = set_aside(path, seen)?;
            let store = connect(path, true)?;
            let told = format!(
                "{}: damaged ({problem}). It was set aside as {}, and a new store was begun; its scores will be computed anew",
                path.display(),
                aside.display()
            );
            Ok((store, Some(told)))
        }
        Err(error) => Err(error),
    }
}

pub(super) fn open_existing(path: &Path) -> Result<Store, StoreError> {
    if !path.is_file() {
        return Err(unusable(path, &std::io::Error::new(ErrorKind::NotFound, "there is no such store")));
    }
    connect(path, false)
}

fn connect(path: &Path, create: bool) -> Result<Store, StoreError> {
    recognise(path)?;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(path, &error))?;
    let mut store = Store { connection, path: path.to_owned() };
    prepare(&mut store)?;
    Ok(store)
}

/// Looks at the first bytes alone, so that a file of a newer format is not so much as opened as a database.
fn recognise(path: &Path) -> Result<(), StoreError> {
    let mut head = [0; 100];
    let read = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(path, &error)),
        Ok(file) => {
            if !file.metadata().is_ok_and(|meta| meta.is_file()) {
                return Err(unusable(path, &std::io::Error::other("it is no plain file")));
            }
            let mut bytes = Vec::new();
            file.take(100).read_to_end(&mut bytes).map_err(|error| unusable(path, &error))?;
            head[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
    };
    if read == 0 {
        return Ok(());
    }
    if read < head.len() || !head.starts_with(MAGIC) {
        return Err(damaged(path, "it is no SQLite database"));
    }
    let number = |at: usize| i64::from(u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    match (number(68), number(60)) {
        (APPLICATION, found) if found > FORMAT => Err(newer(path, found)),
        // 0 while a store is being made.
        (APPLICATION | 0, _) => Ok(()),
        _ => Err(StoreError::Foreign(path.to_owned())),
    }
}

fn prepare(store: &mut Store) -> Result<(), StoreError> {
    let path = store.path.clone();
    let failed = |error: rusqlite::Error| failed(&path, &error);
    let connection = &mut store.connection;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(failed)
    };
    let is_empty = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)).map_err(failed)
    };
    let judge = |connection: &Connection| match (number(connection, "application_id")?, number(connection, "user_version")?) {
        (APPLICATION, FORMAT) => Ok(true),
        (APPLICATION, found) if found > FORMAT => Err(newer(&path, found)),
        (0, 0) if is_empty(connection)? == 0 => Ok(false),
        (APPLICATION, found) => Err(damaged(&path, &format!("it says that it has format {found}, which there never was"))),
        _ => Err(StoreError::Foreign(path.clone())),
    };
    let made = judge(connection)?;
    wal(connection).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", "ON").map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    if !made {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another program may have made it meanwhile.
        if !judge(&transaction)? {
            transaction.execute_batch(TABLES).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
    }
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= CHECKED_BYTES) {
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(damaged(&path, verdict.lines().last().unwrap_or_default()));
        }
    }
    // Every table is there, with the columns that are asked for.
    let query = "SELECT runs.computed, prompts.text, words.token, scores.at, fingerprints.stamp
                 FROM runs, prompts, words, scores, fingerprints LIMIT 0";
    connection.prepare(query).map(drop).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) => damaged(&path, &error.to_string()),
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

/// Renames a damaged file, with what belongs to it, to a name that is free. Not if another program has done so already.
fn set_aside(path: &Path, seen: Option<(u64, u64)>) -> Result<PathBuf, StoreError> {
    let date = TemplateDate::today().strftime("%Y-%m-%d").unwrap_or_default();
    let name = |suffix: &str, number: u32| {
        let again = if number > 1 { format!("-{number}") } else { String::new() };
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{date}{again}{suffix}"));
        PathBuf::from(name)
    };
    let number = (1..).find(|&number| !name("", number).exists()).unwrap_or(u32::MAX);
    let aside = name("", number);
    if identity(path) != seen {
        return Ok(aside);
    }
    std::fs::rename(path, &aside).map_err(|error| unusable(path, &error))?;
    for suffix in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        // They belong to the damaged file: beside a new one they would be taken for its own.
        let _ = std::fs::rename(beside, name(suffix, number));
    }
    Ok(aside)
}

/// Which file it is: another one under the same name differs.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer { path: path.to_owned(), found, known: FORMAT }
}

fn damaged(path: &Path, problem: &str) -> StoreError {
    let next = "rewardscope sets it aside when it next scores".to_owned();
    StoreError::Damaged { path: path.to_owned(), problem: problem.to_owned(), next }
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable { path: path.to_owned(), problem: error.to_string() }
}
