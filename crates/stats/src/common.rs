//! Which words models are compared over: those that every one of them has under every prompt that it was asked.
//!
//! A rank among 40 words and a rank among 20 are other numbers, so models that were asked other words differ without a
//! reason. Here the words are counted, and the model is named that costs the most of them.

use serde::Serialize;

use super::study::Study;
use rewardscope_base::text::{count, counted};

/// How many words are compared, and what that leaves out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CommonWords {
    /// Words that every model has under every prompt that it was asked.
    pub words: usize,
    /// Words of the study.
    pub of: usize,
    /// In the order of the study.
    pub models: Vec<ModelWords>,
    /// Categories that have words in the study, and none among those compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost_categories: Vec<String>,
}

/// The words of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelWords {
    /// The model's name.
    pub model: String,
    /// Words that it has under every prompt that it was asked.
    pub words: usize,
    /// How many words the other models have in common.
    pub without_it: usize,
}

/// Models that a text names.
const NAMED: usize = 6;

impl CommonWords {
    /// Of a study before words are left out.
    pub fn count(study: &Study) -> CommonWords {
        let known = study.known_words();
        let lacking = |word: usize| known.iter().filter(|of| !of[word]).count();
        let lacking: Vec<usize> = (0..study.words.len()).map(lacking).collect();
        let words = lacking.iter().filter(|n| **n == 0).count();
        let model = |(model, own): (&super::study::StudyModel, &Vec<bool>)| ModelWords {
            model: model.name.to_string(),
            words: own.iter().filter(|known| **known).count(),
            without_it: lacking.iter().zip(own).filter(|&(&n, &known)| n == 0 || (n == 1 && !known)).count(),
        };
        let has = |category: usize, common: bool| {
            let of = study.words.iter().zip(&lacking).filter(|(_, n)| !common || **n == 0);
            of.flat_map(|(word, _)| &word.categories).any(|&other| usize::from(other) == category)
        };
        let lost = study.categories.iter().enumerate().filter(|(at, _)| has(*at, false) && !has(*at, true));
        CommonWords {
            words,
            of: study.words.len(),
            models: study.models.iter().zip(&known).map(model).collect(),
            lost_categories: lost.map(|(_, name)| name.to_string()).collect(),
        }
    }

    /// Whether some words of the study are not compared.
    pub fn are_fewer(&self) -> bool {
        self.words < self.of
    }

    /// Whether so few are left that no rank says anything.
    pub fn are_too_few(&self) -> bool {
        self.are_fewer() && self.words < 2
    }

    /// The model without which most words would be left, where the others are still at least two and would have more.
    pub fn costliest(&self) -> Option<&ModelWords> {
        let more = self.models.iter().filter(|model| self.models.len() > 2 && model.without_it > self.words);
        // The first of equals.
        more.rev().max_by_key(|model| model.without_it)
    }

    /// `20 of 40 words`, for a place with little room.
    pub fn in_short(&self) -> String {
        format!("{} of {}", count(self.words), counted(self.of, "word"))
    }

    /// The same in sentences, with what each model has and which of them costs the most; none where nothing is left out.
    pub fn in_sentences(&self) -> Option<String> {
        if !self.are_fewer() {
            return None;
        }
        let some = match self.are_too_few() {
            true => format!("Nothing can be compared: {} of the {} words has a score by every model", self.words, self.of),
            false => format!("Compared over the {} of {} words that every model has", self.words, self.of),
        };
        let of_models = self.models_in_short().map(|of| format!(": {of}")).unwrap_or_default();
        let mut text = format!("{some} under every prompt that it was asked{of_models}.");
        if let Some(costliest) = self.costliest() {
            text += &format!(" Without {} it would be {}.", costliest.model, costliest.without_it);
        }
        if let [_, ..] = &self.lost_categories[..] {
            text += &format!(" No word is left of {}.", listed(&self.lost_categories));
        }
        Some(text)
    }

