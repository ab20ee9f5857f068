//! `rewardscope store`: what is kept, removed, sent and taken in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::args::{ListFormat, StoreArgs, StoreCommand};
use super::session::Session;
use crate::model::ModelInfo;
use crate::model::TemplateDate;
use crate::scores::origin::Origin;
use crate::scores::recorded;
use crate::scores::sheet::SheetFormat;
use crate::scores::store::{Imported, Key, Run, Store};
use crate::text::{bytes, count, visible};

pub(super) fn run(args: &StoreCommand) -> Result<(), Failure> {
    let session = Session::new()?;
    match args {
        StoreCommand::Info { store, format } => info(&session, store, *format),
        StoreCommand::Prune { models, older_than, unknown, dry_run, yes, store } => {
            let wanted = |run: &Run| {
                let named = models.is_empty() || models.iter().any(|name| is_called(run, name));
                named && older_than.is_none_or(|days| run.is_older_than(days)) && (!unknown || is_unknown(run, &session))
            };
            if models.is_empty() && older_than.is_none() && !unknown {
                return Err(Failure::Use("name what to remove: MODEL, --older-than DAYS or --unknown".to_owned()));
            }
            prune(&session, store, &wanted, *dry_run, *yes)
        }
        StoreCommand::Export { models, output, store } => export(&session, store, models, output),
        StoreCommand::Import { files, store } => import(&session, store, files),
    }
}

fn path(session: &Session, args: &StoreArgs) -> Result<PathBuf, Failure> {
    let none = || Failure::Use("no folder for data is known: name the store with --store FILE".to_owned());
    session.store_path(args).ok_or_else(none)
}

/// The store, if there is one.
fn existing(session: &Session, args: &StoreArgs) -> Result<Option<Store>, Failure> {
    let path = path(session, args)?;
    if !path.exists() {
        println!("{}: nothing is kept yet", visible(&path.to_string_lossy()));
        return Ok(None);
    }
    Store::open_existing(&path).map(Some).map_err(Failure::run)
}

fn info(session: &Session, args: &StoreArgs, format: ListFormat) -> Result<(), Failure> {
    let path = path(session, args)?;
    let store = if path.exists() { Some(Store::open_existing(&path).map_err(Failure::run)?) } else { None };
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
            "path": path, "bytes": size, "models": runs.len(), "prompts": prompts, "words": words, "scores": scores,
            "runs": runs.iter().map(run).collect::<Vec<_>>(),
        });
        for line in format!("{out:#}").lines() {
            println!("{}", crate::text::visible_json(line));
        }
        return Ok(());
    }
    println!("{}  {}", visible(&path.to_string_lossy()), bytes(size));
    println!("{} scores of {} words under {} prompts", count(scores), count(words), count(prompts));
    if !runs.is_empty() {
        println!("\n{:>5}  {:<28} {:>8} {:>10}  {:<10}  {:<10}  rests on", "run", "model", "prompts", "scores", "first", "last");
    }
    for run in runs {
        println!("{}", line(run));
    }
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
    let days = u64::try_from(seconds).unwrap_or(0) / 86_400;
    TemplateDate::after_epoch(days).strftime("%Y-%m-%d").unwrap_or_default()
}

/// A run is named by what its model was called, its source, or its number as `run:7`.
pub(super) fn is_called(run: &Run, name: &str) -> bool {
    let source = run.info.as_ref().map(|info| info.provenance.source.as_str());
    run.name.eq_ignore_ascii_case(name) || source == Some(name) || name.strip_prefix("run:") == Some(&*run.id.to_string())
}

/// Neither bundled, nor catalogued, nor lying where it lay.
fn is_unknown(run: &Run, session: &Session) -> bool {
    let source = run.info.as_ref().map(|info| info.provenance.source.as_str()).unwrap_or_default();
    let bundled = crate::model::bundled::NAMES.contains(&source);
    let known = session.catalogue.find(source).is_some() || session.catalogue.find(&run.name).is_some();
    !(bundled || known || (!source.is_empty() && Path::new(source).exists()))
}

fn prune(session: &Session, args: &StoreArgs, wanted: &dyn Fn(&Run) -> bool, dry_run: bool, yes: bool) -> Result<(), Failure> {
    let Some(mut store) = existing(session, args)? else { return Ok(()) };
    let runs: Vec<Run> = store.runs().map_err(Failure::run)?.into_iter().filter(wanted).collect();
    if runs.is_empty() {
        println!("nothing in the store is meant by that");
        return Ok(());
    }
    for run in &runs {
        println!("{}", line(run));
    }
    let scores: usize = runs.iter().map(|run| run.scores).sum();
    let what = format!("{} scores of {} runs", count(scores), runs.len());
    if dry_run {
        println!("would remove {what}");
        return Ok(());
    }
    if !yes && io::stdin().is_terminal() && io::stdout().is_terminal() {
        print!("remove {what}? [y/N] ");
        io::stdout().flush().map_err(Failure::run)?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(Failure::run)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            println!("nothing was removed");
            return Ok(());
        }
    }
    let pruned = store.prune(&runs.iter().map(|run| run.id).collect::<Vec<_>>()).map_err(Failure::run)?;
    println!("removed {} scores of {} runs", count(pruned.scores), pruned.runs);
    Ok(())
}

