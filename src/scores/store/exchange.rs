//! Whole runs from one store to another: an export is a store of its own, in one file.

use std::path::Path;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::schema::{self, BESIDE, Identity};
use super::{Insert, Key, Store, StoreError, token_column};
use crate::base::atomic_file::{Destination, with_suffix};

/// Scores written at a time: another program that writes waits no longer than these take.
const CHUNK: usize = 4096;

/// What came from another store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Runs that were taken in.
    pub runs: usize,
    /// Scores that are new.
    pub scores: usize,
    /// Scores that were there already and are the same.
    pub known: usize,
    /// Scores that were there already and are others; those that were there stay.
    pub differing: usize,
    /// Runs whose key does not belong to what they say that they rest on.
    pub refused: usize,
    /// Scores that are no numbers, or of words that are no texts.
    pub unreadable: usize,
}

impl Store {
    /// Writes runs into a new store, which appears whole.
    ///
    /// # Errors
    /// Where it is to go to no plain file, or cannot be written.
    pub fn export(&self, to: Destination, ids: &[i64]) -> Result<Imported, StoreError> {
        let path = to.path().to_owned();
        let unwritable = |error: std::io::Error| StoreError::Unusable { path: path.clone(), problem: error.to_string() };
        let file = to.create().map_err(unwritable)?;
        let Some(part) = file.partial().map(Path::to_owned) else {
            let problem = "a store is a file of its own, and this is none. Name one that can be made";
            return Err(StoreError::Other(format!("{}: {problem}", path.display())));
        };
        let copied = self.export_to(&part, ids);
        for suffix in BESIDE {
            let _ = std::fs::remove_file(with_suffix(&part, suffix));
        }
        let copied = copied?;
        file.commit(None).map_err(unwritable)?;
        Ok(copied)
    }

    fn export_to(&self, path: &Path, ids: &[i64]) -> Result<Imported, StoreError> {
        let (mut target, _) = Store::open(path)?;
        let copied = target.copy(&self.connection, Some(ids), &mut || {}).map_err(|error| error.of(&self.path, path))?;
        // One file, which can be sent as it stands.
        let alone = target.connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
        alone.map_err(|error| target.failed(&error))?;
        Ok(copied)
    }

    /// Takes in every run of the store at `path`, which stays as it is, to the byte, and may lie where nothing can be written.
    /// What is known here already stays. Written in parts, so that other programs get their turns: what was written before
    /// an error stays as well.
    ///
    /// # Errors
    /// Where there is no store that can be read, or it is this one.
    pub fn import(&mut self, path: &Path) -> Result<Imported, StoreError> {
        self.import_between(path, &mut || {})
    }

    /// The same; `between` is called after every part.
    pub(super) fn import_between(&mut self, path: &Path, between: &mut dyn FnMut()) -> Result<Imported, StoreError> {
        if Identity::of(path).is_some_and(|other| Identity::of(&self.path) == Some(other)) {
            return Err(StoreError::Other(format!("{}: this is the store itself. Name another one", path.display())));
        }
        // Where another program has it open, its log keeps what is read as it is; else nothing does.
        let before = (!schema::has_more(path)).then(|| stamp(path));
        let source = Store::open_to_read(path).map_err(of_source)?;
        let copied = self.copy(&source.connection, None, between).map_err(|error| match error {
            CopyError::Reading(_) => of_source(error.of(path, &self.path)),
            CopyError::Writing(_) => error.of(path, &self.path),
        })?;
        if before.is_some_and(|before| stamp(path) != before) {
            let problem = "it was written to while it was read. Import it again";
            return Err(StoreError::Other(format!("{}: {problem}", path.display())));
        }
        Ok(copied)
    }

