//! Ratings beside the words of a study, for the commands that take `--ratings`.

use std::sync::Arc;

use super::headless::Headless;
use crate::base::terms::ModelId;
use crate::engine::vocabulary;
use crate::model::LoadOptions;
use crate::recorded::ratings::Ratings;
use crate::sources::locate;
use crate::sources::resolve::ModelSpec;
use crate::stats::ratings::Rating;
use crate::stats::study::Study;

/// The columns for a study whose models are those of `specs` that still take part, and what a reader should know of them.
pub(super) fn of_study(
    ratings: &Ratings,
    study: &Study,
    specs: &[ModelSpec],
    headless: &Headless,
    options: &LoadOptions,
) -> (Vec<Rating>, Vec<String>) {
    let words: Vec<&Arc<str>> = study.words.iter().map(|word| &word.text).collect();
    let mut notes = ratings.notes.clone();
    let mut tokens = Vec::new();
    for model in study.models.iter().filter(|_| ratings.count_tokens()) {
        let spec = specs.iter().position(|spec| spec.name == *model.name);
        let count = |at: usize| {
            let is_recorded = headless.recorded.contains_key(&ModelId(at as u32));
            let located = locate::here(&specs[at], options).filter(|_| !is_recorded);
            located
                .ok_or_else(|| "it has no tokenizer of its own here".to_owned())
                .and_then(|located| vocabulary::token_counts(&located.files, &words).map_err(|error| error.to_string()))
        };
        let counted = spec.map_or_else(|| Err("it is not known".to_owned()), count);
        if let Err(why) = &counted {
            notes.push(format!("{}: its tokens cannot be counted: {why}", model.name));
        }
        tokens.push(counted.ok());
    }
    let (columns, of_words) = ratings.of_study(study, &tokens);
    notes.extend(of_words);
    (columns, notes)
}
