//! Whatever the user does, and in whatever order: what is asked of the engine covers all that is on the screen.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rewardscope::app::{App, Effect, Key, KeyCode, Message, Startup, table};
use rewardscope::base::terms::{Family, ModelId};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::{Event, Job, Phase};
use rewardscope::model::ModelInfo;
use rewardscope::sources::resolve::{ModelSource, ModelSpec};

use super::driver::{Driver, LLAMA, SIZE, demo, provenance, score, startup};

/// Words that no model can be asked begin so.
const UNSCORABLE: char = '~';
/// A model of this name fails when it is loaded first, and not when it is opened again.
const FAILS_ONCE: &str = "fails-once";

/// Keeps the engine's promises: the newest plan replaces the one before it, jobs run in their order, what is dropped is
/// told as idle, and nothing is done that no plan asks for.
#[derive(Default)]
struct Engine {
    opened: HashMap<ModelId, Opened>,
    jobs: Vec<Job>,
    /// Told, but not yet taken in by the explorer.
    events: VecDeque<Event>,
}

struct Opened {
    spec: ModelSpec,
    loaded: bool,
    failed: bool,
    attempts: usize,
}

impl Engine {
    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Open { model, spec, .. } => {
                let attempts = self.opened.get(&model).map_or(0, |opened| opened.attempts);
                self.opened.insert(model, Opened { spec, loaded: false, failed: false, attempts });
                self.phase(model, Phase::Waiting);
            }
            Effect::Plan(jobs) => {
                let failed = |job: &Job| self.opened.get(&job.model).is_some_and(|opened| opened.failed);
                let jobs = jobs.into_iter().filter(|job| !job.words.is_empty() && !failed(job)).collect();
                for old in std::mem::replace(&mut self.jobs, jobs) {
                    if self.opened.contains_key(&old.model) && !self.has_jobs(old.model) {
                        self.phase(old.model, Phase::Idle);
                    }
                }
            }
            Effect::Close(model) => {
                self.opened.remove(&model);
                self.jobs.retain(|job| job.model != model);
            }
            // Only what is being loaded can be cancelled.
            Effect::Cancel(model) if self.is_loading(model) => {
                self.jobs.retain(|job| job.model != model);
                self.phase(model, Phase::Cancelled);
            }
            _ => {}
        }
    }

    fn is_loading(&self, model: ModelId) -> bool {
        self.next().is_some_and(|at| self.jobs[at].model == model) && !self.opened[&model].loaded
    }

    fn has_jobs(&self, model: ModelId) -> bool {
        self.jobs.iter().any(|job| job.model == model)
    }

    fn phase(&mut self, model: ModelId, phase: Phase) {
        self.events.push_back(Event::Phase { model, phase });
    }

    /// The first job of a model that can run.
    fn next(&self) -> Option<usize> {
        self.jobs.iter().position(|job| self.opened.get(&job.model).is_some_and(|opened| !opened.failed))
    }

    /// Loads one model, or scores a few words; false where there is nothing to do.
    fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        let (model, prompt) = (self.jobs[at].model, self.jobs[at].prompt);
        let opened = self.opened.get_mut(&model).unwrap();
        if !opened.loaded {
            let fails = opened.spec.name == FAILS_ONCE && opened.attempts == 0;
            opened.attempts += 1;
            (opened.loaded, opened.failed) = (!fails, fails);
            if fails {
                self.jobs.retain(|job| job.model != model);
                self.phase(model, Phase::Failed("no head".to_owned()));
            } else {
                let info = ModelInfo { family: opened.spec.family, provenance: provenance(&opened.spec.name), memory_bytes: 1 };
                self.events.push_back(Event::Ready { model, info: Box::new(info) });
                self.phase(model, Phase::WarmingUp);
            }
            return true;
        }
        let job = &mut self.jobs[at];
        let batch: Vec<_> = job.words.drain(..job.words.len().min(4)).collect();
        let question = job.prompt_text.clone();
        let (left_out, asked): (Vec<_>, Vec<_>) = batch.into_iter().partition(|(_, text)| text.starts_with(UNSCORABLE));
        let scores = asked.into_iter().map(|(word, text)| (word, score(model, &question, &text))).collect();
        self.events.push_back(Event::Scores { model, prompt, scores });
        if !left_out.is_empty() {
            let words = left_out.into_iter().map(|(word, _)| (word, "gives no token".to_owned())).collect();
            self.events.push_back(Event::Unscorable { model, prompt, words });
        }
        if self.jobs[at].words.is_empty() {
            self.jobs.remove(at);
            if !self.has_jobs(model) {
                self.phase(model, Phase::Idle);
            }
        }
        true
    }
}

