//! The end of a socket at which templates are rendered: in a process of its own, which may take little memory and time.
//!
//! It reads a [`Setup`], then [`Conversations`] until the other end is closed, and answers each text as soon as it is
//! there. A template that asks for more than it may have ends this process, and no other.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::jinja::{Conversations, Jinja, Problem, Setup};

/// The only argument of this program where it is started to render.
pub const ARGUMENT: &str = "--render-chat-template";

/// Bytes of stack: the longest template that is read does not fill them by nesting.
pub(super) const STACK: usize = 64 << 20;
/// Bytes of memory, the stack left out.
pub(super) const MEMORY: u64 = 256 << 20;
/// Processor time for a template to be read, and then for each request, in milliseconds.
pub(super) const MILLISECONDS: u32 = 500;
/// What the allocator reserves and does not use.
const RESERVED: u64 = 192 << 20;
/// Bytes of the largest message.
const MOST: u32 = 128 << 20;

/// Serves the socket that is this process's standard input, within limits that hold for good.
pub fn main() -> ExitCode {
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let serving = limits::confine().and(socket).and_then(|socket| spawn(move || serve(&socket, limits::allow_time)));
    match serving.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) | Err(error) => {
            let _ = writeln!(std::io::stderr(), "{ARGUMENT} is for rewardscope's own use: {error}");
            ExitCode::FAILURE
        }
        // The panic has been reported.
        Ok(Err(_)) => ExitCode::FAILURE,
    }
}

/// A thread with a stack that holds a template's nesting.
pub(super) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name("template".to_owned()).stack_size(STACK).spawn(work)
}

/// `begin` is called before a template is read, and before each request.
pub(super) fn serve(socket: &UnixStream, begin: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let mut from = BufReader::with_capacity(1 << 16, socket);
    let mut to = BufWriter::with_capacity(1 << 16, socket);
    let Some(setup) = read::<Setup>(&mut from)? else { return Ok(()) };
    begin()?;
    let jinja = Jinja::parse(setup);
    write(&mut to, &jinja.as_ref().map(|_| ()))?;
    to.flush()?;
    let Ok(jinja) = jinja else { return Ok(()) };
    while let Some(conversations) = read::<Conversations>(&mut from)? {
        begin()?;
        for text in jinja.render(&conversations) {
            write(&mut to, &text)?;
        }
        to.flush()?;
    }
    Ok(())
}

/// Writes a message: its length, then JSON.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| io::Error::other("a message is too long"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)
}

/// The next message; none where the other end is closed.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > MOST {
        return Err(io::Error::other("a message is too long"));
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// A text, or why there is none.
pub(super) type Answer = Result<String, Problem>;

/// System calls for which no safe wrapper is at hand.
mod limits {
    use std::{fs, io, mem, ptr};

    use super::{MEMORY, MILLISECONDS, RESERVED, STACK};

    /// Memory is bounded, and a fault leaves no core file.
    pub(super) fn confine() -> io::Result<()> {
        set(libc::RLIMIT_CORE, 0)?;
        set(libc::RLIMIT_DATA, MEMORY + STACK as u64)?;
        // Where the system does not count the first: all that is mapped, less what the program itself is.
        match mapped() {
            Some(mapped) => set(libc::RLIMIT_AS, mapped + MEMORY + STACK as u64 + RESERVED),
            None => Ok(()),
        }
    }

    /// Processor time from now on: SIGPROF ends the process when it is over.
    pub(super) fn allow_time() -> io::Result<()> {
        // SAFETY: an all-zero `itimerval` is valid; it outlives the call, and the old one is not asked for.
        let done = unsafe {
            let mut timer: libc::itimerval = mem::zeroed();
            timer.it_value.tv_usec = (MILLISECONDS * 1000) as libc::suseconds_t;
            libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut())
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    type Resource = libc::__rlimit_resource_t;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    type Resource = libc::c_int;

    /// Lowers a limit; one that is lower stays.
    fn set(resource: Resource, most: u64) -> io::Result<()> {
        // SAFETY: an all-zero `rlimit` is valid, and it outlives both calls.
        let done = unsafe {
            let mut limit: libc::rlimit = mem::zeroed();
            libc::getrlimit(resource, &mut limit);
            let most = (most as libc::rlim_t).min(limit.rlim_max);
            limit = libc::rlimit { rlim_cur: most.min(limit.rlim_cur), rlim_max: most };
            libc::setrlimit(resource, &limit)
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Bytes of address space in use, where the system tells.
    fn mapped() -> Option<u64> {
        let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').next()?.parse().ok()?;
        // SAFETY: takes a number alone.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        pages.checked_mul(u64::try_from(page).ok()?)
    }
}
