//! The ways to run a decoder give the same hidden states: the one that scores on the CPU, the one of candle's operations that
//! trains, and the kernels that score on a GPU, as they are said in Rust. On every architecture of `tests/fixtures`, over chains, forests and what is kept.

use std::path::Path;

use candle_core::{DType, Device};
use rewardscope::model::decoder::{Cache, Decoder, Nodes, Output, Wanted};
use rewardscope::model::format::config::ModelConfig;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::format::weights::{Keep, Meter, Weights};
use rewardscope::model::head::is_of_a_head;
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions};
use rewardscope::sources::bundled;

/// In f32, relative to the largest value of a hidden state: sums are added up in another order.
const TOLERANCE: f32 = 2e-5;

/// Keys and values that each way kept itself.
type Kept = [Option<Cache>; 3];

/// One checkpoint, all ways.
struct Ways {
    name: String,
    native: LoadedModel,
    composed: Decoder,
    emulated: Decoder,
    vocabulary: u32,
    layers: usize,
}

impl Ways {
    fn load(name: &str, files: &Files) -> Ways {
        let (cancel, device) = (Cancel::default(), Device::Cpu);
        let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
        let native = LoadedModel::load(files, &SourceLabel::default(), &options, &mut |_, _| {}, &cancel).unwrap();
        let config = ModelConfig::read(files).unwrap().decoder;
        let weights = Weights::open(files, is_of_a_head).unwrap().under_llama_names(&config).unwrap();
        let mut progress = |_, _| {};
        let meter = Meter::new(&mut progress, &cancel, 0);
        let mut fetch = |name: &str, shape: &[usize], _| weights.load(name, shape, Keep::As(DType::F32), &device, &meter);
        let composed = Decoder::trainable(&config, DType::F32, &device, &mut fetch).unwrap();
        let emulated = Decoder::emulated(&config, DType::F32, &mut fetch).unwrap().unwrap();
        let ways = [native.decoder(), &composed, &emulated].map(Decoder::way);
        assert_eq!(ways, ["native", "candle", "emulated"], "{name}");
        Ways {
            name: name.to_owned(),
            native,
            composed,
            emulated,
            vocabulary: config.vocab_size as u32,
            layers: config.windows.len(),
        }
    }

    fn all(&self) -> [&Decoder; 3] {
        [self.native.decoder(), &self.composed, &self.emulated]
    }

