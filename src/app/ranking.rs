//! The tables of words: which one a view shows, and when a new one is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::pacer::Pacer;
use super::table::{RankRequest, RankedTable, TableKey, TableKind};
use super::views::words;
use super::{App, Effect, View};

/// Tables kept for flipping back without a wait.
const KEPT_TABLES: usize = 24;

/// The tables that are shown and the requests for new ones.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    /// The newest of each view.
    shown: HashMap<View, Arc<RankedTable>>,
    /// The newest for each view and pair of models, as they were last seen.
    kept: Vec<Arc<RankedTable>>,
    pub(super) pacer: Pacer,
}

impl Ranking {
    /// The words are others than before.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    fn keep(&mut self, table: Arc<RankedTable>) {
        let place = |table: &RankedTable| (table.key.view, table.key.model, table.key.other);
        self.kept.retain(|old| place(old) != place(&table));
        self.kept.push(table);
        if self.kept.len() > KEPT_TABLES {
            self.kept.remove(0);
        }
    }
}

impl App {
    /// The newest table of the view, if one has been computed; of a view that is no table of words, the newest of one model's
    /// words.
    pub fn table(&self) -> Option<&RankedTable> {
        self.shown_table().map(Arc::as_ref)
    }

    /// Whether that table knows of every score that came in.
    pub fn table_is_current(&self) -> bool {
        self.ranking.pacer.is_current()
    }

    pub(super) fn shown_table(&self) -> Option<&Arc<RankedTable>> {
        self.ranking.shown.get(&self.view_of_table())
    }

    /// Whether the view is a table of words.
    pub fn shows_table(&self) -> bool {
        self.view.controller().table(self).is_some()
    }

    /// The view whose table is kept up to date. Where the view on the screen has none, it is that of one model's words, which
    /// the status line counts.
    fn view_of_table(&self) -> View {
        if self.shows_table() { self.view } else { View::Words }
    }

    /// What the view shows, as a key of a table; none where no view is a table of words.
    fn table_key(&self) -> Option<TableKey> {
        let view = self.view_of_table();
        let spec = view.controller().table(self)?;
        let categories = &self.universe.corpus.categories;
        let filter = (0..).zip(categories).filter(|(_, name)| self.filter.contains(*name)).map(|(i, _)| i).collect();
        Some(TableKey {
            view,
            kind: spec.kind,
            reversed: spec.reversed,
            model: spec.model,
            other: spec.other,
            prompt: self.prompt_id(),
            universe: self.universe.version,
            filter,
            own_only: self.own_only,
            search: self.search.query().to_owned(),
            axis: self.axis,
            bins: words::histogram_layout(self.size, categories.len()).bins,
            rating: self.views.words.rating.filter(|_| view == View::Words),
        })
    }

    /// Asks for the table of the view at once, and shows the one kept from last time until it comes.
    pub(super) fn rank_now(&mut self) {
        let key = self.table_key();
        if let Some(kept) = self.ranking.kept.iter().find(|table| Some(&table.key) == key.as_ref()).cloned() {
            self.show_table(kept);
        }
        let generation = self.ranking.pacer.ask_at_once(self.now);
        self.request_table(generation);
    }

    /// Scores came in: asks for a new table when one is due.
    pub(super) fn rank_later(&mut self) {
        self.ranking.pacer.change();
        self.rank_when_due();
    }

    pub(super) fn rank_when_due(&mut self) {
        if let Some(generation) = self.ranking.pacer.ask(self.now) {
            self.request_table(generation);
        }
    }

    fn request_table(&mut self, generation: u64) {
        let Some(key) = self.table_key() else { return };
        let columns = key
            .prompt
            .map(|prompt| self.models.iter().map(|m| (m.id, m.unit(), self.score_table.column(m.id, prompt))).collect());
        let prompts = match (key.kind, self.focus) {
            (TableKind::Words(_), Some(model)) => {
                self.prompts.iter().map(|p| (p.id, self.score_table.column(model, p.id))).collect()
            }
            (TableKind::Words(_) | TableKind::Compare(_) | TableKind::Implicit(..), _) => Vec::new(),
        };
        let (universe, columns, ratings) = (self.universe.clone(), columns.unwrap_or_default(), self.ratings.clone());
        self.effects.push(Effect::Rank(Box::new(RankRequest { generation, key, universe, columns, prompts, ratings })));
    }

    /// Takes in what was asked for.
    pub(super) fn ranked(&mut self, table: RankedTable) {
        let table = Arc::new(table);
        let shortest_rest = Duration::from_micros(4 * table.universe.len() as u64);
        self.ranking.pacer.answered(table.generation, self.now, shortest_rest);
        if table.key.universe == self.universe.version {
            self.ranking.keep(table.clone());
        }
        // A table of another view or model is kept for when that comes back.
        if Some(&table.key) == self.table_key().as_ref() {
            self.show_table(table);
        }
        self.rank_when_due();
    }

    fn show_table(&mut self, table: Arc<RankedTable>) {
        self.cursor.settle(&table);
        if self.search.jump && table.key.search == self.search.query() {
            self.search.jump = false;
            let from = self.search.origin.and_then(|word| table.row_of(word)).unwrap_or(0);
            let at = table.matches.partition_point(|&m| (m as usize) < from);
            if let Some(&row) = table.matches.get(at).or(table.matches.first()) {
                self.cursor.go(row as usize, &table, self.table_rows());
            }
        }
        self.ranking.shown.insert(table.key.view, table);
    }
}