    fn copy(&mut self, from: &Connection, ids: Option<&[i64]>, between: &mut dyn FnMut()) -> Result<Imported, CopyError> {
        let reading = CopyError::Reading;
        // One state of it, whatever is written there meanwhile.
        let snapshot = from.unchecked_transaction().map_err(reading)?;
        let mut imported = Imported::default();
        let mut runs =
            snapshot.prepare("SELECT id, key, parts, name, info, created, used FROM runs ORDER BY id").map_err(reading)?;
        let mut runs = runs.query([]).map_err(reading)?;
        while let Some(row) = runs.next().map_err(reading)? {
            let id: i64 = row.get(0).map_err(reading)?;
            if ids.is_some_and(|ids| !ids.contains(&id)) {
                continue;
            }
            // The key is computed anew: a run must not pass for one that it is not by a slip of whoever wrote the file.
            let Some(run) = SentRun::of(row).ok().filter(SentRun::is_what_it_says) else {
                imported.refused += 1;
                continue;
            };
            imported.runs += 1;
            let mut scores = snapshot
                .prepare(
                    "SELECT prompts.text, words.text, words.token, scores.score, scores.at FROM scores
                     JOIN prompts ON prompts.id = scores.prompt JOIN words ON words.id = scores.word
                     WHERE scores.run = ?1 ORDER BY scores.prompt, scores.word",
                )
                .map_err(reading)?;
            let mut scores = scores.query([id]).map_err(reading)?;
            let mut is_last = false;
            while !is_last {
                let mut chunk = Vec::new();
                while chunk.len() < CHUNK {
                    let Some(row) = scores.next().map_err(reading)? else {
                        is_last = true;
                        break;
                    };
                    match SentScore::of(row) {
                        Some(score) => chunk.push(score),
                        None => imported.unreadable += 1,
                    }
                }
                self.take_in(&run, &chunk, &mut imported).map_err(CopyError::Writing)?;
                between();
            }
        }
        Ok(imported)
    }

    fn take_in(&mut self, run: &SentRun, scores: &[SentScore], imported: &mut Imported) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO runs (key, parts, name, info, created, used, computed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
             ON CONFLICT DO NOTHING",
            params![run.key, run.parts, run.name, run.info, run.created, run.used],
        )?;
        let to: i64 = transaction.query_row("SELECT id FROM runs WHERE key = ?1", [&run.key], |row| row.get(0))?;
        {
            let mut insert = Insert::new(&transaction)?;
            let mut prompt: Option<(&str, i64)> = None;
            for SentScore { prompt: text, word, token, score, at } in scores {
                let prompt_id = match prompt {
                    Some((known, id)) if known == text => id,
                    _ => super::prompt_id(&transaction, text)?,
                };
                prompt = Some((text, prompt_id));
                match insert.score(to, prompt_id, word, *token, *score, *at)? {
                    None => imported.scores += 1,
                    Some(known) if known == *score => imported.known += 1,
                    Some(_) => imported.differing += 1,
                }
            }
        }
        transaction.commit()
    }
}

/// On which side a copy failed.
enum CopyError {
    Reading(rusqlite::Error),
    Writing(rusqlite::Error),
}

impl CopyError {
    fn of(&self, from: &Path, to: &Path) -> StoreError {
        match self {
            CopyError::Reading(error) => super::failed(from, error),
            CopyError::Writing(error) => super::failed(to, error),
        }
    }
}

/// A run as it comes.
struct SentRun {
    key: Vec<u8>,
    parts: String,
    name: String,
    info: String,
    created: i64,
    used: i64,
}

impl SentRun {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(SentRun {
            key: row.get(1)?,
            parts: row.get(2)?,
            name: row.get(3)?,
            info: row.get(4)?,
            created: row.get(5)?,
            used: row.get(6)?,
        })
    }

    fn is_what_it_says(&self) -> bool {
        serde_json::from_str::<Key>(&self.parts).is_ok_and(|parts| parts.digest()[..] == self.key)
    }
}

/// A score as it comes.
struct SentScore {
    prompt: String,
    word: String,
    /// As its column has it.
    token: i64,
    /// An f32.
    score: f64,
    at: i64,
}

impl SentScore {
    /// None for what is no number, or no text.
    fn of(row: &Row<'_>) -> Option<Self> {
        let score = f64::from(row.get_ref(3).ok()?.as_f64().ok()? as f32);
        let token = token_column(u32::try_from(row.get::<_, i64>(2).ok()?).ok());
        let (prompt, word) = (row.get(0).ok()?, row.get(1).ok()?);
        score.is_finite().then_some(SentScore { prompt, word, token, score, at: row.get(4).ok()? })
    }
}

/// What is wrong with a file that was to be taken in: nobody sets it aside.
fn of_source(error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { path, problem } => {
            let next = "What was read before that stays here. Export it anew where it comes from";
            StoreError::Other(format!("{}: damaged: {problem}. {next}", path.display()))
        }
        error => error,
    }
}

/// To see whether a file is written to.
fn stamp(path: &Path) -> Option<(u64, std::time::SystemTime)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}
