//! Keys to actions, and the actions that do the same in every view.

use super::action::Action;
use super::input::Input;
use super::layout::scrolled;
use super::picker::Outcome;
use super::table::RankedTable;
use super::{App, Cursor, Effect, Key, KeyCode, Level, Model, Overlay, View, help, search};

impl App {
    pub(super) fn key(&mut self, key: Key) {
        if key == Key::control('c') {
            return self.effects.push(Effect::Quit);
        }
        match &mut self.overlay {
            Some(Overlay::Help { scroll }) => {
                let page = help::rows(self.size).saturating_sub(1).max(1);
                match scrolled(*scroll, Action::for_key(key, self.view), page, help::last_scroll(self.size)) {
                    Some(to) => *scroll = to,
                    None => self.overlay = None,
                }
            }
            Some(Overlay::Picker(picker)) => match picker.key(key) {
                Outcome::Stays => {}
                Outcome::Closed => self.picker_closed(),
                Outcome::Moved => self.picker_moved(),
                Outcome::Marked => self.picker_marked(),
                Outcome::Kept => self.notify(Level::Info, "one category at least is shown"),
                Outcome::Chosen(choice) => self.picker_chosen(choice),
            },
            Some(Overlay::AddWords(input)) => match key.code {
                KeyCode::Esc => self.overlay = None,
                KeyCode::Enter => {
                    let text = input.text().to_owned();
                    input.clear();
                    if text.is_empty() {
                        self.overlay = None;
                    }
                    self.add_words([text]);
                }
                _ => {
                    input.key(key);
                }
            },
            Some(Overlay::Export(input)) => match (key.code, &mut input.everything) {
                (KeyCode::Esc, _) => self.overlay = None,
                (KeyCode::Enter, _) => self.export(),
                (KeyCode::Tab, Some(everything)) => *everything = !*everything,
                _ => {
                    input.name.key(key);
                }
            },
            Some(Overlay::Inspector(_)) => self.inspector_key(key),
            None if self.search.editing => self.search_key(key),
            None => {
                if let Some(action) = Action::for_key(key, self.view) {
                    self.perform(action);
                }
            }
        }
    }

    /// Pasted lines are words where words are typed, and one line anywhere else.
    pub(super) fn paste(&mut self, text: &str) {
        match &mut self.overlay {
            Some(Overlay::AddWords(input)) if !text.contains('\n') => input.insert(text),
            Some(Overlay::Export(input)) => input.name.insert(text.trim_end()),
            Some(Overlay::AddWords(_)) => {
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                self.add_words(lines);
            }
            Some(Overlay::Picker(picker)) => {
                picker.paste(text);
                self.picker_moved();
            }
            None if self.search.editing => {
                self.search.input.insert(text);
                self.search_changed();
            }
            Some(Overlay::Help { .. } | Overlay::Inspector(_)) | None => {}
        }
    }

    /// Carries an action out as the view on the screen does it; false where it does nothing there.
    pub(super) fn perform(&mut self, action: Action) -> bool {
        self.view.controller().perform(self, action)
    }

