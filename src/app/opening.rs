//! Models come and go: opening, closing, cancelling, going on.

use super::action::Action;
use super::hints::StepBack;
use super::{App, Effect, Level, Model};
use crate::base::terms::ModelId;
use crate::engine::Phase;
use crate::sources::resolve::ModelSpec;

impl App {
    /// Opens a model and says so to the engine; what it is to score is a matter of the next plan.
    pub(super) fn open(&mut self, spec: ModelSpec) {
        let id = ModelId(self.next_model);
        self.next_model += 1;
        self.models.push(Model::new(id, spec.clone()));
        self.planned.forget();
        self.effects.push(Effect::Open { model: id, spec, options: self.options.clone() });
    }

    /// Opens what is not open yet, and shows the first.
    pub(super) fn open_and_show(&mut self, specs: Vec<ModelSpec>) {
        for spec in &specs {
            if !self.models.iter().any(|m| m.spec.source == spec.source) {
                self.open(spec.clone());
            }
        }
        if let Some(first) = specs.first() {
            self.focus = self.models.iter().find(|m| m.spec.source == first.source).map(|m| m.id);
        }
        self.go_on();
    }

    /// Plans and ranks anew, after something that the user wants scored.
    pub(super) fn go_on(&mut self) {
        self.end_pause();
        self.plan();
        self.rank_now();
    }

    /// What was cancelled is wanted again; the next plan asks for it.
    pub(super) fn end_pause(&mut self) {
        self.paused = false;
        self.reopen(|model| model.phase == Phase::Cancelled);
    }

    /// Closes the model of that number.
    pub(super) fn close(&mut self, at: usize) {
        if at >= self.models.len() {
            return;
        }
        let closed = self.models.remove(at).id;
        self.score_table.forget(closed);
        self.views.card.pairs.forget(closed);
        let neighbour = at.min(self.models.len().saturating_sub(1));
        self.views.models.cursor = neighbour;
        if self.focus == Some(closed) {
            self.focus = self.models.get(neighbour).map(|m| m.id);
        }
        self.effects.push(Effect::Close(closed));
        self.plan();
        self.rank_now();
        self.data_changed();
    }

    /// Goes on after a cancel; where nothing was cancelled, tries failed models again, or `only` that one.
    pub(super) fn resume(&mut self, only: Option<ModelId>) {
        let is_cancelled = self.paused || self.models.iter().any(|m| m.phase == Phase::Cancelled);
        if !is_cancelled && !self.reopen(|m| matches!(m.phase, Phase::Failed(_)) && only.is_none_or(|id| id == m.id)) {
            return self.notify(Level::Info, "nothing was cancelled, and nothing failed");
        }
        self.go_on();
    }

    /// Opens models anew; false where none is meant.
    fn reopen(&mut self, is_meant: impl Fn(&Model) -> bool) -> bool {
        let mut any = false;
        for model in self.models.iter_mut().filter(|m| is_meant(m)) {
            model.phase = Phase::Waiting;
            self.effects.push(Effect::Open { model: model.id, spec: model.spec.clone(), options: self.options.clone() });
            any = true;
        }
        if any {
            self.planned.forget();
        }
        any
    }

    /// One step back: notices, then the search, then what runs.
    pub(super) fn cancel(&mut self) {
        match self.step_back() {
            Some(StepBack::Notice) => {
                self.toasts.dismiss();
            }
            Some(StepBack::Zoom) => {
                self.perform(Action::Zoom);
            }
            Some(StepBack::Search) => {
                self.search.input.clear();
                self.rank_now();
            }
            Some(StepBack::OwnWords) => self.show_own_words(),
            Some(StepBack::Work) => self.cancel_work(),
            None => {}
        }
    }

    fn cancel_work(&mut self) {
        for model in self.models.iter_mut().filter(|m| !m.is_recorded() && m.is_opening()) {
            model.phase = Phase::Cancelled;
            self.effects.push(Effect::Cancel(model.id));
        }
        self.paused = true;
        self.plan();
    }
}
