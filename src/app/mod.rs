//! The state of the explorer, and how messages change it.
//!
//! Pure: [`App::update`] takes a message and the time and returns effects; nothing here reads a file, draws, waits or knows a
//! model's computation. Everything slow is an [`Effect`] whose answer comes back as a [`Message`].

pub mod action;
mod comparing;
mod cursor;
mod export;
pub mod help;
mod hints;
pub mod input;
pub mod inspector;
pub mod key;
pub mod layout;
pub mod list;
mod message;
mod model;
mod opening;
mod own;
mod pacer;
mod perform;
pub mod picker;
mod pickers;
mod planning;
mod ranking;
pub mod search;
pub mod table;
mod toast;
mod universe;
mod update;
pub mod views;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use cursor::Cursor;
pub use export::{Export, ExportInput, ExportRequest};
pub use hints::StepBack;
pub use key::{Key, KeyCode};
pub use message::{CorpusEntry, Effect, Message, ModelEntry};
pub use model::Model;
pub use toast::{Level, Toast, Toasts};
pub use universe::Universe;

use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::pairs::AnswerPair;
use crate::corpus::{Corpus, Prompt};
use crate::engine::pairs::PreferencePairs;
use crate::model::LoadOptions;
use crate::recorded::ratings::Ratings;
use crate::scores::table::ScoreTable;
use crate::sources::resolve::ModelSpec;
use input::Input;
use inspector::Inspector;
use picker::Picker;
use search::Search;
use table::AxisKind;
pub use views::View;
use views::Views;
use views::ablation::AblationState;
use views::card::{CardState, JudgedPairs};

/// What the explorer starts with.
#[derive(Clone, Debug, Default)]
pub struct Startup {
    /// Opened at once; the first is shown.
    pub models: Vec<ModelSpec>,
    /// None: all the words of the recorded models.
    pub corpus: Option<Arc<Corpus>>,
    /// Words given one by one: own words, which are scored first.
    pub words: Vec<Arc<str>>,
    /// The whole set of prompts.
    pub prompts: Vec<Prompt>,
    /// The current one.
    pub prompt: usize,
    /// Whether all prompts of the set are wanted from the start.
    pub all_prompts: bool,
    /// How models are opened.
    pub options: LoadOptions,
    /// The name of the theme.
    pub theme: String,
    /// The names of all themes.
    pub themes: Vec<String>,
    /// The terminal shows no colours, or is not to.
    pub colourless: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Files and folders that follow a training.
    pub trainings: Vec<PathBuf>,
    /// Pairs of answers of which people chose one, and how many were left out when they were read.
    pub pairs: (Vec<AnswerPair>, usize),
    /// What is known of the words beside their scores.
    pub ratings: Ratings,
}

/// A prompt of the session.
#[derive(Clone, Debug)]
pub struct PromptEntry {
    /// Its id in the score table.
    pub id: PromptId,
    /// Its text, and how it is framed.
    pub prompt: Prompt,
    /// Of the set that is scored as a whole; not so for prompts typed or found in recorded files.
    pub in_set: bool,
}

/// A box over the view.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Scrolled by so many lines.
    Help {
        /// The first line that is shown.
        scroll: usize,
    },
    /// A list to choose from.
    Picker(Picker),
    /// Own words being typed.
    AddWords(Input),
    /// The name of a file for what is shown.
    Export(ExportInput),
    /// How the model reads a word.
    Inspector(Inspector),
}

/// All state of the explorer.
#[derive(Debug)]
pub struct App {
    /// What fills the screen.
    pub view: View,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// In the order of opening.
    pub models: Vec<Model>,
    /// The model shown, and the left one of a comparison.
    pub focus: Option<ModelId>,
    other: Option<ModelId>,
    /// The prompts that were given, typed or found in recorded files.
    pub prompts: Vec<PromptEntry>,
    /// The current one of [`App::prompts`].
    pub prompt: usize,
    /// Whether every prompt of the set is scored.
    pub all_prompts: bool,
    /// Every score that is known.
    pub score_table: ScoreTable,
    /// The words of the session.
    pub universe: Arc<Universe>,
    /// What is known of them beside their scores.
    pub ratings: Arc<Ratings>,
    /// None while the words come from the recorded models.
    corpus: Option<Arc<Corpus>>,
    /// The model whose tokens the words are, where they are a vocabulary.
    vocabulary: Option<ModelId>,
    /// The union of the recorded models' words.
    recorded: Corpus,
    /// Own words, which are not in the list, newest first.
    typed: Vec<Arc<str>>,
    /// Words that the user typed and then added to the list.
    added: Vec<Arc<str>>,
    /// Words of the list that the user typed, newest first: they are scored before the others.
    asked_for: Vec<WordId>,
    /// Own words are shown, and nothing else.
    pub own_only: bool,
    /// Names of the categories to show; empty for all.
    pub filter: BTreeSet<String>,
    /// What bars and histograms measure.
    pub axis: AxisKind,
    /// The search of the tables of words.
    pub search: Search,
    /// The row under the cursor, in the tables of words.
    pub cursor: Cursor,
    /// What each view keeps for itself.
    pub views: Views,
    /// The box over the view.
    pub overlay: Option<Overlay>,
    /// The notices on the screen.
    pub toasts: Toasts,
    /// Cancelled by the user; nothing is scored until they go on.
    pub paused: bool,
    /// How models are opened.
    pub options: LoadOptions,
    /// The name of the theme.
    pub theme: String,
    themes: Vec<String>,
    /// Whether themes differ in what they show.
    colours: bool,
    catalogue: Vec<ModelEntry>,
    corpora: Vec<CorpusEntry>,
    ranking: ranking::Ranking,
    planned: planning::Planned,
    next_model: u32,
    now: Duration,
    /// The effects of the message that is taken in.
    effects: Vec<Effect>,
}

