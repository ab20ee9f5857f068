//! Implicit rewards as a model like any other: what is asked of a pair goes to both language models, and what they tell
//! comes back as one score.
//!
//! Stands between the rest of the program and the worker: the worker knows the two parts, each under an id of its own that
//! nobody else sees; the rest knows the pair. A part may be recorded. Log-probabilities are joined in f64.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::events::{Events, lock};
use super::{Event, Job, Phase};
use crate::base::terms::{Family, Measure, ModelId, PromptId, Unit, WordId};
use crate::model::{ModelInfo, Policies, Provenance, Stated};
use crate::recorded::scores::Recorded;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// A model that is not of the kind that an implicit reward is made of.
pub fn refusal(name: &str, what: &str) -> String {
    format!(
        "{name}: {what}. An implicit reward is of two language models (a …ForCausalLM checkpoint, a GGUF file, or recorded log-probabilities): name those"
    )
}

/// Log-probabilities in a file, by text of the prompt and word.
type Columns = HashMap<Arc<str>, HashMap<Arc<str>, f64>>;

/// One of the two models.
struct Part {
    id: ModelId,
    name: String,
    recorded: bool,
    /// Of a recorded part, once read.
    columns: Option<Columns>,
    info: Option<ModelInfo>,
    /// Nothing is being done for it.
    idle: bool,
}

struct Pair {
    measure: Measure,
    parts: [Part; 2],
    /// Asked, and not to be answered before a file is read.
    waiting: Vec<Job>,
    /// Log-probabilities of words that only one part has given so far; NaN for the other part.
    known: HashMap<(PromptId, WordId), [f64; 2]>,
    given_up: HashSet<(PromptId, WordId)>,
    /// The texts of the ids in the last jobs.
    prompts: HashMap<PromptId, Arc<str>>,
    words: HashMap<WordId, Arc<str>>,
    ready: bool,
    failed: bool,
}

#[derive(Default)]
struct PairState {
    pairs: HashMap<ModelId, Pair>,
    /// The pair that a part belongs to, and its side.
    parts: HashMap<ModelId, (ModelId, usize)>,
}

/// All pairs that are open.
pub(super) struct ImplicitPairs {
    state: Mutex<PairState>,
    events: Events,
}

impl ImplicitPairs {
    pub(super) fn new(events: Events) -> Arc<Self> {
        Arc::new(ImplicitPairs { state: Mutex::default(), events })
    }

    /// Where the worker and the readers of files send their events.
    pub(super) fn sink(self: &Arc<Self>) -> Events {
        let pairs = self.clone();
        Arc::new(move |event| pairs.take(event))
    }

    /// Makes a pair known; its parts are then to be opened under the ids given back.
    pub(super) fn open(&self, model: ModelId, measure: Measure, specs: &[ModelSpec; 2]) -> [ModelId; 2] {
        let mut state = lock(&self.state);
        // Opened again: the parts keep their ids, and so the log-probabilities that are known.
        let ids = match state.pairs.remove(&model) {
            Some(before) => before.parts.map(|part| part.id),
            // From the end, where the rest of the program does not come.
            None => [0, 1].map(|side| ModelId(u32::MAX - state.parts.len() as u32 - side)),
        };
        for (side, id) in ids.into_iter().enumerate() {
            state.parts.insert(id, (model, side));
        }
        let part = |side: usize| Part {
            id: ids[side],
            name: specs[side].name.clone(),
            recorded: matches!(specs[side].source, ModelSource::Recorded(_)),
            columns: None,
            info: None,
            idle: true,
        };
        let parts = [part(0), part(1)];
        let (waiting, known, given_up, prompts, words) = Default::default();
        let (ready, failed) = (false, false);
        state.pairs.insert(model, Pair { measure, parts, waiting, known, given_up, prompts, words, ready, failed });
        ids
    }

