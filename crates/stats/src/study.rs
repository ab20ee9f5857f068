//! What the statistics are computed from: scores of several models, under several prompts, over one list of words.

use std::sync::Arc;

use rewardscope_base::terms::Framing;

/// Scores over one list of words. Words of no category take part in the ranks and in nothing else.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// In order of name.
    pub categories: Vec<Arc<str>>,
    /// The words that are ranked.
    pub words: Vec<StudyWord>,
    /// The prompts that models were asked.
    pub prompts: Vec<StudyPrompt>,
    /// The models that are compared.
    pub models: Vec<StudyModel>,
}

/// A word with its categories.
#[derive(Clone, Debug)]
pub struct StudyWord {
    /// The word itself.
    pub text: Arc<str>,
    /// Indices into [`Study::categories`], ascending.
    pub categories: Vec<u16>,
}

/// A prompt with its framing.
#[derive(Clone, Debug)]
pub struct StudyPrompt {
    /// Its key, or its text where it has none.
    pub label: Arc<str>,
    /// None where it is not known: such a prompt has cells, and takes part in nothing else where there are others.
    pub framing: Option<Framing>,
}

/// A model with its scores.
#[derive(Clone, Debug)]
pub struct StudyModel {
    /// Its name, unlike that of any other model.
    pub name: Arc<str>,
    /// `Gemma`, `Llama`, or a name that the user gave.
    pub family: Arc<str>,
    /// `[prompts][words]`, raw; NaN where there is no score (yet).
    pub scores: Vec<Arc<Vec<f64>>>,
}

impl Study {
    /// The prompts that count beyond their own cells: those of a known framing, or all where none has one.
    pub(super) fn counted_prompts(&self) -> Vec<usize> {
        let framed = |at: &usize| self.prompts[*at].framing.is_some();
        let any = (0..self.prompts.len()).any(|at| framed(&at));
        (0..self.prompts.len()).filter(|at| !any || framed(at)).collect()
    }

    /// Whether each model has each word under every prompt that it was asked, `[models][words]`.
    pub(super) fn known_words(&self) -> Vec<Vec<bool>> {
        let words = |model: &StudyModel| -> Vec<bool> {
            let asked: Vec<_> = model.scores.iter().filter(|column| column.iter().any(|score| !score.is_nan())).collect();
            let known = |word: usize| asked.iter().all(|column| column.get(word).is_some_and(|score| !score.is_nan()));
            (0..self.words.len()).map(known).collect()
        };
        self.models.iter().map(words).collect()
    }

    /// As [`Study::of_common_words`], but models whose gaps would leave less than a quarter of the words of `models[own]`, or
    /// one alone, are left out.
    ///
    /// None where that model itself has no word under every prompt that it was asked.
    pub fn comparable(mut self, own: usize) -> Option<Comparable> {
        let known = self.known_words();
        let mut common = known.get(own)?.clone();
        let shared = |with: &[bool], common: &[bool]| with.iter().zip(common).filter(|(a, b)| **a && **b).count();
        let of_own = shared(&common, &common);
        if of_own == 0 {
            return None;
        }
        let least = of_own.div_ceil(4).max(2).min(of_own);
        // The most complete first: a model that has next to nothing does not take the others' words.
        let mut others: Vec<usize> = (0..known.len()).filter(|model| *model != own).collect();
        others.sort_by_key(|&model| std::cmp::Reverse(shared(&known[model], &known[own])));
        let (mut left_out, mut lacking) = (Vec::new(), Vec::new());
        for model in others {
            if shared(&known[model], &common) < least {
                left_out.push(model);
                continue;
            }
            if shared(&known[model], &known[own]) < of_own {
                lacking.push(model);
            }
            common.iter_mut().zip(&known[model]).for_each(|(common, known)| *common &= known);
        }
        left_out.sort_unstable();
        lacking.sort_unstable();
        let names = |of: &[usize]| of.iter().map(|&model| self.models[model].name.clone()).collect();
        let (left_out_names, lacking) = (names(&left_out), names(&lacking));
        let own = own - left_out.iter().filter(|model| **model < own).count();
        left_out.iter().rev().for_each(|&model| drop(self.models.remove(model)));
        Some(Comparable { study: self.of_common_words(), own, own_words: of_own, left_out: left_out_names, lacking })
    }

