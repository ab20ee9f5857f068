//! `rewardscope score`: words scored without a screen.
//!
//! The same engine as the explorer's. Rows of a model and prompt are written when the last of its words is scored, in the
//! order of the arguments, so an interrupted run keeps every group that was finished.

pub(super) mod progress;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::args::ScoreArgs;
use super::{interrupt, output};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::base::text::counted;
use crate::corpus::{self, Corpus, Prompt, own_label};
use crate::engine::{Engine, Event, Job, Phase, Readings, WordTokens};
use crate::model::{LoadOptions, ModelInfo};
use crate::recorded::scores::Recorded;
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::scores::store::Key;
use crate::scores::table::ScoreTable;
use crate::session::failure::Failure;
use crate::session::{Named, Session, Words};
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::tables::long::{LongTable, LongWord, TokenColumns};
use progress::Progress;
use rows::RowOutput;

enum ScoreMessage {
    Engine(Event),
    /// Its number.
    Signal(i32),
}

/// One model under one prompt: a group of rows in the output, kept in the order of the arguments.
type GroupKey = (ModelId, usize);

struct Group {
    prompt: PromptId,
    /// In the order of the model's corpus, then own words.
    words: Vec<WordId>,
    missing: usize,
}

struct ScoreRun {
    specs: Vec<ModelSpec>,
    /// The words asked for; none where each model takes its own: a recorded one all that it has, a live one the default.
    asked: Option<Arc<Corpus>>,
    /// Words asked for beside that list: they take no place in it.
    own: Vec<Arc<str>>,
    prompts: Vec<Prompt>,
    options: LoadOptions,
    tokens: bool,
    readings: Readings,
    score_table: ScoreTable,
    infos: HashMap<ModelId, ModelInfo>,
    /// Under what their scores stand in the store.
    keys: HashMap<ModelId, Key>,
    corpora: HashMap<ModelId, Arc<Corpus>>,
    word_tokens: HashMap<(ModelId, PromptId, WordId), WordTokens>,
    groups: BTreeMap<GroupKey, Group>,
    /// Models whose words are not known yet, and so their groups: recorded ones and vocabularies that have not been read.
    unread: HashSet<ModelId>,
    /// Groups of vocabularies that have not been asked for: one at a time, so that memory does not grow with the prompts.
    queue: VecDeque<GroupKey>,
    failures: Vec<(ModelId, String)>,
    /// With the model that they are about, where it is one.
    notes: Vec<(Option<ModelId>, String)>,
    /// Tokens of a vocabulary that could not be scored: how many, and why the first of them.
    left_out: BTreeMap<ModelId, (usize, String)>,
}

