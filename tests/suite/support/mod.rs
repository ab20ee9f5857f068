//! What the tests of several files use.

pub mod expected;
pub mod hub_server;
pub mod program;
pub mod pty;
