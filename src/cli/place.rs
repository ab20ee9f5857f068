//! Where what a command has to say goes: standard output, or a file that appears whole.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::Failure;
use crate::figure::Figure;
use crate::scores::origin::Origin;
use crate::scores::sheet::SIDECAR;
use crate::whole_file::{self, with_suffix};

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

/// Whether what is printed reaches a terminal.
pub(super) fn is_terminal(output: Option<&Path>) -> bool {
    output.is_none() && io::stdout().is_terminal()
}

/// Fails before anything is computed where the file could not be written.
pub(super) fn check(path: Option<&Path>, named: FileOption) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = if path.is_dir() {
        "it is a directory"
    } else if !folder.is_dir() {
        "there is no such folder"
    } else {
        return Ok(());
    };
    Err(unwritable(path, problem, named))
}

/// What is written: as asked for, else as the end of the file's name says, else `printed`. `endings` are those that the
/// command knows, each with its format, and whether that is a picture.
///
/// # Errors
/// An end that is none of them, or a picture's where something else was asked for: a file that does not hold what its name
/// says opens nowhere.
pub(super) fn format<F: Copy + PartialEq>(
    asked: Option<F>,
    output: Option<&Path>,
    endings: &[(&str, F, bool)],
    printed: F,
) -> Result<F, Failure> {
    let Some(path) = output else { return Ok(asked.unwrap_or(printed)) };
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
    let by_name = endings.iter().find(|(known, ..)| *known == end);
    let is_picture = by_name.is_some_and(|(.., picture)| *picture) || matches!(end.as_str(), "svg" | "png" | "pdf" | "parquet");
    match (asked, by_name) {
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

/// A line on standard output. Where nobody reads it any more, as behind `| head`, the program ends, which is no failure.
pub(super) fn say(line: impl std::fmt::Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        if !closed {
            eprintln!("rewardscope: standard output: {error}");
        }
        std::process::exit(i32::from(!closed));
    }
}

/// Indented JSON, safe to show.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    crate::text::json(value).map_err(Failure::run)
}

/// Writes it; beside a file stands what its numbers rest on, where that is given.
pub(super) fn write(output: Option<&Path>, bytes: &[u8], origin: Option<&Origin>) -> Result<(), Failure> {
    let Some(path) = output else {
        let written = io::stdout().lock().write_all(bytes).and_then(|()| io::stdout().flush());
        return match written {
            // `rewardscope card ... | head` is no failure.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::run(error)),
            _ => Ok(()),
        };
    };
    if let Some(origin) = origin {
        beside(path, origin)?;
    }
    whole_file::write(path, bytes, true).map_err(|error| unwritable(path, error, FileOption::Output))
}

/// Writes what the numbers in a file rest on.
pub(super) fn beside(path: &Path, origin: &Origin) -> Result<(), Failure> {
    let side = with_suffix(path, SIDECAR);
    std::fs::write(&side, format!("{:#}\n", origin.json())).map_err(|error| unwritable(&side, error, FileOption::Output))
}

/// Writes a picture, where one was asked for; a file that is there is replaced, as `-o` does.
pub(super) fn draw(path: Option<&Path>, figure: impl FnOnce() -> Figure) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    figure().save(path, true).map_err(|error| unwritable(path, error, FileOption::Figure))
}

fn unwritable(path: &Path, problem: impl std::fmt::Display, named: FileOption) -> Failure {
    Failure::Run(format!("{}: cannot be written: {problem}. Choose another place with {}", path.display(), named.option()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_written_and_never_something_else() {
        let endings = [("txt", 't', false), ("md", 'm', false), ("png", 'p', true)];
        let of = |asked: Option<char>, name: Option<&str>| {
            format(asked, name.map(Path::new), &endings, 't').map_err(|failure| failure.message().to_owned())
        };
        assert_eq!([of(None, None), of(Some('m'), None), of(None, Some("a.MD"))], [Ok('t'), Ok('m'), Ok('m')]);
        assert_eq!(
            [of(None, Some("a.png")), of(Some('p'), Some("a.png")), of(Some('m'), Some("a.txt"))],
            [Ok('p'), Ok('p'), Ok('m')]
        );
        assert_eq!(of(Some('m'), Some("notes")), Ok('m'));
        for (asked, name) in [(None, "a.docx"), (None, "a"), (Some('t'), "a.png"), (Some('t'), "a.svg"), (None, "a.pdf")] {
            let message = of(asked, Some(name)).unwrap_err();
            assert!(message.contains(name) && message.contains(".txt, .md, .png"), "{message}");
        }
    }
}
