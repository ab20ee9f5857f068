//! What a reader must know before believing a comparison: models that were not asked alike, words that one of them lacks.

use super::table::Layout;
use super::{App, Model, View};
use crate::base::text::count;
use crate::engine::Phase;
use crate::model::asking::{Difference, differences};

impl App {
    /// In what the models were asked differently that the view compares; nothing where it compares none.
    pub fn asked_differently(&self) -> Vec<Difference> {
        let of_table = || self.table().map_or([None; 2], |table| [table.key.model, table.key.other]);
        let models: Vec<&Model> = match self.view {
            View::Compare | View::Implicit => of_table().into_iter().flatten().filter_map(|id| self.model(id)).collect(),
            // As those views do: models of one unit.
            View::Statistics | View::Card => {
                let unit = self.focused().map(Model::unit).unwrap_or_default();
                self.models.iter().filter(|model| model.unit() == unit).collect()
            }
            // One model differs from nothing, but may be made of two.
            View::Words => self.focused().into_iter().collect(),
            View::Models | View::Ablation => Vec::new(),
        };
        let asked = models.iter().filter_map(|model| Some((model.spec.name.as_str(), &model.info.as_ref()?.provenance)));
        differences(&asked.collect::<Vec<_>>())
    }

    /// What the top of the view says in the colour of warnings, in more words and in fewer; empty where there is nothing to
    /// say.
    pub fn warning(&self) -> [String; 2] {
        let differing: Vec<String> = self.asked_differently().into_iter().map(|difference| difference.short).collect();
        let differing = differing.join(", ");
        let asked = (!differing.is_empty()).then(|| [format!("not asked alike: {differing}"), differing]);
        let told: Vec<[String; 2]> = asked.into_iter().chain(self.words_in_common()).collect();
        [0, 1].map(|length| told.iter().map(|of| of[length].as_str()).collect::<Vec<_>>().join("; "))
    }

    /// Of the Compare view, how many words both models have, where one of them lacks some that it will not get.
    fn words_in_common(&self) -> Option<[String; 2]> {
        let table = self.table().filter(|table| matches!(table.key.layout, Layout::Compare(_)))?;
        let (left, right) = (&table.left, table.right.as_ref()?);
        let most = left.scored.max(right.scored);
        let lacks = |scored: usize, id| scored < most && self.model(id).is_some_and(|model| !is_at_work(model));
        let torn = left.ranked < left.scored.min(right.scored);
        let told = torn || lacks(left.scored, table.key.model?) || lacks(right.scored, table.key.other?);
        let [common, left, right] = [left.ranked, left.scored, right.scored].map(count);
        let long = format!("ranks over {common} words that both have, of {left} and {right}");
        told.then(|| [long, format!("{common} common words, of {left} and {right}")])
    }
}

/// Whether more scores may come from it without being asked for.
fn is_at_work(model: &Model) -> bool {
    !matches!(model.phase, Phase::Idle | Phase::Failed(_) | Phase::Cancelled)
}
