//! A study from scores: which words, under which prompts, by which models, in which categories and families.
//!
//! The one place that knows what `--category-prefix`, `--exclude-category` and `--family` mean.

use std::collections::HashSet;
use std::sync::Arc;

use crate::base::file_error::FileError;
use crate::base::suggestions::{did_you_mean, nearest};
use crate::base::terms::WordId;
use crate::base::text::counted;
use crate::corpus::{Corpus, Prompt};
use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};

/// How words are grouped, and models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StudyOptions {
    /// `Care_Virtue` and `Care_Vice` become `Care`: what stands before the first `_` or `.`.
    pub category_prefix: bool,
    /// Categories by their own or their folded name. Their words are dropped before ranking, unless they are in a category
    /// that is kept.
    pub exclude: Vec<String>,
    /// A model and the family that it belongs to; the last one counts.
    pub families: Vec<(String, String)>,
    /// Leave out words that no model has a score for, where no more scores will come.
    pub scored_words_only: bool,
}

/// A model's scores, as a [`super::table::ScoreTable`] holds them.
#[derive(Clone, Debug)]
pub struct StudySource {
    /// The model's name.
    pub name: Arc<str>,
    /// The name of its family.
    pub family: Arc<str>,
    /// `[prompts]`, each indexed by word id; short or empty where scores are unknown, which NaN says as well.
    pub columns: Vec<Arc<Vec<f64>>>,
}

/// Joins the words of `corpus`, whose ids are `ids`, with the models' scores. Gives what a reader should know beside it.
///
/// # Errors
/// A category or model that an option names and that is not there.
pub fn build(
    corpus: &Corpus,
    ids: &[WordId],
    prompts: &[Prompt],
    sources: &[StudySource],
    options: &StudyOptions,
) -> Result<(Study, Vec<String>), FileError> {
    let mut notes = Vec::new();
    let (names, category_of) = categories(corpus, options)?;
    let families = families(sources, &options.families)?;
    let mut words: Vec<(StudyWord, usize)> = Vec::with_capacity(corpus.words.len());
    let (mut excluded, mut unscored) = (0, 0);
    for (word, id) in corpus.words.iter().zip(ids) {
        let mut categories: Vec<u16> = word.categories.iter().filter_map(|&c| category_of[usize::from(c)]).collect();
        categories.sort_unstable();
        categories.dedup();
        if categories.is_empty() && !word.categories.is_empty() {
            excluded += 1;
            continue;
        }
        let at = id.0 as usize;
        let scored = || sources.iter().flat_map(|source| &source.columns).any(|column| known(column, at).is_some());
        if options.scored_words_only && !scored() {
            unscored += 1;
            continue;
        }
        words.push((StudyWord { text: word.text.clone(), categories }, at));
    }
    if excluded > 0 {
        let are = if excluded == 1 { "is" } else { "are" };
        notes.push(format!("{} of excluded categories {are} not ranked", counted(excluded, "word")));
    }
    if unscored > 0 {
        let of = corpus.words.len() - excluded;
        notes.push(format!("{unscored} of {of} words of the list have no score by any model and are left out"));
    }
    let column = |source: &StudySource, prompt: usize| {
        let scores = source.columns.get(prompt).map_or(&[][..], |column| column.as_slice());
        Arc::new(words.iter().map(|(_, at)| known(scores, *at).unwrap_or(f64::NAN)).collect::<Vec<f64>>())
    };
    let model = |(source, family): (&StudySource, Arc<str>)| StudyModel {
        name: source.name.clone(),
        family,
        scores: (0..prompts.len()).map(|prompt| column(source, prompt)).collect(),
    };
    let models = sources.iter().zip(families).map(model).collect();
    let prompt = |prompt: &Prompt| StudyPrompt { label: prompt.label().into(), framing: prompt.framing };
    let prompts = prompts.iter().map(prompt).collect();
    Ok((Study { categories: names, words: words.into_iter().map(|(word, _)| word).collect(), prompts, models }, notes))
}

