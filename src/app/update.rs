//! Messages to effects: reports of the engine, and answers of other threads.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{App, Effect, Level, Message, Overlay, PromptEntry, Universe, View, help, inspector};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::{Corpus, Word};
use crate::engine::{Event, Phase};
use crate::recorded::scores::Recorded;

impl App {
    /// Takes a message in, and gives what it asks for. `now` is the time since the start of the program, on a clock that never
    /// goes back.
    pub fn update(&mut self, message: Message, now: Duration) -> Vec<Effect> {
        self.now = now;
        self.take(message);
        self.view.controller().request(self);
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Resize(columns, rows) => {
                self.size = (columns, rows);
                match &mut self.overlay {
                    Some(Overlay::Help { scroll }) => *scroll = (*scroll).min(help::last_scroll(self.size)),
                    Some(Overlay::Inspector(inspector)) => {
                        inspector.scroll = inspector.scroll.min(inspector::last_scroll(self.size, inspector));
                    }
                    Some(Overlay::Picker(_) | Overlay::AddWords(_) | Overlay::Export(_) | Overlay::Word(_)) | None => {}
                }
                self.rank_now();
            }
            Message::Engine(event) => self.engine(event),
            Message::Ranked(table) => self.ranked(*table),
            Message::Statistics(statistics) => self.statistics_computed(*statistics),
            Message::Card(shown) => self.card_computed(*shown),
            Message::Followed(outcome) => self.followed(outcome.map(|ablation| *ablation)),
            Message::Trainings(paths) => self.open_trainings(paths),
            Message::Tick => {
                self.toasts.expire(self.now);
                self.rank_when_due();
            }
            Message::Corpus(Ok(corpus)) => {
                if !corpus.notes.is_empty() {
                    self.notify(Level::Info, format!("{}: {}", corpus.name, corpus.notes.join("; ")));
                }
                self.corpus = Some(corpus);
                self.cursor.top();
                self.words_changed();
            }
            Message::Corpus(Err(error)) | Message::Resolved(Err(error)) => self.notify(Level::Error, error),
            Message::Joined(corpus) => {
                // An answer for fewer words than there are by now is overtaken by the next one.
                if corpus.words.len() == self.recorded.words.len() {
                    self.recorded = Arc::unwrap_or_clone(corpus);
                    if self.corpus.is_none() {
                        self.words_changed();
                    }
                }
            }
            Message::Resolved(Ok(specs)) => self.open_and_show(specs),
            Message::Models(entries) => {
                self.catalogue = entries;
                self.refresh_picker();
            }
            Message::Corpora(entries) => {
                self.corpora = entries;
                self.refresh_picker();
            }
            Message::Exported(outcome) => self.exported(outcome),
            Message::Notify(level, text) => self.notify(level, text),
        }
    }

    pub(super) fn notify(&mut self, level: Level, text: impl Into<String>) {
        self.toasts.push(level, text, self.now);
    }

    /// Scores, models or words are others than before: views that compute something from them take note.
    pub(super) fn data_changed(&mut self) {
        View::ALL.into_iter().for_each(|view| view.controller().data_changed(self));
    }

    /// The words of the list are others than before.
    pub(super) fn words_changed(&mut self) {
        self.own_words_changed();
        self.data_changed();
        self.follow();
    }

    /// The own words are others than before; all that the list's are in stays.
    pub(super) fn own_words_changed(&mut self) {
        let corpus = self.corpus.as_deref().unwrap_or(&self.recorded);
        let universe = Universe::new(self.universe.version + 1, corpus, &self.added, &self.typed, &mut self.score_table);
        self.filter.retain(|name| universe.corpus.categories.contains(name));
        self.own_only &= !universe.own.is_empty();
        self.universe = Arc::new(universe);
        self.ranking.forget();
        self.plan();
        self.rank_now();
    }

    fn engine(&mut self, event: Event) {
        let id = match (&event, event.model()) {
            (Event::Notice { text }, _) => return self.notify(Level::Warning, text.clone()),
            (_, Some(id)) => id,
            (_, None) => return,
        };
        if let Event::Scores { prompt, scores, .. } = event {
            return self.scores_came(id, prompt, scores);
        }
        // What comes late for a model that was closed is no longer wanted.
        let Some(model) = self.model_mut(id) else { return };
        match event {
            Event::Phase { phase, .. } => self.phase_changed(id, phase),
            Event::Key { key, .. } => {
                if model.key.replace(key.clone()).is_some_and(|before| before != key) {
                    self.files_changed(id);
                }
            }
            Event::Ready { info, .. } => {
                model.info = Some(*info);
                self.data_changed();
            }
            // The explorer's jobs do not ask for tokens; the others are taken in above.
            Event::Tokens { .. } | Event::Notice { .. } | Event::Scores { .. } => {}
            Event::Inspected { prompt_text, word, inspection, .. } => self.inspected(id, &prompt_text, &word, inspection),
            Event::Read { prompt_text, word, readings, .. } => self.read(id, &prompt_text, &word, readings),
            // Of several vocabularies the first is shown; the other models are asked its texts.
            Event::Vocabulary { corpus, .. } => {
                if self.vocabulary.is_none() {
                    self.vocabulary = Some(id);
                    self.corpus = Some(corpus);
                    self.words_changed();
                }
            }
            Event::Recorded { recorded, .. } => self.recorded_scores(id, *recorded),
            Event::Unscorable { prompt, words, .. } => {
                let many = words.len();
                let first = words.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
                let known = model.unscorable.entry(prompt).or_default();
                // Of a vocabulary hundreds come, batch after batch: one notice a model and prompt is enough.
                let is_first = known.is_empty();
                known.extend(words.into_iter().map(|(word, _)| word));
                let name = model.spec.name.clone();
                self.data_changed();
                if is_first {
                    let more = if many > 1 { format!(" (and {} more)", many - 1) } else { String::new() };
                    self.notify(Level::Warning, format!("{name}: {first}{more}"));
                }
            }
        }
    }

    fn phase_changed(&mut self, id: ModelId, phase: Phase) {
        let Some(model) = self.model_mut(id) else { return };
        let name = model.spec.name.clone();
        let was_available = model.is_available();
        model.phase = phase.clone();
        let is_back = !was_available && model.is_available();
        match phase {
            Phase::Failed(error) => {
                self.planned.forget();
                // A plan that was full of this model's words has left out the others'.
                self.plan();
                // What the view says already is not said twice.
                if !self.view.controller().shows_failure_of(self, id) {
                    self.notify(Level::Error, if error.contains(&name) { error } else { format!("{name}: {error}") });
                }
            }
            Phase::Cancelled => self.planned.forget(),
            Phase::Idle if self.planned.more => self.plan(),
            // A plan that was stated in the meantime has left it out.
            _ if is_back => self.plan(),
            _ => {}
        }
    }

    /// The files of a model have changed: the scores that are known are those of the files before.
    fn files_changed(&mut self, id: ModelId) {
        self.score_table.forget(id);
        if let Some(model) = self.model_mut(id) {
            model.unscorable.clear();
        }
        self.views.card.pairs.forget(id);
        self.planned.forget();
        self.plan();
        self.rank_now();
        self.data_changed();
    }

    fn recorded_scores(&mut self, id: ModelId, recorded: Recorded) {
        if !recorded.notes.is_empty() {
            let name = self.model(id).map(|model| model.spec.name.clone()).unwrap_or_default();
            self.notify(Level::Info, format!("{name}: {}", recorded.notes.join("; ")));
        }
        let words: Vec<_> = recorded.words.iter().map(|word| self.score_table.word(word)).collect();
        for (prompt, scores) in recorded.prompts.into_iter().zip(recorded.scores) {
            let prompt_id = self.score_table.prompt(&prompt.text);
            if !self.prompts.iter().any(|known| known.id == prompt_id) {
                self.prompts.push(PromptEntry { id: prompt_id, prompt, in_set: false });
            }
            let known = words.iter().copied().zip(scores).filter(|(_, score)| !score.is_nan());
            self.score_table.insert(id, prompt_id, known);
        }
        let before = self.recorded.words.len();
        let mut seen: HashSet<_> = self.recorded.words.iter().map(|word| word.text.clone()).collect();
        for text in recorded.words {
            if seen.insert(text.clone()) {
                self.recorded.words.push(Word { text, categories: Vec::new() });
            }
        }
        if self.recorded.words.len() > before {
            self.effects.push(Effect::JoinCategories(Arc::new(self.recorded.clone())));
            if self.corpus.is_none() {
                return self.words_changed();
            }
        }
        self.rank_later();
        self.data_changed();
    }

    fn scores_came(&mut self, id: ModelId, prompt: PromptId, scores: Vec<(WordId, f64)>) {
        if self.model(id).is_none() {
            return;
        }
        let pairs = &mut self.views.card.pairs;
        if pairs.asks(prompt) {
            pairs.insert(id, prompt, &scores);
            // A question may be a prompt of the session as well.
            if !self.prompts.iter().any(|known| known.id == prompt) {
                return;
            }
        }
        self.score_table.insert(id, prompt, scores);
        if self.prompt_id() == Some(prompt) || self.focus == Some(id) {
            self.rank_later();
        }
        self.data_changed();
    }

    /// The words of all recorded models; none where no recorded model is open.
    pub(super) fn recorded_words(&self) -> Option<&Corpus> {
        (!self.recorded.words.is_empty()).then_some(&self.recorded)
    }
}
