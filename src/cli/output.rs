//! Where what a command has to say goes: standard output, a file that appears whole, a stream; and notes on standard error.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::base::atomic_file::Destination;
use crate::base::text::visible;
use crate::report::figure::Figure;
use crate::scores::provenance::FileProvenance;
use crate::session::failure::Failure;
use crate::tables::checksum::Checksum;
use crate::tables::columns;
use crate::tables::columns::TableFormat;

/// The option that names a file, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum FileOption {
    Output,
    Figure,
}

impl FileOption {
    fn option(self) -> &'static str {
        match self {
            FileOption::Output => "--output",
            FileOption::Figure => "--figure",
        }
    }
}

/// Where the answer goes. Fails before anything is computed where a file could not be written, or is there and may not be
/// replaced.
pub(super) fn output(path: Option<&Path>, force: bool) -> Result<Destination, Failure> {
    let Some(path) = path else { return Ok(Destination::stdout()) };
    columns::destination(path, force).map_err(|error| unwritable(path, &error, FileOption::Output))
}

/// Where a picture goes, in the same way.
pub(super) fn figure(path: Option<&Path>, force: bool) -> Result<Option<Destination>, Failure> {
    let place = path.map(|path| {
        let to = columns::destination(path, force);
        to.map_err(|error| unwritable(path, &error, FileOption::Figure))
    });
    place.transpose()
}

/// Both, which must not be one file.
pub(super) fn output_and_figure(
    path: Option<&Path>,
    picture: Option<&Path>,
    force: bool,
) -> Result<(Destination, Option<Destination>), Failure> {
    let (output, figure) = (output(path, force)?, figure(picture, force)?);
    match &figure {
        Some(figure) if figure.is_same_file(&output) => {
            let path = figure.path().display();
            Err(Failure::Use(format!("{path}: --output and --figure name one file. Give each a name of its own")))
        }
        _ => Ok((output, figure)),
    }
}

/// What is written: as asked for, else as the end of the file's name says, else `printed`. `endings` are those that the
/// command knows, each with its format, and whether that is a picture.
///
/// # Errors
/// An end that is none of them, or a picture's where something else was asked for: a file that does not hold what its name
/// says opens nowhere.
pub(super) fn format<F: Copy + PartialEq>(
    asked: Option<F>,
    output: &Destination,
    endings: &[(&str, F, bool)],
    printed: F,
) -> Result<F, Failure> {
    let path = output.path();
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
    let by_name = endings.iter().find(|(known, ..)| *known == end);
    let is_picture = by_name.is_some_and(|(.., picture)| *picture) || matches!(end.as_str(), "svg" | "png" | "pdf" | "parquet");
    match (asked, by_name) {
        // The name of a device says nothing of what it is given.
        (asked, None) if output.is_stream() && !is_picture => Ok(asked.unwrap_or(printed)),
        (Some(asked), Some((_, format, _))) if asked == *format => Ok(asked),
        (Some(asked), _) if !is_picture => Ok(asked),
        (None, Some((_, format, _))) => Ok(*format),
        (asked, _) => {
            let known = endings.iter().map(|(end, ..)| format!(".{end}")).collect::<Vec<_>>().join(", ");
            let format = if asked.is_some() { "of the format asked for" } else { "that says what to write" };
            let or = if asked.is_none() && !is_picture { ", or give --format" } else { "" };
            Err(Failure::Use(format!("{}: a name {format} is needed: {known}{or}", path.display())))
        }
    }
}

/// A line on standard output. Where it cannot be written the program ends.
pub(super) fn print_line(line: impl std::fmt::Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        let failure = failure(Path::new("-"), true, &error);
        if !failure.message().is_empty() {
            print_to_stderr(format_args!("rewardscope: {}", failure.message()));
        }
        std::process::exit(failure.status().into());
    }
}

/// Prints a text that is safe to show.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    finished(printed.map_err(|error| failure(Path::new("-"), true, &error)))
}

/// What an error of a write to `path` means. Where nobody reads a stream any more, as behind `| head`, that is
/// [`Failure::Unread`].
pub(super) fn failure(path: &Path, is_stream: bool, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe if is_stream => Failure::Unread,
        _ => unwritable(path, error, FileOption::Output),
    }
}

