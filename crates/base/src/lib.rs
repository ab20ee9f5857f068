//! What every room may know: the terms of the field, texts, errors of files, files written whole.

#![warn(missing_docs)]

pub mod atomic_file;
pub mod delimited;
pub mod file_error;
pub mod machine;
pub mod remedy;
pub mod suggestions;
pub mod terms;
pub mod text;
pub mod text_file;
pub mod toml_file;
