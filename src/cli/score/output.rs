//! Where rows go: standard output, or a file that appears whole.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::cli::args::{Format, ScoreArgs};
use crate::cli::{Failure, place};
use crate::corpus::Prompt;
use crate::engine::ModelInfo;
use crate::model::source::ModelSpec;
use crate::scores::export::{Layout, Row, Writer};
use crate::scores::origin::Origin;
use crate::whole_file::{may_be_written, with_suffix};

/// An open place to write to.
pub(super) struct Output {
    writer: Writer<Box<dyn Write>>,
    /// The file asked for, and the one being written until it is complete.
    file: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens before anything is scored, so that a place that cannot be written costs no time.
    pub(super) fn open(args: &ScoreArgs) -> Result<Self, Failure> {
        let layout = match args.format {
            Format::Table => Layout::Table,
            Format::Csv => Layout::Csv { tokens: args.tokens, ids: args.words.vocabulary },
            Format::Jsonl => Layout::Jsonl,
        };
        match &args.output {
            None => {
                let out = io::stdout();
                let terminal = out.is_terminal();
                Ok(Output { writer: Writer::new(Box::new(BufWriter::new(out)), layout, terminal), file: None })
            }
            Some(path) => {
                let part = with_suffix(path, ".partial");
                let usable = may_be_written(path, true).and_then(|()| File::create(&part));
                let file = usable.map_err(|error| unwritable(path, &error))?;
                let writer = Writer::new(Box::new(BufWriter::new(file)) as Box<dyn Write>, layout, false);
                Ok(Output { writer, file: Some((path.clone(), part)) })
            }
        }
    }

    pub(super) fn group(&mut self, heading: &str, rows: &[Row<'_>]) -> Result<(), Failure> {
        self.writer.group(heading, rows).map_err(|error| self.broken(&error))
    }

    /// Puts the file in its place, with what its scores rest on beside it. An unfinished one keeps the name
    /// `FILE.partial`.
    pub(super) fn finish(self, origin: &Origin, unfinished: bool) -> Result<(), Failure> {
        let Some((path, part)) = self.file else {
            self.writer
                .into_inner()
                .flush()
                .or_else(ignore_closed_pipe)
                .map_err(|error| unwritable(Path::new("standard output"), &error))?;
            return Ok(());
        };
        self.writer.into_inner().flush().map_err(|error| unwritable(&part, &error))?;
        if unfinished {
            eprintln!("note: what was finished stands in {}", crate::text::visible(&part.to_string_lossy()));
            return Ok(());
        }
        place::beside(&path, origin)?;
        std::fs::rename(&part, &path).map_err(|error| unwritable(&path, &error))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        match &self.file {
            // `rewardscope score ... | head` is no failure, and there is nobody left to tell.
            None if error.kind() == io::ErrorKind::BrokenPipe => Failure::Run(String::new()),
            None => unwritable(Path::new("standard output"), error),
            Some((_, part)) => unwritable(part, error),
        }
    }
}

/// What stands above a table: the model, the prompt, and what the scores rest on.
pub(super) fn heading(spec: &ModelSpec, prompt: &Prompt, info: &ModelInfo) -> String {
    let demonstration = if info.provenance.demonstration { " (demonstration model)" } else { "" };
    let question = match &prompt.key {
        Some(key) => format!("{key}: {}", prompt.text),
        None => prompt.text.to_string(),
    };
    let provenance = &info.provenance;
    let reason = if provenance.dtype_reason.is_empty() { String::new() } else { format!("\ndtype: {}", provenance.dtype_reason) };
    format!("{}{demonstration}\n{question}\n{}{reason}", spec.name, provenance.summary())
}

fn ignore_closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{}: cannot be written: {error}. Choose another place with --output", path.display()))
}
