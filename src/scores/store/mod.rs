//! The store on disk: every score that was ever computed, kept for good.
//!
//! `schema` opens the file and sets aside what is damaged, `key` says what determines a number, `fingerprint` names the
//! content of local files, `runs` lists and prunes, `exchange` copies whole runs between stores. SQLite in WAL mode with
//! `synchronous=NORMAL`: what a transaction has written outlives the death of the process at any moment (`kill -9`), and
//! after a power cut the file is whole, if perhaps without its last seconds. Readers do not wait for writers, and two
//! programs may write to one file.
//!
//! Scores are f32, held as the f64 that equals them. Nothing here knows of threads or models in memory.

mod exchange;
pub mod fingerprint;
pub mod key;
mod runs;
mod schema;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

pub use exchange::Imported;
pub use key::Key;
pub use runs::{Pruned, Run, RunTable, Summary};
use schema::Identity;

use crate::base::remedy::Remedy;
use crate::model::ModelInfo;

/// Above this, words are looked up by reading all that a run has under a prompt, not one by one.
const LOOKED_UP_SINGLY: usize = 4096;

/// `--store FILE`
fn another_store() -> String {
    Remedy::Store.with("FILE")
}

/// What can be wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A store of a format that this program does not know yet.
    #[error("{}: written by a newer rewardscope (format {found}; this one knows {known}), and left as it is. Update \
             rewardscope, or name another store with {}", path.display(), another_store())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// A database that is no store.
    #[error("{}: the database of another program, and left as it is. Name another store with {}", .0.display(), another_store())]
    Foreign(PathBuf),
    /// A file that is no database, or another kind of file.
    #[error("{}: no store of scores, and left as it is. Name another store with {}: one that ends with .sqlite", .0.display(),
             another_store())]
    NoStore(PathBuf),
    /// The database contradicts itself.
    #[error("{}: damaged: {problem}. The next score that meets the damage sets the file aside and begins a new one; to begin one \
             at once, rename it", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// The words of the database.
        problem: String,
    },
    /// Another program holds the lock for longer than is waited.
    #[error("{}: another program is writing to it, and does not let go of it. Wait for its end, or name another store with \
             {}", .0.display(), another_store())]
    Busy(PathBuf),
    /// The disk is full.
    #[error("{}: there is no room on the disk", .0.display())]
    Full(PathBuf),
    /// The file cannot be opened, read or written.
    #[error("{}: {problem}. Check folder, permissions and room on the disk, or name another store with {}", path.display(),
             another_store())]
    Unusable {
        /// The store.
        path: PathBuf,
        /// The words of the system or the database.
        problem: String,
    },
    /// A score that is NaN or infinite.
    #[error("'{word}' under '{prompt}' came as {value}, which is no score")]
    NotFinite {
        /// The word.
        word: String,
        /// The prompt's text.
        prompt: String,
        /// The score.
        value: f32,
    },
    /// Anything else, told in full.
    #[error("{0}")]
    Other(String),
}

/// A word as the store knows it: its exact text, and, where it is a token of a vocabulary, the token's id.
pub type StoredWord<'a> = (&'a str, Option<u32>);

/// An open store. One connection; for one thread at a time.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// The file behind it when it was opened.
    file: Option<Identity>,
}

/// What became of scores that were to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The scores that the store has now, in the order given.
    pub scores: Vec<f32>,
    /// How many of them had been there before.
    pub known: usize,
}

impl Store {
    /// Opens or makes a store. A damaged file is set aside as `FILE.damaged-DATE` and a new one begun: the second value
    /// says so.
    ///
    /// # Errors
    /// A newer format, another program's database, or a place that cannot be written: the file is left as it is.
    pub fn open(path: &Path) -> Result<(Store, Option<String>), StoreError> {
        schema::open(path)
    }

    /// Opens a store that must be there already.
    ///
    /// # Errors
    /// As [`Store::open`]; a damaged file is not set aside.
    pub fn open_existing(path: &Path) -> Result<Store, StoreError> {
        schema::open_existing(path)
    }

    /// Opens a store to read it, which may lie where nothing can be written: nothing of it changes.
    ///
    /// # Errors
    /// As [`Store::open_existing`], and for whatever is to be written.
    pub fn open_to_read(path: &Path) -> Result<Store, StoreError> {
        schema::open_to_read(path)
    }

