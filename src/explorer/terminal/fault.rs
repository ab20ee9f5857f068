//! The terminal given back where the process ends in the middle of things: an abort, a stack overflow, a signal that nobody
//! waits for.
//!
//! Whoever faults may hold any lock, so the handler makes system calls alone, on what was put down for it beforehand.

use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::{io, mem, ptr};

use super::ENTERED;

/// Signals that end the process unless it does something about them. Of those that it waits for there is no need to know.
const SIGNALS: [libc::c_int; 12] = [
    libc::SIGABRT,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGXCPU,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];
/// Those that the standard library handles, to tell a full stack from other faults.
const FAULTS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];
const WORDS: &[u8] = b"rewardscope: ended by a fault of its own, or by a signal from outside. Scores that stand in the store \
are kept. If nobody sent a signal, please report this with the names of the models that were open.\n";

/// What the handler puts back.
struct Found {
    terminal: RawFd,
    settings: libc::termios,
    /// What leaves the screen as it was.
    leave: Vec<u8>,
    /// What the standard library does at each of [`FAULTS`].
    before: [libc::sigaction; FAULTS.len()],
}

static FOUND: OnceLock<Found> = OnceLock::new();

/// Remembers the settings of `terminal`, which is not in raw mode yet, and restores them at a fault by this and `leave`. Once
/// a process.
pub(super) fn guard(terminal: OwnedFd, leave: Vec<u8>) -> io::Result<()> {
    if FOUND.get().is_some() {
        return Ok(());
    }
    // SAFETY: all-zero structures of both kinds are valid, and they outlive the calls, which only fill them in.
    let (settings, before) = unsafe {
        let mut settings: libc::termios = mem::zeroed();
        if libc::tcgetattr(terminal.as_raw_fd(), &mut settings) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut before: [libc::sigaction; FAULTS.len()] = mem::zeroed();
        for (signal, before) in FAULTS.iter().zip(&mut before) {
            libc::sigaction(*signal, ptr::null(), before);
        }
        (settings, before)
    };
    let found = Found { terminal: terminal.as_raw_fd(), settings, leave, before };
    if FOUND.set(found).is_ok() {
        // It stays open as long as the process.
        mem::forget(terminal);
        for signal in SIGNALS {
            // SAFETY: an all-zero `sigaction` is valid; `handle` has the signature that SA_SIGINFO asks for. The handler
            // runs on the stack that the standard library gave each thread for its own, so that a full stack is no hurdle.
            unsafe {
                let mut action: libc::sigaction = mem::zeroed();
                action.sa_sigaction = handle as *const () as libc::sighandler_t;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(signal, &action, ptr::null_mut());
            }
        }
    }
    Ok(())
}

/// Makes system calls that are safe in a handler, and nothing else: atomics, `tcsetattr`, `write`, `sigaction`, `raise`.
extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let Some(found) = FOUND.get() else { return };
    // SAFETY: what is passed lives as long as the process; the system gave `info` for the time of this call.
    unsafe {
        if ENTERED.swap(false, Ordering::SeqCst) {
            libc::tcsetattr(found.terminal, libc::TCSANOW, &found.settings);
            libc::write(libc::STDOUT_FILENO, found.leave.as_ptr().cast(), found.leave.len());
            libc::write(libc::STDERR_FILENO, WORDS.as_ptr().cast(), WORDS.len());
        }
        // Not for one that was sent by `kill`, behind which no instruction stands.
        let at = FAULTS.iter().position(|fault| *fault == signal && (*info).si_code > 0);
        match at.and_then(|at| found.before.get(at)) {
            // The instruction runs again, faults again, and is handled as if this had never been here.
            Some(before) => {
                libc::sigaction(signal, before, ptr::null_mut());
            }
            None => {
                let mut default: libc::sigaction = mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, ptr::null_mut());
                libc::raise(signal);
            }
        }
    }
}
