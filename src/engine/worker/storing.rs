//! The worker and its store: known scores are sent without being computed, computed ones are written before they are sent, and
//! words that another program scores meanwhile are left to it.

use std::collections::HashSet;

use super::{Opened, Running, Worker};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::engine::batch::{Batches, Step, read_token};
use crate::engine::store_adapter::{Answer, Batch, Writing, stored_words};
use crate::engine::{Event, Job, Phase, WordTokens};
use crate::model::{Cancel, ModelError, ModelInfo, ReadToken, checkpoint};
use crate::scores::table::decimal;

/// A batch that has been computed, and is not sent before it is in the store.
pub(super) struct Unwritten {
    pub(super) step: Step,
    pub(super) batch: Batch,
    pub(super) prompt: PromptId,
}

impl Worker {
    /// The id is another model's from now on: drops the key and the unwritten batch that belong to it.
    pub(super) fn forget(&mut self, model: ModelId) {
        self.store.forget(model);
        self.unwritten.take_if(|unwritten| unwritten.batch.model() == model);
    }

    /// Sends the scores of a job that the store has, and leaves the other words to be computed. False where the store is busy.
    pub(super) fn recall(&mut self, at: usize, cancel: &Cancel) -> Result<bool, ModelError> {
        let running = &mut self.jobs[at];
        let job = running.batches.job();
        let (model, prompt) = (job.model, job.prompt);
        let Some(opened) = self.models.get(&model) else { return Ok(true) };
        let version = self.store.version();
        let recalled = match self.store.recall((&opened.files, &opened.label, &opened.options), job, cancel)? {
            Answer::Known(recalled) => recalled,
            Answer::Busy => return Ok(false),
            Answer::Unread => return Ok(true),
        };
        let tokens = match &recalled.info {
            Some(info) => read_tokens(opened, job, info, &recalled.scores, cancel)?,
            None => Vec::new(),
        };
        (running.recalled, running.recalled_at, running.looked_at) = (true, version, version);
        if let Some(left) = recalled.left {
            running.total = left.words.len();
            running.batches = Batches::new(left);
        }
        let done = running.total == 0;
        if let Some(key) = recalled.key {
            self.tell(Event::Key { model, key });
        }
        if let Some(info) = recalled.info.filter(|_| opened.loaded.is_none()) {
            self.tell(Event::Ready { model, info });
        }
        self.tell_known(model, prompt, recalled.scores, tokens);
        if done {
            self.end(at);
        }
        Ok(true)
    }

    /// Several programs may fill one store: of the words that come next, those that another one has scored since are sent and not
    /// computed. True where other words come next now, which it may have scored as well.
    ///
    /// # Errors
    /// As of [`read_tokens`].
    pub(super) fn leave_to_others(&mut self, at: usize, cancel: &Cancel) -> Result<bool, ModelError> {
        let running = &mut self.jobs[at];
        let job = running.batches.job();
        let before = if running.batches.is_fresh() { running.recalled_at } else { running.looked_at };
        let now = self.store.version();
        running.looked_at = now;
        // Tokens come all from one forward, and the store has scores alone.
        if now == before || before.is_none() || !job.token_ids.is_empty() || !job.wants_scores_alone() {
            return Ok(false);
        }
        let (model, prompt, ahead) = (job.model, job.prompt, running.batches.ahead());
        let words: Vec<_> = stored_words(job).filter(|(word, _)| ahead.contains(word)).collect();
        let scores = self.store.written_elsewhere(job, &words);
        if scores.is_empty() {
            return Ok(false);
        }
        let loaded = self.models.get(&model).and_then(|opened| Some((opened, opened.loaded.as_ref()?.model.info())));
        let tokens = match loaded {
            Some((opened, info)) => read_tokens(opened, job, info, &scores, cancel)?,
            None => Vec::new(),
        };
        running.batches.leave_out(&scores.iter().map(|(word, _)| *word).collect::<HashSet<_>>());
        let others = running.batches.is_fresh() && !running.batches.is_done();
        self.tell_known(model, prompt, scores, tokens);
        Ok(others)
    }

