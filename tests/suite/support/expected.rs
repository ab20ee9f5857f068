//! The checkpoints of `tests/fixtures` and what transformers, or an independent head over it, says of them.

use std::path::{Path, PathBuf};

use rewardscope::model::BosPolicy;

/// `expected.json` of a fixture.
#[derive(serde::Deserialize)]
pub struct Expected {
    pub prompts: Vec<String>,
    pub cases: Vec<Case>,
}

/// One word under one prompt (an index into [`Expected::prompts`]).
#[derive(serde::Deserialize)]
pub struct Case {
    pub prompt: usize,
    pub word: String,
    pub single: Reference,
    pub published: Reference,
}

/// The ids of the whole conversation, and its reward.
#[derive(serde::Deserialize)]
pub struct Reference {
    pub ids: Vec<u32>,
    pub score: f32,
}

impl Case {
    pub fn under(&self, policy: BosPolicy) -> &Reference {
        if policy == BosPolicy::Published { &self.published } else { &self.single }
    }
}

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn expected(name: &str) -> Expected {
    serde_json::from_slice(&std::fs::read(folder(name).join("expected.json")).unwrap()).unwrap()
}
