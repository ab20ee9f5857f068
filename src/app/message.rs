//! What the explorer takes in, and what it asks for.

use std::path::PathBuf;
use std::sync::Arc;

use super::export::ExportRequest;
use super::key::Key;
use super::table::{RankRequest, RankedTable};
use super::toast::Level;
use super::views::card::{CardRequest, CardShown};
use super::views::statistics::{Statistics, StatisticsRequest};
use crate::base::terms::ModelId;
use crate::corpus::Corpus;
use crate::engine::{Event, InspectRequest, Job};
use crate::model::LoadOptions;
use crate::sources::resolve::ModelSpec;
use crate::stats::ablation::Ablation;

/// A model that can be opened, as the model picker lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// What is opened.
    pub spec: ModelSpec,
    /// `bundled`, `cache`, `catalogue`, `directory`, `recorded`.
    pub group: String,
    /// Repository, size, notes.
    pub detail: String,
}

/// A word list that can be chosen, as the corpus picker lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusEntry {
    /// What [`Effect::LoadCorpus`] takes.
    pub name: String,
    /// `built-in`, or the user's file.
    pub origin: String,
    /// Words and categories, or why it cannot be read.
    pub contents: Result<(usize, usize), String>,
}

/// What the explorer takes in: keys, reports of the engine, answers to effects.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text pasted by the terminal.
    Paste(String),
    /// Columns and rows.
    Resize(u16, u16),
    /// The engine reports.
    Engine(Event),
    /// Answers [`Effect::Rank`].
    Ranked(Box<RankedTable>),
    /// Answers [`Effect::Statistics`].
    Statistics(Box<Statistics>),
    /// Answers [`Effect::Card`].
    Card(Box<CardShown>),
    /// Answers [`Effect::Follow`]: the trainings, or what is wrong with a file.
    Followed(Result<Box<Ablation>, String>),
    /// Answers [`Effect::Resolve`] where what was typed follows a training.
    Trainings(Vec<PathBuf>),
    /// Time has come to [`App::next_deadline`](super::App::next_deadline).
    Tick,
    /// Answers [`Effect::LoadCorpus`]: the corpus, or what is wrong with it.
    Corpus(Result<Arc<Corpus>, String>),
    /// Answers [`Effect::JoinCategories`].
    Joined(Arc<Corpus>),
    /// Answers [`Effect::Resolve`].
    Resolved(Result<Vec<ModelSpec>, String>),
    /// Answers [`Effect::ListModels`].
    Models(Vec<ModelEntry>),
    /// Answers [`Effect::ListCorpora`].
    Corpora(Vec<CorpusEntry>),
    /// Answers [`Effect::Export`]: the file as it was written, or a name to go on with and what is wrong
    /// with the one that was typed.
    Exported(Result<String, (String, String)>),
    /// A notice for the user.
    Notify(Level, String),
}

/// What the explorer asks for: of the engine, of other threads, of the terminal.
#[derive(Debug)]
pub enum Effect {
    /// Open a model, or open it again after a failure.
    Open {
        /// Its id from now on.
        model: ModelId,
        /// What is opened.
        spec: ModelSpec,
        /// How it is opened.
        options: LoadOptions,
    },
    /// End a download or a load, and keep the model.
    Cancel(ModelId),
    /// Give the model back.
    Close(ModelId),
    /// All jobs that are wanted now, first things first; replaces every plan before it.
    Plan(Vec<Job>),
    /// Compute [`rank`](super::table::rank) on another thread; a request that waits is replaced by a newer one.
    Rank(Box<RankRequest>),
    /// Compute [`compute`](super::views::statistics::compute) on another thread; a request that waits is replaced by a newer one.
    Statistics(Box<StatisticsRequest>),
    /// Compute [`compute`](super::views::card::compute) on another thread; a request that waits is replaced by a newer one.
    Card(Box<CardRequest>),
    /// Read files that follow a training; of files of scores, the words have the categories of the list, the default one
    /// where none is given.
    Follow {
        /// Files and folders.
        paths: Vec<PathBuf>,
        /// The words with their categories.
        corpus: Option<Arc<Corpus>>,
    },
    /// Ask how a model reads a word.
    Inspect(InspectRequest),
    /// Read a word list, by its name or path.
    LoadCorpus(String),
    /// Give words of recorded models the categories that the bundled lists know.
    JoinCategories(Arc<Corpus>),
    /// Find out what a typed MODEL argument names.
    Resolve(String),
    /// List the models that can be opened.
    ListModels,
    /// List the word lists that can be chosen.
    ListCorpora,
    /// Draw with the theme of this name.
    SetTheme(String),
    /// Build what was asked for, on another thread, and write it to a file that is not there yet.
    Export(Box<ExportRequest>),
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    /// End the program.
    Quit,
}
