//! `rewardscope store`: what is kept, removed, sent and taken in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{ListFormat, StoreCommand};
use super::output;
use super::output::{FileOption, print_line};
use crate::base::atomic_file::Destination;
use crate::base::text::{bytes, count, counted, visible};
use crate::model::{ModelInfo, TemplateDate, hub};
use crate::recorded;
use crate::scores::provenance::FileProvenance;
use crate::scores::store::{Imported, Key, Run, Store};
use crate::session::Session;
use crate::session::arguments::StoreFile;
use crate::session::failure::Failure;
use crate::sources::bundled;
use crate::sources::resolve::expand_home;
use crate::tables::columns::TableFormat;

pub(super) fn run(args: &StoreCommand) -> Result<(), Failure> {
    let session = Session::new()?;
    match args {
        StoreCommand::Info { store, format } => info(&session, store, *format),
        StoreCommand::Prune { models, older_than, unknown, dry_run, yes, store } => {
            if models.is_empty() && older_than.is_none() && !unknown {
                return Err(Failure::Use("name what to remove: MODEL, --older-than DAYS or --unknown".to_owned()));
            }
            let here = if *unknown { hub::cached_models() } else { Vec::new() };
            let wanted = |run: &Run| {
                let named = models.is_empty() || models.iter().any(|name| is_called(run, name));
                named && older_than.is_none_or(|days| run.is_older_than(days)) && (!unknown || is_unknown(run, &session, &here))
            };
            prune(&session, store, models, &wanted, *dry_run, *yes)
        }
        StoreCommand::Export { models, output, force, store } => export(&session, store, models, output, *force),
        StoreCommand::Import { files, store } => import(&session, store, files),
    }
}

fn path(session: &Session, args: &StoreFile) -> Result<PathBuf, Failure> {
    let none = || Failure::Use("no folder for data is known: name the store with --store FILE".to_owned());
    session.store_path(&args.args()).ok_or_else(none)
}

fn info(session: &Session, args: &StoreFile, format: ListFormat) -> Result<(), Failure> {
    let path = path(session, args)?;
    let store = if path.exists() { Some(Store::open_to_read(&path).map_err(Failure::run)?) } else { None };
    let summary = store.as_ref().map(Store::summary).transpose().map_err(Failure::run)?;
    let runs = summary.as_ref().map_or(&[][..], |summary| &summary.runs);
    let (size, prompts, words, scores) = summary.as_ref().map_or((0, 0, 0, 0), |s| (s.bytes, s.prompts, s.words, s.scores));
    if format == ListFormat::Json {
        let run = |run: &Run| {
            json!({
                "id": run.id, "model": run.name, "prompts": run.prompts, "scores": run.scores, "computed": run.computed,
                "created": date(run.created), "used": date(run.used), "key": run.key,
                "provenance": run.info.as_ref().map(|info| &info.provenance),
            })
        };
        let out = json!({
            "path": path.to_string_lossy(), "bytes": size, "models": runs.len(), "prompts": prompts, "words": words,
            "scores": scores, "runs": runs.iter().map(run).collect::<Vec<_>>(),
        });
        format!("{out:#}").lines().for_each(|line| print_line(crate::base::text::visible_json(line)));
        return Ok(());
    }
    print_line(format_args!("{}  {}", visible(&path.to_string_lossy()), bytes(size)));
    print_line(format_args!("{} of {} under {}", counted(scores, "score"), counted(words, "word"), counted(prompts, "prompt")));
    if !runs.is_empty() {
        let (run, model, prompts, scores) = ("run", "model", "prompts", "scores");
        print_line(format_args!("\n{run:>5}  {model:<28} {prompts:>8} {scores:>10}  {:<10}  {:<10}  rests on", "first", "last"));
    }
    runs.iter().for_each(|run| print_line(line(run)));
    Ok(())
}

fn line(run: &Run) -> String {
    let rests = run.info.as_ref().map(|info| info.provenance.summary()).unwrap_or_default();
    format!(
        "{:>5}  {:<28} {:>8} {:>10}  {:<10}  {:<10}  {}",
        run.id,
        visible(&run.name),
        count(run.prompts),
        count(run.scores),
        date(run.created),
        date(run.used),
        visible(&rests)
    )
}

/// `2026-11-24`, in UTC.
fn date(seconds: i64) -> String {
    TemplateDate::after_epoch(seconds).strftime("%Y-%m-%d").unwrap_or_default()
}

