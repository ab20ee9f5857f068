//! Renders a stranger's template where it can do no harm: in a process of its own, behind a socket.
//!
//! The program says at its start that it can be started to render ([`use_program`]). Where none has said so, as in a program
//! that uses this library, a thread renders instead: it is waited for no longer, but what a template takes of memory and
//! stack it takes from the whole program, and what ends it ends all.

use std::ffi::OsStr;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::jinja::{Conversations, Problem, Setup};
use super::serve::{self, ARGUMENT, Answer};
use crate::Cancel;
use rewardscope_base::text;

/// How long nothing may come. The process ends itself much earlier: this is for one that is stopped, or never runs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a cancel may go unseen.
const GLANCE: Duration = Duration::from_millis(50);
/// Bytes of conversations in one request, and how many at most: together they have [`serve::MILLISECONDS`].
const AT_ONCE: usize = 1 << 20;
const MOST_AT_ONCE: usize = 64;
/// Bytes of the longest prompt with its answer.
const MOST_CONVERSATION: usize = 8 << 20;
const CORRECT: &str = "Correct the template, or download the file again";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Templates are rendered in processes of this program, whose `main` calls [`super::serve_main`] where its only argument is
/// [`super::ARGUMENT`]. The first call counts.
pub fn use_program(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// Why nothing was rendered.
pub(super) enum Stop {
    Cancelled,
    Problem(Problem),
}

/// One template, parsed. Ends with what renders it.
pub(super) struct Renderer {
    setup: Setup,
    /// None after it was cancelled or broke off: it is started again when it is needed.
    server: Mutex<Option<Server>>,
}

impl Renderer {
    /// Fails where the template does not parse.
    pub(super) fn start(setup: Setup) -> Result<Self, Problem> {
        let server = Server::start(&setup, &Cancel::default()).map_err(|stop| match stop {
            Stop::Problem(problem) => problem,
            Stop::Cancelled => Problem::limit("cancelled", CORRECT),
        })?;
        Ok(Renderer { setup, server: Mutex::new(Some(server)) })
    }

    /// One answer a conversation, in order. Fails as a whole where the template went beyond its limits.
    pub(super) fn render(&self, prompt: &str, answers: &[&str], cancel: &Cancel) -> Result<Vec<Answer>, Stop> {
        let mut all = Vec::with_capacity(answers.len());
        let mut rest = answers;
        while let Some(first) = rest.first() {
            if let Some(problem) = too_long(prompt.len() + first.len()) {
                all.push(Err(problem));
                rest = &rest[1..];
                continue;
            }
            let mut bytes = 0;
            let fits = |answer: &&&str| {
                bytes += prompt.len() + answer.len();
                bytes <= AT_ONCE
            };
            let count = rest.iter().take(MOST_AT_ONCE).take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            let answers = Some(now.iter().map(|answer| (*answer).to_owned()).collect());
            all.extend(self.ask(&Conversations { prompt: prompt.to_owned(), answers }, count, cancel)?);
            rest = later;
        }
        Ok(all)
    }

    /// The user's turn and the opening of the answer.
    pub(super) fn render_open(&self, prompt: &str) -> Result<String, Stop> {
        if let Some(problem) = too_long(prompt.len()) {
            return Err(Stop::Problem(problem));
        }
        let conversations = Conversations { prompt: prompt.to_owned(), answers: None };
        let answer = self.ask(&conversations, 1, &Cancel::default())?.pop();
        answer.ok_or(Stop::Cancelled)?.map_err(Stop::Problem)
    }

    fn ask(&self, conversations: &Conversations, count: usize, cancel: &Cancel) -> Result<Vec<Answer>, Stop> {
        let mut held = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let mut server = match held.take() {
            Some(server) => server,
            None => Server::start(&self.setup, cancel)?,
        };
        let answers: Vec<Answer> = server.ask(conversations, count, cancel)?;
        *held = Some(server);
        match answers.iter().flat_map(|answer| answer.as_ref().err()).find(|problem| problem.is_limit) {
            Some(problem) => Err(Stop::Problem(problem.clone())),
            None => Ok(answers),
        }
    }
}

fn too_long(bytes: usize) -> Option<Problem> {
    let problem = || {
        let (bytes, most) = (text::bytes(bytes as u64), text::bytes(MOST_CONVERSATION as u64));
        let problem = format!("the conversation has {bytes}, and at most {most} are put into a chat template");
        Problem { problem, next: "Shorten the prompt or the word".to_owned(), is_limit: false }
    };
    (bytes > MOST_CONVERSATION).then(problem)
}

/// What renders. Dropping it ends the process; a thread ends after what it is at.
struct Server {
    socket: UnixStream,
    process: Option<Child>,
}

impl Server {
    fn start(setup: &Setup, cancel: &Cancel) -> Result<Self, Stop> {
        let mut server = Self::spawn(PROGRAM.get().map(|program| program.as_os_str())).map_err(|error| {
            Stop::Problem(Problem::limit(
                format!("a chat template is rendered in a process of its own, and the system started none: {error}"),
                "Free memory or processes, and try again",
            ))
        })?;
        match server.ask::<Result<(), Problem>>(setup, 1, cancel)?.pop() {
            Some(Err(problem)) => Err(Stop::Problem(problem)),
            _ => Ok(server),
        }
    }

    fn spawn(program: Option<&OsStr>) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_read_timeout(Some(GLANCE))?;
        socket.set_write_timeout(Some(GLANCE))?;
        let Some(program) = program else {
            serve::spawn(move || serve::serve(&theirs, || Ok(())))?;
            return Ok(Server { socket, process: None });
        };
        let mut command = Command::new(program);
        command.arg0("rewardscope").arg(ARGUMENT).stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C and Ctrl-Z are for this process, which ends the other where it must.
        let process = command.process_group(0).spawn()?;
        Ok(Server { socket, process: Some(process) })
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &mut self,
        request: &impl serde::Serialize,
        count: usize,
        cancel: &Cancel,
    ) -> Result<Vec<T>, Stop> {
        let mut patient = Patient { socket: &self.socket, cancel, heard: Instant::now() };
        let exchanged = serve::write(&mut patient, request).and_then(|()| {
            let mut from = BufReader::with_capacity(1 << 16, patient);
            let answers = (0..count).map(|_| serve::read(&mut from)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()));
            answers.collect()
        });
        exchanged.map_err(|error| match error.kind() {
            _ if cancel.is_set() => Stop::Cancelled,
            io::ErrorKind::TimedOut => {
                let problem = format!("the chat template was not rendered within {} s", PATIENCE.as_secs());
                Stop::Problem(Problem::limit(problem, CORRECT))
            }
            _ => Stop::Problem(self.ended(&error)),
        })
    }

    /// Why the other end was closed.
    fn ended(&mut self, error: &io::Error) -> Problem {
        let unknown = |why: &dyn std::fmt::Display| {
            let problem = format!("the chat template broke off what renders it: {}", text::visible(&why.to_string()));
            Problem::limit(problem, "Please report this with the model's name")
        };
        let Some(process) = &mut self.process else { return unknown(error) };
        // It closed its socket by ending, unless it sends nonsense.
        let _ = process.kill();
        let Ok(status) = process.wait() else { return unknown(error) };
        let mut said = String::new();
        if let Some(stderr) = process.stderr.take() {
            let _ = stderr.take(1000).read_to_string(&mut said);
        }
        let memory = || format!("the chat template asks for more than {} of memory", text::bytes(serve::MEMORY));
        match status.signal() {
            Some(libc::SIGPROF) => {
                let problem = format!("the chat template takes more than {} ms of processor time", serve::MILLISECONDS);
                Problem::limit(problem, "Look for a loop in it that does not end, or download the file again")
            }
            Some(libc::SIGABRT) if said.contains("memory allocation of") => Problem::limit(memory(), CORRECT),
            None if said.contains("capacity overflow") => Problem::limit(memory(), CORRECT),
            Some(libc::SIGABRT | libc::SIGSEGV) if said.contains("overflowed its stack") => {
                Problem::limit("the chat template nests expressions or values deeper than can be followed", CORRECT)
            }
            Some(signal) => unknown(&format!("signal {signal} ended it")),
            // The first line of a panic says where in the program, the next one why.
            None => {
                let why = said.lines().find(|line| !line.trim().is_empty() && !line.contains("panicked at"));
                unknown(&why.unwrap_or("it ended"))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Both fail only where it is gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A socket that looks at the cancel flag while it waits, and does not wait for ever.
struct Patient<'a> {
    socket: &'a UnixStream,
    cancel: &'a Cancel,
    /// When the last byte went through.
    heard: Instant,
}

impl Patient<'_> {
    fn wait(&mut self, mut attempt: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match attempt(self.socket) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.cancel.is_set() || self.heard.elapsed() > PATIENCE {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                passed => {
                    self.heard = Instant::now();
                    return passed;
                }
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|mut socket| socket.read(buffer))
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|mut socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
