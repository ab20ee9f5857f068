//! The reward that is implicit in two language models: how much more one likes a word than the other.
//!
//! Knows words and log-probabilities, no models. Log-probabilities are in nats.

use rewardscope_base::terms::Measure;
use std::collections::HashMap;
use std::fmt;

/// What becomes of texts that differ by case or outer white space alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variants {
    /// They are one word, whose value is the mean of theirs
    #[default]
    Average,
    /// Each is a word of its own
    Keep,
    /// Each word of the list is asked also with a capital, and each of both behind a space; these are averaged
    Add,
}

impl Variants {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Variants::Average => "average",
            Variants::Keep => "keep",
            Variants::Add => "add",
        }
    }
}

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that both models gave a log-probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined<'a> {
    /// The text.
    pub text: &'a str,
    /// Its log-probability under A, in nats.
    pub log_a: f64,
    /// Its log-probability under B, in nats.
    pub log_b: f64,
}

/// Texts that both have, in the order of A, each once: where several ids decode alike the most probable one counts, on
/// either side by itself. What has no value (NaN) is left out.
pub fn join<'a>(a: impl IntoIterator<Item = (&'a str, f64)>, b: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<Joined<'a>> {
    let best = |side: &mut dyn Iterator<Item = (&'a str, f64)>| {
        let mut order = Vec::new();
        let mut found: HashMap<&str, f64> = HashMap::new();
        for (text, log) in side.filter(|(_, log)| !log.is_nan()) {
            let known = found.entry(text).or_insert_with(|| {
                order.push(text);
                log
            });
            *known = known.max(log);
        }
        (order, found)
    };
    let ((order, a), (_, b)) = (best(&mut a.into_iter()), best(&mut b.into_iter()));
    let both = |text: &'a str| Some(Joined { text, log_a: *a.get(text)?, log_b: *b.get(text)? });
    order.into_iter().filter_map(both).collect()
}

/// A word with its implicit reward.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ImplicitWord {
    /// The word.
    pub word: String,
    /// Texts that were averaged.
    pub variants: usize,
    /// Mean probability of the variants under A.
    pub p_a: f64,
    /// Mean probability of the variants under B.
    pub p_b: f64,
    /// Mean of the variants' log ratios, in nats.
    pub log_ratio: f64,
    /// Mean of the variants' mixture-weighted log ratios, in nats.
    pub mwlr: f64,
}

impl ImplicitWord {
    /// The value by a measure, in nats.
    pub fn value(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Mwlr => self.mwlr,
            Measure::LogRatio => self.log_ratio,
        }
    }
}

/// Words in order of first appearance. Averaged over variants, a word is called as the first of them stands, or, with
/// `folded`, by the text that they share.
pub fn words(joined: &[Joined<'_>], average: bool, folded: bool) -> Vec<ImplicitWord> {
    let mut words: Vec<ImplicitWord> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for Joined { text, log_a, log_b } in joined {
        let key = if average { fold(text) } else { (*text).to_owned() };
        let at = *index.entry(key).or_insert_with_key(|key| {
            let word = if folded { key.clone() } else { (*text).to_owned() };
            words.push(ImplicitWord { word, variants: 0, p_a: 0.0, p_b: 0.0, log_ratio: 0.0, mwlr: 0.0 });
            words.len() - 1
        });
        let word = &mut words[at];
        word.variants += 1;
        word.p_a += log_a.exp();
        word.p_b += log_b.exp();
        word.log_ratio += Measure::LogRatio.of(*log_a, *log_b);
        word.mwlr += Measure::Mwlr.of(*log_a, *log_b);
    }
    for word in &mut words {
        let n = word.variants as f64;
        for sum in [&mut word.p_a, &mut word.p_b, &mut word.log_ratio, &mut word.mwlr] {
            *sum /= n;
        }
    }
    words
}

/// What the variants of a word share: the text in lower case, without white space around it. White space alone is itself.
pub fn fold(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() { text.to_owned() } else { trimmed.to_lowercase() }
}

/// The word as it stands; without white space around it, and with a capital; and each of both behind a space.
pub fn variants_of(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    let trimmed = word.trim();
    let mut letters = trimmed.chars();
    let Some(first) = letters.next() else { return forms };
    let capital: String = first.to_uppercase().chain(letters).collect();
    for form in [trimmed, &format!(" {trimmed}"), &capital, &format!(" {capital}")] {
        if !forms.iter().any(|known| known == form) {
            forms.push(form.to_owned());
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measures_are_their_formulas() {
        let (a, b) = (0.2f64, 0.05f64);
        assert!((Measure::LogRatio.of(a.ln(), b.ln()) - 4.0f64.ln()).abs() < 1e-12);
        assert!((Measure::Mwlr.of(a.ln(), b.ln()) - 0.125 * 4.0f64.ln()).abs() < 1e-12);
        assert_eq!(Measure::Mwlr.of(a.ln(), a.ln()), 0.0);
        assert_eq!(Measure::Mwlr.of(a.ln(), b.ln()), -Measure::Mwlr.of(b.ln(), a.ln()), "it turns about with the models");
    }

    #[test]
    fn texts_are_joined_and_the_most_probable_of_those_that_decode_alike_counts() {
        let a = [("love", -2.0), ("war", -3.0), ("love", -1.0), ("x", -1.0), ("nan", f64::NAN)];
        let b = [("war", -1.0), ("love", -4.0), ("war", -2.0), ("nan", -1.0)];
        let joined = join(a, b);
        let expected = [Joined { text: "love", log_a: -1.0, log_b: -4.0 }, Joined { text: "war", log_a: -3.0, log_b: -1.0 }];
        assert_eq!(joined, expected);
    }

    #[test]
    fn variants_are_averaged_or_kept() {
        let a = [("Love", -1.0), ("war", -3.0), (" love", -2.0), (" ", -1.0), ("\n", -1.0)];
        let b = [("Love", -2.0), ("war", -3.0), (" love", -2.5), (" ", -1.0), ("\n", -1.0)];
        let joined = join(a, b);
        let averaged = words(&joined, true, false);
        assert_eq!(
            averaged.iter().map(|w| (w.word.as_str(), w.variants)).collect::<Vec<_>>(),
            [("Love", 2), ("war", 1), (" ", 1), ("\n", 1)]
        );
        assert_eq!(averaged[0].log_ratio, 0.75);
        let mwlr = (Measure::Mwlr.of(-1.0, -2.0) + Measure::Mwlr.of(-2.0, -2.5)) / 2.0;
        assert!((averaged[0].mwlr - mwlr).abs() < 1e-15 && averaged[0].value(Measure::Mwlr) == averaged[0].mwlr);
        assert_eq!(words(&joined, true, true)[0].word, "love");
        assert_eq!(words(&joined, false, false).len(), 5);
    }

    #[test]
    fn forms_of_a_word_are_each_there_once() {
        assert_eq!(variants_of("love"), ["love", " love", "Love", " Love"]);
        assert_eq!(variants_of("USA"), ["USA", " USA"]);
        assert_eq!(variants_of(" love"), [" love", "love", "Love", " Love"]);
        assert_eq!(variants_of(" "), [" "]);
    }
}
