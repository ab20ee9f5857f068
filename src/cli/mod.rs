//! Arguments and commands, one file a command. The only place that prints.

mod ablation;
mod args;
mod bench;
mod card;
mod check;
mod doctor;
mod export;
mod headless;
mod implicit;
mod interrupt;
mod list;
mod output;
mod ratings;
mod run;
mod score;
mod stats;
mod store;
mod tokens;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::base::{remedy, text};
use crate::explorer::program;
use crate::model::text::template;
use crate::session::failure::Failure;
use crate::session::wording;
use args::{Cli, Command};

/// Runs the program on the arguments of this process.
pub fn main() -> ExitCode {
    // Started by itself, to render a stranger's template apart from everything else.
    if std::env::args_os().skip(1).eq([template::ARGUMENT]) {
        return template::serve_main();
    }
    template::use_program(this_program());
    interrupt::survive_full_files();
    crate::bench::started();
    let cli = Cli::parse();
    remedy::use_wording(if cli.command.is_some() { wording::option } else { wording::option_at_the_start });
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message().is_empty() {
                // Each line on its own, so that a list in a message stays a list.
                for (i, line) in failure.message().lines().enumerate() {
                    output::print_to_stderr(format_args!("{}{}", if i == 0 { "rewardscope: " } else { "" }, text::visible(line)));
                }
            }
            ExitCode::from(failure.status())
        }
    }
}

/// This very program, also where its file has been replaced since.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("rewardscope"))
}

fn run(cli: Cli) -> Result<(), Failure> {
    let threads = match &cli.command {
        None => cli.explore.machine.threads,
        Some(Command::Score(args)) => args.machine.threads,
        Some(Command::Check(args)) => args.machine.threads,
        Some(Command::Bench(args)) => args.machine.threads,
        Some(Command::Implicit(args)) => args.machine.threads,
        Some(Command::Stats(args)) => args.machine.threads,
        Some(Command::Card(args)) => args.machine.threads,
        Some(Command::Tokens(args)) => args.machine.threads,
        Some(_) => None,
    };
    if let Some(threads) = threads {
        use_threads(threads.into())?;
    }
    match cli.command {
        None => command_first(&cli.explore.models).and_then(|()| program::run(&cli.explore)),
        Some(Command::Score(args)) => score::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Models(args)) => list::models(&args),
        Some(Command::Corpora(args)) => list::corpora(&args),
        Some(Command::Prompts(args)) => list::prompts(&args),
        Some(Command::Themes(args)) => list::themes(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Store(args)) => store::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Implicit(args)) => implicit::run(&args),
        Some(Command::Ablation(args)) => ablation::run(&args),
        Some(Command::Stats(args)) => stats::run(&args),
        Some(Command::Card(args)) => card::run(&args),
        Some(Command::Tokens(args)) => tokens::run(&args),
    }
}

/// Behind an option, the name of a command would be opened as a model.
fn command_first(models: &[String]) -> Result<(), Failure> {
    match models.first() {
        Some(name) if Cli::command().find_subcommand(name).is_some() => Err(Failure::Use(format!(
            "the command goes first, and its options behind it: rewardscope {name} … (a folder of that name opens as ./{name})"
        ))),
        _ => Ok(()),
    }
}

/// Products of matrices run on so many threads, instead of one for each core. Called before any of them.
fn use_threads(threads: usize) -> Result<(), Failure> {
    // candle cuts its own products into as many parts as this says.
    // SAFETY: no other thread exists yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    pool.map_err(|error| Failure::Run(format!("the system gave no {threads} threads: {error}")))
}