    /// Tells what the store had, if it had anything.
    fn tell_known(&self, model: ModelId, prompt: PromptId, scores: Vec<(WordId, f32)>, tokens: Vec<(WordId, WordTokens)>) {
        if !tokens.is_empty() {
            self.tell(Event::Tokens { model, prompt, tokens });
        }
        if !scores.is_empty() {
            self.tell_scores(model, prompt, scores);
        }
    }

    /// Tells a batch, once it is in the store: nothing that was seen is lost, whatever happens to this process. False where it
    /// cannot be written yet.
    pub(super) fn finish(&mut self, mut unwritten: Unwritten) -> bool {
        let kept = self.store.keep(&unwritten.batch, &mut unwritten.step.scores);
        self.tell_notices();
        if kept == Writing::Busy {
            self.unwritten = Some(unwritten);
            return false;
        }
        let Unwritten { step, batch, prompt } = unwritten;
        let model = batch.model();
        if !step.unscorable.is_empty() {
            self.tell(Event::Unscorable { model, prompt, words: step.unscorable });
        }
        if !step.tokens.is_empty() {
            self.tell(Event::Tokens { model, prompt, tokens: step.tokens });
        }
        if !step.scores.is_empty() {
            self.tell_scores(model, prompt, step.scores);
        }
        let is_its = |job: &Running| (job.batches.job().model, job.batches.job().prompt) == (model, prompt);
        let Some(at) = self.jobs.iter().position(is_its) else { return true };
        let running = &self.jobs[at];
        let done = running.total.saturating_sub(running.batches.remaining());
        let words_per_second = done as f64 / running.started.elapsed().as_secs_f64().max(1e-9);
        let eta = running.batches.remaining() as f64 / words_per_second;
        let phase = Phase::Scoring { prompt, done, total: running.total, words_per_second, eta };
        let is_done = running.batches.is_done();
        self.phase(model, phase);
        if is_done {
            self.end(at);
        }
        true
    }

    fn tell_scores(&self, model: ModelId, prompt: PromptId, scores: Vec<(WordId, f32)>) {
        let scores = scores.into_iter().map(|(word, score)| (word, decimal(score))).collect();
        self.tell(Event::Scores { model, prompt, scores });
    }

    pub(super) fn tell_notices(&mut self) {
        for text in self.store.notices() {
            self.tell(Event::Notice { text });
        }
    }
}

/// The tokens that rewards are read at, of the words of a job whose scores the store had: it has scores alone, so that the
/// tokenizer is asked. Of none where it is the last token in any case, and where the job does not ask.
///
/// # Errors
/// Those of the model's files, and [`ModelError::Cancelled`].
fn read_tokens(
    opened: &Opened,
    job: &Job,
    info: &ModelInfo,
    scores: &[(WordId, f32)],
    cancel: &Cancel,
) -> Result<Vec<(WordId, WordTokens)>, ModelError> {
    if !job.read_tokens || info.provenance.policies.read != Some(ReadToken::BeforePad) {
        return Ok(Vec::new());
    }
    let read;
    let tokenizer = match &opened.loaded {
        Some(loaded) => loaded.model.tokenizer(),
        None => {
            (read, _) = checkpoint::read_tokenizer(&opened.files, &opened.options)?;
            &read
        }
    };
    let known: HashSet<WordId> = scores.iter().map(|(word, _)| *word).collect();
    let (words, texts): (Vec<WordId>, Vec<&str>) =
        job.words.iter().filter(|(word, _)| known.contains(word)).map(|(word, text)| (*word, &**text)).unzip();
    let all = tokenizer.encode_all(&job.prompt_text, &texts, cancel)?;
    let tokens = |ids: Vec<u32>| WordTokens { read_token: read_token(tokenizer, &ids), ..WordTokens::default() };
    Ok(words.into_iter().zip(all).filter_map(|(word, ids)| Some((word, tokens(ids.ok()?)))).collect())
}

#[cfg(test)]
#[path = "storing_tests.rs"]
mod tests;
