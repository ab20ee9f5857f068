//! Work on a thread of its own where only the newest request matters: ranking, filtering, reading a corpus for a preview.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::{io, thread};

/// A worker that skips what was asked before the newest request. Dropping it ends the thread after its present work.
#[derive(Debug)]
pub struct NewestJob<R> {
    requests: Sender<R>,
}

impl<R: Send + 'static> NewestJob<R> {
    /// Starts the thread `name`, which calls `work` with each request that nothing newer replaced. `work` sends its own
    /// result; a panic in it ends that one request.
    pub fn start(name: &str, mut work: impl FnMut(R) + Send + 'static) -> io::Result<Self> {
        let (requests, inbox) = channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(first) = inbox.recv() {
                let newest = inbox.try_iter().last().unwrap_or(first);
                // The panic hook has written the panic into the log; the next request may well succeed.
                let _ = catch_unwind(AssertUnwindSafe(|| work(newest)));
            }
        })?;
        Ok(Self { requests })
    }

    /// Asks for `request` in place of everything that still waits. Never blocks.
    pub fn request(&self, request: R) {
        // The thread ends only when this sender is dropped.
        let _ = self.requests.send(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn requests_that_a_newer_one_replaced_are_skipped() {
        let (started, has_started) = channel();
        let (go_on, may_go_on) = channel();
        let (done, results) = channel();
        let job = NewestJob::start("test", move |request: u32| {
            started.send(()).expect("the test listens");
            may_go_on.recv_timeout(LONG).expect("the test says so");
            done.send(request).expect("the test listens");
        })
        .expect("a thread starts");
        job.request(1);
        has_started.recv_timeout(LONG).expect("work starts");
        (2..=5).for_each(|request| job.request(request));
        for _ in 0..2 {
            go_on.send(()).expect("work waits");
        }
        assert_eq!([1, 5], [results.recv_timeout(LONG).expect("first"), results.recv_timeout(LONG).expect("newest")]);
    }

    #[test]
    fn a_panic_ends_one_request_alone() {
        let (done, results) = channel();
        let job = NewestJob::start("test", move |request: u32| {
            assert_ne!(request, 1, "this panic is part of the test");
            done.send(request).expect("the test listens");
        })
        .expect("a thread starts");
        job.request(1);
        while results.recv_timeout(Duration::from_millis(10)).is_err() {
            job.request(2);
        }
    }
}
