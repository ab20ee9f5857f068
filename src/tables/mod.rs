//! Tables of scores in files: CSV, Parquet and JSON lines, read and written.

pub mod checksum;
pub mod columns;
pub mod long;
pub mod read;
