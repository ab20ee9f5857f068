//! `rewardscope export`: scores that are known, recorded or in the store, as a file. Nothing is computed.

use std::sync::Arc;

use super::args::{ExportArgs, TableLayout};
use super::output;
use super::output::FileOption;
use super::store::is_called;
use crate::base::atomic_file::Destination;
use crate::base::terms::{Family, Framing};
use crate::corpus::{self, Corpus, Prompt, PromptSet};
use crate::model::{Cancel, Dtype, LoadOptions, PromptForm, Provenance, Stated};
use crate::recorded;
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::scores::store::fingerprint::Unread;
use crate::scores::store::{Key, Run, Store, key};
use crate::scores::table::decimal;
use crate::session::Session;
use crate::session::arguments::ModelOptions;
use crate::session::failure::Failure;
use crate::sources::locate::{self, Located};
use crate::sources::resolve;
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::tables::columns::{ColumnTable, TableFormat, Values};
use crate::tables::long::{LongTable, LongWord};

/// All that is known of one model.
struct ExportedModel {
    origin: ModelProvenance,
    family: Family,
    prompts: Vec<Prompt>,
    words: Vec<(Arc<str>, Option<u32>)>,
    /// `[prompts][words]`, NaN where there is none.
    scores: Vec<Vec<f64>>,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let to = output::output(args.output.as_deref(), args.force)?;
    let format = format(args, &to)?;
    let mut corpus = session.words(&args.words)?;
    let mut sources = Vec::new();
    for argument in &args.sources {
        sources.extend(read(&session, args, argument)?);
    }
    if let Some(corpus) = &mut corpus {
        Arc::make_mut(corpus).expand(sources.iter().flat_map(|source| &source.words).map(|(word, _)| &**word));
        corpus.notes.iter().for_each(|note| output::note(&format!("{}: {note}", corpus.name)));
    }
    for source in &mut sources {
        if !args.words.prompt.is_empty() {
            keep_prompts(source, &session.prompts(&args.words.prompt)?)?;
        }
        if let Some(corpus) = &corpus {
            keep_words(source, corpus);
        }
        if args.words.vocabulary {
            source.keep(|(_, token)| token.is_some());
        }
    }
    if sources.iter().all(|source| source.words.is_empty() || source.prompts.is_empty()) {
        return Err(Failure::Run("there is no score to export".to_owned()));
    }
    let table = match args.layout {
        TableLayout::Long => long(&sources, corpus.as_deref()),
        TableLayout::Wide => match &sources[..] {
            [one] => wide(one)?,
            _ => return Err(Failure::Use("--layout wide holds one model: export one at a time".to_owned())),
        },
    };
    let origins = sources.iter().map(|source| source.origin.clone()).collect();
    let origin = FileProvenance::new(origins, sources.iter().flat_map(|source| &source.prompts)).json();
    if to.is_stream() {
        let mut bytes = Vec::new();
        let shown = if to.is_terminal() { table.visible() } else { table };
        shown.write(&mut bytes, format, &origin).map_err(Failure::run)?;
        if format != TableFormat::Parquet {
            output::note_of_stream(&to);
        }
        return output::write(to, &bytes, None);
    }
    let path = to.path().to_owned();
    table.save(to, format, &origin).map_err(|error| output::unwritable(&path, &error, FileOption::Output))?;
    let rows = crate::base::text::count(table.rows());
    output::print_to_stderr(format_args!("{}: {rows} rows", crate::base::text::visible(&path.to_string_lossy())));
    Ok(())
}

fn format(args: &ExportArgs, to: &Destination) -> Result<TableFormat, Failure> {
    let format = named_format(args, to)?;
    if format == TableFormat::Parquet && (args.output.is_none() || to.is_terminal()) {
        return Err(Failure::Use("Parquet goes into a file: name it with --output".to_owned()));
    }
    Ok(format)
}

fn named_format(args: &ExportArgs, to: &Destination) -> Result<TableFormat, Failure> {
    let by_name = args.output.as_deref().and_then(TableFormat::of);
    match args.format.or(by_name) {
        Some(format) => Ok(format),
        None if to.is_stream() => Ok(TableFormat::Csv),
        None => Err(Failure::Use("name a file that ends with .csv, .jsonl or .parquet, or give --format".to_owned())),
    }
}

