//! Warnings about a comparison: models that were not asked alike, words that one of them lacks.

use super::App;
use crate::model::asking::{Difference, differences};

impl App {
    /// Differences in how the models were asked that the view compares.
    pub fn asked_differently(&self) -> Vec<Difference> {
        let models = self.view.controller().compared(self);
        let asked = models.iter().filter_map(|model| Some((model.spec.name.as_str(), &model.info.as_ref()?.provenance)));
        differences(&asked.collect::<Vec<_>>())
    }

    /// The warning at the top of the view, in more words and in fewer; empty where there is none.
    pub fn warning(&self) -> [String; 2] {
        let differing: Vec<String> = self.asked_differently().into_iter().map(|difference| difference.short).collect();
        let differing = differing.join(", ");
        let asked = (!differing.is_empty()).then(|| [format!("not asked alike: {differing}"), differing]);
        let warnings: Vec<[String; 2]> = asked.into_iter().chain(self.view.controller().caveat(self)).collect();
        [0, 1].map(|length| warnings.iter().map(|texts| texts[length].as_str()).collect::<Vec<_>>().join("; "))
    }
}