    /// The models that the worker knows `model` as.
    pub(super) fn behind(&self, model: ModelId) -> Vec<ModelId> {
        match lock(&self.state).pairs.get(&model) {
            Some(pair) => pair.parts.iter().map(|part| part.id).collect(),
            None => vec![model],
        }
    }

    pub(super) fn close(&self, model: ModelId) {
        // The ids of its parts stay taken, and lead nowhere.
        lock(&self.state).pairs.remove(&model);
    }

    /// The plan with the parts' jobs in place of the pairs'. Scores that recorded parts give are sent at once.
    pub(super) fn plan(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut told = Vec::new();
        let mut plan = Vec::with_capacity(jobs.len());
        let mut state = lock(&self.state);
        for pair in state.pairs.values_mut() {
            pair.waiting.clear();
            pair.parts.iter_mut().for_each(|part| part.idle = true);
        }
        let mut asked = Vec::new();
        for job in jobs {
            match state.pairs.get_mut(&job.model) {
                None => plan.push(job),
                Some(pair) if pair.failed => {}
                Some(pair) => {
                    asked.push(job.model);
                    plan.extend(pair.ask(job, &mut told));
                }
            }
        }
        for model in asked {
            told.extend(state.pairs.get(&model).and_then(|pair| pair.idle(model)));
        }
        drop(state);
        told.into_iter().for_each(|event| (self.events)(event));
        plan
    }

    fn take(&self, event: Event) {
        let mut told = Vec::new();
        {
            let mut state = lock(&self.state);
            match event.model().and_then(|model| state.parts.get(&model).copied()) {
                None => told.push(event),
                Some((model, side)) => {
                    if let Some(pair) = state.pairs.get_mut(&model).filter(|pair| !pair.failed) {
                        pair.take(model, side, event, &mut told);
                    }
                }
            }
        }
        told.into_iter().for_each(|event| (self.events)(event));
    }
}

impl Pair {
    /// Jobs for the live parts. Scores that are known already are sent.
    fn ask(&mut self, job: Job, told: &mut Vec<Event>) -> Vec<Job> {
        self.renew(&job);
        for (word, _) in &job.words {
            self.given_up.remove(&(job.prompt, *word));
        }
        for side in [0, 1] {
            self.answer_from_file(&job, side, told);
        }
        let mut jobs = Vec::new();
        for side in [0, 1] {
            let part = &mut self.parts[side];
            if part.recorded {
                continue;
            }
            let known = |word: &WordId| {
                let key = (job.prompt, *word);
                self.given_up.contains(&key) || self.known.get(&key).is_some_and(|values| !values[side].is_nan())
            };
            let words: Vec<_> = job.words.iter().filter(|(word, _)| !known(word)).cloned().collect();
            if !words.is_empty() {
                part.idle = false;
                jobs.push(Job::new(part.id, job.prompt, job.prompt_text.clone(), words));
            }
        }
        if self.parts.iter().any(|part| part.recorded && part.columns.is_none()) {
            self.waiting.push(job);
        }
        jobs
    }

    /// Forgets what is known of ids that mean another text than in the last job: a caller with several lists of words may number
    /// each of them from 0.
    fn renew(&mut self, job: &Job) {
        let is_other = |before: Option<Arc<str>>, now: &Arc<str>| before.is_some_and(|before| before != *now);
        let prompt = is_other(self.prompts.insert(job.prompt, job.prompt_text.clone()), &job.prompt_text);
        let words = job.words.iter().filter(|(word, text)| is_other(self.words.insert(*word, text.clone()), text));
        let words: HashSet<WordId> = words.map(|(word, _)| *word).collect();
        if prompt || !words.is_empty() {
            let holds = |(of, word): &(PromptId, WordId)| !(prompt && *of == job.prompt || words.contains(word));
            self.known.retain(|key, _| holds(key));
            self.given_up.retain(holds);
        }
    }

