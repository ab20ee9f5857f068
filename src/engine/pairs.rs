//! Pairs of answers as questions to a model, and its judgement of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::terms::{ModelId, PromptId, Unit, WordId};
use crate::corpus::pairs::AnswerPair;
use crate::engine::Job;
use crate::scores::table::ScoreTable;
use crate::stats::card::Accuracy;

/// Pairs with ids for their texts. Each answer is scored as the answer to its own question; answers to one question share its
/// prefix, and an answer that is part of several pairs is scored once.
#[derive(Clone, Debug, Default)]
pub struct PreferencePairs {
    questions: Vec<Question>,
    /// Of each question in `questions`.
    places: HashMap<PromptId, usize>,
    /// Question, and the answers chosen and rejected.
    pairs: Vec<(PromptId, [WordId; 2])>,
    several_turns: usize,
}

#[derive(Clone, Debug)]
struct Question {
    id: PromptId,
    text: Arc<str>,
    answers: Vec<(WordId, Arc<str>)>,
}

impl PreferencePairs {
    /// `several_turns` pairs were left out when they were read; `score_table` gives the ids.
    pub fn new(pairs: Vec<AnswerPair>, several_turns: usize, score_table: &mut ScoreTable) -> PreferencePairs {
        let mut judging = PreferencePairs { several_turns, ..PreferencePairs::default() };
        for AnswerPair { prompt, chosen, rejected } in pairs {
            let id = score_table.prompt(&prompt);
            let at = *judging.places.entry(id).or_insert_with(|| {
                judging.questions.push(Question { id, text: score_table.prompt_text(id).clone(), answers: Vec::new() });
                judging.questions.len() - 1
            });
            let answers = &mut judging.questions[at].answers;
            let answer = |text: String| {
                let word = score_table.word(&text);
                if !answers.iter().any(|(known, _)| *known == word) {
                    answers.push((word, text.into()));
                }
                word
            };
            let both = [chosen, rejected].map(answer);
            judging.pairs.push((id, both));
        }
        judging
    }

    /// Pairs that can be judged.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// What `model` is to be asked: the answers that are not `known`.
    pub fn jobs(&self, model: ModelId, known: impl Fn(PromptId, WordId) -> bool) -> Vec<Job> {
        let job = |question: &Question| {
            let unknown = question.answers.iter().filter(|(word, _)| !known(question.id, *word));
            let (prompt, prompt_text, words) = (question.id, question.text.clone(), unknown.cloned().collect());
            Job::new(model, prompt, prompt_text, words)
        };
        self.questions.iter().map(job).filter(|job| !job.words.is_empty()).collect()
    }

    /// Whether `prompt` is one of the questions.
    pub fn asks(&self, prompt: PromptId) -> bool {
        self.places.contains_key(&prompt)
    }

    /// The accuracy over the pairs of which both answers have a score, and how many these are.
    pub fn judged(&self, score: impl Fn(PromptId, WordId) -> Option<f64>) -> (Option<Accuracy>, usize) {
        let both =
            |(prompt, [chosen, rejected]): &(PromptId, [WordId; 2])| Some((score(*prompt, *chosen)?, score(*prompt, *rejected)?));
        let both: Vec<(f64, f64)> = self.pairs.iter().filter_map(both).collect();
        let judged = both.len();
        (Accuracy::from_scores(both), judged)
    }

    /// What a reader should know where `judged` pairs were; `why` the first of the others was not.
    pub fn notes(&self, judged: usize, unit: Unit, why: Option<&str>) -> Vec<String> {
        let mut notes = Vec::new();
        if self.several_turns > 0 {
            notes.push(format!("{} pairs are conversations of several turns and were left out", self.several_turns));
        }
        if judged < self.len() {
            let why = why.map(|why| format!(", first {why}")).unwrap_or_default();
            notes.push(format!("{} of {} pairs could not be judged{why}", self.len() - judged, self.len()));
        }
        if unit != Unit::Reward {
            notes.push("pairs are judged by the log-probability of whole answers, which favours short ones".to_owned());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_twice_is_scored_once_and_ties_count_half() {
        let pair = |prompt: &str, chosen: &str, rejected: &str| AnswerPair {
            prompt: prompt.into(),
            chosen: chosen.into(),
            rejected: rejected.into(),
        };
        let mut score_table = ScoreTable::default();
        let pairs = vec![pair("p", "a", "b"), pair("q", "a", "c"), pair("p", "c", "b"), pair("q", "d", "d")];
        let judging = PreferencePairs::new(pairs, 1, &mut score_table);
        let [a, b, c] = ["a", "b", "c"].map(|text| score_table.word(text));
        let jobs = judging.jobs(ModelId(3), |_, word| word == c);
        let asked: Vec<(&str, Vec<&str>)> =
            jobs.iter().map(|job| (&*job.prompt_text, job.words.iter().map(|(_, text)| &**text).collect())).collect();
        assert_eq!(asked, [("p", vec!["a", "b"]), ("q", vec!["a", "d"])]);
        assert!(
            jobs.iter().all(|job| job.model == ModelId(3))
                && judging.asks(score_table.prompt("q"))
                && !judging.asks(score_table.prompt("r"))
        );
        let (accuracy, judged) = judging.judged(|_, word| (word == a || word == b).then_some(f64::from(word.0)));
        assert_eq!((judged, accuracy.unwrap().rejected), (1, 1));
        assert!(judging.notes(1, Unit::Reward, Some("x"))[1].starts_with("3 of 4 pairs could not be judged, first x"));
        let (all, _) = judging.judged(|_, word| Some(-f64::from(word.0)));
        assert_eq!((all.unwrap().ties, judging.notes(4, Unit::Nats, None).len()), (1, 2));
    }
}