/// The explorer with that engine.
struct Session {
    app: App,
    engine: Engine,
    now: Duration,
}

impl Session {
    fn new(startup: Startup) -> Session {
        let (app, effects) = App::new(startup);
        let mut session = Session { app, engine: Engine::default(), now: Duration::ZERO };
        session.perform(effects);
        session
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Rank(request) => self.send(Message::Ranked(Box::new(table::rank(*request)))),
                effect => self.engine.take(effect),
            }
        }
    }

    fn send(&mut self, message: Message) {
        self.now += Duration::from_secs(1);
        let effects = self.app.update(message, self.now);
        self.perform(effects);
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|c| self.send(Message::Key(Key::char(c))));
    }

    fn code(&mut self, code: KeyCode) {
        self.send(Message::Key(Key::plain(code)));
    }

    fn deliver(&mut self, most: usize) {
        for _ in 0..most {
            let Some(event) = self.engine.events.pop_front() else { return };
            self.send(Message::Engine(event));
        }
    }

    /// Until the engine has nothing to do and nothing to tell.
    fn run(&mut self) {
        for _ in 0..10_000 {
            self.deliver(usize::MAX);
            if !self.engine.step() && self.engine.events.is_empty() {
                return;
            }
        }
        panic!("the engine is never idle");
    }

    /// What has no score and could have one.
    fn missing(&self) -> Vec<String> {
        let current = self.app.current_prompt().unwrap().id;
        let prompts = self.app.prompts.iter().filter(|prompt| prompt.id == current || self.app.all_prompts && prompt.in_set);
        let mut missing = Vec::new();
        for prompt in prompts {
            for model in self.app.models.iter().filter(|model| !matches!(model.phase, Phase::Failed(_))) {
                for &word in &self.app.universe.ids {
                    let scored = self.app.score_table.score(model.id, prompt.id, word).is_some();
                    if !scored && !model.cannot_score(prompt.id, word) {
                        missing.push(format!(
                            "{} {} {}",
                            model.spec.name,
                            prompt.prompt.text,
                            self.app.score_table.word_text(word)
                        ));
                    }
                }
            }
        }
        missing
    }
}

fn list(name: &str, words: &[&str]) -> Arc<Corpus> {
    let mut corpus = Corpus::new(name);
    corpus.words.extend(words.iter().map(|&word| Word { text: word.into(), categories: Vec::new() }));
    Arc::new(corpus)
}

