//! The view of the reward that is implicit in two language models.

use std::sync::Arc;

use super::word_tables::{self, Order};
use super::{Controller, Info};
use crate::app::action::Action;
use crate::app::export::{Export, Offer, Snapshot};
use crate::app::key::Key;
use crate::app::table::{RankedTable, TableKind, TableSpec, WordSort};
use crate::app::{App, Level, Model};
use crate::base::terms::{Family, Measure, ModelId, Unit};
use crate::report::figure::{self, Figure, Lollipop, LollipopFigure};
use crate::sources::resolve::{ModelSource, ModelSpec};

const INFO: Info = Info {
    keys: &[Key::char('6')],
    title: "Implicit",
    short_title: None,
    name: "implicit",
    help: "how much more one language model likes each word than another",
    actions: &[word_tables::ACTIONS, &[Action::OtherModel]],
};

/// As a table, and as a picture.
const ENDINGS: &[&str] = &["csv", "jsonl", "parquet", "svg", "png"];

/// What the view keeps.
#[derive(Debug, Default)]
pub struct ImplicitState {
    /// The order of the rows.
    pub order: Order<WordSort>,
    /// How the log-probabilities of two language models become one number.
    pub measure: Measure,
}

pub(super) struct ImplicitView;

impl Controller for ImplicitView {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn table(&self, app: &App) -> Option<TableSpec> {
        let Order { by, reversed } = app.views.implicit.order;
        let (model, other) = app.implicit_models().map_or((None, None), |(a, b)| (Some(a), b));
        Some(TableSpec { kind: TableKind::Implicit(app.views.implicit.measure, by), reversed, model, other, bins: 0 })
    }

    /// Who likes more, then the titles of the columns.
    fn lines_above_rows(&self, _app: &App) -> u16 {
        2
    }

    fn step(&self, app: &mut App, by: isize) {
        word_tables::step(app, by);
    }

    fn to_top(&self, app: &mut App) {
        app.cursor.top();
    }

    fn perform(&self, app: &mut App, action: Action) -> bool {
        if app.views.implicit.order.perform(action, &WordSort::IMPLICIT) {
            app.rank_now();
            return true;
        }
        match action {
            Action::Axis => app.next_measure(),
            Action::OtherModel => app.next_against(),
            _ => return app.perform_common(action),
        }
        true
    }

    fn compared<'a>(&self, app: &'a App) -> Vec<&'a Model> {
        word_tables::models_of_table(app)
    }

    fn offer(&self, app: &App) -> Option<Offer> {
        let (measure, _) = app.implicit_measure(app.table()?);
        word_tables::offer(app, Some(measure.key()), ENDINGS)
    }

    fn snapshot(&self, app: &App, ending: &str, everything: bool) -> Option<Box<dyn Snapshot>> {
        match ending {
            "svg" | "png" => Some(Box::new(app.implicit_snapshot()?)),
            _ => word_tables::snapshot(app, ending, everything),
        }
    }
}

impl App {
    /// The models of the view: two language models A and B, or one model that is an implicit reward itself. The model that is
    /// shown comes first where it is one of them. None where fewer than two language models are open.
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

    /// A, and another model to hold it against; none where no third language model is open.
    fn another_against(&self) -> Option<(ModelId, ModelId)> {
        let (a, b) = self.implicit_models()?;
        let others: Vec<ModelId> =
            self.models.iter().filter(|model| model.unit() == Unit::Nats && model.id != a).map(|model| model.id).collect();
        let at = others.iter().position(|&id| Some(id) == b)?;
        (others.len() > 1).then(|| (a, others[(at + 1) % others.len()]))
    }

    fn next_against(&mut self) {
        let Some((a, other)) = self.another_against() else {
            let open = Action::OpenModel.key_text();
            return self.notify(Level::Info, format!("no third language model is open: {open} opens another"));
        };
        (self.focus, self.other) = (Some(a), Some(other));
        self.rank_now();
    }

    /// The other of the two measures, where the models leave a choice.
    fn next_measure(&mut self) {
        if self.implicit_models().is_some_and(|(_, b)| b.is_none()) {
            return self.notify(Level::Info, "this model is one measure by itself: open its two language models to see both");
        }
        let measure = &mut self.views.implicit.measure;
        *measure = if *measure == Measure::Mwlr { Measure::LogRatio } else { Measure::Mwlr };
        self.rank_now();
    }

    /// The names and the families of the two models of a table.
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
        match (own, table.key.kind) {
            (Some(Unit::Mwlr), _) => (Measure::Mwlr, true),
            (Some(Unit::LogRatio), _) => (Measure::LogRatio, true),
            (_, TableKind::Implicit(measure, _)) => (measure, false),
            (_, TableKind::Words(_) | TableKind::Compare(_)) => (self.views.implicit.measure, false),
        }
    }

    fn implicit_snapshot(&self) -> Option<ImplicitSnapshot> {
        let table = self.shown_table()?.clone();
        let prompt = self.current_prompt().map(|entry| entry.prompt.text.to_string()).unwrap_or_default();
        let (models, (measure, _)) = (self.implicit_names(&table), self.implicit_measure(&table));
        let note = self.asked_differently().into_iter().map(|difference| difference.text).collect::<Vec<_>>().join(" ");
        Some(ImplicitSnapshot { table, models, measure, prompt, note })
    }
}

/// What the picture of the view is drawn from.
#[derive(Debug)]
struct ImplicitSnapshot {
    table: Arc<RankedTable>,
    models: [(String, Family); 2],
    measure: Measure,
    prompt: String,
    /// What makes the numbers doubtful.
    note: String,
}

impl Snapshot for ImplicitSnapshot {
    fn build(&self, _ending: &str) -> Result<Export, String> {
        Ok(Export::Figure(self.figure()))
    }
}

impl ImplicitSnapshot {
    fn figure(&self) -> Figure {
        let (table, corpus) = (&self.table, &self.table.universe.corpus);
        let mut known: Vec<usize> = (0..corpus.words.len()).filter(|&i| !table.left.ranks[i].is_nan()).collect();
        known.sort_by(|&i, &j| table.left.ranks[i].total_cmp(&table.left.ranks[j]));
        let word = |&i: &usize| Lollipop {
            word: corpus.words[i].text.to_string(),
            categories: corpus.categories_of(&corpus.words[i]).map(str::to_owned).collect(),
            value: table.left.scores[i],
            each: Vec::new(),
        };
        let own = LollipopFigure::not_drawn(table.universe.own.len());
        let notes: Vec<&str> = [self.note.as_str(), &own].into_iter().filter(|note| !note.is_empty()).collect();
        figure::lollipops(&LollipopFigure {
            models: self.models.clone(),
            measure: self.measure,
            words: known.iter().map(word).collect(),
            prompt: self.prompt.clone(),
            note: notes.join("; "),
        })
    }
}