    fn tokens(&self, seed: u32, count: usize) -> Vec<u32> {
        let next = |token: &u32| Some(token.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        std::iter::successors(Some(seed), next).skip(1).take(count).map(|token| (token >> 8) % self.vocabulary).collect()
    }

    /// Runs all ways, each behind what it kept itself, and holds the hidden states of all nodes after every layer together.
    #[track_caller]
    fn run(&self, what: &str, nodes: &Nodes, behind: &Kept, keep: &[u32]) -> Kept {
        let reads: Vec<u32> = (0..nodes.len() as u32).collect();
        let run = |(way, behind): (&Decoder, &Option<Cache>)| {
            let wanted = Wanted { reads: &reads, keep, by_layer: &reads };
            way.forward_for(nodes, behind.as_ref(), wanted, &Cancel::default()).unwrap()
        };
        let [native, composed, emulated] = self.all();
        let outputs = [(native, &behind[0]), (composed, &behind[1]), (emulated, &behind[2])].map(run);
        assert_eq!(outputs.each_ref().map(|output| output.earlier.len() + 1), [self.layers; 3], "{}", self.name);
        let values = |output: &Output| -> Vec<Vec<f32>> {
            output.earlier.iter().chain([&output.hidden]).flat_map(|states| states.to_vec2::<f32>().unwrap()).collect()
        };
        let [native, others @ ..] = outputs.each_ref().map(values);
        for (other, way) in others.iter().zip(["candle", "emulated"]) {
            assert_eq!(native.len(), other.len());
            for (row, (native, other)) in native.iter().zip(other).enumerate() {
                let (layer, node) = (row / nodes.len(), row % nodes.len());
                let size = native.iter().fold(0f32, |most, value| most.max(value.abs()));
                let off = native.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(
                    off <= TOLERANCE * size,
                    "{}, {what}, {way}, layer {layer}, node {node}: off by {off} of {size}",
                    self.name
                );
            }
        }
        outputs.map(|output| output.cache)
    }
}

/// Behind a prefix, at the places where words part from it: branches that share nodes, at four depths.
fn forest(ways: &Ways, starts: &[usize]) -> (Nodes, Vec<u32>) {
    let mut nodes = Nodes::default();
    let mut last = Vec::new();
    for (seed, &start) in (1..).zip(starts) {
        let mut parents = vec![None];
        for (depth, token) in ways.tokens(seed, 24).into_iter().enumerate() {
            // Every fifth token has a sibling, which the next ones do not see.
            let parent = parents.last().copied().flatten();
            if depth % 5 == 3 {
                nodes.push((token + 1) % ways.vocabulary, parent, start).unwrap();
            }
            parents.push(Some(nodes.push(token, parent, start).unwrap()));
        }
        last = parents.into_iter().flatten().collect();
    }
    (nodes, last)
}

/// Of no nodes, of no reads, and behind a prefix cut to nothing.
fn are_one_over_nothing(ways: &Ways) {
    let tokens = ways.tokens(0, 12);
    let all: Vec<u32> = (0..12).collect();
    let chain = Nodes::chain(&tokens, 0);
    for way in ways.all() {
        let run = |nodes: &Nodes, behind: Option<&Cache>, reads: &[u32], keep: &[u32]| {
            way.forward_keeping(nodes, behind, reads, keep, &Cancel::default()).unwrap()
        };
        let nothing = run(&Nodes::default(), None, &[], &[]);
        assert_eq!((nothing.hidden.dims()[0], nothing.cache.is_none()), (0, true), "{}", ways.name);
        let unread = run(&chain, None, &[], &all);
        assert_eq!(unread.hidden.dims()[0], 0, "{}", ways.name);
        let whole = run(&chain, None, &all, &[]).hidden.to_vec2::<f32>().unwrap();
        let mut cache = unread.cache.unwrap();
        cache.truncate(0).unwrap();
        assert!(cache.is_empty());
        assert_eq!(run(&chain, Some(&cache), &all, &[]).hidden.to_vec2::<f32>().unwrap(), whole, "{}", ways.name);
        cache.append(&run(&chain, None, &[], &all).cache.unwrap()).unwrap();
        assert_eq!(cache.len(), 12);
        let next = Nodes::chain(&tokens[..1], 12);
        let fresh = run(&chain, None, &[], &all).cache;
        let behind = |cache: Option<&Cache>| run(&next, cache, &[0], &[]).hidden.to_vec2::<f32>().unwrap();
        assert_eq!(behind(Some(&cache)), behind(fresh.as_ref()), "{}", ways.name);
    }
}

fn are_one(ways: &Ways) {
    are_one_over_nothing(ways);
    let none = || [None, None, None];
    let tokens = ways.tokens(0, 40);
    let all: Vec<u32> = (0..40).collect();
    let whole = ways.run("a chain", &Nodes::chain(&tokens, 0), &none(), &all);
    let prefix = ways.run("the beginning of the chain", &Nodes::chain(&tokens[..30], 0), &none(), &all[..30]);
    let rest = ways.run("the rest behind it", &Nodes::chain(&tokens[30..], 30), &prefix, &all[..10]);
    ways.run("behind the whole chain", &Nodes::chain(&ways.tokens(9, 5), 40), &whole, &[]);
    // What was kept in two parts, put together, is what was kept at once.
    let mut joined = prefix.clone();
    for (joined, rest) in joined.iter_mut().zip(&rest) {
        joined.as_mut().unwrap().append(rest.as_ref().unwrap()).unwrap();
    }
    ways.run("behind the two parts", &Nodes::chain(&ways.tokens(9, 5), 40), &joined, &[]);

    let (nodes, path) = forest(ways, &[30, 17, 3, 0]);
    ways.run("a forest alone", &forest(ways, &[0, 0]).0, &none(), &[]);
    let kept = ways.run("a forest whose roots stand at several places", &nodes, &prefix, &path);
    // The last branch begins at position 0: all that stands before the next token.
    ways.run("behind a branch of the forest", &Nodes::chain(&ways.tokens(8, 12), path.len()), &kept, &[]);
    let (nodes, path) = forest(ways, &[30, 17]);
    let branch = ways.run("a branch behind part of the prefix", &nodes, &prefix, &path);
    let mut joined = prefix;
    for (joined, branch) in joined.iter_mut().zip(&branch) {
        let joined = joined.as_mut().unwrap();
        joined.truncate(17).unwrap();
        joined.append(branch.as_ref().unwrap()).unwrap();
        assert_eq!(joined.len(), 17 + path.len());
    }
    let (nodes, _) = forest(ways, &[17 + path.len(), 20]);
    ways.run("a forest behind the prefix cut and a branch", &nodes, &joined, &[]);
}

#[test]
fn all_ways_give_the_same_states_on_every_architecture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut tried = 0;
    for folder in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.join("config.json").exists() {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            are_one(&Ways::load(&name, &Files::Directory(folder)));
            tried += 1;
        }
    }
    assert!(tried >= 16, "{tried} fixtures");
}

#[test]
fn all_ways_give_the_same_states_of_the_demonstration_pair() {
    for name in bundled::BUNDLED.map(|model| model.name) {
        are_one(&Ways::load(name, &Files::Bundled { name, entries: bundled::bundled(name).unwrap() }));
    }
}