    /// What a recorded part knows of a job.
    fn answer_from_file(&mut self, job: &Job, side: usize, told: &mut Vec<Event>) {
        let Some(columns) = self.parts[side].columns.take() else { return };
        let column = columns.get(&job.prompt_text);
        let (found, missing): (Vec<_>, Vec<_>) = job
            .words
            .iter()
            .map(|(word, text)| (*word, text, column.and_then(|column| column.get(text))))
            .partition(|x| x.2.is_some());
        let found = found.into_iter().filter_map(|(word, _, log)| Some((word, *log?))).collect();
        let name = self.parts[side].name.clone();
        let why = |text: &str| format!("'{text}' has no recorded log-probability in {name} under '{}'", job.prompt_text);
        let missing = missing.into_iter().map(|(word, text, _)| (word, why(text))).collect();
        self.parts[side].columns = Some(columns);
        self.tell_scores(job.model, job.prompt, side, found, told);
        self.tell_unscorable(job.model, job.prompt, missing, told);
    }

    fn take(&mut self, model: ModelId, side: usize, event: Event, told: &mut Vec<Event>) {
        match event {
            Event::Scores { prompt, scores, .. } => {
                self.tell_scores(model, prompt, side, scores, told);
            }
            Event::Unscorable { prompt, words, .. } => self.tell_unscorable(model, prompt, words, told),
            Event::Ready { info, .. } => {
                if info.provenance.unit != Unit::Nats && !info.provenance.recorded {
                    return self.fail(model, refusal(&self.parts[side].name, "is a reward model"), told);
                }
                self.parts[side].info = Some(*info);
                if let ([Some(a), Some(b)], false) = (self.parts.each_ref().map(|part| part.info.as_ref()), self.ready) {
                    told.push(Event::Ready { model, info: Box::new(together(self.measure, a, b)) });
                    self.ready = true;
                }
            }
            Event::Recorded { recorded, .. } => match columns(&recorded) {
                Ok(columns) => {
                    self.parts[side].columns = Some(columns);
                    let waiting = self.waiting.clone();
                    for job in &waiting {
                        self.answer_from_file(job, side, told);
                    }
                    if self.parts.iter().all(|part| !part.recorded || part.columns.is_some()) {
                        self.waiting.clear();
                        told.extend(self.idle(model));
                    }
                }
                Err(what) => self.fail(model, refusal(&self.parts[side].name, &what), told),
            },
            Event::Phase { phase: Phase::Idle, .. } => {
                self.parts[side].idle = true;
                told.extend(self.idle(model));
            }
            Event::Phase { phase: Phase::Failed(why), .. } => self.fail(model, why, told),
            Event::Phase { phase, .. } => told.push(Event::Phase { model, phase: self.phase(side, phase) }),
            Event::Inspected { prompt_text, word, inspection, .. } => {
                told.push(Event::Inspected { model, prompt_text, word, inspection });
            }
            // A pair's scores are kept in no store; the other events are answers to nothing that a part is asked.
            Event::Key { .. } | Event::Vocabulary { .. } | Event::Tokens { .. } | Event::Read { .. } | Event::Notice { .. } => {}
        }
    }

    fn tell_scores(&mut self, model: ModelId, prompt: PromptId, side: usize, logs: Vec<(WordId, f64)>, told: &mut Vec<Event>) {
        let mut scores = Vec::new();
        for (word, log) in logs {
            let key = (prompt, word);
            let values = self.known.entry(key).or_insert([f64::NAN; 2]);
            values[side] = log;
            if values.iter().all(|value| !value.is_nan()) {
                scores.push((word, self.measure.of(values[0], values[1])));
                self.known.remove(&key);
            }
        }
        if !scores.is_empty() {
            told.push(Event::Scores { model, prompt, scores });
        }
    }

    /// A word that one part cannot be asked is reported once.
    fn tell_unscorable(&mut self, model: ModelId, prompt: PromptId, words: Vec<(WordId, String)>, told: &mut Vec<Event>) {
        let words: Vec<_> = words.into_iter().filter(|(word, _)| self.given_up.insert((prompt, *word))).collect();
        if !words.is_empty() {
            told.push(Event::Unscorable { model, prompt, words });
        }
    }

