//! The engine from outside: plans, cancelling, failing, and scores that depend on nothing but model, prompt and word.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rewardscope::base::terms::{ModelId, PromptId, WordId};
use rewardscope::catalogue::Catalogue;
use rewardscope::engine::{Badge, Engine, Event, InspectRequest, Inspection, Job, Phase};
use rewardscope::model::LoadOptions;
use rewardscope::sources::resolve as source;
use rewardscope::sources::resolve::ModelSpec;

/// Long enough for a slow machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);
const LLAMA: ModelId = ModelId(0);
const GEMMA: ModelId = ModelId(1);

struct Bench {
    engine: Engine,
    events: Receiver<Event>,
    scores: HashMap<(ModelId, PromptId, WordId), f64>,
    /// How often a word was scored.
    times: HashMap<(ModelId, PromptId, WordId), usize>,
    phases: HashMap<ModelId, Phase>,
}

impl Bench {
    fn new() -> Self {
        let (sender, events) = channel();
        let catalogue = Arc::new(Catalogue::builtin().expect("the catalogue"));
        let engine = Engine::start(catalogue, Arc::new(move |event| drop(sender.send(event)))).expect("a thread");
        Bench { engine, events, scores: HashMap::new(), times: HashMap::new(), phases: HashMap::new() }
    }

    fn open(&self, model: ModelId, name: &str) {
        self.engine.open(model, &spec(name), LoadOptions::default());
    }

    /// Takes events in until `done` says so.
    #[track_caller]
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            let left = PATIENCE.checked_sub(started.elapsed()).unwrap_or_default();
            let Ok(event) = self.events.recv_timeout(left) else { panic!("{what} did not come; phases: {:?}", self.phases) };
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Scores { model, prompt, scores } => {
                for (word, score) in scores {
                    self.scores.insert((model, prompt, word), score);
                    *self.times.entry((model, prompt, word)).or_default() += 1;
                }
            }
            Event::Phase { model, phase } => {
                self.phases.insert(model, phase);
            }
            _ => {}
        }
    }

    /// The next word that was taken apart.
    #[track_caller]
    fn inspection(&mut self) -> Inspection {
        loop {
            match self.events.recv_timeout(PATIENCE).expect("an event") {
                Event::Inspected { inspection, .. } => return *inspection.expect("a tokenizer"),
                event => self.take(event),
            }
        }
    }

    fn scored(&self, model: ModelId) -> usize {
        self.scores.keys().filter(|(of, _, _)| *of == model).count()
    }
}

fn spec(name: &str) -> ModelSpec {
    source::resolve(name, &Catalogue::builtin().expect("the catalogue")).expect("a model").remove(0)
}

fn job(model: ModelId, prompt: u32, words: &[String]) -> Job {
    let prompts = ["What, in one word, is the greatest thing ever?", "What, in one word, is the worst thing in the world?"];
    let words = words.iter().enumerate().map(|(i, word)| (WordId(i as u32), word.as_str().into())).collect();
    Job {
        model,
        prompt: PromptId(prompt),
        prompt_text: prompts[prompt as usize].into(),
        words,
        token_ids: Vec::new(),
        tokens: false,
        read_tokens: false,
        readings: Default::default(),
    }
}

fn words(n: usize) -> Vec<String> {
    let stems = ["love", "free", "freedom", "victory", "murder", "kind", "kindness", "friend", "power", "trust"];
    (0..n).map(|i| format!("{}{}", stems[i % stems.len()], if i < stems.len() { String::new() } else { i.to_string() })).collect()
}

#[test]
fn two_models_are_scored_and_stay() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    bench.open(GEMMA, "demo-gemma");
    let words = words(50);
    bench.engine.plan(vec![job(LLAMA, 0, &words), job(GEMMA, 0, &words), job(LLAMA, 1, &words)]);
    bench.until("all scores", |b| b.scored(LLAMA) == 100 && b.scored(GEMMA) == 50);
    assert!(bench.times.values().all(|times| *times == 1), "a word was scored twice");
    assert!(bench.scores.values().all(|score| score.is_finite()));
    let differ =
        (0..50).filter(|i| bench.scores[&(LLAMA, PromptId(0), WordId(*i))] != bench.scores[&(LLAMA, PromptId(1), WordId(*i))]);
    assert!(differ.count() > 40, "prompts change scores");
}

#[test]
fn batches_order_and_company_change_no_score() {
    let words = words(300);
    let mut together = Bench::new();
    together.open(GEMMA, "demo-gemma");
    together.engine.plan(vec![job(GEMMA, 0, &words)]);
    together.until("all scores", |b| b.scored(GEMMA) == 300);

    let mut apart = Bench::new();
    apart.open(GEMMA, "demo-gemma");
    for (i, word) in words.iter().enumerate().step_by(37) {
        let mut single = job(GEMMA, 0, std::slice::from_ref(word));
        single.words[0].0 = WordId(i as u32);
        let before = apart.scored(GEMMA);
        apart.engine.plan(vec![single]);
        apart.until("one score", |b| b.scored(GEMMA) == before + 1);
    }
    for (key, alone) in &apart.scores {
        let among = together.scores[key];
        assert!((alone - among).abs() < 1e-5, "{:?}: {alone} alone, {among} among others", key.2);
    }
}

