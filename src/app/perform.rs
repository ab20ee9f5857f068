//! Keys to actions, and actions to effects.

use super::action::Action;
use super::input::Input;
use super::picker::Outcome;
use super::table::{AxisKind, CompareSort, RankedTable, WordSort};
use super::views::{ablation, statistics};
use super::{App, Effect, Key, KeyCode, Level, Model, Overlay, View, layout, search};
use crate::base::terms::ModelId;

impl App {
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::control('c') {
            return vec![Effect::Quit];
        }
        match &mut self.overlay {
            Some(Overlay::Help { scroll }) => {
                let last = layout::help_scroll(self.size);
                let page = layout::help_rows(self.size).saturating_sub(1).max(1);
                let to = match Action::of(key, self.view) {
                    Some(Action::Down) => *scroll + 1,
                    Some(Action::Up) => scroll.saturating_sub(1),
                    Some(Action::PageDown) => *scroll + page,
                    Some(Action::PageUp) => scroll.saturating_sub(page),
                    Some(Action::Top) => 0,
                    Some(Action::Bottom) => last,
                    _ => {
                        self.overlay = None;
                        return Vec::new();
                    }
                };
                *scroll = to.min(last);
                Vec::new()
            }
            Some(Overlay::Picker(picker)) => match picker.key(key) {
                Outcome::Stays => Vec::new(),
                Outcome::Closed => self.picker_closed(),
                Outcome::Moved => self.picker_moved(),
                Outcome::Marked => self.picker_marked(),
                Outcome::Kept => self.tell(Level::Info, "one category at least is shown"),
                Outcome::Chosen(choice) => self.picker_chosen(choice),
            },
            Some(Overlay::AddWords(input)) => match key.code {
                KeyCode::Esc => {
                    self.overlay = None;
                    Vec::new()
                }
                KeyCode::Enter => {
                    let text = input.text().to_owned();
                    input.clear();
                    if text.is_empty() {
                        self.overlay = None;
                    }
                    self.add_words([text])
                }
                _ => {
                    input.key(key);
                    Vec::new()
                }
            },
            Some(Overlay::Export(input)) => match (key.code, &mut input.everything) {
                (KeyCode::Esc, _) => {
                    self.overlay = None;
                    Vec::new()
                }
                (KeyCode::Enter, everything) => {
                    let everything = everything.unwrap_or(false);
                    let path = input.name.text().to_owned();
                    self.export(&path, everything)
                }
                (KeyCode::Tab, Some(everything)) => {
                    *everything = !*everything;
                    Vec::new()
                }
                _ => {
                    input.name.key(key);
                    Vec::new()
                }
            },
            Some(Overlay::Inspector(_)) => self.inspector_key(key),
            None if self.search.editing => self.search_key(key),
            None => Action::of(key, self.view).map(|action| self.perform(action)).unwrap_or_default(),
        }
    }

    /// Pasted lines are words where words are typed, and one line anywhere else.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        match &mut self.overlay {
            Some(Overlay::AddWords(input)) if !text.contains('\n') => input.insert(text),
            Some(Overlay::Export(input)) => input.name.insert(text.trim_end()),
            Some(Overlay::AddWords(_)) => {
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                return self.add_words(lines);
            }
            Some(Overlay::Picker(picker)) => {
                picker.paste(text);
                return self.picker_moved();
            }
            None if self.search.editing => {
                self.search.input.insert(text);
                return self.search_changed();
            }
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn perform(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Show(view) => {
                self.view = view;
                return self.plan().into_iter().chain(self.rank_now()).chain(self.statistics_now()).collect();
            }
            Action::NextModel => return self.flip(1),
            Action::PreviousModel => return self.flip(self.models.len().saturating_sub(1)),
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown => self.step(self.page()),
            Action::PageUp => self.step(-self.page()),
            Action::Top => match self.view {
                View::Models => self.models_cursor = 0,
                View::Statistics | View::Card | View::Ablation => self.step(isize::MIN / 2),
                View::Words | View::Compare | View::Implicit => self.cursor.top(),
            },
            Action::Bottom => self.step(isize::MAX / 2),
            Action::Sort => return self.sort(1),
            Action::SortBack => return self.sort(-1),
            Action::Reverse => {
                let reversed = match self.view {
                    View::Compare => &mut self.compare_sort.1,
                    View::Implicit => &mut self.implicit_sort.1,
                    _ => &mut self.word_sort.1,
                };
                *reversed = !*reversed;
                return self.rank_now().into_iter().collect();
            }
            Action::Search => {
                self.search.editing = true;
                self.search.origin = self.cursor.word();
                self.search.input.clear();
                return self.rank_now().into_iter().collect();
            }
            Action::NextMatch | Action::PreviousMatch if self.search.query().is_empty() => {
                let search = Action::Search.key_text();
                return self.tell(Level::Info, format!("nothing is searched for: {search} finds words"));
            }
            Action::NextMatch => self.go_to_match(true),
            Action::PreviousMatch => self.go_to_match(false),
            Action::NextPrompt => return self.choose_prompt(self.prompt + 1),
            Action::PreviousPrompt => return self.choose_prompt(self.prompt + self.prompts.len().saturating_sub(1)),
            Action::AllPrompts if self.models.iter().all(Model::is_recorded) => {
                return self.tell(Level::Info, "recorded models have their scores: there is nothing to compute");
            }
            Action::AllPrompts => {
                self.all_prompts = !self.all_prompts;
                let text = if self.all_prompts {
                    format!("scoring all {} prompts in the background", self.prompts.iter().filter(|p| p.in_set).count())
                } else {
                    "scoring only the current prompt".to_owned()
                };
                self.tell(Level::Info, text);
                return self.go_on();
            }
            Action::AddWords => self.overlay = Some(Overlay::AddWords(Input::default())),
            Action::OwnWords => return self.show_own_words(),
            Action::RemoveWord => return self.remove_word(),
            Action::AddToList => return self.add_to_list(),
            Action::Filter => self.open_filter(),
            Action::Prompt => self.open_prompts(),
            Action::Corpus => return self.open_corpora(),
            Action::OpenModel => return self.open_models(),
            Action::Theme => self.open_themes(),
            Action::Palette => self.open_palette(),
            Action::NextPage if self.view == View::Ablation => self.ablation.turn(1),
            Action::PreviousPage if self.view == View::Ablation => self.ablation.turn(ablation::Page::ALL.len() - 1),
            Action::NextPage => self.statistics.turn(1),
            Action::PreviousPage => self.statistics.turn(statistics::Page::ALL.len() - 1),
            Action::NextPanel | Action::PreviousPanel => {
                let by = if action == Action::NextPanel { 1 } else { -1 };
                let moved = match self.view {
                    View::Ablation => self.ablation.step_set(by),
                    _ => self.statistics.step_panel(by, self.size),
                };
                if !moved {
                    return self.tell(Level::Info, "this page has one part: the first page has several");
                }
            }
            Action::Zoom if self.statistics.has_panels() => self.statistics.toggle_zoom(),
            Action::Zoom => return self.pair_under_cursor().map(|pair| self.compare(pair)).unwrap_or_default(),
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::OtherModel if self.view == View::Implicit => {
                let none = "no third language model is open: m opens another";
                return self.next_against().unwrap_or_else(|| self.tell(Level::Info, none));
            }
            Action::OtherModel => return self.next_other(),
            Action::Axis if self.view == View::Implicit => return self.next_measure(),
            Action::Axis => {
                self.axis = if self.axis == AxisKind::Z { AxisKind::Reward } else { AxisKind::Z };
                return self.rank_now().into_iter().collect();
            }
            Action::Inspect => return self.inspect(),
            Action::Select => {
                self.focus = self.models.get(self.models_cursor).map(|m| m.id);
                self.view = View::Words;
                return self.plan().into_iter().chain(self.rank_now()).collect();
            }
            Action::CloseModel => return self.close(),
            Action::Resume => return self.resume(),
            Action::Cancel => return self.cancel(),
            Action::Copy => return self.copy(),
            Action::Export => return self.ask_export(),
            Action::Quit => return vec![Effect::Quit],
        }
        Vec::new()
    }

    pub(super) fn choose_prompt(&mut self, prompt: usize) -> Vec<Effect> {
        if self.prompts.is_empty() {
            return Vec::new();
        }
        self.prompt = prompt % self.prompts.len();
        self.go_on()
    }

    fn page(&self) -> isize {
        self.table_rows().saturating_sub(1).max(1) as isize
    }

    fn step(&mut self, by: isize) {
        if self.view == View::Models {
            self.models_cursor = self.models_cursor.saturating_add_signed(by).min(self.models.len().saturating_sub(1));
            return;
        }
        match self.view {
            View::Statistics => return self.statistics.step(by, self.size),
            View::Card => return self.card.step(by, self.size),
            View::Ablation => return self.ablation.step(by, self.size),
            View::Words | View::Compare | View::Implicit | View::Models => {}
        }
        self.move_cursor(|cursor, table, height| cursor.step(by, table, height));
    }

    fn move_cursor(&mut self, how: impl FnOnce(&mut super::Cursor, &RankedTable, usize)) {
        let (mut cursor, height) = (self.cursor, self.table_rows());
        if let Some(table) = self.table() {
            how(&mut cursor, table, height);
        }
        self.cursor = cursor;
    }

    fn flip(&mut self, by: usize) -> Vec<Effect> {
        if self.models.len() < 2 {
            return self.tell(Level::Info, "one model is open: m opens another");
        }
        let at = self.models.iter().position(|m| Some(m.id) == self.focus).unwrap_or(0);
        let before = self.focus;
        let next = (at + by) % self.models.len();
        let compared = self.other().map(|m| m.id);
        self.focus = Some(self.models[next].id);
        self.other = if self.focus == compared { before } else { compared };
        self.models_cursor = next;
        self.plan().into_iter().chain(self.rank_now()).collect()
    }

    /// Two models side by side.
    fn compare(&mut self, [left, right]: [ModelId; 2]) -> Vec<Effect> {
        (self.focus, self.other) = (Some(left), Some(right));
        self.perform(Action::Show(View::Compare))
    }

    fn next_other(&mut self) -> Vec<Effect> {
        let others: Vec<ModelId> = self.models.iter().map(|m| m.id).filter(|&id| Some(id) != self.focus).collect();
        if others.len() < 2 {
            return self.tell(Level::Info, "no third model is open: m opens another");
        }
        let at = others.iter().position(|&id| Some(id) == self.other().map(|m| m.id)).unwrap_or(0);
        self.other = Some(others[(at + 1) % others.len()]);
        self.rank_now().into_iter().collect()
    }

    fn sort(&mut self, by: isize) -> Vec<Effect> {
        fn after<T: Copy + PartialEq>(all: &[T], now: T, by: isize) -> T {
            let at = all.iter().position(|&s| s == now).unwrap_or(0) as isize;
            all[(at + by).rem_euclid(all.len() as isize) as usize]
        }
        match self.view {
            View::Compare => self.compare_sort = (after(&CompareSort::ALL, self.compare_sort.0, by), false),
            View::Implicit => self.implicit_sort = (after(&WordSort::IMPLICIT, self.implicit_sort.0, by), false),
            _ => self.word_sort = (after(&WordSort::ALL, self.word_sort.0, by), false),
        }
        self.rank_now().into_iter().collect()
    }

    fn search_key(&mut self, key: Key) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter => self.search.editing = false,
            KeyCode::Esc => {
                self.search.editing = false;
                self.search.input.clear();
                match self.search.origin {
                    Some(word) => self.cursor.seek(word),
                    None => self.cursor.top(),
                }
                return self.rank_now().into_iter().collect();
            }
            KeyCode::Down => self.go_to_match(true),
            KeyCode::Up => self.go_to_match(false),
            _ => {
                if self.search.input.key(key) {
                    return self.search_changed();
                }
            }
        }
        Vec::new()
    }

    fn search_changed(&mut self) -> Vec<Effect> {
        self.search.jump = true;
        self.rank_now().into_iter().collect()
    }

    fn go_to_match(&mut self, forward: bool) {
        self.move_cursor(|cursor, table, height| {
            if let Some(row) = search::next_match(&table.matches, cursor.row(), forward) {
                cursor.go(row, table, height);
            }
        });
    }

    fn copy(&mut self) -> Vec<Effect> {
        let Some(word) = self.table().and_then(|table| table.word_at(self.cursor.row())) else { return Vec::new() };
        let text = self.score_table.word_text(word).to_string();
        self.tell(Level::Info, format!("copied: {text}"));
        vec![Effect::Copy(text)]
    }
}
