//! From the text of a word to its log-probability, against transformers: `tests/fixtures/make_language_models.py` made the
//! checkpoints and the expected numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rewardscope::base::terms::{Family, ModelId, PromptId, Unit, WordId};
use rewardscope::catalogue::Catalogue;
use rewardscope::engine::{Engine, Event, Job, Phase, WordTokens};
use rewardscope::model::{BosPolicy, Dtype, LoadOptions, ModelInfo, PromptForm};
use rewardscope::sources::resolve::{ModelSource, ModelSpec};

const FIXTURES: [&str; 2] = ["llama-lm", "gemma2-lm"];
/// Against the reference, in f32.
const TOLERANCE: f32 = 1e-4;
/// Against our own in another batch, for each token.
const BATCH_TOLERANCE: f32 = 1e-5;
/// Long enough for a slow machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);
const MODEL: ModelId = ModelId(0);

#[derive(serde::Deserialize)]
struct Expected {
    prompts: Vec<String>,
    /// Log-probabilities of the whole vocabulary after the first prompt as a chat.
    row: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    form: String,
    bos: String,
    prompt: usize,
    word: String,
    ids: Vec<u32>,
    log_probabilities: Vec<f32>,
    merged: bool,
}

impl Case {
    fn options(&self) -> LoadOptions {
        options(&self.form, if self.bos == "published" { BosPolicy::Published } else { BosPolicy::Single })
    }
}

/// A copy of a fixture whose chat template writes the prompt and nothing else.
fn with_a_template_of_the_prompt_alone(name: &str) -> tempfile::TempDir {
    let copy = copied(name);
    std::fs::write(copy.path().join("chat_template.jinja"), "{{ messages[0]['content'] }}").unwrap();
    copy
}

fn copied(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected(name: &str) -> Expected {
    serde_json::from_slice(&std::fs::read(folder(name).join("expected.json")).unwrap()).unwrap()
}

fn options(form: &str, bos: BosPolicy) -> LoadOptions {
    let form = if form == "bare" { PromptForm::Bare } else { PromptForm::Chat };
    LoadOptions { bos, dtype: Dtype::F32, form: Some(form), ..LoadOptions::default() }
}

/// An engine with one model.
struct Bench {
    engine: Engine,
    events: Receiver<Event>,
}

/// What a job brought, by the word's place in it.
#[derive(Default)]
struct Scored {
    scores: HashMap<u32, f32>,
    tokens: HashMap<u32, WordTokens>,
    unscorable: HashMap<u32, String>,
    info: Option<ModelInfo>,
}

impl Bench {
    fn new(directory: &Path, options: LoadOptions) -> Self {
        let (sender, events) = channel();
        let catalogue = Arc::new(Catalogue::builtin().unwrap());
        let engine = Engine::start(catalogue, Arc::new(move |event| drop(sender.send(event)))).unwrap();
        let source = ModelSource::Directory(directory.to_owned());
        engine.open(MODEL, &ModelSpec { name: "lm".to_owned(), source, family: Family::Other }, options);
        Bench { engine, events }
    }

    fn score(&self, prompt: &str, words: &[&str]) -> Scored {
        let words = words.iter().zip(0..).map(|(word, i)| (WordId(i), (*word).into())).collect();
        let prompt_text = prompt.into();
        self.run(Job {
            model: MODEL,
            prompt: PromptId(0),
            prompt_text,
            words,
            token_ids: Vec::new(),
            tokens: true,
            read_tokens: false,
            readings: Default::default(),
        })
    }

    fn run(&self, job: Job) -> Scored {
        let (all, mut scored) = (job.words.len(), Scored::default());
        self.engine.plan(vec![job]);
        while scored.scores.len() + scored.unscorable.len() < all {
            match self.events.recv_timeout(PATIENCE).expect("an event") {
                Event::Scores { scores, .. } => {
                    scored.scores.extend(scores.into_iter().map(|(word, score)| (word.0, score as f32)))
                }
                Event::Tokens { tokens, .. } => scored.tokens.extend(tokens.into_iter().map(|(word, tokens)| (word.0, tokens))),
                Event::Unscorable { words, .. } => scored.unscorable.extend(words.into_iter().map(|(word, why)| (word.0, why))),
                Event::Ready { info, .. } => scored.info = Some(*info),
                Event::Phase { phase: Phase::Failed(error), .. } => panic!("{error}"),
                _ => {}
            }
        }
        scored
    }
}

/// Groups of cases that one engine and prompt answers.
fn groups(expected: &Expected) -> Vec<Vec<&Case>> {
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    for case in &expected.cases {
        let alike = |other: &Case| (&other.form, &other.bos, other.prompt) == (&case.form, &case.bos, case.prompt);
        match groups.last_mut().filter(|group| alike(group[0])) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    groups
}

fn words<'a>(group: &[&'a Case]) -> Vec<&'a str> {
    group.iter().map(|case| case.word.as_str()).collect()
}