pub(super) fn run(args: &ScoreArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let Named { specs, notes } = session.named(&args.models)?;
    let Words { list: asked, own } = session.words_apart(&args.words)?;
    let prompts = session.prompts(&args.words.prompt)?;
    let default = if asked.is_none() && !args.words.vocabulary { Some(session.default_corpus()?) } else { None };
    let options = LoadOptions { vocabulary: args.words.vocabulary, ..args.options.over(&session.settings) };
    let readings = Readings { by_token: args.trace, by_layer: args.layers };
    has_readings(&specs, readings)?;
    let mut output = RowOutput::open(args)?;

    let (sender, receiver) = channel();
    watch_signals(sender.clone())?;
    let events = Arc::new(move |event| {
        // Nobody listens only once the program ends.
        let _ = sender.send(ScoreMessage::Engine(event));
    });
    let (store, store_note) = session.store(&args.store);
    // At once: whoever waits for hours should not learn at the end that nothing was kept.
    store_note.iter().for_each(|note| output::note(note));
    let engine = Engine::start_with(session.catalogue.clone(), events, store)
        .map_err(|error| Failure::Run(format!("the system gave no thread for the model: {error}")))?;

    let all_recorded = specs.iter().all(|spec| matches!(spec.source, ModelSource::Recorded(_)));
    let notes_of = |corpus: &Arc<Corpus>| -> Vec<String> {
        let notes: Vec<&String> =
            if all_recorded { corpus.notes_when_expanded().collect() } else { corpus.notes.iter().collect() };
        notes.into_iter().map(|note| format!("{}: {note}", corpus.name)).collect()
    };
    let words_notes: Vec<String> = asked.iter().flat_map(notes_of).collect();
    let mut run = ScoreRun { own, tokens: args.tokens || args.trace, readings, ..ScoreRun::new(specs, asked, prompts, options) };
    run.start(&engine, default.as_ref());
    let mut progress = Progress::new();
    let finished = run.follow(&engine, &receiver, &mut output, &mut progress);
    progress.clear();
    drop(engine);
    let signal = match finished {
        Ok(signal) => signal,
        Err(failure) => {
            output.leave_unfinished();
            return Err(failure);
        }
    };
    for (model, (many, first)) in std::mem::take(&mut run.left_out) {
        let name = &run.specs[model.0 as usize].name;
        run.notes.push((Some(model), format!("{name}: {} a token could not be scored, first {first}", counted(many, "time"))));
    }
    // In the order of the models, whichever was read first.
    run.notes.sort_by_key(|(model, _)| *model);
    let of_models = run.notes.iter().map(|(_, note)| note);
    for note in notes.iter().chain(&words_notes).chain(of_models) {
        output::note(note);
    }
    if signal.is_some() || !run.failures.is_empty() {
        output.leave_unfinished();
    } else {
        output.finish(&run.origin())?;
    }
    if let Some(signal) = signal {
        let left = run.groups.len();
        let message = format!("interrupted with {left} of the model × prompt tables unfinished");
        if signal == libc::SIGINT {
            return Err(Failure::Interrupted(message));
        }
        output::print_to_stderr(format_args!("rewardscope: {message}"));
        return Err(Failure::Signal(u8::try_from(128 + signal).unwrap_or(u8::MAX)));
    }
    if run.failures.is_empty() {
        return Ok(());
    }
    run.failures.sort_by_key(|(model, _)| *model);
    // What fails for each word is said once.
    run.failures.dedup();
    let failures: Vec<String> = run.failures.into_iter().map(|(_, message)| message).collect();
    Err(Failure::Run(failures.join("\n")))
}

/// # Errors
/// The first MODEL that has nothing to read at tokens or layers, as far as that is known before it is loaded.
fn has_readings(specs: &[ModelSpec], readings: Readings) -> Result<(), Failure> {
    let asked = if readings.by_token { "--trace" } else { "--layers" };
    let why = |spec: &ModelSpec| match spec.source {
        ModelSource::Recorded(_) => {
            Some("its scores are recorded, and the file holds neither tokens nor layers. Name the model itself")
        }
        ModelSource::Implicit { .. } => Some("the implicit reward of two models has no head. Name a reward model"),
        _ => None,
    };
    let refused = specs.iter().find_map(|spec| Some((spec, why(spec)?))).filter(|_| readings != Readings::default());
    match refused {
        Some((spec, why)) => Err(Failure::Use(format!("{}: {asked} reads a reward model's head; {why}", spec.name))),
        None => Ok(()),
    }
}