    fn fail(&mut self, model: ModelId, why: String, told: &mut Vec<Event>) {
        self.failed = true;
        told.push(Event::Phase { model, phase: Phase::Failed(why) });
    }

    fn idle(&self, model: ModelId) -> Option<Event> {
        let idle = self.parts.iter().all(|part| part.idle) && self.waiting.is_empty();
        idle.then_some(Event::Phase { model, phase: Phase::Idle })
    }

    /// A part's progress as the pair's: the first does the first half of the words' work, the second the other.
    fn phase(&self, side: usize, phase: Phase) -> Phase {
        let one = self.parts.iter().any(|part| part.recorded);
        match phase {
            Phase::Scoring { prompt, done, total, words_per_second, eta } if !one => {
                let at = if side == 0 { done } else { total + done };
                let behind = if side == 0 { total as f64 / words_per_second } else { 0.0 };
                Phase::Scoring { prompt, done: at / 2, total, words_per_second: words_per_second / 2.0, eta: eta + behind }
            }
            phase => phase,
        }
    }
}

/// The columns of a file, where they can be log-probabilities; else what they are.
fn columns(recorded: &Recorded) -> Result<Columns, String> {
    log_probabilities(recorded)?;
    let column =
        |scores: &Vec<f64>| recorded.words.iter().cloned().zip(scores.iter().copied()).filter(|(_, log)| !log.is_nan()).collect();
    Ok(recorded.prompts.iter().map(|prompt| prompt.text.clone()).zip(recorded.scores.iter().map(column)).collect())
}

/// Whether recorded scores can be log-probabilities: none is above 0, and not all are 0.
///
/// # Errors
/// What they are instead.
pub fn log_probabilities(recorded: &Recorded) -> Result<(), String> {
    let scores = || recorded.scores.iter().flatten();
    match scores().find(|score| **score > 0.0) {
        Some(above) => Err(format!("holds rewards, not log-probabilities, of which none is above 0: {above} is there")),
        None if scores().all(|score| *score == 0.0 || score.is_nan()) => Err("holds no log-probabilities".to_owned()),
        None => Ok(()),
    }
}