impl App {
    /// The explorer before anything has happened, and what it wants at once.
    pub fn new(startup: Startup) -> (App, Vec<Effect>) {
        let mut score_table = ScoreTable::default();
        let mut prompts: Vec<PromptEntry> = Vec::new();
        for prompt in startup.prompts {
            let id = score_table.prompt(&prompt.text);
            prompts.push(PromptEntry { id, prompt, in_set: true });
        }
        let recorded = Corpus::new("recorded words");
        let corpus = startup.corpus.as_deref().unwrap_or(&recorded);
        let universe = Universe::new(0, corpus, &[], &startup.words, &mut score_table);
        let (pairs, several_turns) = startup.pairs;
        let pairs = JudgedPairs::new(PreferencePairs::new(pairs, several_turns, &mut score_table));
        // With nothing but trainings there is one view to see.
        let view = if startup.models.is_empty() && !startup.trainings.is_empty() { View::Ablation } else { View::default() };
        let mut app = App {
            view,
            size: startup.size,
            models: Vec::new(),
            focus: None,
            other: None,
            prompt: startup.prompt.min(prompts.len().saturating_sub(1)),
            prompts,
            all_prompts: startup.all_prompts,
            score_table,
            universe: Arc::new(universe),
            ratings: Arc::new(startup.ratings),
            corpus: startup.corpus,
            vocabulary: None,
            recorded,
            typed: startup.words,
            added: Vec::new(),
            asked_for: Vec::new(),
            own_only: false,
            filter: BTreeSet::new(),
            axis: AxisKind::default(),
            search: Search::default(),
            cursor: Cursor::default(),
            views: Views { card: CardState::with(pairs), ablation: AblationState::new(startup.trainings), ..Views::default() },
            overlay: None,
            toasts: Toasts::default(),
            paused: false,
            options: startup.options,
            theme: startup.theme,
            themes: startup.themes,
            colours: !startup.colourless,
            catalogue: Vec::new(),
            corpora: Vec::new(),
            ranking: Default::default(),
            planned: Default::default(),
            next_model: 0,
            now: Duration::ZERO,
            effects: vec![Effect::ListModels, Effect::ListCorpora],
        };
        for spec in startup.models {
            app.open(spec);
        }
        app.focus = app.models.first().map(|m| m.id);
        app.plan();
        app.rank_now();
        app.follow();
        let effects = std::mem::take(&mut app.effects);
        (app, effects)
    }

    /// An opened model.
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.iter().find(|m| m.id == id)
    }

    fn model_mut(&mut self, id: ModelId) -> Option<&mut Model> {
        self.models.iter_mut().find(|m| m.id == id)
    }

    /// The model that is shown.
    pub fn focused(&self) -> Option<&Model> {
        self.model(self.focus?)
    }

    /// The right-hand model of a comparison: the chosen one, else the next of another family, else the next.
    pub fn other(&self) -> Option<&Model> {
        let chosen = self.other.filter(|&id| Some(id) != self.focus).and_then(|id| self.model(id));
        chosen.or_else(|| {
            let at = self.models.iter().position(|m| Some(m.id) == self.focus)?;
            let rest = || self.models[at + 1..].iter().chain(&self.models[..at]);
            rest().find(|m| m.family() != self.models[at].family()).or_else(|| rest().next())
        })
    }

    /// The prompt that is asked.
    pub fn current_prompt(&self) -> Option<&PromptEntry> {
        self.prompts.get(self.prompt)
    }

    fn prompt_id(&self) -> Option<PromptId> {
        self.current_prompt().map(|p| p.id)
    }

    /// Rows of the view's list that fit on the screen.
    fn table_rows(&self) -> usize {
        layout::rows(self.size, self.view.controller().lines_above_rows(self))
    }

    /// When [`Message::Tick`] is due, on the clock of [`App::update`]; none while nothing on the screen waits for time.
    pub fn next_deadline(&self) -> Option<Duration> {
        let due = [self.toasts.deadline(), self.ranking.pacer.due(), self.view.controller().deadline(self)];
        due.into_iter().flatten().min()
    }
}