fn export(session: &Session, args: &StoreArgs, models: &[String], output: &Path) -> Result<(), Failure> {
    let Some(store) = existing(session, args)? else {
        return Err(Failure::Run("there is no store, so there is nothing to export".to_owned()));
    };
    let runs = store.runs().map_err(Failure::run)?;
    for name in models {
        if !runs.iter().any(|run| is_called(run, name)) {
            let next = "`rewardscope store info` lists what is there";
            return Err(Failure::Use(format!("the store has no run of '{name}'. {next}")));
        }
    }
    let wanted = |run: &&Run| models.is_empty() || models.iter().any(|name| is_called(run, name));
    let ids: Vec<i64> = runs.iter().filter(wanted).map(|run| run.id).collect();
    let sent = store.export(output, &ids).map_err(Failure::run)?;
    println!("{}: {} scores of {} runs", visible(&output.to_string_lossy()), count(sent.scores), sent.runs);
    Ok(())
}

fn import(session: &Session, args: &StoreArgs, files: &[PathBuf]) -> Result<(), Failure> {
    let path = path(session, args)?;
    let (mut store, note) = Store::open(&path).map_err(Failure::run)?;
    if let Some(note) = note {
        eprintln!("note: {}", visible(&note));
    }
    for file in files {
        let came = if SheetFormat::of(file).is_some() {
            import_table(session, &mut store, file)?
        } else {
            store.import(file).map_err(Failure::run)?
        };
        let mut line = format!("{}: {} new scores of {} runs", file.display(), count(came.scores), came.runs);
        if came.known > 0 {
            line.push_str(&format!(", {} known already", count(came.known)));
        }
        println!("{}", visible(&line));
        if came.differing > 0 {
            eprintln!("note: {} scores differ from those that are here, which stay", count(came.differing));
        }
        if came.refused > 0 {
            eprintln!("note: {} runs were refused: their keys do not belong to what they say of themselves", came.refused);
        }
    }
    Ok(())
}

/// A file of one model's scores, as `rewardscope export` writes it.
fn import_table(session: &Session, store: &mut Store, file: &Path) -> Result<Imported, Failure> {
    let (name, family, table) = recorded::read(file, &session.catalogue).map_err(Failure::usage)?;
    let origins = Origin::of_file(file).map(|origin| origin.models).unwrap_or_default();
    let of_file = |what: &str| Failure::Run(format!("{}: {what}", file.display()));
    let known = <[_; 1]>::try_from(origins).ok().map(|[origin]| origin);
    let Some((name, provenance, key)) = known.and_then(|known| Some((known.model, known.provenance, known.key?))) else {
        let why = "does not say under which key its scores belong into a store. It can be opened as it is";
        return Err(of_file(&format!("{why}: rewardscope {}", name)));
    };
    if recorded::has_token_ids(file) {
        return Err(of_file("holds tokens of a vocabulary: send those with `rewardscope store export`"));
    }
    let info = ModelInfo { family, provenance, memory_bytes: 0 };
    import_scores(store, &key, &info, &name, &table).map_err(|problem| of_file(&problem))
}

fn import_scores(
    store: &mut Store,
    key: &Key,
    info: &ModelInfo,
    name: &str,
    table: &crate::engine::Recorded,
) -> Result<Imported, String> {
    let mut came = Imported { runs: 1, ..Imported::default() };
    for (prompt, column) in table.prompts.iter().zip(&table.scores) {
        let mut scores = Vec::new();
        for (word, &score) in table.words.iter().zip(column).filter(|(_, score)| !score.is_nan()) {
            if crate::scores::export::shortest(score as f32) != score && f64::from(score as f32) != score {
                return Err(format!("the score {score} of '{word}' has more digits than this program computes with"));
            }
            scores.push(((&**word, None), score as f32));
        }
        let words: Vec<_> = scores.iter().map(|(word, _)| *word).collect();
        let before = store.known(key, &prompt.text, &words).map_err(|error| error.to_string())?;
        let kept = store.add(key, info, name, &prompt.text, &scores).map_err(|error| error.to_string())?;
        for ((before, kept), (_, score)) in before.iter().zip(kept).zip(&scores) {
            match before {
                None => came.scores += 1,
                Some(_) if kept == *score => came.known += 1,
                Some(_) => came.differing += 1,
            }
        }
    }
    Ok(came)
}
