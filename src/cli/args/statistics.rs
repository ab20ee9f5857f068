//! Options of the commands that compare models: statistics, implicit rewards, trainings, cards.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::PageFormat;
use crate::base::terms::{Framing, Measure};
use crate::report::figure::FigureFormat;
use crate::session::arguments::{Choice, MachineOptions, ModelOptions, RatingArgs, StoreArgs, WordArgs, choice};
use crate::stats::implicit::Variants;

const MEASURES: [Choice<Measure>; 2] = [
    (
        Measure::Mwlr,
        "Mixture-weighted log ratio, `0.5 (p_A + p_B) (log p_A − log p_B)`: words that neither would say count for little",
    ),
    (Measure::LogRatio, "`log p_A − log p_B`"),
];
const VARIANTS: [Choice<Variants>; 3] = [
    (Variants::Average, "They are one word, whose value is the mean of theirs"),
    (Variants::Keep, "Each is a word of its own"),
    (Variants::Add, "Each word of the list is asked also with a capital, and each of both behind a space; these are averaged"),
];

const SPELLINGS: [Choice<Variants>; 2] = [
    (Variants::Average, "They are one word, whose score is the mean of theirs"),
    (Variants::Keep, "Each takes a rank of its own"),
];

#[derive(Debug, Args)]
pub struct ImplicitArgs {
    /// The language model whose liking is asked: live, or a file of recorded log-probabilities
    #[arg(value_name = "A", required_unless_present = "many_a")]
    pub a: Option<String>,
    /// The one it is held against: its own base model, or another
    #[arg(value_name = "B", required_unless_present = "many_a")]
    pub b: Option<String>,
    /// In place of A and B: each of these against each of --b, over the words that all of them have; the mean over the pairs,
    /// and every pair beside it
    #[arg(id = "many_a", long = "a", value_name = "A", num_args = 1.., requires = "many_b", conflicts_with_all = ["a", "b"])]
    pub many_a: Vec<String>,
    /// The models that those of --a are held against
    #[arg(id = "many_b", long = "b", value_name = "B", num_args = 1.., requires = "many_a")]
    pub many_b: Vec<String>,
    #[command(flatten)]
    pub words: WordArgs,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Ranks, and the column that is written as CSV
    #[arg(long, value_parser = choice(&MEASURES, Measure::key), default_value = Measure::default().key())]
    pub measure: Measure,
    #[arg(long, value_parser = choice(&VARIANTS, Variants::name), default_value_t)]
    pub variants: Variants,
    /// Print and draw this word alone, of all that are ranked; its other spellings count for it where they are averaged. May be
    /// repeated
    #[arg(long, value_name = "WORD")]
    pub show: Vec<String>,
    /// As it is written; csv is a word and one column a prompt, which opens as recorded scores [default: by the end of FILE:
    /// .txt, .csv, .json, .md or .tex; else table]
    #[arg(long, value_enum)]
    pub format: Option<TextFormat>,
    /// Draw the words at both ends as well, under the first prompt, into this file: .svg or .png. Of many pairs of models and
    /// at most six words, a row is a pair
    #[arg(long, value_name = "FILE", value_parser = figure_file)]
    pub figure: Option<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct AblationArgs {
    /// Files, or folders of them: median ranks (model_id, Category, checkpoint, sum_value), or scores with a column (step-N)
    /// or a row for each checkpoint
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,
    /// Word list with the categories of a file of scores [default: big-two]
    #[arg(long, value_name = "NAME|FILE")]
    pub corpus: Vec<String>,
    /// Spellings of a word that differ by case or outer spaces alone, as ' love' and 'Love'
    #[arg(long, value_parser = choice(&SPELLINGS, Variants::name), default_value_t)]
    pub variants: Variants,
    /// Only the words of this file, exactly as it spells them, such as the tokens that several models share: a word list in
    /// any form, whose categories do not count
    #[arg(long, value_name = "FILE")]
    pub only_words: Option<PathBuf>,
    /// What a file's runs were trained on, where its name and columns do not say it or say it wrongly: thousands of pairs,
    /// source, method, each of which may be left empty. May be repeated
    #[arg(long, value_name = "FILE=SIZE[,SOURCE[,METHOD]]")]
    pub data: Vec<String>,
    /// How many of the words that moved farthest are named
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub moved: usize,
    /// As it is written; csv has one row a checkpoint [default: by the end of FILE: .txt, .csv, .json, .md or .tex; else table]
    #[arg(long, value_enum)]
    pub format: Option<TextFormat>,
    /// Draw the medians as well, into this file: .svg or .png
    #[arg(long, value_name = "FILE", value_parser = figure_file)]
    pub figure: Option<PathBuf>,
    /// What --figure draws [default: checkpoints]
    #[arg(long, value_enum, requires = "figure")]
    pub draw: Option<AblationPicture>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct CardArgs {
    /// The model that the card is about
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Models among which it has a place, such as a folder of recorded scores
    #[arg(value_name = "SOURCE")]
    pub others: Vec<String>,
    #[command(flatten)]
    pub words: WordArgs,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Fold categories by what stands before the first `_` or `.`: Care_Virtue and Care_Vice become Care
    #[arg(long)]
    pub category_prefix: bool,
    /// Leave out a category, by its own or its folded name. May be repeated
    #[arg(long, value_name = "NAME")]
    pub exclude_category: Vec<String>,
    /// Say which family a model belongs to, such as my-model=Llama. May be repeated
    #[arg(long, value_name = "MODEL=NAME", value_parser = model_and_family)]
    pub family: Vec<(String, String)>,
    /// JSON lines with prompt, chosen and rejected: the model's accuracy on them stands on the card
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    #[command(flatten)]
    pub ratings: RatingArgs,
    /// Bootstrap samples
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub replicates: u32,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// [default: by the end of FILE: .txt, .md, .tex, .json, .svg or .png; else text]
    #[arg(long, value_enum)]
    pub format: Option<CardFormat>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    #[default]
    Table,
    Csv,
    Json,
    Markdown,
    /// Tables by the booktabs package, for a paper
    Latex,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CardFormat {
    #[default]
    Text,
    Markdown,
    /// Tables by the booktabs package, for a paper
    Latex,
    Json,
    Svg,
    Png,
}

#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Models, recorded (a file, or a directory of files) or live; see `rewardscope --help` for what a MODEL is
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// Word list with categories: a name from `rewardscope corpora`, or a file. Ranks run over its words that every
    /// model has a score for. May be repeated
    #[arg(long, value_name = "NAME|FILE", required = true)]
    pub corpus: Vec<String>,
    /// A prompt by key, by its text, or `all` for the study's 54. May be repeated [default: every prompt that the recorded
    /// sources have scores for; with live sources alone, all 54]
    #[arg(long, value_name = "KEY|TEXT|all")]
    pub prompt: Vec<String>,
    /// Say whether a prompt of your own, by key or by its text, asks for the best or for the worst, such as
    /// kindest_thing=positive. May be repeated
    #[arg(long, value_name = "KEY=positive|negative", value_parser = prompt_and_framing)]
    pub framing: Vec<(String, Framing)>,
    /// Fold categories by what stands before the first `_` or `.`: Care_Virtue and Care_Vice become Care, in which a word of
    /// both counts once
    #[arg(long)]
    pub category_prefix: bool,
    /// Leave out a category, by its own or its folded name. Its words are dropped before ranking, unless they are in another
    /// category that is kept. May be repeated
    #[arg(long, value_name = "NAME")]
    pub exclude_category: Vec<String>,
    /// Say which family a model belongs to, such as my-model=Llama. May be repeated
    #[arg(long, value_name = "MODEL=NAME", value_parser = model_and_family)]
    pub family: Vec<(String, String)>,
    #[command(flatten)]
    pub ratings: RatingArgs,
    /// Random divisions in each permutation test; 0 leaves these tests and the bootstrap intervals out
    #[arg(long, value_name = "N", default_value_t = 9_999)]
    pub replicates: u32,
    /// Of the random numbers: the same seed gives the same report
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
    /// Draw a picture as well, into this file: .svg or .png
    #[arg(long, value_name = "FILE", value_parser = figure_file)]
    pub figure: Option<PathBuf>,
    /// What --figure draws [default: panels]
    #[arg(long, value_enum, requires = "figure")]
    pub draw: Option<StatsPicture>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub machine: MachineOptions,
}

/// A picture of the statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatsPicture {
    /// The families' median ranks by category and framing
    #[default]
    Panels,
    /// How alike each two models rank, as matrices and as a map of the models
    Agreement,
}

/// A picture of trainings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AblationPicture {
    /// Medians over checkpoints
    #[default]
    Checkpoints,
    /// Medians at the last checkpoint, against the quantity of data
    Quantities,
    /// Words that rose and fell farthest, where scores are known
    Moved,
}

