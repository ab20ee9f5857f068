//! Which models are in memory together: a model that is to be loaded finds room beside the others, or in place of some, or
//! waits.

use std::time::Instant;

use super::Worker;
use crate::base::terms::ModelId;
use crate::engine::Phase;
use crate::engine::fit::{self, Fit};
use crate::model::{ModelError, checkpoint};

impl Worker {
    /// Where a model finds room: beside the models that are loaded, if need be with smaller batches, for those are quicker
    /// than to load a model again; else in the place of those used longest ago, where that helps. `None` for one that made room
    /// itself and has to wait now, which an event says; any other that finds none is refused.
    pub(super) fn make_room(&mut self, model: ModelId) -> Result<Option<Fit>, ModelError> {
        let none = || ModelError::unsupported("the model", "has been closed", "Open it again");
        let opened = self.models.get(&model).ok_or_else(none)?;
        let estimate = checkpoint::estimate(&opened.files, &opened.options)?;
        loop {
            let free = (self.available)(&estimate.device);
            let others = || self.models.iter().filter_map(|(id, opened)| Some((*id, opened.loaded.as_ref()?)));
            // One model computes at a time, but each of them must be able to.
            let beside = others().map(|(_, other)| fit::least_working_bytes(other.model.decoder().config())).max().unwrap_or(0);
            if let Some(fit) = Fit::beside(&estimate, free, beside) {
                if let Some(opened) = self.models.get_mut(&model) {
                    opened.waits_since = None;
                }
                return Ok(Some(fit));
            }
            let free_bytes = free.unwrap_or(u64::MAX);
            let needed_bytes = fit::least_bytes(&estimate);
            let held = others().map(|(_, other)| other.fit.needed_bytes()).fold(0, u64::saturating_add);
            let oldest = others().min_by_key(|(_, other)| other.used).map(|(id, _)| id);
            match oldest.filter(|_| free_bytes.saturating_add(held) >= needed_bytes) {
                Some(oldest) => {
                    if let Some(opened) = self.models.get_mut(&oldest) {
                        (opened.loaded, opened.made_room) = (None, true);
                    }
                }
                None => {
                    let opened = self.models.get_mut(&model).ok_or_else(none)?;
                    if !opened.made_room {
                        let (name, free) = (&opened.label.name, free_bytes);
                        return Err(fit::refusal(name, &opened.files, &opened.options, &estimate, free));
                    }
                    opened.waits_since = Some(Instant::now());
                    self.phase(model, Phase::WaitingForMemory { needed_bytes, free_bytes });
                    return Ok(None);
                }
            }
        }
    }

    /// Batches of each loaded model become as large as what is free now allows.
    pub(super) fn share_room(&mut self) {
        for loaded in self.models.values_mut().filter_map(|opened| opened.loaded.as_mut()) {
            let decoder = loaded.model.decoder();
            loaded.room.share(fit::most_nodes(decoder.config(), (self.available)(decoder.device())));
        }
    }
}
