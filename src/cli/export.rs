//! `rewardscope export`: scores that are known, recorded or in the store, as a file. Nothing is computed.

use std::io::{self, Write as _};
use std::sync::Arc;

use super::Failure;
use super::args::{ExportArgs, SheetLayout};
use super::session::Session;
use super::store::is_called;
use crate::corpus::{self, Corpus, Prompt, PromptSet};
use crate::model::checkpoint::SourceLabel;
use crate::model::files::Files;
use crate::model::source::{self, ModelSource, ModelSpec};
use crate::model::{Cancel, LoadOptions, Provenance, bundled, hub};
use crate::scores::export::shortest;
use crate::scores::origin::{ModelOrigin, Origin};
use crate::scores::recorded;
use crate::scores::sheet::{LongSheet, LongWord, Sheet, SheetFormat, Values};
use crate::scores::store::{Key, Run, Store, key};

/// All that is known of one model.
struct Source {
    origin: ModelOrigin,
    prompts: Vec<Prompt>,
    words: Vec<(Arc<str>, Option<u32>)>,
    /// `[prompts][words]`, NaN where there is none.
    scores: Vec<Vec<f64>>,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let format = format(args)?;
    let corpus = session.words(&args.words)?;
    let mut sources = Vec::new();
    for argument in &args.sources {
        sources.extend(read(&session, args, argument)?);
    }
    for source in &mut sources {
        if !args.words.prompt.is_empty() {
            keep_prompts(source, &session.prompts(&args.words.prompt)?)?;
        }
        if let Some(corpus) = &corpus {
            keep_words(source, corpus);
        }
    }
    if sources.iter().all(|source| source.words.is_empty() || source.prompts.is_empty()) {
        return Err(Failure::Run("there is no score to export".to_owned()));
    }
    let sheet = match args.layout {
        SheetLayout::Long => long(&sources, corpus.as_deref()),
        SheetLayout::Wide => match &sources[..] {
            [one] => wide(one),
            _ => return Err(Failure::Use("--layout wide holds one model: export one at a time".to_owned())),
        },
    };
    let origins = sources.iter().map(|source| source.origin.clone()).collect();
    let origin = Origin::new(origins, sources.iter().flat_map(|source| &source.prompts)).json();
    let Some(path) = &args.output else {
        if format == SheetFormat::Parquet {
            return Err(Failure::Use("Parquet goes into a file: name it with --output".to_owned()));
        }
        let mut bytes = Vec::new();
        sheet.write(&mut bytes, format, &origin).map_err(Failure::run)?;
        let mut out = io::stdout().lock();
        let written = if io::IsTerminal::is_terminal(&out) {
            let text = String::from_utf8_lossy(&bytes);
            text.lines().try_for_each(|line| writeln!(out, "{}", crate::text::visible(line)))
        } else {
            out.write_all(&bytes)
        };
        return match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::run(error)),
            _ => Ok(()),
        };
    };
    sheet.save(path, format, &origin, args.force).map_err(|error| {
        let next = if error.kind() == io::ErrorKind::AlreadyExists { ": choose another name, or --force" } else { "" };
        Failure::Run(format!("{}: {error}{next}", path.display()))
    })?;
    eprintln!("{}: {} rows", crate::text::visible(&path.to_string_lossy()), crate::text::count(sheet.rows()));
    Ok(())
}

fn format(args: &ExportArgs) -> Result<SheetFormat, Failure> {
    let by_name = args.output.as_deref().and_then(SheetFormat::of);
    match (args.format, by_name, &args.output) {
        (Some(format), ..) => Ok(format),
        (None, Some(format), _) => Ok(format),
        (None, None, None) => Ok(SheetFormat::Csv),
        (None, None, Some(_)) => {
            Err(Failure::Use("name a file that ends with .csv, .jsonl or .parquet, or give --format".to_owned()))
        }
    }
}