    /// The same over the words that every model has under every prompt that it was asked: places of one model and of another
    /// then count the same words.
    pub fn of_common_words(mut self) -> Study {
        let known = self.known_words();
        let kept: Vec<usize> = (0..self.words.len()).filter(|&word| known.iter().all(|of| of[word])).collect();
        if kept.len() == self.words.len() {
            return self;
        }
        for column in self.models.iter_mut().flat_map(|model| &mut model.scores) {
            *column = Arc::new(kept.iter().map(|&word| column.get(word).copied().unwrap_or(f64::NAN)).collect());
        }
        self.words = kept.iter().map(|&word| self.words[word].clone()).collect();
        self
    }
}

/// What is left of a study for a card of one model.
pub struct Comparable {
    /// The study over the words that its models have in common.
    pub study: Study,
    /// The index of the card's model in the study.
    pub own: usize,
    /// Words that it has under every prompt.
    pub own_words: usize,
    /// Models that share too few words with it.
    pub left_out: Vec<Arc<str>>,
    /// Models that lack words which the own one has.
    pub lacking: Vec<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use crate::cells::tests::study;

    #[test]
    fn common_words_are_those_of_every_column_that_has_any() {
        const NAN: f64 = f64::NAN;
        let words = [("a", &[0][..]), ("b", &[0]), ("c", &[])];
        let prompts = [("p", None), ("q", None)];
        let full: &[f64] = &[1.0, 2.0, 3.0];
        let found = study(&words, &prompts, &[("m", "F", &[full, &[NAN, NAN, NAN]]), ("n", "F", &[&[1.0, NAN, 5.0], full])]);
        let common = found.clone().of_common_words();
        assert_eq!(common.words.iter().map(|word| &*word.text).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((&common.models[0].scores[0][..], &common.models[1].scores[0][..]), (&[1.0, 3.0][..], &[1.0, 5.0][..]));
        assert!(common.models[0].scores[1].iter().all(|score| score.is_nan()));
    }

    #[test]
    fn a_model_whose_gaps_would_leave_next_to_nothing_is_left_out_and_named() {
        const NAN: f64 = f64::NAN;
        let words: Vec<(&str, &[u16])> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|word| (word, &[0][..])).to_vec();
        let prompts = [("p", None), ("q", None)];
        let full: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let of = |known: &[usize]| -> Vec<f64> { (0..8).map(|i| if known.contains(&i) { full[i] } else { NAN }).collect() };
        let (none, first, second) = (of(&[]), of(&[0, 1]), of(&[2, 3]));
        let (short, one, shorter) = (of(&[1, 2, 3, 4]), of(&[2]), of(&[3, 4, 5]));
        let models: [(&str, &str, &[&[f64]]); 6] = [
            // Under either prompt some words, and none under both: no other can be compared with it.
            ("torn", "F", &[&first, &second]),
            ("whole", "F", &[full, full]),
            ("short", "F", &[&short, &none]),
            ("empty", "F", &[&none, &none]),
            ("one", "F", &[&one, full]),
            ("shorter", "F", &[full, &shorter]),
        ];
        let found = study(&words, &prompts, &models).comparable(1).unwrap();
        let names = |of: &[std::sync::Arc<str>]| of.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&found.left_out), ["torn", "one"]);
        assert_eq!((names(&found.lacking), found.own, found.own_words), (vec!["short".to_owned(), "shorter".to_owned()], 0, 8));
        assert_eq!(found.study.words.iter().map(|word| &*word.text).collect::<Vec<_>>(), ["d", "e"]);
        assert_eq!(&*found.study.models[found.own].name, "whole");
        assert!(study(&words, &prompts, &models).comparable(0).is_none(), "its own gaps leave it nothing");
        assert!(study(&words, &prompts, &models).comparable(9).is_none());
    }
}
