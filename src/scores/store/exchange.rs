//! Whole runs from one store to another: an export is a store of its own, in one file.

use std::path::Path;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Key, Store, StoreError, schema, token_column};

/// What came from another store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub runs: usize,
    pub scores: usize,
    /// Scores that were there already and are the same.
    pub known: usize,
    /// Scores that were there already and are others; those that were there stay.
    pub differing: usize,
    /// Runs whose key does not belong to what they say that they rest on.
    pub refused: usize,
}

impl Store {
    /// Writes runs into a new store at `path`, where nothing may be yet.
    pub fn export(&self, path: &Path, ids: &[i64]) -> Result<Imported, StoreError> {
        if path.exists() {
            let problem = "it exists already, and is not overwritten";
            return Err(StoreError::Other(format!("{}: {problem}. Choose another name", path.display())));
        }
        let (mut target, _) = Store::open(path)?;
        let copied = target.copy(&self.path, Some(ids))?;
        // One file, which can be sent as it stands.
        let alone = target.connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
        alone.map_err(|error| target.failed(&error))?;
        Ok(copied)
    }

    /// Takes in every run of the store at `path`, which stays as it is. What is known here already stays.
    pub fn import(&mut self, path: &Path) -> Result<Imported, StoreError> {
        drop(schema::open_existing(path)?);
        self.copy(path, None)
    }

    fn copy(&mut self, from: &Path, ids: Option<&[i64]>) -> Result<Imported, StoreError> {
        let other = from.to_string_lossy();
        self.connection.execute("ATTACH DATABASE ?1 AS other", [&*other]).map_err(|error| self.failed(&error))?;
        let copied = self.transaction(|transaction| copy(transaction, ids)).map_err(|error| super::failed(from, &error));
        let detached = self.connection.execute("DETACH DATABASE other", []).map_err(|error| self.failed(&error));
        let copied = copied?;
        detached?;
        Ok(copied)
    }
}

fn copy(transaction: &Transaction<'_>, ids: Option<&[i64]>) -> rusqlite::Result<Imported> {
    let mut imported = Imported::default();
    let mut runs = transaction.prepare("SELECT id, key, parts, name, info, created, used FROM other.runs ORDER BY id")?;
    let mut runs = runs.query([])?;
    while let Some(row) = runs.next()? {
        let (from, key, parts): (i64, Vec<u8>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if ids.is_some_and(|ids| !ids.contains(&from)) {
            continue;
        }
        // The key is computed anew: a run must not pass for one that it is not by a slip of whoever wrote the file.
        if serde_json::from_str::<Key>(&parts).map(|parts| parts.digest().to_vec()).ok() != Some(key.clone()) {
            imported.refused += 1;
            continue;
        }
        let (name, info): (String, String) = (row.get(3)?, row.get(4)?);
        transaction.execute(
            "INSERT INTO main.runs (key, parts, name, info, created, used, computed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
             ON CONFLICT DO NOTHING",
            params![key, parts, name, info, row.get::<_, i64>(5)?, row.get::<_, i64>(6)?],
        )?;
        let to: i64 = transaction.query_row("SELECT id FROM main.runs WHERE key = ?1", [&key], |row| row.get(0))?;
        scores(transaction, from, to, &mut imported)?;
        imported.runs += 1;
    }
    Ok(imported)
}

fn scores(transaction: &Transaction<'_>, from: i64, to: i64, imported: &mut Imported) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(
        "SELECT prompts.text, words.text, words.token, CAST(scores.score AS REAL), scores.at FROM other.scores
         JOIN other.prompts ON prompts.id = scores.prompt JOIN other.words ON words.id = scores.word
         WHERE scores.run = ?1 ORDER BY scores.prompt, scores.word",
    )?;
    let mut find = transaction.prepare("SELECT id FROM main.words WHERE text = ?1 AND token = ?2")?;
    let mut add = transaction.prepare("INSERT INTO main.words (text, token) VALUES (?1, ?2)")?;
    let mut write = transaction
        .prepare("INSERT INTO main.scores (run, prompt, word, score, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?;
    let mut read = transaction.prepare("SELECT score FROM main.scores WHERE run = ?1 AND prompt = ?2 AND word = ?3")?;
    let mut prompt: Option<(String, i64)> = None;
    let mut rows = statement.query([from])?;
    while let Some(row) = rows.next()? {
        let (prompt_text, text): (String, String) = (row.get(0)?, row.get(1)?);
        let token = token_column(u32::try_from(row.get::<_, i64>(2)?).ok());
        let score = f64::from(row.get::<_, f64>(3)? as f32);
        let prompt_id = match &prompt {
            Some((known, id)) if *known == prompt_text => *id,
            _ => {
                let id = super::prompt_id(transaction, &prompt_text)?;
                prompt = Some((prompt_text, id));
                id
            }
        };
        let word = match find.query_row(params![text, token], |row| row.get(0)).optional()? {
            Some(word) => word,
            None => add.insert(params![text, token])?,
        };
        if write.execute(params![to, prompt_id, word, score, row.get::<_, i64>(4)?])? > 0 {
            imported.scores += 1;
        } else if read.query_row([to, prompt_id, word], |row| row.get::<_, f64>(0))? == score {
            imported.known += 1;
        } else {
            imported.differing += 1;
        }
    }
    Ok(())
}