/// Family, provenance and memory of a pair, from those of its models. What both have in common is written once.
pub fn together(measure: Measure, a: &ModelInfo, b: &ModelInfo) -> ModelInfo {
    let both = |of: fn(&Provenance) -> String| match (of(&a.provenance), of(&b.provenance)) {
        (a, b) if a == b => a,
        (a, b) => format!("{a} / {b}"),
    };
    let source = |p: &Provenance| match &p.revision {
        Some(revision) => format!("{}@{revision}", p.source),
        None => p.source.clone(),
    };
    let notes = [a, b].into_iter().flat_map(|info| info.provenance.policies.notes.clone()).collect();
    let provenance = Provenance {
        source: format!("{}:{},{}", measure.key(), source(&a.provenance), source(&b.provenance)),
        revision: None,
        architecture: "implicit reward".to_owned(),
        dtype: Stated::of_both(a.provenance.dtype.clone(), b.provenance.dtype.clone()),
        device: Stated::of_both(a.provenance.device.clone(), b.provenance.device.clone()),
        bos: Stated::of_both(a.provenance.bos.clone(), b.provenance.bos.clone()),
        template: both(|p| p.template.clone()),
        head: both(|p| p.head.clone()),
        parameters: a.provenance.parameters + b.provenance.parameters,
        unit: match measure {
            Measure::Mwlr => Unit::Mwlr,
            Measure::LogRatio => Unit::LogRatio,
        },
        recorded: a.provenance.recorded && b.provenance.recorded,
        policies: Policies { notes, ..Policies::default() },
        parts: vec![a.provenance.clone(), b.provenance.clone()],
        ..Provenance::of_recorded(String::new())
    };
    let family = if a.family == b.family { a.family } else { Family::Other };
    ModelInfo { family, provenance, memory_bytes: a.memory_bytes + b.memory_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    const PAIR: ModelId = ModelId(7);

    fn spec(name: &str, recorded: bool) -> ModelSpec {
        let source = if recorded { ModelSource::Recorded(name.into()) } else { ModelSource::Directory(name.into()) };
        ModelSpec { name: name.to_owned(), source, family: Family::Other }
    }

    fn open(recorded: [bool; 2]) -> (Arc<ImplicitPairs>, [ModelId; 2], Receiver<Event>) {
        let (sender, events) = channel();
        let pairs = ImplicitPairs::new(Arc::new(move |event| drop(sender.send(event))));
        let ids = pairs.open(PAIR, Measure::LogRatio, &[spec("a", recorded[0]), spec("b", recorded[1])]);
        (pairs, ids, events)
    }

    fn job(words: &[&str]) -> Job {
        let words = words.iter().zip(0..).map(|(word, id)| (WordId(id), (*word).into())).collect();
        Job {
            model: PAIR,
            prompt: PromptId(3),
            prompt_text: "p?".into(),
            words,
            token_ids: Vec::new(),
            tokens: true,
            read_tokens: false,
            readings: Default::default(),
        }
    }

    fn scores(events: &Receiver<Event>) -> Vec<(u32, f64)> {
        let found = events.try_iter().filter_map(|event| match event {
            Event::Scores { model: PAIR, prompt: PromptId(3), scores } => Some(scores),
            _ => None,
        });
        found.flatten().map(|(word, score)| (word.0, score)).collect()
    }

    fn recorded(words: &[(&str, f64)]) -> Box<Recorded> {
        let prompt = crate::corpus::Prompt { key: None, text: "p?".into(), framing: None, factors: None };
        Box::new(Recorded {
            words: words.iter().map(|(word, _)| (*word).into()).collect(),
            prompts: vec![prompt],
            scores: vec![words.iter().map(|(_, log)| *log).collect()],
            notes: Vec::new(),
        })
    }

    #[test]
    fn a_score_is_told_when_both_parts_have_told_theirs_and_nothing_is_asked_twice() {
        let (pairs, [a, b], events) = open([false, false]);
        let plan = pairs.plan(vec![job(&["x", "y"])]);
        assert_eq!(
            plan.iter().map(|job| (job.model, job.words.len(), job.tokens)).collect::<Vec<_>>(),
            [(a, 2, false), (b, 2, false)]
        );
        let sink = pairs.sink();
        let prompt = PromptId(3);
        sink(Event::Scores { model: a, prompt, scores: vec![(WordId(0), -1.0), (WordId(1), -2.0)] });
        assert_eq!(scores(&events), []);
        let again: Vec<_> = pairs.plan(vec![job(&["x", "y"])]).into_iter().map(|job| job.model).collect();
        assert_eq!(again, [b], "A has told what it knows");
        sink(Event::Scores { model: b, prompt, scores: vec![(WordId(1), -0.5)] });
        assert_eq!(scores(&events), [(1, -1.5)]);
        for model in [a, b] {
            sink(Event::Unscorable { model, prompt, words: vec![(WordId(0), "why".to_owned())] });
        }
        assert_eq!(events.try_iter().count(), 1, "a word is given up once");
        // A has had nothing to do since the second plan.
        sink(Event::Phase { model: b, phase: Phase::Idle });
        assert!(matches!(events.try_recv(), Ok(Event::Phase { model: PAIR, phase: Phase::Idle })));
    }

    #[test]
    fn a_recorded_part_answers_when_it_is_read_and_says_what_it_lacks() {
        let (pairs, [a, b], events) = open([true, false]);
        let plan = pairs.plan(vec![job(&["x", "y"])]);
        assert_eq!(plan.iter().map(|job| job.model).collect::<Vec<_>>(), [b]);
        let sink = pairs.sink();
        sink(Event::Scores { model: b, prompt: PromptId(3), scores: vec![(WordId(0), -3.0)] });
        sink(Event::Recorded { model: a, recorded: recorded(&[("x", -1.0), ("z", -1.0)]) });
        let told: Vec<Event> = events.try_iter().collect();
        assert!(told.iter().any(|e| matches!(e, Event::Scores { scores, .. } if *scores == [(WordId(0), 2.0)])), "{told:?}");
        assert!(told.iter().any(|e| matches!(e, Event::Unscorable { words, .. } if words[0].0 == WordId(1))), "{told:?}");
    }

    #[test]
    fn an_id_that_stands_for_another_text_is_asked_of_both_parts_anew() {
        let (pairs, [a, b], events) = open([false, false]);
        let (sink, prompt) = (pairs.sink(), PromptId(3));
        pairs.plan(vec![job(&["x", "y"])]);
        // The first tells what it thinks of `x`; the second cannot be asked.
        sink(Event::Scores { model: a, prompt, scores: vec![(WordId(0), -1.0), (WordId(1), -2.0)] });
        sink(Event::Unscorable { model: b, prompt, words: vec![(WordId(0), "why".to_owned())] });
        let asked = |job| pairs.plan(vec![job]).into_iter().map(|job| (job.model, job.words.len())).collect::<Vec<_>>();
        assert_eq!(asked(job(&["z", "y"])), [(a, 1), (b, 2)], "`z` of both, `y` of the second alone");
        sink(Event::Scores { model: b, prompt, scores: vec![(WordId(0), -3.0), (WordId(1), -4.0)] });
        sink(Event::Scores { model: a, prompt, scores: vec![(WordId(0), -5.0)] });
        assert_eq!(scores(&events), [(1, 2.0), (0, -2.0)]);
        // The same word under another prompt of the same number.
        sink(Event::Scores { model: a, prompt, scores: vec![(WordId(1), -9.0)] });
        assert_eq!(asked(Job { prompt_text: "q?".into(), ..job(&["z", "y"]) }), [(a, 2), (b, 2)]);
    }

    #[test]
    fn two_recorded_parts_need_no_worker() {
        let (pairs, [a, b], events) = open([true, true]);
        let sink = pairs.sink();
        for (model, log) in [(a, -1.0), (b, -4.0)] {
            sink(Event::Recorded { model, recorded: recorded(&[("x", log)]) });
        }
        events.try_iter().count();
        assert!(pairs.plan(vec![job(&["x"])]).is_empty());
        let told: Vec<Event> = events.try_iter().collect();
        assert!(
            matches!(&told[..], [Event::Scores { scores, .. }, Event::Phase { phase: Phase::Idle, .. }] if scores[0].1 == 3.0),
            "{told:?}"
        );
    }

    #[test]
    fn rewards_are_refused_by_what_they_are() {
        let (pairs, [a, _], events) = open([true, false]);
        pairs.sink()(Event::Recorded { model: a, recorded: recorded(&[("x", 1.5)]) });
        let Some(Event::Phase { model: PAIR, phase: Phase::Failed(why) }) = events.try_iter().next() else {
            panic!("no refusal")
        };
        assert!(why.contains("a: holds rewards") && why.contains("1.5") && why.contains("two language models"), "{why}");
        assert!(pairs.plan(vec![job(&["x"])]).is_empty(), "a pair that failed is not asked");
    }

    #[test]
    fn other_models_pass_untouched() {
        let (pairs, _, events) = open([false, false]);
        let other = Job { model: ModelId(1), ..job(&["x"]) };
        assert_eq!(pairs.plan(vec![other])[0].model, ModelId(1));
        pairs.sink()(Event::Phase { model: ModelId(1), phase: Phase::WarmingUp });
        assert!(matches!(events.try_recv(), Ok(Event::Phase { model: ModelId(1), phase: Phase::WarmingUp })));
        assert_eq!((pairs.behind(ModelId(1)), pairs.behind(PAIR).len()), (vec![ModelId(1)], 2));
    }
}
