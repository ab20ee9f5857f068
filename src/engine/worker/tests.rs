//! The worker by itself: memory as a test says that it is, steps as a test makes them.

use super::*;
use crate::model::bundled;
use crate::scores::WordId;
use std::collections::VecDeque;
use std::sync::mpsc::channel;

/// Opens the bundled pair, plans one job of each and then another of the first, with memory as `available` says at each
/// look; the events until so many scores have come.
fn run(available: &[u64], scores: usize) -> Vec<Event> {
    run_until(available, Box::new(Batches::step), |events| scored(events) >= scores)
}

fn run_until(available: &[u64], step: StepFn, is_enough: impl Fn(&[Event]) -> bool) -> Vec<Event> {
    let (requests, receiver) = channel();
    let (sender, events) = channel();
    let told: Events = Arc::new(move |event| drop(sender.send(event)));
    let mut worker = Worker::new(receiver, told, Arc::default(), Keeper::default());
    let looks = Mutex::new(VecDeque::from(available.to_vec()));
    worker.available = Box::new(move |_| Some(lock(&looks).pop_front().unwrap_or(u64::MAX)));
    worker.step = step;
    for (id, name) in bundled::NAMES.into_iter().enumerate() {
        let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
        let label = SourceLabel { name: name.to_owned(), ..SourceLabel::default() };
        let request = Request::Open { model: ModelId(id as u32), files, label, options: LoadOptions::default() };
        requests.send(request).unwrap();
    }
    let job = |model, prompt| Job {
        model: ModelId(model),
        prompt: PromptId(prompt),
        prompt_text: "What is best?".into(),
        words: vec![(WordId(0), "love".into()), (WordId(1), "hate".into())],
        token_ids: Vec::new(),
        tokens: false,
    };
    requests.send(Request::Plan(vec![job(0, 0), job(1, 0), job(0, 1)])).unwrap();
    let worker = std::thread::spawn(move || worker.run());
    let mut seen = Vec::new();
    while !is_enough(&seen) {
        seen.push(events.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    requests.send(Request::Stop).unwrap();
    worker.join().unwrap();
    seen
}

fn failure_of(events: &[Event], of: ModelId) -> Option<String> {
    events.iter().find_map(|event| match event {
        Event::Phase { model, phase: Phase::Failed(message) } if *model == of => Some(message.clone()),
        _ => None,
    })
}

fn exhausted() -> ModelError {
    candle_core::Error::Cuda(r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#.into()).into()
}

fn loads(events: &[Event]) -> Vec<u32> {
    events.iter().filter_map(|event| if let Event::Ready { model, .. } = event { Some(model.0) } else { None }).collect()
}

fn scores_of(events: &[Event]) -> Vec<(u32, u32, u32, f32)> {
    let mut scores = Vec::new();
    for event in events {
        if let Event::Scores { model, prompt, scores: told } = event {
            scores.extend(told.iter().map(|(word, score)| (model.0, prompt.0, word.0, *score)));
        }
    }
    scores.sort_by_key(|(model, prompt, word, _)| (*model, *prompt, *word));
    scores
}

fn scored(events: &[Event]) -> usize {
    events.iter().map(|event| if let Event::Scores { scores, .. } = event { scores.len() } else { 0 }).sum()
}

#[test]
fn models_stay_loaded_together_where_memory_allows() {
    let events = run(&[], 6);
    assert_eq!(loads(&events), [0, 1]);
}

#[test]
fn where_memory_is_short_models_take_turns_and_every_score_comes() {
    // The first fits; the second only after the first is dropped; the first again only after the second is.
    let events = run(&[u64::MAX, 0, u64::MAX, 0, u64::MAX], 6);
    assert_eq!(loads(&events), [0, 1, 0]);
}

#[test]
fn a_model_that_never_fits_is_refused_with_numbers_and_the_other_is_scored() {
    let events = run(&[0], 2);
    let refusal = failure_of(&events, ModelId(0)).expect("the first model is refused");
    assert!(refusal.contains("demo-llama: needs about") && refusal.contains("0 B is free"), "{refusal}");
    assert_eq!(loads(&events), [1]);
}

#[test]
fn a_full_device_gets_smaller_batches_until_one_fits_and_every_score_comes() {
    let tried: Arc<Mutex<Vec<usize>>> = Arc::default();
    let steps = tried.clone();
    let events = run_until(
        &[],
        Box::new(move |batches, model, prefix, cancel| {
            if batches.job().model == ModelId(0) {
                lock(&steps).push(batches.nodes());
            }
            if batches.nodes() > 3 { Err(exhausted()) } else { batches.step(model, prefix, cancel) }
        }),
        |events| scored(events) >= 6,
    );
    assert_eq!(loads(&events), [0, 1], "nothing is loaded again");
    let tried = lock(&tried);
    assert_eq!(tried[..4], [24, 12, 6, 3]);
    assert!(tried[4..].iter().all(|nodes| *nodes <= 3), "what is learnt holds for the model's next prompt: {tried:?}");
    let (small, full) = (scores_of(&events), scores_of(&run(&[], 6)));
    assert_eq!(small.len(), 6);
    assert_eq!(small, full, "to the bit, whatever the size of a batch");
}

#[test]
fn a_device_without_memory_for_a_single_word_fails_clearly_and_the_other_model_goes_on() {
    let events = run_until(
        &[],
        Box::new(
            |batches, model, prefix, cancel| {
                if batches.job().model == ModelId(0) { Err(exhausted()) } else { batches.step(model, prefix, cancel) }
            },
        ),
        |events| scored(events) >= 2,
    );
    let failure = failure_of(&events, ModelId(0)).expect("the first model fails");
    assert!(failure.contains("no memory for one word") && failure.contains("--device cpu"), "{failure}");
}
