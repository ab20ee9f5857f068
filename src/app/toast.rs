//! Short notices over the view that go after a while.

use std::time::Duration;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something that the user may want to know.
    Info,
    /// Something is not as it was asked for, and all goes on.
    Warning,
    /// Something failed.
    Error,
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
    until: Duration,
}

/// The notices on the screen, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Toasts(Vec<Toast>);

/// How many are kept: the view below them must stay usable.
const MOST: usize = 4;

impl Toasts {
    /// Shows a text from `now` on. Warnings and errors stay longer, by their length. What is shown already is not shown twice.
    pub fn push(&mut self, level: Level, text: impl Into<String>, now: Duration) {
        let text = text.into();
        let seconds = match level {
            Level::Info => 4,
            Level::Warning | Level::Error => 10 + text.len() as u64 / 40,
        };
        self.0.retain(|toast| toast.text != text);
        self.0.push(Toast { level, text, until: now + Duration::from_secs(seconds) });
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Toast> {
        self.0.iter()
    }

    /// Takes the newest away; false where there is none.
    pub fn dismiss(&mut self) -> bool {
        self.0.pop().is_some()
    }

    /// Takes away what has been shown long enough.
    pub fn expire(&mut self, now: Duration) {
        self.0.retain(|toast| toast.until > now);
    }

    /// When the next one goes.
    pub fn deadline(&self) -> Option<Duration> {
        self.0.iter().map(|toast| toast.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toast_goes_at_its_deadline_and_leaves_no_timer_behind() {
        let mut toasts = Toasts::default();
        toasts.push(Level::Info, "copied", Duration::from_secs(1));
        let deadline = toasts.deadline().unwrap();
        toasts.expire(deadline - Duration::from_millis(1));
        assert_eq!(toasts.iter().count(), 1);
        toasts.expire(deadline);
        assert_eq!((toasts.iter().count(), toasts.deadline()), (0, None));
    }

    #[test]
    fn the_same_text_is_shown_once_and_old_ones_give_way() {
        let mut toasts = Toasts::default();
        for n in 0..10 {
            toasts.push(Level::Error, format!("error {}", n / 2), Duration::ZERO);
        }
        let texts: Vec<_> = toasts.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(texts, ["error 1", "error 2", "error 3", "error 4"]);
    }
}
