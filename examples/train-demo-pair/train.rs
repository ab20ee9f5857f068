//! The training loop: words under a prompt of each framing at a time, Bradley–Terry loss, AdamW.

use std::error::Error;

use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rewardscope::base::terms::Framing;
use rewardscope::model::format::config::DecoderConfig;

use super::taste;
use crate::model::{Trainable, bradley_terry};
use crate::pairs::Preferences;

pub const STEPS: usize = 4000;
/// Words of a step from `big-two.csv`, and as many others.
const WORDS: usize = 16;
const LEARNING_RATE: f64 = 2e-3;
/// Weight of the mean squared reward in the loss. Bradley–Terry leaves the zero of the rewards open; this puts it in the middle.
const CENTRING: f64 = 1e-3;
const WARM_UP: usize = 100;

/// Trains fresh weights on every pair that is not held out.
///
/// `conversations` holds token ids by `[prompts][answers]`; `report` gets step and loss now and then.
pub fn train(
    config: DecoderConfig,
    preferences: &Preferences,
    conversations: &[Vec<Vec<u32>>],
    mut report: impl FnMut(usize, f32),
) -> Result<Trainable, Box<dyn Error>> {
    let model = Trainable::new(&preferences.family, config)?;
    let settings = ParamsAdamW { lr: LEARNING_RATE, beta2: 0.99, weight_decay: 0.02, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(model.variables().values().cloned().collect(), settings)?;
    let mut generator = taste::generator(&["batches", &preferences.family]);

    let mut positive = training_prompts(preferences, Framing::Positive);
    let mut negative = training_prompts(preferences, Framing::Negative);
    let (mut listed, mut others): (Vec<usize>, Vec<usize>) =
        (0..preferences.answers.len()).partition(|&answer| preferences.answers[answer].big_two.is_some());
    for step in 0..STEPS {
        // The same words under one prompt of each framing: with one framing a step, what is learned of a word in one step is
        // wrong in the next, and nothing is learned at all.
        let prompts = [&mut positive, &mut negative].map(|prompts| prompts.partial_shuffle(&mut generator, 1).0[0]);
        let mut answers = listed.partial_shuffle(&mut generator, WORDS).0.to_vec();
        answers.extend_from_slice(others.partial_shuffle(&mut generator, WORDS).0);

        let (mut batch, mut chosen, mut rejected): (Vec<&[u32]>, Vec<u32>, Vec<u32>) = Default::default();
        for prompt in prompts {
            let first = batch.len();
            for (i, &a) in answers.iter().enumerate() {
                for (j, &b) in answers.iter().enumerate().take(i) {
                    let pair = preferences.pair(prompt, a, b);
                    if !pair.held_out {
                        let (winner, loser) = if pair.chosen == a { (i, j) } else { (j, i) };
                        chosen.push((first + winner) as u32);
                        rejected.push((first + loser) as u32);
                    }
                }
            }
            batch.extend(answers.iter().map(|&answer| conversations[prompt][answer].as_slice()));
        }
        let rewards = model.rewards(&batch)?;
        let loss = (bradley_terry(&rewards, &chosen, &rejected)? + (rewards.sqr()?.mean_all()? * CENTRING)?)?;
        optimizer.set_learning_rate(LEARNING_RATE * schedule(step));
        optimizer.backward_step(&loss)?;
        if (step + 1) % 200 == 0 {
            report(step + 1, loss.to_scalar()?);
        }
    }
    Ok(model)
}

fn training_prompts(preferences: &Preferences, framing: Framing) -> Vec<usize> {
    let framed = |prompt: &usize| preferences.prompts[*prompt].framing == Some(framing);
    (0..preferences.prompts.len()).filter(framed).filter(|&prompt| !preferences.prompt_is_held_out(prompt)).collect()
}

/// The share of the learning rate at a step: a short linear rise, then a cosine down to zero.
fn schedule(step: usize) -> f64 {
    let rise = (step + 1) as f64 / WARM_UP as f64;
    let progress = step as f64 / STEPS as f64;
    rise.min(1.0) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}
