//! A word that is inspected has its head read at every token and layer, once no request waits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Worker, panic_text};
use crate::base::terms::{PromptId, WordId};
use crate::engine::batch::Batches;
use crate::engine::{Event, InspectRequest, Job, Phase, Readings, Unread, WordTokens};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, ModelError};

impl Worker {
    /// Reads the word that was inspected last, and sends what came of it; nothing of a language model, and nothing once it is
    /// cancelled, which the end of the program alone does.
    pub(super) fn read(&mut self, cancel: &Cancel) {
        let Some(request) = self.unread.take() else { return };
        let model = request.model;
        let has_loaded = request.load && self.models.get(&model).is_some_and(|opened| !opened.failed && opened.loaded.is_none());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if has_loaded {
                self.load(model, cancel)?;
            }
            self.readings(&request, cancel)
        }));
        let outcome = outcome.unwrap_or_else(|panic| {
            Err(ModelError::unsupported(self.name(model), panic_text(&*panic), "Please report this with the model's name"))
        });
        self.tell_notices();
        if has_loaded && !self.jobs.iter().any(|job| job.batches.job().model == model) {
            self.phase(model, Phase::Idle);
        }
        let readings = match outcome {
            Ok(None) | Err(ModelError::Cancelled) => return,
            Ok(Some(readings)) => readings,
            Err(error) => Err(Unread::Refused(error.to_string())),
        };
        let InspectRequest { prompt_text, word, .. } = request;
        self.tell(Event::Read { model, prompt_text, word, readings });
    }

    /// In a forward of its own: the prefix of the job that runs stays as it is.
    fn readings(
        &mut self,
        request: &InspectRequest,
        cancel: &Cancel,
    ) -> Result<Option<Result<Box<WordTokens>, Unread>>, ModelError> {
        let loaded = self.models.get_mut(&request.model).and_then(|opened| opened.loaded.as_mut());
        let Some(loaded) = loaded else { return Ok(Some(Err(Unread::NotLoaded))) };
        let LoadedModel::Reward(reward) = &loaded.model else { return Ok(None) };
        let readings = Readings { by_token: !reward.head.is_gated(), by_layer: true };
        let words = vec![(WordId(0), request.word.clone())];
        let job = Job { readings, ..Job::new(request.model, PromptId(0), request.prompt_text.clone(), words) };
        let (mut batches, mut prefix) = (Batches::new(job), None);
        let step = loaded.room.run(&mut batches, |batches| batches.step(&loaded.model, &mut prefix, cancel))?;
        Ok(Some(match (step.tokens.into_iter().next(), step.unscorable.into_iter().next()) {
            (Some((_, readings)), _) => Ok(Box::new(readings)),
            (None, Some((_, why))) => Err(Unread::Refused(why)),
            (None, None) => return Ok(None),
        }))
    }
}