    /// Sets the file aside, in which damage was met, and begins a new one in its place: the second value says so, unless
    /// another program has done it already.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn begin_anew(self, problem: &str) -> Result<(Store, Option<String>), StoreError> {
        let Store { connection, path, file } = self;
        drop(connection);
        schema::begin_anew(&path, file, problem)
    }

    /// From here on another program that writes is waited for a moment only: [`StoreError::Busy`] then leaves it to the caller
    /// to try again, who has something else to do meanwhile.
    pub fn be_brief(&self) {
        // It fails in no way that would not show where the store is used next.
        let _ = self.connection.busy_timeout(schema::BRIEF);
    }

    /// Another number once another program has written to the store.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn version(&self) -> Result<i64, StoreError> {
        let version = self.connection.prepare_cached("PRAGMA data_version").and_then(|mut s| s.query_row([], |row| row.get(0)));
        version.map_err(|error| self.failed(&error))
    }

    /// The file of the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Family and provenance of the model of a run; `None` where the store has no score of it.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn info(&self, key: &Key) -> Result<Option<ModelInfo>, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT info FROM runs WHERE key = ?1")
            .and_then(|mut statement| statement.query_row([&key.digest()[..]], |row| row.get::<_, String>(0)).optional());
        let found = found.map_err(|error| self.failed(&error))?;
        // Of an older program, and so without what this one would tell.
        Ok(found.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// The scores of a run under a prompt, for each word asked; `None` where there is none.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn known(&self, key: &Key, prompt: &str, words: &[StoredWord<'_>]) -> Result<Vec<Option<f32>>, StoreError> {
        self.look_up(key, prompt, words).map_err(|error| self.failed(&error))
    }

    fn look_up(&self, key: &Key, prompt: &str, words: &[StoredWord<'_>]) -> rusqlite::Result<Vec<Option<f32>>> {
        let none = || vec![None; words.len()];
        let id = |sql: &str, value: &dyn rusqlite::ToSql| {
            self.connection.prepare_cached(sql)?.query_row([value], |row| row.get::<_, i64>(0)).optional()
        };
        let Some(run) = id("SELECT id FROM runs WHERE key = ?1", &&key.digest()[..])? else { return Ok(none()) };
        let Some(prompt) = id("SELECT id FROM prompts WHERE text = ?1", &prompt)? else { return Ok(none()) };
        if words.len() <= LOOKED_UP_SINGLY {
            let mut statement = self.connection.prepare_cached(
                "SELECT score FROM scores WHERE run = ?1 AND prompt = ?2
                 AND word = (SELECT id FROM words WHERE text = ?3 AND token = ?4)",
            )?;
            let mut score = |(text, token): &StoredWord<'_>| {
                statement.query_row(params![run, prompt, text, token_column(*token)], |row| row.get::<_, f64>(0)).optional()
            };
            return words.iter().map(|word| Ok(score(word)?.map(|score| score as f32))).collect();
        }
        let mut found = none();
        let index: std::collections::HashMap<(&str, i64), usize> =
            words.iter().enumerate().map(|(i, (text, token))| ((*text, token_column(*token)), i)).collect();
        let mut statement = self.connection.prepare_cached(
            "SELECT words.text, words.token, scores.score FROM scores JOIN words ON words.id = scores.word
             WHERE scores.run = ?1 AND scores.prompt = ?2",
        )?;
        let mut rows = statement.query([run, prompt])?;
        while let Some(row) = rows.next()? {
            let (text, token) = (row.get_ref(0)?.as_str()?, row.get::<_, i64>(1)?);
            if let Some(&at) = index.get(&(text, token)) {
                found[at] = Some(row.get::<_, f64>(2)? as f32);
            }
        }
        Ok(found)
    }

    /// Writes scores that were just computed, all or none, and answers with what stands in the store now: where another
    /// program has written a score in the meantime, that one. They are safe from the death of this process once this
    /// returns.
    ///
    /// # Errors
    /// A score that is not finite, and whatever keeps a database from being written: [`StoreError::Busy`] where another
    /// program does.
    pub fn keep(
        &mut self,
        key: &Key,
        info: &ModelInfo,
        name: &str,
        prompt: &str,
        scores: &[(StoredWord<'_>, f32)],
    ) -> Result<Kept, StoreError> {
        self.write(key, info, name, prompt, scores, scores.len())
    }

    /// The same for scores that were computed elsewhere.
    ///
    /// # Errors
    /// As [`Store::keep`].
    pub fn add(
        &mut self,
        key: &Key,
        info: &ModelInfo,
        name: &str,
        prompt: &str,
        scores: &[(StoredWord<'_>, f32)],
    ) -> Result<Kept, StoreError> {
        self.write(key, info, name, prompt, scores, 0)
    }

    fn write(
        &mut self,
        key: &Key,
        info: &ModelInfo,
        name: &str,
        prompt: &str,
        scores: &[(StoredWord<'_>, f32)],
        computed: usize,
    ) -> Result<Kept, StoreError> {
        if let Some(((word, _), value)) = scores.iter().find(|(_, score)| !score.is_finite()) {
            return Err(StoreError::NotFinite { word: (*word).to_owned(), prompt: prompt.to_owned(), value: *value });
        }
        let kept = self.transaction(|transaction| {
            let run = run_id(transaction, key, info, name)?;
            let prompt = prompt_id(transaction, prompt)?;
            let kept = insert(transaction, run, prompt, scores)?;
            transaction.execute(
                "UPDATE runs SET computed = computed + ?2, used = ?3 WHERE id = ?1",
                params![run, computed as i64, now()],
            )?;
            Ok(kept)
        });
        kept.map_err(|error| self.failed(&error))
    }

    /// Takes the write lock at once, so that two writers wait for each other instead of failing halfway.
    fn transaction<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        failed(&self.path, error)
    }
}

/// An error of the database as one that says what a user can do.
fn failed(path: &Path, error: &rusqlite::Error) -> StoreError {
    let (path, problem) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged { path, problem },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            StoreError::Busy(path)
        }
        Some(ErrorCode::DiskFull) => StoreError::Full(path),
        _ => StoreError::Unusable { path, problem },
    }
}

fn run_id(transaction: &Transaction<'_>, key: &Key, info: &ModelInfo, name: &str) -> rusqlite::Result<i64> {
    let digest = key.digest();
    let find = "SELECT id, info FROM runs WHERE key = ?1";
    let unwritable = |error: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let json = || serde_json::to_string(info).map_err(unwritable);
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    if let Some((id, known)) = transaction.prepare_cached(find)?.query_row([&digest[..]], read).optional()? {
        // Of another version of this program: without it nothing of the run would be told.
        if serde_json::from_str::<ModelInfo>(&known).is_err() {
            transaction.execute("UPDATE runs SET info = ?2 WHERE id = ?1", params![id, json()?])?;
        }
        return Ok(id);
    }
    transaction.execute(
        "INSERT INTO runs (key, parts, name, info, created, used, computed) VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0)",
        params![&digest[..], key.json(), name, json()?, now()],
    )?;
    Ok(transaction.last_insert_rowid())
}

fn prompt_id(transaction: &Transaction<'_>, text: &str) -> rusqlite::Result<i64> {
    transaction.prepare_cached("INSERT INTO prompts (text) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([text])?;
    transaction.prepare_cached("SELECT id FROM prompts WHERE text = ?1")?.query_row([text], |row| row.get(0))
}

/// Writes what is not there yet; answers with what is there.
fn insert(transaction: &Transaction<'_>, run: i64, prompt: i64, scores: &[(StoredWord<'_>, f32)]) -> rusqlite::Result<Kept> {
    let mut insert = Insert::new(transaction)?;
    let at = now();
    let mut kept = Kept::default();
    for ((text, token), score) in scores {
        let known = insert.score(run, prompt, text, token_column(*token), f64::from(*score), at)?;
        // SQLite reads -0 as 0: the score that is given back is the one that will be read.
        kept.scores.push(known.map_or(*score + 0.0, |known| known as f32));
        kept.known += usize::from(known.is_some());
    }
    Ok(kept)
}

/// The statements that write one score.
struct Insert<'t> {
    find_word: CachedStatement<'t>,
    add_word: CachedStatement<'t>,
    add_score: CachedStatement<'t>,
    find_score: CachedStatement<'t>,
}

