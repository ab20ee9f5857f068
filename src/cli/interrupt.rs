//! Ctrl-C for commands that work until they are done: the first asks the work to end, a second ends the program, and so does
//! work that does not heed the first.

use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::model::{Cancel, ModelError};
use crate::session::failure::Failure;

/// How long work may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A flag that SIGINT, SIGTERM and SIGHUP set.
pub(super) fn cancel() -> Result<Cancel, Failure> {
    let failed = |error| Failure::Run(format!("signals cannot be watched: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let cancel = Cancel::default();
    let flag = cancel.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            // What it does is to end the process.
            let end = move || drop(emulate_default_handler(signal));
            if flag.is_set() {
                end();
            }
            flag.set();
            thread::spawn(move || {
                thread::sleep(GRACE);
                end();
            });
        }
    });
    Ok(cancel)
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