#[test]
fn ids_and_log_probabilities_are_those_of_transformers() {
    for name in FIXTURES {
        let expected = expected(name);
        let (mut several, mut merged) = (0, 0);
        // The reference puts each word of a bare prompt right behind it, as a template does.
        let of_prompt = with_a_template_of_the_prompt_alone(name);
        for group in groups(&expected) {
            let folder = if group[0].form == "bare" { of_prompt.path().to_owned() } else { folder(name) };
            let options = LoadOptions { form: Some(PromptForm::Chat), ..group[0].options() };
            let scored = Bench::new(&folder, options).score(&expected.prompts[group[0].prompt], &words(&group));
            for (case, i) in group.iter().zip(0..) {
                let what = format!("{name}, {}, {}, prompt {}, {:?}", case.form, case.bos, case.prompt, case.word);
                let tokens = &scored.tokens[&i];
                assert_eq!((&tokens.ids, tokens.merged), (&case.ids, case.merged), "{what}");
                assert_eq!(tokens.log_probabilities.len(), case.log_probabilities.len(), "{what}");
                for (ours, theirs) in tokens.log_probabilities.iter().zip(&case.log_probabilities) {
                    assert!((ours - theirs).abs() < TOLERANCE, "{what}: {ours}, not {theirs}");
                }
                let sum: f32 = case.log_probabilities.iter().sum();
                assert!((scored.scores[&i] - sum).abs() < TOLERANCE * case.log_probabilities.len() as f32, "{what}");
                several += usize::from(case.log_probabilities.len() > 1);
                merged += usize::from(case.merged);
            }
        }
        assert!(several > 20 && merged > 0, "{name}: {several} words of several tokens, {merged} that merge");
    }
}

#[test]
fn a_bare_prompt_gives_a_word_and_the_word_behind_a_space_the_same_tokens() {
    for name in FIXTURES {
        let expected = expected(name);
        let groups = groups(&expected);
        let bench = Bench::new(&folder(name), options("bare", BosPolicy::Single));
        for prompt in &expected.prompts {
            let scored = bench.score(prompt, &["love", " love", "ice cream", " ice cream"]);
            for (word, parted) in [(0, 1), (2, 3)] {
                assert_eq!(scored.tokens[&word], scored.tokens[&parted], "{name}, {prompt}");
                assert_eq!(scored.scores[&word].to_bits(), scored.scores[&parted].to_bits(), "{name}, {prompt}");
            }
        }
        // Words that bring their white space are put as the reference puts them.
        for group in groups.iter().filter(|group| group[0].form == "bare") {
            let spaced: Vec<&Case> = group.iter().copied().filter(|case| case.word.starts_with([' ', '\n'])).collect();
            let scored = bench.score(&expected.prompts[group[0].prompt], &words(&spaced));
            for (case, i) in spaced.iter().zip(0..) {
                assert_eq!(scored.tokens[&i].ids, case.ids, "{name}, {:?}", case.word);
                let off = scored.scores[&i] - case.log_probabilities.iter().sum::<f32>();
                assert!(off.abs() < TOLERANCE * case.ids.len() as f32, "{name}, {:?}: off by {off}", case.word);
            }
            assert_eq!(spaced.len(), 2);
        }
        // Tokens of a vocabulary follow the prompt as they are, with no space of ours.
        let words = vec![(WordId(0), "".into())];
        let prompt_text: Arc<str> = "Which?".into();
        let job = Job {
            model: MODEL,
            prompt: PromptId(9),
            prompt_text,
            words,
            token_ids: vec![7],
            tokens: true,
            read_tokens: false,
            readings: Default::default(),
        };
        let ids = bench.run(job).tokens[&0].ids.clone();
        let before = bench.score("Which?", &["\n"]).tokens[&0].ids.clone();
        assert_eq!(ids[..ids.len() - 1], before[..ids.len() - 1], "{name}");
    }
}

