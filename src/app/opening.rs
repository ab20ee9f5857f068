//! Models come and go: opening, closing, cancelling, going on.

use super::action::Action;
use super::hints::StepBack;
use super::{App, Effect, Level, Model, View};
use crate::base::terms::ModelId;
use crate::engine::Phase;
use crate::sources::resolve::ModelSpec;

impl App {
    /// Opens a model and says so to the engine; what it is to score is a matter of the next plan.
    pub(super) fn open(&mut self, spec: ModelSpec) -> Option<Effect> {
        let id = ModelId(self.next_model);
        self.next_model += 1;
        self.models.push(Model::new(id, spec.clone()));
        self.planned.forget();
        Some(Effect::Open { model: id, spec, options: self.options.clone() })
    }

    /// Opens what is not open yet, and shows the first.
    pub(super) fn open_and_show(&mut self, specs: Vec<ModelSpec>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for spec in &specs {
            if !self.models.iter().any(|m| m.spec.source == spec.source) {
                effects.extend(self.open(spec.clone()));
            }
        }
        if let Some(first) = specs.first() {
            self.focus = self.models.iter().find(|m| m.spec.source == first.source).map(|m| m.id);
        }
        effects.extend(self.go_on());
        effects
    }

    /// Plans and ranks anew, after something that the user wants scored.
    pub(super) fn go_on(&mut self) -> Vec<Effect> {
        let mut effects = self.end_pause();
        effects.extend(self.plan());
        effects.extend(self.rank_now());
        effects
    }

    /// What was cancelled is wanted again; the next plan asks for it.
    pub(super) fn end_pause(&mut self) -> Vec<Effect> {
        self.paused = false;
        self.reopen(|model| model.phase == Phase::Cancelled)
    }

    /// Closes the model under the cursor of the list, or, where its failure is all there is to see, the one on the screen.
    pub(super) fn close(&mut self) -> Vec<Effect> {
        if self.view == View::Words {
            if self.failure_in_place_of_words().is_none() {
                let models = Action::Show(View::Models).key_text();
                return self.tell(Level::Info, format!("models are closed in their list: {models} shows it"));
            }
            self.models_cursor = self.models.iter().position(|model| Some(model.id) == self.focus).unwrap_or(0);
        }
        if self.models_cursor >= self.models.len() {
            return Vec::new();
        }
        let closed = self.models.remove(self.models_cursor).id;
        self.score_table.forget(closed);
        self.card.pairs.forget(closed);
        self.models_cursor = self.models_cursor.min(self.models.len().saturating_sub(1));
        if self.focus == Some(closed) {
            self.focus = self.models.get(self.models_cursor).map(|m| m.id);
        }
        let close = std::iter::once(Effect::Close(closed));
        close.chain(self.plan()).chain(self.rank_now()).chain(self.statistics_changed()).collect()
    }

    /// Goes on after a cancel; where nothing was cancelled, tries failed models again.
    pub(super) fn resume(&mut self) -> Vec<Effect> {
        let cancelled = self.paused || self.models.iter().any(|m| m.phase == Phase::Cancelled);
        let mut effects = Vec::new();
        if !cancelled {
            let under_cursor = self.models.get(self.models_cursor).map(|m| m.id).filter(|_| self.view == View::Models);
            effects = self.reopen(|m| matches!(m.phase, Phase::Failed(_)) && under_cursor.is_none_or(|id| id == m.id));
            if effects.is_empty() {
                return self.tell(Level::Info, "nothing was cancelled, and nothing failed");
            }
        }
        effects.extend(self.go_on());
        effects
    }

    fn reopen(&mut self, which: impl Fn(&Model) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for model in self.models.iter_mut().filter(|m| which(m)) {
            model.phase = Phase::Waiting;
            effects.push(Effect::Open { model: model.id, spec: model.spec.clone(), options: self.options.clone() });
        }
        if !effects.is_empty() {
            self.planned.forget();
        }
        effects
    }

    /// One step back: notices, then the search, then what runs.
    pub(super) fn cancel(&mut self) -> Vec<Effect> {
        match self.step_back() {
            Some(StepBack::Notice) => {
                self.toasts.dismiss();
                Vec::new()
            }
            Some(StepBack::Zoom) => {
                self.statistics.zoomed = false;
                Vec::new()
            }
            Some(StepBack::Search) => {
                self.search.input.clear();
                self.rank_now().into_iter().collect()
            }
            Some(StepBack::OwnWords) => self.show_own_words(),
            Some(StepBack::Work) => self.cancel_work(),
            None => Vec::new(),
        }
    }

    fn cancel_work(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for model in self.models.iter_mut().filter(|m| !m.is_recorded() && m.is_opening()) {
            model.phase = Phase::Cancelled;
            effects.push(Effect::Cancel(model.id));
        }
        self.paused = true;
        effects.extend(self.plan());
        effects
    }
}
