//! Where rows go: standard output, or a file that appears whole.

use std::io::{self, BufWriter};
use std::path::PathBuf;

use crate::base::atomic_file::AtomicFile;
use crate::cli::args::{Format, ScoreArgs};
use crate::cli::output;
use crate::cli::output::{FileOption, unwritable};
use crate::corpus::Prompt;
use crate::model::ModelInfo;
use crate::scores::provenance::FileProvenance;
use crate::session::failure::Failure;
use crate::sources::resolve::ModelSpec;
use crate::tables::checksum::Checksum;
use crate::tables::long::{CsvColumns, LongTable, RowLayout, RowWriter};

/// An open place to write to.
pub(super) struct RowOutput {
    writer: RowWriter<BufWriter<AtomicFile>>,
    /// The name that was given.
    path: PathBuf,
    is_stream: bool,
    /// It opens as recorded scores.
    is_read_again: bool,
}

impl RowOutput {
    /// Opens before anything is scored, so that a place that cannot be written costs no time.
    pub(super) fn open(args: &ScoreArgs) -> Result<Self, Failure> {
        let to = output::output(args.output.as_deref(), args.force)?;
        let endings = [("csv", Format::Csv, false), ("jsonl", Format::Jsonl, false), ("txt", Format::Table, false)];
        let layout = match output::format(args.format, &to, &endings, Format::Table)? {
            Format::Table => RowLayout::Table,
            Format::Csv => RowLayout::Csv(CsvColumns {
                tokens: args.tokens || args.trace,
                token_rewards: args.trace,
                layer_rewards: args.layers,
                ids: args.words.vocabulary,
            }),
            Format::Jsonl => RowLayout::Jsonl,
        };
        output::note_of_stream(&to);
        let (path, is_stream, is_terminal) = (to.path().to_owned(), to.is_stream(), to.is_terminal());
        let file = to.create().map_err(|error| unwritable(&path, &error, FileOption::Output))?;
        let writer = RowWriter::new(BufWriter::new(file), layout, is_terminal);
        Ok(RowOutput { writer, path, is_stream, is_read_again: layout != RowLayout::Table })
    }

    pub(super) fn group(&mut self, heading: &str, rows: &LongTable) -> Result<(), Failure> {
        self.writer.group(heading, rows).map_err(|error| output::failure(&self.path, self.is_stream, &error))
    }

    /// Puts the file in its place, with what its scores rest on beside it.
    pub(super) fn finish(self, origin: &FileProvenance) -> Result<(), Failure> {
        let RowOutput { writer, path, is_stream, is_read_again } = self;
        let written = writer.into_inner().into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            // A table for reading is nothing that is read again.
            let part = file.partial().filter(|_| is_read_again);
            let checksum = part.and_then(|part| Checksum::of_file_named(part, &path).ok());
            file.commit(Some(FileProvenance { checksum, ..origin.clone() }.text().as_bytes()))
        });
        output::finished(written.map_err(|error| output::failure(&path, is_stream, &error)))
    }

    /// Says where what was finished stands: in `FILE.partial`, or in another name that says so.
    pub(super) fn leave_unfinished(self) {
        let kept = self.writer.into_inner().into_inner().map_err(io::IntoInnerError::into_error).map(AtomicFile::keep_partial);
        if let Ok(Ok(Some(part))) = kept {
            output::note(&format!("what was finished stands in {}", part.display()));
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