/// What an argument names: recorded files, a model whose scores are in the store, or a run of it.
fn read(session: &Session, args: &ExportArgs, argument: &str) -> Result<Vec<ExportedModel>, Failure> {
    let by_run = argument.starts_with("run:");
    let specs = if by_run { Vec::new() } else { resolve::resolve(argument, &session.catalogue).unwrap_or_default() };
    let mut sources = Vec::new();
    for spec in &specs {
        match &spec.source {
            ModelSource::Recorded(_) => sources.push(read_recorded(session, spec)?),
            ModelSource::Implicit { .. } => {
                let why = "the scores of a pair are kept nowhere. `rewardscope implicit A B --format csv` writes them, and the two \
                           models can be exported each for itself";
                return Err(Failure::Use(format!("{argument}: {why}")));
            }
            _ => sources.push(read_stored(session, args, argument, Some(spec))?),
        }
    }
    if sources.is_empty() {
        let unknown = (!by_run).then(|| resolve::resolve(argument, &session.catalogue).err()).flatten();
        match read_stored(session, args, argument, None) {
            Ok(source) => sources.push(source),
            // A name that nobody knows is explained as such; one that the store knows is not.
            Err(error @ Failure::Use(_)) => return Err(error),
            Err(error) => return Err(unknown.map_or(error, Failure::usage)),
        }
    }
    Ok(sources)
}

fn read_recorded(session: &Session, spec: &ModelSpec) -> Result<ExportedModel, Failure> {
    let ModelSource::Recorded(path) = &spec.source else { return Err(Failure::Use(format!("{}: no file", spec.name))) };
    let (name, family, table) = recorded::read(path, &session.catalogue).map_err(Failure::usage)?;
    for note in &table.notes {
        output::note(&format!("{name}: {note}"));
    }
    let recorded = || ModelProvenance::new(&name, &Provenance::of_recorded(path.display().to_string()));
    let origin = FileProvenance::of_one_model(path).unwrap_or_else(recorded);
    let words = table.words.into_iter().map(|word| (word, None)).collect();
    Ok(ExportedModel { origin, family, prompts: table.prompts, words, scores: table.scores })
}

fn read_stored(session: &Session, args: &ExportArgs, argument: &str, spec: Option<&ModelSpec>) -> Result<ExportedModel, Failure> {
    let none = || Failure::Run(format!("{argument}: no score is in the store. Compute some: rewardscope score {argument}"));
    let path = session.store_path(&args.store).filter(|path| path.exists() && !args.store.no_store).ok_or_else(none)?;
    let mut store = Store::open_to_read(&path).map_err(Failure::run)?;
    let options = args.options.over(&session.settings);
    let key = spec.and_then(|spec| key_of(&mut store, session, spec, options));
    let runs = store.runs().map_err(Failure::run)?;
    let named: Vec<&Run> =
        runs.iter().filter(|run| is_called(run, argument) || spec.is_some_and(|spec| is_called(run, &spec.name))).collect();
    let run = match &key {
        // Its files are here: what was computed from others, or in another way, is another model's.
        Some(key) => runs.iter().find(|run| run.key.as_ref() == Some(key)).ok_or_else(|| match &named[..] {
            [] => none(),
            others => Failure::Run(format!(
                "{argument}: no score of it, as it lies here and with these options, is in the store. Compute some: \
                 rewardscope score {argument} (with the same options). Of that name there are, computed otherwise:\n{}",
                run_lines(others)
            )),
        })?,
        None => only_run(argument, &named, &args.options, none)?,
    };
    let table = store.table(run.id).map_err(Failure::run)?;
    let known = PromptSet::with_user(session.user_dir()).map_err(Failure::usage)?.prompts;
    let prompt = |text: &String| {
        let found = known.iter().find(|prompt| *prompt.text == **text).cloned();
        found.unwrap_or_else(|| Prompt { key: None, text: text.as_str().into(), framing: None, factors: None })
    };
    let provenance = run.info.as_ref().map_or_else(|| Provenance::of_recorded(run.name.clone()), |info| info.provenance.clone());
    let score = |score: &Option<f32>| score.map_or(f64::NAN, decimal);
    Ok(ExportedModel {
        family: run.info.as_ref().map_or(Family::Other, |info| info.family),
        origin: ModelProvenance { model: run.name.clone(), provenance, key: run.key.clone() },
        prompts: table.prompts.iter().map(prompt).collect(),
        words: table.words.into_iter().map(|(word, token)| (word.into(), token)).collect(),
        scores: table.scores.iter().map(|column| column.iter().map(score).collect()).collect(),
    })
}

