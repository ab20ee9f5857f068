//! Recorded scores. (Stands in for the real reader until it is merged.)

use std::path::{Path, PathBuf};

pub fn is_recorded_file(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|e| e == "csv" || e == "parquet")
}

pub fn list_dir(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.retain(|p| is_recorded_file(p));
    files.sort();
    files
}
