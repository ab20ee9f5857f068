//! Where rows go: standard output, or a file that appears whole.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::cli::args::{Format, ScoreArgs};
use crate::cli::{Failure, place};
use crate::corpus::Prompt;
use crate::engine::ModelInfo;
use crate::model::source::ModelSpec;
use crate::scores::export::{Layout, Row, Writer};
use crate::scores::origin::{Checksum, Origin};
use crate::scores::sheet::SIDECAR;
use crate::whole_file::{self, begin, may_be_written, with_suffix};

/// An open place to write to.
pub(super) struct Output {
    writer: Writer<Box<dyn Write>>,
    /// The file asked for, and the one being written until it is complete.
    file: Option<(PathBuf, PathBuf)>,
    /// It opens as recorded scores.
    is_read_again: bool,
}

impl Output {
    /// Opens before anything is scored, so that a place that cannot be written costs no time.
    pub(super) fn open(args: &ScoreArgs) -> Result<Self, Failure> {
        let endings = [("csv", Format::Csv, false), ("jsonl", Format::Jsonl, false), ("txt", Format::Table, false)];
        let layout = match place::format(args.format, args.output.as_deref(), &endings, Format::Table)? {
            Format::Table => Layout::Table,
            Format::Csv => Layout::Csv { tokens: args.tokens, ids: args.words.vocabulary },
            Format::Jsonl => Layout::Jsonl,
        };
        let is_read_again = layout != Layout::Table;
        match &args.output {
            None => {
                let out = io::stdout();
                let terminal = out.is_terminal();
                Ok(Output { writer: Writer::new(Box::new(BufWriter::new(out)), layout, terminal), file: None, is_read_again })
            }
            Some(path) => {
                let usable = may_be_written(path, true).and_then(|()| begin(path));
                let (part, file) = usable.map_err(|error| unwritable(path, &error))?;
                let writer = Writer::new(Box::new(BufWriter::new(file)) as Box<dyn Write>, layout, false);
                Ok(Output { writer, file: Some((path.clone(), part)), is_read_again })
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
        let side = with_suffix(&path, SIDECAR);
        std::fs::rename(&part, &path).map_err(|error| unwritable(&path, &error))?;
        // A table for reading is nothing that is read again.
        let checksum = if self.is_read_again { Checksum::of_file(&path).ok() } else { None };
        let json = Origin { checksum, ..origin.clone() }.json();
        whole_file::write(&side, format!("{json:#}\n").as_bytes(), true).map_err(|error| unwritable(&side, &error))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        match &self.file {
            // `rewardscope score ... | head` is no failure, and there is nobody left to tell.
            None if error.kind() == io::ErrorKind::BrokenPipe => Failure::Unread,
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
