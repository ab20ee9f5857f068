//! A model's judgement of pairs: each answer scored as the answer to its own question.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cli::Failure;
use crate::cli::gather::Gather;
use crate::corpus::pairs::AnswerPair;
use crate::engine::Job;
use crate::model::Unit;
use crate::scores::{ModelId, PromptId, WordId};
use crate::stats::card::Accuracy;

/// None where no pair could be judged. What was left out is noted.
pub(super) fn judge(
    gather: &mut Gather,
    model: ModelId,
    pairs: Vec<AnswerPair>,
    several_turns: usize,
    notes: &mut Vec<String>,
) -> Result<Option<Accuracy>, Failure> {
    if several_turns > 0 {
        notes.push(format!("{several_turns} pairs are conversations of several turns and were left out"));
    }
    // Answers to one question share its prefix; an answer that stands in several pairs is scored once.
    let mut questions: HashMap<String, u32> = HashMap::new();
    let mut texts: HashMap<String, u32> = HashMap::new();
    let mut jobs: Vec<Job> = Vec::new();
    let mut judged: Vec<[(PromptId, WordId); 2]> = Vec::new();
    for AnswerPair { prompt, chosen, rejected } in pairs {
        let id = *questions.entry(prompt).or_insert_with_key(|prompt| {
            let prompt_text: Arc<str> = prompt.as_str().into();
            let id = PromptId(jobs.len() as u32);
            jobs.push(Job { model, prompt: id, prompt_text, words: Vec::new(), token_ids: Vec::new(), tokens: false });
            id.0
        });
        let words = &mut jobs[id as usize].words;
        let mut answer = |text: String| {
            let next = texts.len() as u32;
            let word = WordId(*texts.entry(text.clone()).or_insert(next));
            if !words.iter().any(|(known, _)| *known == word) {
                words.push((word, text.into()));
            }
            (PromptId(id), word)
        };
        judged.push([answer(chosen), answer(rejected)]);
    }
    let mut scores: HashMap<(PromptId, WordId), f32> = HashMap::new();
    let left_out = gather.score(jobs, &mut |_, prompt, found| {
        scores.extend(found.into_iter().map(|(word, score)| ((prompt, word), score)));
    })?;
    let score = |key: &(PromptId, WordId)| scores.get(key).map(|score| f64::from(*score));
    let both: Vec<(f64, f64)> = judged.iter().filter_map(|[chosen, rejected]| Some((score(chosen)?, score(rejected)?))).collect();
    if both.len() < judged.len() {
        let why = left_out.first().map(|word| format!(", first {}", word.reason)).unwrap_or_default();
        notes.push(format!("{} of {} pairs could not be judged{why}", judged.len() - both.len(), judged.len()));
    }
    if gather.infos.get(&model).is_some_and(|info| info.provenance.unit != Unit::Reward) {
        notes.push("pairs are judged by the log-probability of whole answers, which favours short ones".to_owned());
    }
    Ok(Accuracy::of(both))
}
