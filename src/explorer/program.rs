//! The explorer: the app's state joined with the terminal, the engine and the threads that answer its effects.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Frame;

use super::arguments::ExploreArgs;
use super::entries;
use crate::app::table::{self, RankRequest};
use crate::app::views::card::{self, CardRequest};
use crate::app::views::statistics::{self, StatisticsRequest};
use crate::app::{App, Effect, Export, ExportRequest, Level, Message, Startup};
use crate::base::atomic_file;
use crate::catalogue::Catalogue;
use crate::corpus::pairs::read_pairs;
use crate::corpus::{self, Corpus, PromptSet};
use crate::engine::Engine;
use crate::explorer::event_loop::{Exit, Mailbox, Post, Program, Request, run as run_loop};
use crate::explorer::newest_job::NewestJob;
use crate::explorer::{logging, terminal};
use crate::model::LoadOptions;
use crate::recorded::trainings;
use crate::session;
use crate::session::failure::Failure;
use crate::session::{DEFAULT_CORPUS, DEFAULT_PROMPT, Named, Session};
use crate::sources::resolve::ModelSource;
use crate::sources::{bundled, resolve};
use crate::tables::columns;
use crate::tables::columns::TableFormat;
use crate::ui::abilities::{Abilities, Colours};
use crate::ui::{self, theme, theme::Theme};

pub(crate) fn run(args: &ExploreArgs) -> Result<(), Failure> {
    if !terminal::is_interactive() {
        return Err(Failure::Use(
            "the explorer needs a terminal. To score words without one: rewardscope score demo-llama --word love (see `rewardscope score --help`)"
                .to_owned(),
        ));
    }
    let session = Session::new()?;
    let level = std::env::var("REWARDSCOPE_LOG").ok();
    let _log = logging::start(args.log.as_deref(), level.as_deref(), session.folders.state.as_deref()).map_err(Failure::usage)?;
    terminal::install_panic_hook();

    let abilities = Abilities::detect();
    let (startup, notes) = startup(args, &session, &abilities)?;
    let theme = load_theme(&startup.theme, args, &session, &abilities).map_err(Failure::Use)?;
    let mailbox = Mailbox::new();
    notify(&mailbox.post(), notes);
    let mut explorer = Explorer::new(startup, theme, abilities, args, session, mailbox.post())?;
    let exit = run_loop(&mut explorer, mailbox).map_err(|error| Failure::Run(format!("the terminal failed: {error}")))?;
    match exit {
        Exit::Quit => Ok(()),
        Exit::Signal(_) => Err(Failure::Signal(exit.code())),
    }
}

/// Shows notes as notices.
fn notify(post: &Post<Message>, notes: Vec<String>) {
    notes.into_iter().for_each(|note| post.send(Message::Notify(Level::Info, note)));
}

/// The start that the arguments ask for, and the user's settings where they are silent; with notes on the folders named.
fn startup(args: &ExploreArgs, session: &Session, abilities: &Abilities) -> Result<(Startup, Vec<String>), Failure> {
    let settings = &session.settings;
    let (trainings, named): (Vec<String>, Vec<String>) =
        args.models.iter().cloned().partition(|argument| trainings::follows(&resolve::expand_home(argument)));
    let names = match (&named[..], &settings.models) {
        ([], _) if !trainings.is_empty() => Vec::new(),
        ([], Some(models)) => models.clone(),
        ([], None) => bundled::BUNDLED.map(|model| model.name.to_owned()).to_vec(),
        (models, _) => models.to_vec(),
    };
    let Named { specs: models, mut notes } = session.named(&names)?;
    let ratings = session.ratings(&args.ratings)?.unwrap_or_default();
    if ratings.count_tokens() {
        let why = "the explorer does not count tokens: `rewardscope stats` and `rewardscope card` do";
        return Err(Failure::Use(format!("--ratings tokens: {why}")));
    }
    notes.extend(ratings.notes.iter().cloned());
    let mut words = args.words.clone();
    if words.corpus.is_empty() && !words.vocabulary {
        words.corpus.extend(settings.corpus.clone());
    }
    let typed: Vec<Arc<str>> = std::mem::take(&mut words.word).into_iter().map(Into::into).collect();
    let recorded = models.iter().all(|spec| matches!(spec.source, ModelSource::Recorded(_)));
    let corpus = match session.words(&words)? {
        Some(corpus) => Some(corpus),
        // Recorded models show all the words that they have.
        None if recorded => None,
        // It comes with the first model's tokenizer.
        None if words.vocabulary => None,
        None => Some(Arc::new(session.corpus(DEFAULT_CORPUS)?)),
    };
    let mut set = PromptSet::with_user(session.user_dir()).map_err(Failure::usage)?.prompts;
    let mut asked = args.words.prompt.clone();
    if asked.is_empty() {
        asked.extend(settings.prompt.clone());
    }
    let all_prompts = asked.iter().any(|prompt| prompt == "all");
    asked.retain(|prompt| prompt != "all");
    let chosen = session.prompts(&asked)?;
    for prompt in &chosen {
        if !set.iter().any(|known| known.text == prompt.text) {
            set.push(prompt.clone());
        }
    }
    let current = chosen.first().map_or(DEFAULT_PROMPT, |prompt| prompt.label());
    let startup = Startup {
        models,
        corpus,
        words: typed,
        prompt: set.iter().position(|prompt| prompt.label() == current).unwrap_or(0),
        prompts: set,
        all_prompts,
        options: LoadOptions { vocabulary: args.words.vocabulary, ..args.options.over(settings) },
        theme: args.theme.clone().or_else(|| settings.theme.clone()).unwrap_or_else(|| theme::DEFAULT.to_owned()),
        themes: theme::list(session.user_dir()).into_iter().map(|theme| theme.name).collect(),
        colourless: abilities.colours == Colours::None,
        size: abilities.size.unwrap_or((80, 24)),
        trainings: trainings.iter().map(|argument| resolve::expand_home(argument)).collect(),
        ratings,
        pairs: args.pairs.as_deref().map(read_pairs).transpose().map_err(Failure::usage)?.unwrap_or_default(),
    };
    Ok((startup, notes))
}

