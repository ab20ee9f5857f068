//! The implicit view: which two language models it is about.

use crate::app::table::{Layout, RankedTable};
use crate::app::{App, Effect, Level, Model};
use crate::base::terms::{Family, Measure, ModelId, Unit};
use crate::sources::resolve::{ModelSource, ModelSpec};

impl App {
    /// What the implicit view is about: A and B, or a model that is an implicit reward itself, alone. The model on the screen
    /// stands first where it is one of these; none where fewer than two language models are open.
    pub fn implicit_models(&self) -> Option<(ModelId, Option<ModelId>)> {
        let is_pair = |model: &&Model| matches!(model.unit(), Unit::Mwlr | Unit::LogRatio);
        let is_language = |model: &&Model| model.unit() == Unit::Nats;
        let focused = || self.focused().into_iter();
        if let Some(pair) = focused().find(is_pair) {
            return Some((pair.id, None));
        }
        let against = |a: &Model| {
            let chosen = self.other.and_then(|id| self.model(id)).into_iter();
            let of_another_family = self.models.iter().filter(|model| model.family() != a.family());
            let candidates = chosen.chain(of_another_family).chain(&self.models);
            candidates.filter(is_language).find(|model| model.id != a.id).map(|model| model.id)
        };
        let first = focused().chain(&self.models).find(is_language);
        let pair = first.and_then(|a| Some((a.id, Some(against(a)?))));
        pair.or_else(|| self.models.iter().find(is_pair).map(|pair| (pair.id, None)))
    }

    /// Another model to hold A against.
    pub(in crate::app) fn next_against(&mut self) -> Option<Vec<Effect>> {
        let (a, b) = self.implicit_models()?;
        let others: Vec<ModelId> =
            self.models.iter().filter(|model| model.unit() == Unit::Nats && model.id != a).map(|model| model.id).collect();
        let at = others.iter().position(|&id| Some(id) == b)?;
        if others.len() < 2 {
            return None;
        }
        self.focus = Some(a);
        self.other = Some(others[(at + 1) % others.len()]);
        Some(self.rank_now().into_iter().collect())
    }

    /// The other of the two measures, where the models leave a choice.
    pub(in crate::app) fn next_measure(&mut self) -> Vec<Effect> {
        if self.implicit_models().is_some_and(|(_, b)| b.is_none()) {
            return self.tell(Level::Info, "this model is one measure by itself: open its two language models to see both");
        }
        self.measure = if self.measure == Measure::Mwlr { Measure::LogRatio } else { Measure::Mwlr };
        self.rank_now().into_iter().collect()
    }

    /// What the two models of a table are called, and of which families they are.
    pub fn implicit_names(&self, table: &RankedTable) -> [(String, Family); 2] {
        let model = |id: Option<ModelId>| id.and_then(|id| self.model(id));
        let of_model = |model: &Model| (model.spec.name.clone(), model.family());
        match (model(table.key.model), model(table.key.other)) {
            (Some(a), Some(b)) => [a, b].map(of_model),
            (Some(Model { spec: ModelSpec { source: ModelSource::Implicit { models, .. }, .. }, .. }), None) => {
                models.each_ref().map(|spec| (spec.name.clone(), spec.family))
            }
            (one, _) => [one.map(of_model), None].map(|name| name.unwrap_or((String::new(), Family::Other))),
        }
    }

    /// The measure of a table, and whether it is the model's own, which no key changes.
    pub fn implicit_measure(&self, table: &RankedTable) -> (Measure, bool) {
        let own = table.key.model.and_then(|id| self.model(id)).map(Model::unit);
        match (own, table.key.layout) {
            (Some(Unit::Mwlr), _) => (Measure::Mwlr, true),
            (Some(Unit::LogRatio), _) => (Measure::LogRatio, true),
            (_, Layout::Implicit(measure, _)) => (measure, false),
            _ => (self.measure, false),
        }
    }
}
