//! Ctrl-C for commands that work until they are done: the first asks the work to end, a second ends the program, and so does
//! work that does not heed the first.

use std::io;
use std::thread;
use std::time::Duration;

use libc::{SIGHUP, SIGINT, SIGTERM};
use tokio::signal::unix::{SignalKind, signal};

use crate::model::{Cancel, ModelError};
use crate::session::failure::Failure;

/// How long work may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A flag that SIGINT, SIGTERM and SIGHUP set.
pub(super) fn cancel() -> Result<Cancel, Failure> {
    let cancel = Cancel::default();
    let flag = cancel.clone();
    watch(move |signal| {
        if flag.is_set() {
            end_by(signal);
        }
        flag.set();
        thread::spawn(move || {
            thread::sleep(GRACE);
            end_by(signal);
        });
    })?;
    Ok(cancel)
}

/// Calls `act` with the number of each SIGINT, SIGTERM and SIGHUP from now on, on a thread of its own.
pub(super) fn watch(mut act: impl FnMut(i32) + Send + 'static) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Run(format!("signals cannot be watched: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let inside = runtime.enter();
    let mut interrupt = signal(SignalKind::from_raw(SIGINT)).map_err(failed)?;
    let mut terminate = signal(SignalKind::from_raw(SIGTERM)).map_err(failed)?;
    let mut hang_up = signal(SignalKind::from_raw(SIGHUP)).map_err(failed)?;
    drop(inside);
    thread::spawn(move || {
        runtime.block_on(async move {
            loop {
                act(tokio::select! {
                    _ = interrupt.recv() => SIGINT,
                    _ = terminate.recv() => SIGTERM,
                    _ = hang_up.recv() => SIGHUP,
                });
            }
        })
    });
    Ok(())
}

/// Ends the process by the signal, as it would have ended without a watch.
pub(super) fn end_by(signal: i32) {
    // SAFETY: the default action is set in place of the handler; nothing runs after it.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// A file that grows beyond what the system allows is an error of the write, which is told, and not the end of the program.
pub(super) fn survive_full_files() {
    // SAFETY: no handler is set; the signal is ignored from now on.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// How work that was asked to end, or failed, is told.
pub(super) fn failure(error: ModelError) -> Failure {
    match error {
        ModelError::Cancelled => Failure::Interrupted("interrupted".to_owned()),
        error => Failure::run(error),
    }
}