fn load_theme(name: &str, args: &ExploreArgs, session: &Session, abilities: &Abilities) -> Result<Theme, String> {
    let mut theme = Theme::load(name, session.user_dir(), abilities).map_err(|error| error.to_string())?;
    theme.ascii = args.ascii || session.settings.ascii.unwrap_or(!abilities.utf8);
    Ok(theme)
}

/// Builds what was asked for and writes it to a file that is not there yet, or to a stream.
fn write(request: &ExportRequest, path: &Path) -> io::Result<()> {
    let to = columns::destination(path, false)?;
    if to.is_terminal() {
        return Err(io::Error::other("it is the terminal, which shows the explorer"));
    }
    match (request.build().map_err(io::Error::other)?, TableFormat::of(path)) {
        (Export::ColumnTable { sheet, origin }, Some(format)) => sheet.save(to, format, &origin),
        (Export::ColumnTable { .. }, None) => Err(io::Error::other("a name that ends with .csv, .jsonl or .parquet is needed")),
        (Export::Figure(figure), _) => figure.save(to),
        (Export::Text(text), _) => atomic_file::write(to, text.as_bytes(), None),
    }
}

/// A name to go on with and the problem with the name that was `typed`. Where a file of that name exists, the new name is free.
fn not_written(typed: String, path: &Path, error: &io::Error) -> (String, String) {
    if error.kind() != io::ErrorKind::AlreadyExists {
        let problem = format!("{typed}: {error}");
        return (typed, problem);
    }
    let free = atomic_file::free_beside(path);
    let free = Path::new(&typed).with_file_name(free.file_name().unwrap_or_default()).display().to_string();
    let problem = format!("{error}; {free} is free");
    (free, problem)
}

/// A path as it is found from anywhere.
fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

struct Explorer<'a> {
    app: App,
    theme: Theme,
    abilities: Abilities,
    args: &'a ExploreArgs,
    session: Session,
    engine: Engine,
    ranking: NewestJob<Box<RankRequest>>,
    statistics: NewestJob<Box<StatisticsRequest>>,
    card: NewestJob<Box<CardRequest>>,
    post: Post<Message>,
    started: Instant,
}

