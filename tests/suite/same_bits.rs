//! A score is the same to the last bit whatever else is computed with it: other words, their order, the size of batches, the
//! number of threads, what an earlier batch or prompt left behind, and whether anything is shared at all.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rewardscope::base::terms::{ModelId, PromptId, WordId};
use rewardscope::engine::Job;
use rewardscope::engine::batch::{Batches, Prefix};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions};
use rewardscope::sources::bundled;

const PROMPT: &str = "What, in one word, is the greatest thing ever?";
const OTHER_PROMPT: &str = "What, in one word, is the worst thing ever?";
/// Words that begin alike and words that do not, of one token and of many.
const WORDS: [&str; 24] = [
    "love",
    "lover",
    "lovely",
    "loveliness",
    "free",
    "freedom",
    "freedoms",
    "freely",
    "kind",
    "kindness",
    "unkind",
    "kin",
    "a",
    "ab",
    "abc",
    "victory",
    "victorious",
    "family",
    "families",
    "pain",
    "painful",
    "painfully",
    "ability",
    "Love",
];

type Bits = BTreeMap<usize, u32>;

/// How words are asked.
#[derive(Clone, Copy)]
struct Way {
    nodes: usize,
    threads: usize,
    whole: bool,
}

const PLAIN: Way = Way { nodes: 512, threads: 2, whole: false };

fn load(files: &Files, dtype: Dtype) -> LoadedModel {
    let options = LoadOptions { dtype, ..LoadOptions::default() };
    LoadedModel::load(files, &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default()).unwrap()
}