#[test]
fn company_order_and_the_prompt_before_change_no_value() {
    for name in FIXTURES {
        let expected = expected(name);
        let groups = groups(&expected);
        let group = groups.iter().find(|group| group[0].form == "chat" && group[0].prompt == 1).unwrap();
        let words = words(group);
        let prompt = &expected.prompts[1];
        let bench = Bench::new(&folder(name), group[0].options());
        let together = bench.score(prompt, &words);
        // Another prompt in between, of which the template's beginning is reused.
        bench.score(&expected.prompts[0], &words);
        let mut backwards = words.clone();
        backwards.reverse();
        let reversed = bench.score(prompt, &backwards);
        for (i, word) in words.iter().enumerate() {
            let at = i as u32;
            let alone = Bench::new(&folder(name), group[0].options()).score(prompt, &[word]).scores[&0];
            let tolerance = BATCH_TOLERANCE * group[i].log_probabilities.len() as f32;
            for (what, value) in
                [("together", together.scores[&at]), ("in reverse", reversed.scores[&(words.len() as u32 - 1 - at)])]
            {
                assert!((value - alone).abs() < tolerance, "{name}, {word:?}: {value} {what}, {alone} alone");
            }
        }
    }
}

#[test]
fn chat_is_the_default_where_there_is_a_template_and_bare_where_there_is_none() {
    let source = folder("llama-lm");
    let base = copied("llama-lm");
    std::fs::remove_file(base.path().join("chat_template.jinja")).unwrap();
    let prompt = &expected("llama-lm").prompts[0];
    let default = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
    let ids = |directory: &Path, options: LoadOptions| {
        let scored = Bench::new(directory, options).score(prompt, &["love"]);
        (scored.tokens[&0].ids.clone(), scored.info.unwrap().provenance)
    };
    let (chat, told) = ids(&source, default.clone());
    assert_eq!(chat, ids(&source, options("chat", BosPolicy::Single)).0);
    assert_eq!((told.unit, told.template.as_str()), (Unit::Nats, "chat_template.jinja, 26 Jul 2024, generation prompt"));
    assert_eq!((told.head.as_str(), told.architecture.as_str()), ("lm_head.weight [428, 48]", "LlamaForCausalLM"));
    let (bare, told) = ids(base.path(), default);
    assert_eq!(bare, ids(&source, options("bare", BosPolicy::Single)).0);
    assert_eq!(told.template, "none, bare prompt and one space");
    assert_ne!(chat, bare);

    let bench = Bench::new(base.path(), options("chat", BosPolicy::Single));
    let words = vec![(WordId(0), "love".into())];
    bench.engine.plan(vec![Job {
        model: MODEL,
        prompt: PromptId(0),
        prompt_text: "Which?".into(),
        words,
        token_ids: Vec::new(),
        tokens: false,
        read_tokens: false,
        readings: Default::default(),
    }]);
    loop {
        if let Event::Phase { phase: Phase::Failed(error), .. } = bench.events.recv_timeout(PATIENCE).unwrap() {
            break assert!(error.contains("no chat template"), "{error}");
        }
    }
}