/// The run that is meant where the model itself is not here to say so: the only one of that name, under the options given.
fn only_run<'a>(
    argument: &str,
    named: &[&'a Run],
    options: &ModelOptions,
    none: impl Fn() -> Failure,
) -> Result<&'a Run, Failure> {
    let fitting: Vec<&Run> = named.iter().copied().filter(|run| fits(run, options)).collect();
    match (&fitting[..], named) {
        ([run], _) => {
            if !argument.starts_with("run:") {
                let rests = run.info.as_ref().map(|info| info.provenance.summary()).unwrap_or_default();
                let note = format!("{argument}: its files are not here; these are the scores of run:{}, {rests}", run.id);
                output::note(&note);
            }
            Ok(run)
        }
        (_, []) => Err(none()),
        ([], others) => {
            Err(Failure::Use(format!("{argument}: the store has no run of it with these options. It has\n{}", run_lines(others))))
        }
        (several, _) => Err(Failure::Use(format!(
            "{argument}: the store has {} runs of it, computed in different ways. Name one of\n{}",
            several.len(),
            run_lines(several)
        ))),
    }
}

/// A line for each run: how it is named, and what it rests on.
fn run_lines(runs: &[&Run]) -> String {
    let line = |run: &&Run| {
        let rests = run.info.as_ref().map(|info| info.provenance.summary()).unwrap_or_default();
        format!("  run:{}  {rests}", run.id)
    };
    runs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Whether a run was computed with all the options that are given; none of those that are not given counts.
fn fits(run: &Run, options: &ModelOptions) -> bool {
    let Some(key) = &run.key else { return false };
    let dtype = options.dtype.filter(|dtype| *dtype != Dtype::Auto);
    let form = match (options.bare, options.chat) {
        (true, _) => Some(PromptForm::Bare),
        (_, true) => Some(PromptForm::Chat),
        _ => None,
    };
    options.bos.is_none_or(|bos| bos == key.bos)
        && dtype.is_none_or(|dtype| key.dtype.known().is_some_and(|computed| dtype == (*computed).into()))
        && options.softcap.is_none_or(|softcap| softcap == key.softcap)
        && options.template_date.is_none_or(|date| key.template_date == Stated::Known(date))
        && (!options.reference_rounding || key.rounding.is_some())
        && options.taken_as.is_none_or(|kind| Some(kind) == key.taken_as)
        && options.token_logit.is_none_or(|token| Some(token) == key.token_logit)
        && (!options.normalize || key.normalize)
        && options.chat_template.as_deref().is_none_or(|name| key.chat_template.as_deref() == Some(name))
        && options.read.is_none_or(|read| key.read.is_none_or(|computed| read == computed))
        && form.is_none_or(|form| key.form == Some(Some(form).into()))
}

/// The key of a model that lies on this machine.
fn key_of(store: &mut Store, session: &Session, spec: &ModelSpec, options: LoadOptions) -> Option<Key> {
    let options = session.catalogue.completed(options, &spec.source);
    let Located { files, label, .. } = locate::here(spec, &options)?;
    key::identify(store, &files, &label, &options, &mut Unread::Read(&mut |_, _| {}), &Cancel::default()).ok()?
}

fn keep_prompts(source: &mut ExportedModel, asked: &[Prompt]) -> Result<(), Failure> {
    let find = |prompt: &Prompt| source.prompts.iter().position(|known| known.is(prompt));
    let kept: Vec<usize> = asked.iter().filter_map(find).collect();
    let missing: Vec<&str> = asked.iter().filter(|prompt| find(prompt).is_none()).map(Prompt::label).collect();
    let model = &source.origin.model;
    if kept.is_empty() {
        return Err(Failure::Run(format!("{model}: no scores under any of these prompts")));
    }
    if let [first, more @ ..] = &missing[..] {
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        output::note(&format!("{model}: no scores under {first}{more}"));
    }
    source.prompts = kept.iter().map(|&at| source.prompts[at].clone()).collect();
    source.scores = kept.iter().map(|&at| std::mem::take(&mut source.scores[at])).collect();
    Ok(())
}

impl ExportedModel {
    /// Leaves out the other words.
    fn keep(&mut self, is_kept: impl Fn(&(Arc<str>, Option<u32>)) -> bool) {
        self.select((0..self.words.len()).filter(|&at| is_kept(&self.words[at])).collect());
    }

    /// The words that stand at these places, in this order.
    fn select(&mut self, places: Vec<usize>) {
        self.words = places.iter().map(|&at| self.words[at].clone()).collect();
        self.scores = self.scores.iter().map(|column| places.iter().map(|&at| column[at]).collect()).collect();
    }
}

fn keep_words(source: &mut ExportedModel, corpus: &Corpus) {
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
        let note = format!("{}: {missing} of {} words have no score", source.origin.model, corpus.words.len());
        output::note(&note);
    }
    source.select(kept);
}