/// Scores by the word's place in [`WORDS`], and the tokens that ran.
fn ask(model: &LoadedModel, prompt: &str, words: &[usize], way: Way, prefix: &mut Option<Prefix>) -> (Bits, usize) {
    let job = Job {
        model: ModelId(0),
        prompt: PromptId(0),
        prompt_text: prompt.into(),
        words: words.iter().map(|&at| (WordId(at as u32), Arc::from(WORDS[at]))).collect(),
        token_ids: Vec::new(),
        tokens: false,
        read_tokens: false,
        readings: Default::default(),
    };
    let mut batches = if way.whole { Batches::whole(job) } else { Batches::new(job) };
    let (mut bits, mut run) = (Bits::new(), 0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(way.threads).build().unwrap();
    while !batches.is_done() {
        batches.set_nodes(way.nodes);
        let step = pool.install(|| batches.step(model, prefix, &Cancel::default())).unwrap();
        bits.extend(step.scores.iter().map(|(word, score)| (word.0 as usize, score.to_bits())));
        run += step.tokens_run;
    }
    (bits, run)
}

fn all() -> Vec<usize> {
    (0..WORDS.len()).collect()
}

fn every_way_gives_the_same(name: &str, model: &LoadedModel) {
    let mut alone = Bits::new();
    for word in all() {
        alone.extend(ask(model, PROMPT, &[word], Way { whole: true, threads: 1, ..PLAIN }, &mut None).0);
    }
    assert!(alone.len() > WORDS.len() / 2, "{name}: {alone:?}");
    let same = |what: &str, bits: Bits| {
        let differ: Vec<_> = bits.iter().filter(|(word, bits)| alone[*word] != **bits).map(|(word, _)| WORDS[*word]).collect();
        assert!(differ.is_empty() && !bits.is_empty(), "{name}, {what}: {differ:?} differ from the same words alone");
    };
    let together = ask(model, PROMPT, &all(), PLAIN, &mut None).0;
    assert_eq!(together.len(), alone.len(), "{name}");
    assert!(together.values().collect::<HashSet<_>>().len() > WORDS.len() / 4, "{name}: scores that do not differ test nothing");
    same("together", together);
    same("whole conversations together", ask(model, PROMPT, &all(), Way { whole: true, ..PLAIN }, &mut None).0);
    for nodes in [1, 4, 9, 40] {
        same(&format!("batches of {nodes}"), ask(model, PROMPT, &all(), Way { nodes, ..PLAIN }, &mut None).0);
    }
    for threads in [1, 3] {
        same(&format!("{threads} threads"), ask(model, PROMPT, &all(), Way { threads, ..PLAIN }, &mut None).0);
    }
    let backwards: Vec<usize> = all().into_iter().rev().collect();
    same("backwards", ask(model, PROMPT, &backwards, Way { nodes: 7, ..PLAIN }, &mut None).0);
    let some: Vec<usize> = all().into_iter().step_by(3).collect();
    same("every third word", ask(model, PROMPT, &some, PLAIN, &mut None).0);

    // What was begun is ended by another job, behind what the first one and another prompt left.
    let mut prefix = None;
    same("the first half", ask(model, PROMPT, &all()[..11], Way { nodes: 5, ..PLAIN }, &mut prefix).0);
    same("the second half", ask(model, PROMPT, &all()[11..], PLAIN, &mut prefix).0);
    ask(model, OTHER_PROMPT, &all(), PLAIN, &mut prefix);
    same("behind another prompt", ask(model, PROMPT, &all(), PLAIN, &mut prefix).0);
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = folders
        .filter(|path| path.join("config.json").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn fixture(name: &str) -> Files {
    Files::Directory(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

#[test]
fn every_architecture_and_head_in_f32() {
    let names = fixtures();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        every_way_gives_the_same(&name, &load(&fixture(&name), Dtype::F32));
    }
}

#[test]
fn every_architecture_and_head_in_bf16() {
    for name in fixtures() {
        every_way_gives_the_same(&format!("{name}, bf16"), &load(&fixture(&name), Dtype::Bf16));
    }
}

#[test]
fn every_kind_of_architecture_in_f16() {
    for name in ["llama", "gemma2", "llama-lm"] {
        every_way_gives_the_same(&format!("{name}, f16"), &load(&fixture(name), Dtype::F16));
    }
}

/// Rows of the other fixtures are no whole number of blocks, and kept in f32.
#[test]
fn in_blocks_of_eight_bits() {
    for (name, share) in [("gemma", 0.5), ("gemma3", 0.5), ("qwen2", 0.5), ("grm", 0.8)] {
        let (blocks, exact) = (load(&fixture(name), Dtype::Q8_0), load(&fixture(name), Dtype::F32));
        let [small, large] = [&blocks, &exact].map(|model| model.info().memory_bytes as f64);
        assert!(small < large * share, "{name}: {small} of {large} bytes are not those of blocks");
        every_way_gives_the_same(&format!("{name}, q8_0"), &blocks);
    }
}

/// Blocks are multiplied by threads of candle's own, as many as the program was started with.
#[test]
fn in_blocks_of_eight_bits_on_any_number_of_threads() {
    let home = tempfile::tempdir().unwrap();
    let scored = |threads: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rewardscope"));
        command.args(["score", "demo-gemma", "--dtype", "q8_0", "--no-store", "--format", "jsonl", "--threads", threads]);
        command.args(WORDS.iter().flat_map(|word| ["--word", word]));
        let output = command.env("REWARDSCOPE_CONFIG", home.path()).stdin(std::process::Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let one = scored("1");
    assert_eq!(one.lines().count(), WORDS.len());
    for threads in ["2", "3", "5"] {
        assert_eq!(scored(threads), one, "{threads} threads");
    }
}

/// More than one forward takes: it runs in pieces, of another length where a device has no memory for long ones.
#[test]
fn behind_a_prompt_of_many_hundred_tokens() {
    let long = "What, of all that you have ever heard of, is the greatest thing, and why is it greater than others? ".repeat(30);
    for name in ["demo-llama", "demo-gemma"] {
        // A copy that claims more positions than the demonstration has.
        let folder = tempfile::tempdir().unwrap();
        for (file, bytes) in bundled::bundled(name).unwrap() {
            std::fs::write(folder.path().join(file), bytes).unwrap();
        }
        let path = folder.path().join("config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config["max_position_embeddings"] = 4096.into();
        std::fs::write(&path, config.to_string()).unwrap();
        let model = load(&Files::Directory(folder.path().to_owned()), Dtype::F32);
        let some = [0, 3, 5, 20];
        let (together, run) = ask(&model, &long, &some, PLAIN, &mut None);
        assert!(run > 700, "{name}: a prompt of only {run} tokens");
        for word in some {
            let (alone, _) = ask(&model, &long, &[word], Way { whole: true, threads: 1, ..PLAIN }, &mut None);
            assert_eq!(alone[&word], together[&word], "{name}: {}", WORDS[word]);
        }
    }
}

#[test]
fn the_demonstration_pair() {
    for name in ["demo-llama", "demo-gemma"] {
        let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
        for dtype in [Dtype::F32, Dtype::Bf16, Dtype::Q8_0] {
            every_way_gives_the_same(&format!("{name}, {dtype}"), &load(&files, dtype));
        }
    }
}

#[test]
fn small_batches_run_hardly_more_tokens_than_there_are() {
    for name in ["demo-llama", "demo-gemma"] {
        let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
        let model = load(&files, Dtype::F32);
        let (_, floor) = ask(&model, PROMPT, &all(), PLAIN, &mut None);
        for nodes in [1, 5, 16] {
            let (_, run) = ask(&model, PROMPT, &all(), Way { nodes, ..PLAIN }, &mut None);
            // Nothing but a word that another one begins with runs its last token twice.
            assert!(run <= floor + 2, "{name}: {run} tokens in batches of {nodes}, {floor} in one");
        }
        let mut prefix = None;
        ask(&model, PROMPT, &all(), PLAIN, &mut prefix);
        let (_, again) = ask(&model, PROMPT, &all(), PLAIN, &mut prefix);
        assert!(again < floor, "{name}: the prefix is held: {again} of {floor}");
    }
}