/// A run is named by what its model was called, its source, or its number as `run:7`.
pub(super) fn is_called(run: &Run, name: &str) -> bool {
    let source = run.info.as_ref().map(|info| info.provenance.source.as_str()).unwrap_or_default();
    let lies_there = || {
        let place = std::path::absolute(expand_home(name)).unwrap_or_default();
        Path::new(source).is_absolute() && place.components().eq(Path::new(source).components())
    };
    run.name.eq_ignore_ascii_case(name)
        || source == name
        || name.strip_prefix("run:") == Some(&*run.id.to_string())
        || lies_there()
}

/// Neither bundled, nor catalogued, nor `here` in the cache of the hub, nor lying where it lay. What does not say where it lay
/// in a way that means the same everywhere is not taken for gone.
fn is_unknown(run: &Run, session: &Session, here: &[hub::CachedModel]) -> bool {
    let Some(provenance) = run.info.as_ref().map(|info| &info.provenance) else { return false };
    let source = provenance.source.as_str();
    let known = bundled::bundled(source).is_some()
        || session.catalogue.find(source).is_some()
        || session.catalogue.find(&run.name).is_some();
    let place = Path::new(source);
    let is_gone = match provenance.revision {
        // A repository of the hub, at a commit.
        Some(_) => !here.iter().any(|model| model.repository == source),
        None => place.is_absolute() && !place.exists(),
    };
    is_gone && !known
}

fn prune(
    session: &Session,
    args: &StoreFile,
    names: &[String],
    wanted: &dyn Fn(&Run) -> bool,
    dry_run: bool,
    yes: bool,
) -> Result<(), Failure> {
    let path = path(session, args)?;
    if !path.exists() {
        print_line(format_args!("{}: nothing is kept yet", visible(&path.to_string_lossy())));
        return Ok(());
    }
    let mut store = Store::open_existing(&path).map_err(Failure::run)?;
    let runs = store.runs().map_err(Failure::run)?;
    if let Some(name) = names.iter().find(|name| !runs.iter().any(|run| is_called(run, name))) {
        return Err(no_run(name));
    }
    let runs: Vec<Run> = runs.into_iter().filter(wanted).collect();
    if runs.is_empty() {
        print_line("nothing in the store is meant by that");
        return Ok(());
    }
    runs.iter().for_each(|run| print_line(line(run)));
    let scores: usize = runs.iter().map(|run| run.scores).sum();
    let what = format!("{} scores of {} runs", count(scores), runs.len());
    if dry_run {
        print_line(format_args!("would remove {what}"));
        return Ok(());
    }
    let can_ask = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !yes && !can_ask {
        return Err(Failure::Use(format!("{what} would be removed, and there is no terminal to ask on: say --yes")));
    }
    if !yes {
        let _ = write!(io::stderr().lock(), "remove {what}? [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(Failure::run)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            print_line("nothing was removed");
            return Ok(());
        }
    }
    let pruned = store.prune(&runs.iter().map(|run| run.id).collect::<Vec<_>>()).map_err(Failure::run)?;
    print_line(format_args!("removed {} scores of {} runs", count(pruned.scores), pruned.runs));
    Ok(())
}

fn no_run(name: &str) -> Failure {
    Failure::Use(format!("the store has no run of '{name}'. `rewardscope store info` lists what is there"))
}

fn export(session: &Session, args: &StoreFile, models: &[String], output: &Path, force: bool) -> Result<(), Failure> {
    let path = path(session, args)?;
    let to = Destination::of(output, force).map_err(|error| output::unwritable(output, &error, FileOption::Output))?;
    if !path.exists() {
        return Err(Failure::Run("there is no store, so there is nothing to export".to_owned()));
    }
    let store = Store::open_to_read(&path).map_err(Failure::run)?;
    let runs = store.runs().map_err(Failure::run)?;
    if let Some(name) = models.iter().find(|name| !runs.iter().any(|run| is_called(run, name))) {
        return Err(no_run(name));
    }
    let wanted = |run: &&Run| models.is_empty() || models.iter().any(|name| is_called(run, name));
    let ids: Vec<i64> = runs.iter().filter(wanted).map(|run| run.id).collect();
    let sent = store.export(to, &ids).map_err(Failure::run)?;
    print_line(format_args!("{}: {} scores of {} runs", visible(&output.to_string_lossy()), count(sent.scores), sent.runs));
    Ok(())
}

