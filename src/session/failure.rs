//! How a command ends badly.

use std::fmt;

/// How a command ended badly: the message for the user and the exit status.
#[derive(Debug)]
pub enum Failure {
    /// The run failed: status 1.
    Run(String),
    /// The command line, or a file it names, makes no sense: status 2.
    Use(String),
    /// An interrupt ended it: status 130.
    Interrupted(String),
    /// Another signal ended it: 128 and its number.
    Signal(u8),
    /// Nobody reads standard output any more, as behind `| head`: no failure, status 0.
    Unread,
}

impl Failure {
    pub fn run(error: impl fmt::Display) -> Self {
        Failure::Run(error.to_string())
    }

    pub fn usage(error: impl fmt::Display) -> Self {
        Failure::Use(error.to_string())
    }

    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Run(_) => 1,
            Failure::Use(_) => 2,
            Failure::Interrupted(_) => 130,
            Failure::Signal(status) => *status,
            Failure::Unread => 0,
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Failure::Run(message) | Failure::Use(message) | Failure::Interrupted(message) => message,
            Failure::Signal(_) | Failure::Unread => "",
        }
    }
}