impl<'t> Insert<'t> {
    fn new(transaction: &'t Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Insert {
            find_word: transaction.prepare_cached("SELECT id FROM words WHERE text = ?1 AND token = ?2")?,
            add_word: transaction.prepare_cached("INSERT INTO words (text, token) VALUES (?1, ?2)")?,
            add_score: transaction.prepare_cached(
                "INSERT INTO scores (run, prompt, word, score, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?,
            find_score: transaction.prepare_cached("SELECT score FROM scores WHERE run = ?1 AND prompt = ?2 AND word = ?3")?,
        })
    }

    /// Writes a score, of a word with its [`token_column`], at `at` seconds since 1970. Where there is one already, that one
    /// stays and is given back.
    fn score(&mut self, run: i64, prompt: i64, text: &str, token: i64, score: f64, at: i64) -> rusqlite::Result<Option<f64>> {
        let word: i64 = match self.find_word.query_row(params![text, token], |row| row.get(0)).optional()? {
            Some(word) => word,
            None => self.add_word.insert(params![text, token])?,
        };
        if self.add_score.execute(params![run, prompt, word, score, at])? > 0 {
            return Ok(None);
        }
        self.find_score.query_row([run, prompt, word], |row| row.get(0)).map(Some)
    }
}

/// The value of the column `token`: -1 for a word that is no token, so that one index is unique for all words.
fn token_column(token: Option<u32>) -> i64 {
    token.map_or(-1, i64::from)
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests;