#[derive(Clone, Debug)]
enum Act {
    Type(&'static str),
    Ask(&'static str),
    NextPrompt,
    AllPrompts,
    /// Three lists of as many words, and a shorter one.
    List(usize),
    Flip,
    Show(char),
    Cancel,
    GoOn,
    Close,
    Open(&'static str),
    /// The engine works, and what it tells is taken in late.
    Work(usize),
    Hear(usize),
    Idle,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => prop::sample::select(vec!["wibble", "flarn", "love", " love", "~nothing", "freedom", "quux"]).prop_map(Act::Type),
        1 => prop::sample::select(vec!["Good?", "Bad?"]).prop_map(Act::Ask),
        1 => Just(Act::NextPrompt),
        1 => Just(Act::AllPrompts),
        2 => (0..4usize).prop_map(Act::List),
        2 => Just(Act::Flip),
        1 => prop::sample::select(vec!['1', '2', '3', '4', '5']).prop_map(Act::Show),
        2 => Just(Act::Cancel),
        1 => Just(Act::GoOn),
        1 => Just(Act::Close),
        1 => prop::sample::select(vec!["third-llama", FAILS_ONCE]).prop_map(Act::Open),
        4 => (1..6usize).prop_map(Act::Work),
        4 => (1..6usize).prop_map(Act::Hear),
        3 => Just(Act::Idle),
    ]
}

fn perform(session: &mut Session, act: &Act) {
    // Only where it must be: a view that comes up states a plan by itself.
    let needs_table = matches!(act, Act::Type(_) | Act::Ask(_) | Act::NextPrompt | Act::AllPrompts | Act::Flip | Act::GoOn);
    if needs_table && !session.app.shows_table() {
        session.keys("1");
    }
    match act {
        Act::Type(word) => {
            session.keys("w");
            session.keys(word);
            session.code(KeyCode::Enter);
            session.code(KeyCode::Esc);
        }
        Act::Ask(prompt) => {
            session.keys("p");
            session.keys(prompt);
            session.code(KeyCode::Enter);
        }
        Act::NextPrompt => session.keys("]"),
        Act::AllPrompts => session.keys("a"),
        Act::List(at) => {
            let lists: [&[&str]; 4] = [&["a", "b", "c"], &["d", "e", "f"], &["love", "x", "~y"], &["wibble"]];
            session.send(Message::Corpus(Ok(list(&format!("list{at}"), lists[*at]))));
        }
        Act::Flip => session.code(KeyCode::Tab),
        Act::Show(view) => session.keys(&view.to_string()),
        Act::Cancel => (0..4).for_each(|_| session.code(KeyCode::Esc)),
        Act::GoOn => session.keys("r"),
        Act::Close => session.keys("4x1"),
        Act::Open(name) => {
            let source = ModelSource::Directory((*name).into());
            let spec = ModelSpec { name: (*name).to_owned(), source, family: Family::Llama };
            session.send(Message::Resolved(Ok(vec![spec])));
        }
        Act::Work(steps) => (0..*steps).for_each(|_| {
            session.engine.step();
        }),
        Act::Hear(events) => session.deliver(*events),
        Act::Idle => session.run(),
    }
}

fn pair() -> Session {
    let models = vec![demo("demo-llama"), demo("demo-gemma")];
    Session::new(Startup { models, corpus: Some(list("first", &["love", "power"])), ..startup(SIZE) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_word_that_can_be_scored_is_once_the_engine_is_idle(acts in prop::collection::vec(act(), 1..24)) {
        let mut session = pair();
        for act in &acts {
            perform(&mut session, act);
        }
        session.run();
        // What the user cancelled waits for a word of theirs.
        if session.app.paused {
            (0..4).for_each(|_| session.code(KeyCode::Esc));
            session.keys("1r");
            session.run();
        }
        prop_assert!(session.missing().is_empty(), "{:?}", session.missing());
    }
}

#[test]
fn words_typed_one_after_the_other_are_each_scored() {
    let mut session = pair();
    session.run();
    for word in ["wibble", "flarn", "quux", "blorp", "zang"] {
        perform(&mut session, &Act::Type(word));
        session.run();
        assert_eq!(session.missing(), [] as [&str; 0], "{word}");
    }
}

#[test]
fn another_list_of_as_many_words_is_another_plan() {
    let mut driver = Driver::scored_pair(SIZE);
    let asked =
        |driver: &Driver| driver.plan.first().map(|job| job.words.iter().map(|(_, text)| text.to_string()).collect::<Vec<_>>());
    driver.send(Message::Corpus(Ok(list("one", &["a", "b"]))));
    assert_eq!(asked(&driver), Some(vec!["a".to_owned(), "b".to_owned()]));
    driver.send(Message::Corpus(Ok(list("two", &["c", "d"]))));
    assert_eq!(asked(&driver), Some(vec!["c".to_owned(), "d".to_owned()]));
}

#[test]
fn a_word_typed_while_a_load_is_cancelled_brings_the_model_back() {
    let mut session = pair();
    // The first model is being loaded.
    session.deliver(usize::MAX);
    session
        .send(Message::Engine(Event::Phase { model: LLAMA, phase: Phase::Loading { done_bytes: 1, total_bytes: 2, fit: None } }));
    session.code(KeyCode::Esc);
    assert!(session.app.paused);
    perform(&mut session, &Act::Type("wibble"));
    session.run();
    assert_eq!(session.missing(), [] as [&str; 0]);
}

#[test]
fn words_are_not_called_unscored_before_the_table_knows_of_their_scores() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    driver.slow = true;
    driver.score_plan();
    let text = driver.text();
    assert!(text.contains("ranking 27 words") && !text.contains("without score"), "{text}");
    driver.slow = false;
    while !driver.waiting.is_empty() {
        driver.rank_waiting();
    }
    assert!(driver.text().contains("◆ 27 words scored"), "{}", driver.text());
}
