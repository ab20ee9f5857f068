//! Arguments of the explorer.

use std::path::PathBuf;

use clap::Args;

use crate::session::arguments::{MachineOptions, ModelOptions, RatingArgs, StoreArgs, WordArgs};

/// What the explorer can be started with.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// Models to open (default: the bundled demonstration pair)
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// The words to score.
    #[command(flatten)]
    pub words: WordArgs,
    /// How models are opened.
    #[command(flatten)]
    pub options: ModelOptions,
    /// Where scores are kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Which machine the models run on.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// JSON lines with prompt, chosen and rejected: the accuracy of each model on them stands on its card
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// Numbers about words that scores can be seen beside.
    #[command(flatten)]
    pub ratings: RatingArgs,
    /// Colour theme: a name from `rewardscope themes`
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Write a log to this file
    #[arg(long, value_name = "FILE", env = "REWARDSCOPE_LOG_FILE")]
    pub log: Option<PathBuf>,
}
