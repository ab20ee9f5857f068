//! Messages to effects: what the engine tells, what comes back from other threads, when a table is asked for anew.

use std::sync::Arc;
use std::time::Duration;

use super::table::{Layout, RankRequest, RankedTable, TableKey};
use super::{App, Effect, Level, Message, Universe, View, layout};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::{Corpus, Word};
use crate::engine::{Event, Phase};
use crate::recorded::scores::Recorded;

/// Tables kept for flipping back without a wait.
const KEPT_TABLES: usize = 24;

/// The tables on the screen and the requests for new ones.
#[derive(Debug, Default)]
pub(super) struct Tables {
    words: Option<Arc<RankedTable>>,
    compare: Option<Arc<RankedTable>>,
    implicit: Option<Arc<RankedTable>>,
    /// The newest for each pair of models, as they were last seen.
    kept: Vec<Arc<RankedTable>>,
    generation: u64,
    in_flight: bool,
    /// Scores came in since the request in flight.
    stale: bool,
    /// A request waits until then.
    due: Option<Duration>,
    /// No request for new scores before this time.
    rest_until: Duration,
}

impl Tables {
    pub(super) fn shown(&self, view: View) -> Option<&RankedTable> {
        match view {
            View::Compare => self.compare.as_deref(),
            View::Implicit => self.implicit.as_deref(),
            _ => self.words.as_deref(),
        }
    }

