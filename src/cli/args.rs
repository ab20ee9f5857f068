//! The command line: every option with the words that `--help` shows.

mod statistics;
mod store;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::batch::MOST_NODES;
use crate::explorer::arguments::ExploreArgs;
use crate::session::arguments::{MachineOptions, ModelOptions, StoreArgs, WordArgs};

pub use statistics::*;
pub use store::*;

/// Explore which words a reward model prefers.
///
/// MODEL is a bundled demonstration model (demo-llama, demo-gemma), a nickname of the study's ten (see `rewardscope
/// models`), a Hugging Face id with an optional @revision, a directory in the Hugging Face layout, a file or directory of
/// recorded scores, or the implicit reward of two language models, mwlr:A,B or log-ratio:A,B. A file or directory that
/// follows a training opens as such. Without MODEL the bundled pair is opened.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub explore: ExploreArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Score words and write a table, CSV or JSON lines
    Score(ScoreArgs),
    /// Test whether a model's numbers can be trusted on this machine; nothing is kept
    Check(CheckArgs),
    /// List the models that can be named
    Models(ListArgs),
    /// List the word lists
    Corpora(ListArgs),
    /// List the prompts with their factors
    Prompts(ListArgs),
    /// List the colour themes
    Themes(ListArgs),
    /// Report device, memory, cache, token and terminal abilities
    Doctor(DoctorArgs),
    /// Measure how fast a model scores here, beside what the machine can do; nothing is kept
    Bench(BenchArgs),
    /// What one language model likes more than another: the reward that is implicit in the pair
    Implicit(ImplicitArgs),
    /// Follow trainings: median ranks over checkpoints, first against last, words that moved
    Ablation(AblationArgs),
    /// One page on what a model values, and where it stands among others
    Card(CardArgs),
    /// Compare families of models: median ranks, tests, a mixed model
    Stats(StatsArgs),
    /// The best and the worst tokens of the vocabulary that several models share, with the ranks that each gives them
    Tokens(TokensArgs),
    /// Look after the store, in which every score is kept
    #[command(subcommand)]
    Store(StoreCommand),
    /// Write scores that are known, recorded or in the store, to a file; nothing is computed
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// Models to score with; see `rewardscope --help` for what a MODEL is
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    #[command(flatten)]
    pub words: WordArgs,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Give each word's token ids, of the whole conversation
    #[arg(long)]
    pub tokens: bool,
    /// Give the reward at every token of each conversation, beside the token ids. Of reward models; computed each time, for
    /// the store keeps scores alone
    #[arg(long)]
    pub trace: bool,
    /// Give what the head reads after every layer, through the final norm; in a table, the mean z of each category by layer.
    /// Of reward models; computed each time. This explores where in the depth a preference forms and proves no cause: the
    /// head was trained on the last layer alone
    #[arg(long)]
    pub layers: bool,
    /// How rows are written [default: as the end of FILE says; a table on standard output]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write to this file (and what the scores rest on to FILE.provenance.json) instead of standard output: .csv, .jsonl, or
    /// .txt for a table
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The model to test; see `rewardscope --help` for what a MODEL is
    #[arg(value_name = "MODEL")]
    pub model: String,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Folder of the study's published scores, for a comparison where MODEL is one of its ten
    #[arg(long, value_name = "DIR")]
    pub published: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The model to measure; see `rewardscope --help` for what a MODEL is
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Word list: a name from `rewardscope corpora`, or a file. May be repeated [default: big-two]
    #[arg(long, value_name = "NAME|FILE")]
    pub corpus: Vec<String>,
    /// A file with one word a line
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
    /// The prompt, by key or by its text [default: greatest_ever_one]
    #[arg(long, value_name = "KEY|TEXT")]
    pub prompt: Option<String>,
    #[command(flatten)]
    pub options: ModelOptions,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Timed runs of the whole list, after one that is not counted; the median is told
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,
    /// Batch sizes to measure one after the other, in tokens, 512 at most, up to 2 s each; `none` for no sweep
    #[arg(long, value_name = "N,N,...", default_value = "1,4,16,64,256,512", value_parser = sweep)]
    pub sweep: Sweep,
    /// Score the tokens of the vocabulary as words as well, N of them (=N) or all
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "4294967295")]
    pub vocabulary: Option<u32>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormat,
}

/// Batch sizes, in nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep(pub Vec<usize>);

fn sweep(text: &str) -> Result<Sweep, String> {
    const MOST: usize = MOST_NODES;
    if text == "none" {
        return Ok(Sweep(Vec::new()));
    }
    let size = |part: &str| part.trim().parse().ok().filter(|size| (1..=MOST).contains(size));
    let sizes: Option<Vec<usize>> = text.split(',').map(size).collect();
    sizes.map(Sweep).ok_or_else(|| format!("numbers from 1 to {MOST}, with commas between them, or none"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading: words by rank
    Table,
    /// One header line; words in the order of the list
    Csv,
    /// One JSON object a line; words in the order of the list
    Jsonl,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    #[default]
    Table,
    Json,
}

/// Of commands whose tables go into a paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For reading
    #[default]
    Table,
    /// Everything, number by number
    Json,
    Markdown,
    /// Tables by the booktabs package, for a paper
    Latex,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::remedy::Remedy;
    use crate::session::wording::option;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_messages_advise_exists() {
        let cli = Cli::command();
        let options: Vec<String> = std::iter::once(&cli)
            .chain(cli.get_subcommands())
            .flat_map(|command| command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))))
            .collect();
        for remedy in Remedy::ALL {
            let advised = option(remedy, "");
            match advised.strip_prefix("`rewardscope ") {
                Some(command) => {
                    let name = command.trim_end_matches('`').split(' ').next().unwrap();
                    assert!(cli.find_subcommand(name).is_some(), "{advised}");
                }
                None => assert!(options.contains(&advised), "{advised}"),
            }
        }
    }

    #[test]
    fn models_and_commands_are_told_apart() {
        let cli = Cli::try_parse_from(["rewardscope", "demo-llama", "demo-gemma", "--prompt", "all"]).expect("models");
        assert!(cli.command.is_none());
        assert_eq!(cli.explore.models, ["demo-llama", "demo-gemma"]);
        let cli =
            Cli::try_parse_from(["rewardscope", "score", "demo-llama", "--word", " love", "--word", "-x"]).expect("a command");
        let Some(Command::Score(args)) = cli.command else { panic!("score was expected") };
        assert_eq!(args.words.word, [" love", "-x"]);
        assert!(Cli::try_parse_from(["rewardscope", "score"]).is_err(), "score needs a model");
    }

    #[test]
    fn a_sweep_measures_no_batch_that_is_never_run() {
        assert_eq!(sweep("1, 512"), Ok(Sweep(vec![1, 512])));
        assert_eq!(sweep("none"), Ok(Sweep(Vec::new())));
        for text in ["513", "1024", "0", "1,,2", "many"] {
            assert!(sweep(text).unwrap_err().contains("from 1 to 512"), "{text}");
        }
        let help = Cli::command().find_subcommand("bench").unwrap().clone().render_long_help().to_string();
        assert!(help.contains(&format!("{MOST_NODES} at most")), "{help}");
    }
}