fn known(scores: &[f64], at: usize) -> Option<f64> {
    scores.get(at).copied().filter(|score| !score.is_nan())
}

type Kept = (Vec<Arc<str>>, Vec<Option<u16>>);

/// The names of the kept categories in order, and for each category of the corpus its place among them; none of an excluded
/// one.
fn categories(corpus: &Corpus, options: &StudyOptions) -> Result<Kept, FileError> {
    let folded = |name: &str| {
        let end = name.find(['_', '.']).filter(|end| options.category_prefix && *end > 0);
        name[..end.unwrap_or(name.len())].to_owned()
    };
    let all: Vec<(String, String)> = corpus.categories.iter().map(|name| (name.clone(), folded(name))).collect();
    for excluded in &options.exclude {
        if !all.iter().any(|(own, folded)| own == excluded || folded == excluded) {
            let known: HashSet<&str> = all.iter().flat_map(|(own, folded)| [own.as_str(), folded.as_str()]).collect();
            let mut known: Vec<&str> = known.into_iter().collect();
            known.sort_unstable();
            let near = did_you_mean(&nearest(excluded, known.iter().copied()));
            let next = format!("{near}The list has {}", known.join(", "));
            return Err(FileError::Unknown { kind: "category", name: excluded.clone(), next });
        }
    }
    let kept = |own: &str, folded: &str| !options.exclude.iter().any(|excluded| excluded == own || excluded == folded);
    let mut names: Vec<Arc<str>> =
        all.iter().filter(|(own, folded)| kept(own, folded)).map(|(_, folded)| folded.as_str().into()).collect();
    names.sort_unstable();
    names.dedup();
    let place = |(own, folded): &(String, String)| {
        let at = names.iter().position(|name| **name == **folded).filter(|_| kept(own, folded))?;
        u16::try_from(at).ok()
    };
    let places = all.iter().map(place).collect();
    Ok((names, places))
}