impl ScoreRun {
    fn new(specs: Vec<ModelSpec>, asked: Option<Arc<Corpus>>, prompts: Vec<Prompt>, options: LoadOptions) -> Self {
        ScoreRun {
            specs,
            asked,
            own: Vec::new(),
            prompts,
            options,
            tokens: false,
            readings: Readings::default(),
            score_table: ScoreTable::default(),
            infos: HashMap::new(),
            keys: HashMap::new(),
            corpora: HashMap::new(),
            word_tokens: HashMap::new(),
            groups: BTreeMap::new(),
            unread: HashSet::new(),
            queue: VecDeque::new(),
            failures: Vec::new(),
            notes: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// Opens every model and asks the live ones for everything.
    fn start(&mut self, engine: &Engine, default: Option<&Arc<Corpus>>) {
        let mut jobs = Vec::new();
        for i in 0..self.specs.len() {
            let model = ModelId(i as u32);
            engine.open(model, &self.specs[i], self.options.clone());
            if matches!(self.specs[i].source, ModelSource::Recorded(_)) || self.options.vocabulary {
                self.unread.insert(model);
                continue;
            }
            let Some(corpus) = self.asked.as_ref().or(default).cloned() else { continue };
            let texts = corpus.words.iter().map(|word| &word.text).chain(&self.own);
            let words: Vec<(WordId, Arc<str>)> = texts.map(|text| (self.score_table.word(text), text.clone())).collect();
            self.corpora.insert(model, corpus);
            for (at, prompt) in self.prompts.iter().enumerate() {
                let id = self.score_table.prompt(&prompt.text);
                let group = Group { prompt: id, words: words.iter().map(|(word, _)| *word).collect(), missing: words.len() };
                self.groups.insert((model, at), group);
                let (prompt_text, words) = (prompt.text.clone(), words.clone());
                let job = Job::new(model, id, prompt_text, words);
                jobs.push(Job { tokens: self.tokens, read_tokens: true, readings: self.readings, ..job });
            }
        }
        engine.plan(jobs);
    }

    fn take_vocabulary(&mut self, model: ModelId, corpus: Arc<Corpus>) {
        self.unread.remove(&model);
        let words = self.score_table.corpus(&corpus);
        for (at, prompt) in self.prompts.iter().enumerate() {
            let group = Group { prompt: self.score_table.prompt(&prompt.text), words: words.clone(), missing: words.len() };
            self.groups.insert((model, at), group);
            self.queue.push_back((model, at));
        }
        self.corpora.insert(model, corpus);
    }

    /// Asks for the next group of a vocabulary when the one before it is done.
    fn ask_next(&mut self, engine: &Engine) {
        let asked = self.groups.iter().any(|(key, group)| group.missing > 0 && !self.queue.contains(key));
        let Some(key) = self.queue.pop_front_if(|_| !asked) else { return };
        let (Some(group), Some(corpus)) = (self.groups.get(&key), self.corpora.get(&key.0)) else { return };
        let words = group.words.iter().zip(&corpus.words).map(|(&id, word)| (id, word.text.clone())).collect();
        let (prompt, prompt_text, token_ids) = (group.prompt, self.prompts[key.1].text.clone(), corpus.tokens.clone());
        engine.plan(vec![Job {
            token_ids,
            tokens: self.tokens,
            readings: self.readings,
            ..Job::new(key.0, prompt, prompt_text, words)
        }]);
    }

    /// Takes in what the engine tells until everything is written; the signal, when one came first.
    fn follow(
        &mut self,
        engine: &Engine,
        messages: &Receiver<ScoreMessage>,
        output: &mut RowOutput,
        progress: &mut Progress,
    ) -> Result<Option<i32>, Failure> {
        while !(self.groups.is_empty() && self.unread.is_empty()) {
            let event = match messages.recv() {
                Ok(ScoreMessage::Engine(event)) => event,
                Ok(ScoreMessage::Signal(signal)) => return Ok(Some(signal)),
                Err(_) => return Err(Failure::Run("the engine ended before its work was done".to_owned())),
            };
            match event {
                Event::Phase { model, phase: Phase::Failed(message) } => {
                    self.failures.push((model, message));
                    self.unread.remove(&model);
                    self.groups.retain(|(of, _), _| *of != model);
                    self.queue.retain(|(of, _)| *of != model);
                }
                Event::Phase { model, phase } => progress.show(&self.specs[model.0 as usize].name, &phase, self.place(&phase)),
                Event::Ready { model, info } => {
                    let name = &self.specs[model.0 as usize].name;
                    let notes = info.provenance.policies.notes.iter().map(|note| (Some(model), format!("{name}: {note}")));
                    // It comes twice where some scores were in the store.
                    let new: Vec<_> = notes.filter(|note| !self.notes.contains(note)).collect();
                    self.notes.extend(new);
                    self.infos.insert(model, *info);
                }
                Event::Key { model, key } => {
                    self.keys.insert(model, *key);
                }
                // At once, as above.
                Event::Notice { text } => {
                    progress.clear();
                    output::note(&text);
                }
                // Nothing here asks for one.
                Event::Inspected { .. } | Event::Read { .. } => {}
                Event::Vocabulary { model, corpus } => self.take_vocabulary(model, corpus),
                Event::Recorded { model, recorded } => self.take_recorded(model, *recorded),
                Event::Tokens { model, prompt, tokens } => {
                    self.word_tokens.extend(tokens.into_iter().map(|(word, tokens)| ((model, prompt, word), tokens)));
                }
                Event::Scores { model, prompt, scores } => {
                    self.settle(model, prompt, scores.len());
                    self.score_table.insert(model, prompt, scores);
                }
                Event::Unscorable { model, prompt, words } => {
                    self.settle(model, prompt, words.len());
                    let name = &self.specs[model.0 as usize].name;
                    // A vocabulary has tokens that are no words; that is no failure.
                    if self.options.vocabulary {
                        let first = || words.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
                        self.left_out.entry(model).or_insert_with(|| (0, first())).0 += words.len();
                        self.write_finished(output)?;
                        self.ask_next(engine);
                        continue;
                    }
                    self.failures.extend(words.iter().map(|(_, reason)| (model, format!("{name}: {reason}"))));
                }
            }
            self.write_finished(output)?;
            self.ask_next(engine);
        }
        Ok(None)
    }

    /// Which of how many prompts is being scored.
    fn place(&self, phase: &Phase) -> (usize, usize) {
        let at = match phase {
            Phase::Scoring { prompt, .. } => self.prompts.iter().position(|p| p.text == *self.score_table.prompt_text(*prompt)),
            _ => None,
        };
        (at.map_or(1, |at| at + 1), self.prompts.len())
    }

    fn settle(&mut self, model: ModelId, prompt: PromptId, words: usize) {
        if let Some((_, group)) = self.groups.iter_mut().find(|((of, _), group)| *of == model && group.prompt == prompt) {
            group.missing = group.missing.saturating_sub(words);
        }
    }

    fn take_recorded(&mut self, model: ModelId, recorded: Recorded) {
        self.unread.remove(&model);
        let name = self.specs[model.0 as usize].name.clone();
        self.notes.extend(recorded.notes.iter().map(|note| (Some(model), format!("{name}: {note}"))));
        let corpus = match &self.asked {
            Some(asked) if asked.wildcards.is_empty() => asked.clone(),
            Some(asked) => {
                let mut expanded = Corpus::clone(asked);
                expanded.expand(recorded.words.iter().map(AsRef::as_ref));
                self.notes.extend(expanded.notes.last().map(|note| (Some(model), format!("{name}: {note}"))));
                Arc::new(expanded)
            }
            None => {
                let mut all = Corpus::from_words(&name, recorded.words.iter().map(|word| word.to_string()));
                corpus::join_categories(&mut all);
                Arc::new(all)
            }
        };
        let missing = recorded.insert_into(&mut self.score_table, model, &self.prompts);
        for prompt in &missing {
            let (label, has) = (prompt.label(), recorded.named_prompts());
            self.failures.push((model, format!("{name}: no scores for the prompt '{label}'. It has {has}")));
        }
        for (at, prompt) in self.prompts.iter().enumerate().filter(|(_, prompt)| !missing.contains(prompt)) {
            let id = self.score_table.prompt(&prompt.text);
            let texts = corpus.words.iter().map(|word| &word.text).chain(&self.own);
            let words: Vec<WordId> = texts.map(|text| self.score_table.word(text)).collect();
            let missing = words.iter().filter(|word| self.score_table.score(model, id, **word).is_none()).count();
            if missing > 0 {
                let of = words.len();
                let why = format!("{name}: {missing} of {of} words have no recorded score under {}", prompt.label());
                self.notes.push((Some(model), why));
            }
            self.groups.insert((model, at), Group { prompt: id, words, missing: 0 });
        }
        self.corpora.insert(model, corpus);
    }

    /// Writes groups from the front while they are finished, so that the order is that of the arguments.
    fn write_finished(&mut self, output: &mut RowOutput) -> Result<(), Failure> {
        while let Some(entry) = self.groups.first_entry() {
            let model = entry.key().0;
            if entry.get().missing > 0 || self.unread.iter().any(|unread| *unread < model) {
                break;
            }
            let ((model, at), group) = entry.remove_entry();
            self.write(model, at, &group, output)?;
        }
        Ok(())
    }

    fn write(&mut self, model: ModelId, at: usize, group: &Group, output: &mut RowOutput) -> Result<(), Failure> {
        let Some(corpus) = self.corpora.get(&model) else { return Ok(()) };
        let (spec, prompt) = (&self.specs[model.0 as usize], &self.prompts[at]);
        let categories = |word| corpus.categories_of(word).map(str::to_owned).collect();
        let listed = corpus.words.iter().enumerate().map(|(i, word)| LongWord {
            text: word.text.clone(),
            categories: categories(word),
            token: corpus.tokens.get(i).copied(),
            own: false,
        });
        let own_categories = vec![own_label(&corpus.categories).to_owned()];
        let own = self.own.iter().map(|text| LongWord {
            text: text.clone(),
            categories: own_categories.clone(),
            token: None,
            own: true,
        });
        let words: Vec<LongWord> = listed.chain(own).collect();
        let score = |id: &WordId| self.score_table.score(model, group.prompt, *id).unwrap_or(f64::NAN);
        let scores: Vec<f64> = group.words.iter().map(score).collect();
        if scores.len() > 1 && scores.iter().all(|score| *score == scores[0]) {
            let (all, under) = (scores.len(), prompt.label());
            let note = format!(
                "{}: all {all} words have the same score under {under}, so they have no order: look at their tokens with `rewardscope \
                 score --tokens`",
                spec.name
            );
            self.notes.push((Some(model), note));
        }
        let mut rows = LongTable::default();
        rows.add_with_tokens(&spec.name, prompt.label(), &words, &scores, |at| {
            self.word_tokens.remove(&(model, group.prompt, group.words[at])).map(TokenColumns::from)
        });
        let heading = self.infos.get(&model).map(|info| rows::heading(spec, prompt, info)).unwrap_or_default();
        output.group(&heading, &rows)
    }

    /// What the rows rest on, with the keys by which a store knows them.
    fn origin(&self) -> FileProvenance {
        let model = |(i, spec): (usize, &ModelSpec)| {
            let id = ModelId(i as u32);
            let info = self.infos.get(&id)?;
            Some(ModelProvenance { key: self.keys.get(&id).cloned(), ..ModelProvenance::new(&spec.name, &info.provenance) })
        };
        FileProvenance::new(self.specs.iter().enumerate().filter_map(model).collect(), &self.prompts)
    }
}

/// SIGINT, SIGTERM and SIGHUP become a message, so that finished rows are flushed before the end; a second one ends the
/// program at once.
fn watch_signals(sender: Sender<ScoreMessage>) -> Result<(), Failure> {
    let mut asked = false;
    interrupt::watch(move |signal| {
        if std::mem::replace(&mut asked, true) {
            interrupt::end_by(signal);
        }
        let _ = sender.send(ScoreMessage::Signal(signal));
    })
}