/// What an argument names: recorded files, a model whose scores are in the store, or a run of it.
fn read(session: &Session, args: &ExportArgs, argument: &str) -> Result<Vec<Source>, Failure> {
    let by_run = argument.starts_with("run:");
    let specs = if by_run { Vec::new() } else { source::resolve(argument, &session.catalogue).unwrap_or_default() };
    let mut sources = Vec::new();
    for spec in &specs {
        match &spec.source {
            ModelSource::Recorded(_) => sources.push(of_file(session, spec)?),
            _ => sources.push(of_store(session, args, argument, Some(spec))?),
        }
    }
    if sources.is_empty() {
        let unknown = (!by_run).then(|| source::resolve(argument, &session.catalogue).err()).flatten();
        match of_store(session, args, argument, None) {
            Ok(source) => sources.push(source),
            // A name that nobody knows is explained as such.
            Err(error) => return Err(unknown.map_or(error, Failure::usage)),
        }
    }
    Ok(sources)
}

fn of_file(session: &Session, spec: &ModelSpec) -> Result<Source, Failure> {
    let ModelSource::Recorded(path) = &spec.source else { return Err(Failure::Use(format!("{}: no file", spec.name))) };
    let (name, _, table) = recorded::read(path, &session.catalogue).map_err(Failure::usage)?;
    for note in &table.notes {
        eprintln!("note: {}: {}", crate::text::visible(&name), crate::text::visible(note));
    }
    let said = Origin::of_file(path).map(|origin| origin.models).unwrap_or_default();
    let origin = match <[_; 1]>::try_from(said) {
        Ok([said]) => said,
        Err(_) => ModelOrigin { model: name, provenance: Provenance::of_recorded(path.display().to_string()), key: None },
    };
    let words = table.words.into_iter().map(|word| (word, None)).collect();
    Ok(Source { origin, prompts: table.prompts, words, scores: table.scores })
}

fn of_store(session: &Session, args: &ExportArgs, argument: &str, spec: Option<&ModelSpec>) -> Result<Source, Failure> {
    let none = || Failure::Run(format!("{argument}: no score is in the store. Compute some: rewardscope score {argument}"));
    let path = session.store_path(&args.store).filter(|path| path.exists() && !args.store.no_store).ok_or_else(none)?;
    let mut store = Store::open_existing(&path).map_err(Failure::run)?;
    let options = args.options.over(&session.settings);
    let key = spec.and_then(|spec| key_of(&mut store, session, spec, options));
    let runs = store.runs().map_err(Failure::run)?;
    let exact = key.as_ref().and_then(|key| runs.iter().find(|run| run.key.as_ref() == Some(key)));
    let named: Vec<&Run> =
        runs.iter().filter(|run| is_called(run, argument) || spec.is_some_and(|spec| is_called(run, &spec.name))).collect();
    let run = match (exact, &named[..]) {
        (Some(run), _) => run,
        (None, [run]) => run,
        (None, []) => return Err(none()),
        (None, several) => {
            let list: Vec<String> = several.iter().map(|run| format!("run:{}", run.id)).collect();
            let message = format!("{argument}: the store has {} runs of it, computed in different ways", several.len());
            return Err(Failure::Use(format!("{message}. Name one of {} (see `rewardscope store info`)", list.join(", "))));
        }
    };
    let table = store.table(run.id).map_err(Failure::run)?;
    let known = PromptSet::with_user(session.user_dir()).map_err(Failure::usage)?.prompts;
    let prompt = |text: &String| {
        let found = known.iter().find(|prompt| *prompt.text == **text).cloned();
        found.unwrap_or_else(|| Prompt { key: None, text: text.as_str().into(), framing: None, factors: None })
    };
    let provenance = run.info.as_ref().map_or_else(|| Provenance::of_recorded(run.name.clone()), |info| info.provenance.clone());
    let score = |score: &Option<f32>| score.map_or(f64::NAN, shortest);
    Ok(Source {
        origin: ModelOrigin { model: run.name.clone(), provenance, key: run.key.clone() },
        prompts: table.prompts.iter().map(prompt).collect(),
        words: table.words.into_iter().map(|(word, token)| (word.into(), token)).collect(),
        scores: table.scores.iter().map(|column| column.iter().map(score).collect()).collect(),
    })
}