    /// The same, to be kept while a newer one takes its place.
    pub(super) fn snapshot(&self, view: View) -> Option<Arc<RankedTable>> {
        match view {
            View::Compare => self.compare.clone(),
            View::Implicit => self.implicit.clone(),
            _ => self.words.clone(),
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    fn show(&mut self, table: Arc<RankedTable>) {
        match table.key.layout {
            Layout::Words(_) => self.words = Some(table),
            Layout::Compare(_) => self.compare = Some(table),
            Layout::Implicit(..) => self.implicit = Some(table),
        }
    }

    fn keep(&mut self, table: Arc<RankedTable>) {
        let place = |t: &RankedTable| (std::mem::discriminant(&t.key.layout), t.key.model, t.key.other);
        self.kept.retain(|old| place(old) != place(&table));
        self.kept.push(table);
        if self.kept.len() > KEPT_TABLES {
            self.kept.remove(0);
        }
    }
}

impl App {
    /// Takes a message in. `now` is the time since the start of the program, on a clock that never goes back.
    pub fn update(&mut self, message: Message, now: Duration) -> Vec<Effect> {
        self.now = now;
        let mut effects = self.take(message);
        // The card follows the model on the screen.
        effects.extend(self.card_of_another());
        effects
    }

    fn take(&mut self, message: Message) -> Vec<Effect> {
        let now = self.now;
        match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Resize(columns, rows) => {
                self.size = (columns, rows);
                match &mut self.overlay {
                    Some(super::Overlay::Help { scroll }) => *scroll = (*scroll).min(layout::help_scroll(self.size)),
                    Some(super::Overlay::Inspector(inspector)) => {
                        inspector.scroll = inspector.scroll.min(super::inspector::inspector_scroll(self.size, inspector));
                    }
                    _ => {}
                }
                self.rank_now().into_iter().collect()
            }
            Message::Engine(event) => self.engine(event),
            Message::Ranked(table) => self.ranked(*table).into_iter().collect(),
            Message::Statistics(statistics) => self.statistics_computed(*statistics).into_iter().collect(),
            Message::Card(shown) => self.card_computed(*shown).into_iter().collect(),
            Message::Followed(outcome) => self.followed(outcome.map(|ablation| *ablation)),
            Message::Trainings(paths) => self.open_trainings(paths),
            Message::Tick => {
                self.toasts.expire(now);
                let due = self.tables.due.is_some_and(|due| due <= now);
                let ranks = due.then(|| self.rank_now()).flatten();
                ranks.into_iter().chain(self.statistics_due()).collect()
            }
            Message::Corpus(Ok(corpus)) => {
                if !corpus.notes.is_empty() {
                    self.tell(Level::Info, format!("{}: {}", corpus.name, corpus.notes.join("; ")));
                }
                self.corpus = Some(corpus);
                self.cursor.top();
                self.words_changed()
            }
            Message::Corpus(Err(error)) | Message::Resolved(Err(error)) => self.tell(Level::Error, error),
            Message::Joined(corpus) => {
                // An answer for fewer words than there are by now is overtaken by the next one.
                if corpus.words.len() == self.recorded.words.len() {
                    self.recorded = Arc::unwrap_or_clone(corpus);
                    if self.corpus.is_none() {
                        return self.words_changed();
                    }
                }
                Vec::new()
            }
            Message::Resolved(Ok(specs)) => self.open_and_show(specs),
            Message::Models(entries) => {
                self.catalogue = entries;
                self.refresh_picker();
                Vec::new()
            }
            Message::Corpora(entries) => {
                self.corpora = entries;
                self.refresh_picker();
                Vec::new()
            }
            Message::Exported(outcome) => self.exported(outcome),
            Message::Notify(level, text) => self.tell(level, text),
        }
    }

    pub(super) fn tell(&mut self, level: Level, text: impl Into<String>) -> Vec<Effect> {
        self.toasts.push(level, text, self.now);
        Vec::new()
    }

    /// The words of the list are others than before.
    pub(super) fn words_changed(&mut self) -> Vec<Effect> {
        let effects = self.own_words_changed();
        effects.into_iter().chain(self.statistics_changed()).chain(self.follow()).collect()
    }

    /// The own words are others than before; all that the list's are in stays.
    pub(super) fn own_words_changed(&mut self) -> Vec<Effect> {
        let corpus = self.corpus.as_deref().unwrap_or(&self.recorded);
        let universe = Universe::new(self.universe.version + 1, corpus, &self.added, &self.typed, &mut self.score_table);
        self.filter.retain(|name| universe.corpus.categories.contains(name));
        self.own_only &= !universe.own.is_empty();
        self.universe = Arc::new(universe);
        self.tables.kept.clear();
        self.plan().into_iter().chain(self.rank_now()).collect()
    }

    fn engine(&mut self, event: Event) -> Vec<Effect> {
        let id = match (&event, event.model()) {
            (Event::Notice { text }, _) => return self.tell(Level::Warning, text.clone()),
            (_, Some(id)) => id,
            (_, None) => return Vec::new(),
        };
        if let Event::Scores { prompt, scores, .. } = event {
            return self.scores_came(id, prompt, scores);
        }
        // What comes late for a model that was closed is no longer wanted.
        let Some(model) = self.model_mut(id) else { return Vec::new() };
        match event {
            Event::Phase { phase, .. } => {
                let name = model.spec.name.clone();
                let was_available = model.is_available();
                model.phase = phase.clone();
                let is_back = !was_available && model.is_available();
                match phase {
                    Phase::Failed(error) => {
                        self.planned.forget();
                        // A plan that was full of this model's words has left out the others'.
                        let effects: Vec<Effect> = self.plan().into_iter().collect();
                        // What stands on the screen already is not said twice.
                        let in_view =
                            self.view == View::Models || self.focus == Some(id) && self.failure_in_place_of_words().is_some();
                        let text = if error.contains(&name) { error } else { format!("{name}: {error}") };
                        if !in_view {
                            self.tell(Level::Error, text);
                        }
                        effects
                    }
                    Phase::Cancelled => {
                        self.planned.forget();
                        Vec::new()
                    }
                    Phase::Idle if self.planned.more => self.plan().into_iter().collect(),
                    // A plan that was stated in the meantime has left it out.
                    _ if is_back => self.plan().into_iter().collect(),
                    _ => Vec::new(),
                }
            }
            Event::Key { key, .. } => match model.key.replace(key.clone()) {
                Some(before) if before != key => self.is_another(id),
                _ => Vec::new(),
            },
            Event::Ready { info, .. } => {
                model.info = Some(*info);
                self.statistics_changed().into_iter().collect()
            }
            // The explorer's jobs do not ask for tokens; the others are taken in above.
            Event::Tokens { .. } | Event::Notice { .. } | Event::Scores { .. } => Vec::new(),
            Event::Inspected { prompt_text, word, inspection, .. } => {
                self.inspected(id, &prompt_text, &word, inspection);
                Vec::new()
            }
            // Of several vocabularies the first is shown; the other models are asked its texts.
            Event::Vocabulary { corpus, .. } => {
                if self.vocabulary.is_some() {
                    return Vec::new();
                }
                self.vocabulary = Some(id);
                self.corpus = Some(corpus);
                self.words_changed()
            }
            Event::Recorded { recorded, .. } => self.recorded_scores(id, *recorded),
            Event::Unscorable { prompt, words, .. } => {
                let many = words.len();
                let first = words.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
                let known = model.unscorable.entry(prompt).or_default();
                // Of a vocabulary hundreds come, batch after batch: one notice a model and prompt is enough.
                let told = !known.is_empty();
                known.extend(words.into_iter().map(|(word, _)| word));
                let name = model.spec.name.clone();
                let effects = self.statistics_changed().into_iter().collect();
                if told {
                    return effects;
                }
                let more = if many > 1 { format!(" (and {} more)", many - 1) } else { String::new() };
                self.tell(Level::Warning, format!("{name}: {first}{more}"));
                effects
            }
        }
    }

    /// The files behind a model are others than those whose scores are known.
    fn is_another(&mut self, id: ModelId) -> Vec<Effect> {
        self.score_table.forget(id);
        if let Some(model) = self.model_mut(id) {
            model.unscorable.clear();
        }
        self.card.pairs.forget(id);
        self.planned.forget();
        self.plan().into_iter().chain(self.rank_now()).chain(self.statistics_changed()).collect()
    }

    fn recorded_scores(&mut self, id: ModelId, recorded: Recorded) -> Vec<Effect> {
        if !recorded.notes.is_empty() {
            let name = self.model(id).map(|model| model.spec.name.clone()).unwrap_or_default();
            self.tell(Level::Info, format!("{name}: {}", recorded.notes.join("; ")));
        }
        let words: Vec<_> = recorded.words.iter().map(|word| self.score_table.word(word)).collect();
        for (prompt, scores) in recorded.prompts.into_iter().zip(recorded.scores) {
            let prompt_id = self.score_table.prompt(&prompt.text);
            if !self.prompts.iter().any(|known| known.id == prompt_id) {
                self.prompts.push(super::PromptEntry { id: prompt_id, prompt, in_set: false });
            }
            let known = words.iter().copied().zip(scores).filter(|(_, score)| !score.is_nan());
            self.score_table.insert(id, prompt_id, known);
        }
        let before = self.recorded.words.len();
        let mut seen: std::collections::HashSet<_> = self.recorded.words.iter().map(|word| word.text.clone()).collect();
        for text in recorded.words {
            if seen.insert(text.clone()) {
                self.recorded.words.push(Word { text, categories: Vec::new() });
            }
        }
        if self.recorded.words.len() == before {
            return self.rank_later().into_iter().chain(self.statistics_changed()).collect();
        }
        let mut effects = vec![Effect::JoinCategories(Arc::new(self.recorded.clone()))];
        match self.corpus {
            None => effects.extend(self.words_changed()),
            Some(_) => {
                effects.extend(self.rank_later());
                effects.extend(self.statistics_changed());
            }
        }
        effects
    }

    fn scores_came(&mut self, id: ModelId, prompt: PromptId, scores: Vec<(WordId, f64)>) -> Vec<Effect> {
        if self.model(id).is_none() {
            return Vec::new();
        }
        if self.card.pairs.asks(prompt) {
            self.card.pairs.insert(id, prompt, &scores);
            // A question may be a prompt of the session as well.
            if !self.prompts.iter().any(|known| known.id == prompt) {
                return Vec::new();
            }
        }
        self.score_table.insert(id, prompt, scores);
        self.scores_changed(id, prompt)
    }

    fn scores_changed(&mut self, model: ModelId, prompt: PromptId) -> Vec<Effect> {
        let visible = self.prompt_id() == Some(prompt) || self.focus == Some(model);
        let ranks = if visible { self.rank_later() } else { None };
        ranks.into_iter().chain(self.statistics_changed()).collect()
    }

    /// What the view shows, as a key of a table.
    fn table_key(&self) -> TableKey {
        let (layout, reversed, model, other) = match self.view {
            View::Compare => (Layout::Compare(self.compare_sort.0), self.compare_sort.1, self.focus, self.other().map(|m| m.id)),
            View::Implicit => {
                let (sort, reversed) = self.implicit_sort;
                let (a, b) = self.implicit_models().map_or((None, None), |(a, b)| (Some(a), b));
                (Layout::Implicit(self.measure, sort), reversed, a, b)
            }
            _ => (Layout::Words(self.word_sort.0), self.word_sort.1, self.focus, None),
        };
        let categories = &self.universe.corpus.categories;
        let filter = (0..).zip(categories).filter(|(_, name)| self.filter.contains(*name)).map(|(i, _)| i).collect();
        TableKey {
            layout,
            reversed,
            model,
            other,
            prompt: self.prompt_id(),
            universe: self.universe.version,
            filter,
            own_only: self.own_only,
            search: self.search.query().to_owned(),
            axis: self.axis,
            bins: layout::histograms(self.size, categories.len()).bins,
        }
    }

    /// Asks for the table of the view, and shows the one kept from last time until it comes.
    pub(super) fn rank_now(&mut self) -> Option<Effect> {
        let key = self.table_key();
        if let Some(kept) = self.tables.kept.iter().find(|t| t.key == key).cloned() {
            self.show(kept);
        }
        self.tables.generation += 1;
        self.tables.in_flight = true;
        self.tables.stale = false;
        self.tables.due = None;
        let columns = key
            .prompt
            .map(|prompt| self.models.iter().map(|m| (m.id, m.unit(), self.score_table.column(m.id, prompt))).collect());
        let prompts = match (key.layout, self.focus) {
            (Layout::Words(_), Some(model)) => {
                self.prompts.iter().map(|p| (p.id, self.score_table.column(model, p.id))).collect()
            }
            _ => Vec::new(),
        };
        Some(Effect::Rank(Box::new(RankRequest {
            generation: self.tables.generation,
            key,
            universe: self.universe.clone(),
            columns: columns.unwrap_or_default(),
            prompts,
        })))
    }

    /// Asks for a new table because scores came in: one request at a time, and rests between them that grow with the
    /// corpus, so that ranking takes no more than a share of a core from scoring.
    fn rank_later(&mut self) -> Option<Effect> {
        if self.tables.in_flight {
            self.tables.stale = true;
            None
        } else if self.now < self.tables.rest_until {
            self.tables.due = Some(self.tables.rest_until);
            None
        } else {
            self.rank_now()
        }
    }

    fn ranked(&mut self, table: RankedTable) -> Option<Effect> {
        let table = Arc::new(table);
        if table.generation == self.tables.generation {
            self.tables.in_flight = false;
            self.tables.rest_until = self.now + Duration::from_micros(4 * table.universe.len() as u64);
        }
        if table.key.universe == self.universe.version {
            self.tables.keep(table.clone());
        }
        // Kept for when its view comes back; shown if it is what the view asks for.
        if table.key == self.table_key() {
            self.show(table);
        }
        // A request that is still on its way was made with newer scores, or will be followed by one.
        let again = self.tables.stale && !self.tables.in_flight;
        again.then(|| self.rank_later()).flatten()
    }

    fn show(&mut self, table: Arc<RankedTable>) {
        self.cursor.settle(&table);
        if self.search.jump && table.key.search == self.search.query() {
            self.search.jump = false;
            let from = self.search.origin.and_then(|word| table.row_of(word)).unwrap_or(0);
            let at = table.matches.partition_point(|&m| (m as usize) < from);
            if let Some(&row) = table.matches.get(at).or(table.matches.first()) {
                self.cursor.go(row as usize, &table, self.table_rows());
            }
        }
        self.tables.show(table);
    }

    /// Words of the recorded models, whether or not they are what is shown.
    pub(super) fn recorded_words(&self) -> Option<&Corpus> {
        (!self.recorded.words.is_empty()).then_some(&self.recorded)
    }
}