impl<'a> Explorer<'a> {
    fn new(
        startup: Startup,
        theme: Theme,
        abilities: Abilities,
        args: &'a ExploreArgs,
        session: Session,
        post: Post<Message>,
    ) -> Result<Self, Failure> {
        let no_thread = |error: std::io::Error| Failure::Run(format!("the system gave no thread: {error}"));
        let events = post.clone();
        let events = Arc::new(move |event| events.send(Message::Engine(event)));
        let (store, note) = session.store(&args.store);
        if let Some(text) = note {
            post.send(Message::Notify(Level::Warning, text));
        }
        let engine = Engine::start_with(session.catalogue.clone(), events, store).map_err(no_thread)?;
        let tables = post.clone();
        let ranking = NewestJob::start("ranking", move |request: Box<RankRequest>| {
            tables.send(Message::Ranked(Box::new(table::rank(*request))));
        })
        .map_err(no_thread)?;
        let answers = post.clone();
        let statistics = NewestJob::start("statistics", move |request: Box<StatisticsRequest>| {
            answers.send(Message::Statistics(Box::new(statistics::compute(*request))));
        })
        .map_err(no_thread)?;
        let answers = post.clone();
        let card = NewestJob::start("card", move |request: Box<CardRequest>| {
            answers.send(Message::Card(Box::new(card::compute(*request))));
        })
        .map_err(no_thread)?;
        let (app, effects) = App::new(startup);
        let started = Instant::now();
        let mut explorer = Explorer { app, theme, abilities, args, session, engine, ranking, statistics, card, post, started };
        // A copy or an end cannot be asked for before anything is shown.
        let _ = explorer.perform(effects);
        Ok(explorer)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Vec<Request> {
        let mut requests = Vec::new();
        for effect in effects {
            match effect {
                Effect::Open { model, spec, options } => self.engine.open(model, &spec, options),
                Effect::Cancel(model) => self.engine.cancel(model),
                Effect::Close(model) => self.engine.close(model),
                Effect::Plan(jobs) => self.engine.plan(jobs),
                Effect::Inspect(request) => self.engine.inspect(request),
                Effect::Rank(request) => self.ranking.request(request),
                Effect::Statistics(request) => self.statistics.request(request),
                Effect::Card(request) => self.card.request(request),
                Effect::Follow { paths, corpus } => {
                    let (catalogue, user_dir) = (self.session.catalogue.clone(), self.user_dir());
                    self.answer(move || {
                        let corpus = corpus.map_or_else(|| Corpus::load(DEFAULT_CORPUS, user_dir.as_deref()).map(Arc::new), Ok);
                        let followed =
                            corpus.and_then(|corpus| trainings::follow(&paths, &trainings::Words::of(&corpus), &catalogue));
                        Message::Followed(followed.map(Box::new).map_err(|error| error.to_string()))
                    });
                }
                Effect::Copy(text) => requests.push(Request::Copy(text)),
                Effect::Quit => requests.push(Request::Quit),
                Effect::SetTheme(name) => requests.extend(self.set_theme(&name)),
                Effect::Export(request) => self.answer(move || {
                    let path = resolve::expand_home(&request.path);
                    let written = write(&request, &path);
                    Message::Exported(written.map(|()| whole(&path)).map_err(|error| not_written(request.path, &path, &error)))
                }),
                Effect::LoadCorpus(name) => {
                    let user_dir = self.user_dir();
                    self.answer(move || {
                        let corpus = Corpus::load(&name, user_dir.as_deref());
                        Message::Corpus(corpus.map(Arc::new).map_err(|error| error.to_string()))
                    });
                }
                Effect::JoinCategories(words) => self.answer(move || {
                    let mut joined = Arc::unwrap_or_clone(words);
                    corpus::join_categories(&mut joined);
                    Message::Joined(Arc::new(joined))
                }),
                Effect::Resolve(argument) => {
                    let (catalogue, post) = (self.session.catalogue.clone(), self.post.clone());
                    self.answer(move || {
                        let path = resolve::expand_home(&argument);
                        if trainings::follows(&path) {
                            return Message::Trainings(vec![path]);
                        }
                        let found = resolve::resolve(&argument, &catalogue).map_err(|error| error.to_string());
                        if found.is_ok() {
                            notify(&post, session::passed_over(&argument));
                        }
                        Message::Resolved(found)
                    });
                }
                Effect::ListModels => {
                    let catalogue: Arc<Catalogue> = self.session.catalogue.clone();
                    self.answer(move || Message::Models(entries::models(&catalogue)));
                }
                Effect::ListCorpora => {
                    let user_dir = self.user_dir();
                    self.answer(move || Message::Corpora(entries::corpora(user_dir.as_deref())));
                }
            }
        }
        requests
    }

    fn set_theme(&mut self, name: &str) -> Vec<Request> {
        match load_theme(name, self.args, &self.session, &self.abilities) {
            Ok(theme) => {
                self.theme = theme;
                Vec::new()
            }
            Err(error) => self.update(Message::Notify(Level::Error, error)),
        }
    }

    /// Computes a message on a thread of its own.
    fn answer(&self, work: impl FnOnce() -> Message + Send + 'static) {
        let post = self.post.clone();
        let spawned = std::thread::Builder::new().name("answer".to_owned()).spawn(move || post.send(work()));
        if let Err(error) = spawned {
            self.post.send(Message::Notify(Level::Error, format!("the system gave no thread: {error}")));
        }
    }

    fn user_dir(&self) -> Option<PathBuf> {
        self.session.folders.config.clone()
    }
}

impl Program for Explorer<'_> {
    type Message = Message;

    fn input(event: crossterm::event::Event) -> Option<Message> {
        super::keys::message(event)
    }

    fn update(&mut self, message: Message) -> Vec<Request> {
        let effects = self.app.update(message, self.started.elapsed());
        self.perform(effects)
    }

    fn deadline(&self) -> Option<Duration> {
        self.app.next_deadline().map(|due| due.saturating_sub(self.started.elapsed()))
    }

    fn tick(&mut self) -> Vec<Request> {
        self.update(Message::Tick)
    }

    fn draw(&mut self, frame: &mut Frame) {
        ui::draw(frame, &self.app, &self.theme);
    }
}