#[test]
fn a_newer_plan_replaces_the_older_and_scores_no_word_twice() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    let words = words(6000);
    bench.engine.plan(vec![job(LLAMA, 0, &words)]);
    bench.until("some scores", |b| b.scored(LLAMA) > 100);
    // The same job, among others, goes on where it was.
    bench.engine.plan(vec![job(LLAMA, 0, &words), job(LLAMA, 1, &words[..10])]);
    bench.until("some more", |b| b.scored(LLAMA) > 1000);
    // Another job comes first.
    bench.engine.plan(vec![job(LLAMA, 1, &words[..10])]);
    bench.until("the other prompt", |b| b.scores.keys().filter(|key| key.1 == PromptId(1)).count() == 10);
    assert!(bench.times.values().all(|times| *times == 1), "a word was scored twice");
    assert!(bench.scores.keys().filter(|key| key.1 == PromptId(0)).count() < 6000, "the older plan was dropped");
}

#[test]
fn an_empty_plan_stops_scoring() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    bench.engine.plan(vec![job(LLAMA, 0, &words(20_000))]);
    bench.until("some scores", |b| b.scored(LLAMA) > 100);
    bench.engine.plan(Vec::new());
    bench.until("idle", |b| b.phases.get(&LLAMA) == Some(&Phase::Idle));
    let scored = bench.scored(LLAMA);
    assert!(scored < 20_000);
    while let Ok(event) = bench.events.recv_timeout(Duration::from_millis(300)) {
        bench.take(event);
    }
    assert_eq!(bench.scored(LLAMA), scored, "scores came after the stop");
}

#[test]
fn a_model_that_fails_leaves_the_rest_working_and_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.json"), "{").expect("a file");
    let mut bench = Bench::new();
    bench.open(LLAMA, folder.path().to_str().expect("UTF-8"));
    bench.open(GEMMA, "demo-gemma");
    let words = words(5);
    bench.engine.plan(vec![job(LLAMA, 0, &words), job(GEMMA, 0, &words)]);
    bench.until("the failure and the scores", |b| matches!(b.phases.get(&LLAMA), Some(Phase::Failed(_))) && b.scored(GEMMA) == 5);
    bench.open(LLAMA, "demo-llama");
    bench.engine.plan(vec![job(LLAMA, 0, &words)]);
    bench.until("scores after a second try", |b| b.scored(LLAMA) == 5);
}

#[test]
fn a_closed_model_is_scored_no_more() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    bench.open(GEMMA, "demo-gemma");
    bench.engine.plan(vec![job(LLAMA, 0, &words(20_000)), job(GEMMA, 0, &words(30))]);
    bench.until("some scores", |b| b.scored(LLAMA) > 50);
    bench.engine.close(LLAMA);
    bench.until("the other model's scores", |b| b.scored(GEMMA) == 30);
    assert!(bench.scored(LLAMA) < 20_000);
}

#[test]
fn a_word_is_taken_apart_while_others_are_scored() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    let request = InspectRequest {
        model: LLAMA,
        prompt_text: "What, in one word, is the greatest thing ever?".into(),
        word: " love".into(),
        company: vec!["love".into(), "hate".into()],
        load: false,
    };
    // Before anything is loaded, and in the middle of a long run.
    bench.engine.inspect(request.clone());
    let first = bench.inspection();
    bench.engine.plan(vec![job(LLAMA, 0, &words(20_000))]);
    bench.until("some scores", |b| b.scored(LLAMA) > 100);
    bench.engine.inspect(request);
    let second = bench.inspection();
    assert!(bench.scored(LLAMA) < 20_000, "the answer did not wait for the end");
    assert_eq!(first, second);
    assert_eq!(second.badges, [Badge::Trimmed, Badge::SameTokens(vec!["love".into()])]);
    assert_eq!(&second.rendered[second.word.clone()], "love");
    assert_eq!(second.pooled.map(|at| at + 1), Some(second.tokens.len()));
    assert!(second.shared > 10 && second.shared < second.tokens.len(), "{second:?}");
}

#[test]
fn a_word_without_tokens_is_named_and_the_others_are_scored() {
    let mut bench = Bench::new();
    bench.open(LLAMA, "demo-llama");
    let words = ["love".to_owned(), String::new(), "hate".to_owned()];
    bench.engine.plan(vec![job(LLAMA, 0, &words)]);
    let mut named = Vec::new();
    while bench.scored(LLAMA) < 2 {
        match bench.events.recv_timeout(PATIENCE).expect("an event") {
            Event::Unscorable { words, .. } => named.extend(words.into_iter().map(|(word, _)| word)),
            event => bench.take(event),
        }
    }
    assert_eq!(named, [WordId(1)]);
}

/// As where code that knows no cancel flag loops for ever: here it is whoever takes the events.
#[test]
fn a_worker_that_is_stuck_does_not_hold_up_the_end() {
    let catalogue = Arc::new(Catalogue::builtin().expect("the catalogue"));
    let (sender, events) = channel();
    let stuck = move |event| {
        let _ = sender.send(event);
        if std::thread::current().name() == Some("model") {
            loop {
                std::thread::park();
            }
        }
    };
    let engine = Engine::start(catalogue, Arc::new(stuck)).expect("a thread");
    engine.open(LLAMA, &spec("demo-llama"), LoadOptions::default());
    events.recv_timeout(PATIENCE).expect("the worker tells of the model, and is stuck");
    let (ended, end) = channel();
    std::thread::spawn(move || {
        drop(engine);
        let _ = ended.send(());
    });
    end.recv_timeout(PATIENCE).expect("the end comes all the same");
}