/// How the writing of the whole answer ended: who does not read on has read enough.
pub(super) fn finished(written: Result<(), Failure>) -> Result<(), Failure> {
    match written {
        Err(Failure::Unread) => Ok(()),
        written => written,
    }
}

/// A line on standard error. Where it cannot be written there is nobody to tell, and the work goes on.
pub(super) fn print_to_stderr(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What a reader should know, safe to show.
pub(super) fn note(text: &str) {
    print_to_stderr(format_args!("note: {}", visible(text)));
}

/// Something that changes how the numbers are to be read, on standard error.
pub(super) fn warning(text: &str) {
    print_to_stderr(format_args!("warning: {}", visible(text)));
}

/// Indented JSON, safe to show.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    crate::base::text::json(value).map_err(Failure::run)
}

/// Writes it; beside a file stands what its numbers rest on, where that is given.
pub(super) fn write(to: Destination, bytes: &[u8], origin: Option<&FileProvenance>) -> Result<(), Failure> {
    let (path, is_stream) = (to.path().to_owned(), to.is_stream());
    if origin.is_some() {
        note_of_stream(&to);
    }
    let written = to.create().and_then(|mut file| {
        file.write_all(bytes)?;
        let checksum = file.partial().filter(|_| TableFormat::of(&path).is_some());
        let checksum = checksum.and_then(|part| Checksum::of_file_named(part, &path).ok());
        let beside = origin.map(|origin| FileProvenance { checksum, ..origin.clone() }.text());
        file.commit(beside.as_ref().map(String::as_bytes))
    });
    finished(written.map_err(|error| failure(&path, is_stream, &error)))
}

/// Says that beside a device or a pipe nothing can stand.
pub(super) fn note_of_stream(to: &Destination) {
    if to.is_stream() && to.path() != Path::new("-") {
        note(&format!("{}: no plain file, so what the numbers rest on is not written beside it", to.path().display()));
    }
}

/// Writes a picture, where one was asked for.
pub(super) fn draw(to: Option<Destination>, figure: impl FnOnce() -> Figure) -> Result<(), Failure> {
    let Some(to) = to else { return Ok(()) };
    let path = to.path().to_owned();
    figure().save(to).map_err(|error| unwritable(&path, &error, FileOption::Figure))
}

pub(super) fn unwritable(path: &Path, problem: &io::Error, named: FileOption) -> Failure {
    let option = named.option();
    Failure::Run(match problem.kind() {
        ErrorKind::AlreadyExists => format!("{problem}. Choose another name with {option}, or replace it with --force"),
        _ if path == Path::new("-") => format!("standard output cannot be written: {problem}"),
        _ => format!("{}: cannot be written: {problem}. Choose another place with {option}", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_written_and_never_something_else() {
        let endings = [("txt", 't', false), ("md", 'm', false), ("png", 'p', true)];
        let home = tempfile::tempdir().unwrap();
        let of = |asked: Option<char>, name: Option<&str>| {
            let path = name.map(|name| if name.starts_with('/') { name.into() } else { home.path().join(name) });
            let to = output(path.as_deref(), false).unwrap();
            format(asked, &to, &endings, 't').map_err(|failure| failure.message().to_owned())
        };
        assert_eq!([of(None, None), of(Some('m'), None), of(None, Some("a.MD"))], [Ok('t'), Ok('m'), Ok('m')]);
        assert_eq!(
            [of(None, Some("a.png")), of(Some('p'), Some("a.png")), of(Some('m'), Some("a.txt"))],
            [Ok('p'), Ok('p'), Ok('m')]
        );
        assert_eq!(of(Some('m'), Some("notes")), Ok('m'));
        assert_eq!([of(None, Some("/dev/null")), of(Some('m'), Some("/dev/null"))], [Ok('t'), Ok('m')]);
        for (asked, name) in [(None, "a.docx"), (None, "a"), (Some('t'), "a.png"), (Some('t'), "a.svg"), (None, "a.pdf")] {
            let message = of(asked, Some(name)).unwrap_err();
            assert!(message.contains(name) && message.contains(".txt, .md, .png"), "{message}");
        }
    }
}
