//! The worker by itself: memory as a test says that it is, steps as a test makes them.

use super::*;
use crate::base::terms::WordId;
use crate::engine::fit;
use crate::sources::bundled;
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
    let mut worker = Worker::new(receiver, told, Arc::default(), StoreAdapter::default());
    let looks = Mutex::new(VecDeque::from(available.to_vec()));
    worker.available = Box::new(move |_| Some(lock(&looks).pop_front().unwrap_or(u64::MAX)));
    worker.step = step;
    for (id, name) in bundled::BUNDLED.map(|model| model.name).into_iter().enumerate() {
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
        read_tokens: false,
        readings: Default::default(),
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

fn scores_of(events: &[Event]) -> Vec<(u32, u32, u32, f64)> {
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
    // The first fits; the second only after the first is dropped; the first again only after the second is. Each load is
    // followed by a look at what it has left.
    let events = run(&[u64::MAX, u64::MAX, 0, u64::MAX, u64::MAX, 0, u64::MAX], 6);
    assert_eq!(loads(&events), [0, 1, 0]);
}

/// What the demonstration models take at least: together with their working memory, and that alone.
fn least(name: &'static str) -> (u64, u64) {
    let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
    let estimate = checkpoint::estimate(&files, &LoadOptions::default()).unwrap();
    (fit::least_bytes(&estimate), fit::least_working_bytes(&estimate.config))
}

#[test]
fn two_models_that_fit_with_small_batches_stay_together() {
    let events = run(&[u64::MAX, u64::MAX, least("demo-gemma").0 + (1 << 20), least("demo-llama").1], 6);
    assert_eq!(loads(&events), [0, 1], "nothing is loaded again");
    let fits = events.iter().filter_map(|event| match event {
        Event::Phase { model, phase: Phase::Loading { fit, .. } } => Some((model.0, fit.as_ref()?.most_nodes)),
        _ => None,
    });
    let mut fits: Vec<(u32, usize)> = fits.collect();
    fits.dedup();
    assert!(matches!(fits[..], [(0, 512), (1, nodes)] if nodes < 512), "{fits:?}");
    assert_eq!(scores_of(&events), scores_of(&run(&[], 6)));
}

#[test]
fn a_model_stays_loaded_where_to_drop_it_would_not_make_room_for_the_other() {
    // The first has taken all that there is, in its smallest form, and the second takes more than that.
    let [llama, gemma] = ["demo-llama", "demo-gemma"].map(|name| least(name).0);
    assert!(llama < gemma, "else the other way round");
    let events = run(&[llama, 0, 0], 4);
    assert!(failure_of(&events, ModelId(1)).is_some_and(|why| why.contains("0 B is free")));
    assert_eq!(loads(&events), [0]);
    assert_eq!(scores_of(&events).len(), 4);
}

#[test]
fn a_model_that_made_room_and_finds_none_waits_with_what_it_has_and_goes_on() {
    // As above, but what the second held is another program's by then, for two looks.
    let events = run(&[u64::MAX, u64::MAX, 0, u64::MAX, u64::MAX, 0, 0, 0], 6);
    assert_eq!((failure_of(&events, ModelId(0)), loads(&events)), (None, vec![0, 1, 0]));
    let waits = events.iter().filter(|event| match event {
        Event::Phase { model, phase: Phase::WaitingForMemory { needed_bytes, free_bytes } } => {
            assert_eq!((model.0, *needed_bytes, *free_bytes), (0, least("demo-llama").0, 0));
            true
        }
        _ => false,
    });
    assert_eq!(waits.count(), 2);
    assert_eq!(scores_of(&events), scores_of(&run(&[], 6)));
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
    assert!(failure.contains("no memory for one word") && failure.contains("device cpu"), "{failure}");
}