fn import(session: &Session, args: &StoreFile, files: &[PathBuf]) -> Result<(), Failure> {
    let path = path(session, args)?;
    let (mut store, note) = Store::open(&path).map_err(Failure::run)?;
    note.iter().for_each(|note| output::note(note));
    for file in files {
        let came = if TableFormat::of(file).is_some() {
            import_table(session, &mut store, file)?
        } else {
            store.import(file).map_err(Failure::run)?
        };
        let mut line = format!("{}: {} new scores of {} runs", file.display(), count(came.scores), came.runs);
        if came.known > 0 {
            line.push_str(&format!(", {} known already", count(came.known)));
        }
        print_line(visible(&line));
        if came.differing > 0 {
            output::note(&format!("{} scores differ from those that are here, which stay", count(came.differing)));
        }
        if came.refused > 0 {
            output::note(&format!("{} runs were refused: their keys do not belong to what they say of themselves", came.refused));
        }
        if came.unreadable > 0 {
            output::note(&format!(
                "{} scores were left out: they are no numbers, or of words that are no texts",
                count(came.unreadable)
            ));
        }
    }
    Ok(())
}

/// A file of one model's scores, as `rewardscope export` writes it.
fn import_table(session: &Session, store: &mut Store, file: &Path) -> Result<Imported, Failure> {
    let of_file = |what: &str| Failure::Run(format!("{}: {what}", file.display()));
    if !file.is_file() {
        return Err(of_file(if file.exists() { "is no plain file" } else { "there is no such file" }));
    }
    let (_, family, table) = recorded::read(file, &session.catalogue).map_err(Failure::usage)?;
    let origin = FileProvenance::of_file(file).unwrap_or_default();
    if !origin.tells_of(file) {
        let why = "is not the table that its provenance was written with: it was cut, damaged or edited. Export it again; it can \
                   still be opened as recorded scores";
        return Err(of_file(why));
    }
    let has_checksum = origin.checksum.is_some();
    let known = <[_; 1]>::try_from(origin.models).ok().map(|[origin]| origin);
    let Some((name, provenance, key)) = known.and_then(|known| Some((known.model, known.provenance, known.key?))) else {
        let why = "does not say under which key its scores belong into a store. It can be opened as it is";
        return Err(of_file(&format!("{why}: rewardscope {}", file.display())));
    };
    if !has_checksum {
        let why = "has no checksum in its provenance, so nobody can tell whether these are the scores that were computed. Export \
                   it again; it can still be opened as recorded scores";
        return Err(of_file(why));
    }
    if recorded::has_token_ids(file) {
        return Err(of_file("holds tokens of a vocabulary: send those with `rewardscope store export`"));
    }
    for note in &table.notes {
        output::note(&format!("{}: {note}", file.display()));
    }
    let info = ModelInfo { family, provenance, memory_bytes: 0 };
    import_scores(store, &key, &info, &name, &table).map_err(|problem| of_file(&problem))
}

fn import_scores(
    store: &mut Store,
    key: &Key,
    info: &ModelInfo,
    name: &str,
    table: &crate::recorded::scores::Recorded,
) -> Result<Imported, String> {
    let mut columns = Vec::with_capacity(table.prompts.len());
    for (prompt, column) in table.prompts.iter().zip(&table.scores) {
        let mut scores = Vec::new();
        for (word, &score) in table.words.iter().zip(column).filter(|(_, score)| !score.is_nan()) {
            if crate::scores::table::decimal(score as f32) != score && f64::from(score as f32) != score {
                return Err(format!(
                    "the score {score} of '{word}' is none that this program computes: it is no number of 32 bits"
                ));
            }
            scores.push(((&**word, None), score as f32));
        }
        columns.push((&prompt.text, scores));
    }
    // All of it is sound: from here on nothing is refused halfway.
    let mut came = Imported { runs: 1, ..Imported::default() };
    for (prompt, scores) in columns {
        let words: Vec<_> = scores.iter().map(|(word, _)| *word).collect();
        let before = store.known(key, prompt, &words).map_err(|error| error.to_string())?;
        let kept = store.add(key, info, name, prompt, &scores).map_err(|error| error.to_string())?;
        for ((before, kept), (_, score)) in before.iter().zip(kept.scores).zip(&scores) {
            match before {
                None => came.scores += 1,
                Some(_) if kept == *score => came.known += 1,
                Some(_) => came.differing += 1,
            }
        }
    }
    Ok(came)
}
