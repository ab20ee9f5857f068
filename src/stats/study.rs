//! What the statistics are computed from: scores of several models, under several prompts, over one list of words.

use std::sync::Arc;

use crate::corpus::Framing;

/// Scores over one list of words. Words of no category take part in the ranks and in nothing else.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// In order of name.
    pub categories: Vec<Arc<str>>,
    pub words: Vec<StudyWord>,
    pub prompts: Vec<StudyPrompt>,
    pub models: Vec<StudyModel>,
}

#[derive(Clone, Debug)]
pub struct StudyWord {
    pub text: Arc<str>,
    /// Indices into [`Study::categories`], ascending.
    pub categories: Vec<u16>,
}

#[derive(Clone, Debug)]
pub struct StudyPrompt {
    /// Its key, or its text where it has none.
    pub label: Arc<str>,
    /// None where it is not known: such a prompt has cells, and takes part in nothing that compares framings.
    pub framing: Option<Framing>,
}

#[derive(Clone, Debug)]
pub struct StudyModel {
    pub name: Arc<str>,
    /// `Gemma`, `Llama`, or a name that the user gave.
    pub family: Arc<str>,
    /// `[prompts][words]`, raw; NaN where there is no score (yet).
    pub scores: Vec<Arc<Vec<f64>>>,
}

impl Study {
    /// The same over the words that every model has under every prompt that it was asked: places of one model and of another
    /// then count the same words.
    pub fn of_common_words(mut self) -> Study {
        let columns = || self.models.iter().flat_map(|model| &model.scores);
        let asked = |column: &&Arc<Vec<f64>>| column.iter().any(|score| !score.is_nan());
        let is_known = |word: usize| columns().filter(asked).all(|column| column.get(word).is_some_and(|score| !score.is_nan()));
        let kept: Vec<usize> = (0..self.words.len()).filter(|&word| is_known(word)).collect();
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

#[cfg(test)]
mod tests {
    use crate::stats::cells::tests::study;

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
}
