//! The demonstration pair, compiled into the program.

pub const NAMES: [&str; 2] = ["demo-llama", "demo-gemma"];

/// File names and their contents.
pub type Entries = &'static [(&'static str, &'static [u8])];

pub fn bundled(_name: &str) -> Option<Entries> {
    None
}

pub fn revision(_entries: Entries) -> String {
    String::new()
}
