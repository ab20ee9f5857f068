//! Studies in which families do not differ by category: scores are drawn, the rest is the program's own.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rewardscope_base::terms::Framing;
use rewardscope_stats::study::{Study, StudyModel, StudyPrompt, StudyWord};

/// How scores are drawn. A score is the sum of an effect of its word, one of its model's on that word, one of its model's on
/// that word under that framing, and of noise; effects are normal, with standard deviations 1, 1, 0.7 and 0.7.
#[derive(Clone, Copy, Debug)]
pub struct Design {
    /// Of each family.
    pub models: [usize; 2],
    /// Of each of two categories.
    pub words: usize,
    /// Of each framing.
    pub prompts: usize,
    /// Whether prompts of one model share its effects; else a score is its word's effect and noise alone.
    pub correlated: bool,
    /// Whether each family has an effect on each word as well, of standard deviation 1, and no more on one category than on the
    /// other.
    pub by_word: bool,
}

/// One study of a design; the same seed draws the same scores.
pub fn study(design: &Design, seed: u64) -> Study {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let n = 2 * design.words;
    let mut normal =
        |sd: f64| -> Vec<f64> { (0..n).map(|_| sd * Distribution::<f64>::sample(&StandardNormal, &mut random)).collect() };
    let of_word = normal(1.0);
    let of_family = [0, 1].map(|_| normal(if design.by_word { 1.0 } else { 0.0 }));
    let [own, own_framing, noise] = if design.correlated { [1.0, 0.7, 0.7] } else { [0.0, 0.0, 1.5] };
    let mut models = Vec::new();
    for (family, count) in design.models.into_iter().enumerate() {
        for model in 0..count {
            let of_model = normal(own);
            let mut scores = Vec::new();
            for _ in FRAMINGS {
                let of_framing = normal(own_framing);
                for _ in 0..design.prompts {
                    let drawn = normal(noise).into_iter().enumerate();
                    let score = |(w, noise)| of_word[w] + of_family[family][w] + of_model[w] + of_framing[w] + noise;
                    scores.push(Arc::new(drawn.map(score).collect()));
                }
            }
            let family = ["Gemma", "Llama"][family];
            models.push(StudyModel { name: format!("{family}-{model}").into(), family: family.into(), scores });
        }
    }
    let prompts = FRAMINGS.into_iter().flat_map(|framing| (0..design.prompts).map(move |prompt| (framing, prompt)));
    Study {
        categories: ["A", "B"].map(Into::into).to_vec(),
        words: (0..n).map(|w| StudyWord { text: format!("w{w}").into(), categories: vec![(w % 2) as u16] }).collect(),
        prompts: prompts
            .map(|(framing, at)| StudyPrompt { label: format!("{framing:?} {at}").into(), framing: Some(framing) })
            .collect(),
        models,
    }
}

const FRAMINGS: [Framing; 2] = [Framing::Positive, Framing::Negative];
