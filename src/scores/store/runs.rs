//! The runs that a store holds: listed, read whole, pruned.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Row, Transaction, params};

use super::{Key, Store, StoreError, now};
use crate::model::ModelInfo;

/// All scores of one key.
#[derive(Clone, Debug)]
pub struct Run {
    /// The number by which commands name it, as `run:7`.
    pub id: i64,
    /// What the model was called when its first score was kept.
    pub name: String,
    /// None where another program wrote it.
    pub key: Option<Key>,
    /// What its scores rest on; none where another version of the program wrote it and it is not understood.
    pub info: Option<ModelInfo>,
    /// Seconds since 1970: of the first score, and of the last one computed.
    pub created: i64,
    /// Seconds since 1970: when a score was computed for it last.
    pub used: i64,
    /// Prompts under which it has a score.
    pub prompts: usize,
    /// Scores that it has.
    pub scores: usize,
    /// Scores that were computed for it on this machine, each time one was; more than `scores` only where two programs
    /// computed the same at once.
    pub computed: usize,
}

/// What a store holds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Of the file and what SQLite keeps beside it.
    pub bytes: u64,
    /// Prompts of all runs, each once.
    pub prompts: usize,
    /// Words of all runs, each once.
    pub words: usize,
    /// Scores of all runs.
    pub scores: usize,
    /// Oldest first.
    pub runs: Vec<Run>,
}

/// One run as a table.
#[derive(Clone, Debug, Default)]
pub struct RunTable {
    /// Texts of the prompts, in the order in which the store first met them.
    pub prompts: Vec<String>,
    /// With the id of those that are tokens of a vocabulary. In the order in which the store first met them.
    pub words: Vec<(String, Option<u32>)>,
    /// `[prompts][words]`; none where there is no score.
    pub scores: Vec<Vec<Option<f32>>>,
}

/// What a prune removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs that were removed.
    pub runs: usize,
    /// Scores that were removed.
    pub scores: usize,
}

impl Store {
    /// Counts everything in the store.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(|error| self.failed(&error))
        };
        let size = |suffix: &str| {
            let mut path = self.path.as_os_str().to_owned();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |meta| meta.len())
        };
        Ok(Summary {
            bytes: ["", "-wal"].into_iter().map(size).sum(),
            prompts: count("prompts")? as usize,
            words: count("words")? as usize,
            scores: count("scores")? as usize,
            runs: self.runs()?,
        })
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let sql = "SELECT runs.id, name, parts, info, created, used, computed, count(DISTINCT prompt), count(prompt)
                   FROM runs LEFT JOIN scores ON scores.run = runs.id GROUP BY runs.id ORDER BY runs.id";
        let read = || self.connection.prepare(sql)?.query_map([], run)?.collect::<rusqlite::Result<Vec<Run>>>();
        read().map_err(|error| self.failed(&error))
    }

    /// All scores of a run.
    ///
    /// # Errors
    /// What keeps the database from being read.
    pub fn table(&self, id: i64) -> Result<RunTable, StoreError> {
        self.read_table(id).map_err(|error| self.failed(&error))
    }

    fn read_table(&self, id: i64) -> rusqlite::Result<RunTable> {
        let mut table = RunTable::default();
        let (mut prompts, mut words) = (std::collections::HashMap::new(), std::collections::HashMap::new());
        let mut statement = self
            .connection
            .prepare("SELECT id, text FROM prompts WHERE id IN (SELECT prompt FROM scores WHERE run = ?1) ORDER BY id")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            prompts.insert(row.get::<_, i64>(0)?, table.prompts.len());
            table.prompts.push(row.get(1)?);
        }
        let mut statement = self
            .connection
            .prepare("SELECT id, text, token FROM words WHERE id IN (SELECT word FROM scores WHERE run = ?1) ORDER BY id")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            words.insert(row.get::<_, i64>(0)?, table.words.len());
            table.words.push((row.get(1)?, u32::try_from(row.get::<_, i64>(2)?).ok()));
        }
        table.scores = vec![vec![None; table.words.len()]; table.prompts.len()];
        let mut statement = self.connection.prepare("SELECT prompt, word, score FROM scores WHERE run = ?1")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            // A score that another program has written since has no place here.
            if let (Some(&prompt), Some(&word)) = (prompts.get(&row.get::<_, i64>(0)?), words.get(&row.get::<_, i64>(1)?)) {
                table.scores[prompt][word] = Some(row.get::<_, f64>(2)? as f32);
            }
        }
        Ok(table)
    }

    /// Removes runs, and the prompts and words that no other run has, and gives the room back to the disk.
    ///
    /// # Errors
    /// What keeps the database from being written.
    pub fn prune(&mut self, ids: &[i64]) -> Result<Pruned, StoreError> {
        let pruned = self.transaction(|transaction| {
            let mut pruned = Pruned::default();
            for id in ids {
                pruned.scores += transaction.execute("DELETE FROM scores WHERE run = ?1", params![id])?;
                pruned.runs += transaction.execute("DELETE FROM runs WHERE id = ?1", params![id])?;
            }
            transaction.execute("DELETE FROM prompts WHERE id NOT IN (SELECT prompt FROM scores)", [])?;
            transaction.execute("DELETE FROM words WHERE id NOT IN (SELECT word FROM scores)", [])?;
            forget_files_that_are_gone(transaction)?;
            Ok(pruned)
        });
        let pruned = pruned.map_err(|error| self.failed(&error))?;
        // Not while another program reads; the next prune does it then.
        let _ = self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        Ok(pruned)
    }
}

/// Hashes of files that are still there stay: to read a model through again takes minutes.
fn forget_files_that_are_gone(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut paths = transaction.prepare("SELECT path FROM fingerprints")?;
    let paths = paths.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for path in paths.into_iter().filter(|path| !Path::new(OsStr::from_bytes(path)).exists()) {
        transaction.execute("DELETE FROM fingerprints WHERE path = ?1", [path])?;
    }
    Ok(())
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let (parts, info): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(Run {
        id: row.get(0)?,
        name: row.get(1)?,
        key: serde_json::from_str(&parts).ok(),
        info: serde_json::from_str(&info).ok(),
        created: row.get(4)?,
        used: row.get(5)?,
        computed: row.get::<_, i64>(6)? as usize,
        prompts: row.get::<_, i64>(7)? as usize,
        scores: row.get::<_, i64>(8)? as usize,
    })
}

impl Run {
    /// Whether no score was computed for it within so many days.
    pub fn is_older_than(&self, days: u32) -> bool {
        now() - self.used > i64::from(days) * 86_400
    }
}