/// Each source's family: its own, or the one that an option gives it.
fn families(sources: &[StudySource], given: &[(String, String)]) -> Result<Vec<Arc<str>>, FileError> {
    let mut families: Vec<Arc<str>> = sources.iter().map(|source| source.family.clone()).collect();
    for (model, family) in given {
        let exact = sources.iter().position(|source| *source.name == **model);
        let found = exact.or_else(|| sources.iter().position(|source| source.name.eq_ignore_ascii_case(model)));
        let Some(found) = found else {
            let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
            let near = did_you_mean(&nearest(model, names.iter().copied()));
            let next = format!("{near}The models are {}", names.join(", "));
            return Err(FileError::Unknown { kind: "model", name: model.clone(), next });
        };
        families[found] = family.as_str().into();
    }
    Ok(families)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::terms::Framing;
    use crate::corpus::Word;

    const NAN: f64 = f64::NAN;

    fn corpus() -> Corpus {
        let categories = ["Care_Virtue", "Care_Vice", "Loyalty_Virtue", "General"].map(str::to_owned).to_vec();
        let word = |text: &str, categories: &[u16]| Word { text: text.into(), categories: categories.to_vec() };
        let words = vec![
            word("kind", &[0, 1]),
            word("cruel", &[1]),
            word("moral", &[3]),
            word("loyal", &[2, 3]),
            word("table", &[]),
            word("never", &[0]),
        ];
        Corpus { categories, words, ..Corpus::new("mfd") }
    }

    fn built(options: StudyOptions) -> Result<(Study, Vec<String>), String> {
        let prompt = Prompt { key: Some("p".into()), text: "P?".into(), framing: Some(Framing::Positive), factors: None };
        let source = |name: &str, columns: &[&[f64]]| StudySource {
            name: name.into(),
            family: "other".into(),
            columns: columns.iter().map(|column| Arc::new(column.to_vec())).collect(),
        };
        let sources = [source("one", &[&[9.0, 1.0, 2.0, NAN, 4.0, NAN, 0.5]]), source("two", &[&[9.0, 1.5, NAN, 3.5]])];
        let ids: Vec<WordId> = (1..=6).map(WordId).collect();
        build(&corpus(), &ids, &[prompt], &sources, &options).map_err(|error| error.to_string())
    }

    fn words(study: &Study) -> Vec<(&str, Vec<&str>)> {
        let names = |word: &StudyWord| word.categories.iter().map(|&c| &*study.categories[usize::from(c)]).collect();
        study.words.iter().map(|word| (&*word.text, names(word))).collect()
    }

    #[test]
    fn scores_are_joined_by_word_and_gaps_are_nan() {
        let (study, notes) = built(StudyOptions::default()).unwrap();
        assert_eq!(study.words.len(), 6);
        assert_eq!(study.models[0].scores[0][..2], [1.0, 2.0]);
        assert!(study.models[0].scores[0][2].is_nan() && study.models[1].scores[0][5].is_nan(), "NaN, and past the end");
        assert_eq!((study.models[1].scores[0][2], notes.len()), (3.5, 0));
        let (study, notes) = built(StudyOptions { scored_words_only: true, ..StudyOptions::default() }).unwrap();
        assert_eq!(study.words.len(), 5, "no model has a score for 'table'");
        assert_eq!(notes, ["1 of 6 words of the list have no score by any model and are left out"]);
    }

    #[test]
    fn a_prefix_folds_categories_and_a_word_in_both_counts_once() {
        let (study, _) = built(StudyOptions { category_prefix: true, ..StudyOptions::default() }).unwrap();
        assert_eq!(study.categories, ["Care".into(), "General".into(), "Loyalty".into()]);
        let words = words(&study);
        assert_eq!(words[0], ("kind", vec!["Care"]));
        assert_eq!(words[3], ("loyal", vec!["General", "Loyalty"]));
    }

    #[test]
    fn words_of_an_excluded_category_are_dropped_unless_another_keeps_them() {
        let without = |names: &[&str], category_prefix| {
            let exclude = names.iter().map(|name| (*name).to_owned()).collect();
            built(StudyOptions { exclude, category_prefix, ..StudyOptions::default() })
        };
        let (study, notes) = without(&["General"], false).unwrap();
        let kept: Vec<_> = words(&study);
        assert_eq!(kept[2], ("loyal", vec!["Loyalty_Virtue"]), "'moral' is gone, 'loyal' stays");
        assert_eq!(kept[3], ("table", vec![]), "a word of no category is not of an excluded one");
        assert_eq!(notes, ["1 word of excluded categories is not ranked"]);
        // By the name before folding one of two, by the folded name both.
        let texts = |study: &Study| study.words.iter().map(|word| word.text.to_string()).collect::<Vec<_>>();
        assert_eq!(texts(&without(&["Care_Vice"], true).unwrap().0), ["kind", "moral", "loyal", "table", "never"]);
        assert_eq!(texts(&without(&["Care"], true).unwrap().0), ["moral", "loyal", "table"]);
        let message = without(&["Caring"], true).unwrap_err();
        assert!(message.contains("no category 'Caring'") && message.contains("Care_Vice"), "{message}");
    }

    #[test]
    fn a_family_can_be_given_and_an_unknown_model_is_refused() {
        let given = |model: &str| {
            let families = vec![(model.to_owned(), "Qwen".to_owned())];
            built(StudyOptions { families, ..StudyOptions::default() })
        };
        let (study, _) = given("TWO").unwrap();
        let families: Vec<&str> = study.models.iter().map(|model| &*model.family).collect();
        assert_eq!(families, ["other", "Qwen"]);
        let message = given("three").unwrap_err();
        assert!(message.contains("no model 'three'") && message.contains("one, two"), "{message}");
    }
}