#[test]
fn a_word_without_tokens_is_refused_and_the_others_go_on() {
    let scored = Bench::new(&folder("gemma2-lm"), options("bare", BosPolicy::Single)).score("Name one.", &["", "love"]);
    assert!(scored.unscorable[&0].contains("tokenizes to nothing"), "{}", scored.unscorable[&0]);
    assert!(scored.scores[&1] < 0.0);
}

#[test]
fn without_the_cap_of_its_logits_a_model_is_plainly_wrong() {
    let copy = copied("gemma2-lm");
    let path = copy.path().join("config.json");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains("\"final_logit_softcapping\": 3.0"));
    std::fs::write(&path, config.replace("\"final_logit_softcapping\": 3.0", "\"final_logit_softcapping\": null")).unwrap();
    let expected = expected("gemma2-lm");
    let groups = groups(&expected);
    let scored = Bench::new(copy.path(), groups[0][0].options()).score(&expected.prompts[0], &words(&groups[0]));
    let off = |(case, i): (&&Case, u32)| (scored.scores[&i] - case.log_probabilities.iter().sum::<f32>()).abs();
    let worst = groups[0].iter().zip(0..).map(off).fold(0.0, f32::max);
    assert!(worst > 0.2, "off by only {worst}");
}

#[test]
fn a_vocabulary_is_one_distribution_and_its_tokens_are_the_words_scored_one_by_one() {
    for name in FIXTURES {
        let expected = expected(name);
        let prompt = &expected.prompts[0];
        let bench = Bench::new(&folder(name), LoadOptions { vocabulary: true, ..options("chat", BosPolicy::Single) });
        let corpus = loop {
            if let Event::Vocabulary { corpus, .. } = bench.events.recv_timeout(PATIENCE).unwrap() {
                break corpus;
            }
        };
        assert_eq!(corpus.tokens.len(), corpus.words.len());
        // The matrix has as many rows as the distribution, whether or not the tokenizer knows them all.
        let rows = expected.row.len() as u32;
        let words: Vec<(WordId, Arc<str>)> = (0..rows).map(|id| (WordId(id), "".into())).collect();
        let token_ids = (0..rows).collect();
        let job = Job {
            model: MODEL,
            prompt: PromptId(0),
            prompt_text: prompt.as_str().into(),
            words,
            token_ids,
            tokens: true,
            read_tokens: false,
            readings: Default::default(),
        };
        let scored = bench.run(job);
        assert!(scored.unscorable.is_empty());
        for (ours, theirs) in (0..rows).map(|id| scored.scores[&id]).zip(&expected.row) {
            assert!((ours - theirs).abs() < TOLERANCE, "{name}: {ours}, not {theirs}");
        }
        let sum: f64 = scored.scores.values().map(|value| f64::from(*value).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{name}: probabilities sum to {sum}");

        let texts: Vec<&str> = corpus.words.iter().map(|word| &*word.text).collect();
        let alone = bench.score(prompt, &texts);
        let mut same = 0;
        for (&token, i) in corpus.tokens.iter().zip(0..) {
            let before = scored.tokens[&token].ids.clone();
            if alone.tokens.get(&i).is_some_and(|tokens| tokens.ids == before) {
                assert!((alone.scores[&i] - scored.scores[&token]).abs() < BATCH_TOLERANCE, "{name}, {:?}", texts[i as usize]);
                same += 1;
            }
        }
        assert!(same > 100, "{name}: only {same} tokens are the words of their texts");
    }
}

#[test]
fn a_token_without_a_row_is_left_out_with_its_reason() {
    let bench = Bench::new(&folder("llama-lm"), options("bare", BosPolicy::Single));
    let words = vec![(WordId(0), "a".into()), (WordId(1), "b".into())];
    let job = Job {
        model: MODEL,
        prompt: PromptId(0),
        prompt_text: "Which?".into(),
        words,
        token_ids: vec![5, 99_999],
        tokens: false,
        read_tokens: false,
        readings: Default::default(),
    };
    let scored = bench.run(job);
    assert!(scored.scores[&0] < 0.0 && scored.unscorable[&1].contains("token 99999"), "{:?}", scored.unscorable);
}
