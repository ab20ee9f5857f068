//! The training loop: batches of words under one prompt at a time, Bradley–Terry loss, AdamW.

use std::error::Error;
use std::time::Instant;

use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rewardscope::corpus::Framing;
use rewardscope::model::Family;

use crate::model::{Trainable, bradley_terry, config};
use crate::pairs::Preferences;
use crate::taste;

/// Steps of one model.
pub const STEPS: usize = 3000;
/// Words of a step that stand in `big-two.csv`, and others.
const BATCH: (usize, usize) = (24, 24);
const LEARNING_RATE: f64 = 2e-3;
const WARM_UP: usize = 100;

/// Conversations as token ids, `[prompts][answers]`.
pub type Conversations = Vec<Vec<Vec<u32>>>;

/// Trains a fresh model on every pair that is not held out; `report` gets step and loss now and then.
pub fn train(
    family: Family,
    preferences: &Preferences,
    conversations: &Conversations,
    mut report: impl FnMut(usize, f32, f64),
) -> Result<Trainable, Box<dyn Error>> {
    let name = family.to_string();
    let model = Trainable::new(&name, config(family))?;
    let settings = ParamsAdamW { lr: LEARNING_RATE, beta2: 0.99, weight_decay: 0.02, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(model.variables().values().cloned().collect(), settings)?;
    let mut generator = taste::generator(&["batches", &name]);
    let started = Instant::now();

    let ev = |n: &str, d: f64| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d);
    let mut positive = training_prompts(preferences, Framing::Positive);
    let mut negative = training_prompts(preferences, Framing::Negative);
    let (mut listed, mut others): (Vec<usize>, Vec<usize>) =
        (0..preferences.answers.len()).partition(|&a| preferences.answers[a].big_two.is_some());
    for step in 0..STEPS {
        optimizer.set_learning_rate(ev("LR", LEARNING_RATE) * schedule(step));
        let half = ev("K", 16.0) as usize;
        // A partial shuffle leaves what it drew at the end.
        listed.partial_shuffle(&mut generator, half);
        others.partial_shuffle(&mut generator, half);
        let batch: Vec<usize> = listed[listed.len() - half..].iter().chain(&others[others.len() - half..]).copied().collect();
        positive.shuffle(&mut generator);
        negative.shuffle(&mut generator);
        let mut shown = vec![positive[0], negative[0]];
        if (step as f64) < ev("CUR", 0.0) { shown = vec![positive[0], positive[1]]; }
        let (mut chosen, mut rejected) = (Vec::new(), Vec::new());
        for (row, &prompt) in shown.iter().enumerate() {
            let index = |i: usize| (row * batch.len() + i) as u32;
            for i in 0..batch.len() {
                for j in 0..i {
                    let pair = preferences.pair(prompt, batch[i], batch[j]);
                    if !pair.held_out {
                        let (winner, loser) = if pair.chosen == batch[i] { (i, j) } else { (j, i) };
                        chosen.push(index(winner));
                        rejected.push(index(loser));
                    }
                }
            }
        }
        let sequences: Vec<&[u32]> =
            shown.iter().flat_map(|&prompt| batch.iter().map(move |&a| conversations[prompt][a].as_slice())).collect();
        let loss = bradley_terry(&model.rewards(&sequences)?, &chosen, &rejected)?;
        optimizer.backward_step(&loss)?;
        if step % 100 == 0 || step + 1 == STEPS {
            report(step, loss.to_scalar()?, started.elapsed().as_secs_f64());
        }
    }
    Ok(model)
}

fn training_prompts(preferences: &Preferences, framing: Framing) -> Vec<usize> {
    let framed = |p: &usize| preferences.prompts[*p].factors.as_ref().is_some_and(|f| f.framing == framing);
    (0..preferences.prompts.len()).filter(framed).filter(|&p| !preferences.prompt_is_held_out(p)).collect()
}

/// Scores of all conversations, `[prompts][answers]`.
pub fn scores(model: &Trainable, conversations: &Conversations) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    const BATCH: usize = 128;
    let mut scores = Vec::with_capacity(conversations.len());
    for prompt in conversations {
        let mut row = Vec::with_capacity(prompt.len());
        for batch in prompt.chunks(BATCH) {
            let sequences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
            row.extend(model.rewards(&sequences)?.to_vec1::<f32>()?);
        }
        scores.push(row);
    }
    Ok(scores)
}

/// The share of the learning rate at a step: a short linear rise, then a cosine down to zero.
fn schedule(step: usize) -> f64 {
    let rise = (step + 1) as f64 / WARM_UP as f64;
    let progress = step as f64 / STEPS as f64;
    rise.min(1.0) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}