#[derive(Debug, Args)]
pub struct TokensArgs {
    /// Models: live ones score every token of their vocabulary; of recorded ones the words of the file are the tokens
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    /// A prompt by key, by its text, or `all` for the study's 54. May be repeated [default: greatest_ever_one]
    #[arg(long, value_name = "KEY|TEXT|all")]
    pub prompt: Vec<String>,
    /// How many tokens are named at either end
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub machine: MachineOptions,
}

fn figure_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match FigureFormat::from_path(&path) {
        Some(_) => Ok(path),
        None => Err("a name that ends with .svg or .png is needed".to_owned()),
    }
}

/// A prompt's text may hold `=`.
fn prompt_and_framing(text: &str) -> Result<(String, Framing), String> {
    let (prompt, framing) = text.rsplit_once('=').unwrap_or_default();
    match framing.trim() {
        "positive" if !prompt.is_empty() => Ok((prompt.to_owned(), Framing::Positive)),
        "negative" if !prompt.is_empty() => Ok((prompt.to_owned(), Framing::Negative)),
        _ => Err("write KEY=positive or KEY=negative, such as kindest_thing=positive".to_owned()),
    }
}

/// A family's name holds no `=`; a model's may.
fn model_and_family(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=').map(|(model, family)| (model.trim(), family.trim())) {
        Some((model, family)) if !model.is_empty() && !family.is_empty() => Ok((model.to_owned(), family.to_owned())),
        _ => Err("write MODEL=NAME, such as my-model=Llama".to_owned()),
    }
}
