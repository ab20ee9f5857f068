//! Helpers that more than one test binary uses. Each binary uses some of them, hence the `allow`.
#![allow(dead_code, clippy::expect_used)]

pub mod pty;