/// The key of a model that lies on this machine.
fn key_of(store: &mut Store, session: &Session, spec: &ModelSpec, options: LoadOptions) -> Option<Key> {
    let options = session.catalogue.completed(options, &spec.source);
    let label = |source: String, revision| SourceLabel { name: spec.name.clone(), source, revision };
    let (files, label) = match &spec.source {
        ModelSource::Bundled(name) => {
            (Files::Bundled { name, entries: bundled::bundled(name)? }, label((*name).to_owned(), None))
        }
        ModelSource::Directory(path) => {
            (Files::at(path).with_tokenizer(options.tokenizer), label(path.display().to_string(), None))
        }
        ModelSource::Hub { repository, revision } => {
            let snapshot = hub::cached(repository, revision.as_deref())?;
            (Files::Directory(snapshot.directory), label(repository.clone(), Some(snapshot.revision)))
        }
        // A pair is made of two models' log-probabilities, which are kept each for itself.
        ModelSource::Recorded(_) | ModelSource::Implicit { .. } => return None,
    };
    key::identify(store, &files, &label, &options, true, &mut |_, _| {}, &Cancel::default()).ok()
}

fn keep_prompts(source: &mut Source, asked: &[Prompt]) -> Result<(), Failure> {
    let find = |prompt: &Prompt| {
        source.prompts.iter().position(|known| known.text == prompt.text || (known.key.is_some() && known.key == prompt.key))
    };
    let mut kept = Vec::new();
    for prompt in asked {
        match find(prompt) {
            Some(at) => kept.push(at),
            None => eprintln!("note: {}: no scores under {}", source.origin.model, crate::text::visible(prompt.label())),
        }
    }
    if kept.is_empty() {
        return Err(Failure::Run(format!("{}: no scores under any of these prompts", source.origin.model)));
    }
    source.prompts = kept.iter().map(|&at| source.prompts[at].clone()).collect();
    source.scores = kept.iter().map(|&at| std::mem::take(&mut source.scores[at])).collect();
    Ok(())
}

fn keep_words(source: &mut Source, corpus: &Corpus) {
    let index: std::collections::HashMap<Arc<str>, usize> = source
        .words
        .iter()
        .enumerate()
        .filter(|(_, (_, token))| token.is_none())
        .map(|(i, (word, _))| (word.clone(), i))
        .collect();
    let kept: Vec<usize> = corpus.words.iter().filter_map(|word| index.get(&word.text).copied()).collect();
    let missing = corpus.words.len() - kept.len();
    if missing > 0 {
        eprintln!("note: {}: {missing} of {} words have no score", source.origin.model, corpus.words.len());
    }
    source.words = kept.iter().map(|&at| source.words[at].clone()).collect();
    source.scores = source.scores.iter().map(|column| kept.iter().map(|&at| column[at]).collect()).collect();
}

/// A row for each score; categories are those of the list, or of the bundled lists where none is given.
fn long(sources: &[Source], corpus: Option<&Corpus>) -> Sheet {
    let mut sheet = LongSheet::default();
    for source in sources {
        let joined;
        let corpus = match corpus {
            Some(corpus) => corpus,
            None => {
                let mut all = Corpus::from_words("all", source.words.iter().map(|(word, _)| word.to_string()));
                corpus::join_categories(&mut all);
                joined = all;
                &joined
            }
        };
        let of: std::collections::HashMap<&str, Vec<String>> =
            corpus.words.iter().map(|word| (&*word.text, corpus.categories_of(word).map(str::to_owned).collect())).collect();
        let word = |(text, token): &(Arc<str>, Option<u32>)| LongWord {
            text: text.clone(),
            categories: of.get(&**text).cloned().unwrap_or_default(),
            token: *token,
        };
        let words: Vec<LongWord> = source.words.iter().map(word).collect();
        for (prompt, column) in source.prompts.iter().zip(&source.scores) {
            sheet.add(&source.origin.model, prompt.label(), &words, column);
        }
    }
    sheet.sheet()
}

/// A row for each word and a column for each prompt, as the study's authors published them.
fn wide(source: &Source) -> Sheet {
    let mut sheet = Sheet::default();
    let words: Vec<Arc<str>> = source.words.iter().map(|(word, _)| word.clone()).collect();
    let tokens: Vec<Option<i64>> = source.words.iter().map(|(_, token)| token.map(i64::from)).collect();
    if tokens.iter().any(Option::is_some) {
        sheet.add("token_id", Values::Integer(tokens));
        sheet.add("token_name", Values::Text(words.clone()));
        sheet.add("token_decoded", Values::Text(words));
    } else {
        sheet.add("response", Values::Text(words));
    }
    for (prompt, column) in source.prompts.iter().zip(&source.scores) {
        sheet.add(prompt.label(), Values::Number(column.clone()));
    }
    sheet
}
