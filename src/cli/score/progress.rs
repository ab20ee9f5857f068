//! One line of progress on standard error, drawn over itself; nothing where standard error is not a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::base::text;
use crate::cli::output;
use crate::engine::Phase;

const EVERY: Duration = Duration::from_millis(100);

pub(in crate::cli) struct Progress {
    enabled: bool,
    drawn: Option<Instant>,
    /// That a model waits for memory has been said, where there is no line to show it on.
    said: bool,
}

impl Progress {
    pub(in crate::cli) fn new() -> Self {
        Progress { enabled: std::io::stderr().is_terminal(), drawn: None, said: false }
    }

    /// `group` says which of how many groups is being worked on.
    pub(in crate::cli) fn show(&mut self, model: &str, phase: &Phase, group: (usize, usize)) {
        if !self.is_due() {
            // Nothing else would tell why nothing comes.
            if let Phase::WaitingForMemory { needed_bytes, free_bytes } = phase
                && !self.enabled
                && !std::mem::replace(&mut self.said, true)
            {
                let what = waiting_for_memory(*needed_bytes, *free_bytes);
                output::note(&format!("{model}: {what}"));
            }
            return;
        }
        let what = match phase {
            Phase::WaitingForMemory { needed_bytes, free_bytes } => waiting_for_memory(*needed_bytes, *free_bytes),
            Phase::Downloading { file, done_bytes, total_bytes, rate } => {
                let eta = total_bytes.saturating_sub(*done_bytes) as f64 / rate;
                let (done, total) = (text::bytes(*done_bytes), text::bytes(*total_bytes));
                format!("downloading {file} {done} of {total}  {}/s  ETA {}", text::bytes(*rate as u64), text::duration(eta))
            }
            Phase::Loading { done_bytes, total_bytes, fit } => {
                let fit = fit.map(|fit| format!("  {}", fit.describe())).unwrap_or_default();
                format!("loading {} of {}{fit}", text::bytes(*done_bytes), text::bytes(*total_bytes))
            }
            Phase::WarmingUp => "warming up".to_owned(),
            Phase::Scoring { done, total, words_per_second, eta, .. } => {
                let (at, of) = group;
                let of = if of > 1 { format!("prompt {at} of {of}: ") } else { String::new() };
                let (done, total) = (text::count(*done), text::count(*total));
                format!("{of}{done} of {total} words  {words_per_second:.0} words/s  ETA {}", text::duration(*eta))
            }
            Phase::Waiting | Phase::Idle | Phase::Cancelled | Phase::Failed(_) => return,
        };
        self.draw(model, &what);
    }

    /// Says what is being done, where it lasts.
    pub(in crate::cli) fn say(&mut self, model: &str, what: &str) {
        if self.enabled {
            self.draw(model, what);
        }
    }

    /// How much of something is done, `of` how much.
    pub(in crate::cli) fn count(&mut self, what: &str, done: usize, of: usize) {
        if self.is_due() {
            self.draw(what, &format!("{} of {}", text::count(done), text::count(of)));
        }
    }

    fn is_due(&self) -> bool {
        self.enabled && self.drawn.is_none_or(|at| at.elapsed() >= EVERY)
    }

    fn draw(&mut self, model: &str, what: &str) {
        self.drawn = Some(Instant::now());
        // Carriage return and erase-to-end are our own; all else is made safe to show.
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{}  {}", text::visible(model), text::visible(what));
    }

    /// Takes the line away.
    pub(in crate::cli) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn waiting_for_memory(needed_bytes: u64, free_bytes: u64) -> String {
    let (needed, free) = (text::bytes(needed_bytes), text::bytes(free_bytes));
    format!("waiting for memory: takes {needed}, {free} is free. Close another program, and it goes on")
}
