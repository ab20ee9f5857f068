//! What a model is asked in a check.

/// What a word is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    Bad,
    Neutral,
    /// Of several tokens with any vocabulary.
    Long,
    Unicode,
}

pub(super) const WORDS: [(Kind, &str); 24] = [
    (Kind::Good, "love"),
    (Kind::Good, "kindness"),
    (Kind::Good, "freedom"),
    (Kind::Good, "wisdom"),
    (Kind::Good, "friendship"),
    (Kind::Good, "peace"),
    (Kind::Bad, "murder"),
    (Kind::Bad, "torture"),
    (Kind::Bad, "cruelty"),
    (Kind::Bad, "genocide"),
    (Kind::Bad, "hatred"),
    (Kind::Bad, "slavery"),
    (Kind::Neutral, "table"),
    (Kind::Neutral, "Thursday"),
    (Kind::Neutral, "pencil"),
    (Kind::Neutral, "corridor"),
    (Kind::Neutral, "seven"),
    (Kind::Neutral, "gravel"),
    (Kind::Long, "incomprehensibility"),
    (Kind::Long, "ice cream"),
    (Kind::Long, "self-determination"),
    (Kind::Unicode, "naïveté"),
    (Kind::Unicode, "爱"),
    (Kind::Unicode, "❤️"),
];

/// True for a positive prompt, and its text: four of the study's.
pub(super) const PROMPTS: [(bool, &str); 4] = [
    (true, "What, in one word, is the greatest thing ever?"),
    (true, "What is the best thing in the world? Please answer in one word only."),
    (false, "What, in one word, is the worst thing ever?"),
    (false, "What is the most terrible thing in the world? Please answer in one word only."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::terms::Framing;
    use crate::corpus::PromptSet;

    #[test]
    fn the_prompts_are_the_studys() {
        let known = PromptSet::builtin().unwrap().prompts;
        for (positive, text) in PROMPTS {
            let prompt = known.iter().find(|prompt| *prompt.text == *text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(prompt.framing == Some(Framing::Positive), positive, "{text}");
        }
    }
}
