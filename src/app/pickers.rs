//! What each picker lists, and what follows from a choice.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::action::entries_in;
use super::picker::{Choice, Item, Marks, Picker, PickerKind};
use super::{App, Effect, Level, Model, Overlay, PromptEntry};
use crate::base::terms::Framing;
use crate::base::text;
use crate::corpus::Prompt;

/// The item of the corpus picker that means the recorded models' words.
const RECORDED_WORDS: &str = "recorded words";
/// The item of the filter that means all the others.
const EVERY_CATEGORY: &str = "every category";

impl App {
    pub(super) fn open_models(&mut self) {
        let mut picker = Picker::new(PickerKind::Model, "Open a model", self.model_items());
        picker.takes_text = Some("open");
        self.overlay = Some(Overlay::Picker(picker));
        self.effects.push(Effect::ListModels);
    }

    /// The models that can be set against the one shown.
    pub(super) fn open_compared(&mut self) {
        let shown = self.other().map(|model| model.id);
        let item = |model: &Model| Item {
            label: model.spec.name.clone(),
            family: Some(model.family()),
            current: Some(model.id) == shown,
            ..Item::default()
        };
        let items = self.compared_candidates().map(item).collect();
        self.overlay = Some(Overlay::Picker(Picker::new(PickerKind::Compared, "Compare with", items)));
    }

    fn compared_candidates(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(|model| Some(model.id) != self.focus)
    }

    pub(super) fn open_corpora(&mut self) {
        let mut picker = Picker::new(PickerKind::Corpus, "Word list", self.corpus_items());
        picker.takes_text = Some("read");
        self.overlay = Some(Overlay::Picker(picker));
        self.effects.push(Effect::ListCorpora);
    }

    pub(super) fn open_prompts(&mut self) {
        let mut picker = Picker::new(PickerKind::Prompt, "Prompt", self.prompt_items());
        picker.takes_text = Some("ask");
        self.overlay = Some(Overlay::Picker(picker));
    }

    pub(super) fn open_filter(&mut self) {
        let categories = &self.universe.corpus.categories;
        if categories.is_empty() {
            return self.notify(Level::Info, "the words of this list have no categories");
        }
        let mut sizes = vec![0; categories.len()];
        for category in self.universe.corpus.words.iter().flat_map(|w| &w.categories) {
            sizes[usize::from(*category)] += 1;
        }
        let item = |label: &str, n: usize| Item {
            label: label.to_owned(),
            detail: if n == 1 { "1 word".to_owned() } else { format!("{} words", text::count(n)) },
            ..Item::default()
        };
        let every = item(EVERY_CATEGORY, self.universe.listed());
        let items = std::iter::once(every).chain(categories.iter().zip(sizes).map(|(name, n)| item(name, n)));
        let mut picker = Picker::new(PickerKind::Filter, "Show categories", items.collect());
        let shown = (1..).zip(categories).filter(|(_, name)| self.filter.contains(*name)).map(|(at, _)| at);
        picker.marked = Some(Marks::new(shown, categories.len()));
        self.overlay = Some(Overlay::Picker(picker));
    }

    pub(super) fn open_themes(&mut self) {
        let item = |name: &String| Item { label: name.clone(), current: *name == self.theme, ..Item::default() };
        let items = self.themes.iter().map(item).collect();
        let title = if self.colours { "Theme" } else { "Theme; colours are off (NO_COLOR), so all look alike" };
        self.overlay = Some(Overlay::Picker(Picker::new(PickerKind::Theme, title, items)));
    }

    pub(super) fn open_palette(&mut self) {
        let items = entries_in(self.view).map(|e| Item {
            label: e.name.to_owned(),
            detail: e.help.to_owned(),
            group: e.keys_text(),
            ..Item::default()
        });
        self.overlay = Some(Overlay::Picker(Picker::new(PickerKind::Action, "Actions", items.collect())));
    }

    /// Lists that come in while their picker is open are shown at once.
    pub(super) fn refresh_picker(&mut self) {
        let items = match &self.overlay {
            Some(Overlay::Picker(p)) if p.kind == PickerKind::Model => self.model_items(),
            Some(Overlay::Picker(p)) if p.kind == PickerKind::Corpus => self.corpus_items(),
            _ => return,
        };
        if let Some(Overlay::Picker(picker)) = &mut self.overlay {
            picker.replace_items(items);
        }
    }

    pub(super) fn picker_moved(&mut self) {
        // Themes are tried on while the cursor moves.
        if let Some(Overlay::Picker(picker)) = &self.overlay
            && picker.kind == PickerKind::Theme
            && let Some(Choice::Item(i)) = picker.choice()
        {
            self.effects.push(Effect::SetTheme(picker.items[i].label.clone()));
        }
    }

    pub(super) fn picker_closed(&mut self) {
        if let Some(Overlay::Picker(picker)) = self.overlay.take()
            && picker.kind == PickerKind::Theme
        {
            self.effects.push(Effect::SetTheme(self.theme.clone()));
        }
    }

    pub(super) fn picker_marked(&mut self) {
        let Some(Overlay::Picker(Picker { marked: Some(marks), items, .. })) = &self.overlay else { return };
        // Where all are shown, words without a category are too.
        self.filter = if marks.is_all() { BTreeSet::new() } else { marks.items().map(|i| items[i].label.clone()).collect() };
        self.rank_now();
    }