    /// Carries out an action that does the same in every view; false for one that only views know.
    pub(super) fn perform_common(&mut self, action: Action) -> bool {
        let view = self.view.controller();
        let page = self.table_rows().saturating_sub(1).max(1) as isize;
        match action {
            Action::Show(view) => self.show_view(view),
            Action::NextModel => self.flip(1),
            Action::PreviousModel => self.flip(self.models.len().saturating_sub(1)),
            Action::Down => view.step(self, 1),
            Action::Up => view.step(self, -1),
            Action::PageDown => view.step(self, page),
            Action::PageUp => view.step(self, -page),
            Action::Top => view.to_top(self),
            Action::Bottom => view.step(self, isize::MAX / 2),
            Action::Search => {
                self.search.editing = true;
                self.search.origin = self.cursor.word();
                self.search.input.clear();
                self.rank_now();
            }
            Action::NextMatch | Action::PreviousMatch if self.search.query().is_empty() => {
                let search = Action::Search.key_text();
                self.notify(Level::Info, format!("nothing is searched for: {search} finds words"));
            }
            Action::NextMatch => self.go_to_match(true),
            Action::PreviousMatch => self.go_to_match(false),
            Action::NextPrompt => self.choose_prompt(self.prompt + 1),
            Action::PreviousPrompt => self.choose_prompt(self.prompt + self.prompts.len().saturating_sub(1)),
            Action::AllPrompts => self.toggle_all_prompts(),
            Action::AddWords => self.overlay = Some(Overlay::AddWords(Input::default())),
            Action::OwnWords => self.show_own_words(),
            Action::RemoveWord => self.remove_word(),
            Action::AddToList => self.add_to_list(),
            Action::Filter => self.open_filter(),
            Action::Prompt => self.open_prompts(),
            Action::Corpus => self.open_corpora(),
            Action::OpenModel => self.open_models(),
            Action::Theme => self.open_themes(),
            Action::Palette => self.open_palette(),
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Inspect => self.inspect(),
            Action::Resume => self.resume(None),
            Action::Cancel => self.cancel(),
            Action::Copy => self.copy(),
            Action::Export => self.ask_export(),
            Action::Quit => self.effects.push(Effect::Quit),
            Action::NextPage
            | Action::PreviousPage
            | Action::NextPanel
            | Action::PreviousPanel
            | Action::Zoom
            | Action::Sort
            | Action::SortBack
            | Action::Reverse
            | Action::OtherModel
            | Action::Axis
            | Action::Ratings
            | Action::CloseModel
            | Action::Select => return false,
        }
        true
    }

    pub(super) fn show_view(&mut self, view: View) {
        self.view = view;
        self.plan();
        self.rank_now();
    }

    pub(super) fn choose_prompt(&mut self, prompt: usize) {
        if !self.prompts.is_empty() {
            self.prompt = prompt % self.prompts.len();
            self.go_on();
        }
    }

    fn toggle_all_prompts(&mut self) {
        if self.models.iter().all(Model::is_recorded) {
            return self.notify(Level::Info, "recorded models have their scores: there is nothing to compute");
        }
        self.all_prompts = !self.all_prompts;
        let text = if self.all_prompts {
            format!("scoring all {} prompts in the background", self.prompts.iter().filter(|p| p.in_set).count())
        } else {
            "scoring only the current prompt".to_owned()
        };
        self.notify(Level::Info, text);
        self.go_on();
    }

    pub(super) fn move_cursor(&mut self, how: impl FnOnce(&mut Cursor, &RankedTable, usize)) {
        let (mut cursor, height) = (self.cursor, self.table_rows());
        if let Some(table) = self.table() {
            how(&mut cursor, table, height);
        }
        self.cursor = cursor;
    }

    fn flip(&mut self, by: usize) {
        if self.models.len() < 2 {
            let open = Action::OpenModel.key_text();
            return self.notify(Level::Info, format!("one model is open: {open} opens another"));
        }
        let at = self.models.iter().position(|m| Some(m.id) == self.focus).unwrap_or(0);
        let before = self.focus;
        let next = (at + by) % self.models.len();
        let compared = self.other().map(|m| m.id);
        self.focus = Some(self.models[next].id);
        self.other = if self.focus == compared { before } else { compared };
        self.views.models.cursor = next;
        self.plan();
        self.rank_now();
    }

    fn search_key(&mut self, key: Key) {
        match key.code {
            KeyCode::Enter => self.search.editing = false,
            KeyCode::Esc => {
                self.search.editing = false;
                self.search.input.clear();
                match self.search.origin {
                    Some(word) => self.cursor.seek(word),
                    None => self.cursor.top(),
                }
                self.rank_now();
            }
            KeyCode::Down => self.go_to_match(true),
            KeyCode::Up => self.go_to_match(false),
            _ => {
                if self.search.input.key(key) {
                    self.search_changed();
                }
            }
        }
    }

    fn search_changed(&mut self) {
        self.search.jump = true;
        self.rank_now();
    }

    fn go_to_match(&mut self, forward: bool) {
        self.move_cursor(|cursor, table, height| {
            if let Some(row) = search::next_match(&table.matches, cursor.row(), forward) {
                cursor.go(row, table, height);
            }
        });
    }

    fn copy(&mut self) {
        let Some(word) = self.table().and_then(|table| table.word_at(self.cursor.row())) else { return };
        let text = self.score_table.word_text(word).to_string();
        self.notify(Level::Info, format!("copied: {text}"));
        self.effects.push(Effect::Copy(text));
    }
}