    /// `c-llama has 20, d-llama has 20; the other 2 models have all`, the fewest first; none where all have the same words.
    pub fn models_in_short(&self) -> Option<String> {
        let mut short: Vec<&ModelWords> = self.models.iter().filter(|model| model.words < self.of).collect();
        let alike = short.len() == self.models.len() && short.iter().all(|model| model.words == self.words);
        if alike || !self.are_fewer() {
            return None;
        }
        short.sort_by_key(|model| model.words);
        let named: Vec<String> = short.iter().map(|model| format!("{} has {}", model.model, model.words)).collect();
        Some(match self.models.len() - short.len() {
            0 => listed(&named),
            1 => format!("{}; the other model has all", listed(&named)),
            whole => format!("{}; the other {whole} models have all", listed(&named)),
        })
    }
}

/// With commas between them; beyond a few, how many more there are.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;

    const NAN: f64 = f64::NAN;
    const WORDS: [(&str, &[u16]); 4] = [("a", &[0]), ("b", &[0]), ("c", &[0]), ("d", &[1])];

    fn of(models: &[(&str, &str, &[&[f64]])]) -> CommonWords {
        CommonWords::count(&study(&WORDS, &[("p", None), ("q", None)], models))
    }

    #[test]
    fn the_words_of_each_model_are_counted_and_the_costliest_model_is_named() {
        let all: &[f64] = &[1.0, 2.0, 3.0, 4.0];
        let found = of(&[
            ("whole", "F", &[all, all]),
            // A prompt that it was not asked takes no words from it.
            ("one", "F", &[&[1.0, 2.0, 3.0, NAN], &[NAN; 4]]),
            ("torn", "F", &[&[1.0, NAN, 3.0, 4.0], &[NAN, 2.0, 3.0, 4.0]]),
        ]);
        let counts: Vec<(usize, usize)> = found.models.iter().map(|model| (model.words, model.without_it)).collect();
        assert_eq!((found.words, found.of, counts), (1, 4, vec![(4, 1), (3, 2), (2, 3)]));
        assert_eq!(found.costliest().map(|model| &*model.model), Some("torn"));
        assert_eq!(found.lost_categories, ["B"]);
        let text = found.in_sentences().unwrap();
        for naming in ["1 of the 4 words", "torn has 2, one has 3; the other model has all", "Without torn it would be 3"] {
            assert!(text.contains(naming), "'{naming}' is not in: {text}");
        }
        assert!(found.are_too_few() && text.contains("Nothing can be compared") && text.contains("left of B"), "{text}");
    }

    #[test]
    fn nothing_is_said_where_all_words_are_common_and_nobody_blamed_where_all_lack_the_same() {
        let all: &[f64] = &[1.0, 2.0, 3.0, 4.0];
        assert_eq!(of(&[("one", "F", &[all, all]), ("two", "F", &[all, all])]).in_sentences(), None);
        let gap: &[f64] = &[1.0, 2.0, NAN, 4.0];
        let found = of(&[("one", "F", &[gap, gap]), ("two", "F", &[gap, gap])]);
        let text = "Compared over the 3 of 4 words that every model has under every prompt that it was asked.";
        assert_eq!((found.in_sentences().as_deref(), found.costliest()), (Some(text), None));
        // Of two models that differ, none can be left out.
        let found = of(&[("one", "F", &[gap, gap]), ("two", "F", &[all, all])]);
        assert!(found.costliest().is_none() && found.in_sentences().unwrap().contains("one has 3; the other model has all"));
    }

    #[test]
    fn many_models_are_counted_and_not_all_named() {
        let gap: &[f64] = &[1.0, NAN, NAN, 4.0];
        let (names, columns): (Vec<String>, [&[f64]; 2]) = ((0..9).map(|i| format!("m{i}")).collect(), [gap, gap]);
        let mut models: Vec<(&str, &str, &[&[f64]])> = names.iter().map(|name| (&**name, "F", &columns[..])).collect();
        models.push(("whole", "F", &[&[1.0, 2.0, 3.0, 4.0]]));
        let text = of(&models).in_sentences().unwrap();
        assert!(text.contains("m5 has 2 and 3 more; the other model has all") && !text.contains("m6"), "{text}");
    }
}
