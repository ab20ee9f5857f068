//! Names that look like one that is not known.

use std::fmt;

use crate::toml_file::not_allowed;

/// The one of `all` that is called so.
///
/// # Errors
/// `no value 'bf61'; did you mean 'bf16'? Allowed: …` where none is.
pub fn named<T: Copy + fmt::Display>(all: &[T], name: &str) -> Result<T, String> {
    all.iter().copied().find(|one| one.to_string() == name).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(T::to_string).collect();
        not_allowed("value", name, &names.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

/// Up to three of `known` that look like `name`, nearest first.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(3);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// `Did you mean 'a', 'b'? ` or nothing.
pub fn did_you_mean(nearest: &[&str]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    format!("Did you mean {}? ", nearest.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" or "))
}
