//! Options of the commands that look after scores: the store, and what is written out of it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListFormat;
use crate::session::arguments::{Choice, ModelOptions, StoreArgs, StoreFile, WordArgs, choice};
use crate::tables::columns::TableFormat;

const FORMATS: [Choice<TableFormat>; 3] = [(TableFormat::Csv, ""), (TableFormat::Jsonl, ""), (TableFormat::Parquet, "")];

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Where the store lies, how large it is, and what it holds
    Info {
        #[command(flatten)]
        store: StoreFile,
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Remove runs: those of a model, those not used for long, those of models that are nowhere to be found. What is named
    /// together must hold together
    Prune {
        /// Runs of this model, or `run:ID` from `store info`
        #[arg(value_name = "MODEL")]
        models: Vec<String>,
        /// Runs for which nothing was computed within so many days
        #[arg(long, value_name = "DAYS")]
        older_than: Option<u32>,
        /// Runs of models that are neither bundled, nor known by name, nor in the cache of the hub, nor where they were
        #[arg(long)]
        unknown: bool,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Do not ask; needed where there is no terminal to ask on
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        store: StoreFile,
    },
    /// Write whole runs to a new file, a store of its own, for `store import` elsewhere
    Export {
        /// Runs of this model, or `run:ID` from `store info` [default: all]
        #[arg(value_name = "MODEL")]
        models: Vec<String>,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Replace FILE if it is there
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        store: StoreFile,
    },
    /// Take in what `store export` or `export` wrote elsewhere; what is here already stays
    Import {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        store: StoreFile,
    },
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Models whose scores are recorded or in the store; `run:ID` from `rewardscope store info` names one run
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    #[command(flatten)]
    pub words: WordArgs,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    /// A row for each score, or, for one model, a row for each word with a column for each prompt
    #[arg(long, value_enum, default_value_t)]
    pub layout: TableLayout,
    /// [default: by the end of FILE, else csv]
    #[arg(long, value_parser = choice(&FORMATS, TableFormat::name))]
    pub format: Option<TableFormat>,
    /// Write to this file, with what the scores rest on inside (Parquet) or in FILE.provenance.json
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableLayout {
    /// model, prompt, word, categories, score, rank, family, framing
    #[default]
    Long,
    /// response, and a column a prompt: as the study's files
    Wide,
}