/// A row for each score; categories are those of the list, or of the bundled lists where none is given.
fn long(sources: &[ExportedModel], corpus: Option<&Corpus>) -> ColumnTable {
    let mut table = LongTable::default();
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
            own: false,
        };
        let words: Vec<LongWord> = source.words.iter().map(word).collect();
        for (prompt, column) in source.prompts.iter().zip(&source.scores) {
            table.add(&source.origin.model, prompt.label(), &words, column);
        }
    }
    let mut table = table.columns();
    add_factors(&mut table, sources);
    table
}

/// What the rows of one model and prompt share: the model's family and the prompt's framing, none where it is not known.
fn add_factors(table: &mut ColumnTable, sources: &[ExportedModel]) {
    let (mut families, mut framings) = (Vec::new(), Vec::new());
    for source in sources {
        let family = (source.family != Family::Other).then(|| Arc::from(source.family.to_string()));
        for (prompt, column) in source.prompts.iter().zip(&source.scores) {
            let framing = prompt.framing.map(|framing| match framing {
                Framing::Positive => "positive".into(),
                Framing::Negative => "negative".into(),
            });
            let rows = column.iter().filter(|score| !score.is_nan()).count();
            families.extend(std::iter::repeat_n(family.clone(), rows));
            framings.extend(std::iter::repeat_n(framing, rows));
        }
    }
    // Before the ids of tokens, which only vocabularies have.
    let at = table.columns.iter().position(|(name, _)| name == "rank").map_or(0, |rank| rank + 1);
    let factors = [("family", families), ("framing", framings)];
    table.columns.splice(at..at, factors.map(|(name, values)| (name.to_owned(), Values::OptionalText(values))));
}

/// A row for each word and a column for each prompt, as the study's authors published them.
fn wide(source: &ExportedModel) -> Result<ColumnTable, Failure> {
    /// Columns of words, by which a file of that layout is known.
    const TAKEN: [&str; 5] = ["response", "token_id", "token_name", "token_decoded", "prompt"];
    if let Some(prompt) = source.prompts.iter().find(|prompt| TAKEN.contains(&prompt.label().trim())) {
        let why = "is called as a column of words is: it cannot be told from one there. Take --layout long";
        return Err(Failure::Use(format!("the prompt '{}' {why}", prompt.label())));
    }
    let mut table = ColumnTable::default();
    let words: Vec<Arc<str>> = source.words.iter().map(|(word, _)| word.clone()).collect();
    let tokens: Vec<Option<i64>> = source.words.iter().map(|(_, token)| token.map(i64::from)).collect();
    if tokens.iter().any(Option::is_some) {
        table.add("token_id", Values::Integer(tokens));
        table.add("token_name", Values::Text(words.clone()));
        table.add("token_decoded", Values::Text(words));
    } else {
        table.add("response", Values::Text(words));
    }
    for (prompt, column) in source.prompts.iter().zip(&source.scores) {
        table.add(prompt.label(), Values::Number(column.clone()));
    }
    Ok(table)
}