    pub(super) fn picker_chosen(&mut self, choice: Choice) {
        let Some(Overlay::Picker(picker)) = self.overlay.take() else { return };
        let label = match &choice {
            Choice::Item(i) => picker.items[*i].label.clone(),
            Choice::Typed(text) => text.clone(),
        };
        match (picker.kind, choice) {
            (PickerKind::Model, Choice::Item(i)) => {
                if let Some(entry) = self.catalogue.get(i) {
                    self.open_and_show(vec![entry.spec.clone()]);
                }
            }
            (PickerKind::Model, Choice::Typed(text)) => self.effects.push(Effect::Resolve(text.trim().to_owned())),
            (PickerKind::Prompt, Choice::Item(i)) => self.choose_prompt(i),
            (PickerKind::Prompt, Choice::Typed(text)) => self.add_prompt(&text),
            (PickerKind::Corpus, Choice::Item(i)) if i >= self.corpora.len() => {
                self.corpus = None;
                self.cursor.top();
                self.words_changed();
            }
            (PickerKind::Corpus, Choice::Item(i)) if picker.items[i].broken => self.notify(Level::Error, &picker.items[i].detail),
            (PickerKind::Corpus, _) => self.effects.push(Effect::LoadCorpus(label.trim().to_owned())),
            (PickerKind::Filter, Choice::Item(i)) => {
                // Enter on a line, with no mark changed, means that line alone.
                match picker.marked {
                    Some(marks) if marks.changed => {}
                    _ if i == Marks::ALL => self.filter.clear(),
                    _ => self.filter = BTreeSet::from([picker.items[i].label.clone()]),
                }
                self.rank_now();
            }
            (PickerKind::Compared, Choice::Item(i)) => {
                let chosen = self.compared_candidates().nth(i).map(|model| model.id);
                self.other = chosen;
                self.rank_now();
            }
            (PickerKind::Theme, _) => {
                self.theme = label.clone();
                self.effects.push(Effect::SetTheme(label));
            }
            (PickerKind::Action, _) => {
                if let Some(entry) = entries_in(self.view).find(|entry| entry.name == label) {
                    self.perform(entry.action);
                }
            }
            (PickerKind::Filter | PickerKind::Compared, Choice::Typed(_)) => {}
        }
    }

    /// A prompt in the user's own words joins the session.
    fn add_prompt(&mut self, text: &str) {
        let text = text.trim();
        let id = self.score_table.prompt(text);
        let at = self.prompts.iter().position(|p| p.id == id).unwrap_or_else(|| {
            let prompt = Prompt { key: None, text: text.into(), framing: None, factors: None };
            self.prompts.push(PromptEntry { id, prompt, in_set: false });
            self.prompts.len() - 1
        });
        self.choose_prompt(at);
    }

    fn model_items(&self) -> Vec<Item> {
        let item = |entry: &super::ModelEntry| Item {
            label: entry.spec.name.clone(),
            detail: entry.detail.clone(),
            group: if entry.spec.is_demonstration() { "demonstration model".to_owned() } else { entry.group.clone() },
            family: Some(entry.spec.family),
            current: self.models.iter().any(|m| m.spec.source == entry.spec.source),
            broken: false,
        };
        self.catalogue.iter().map(item).collect()
    }

    fn corpus_items(&self) -> Vec<Item> {
        let name = self.corpus.as_ref().map(|corpus| &corpus.name);
        let listed = self.corpora.iter().map(|entry| Item {
            label: entry.name.clone(),
            detail: match &entry.contents {
                Ok((words, categories)) => format!("{} words, {categories} categories", text::count(*words)),
                Err(error) => error.clone(),
            },
            group: entry.origin.clone(),
            current: Some(&entry.name) == name,
            broken: entry.contents.is_err(),
            family: None,
        });
        let recorded = self.recorded_words().map(|words| Item {
            label: RECORDED_WORDS.to_owned(),
            detail: format!("{} words, all that the recorded models have", text::count(words.words.len())),
            current: self.corpus.is_none(),
            ..Item::default()
        });
        listed.chain(recorded).collect()
    }

    /// Each prompt with its text, its framing, and how many of the opened models have scores under it.
    fn prompt_items(&self) -> Vec<Item> {
        let known: Vec<BTreeSet<_>> =
            self.models.iter().map(|m| self.score_table.prompts_of(m.id).into_iter().collect()).collect();
        let mut items = Vec::new();
        for (i, entry) in self.prompts.iter().enumerate() {
            let framing = match entry.prompt.framing {
                Some(Framing::Positive) => "+ ",
                Some(Framing::Negative) => "- ",
                None => "",
            };
            let models = known.iter().filter(|prompts| prompts.contains(&entry.id)).count();
            let (label, detail): (Arc<str>, String) = match &entry.prompt.key {
                Some(key) => (key.clone(), entry.prompt.text.to_string()),
                None => (entry.prompt.text.clone(), String::new()),
            };
            items.push(Item {
                label: label.to_string(),
                detail,
                group: format!("{framing}{models}/{}", text::counted(self.models.len(), "model")),
                current: i == self.prompt,
                ..Item::default()
            });
        }
        items
    }
}
