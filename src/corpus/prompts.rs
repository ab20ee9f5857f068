//! Prompt sets as TOML: a factorial design, a plain list, or both; and how `--prompt` is understood.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::error::{CorpusError, did_you_mean, nearest};
use super::prompt::{Factors, Framing, Prompt, PromptSet};
use super::read::{MOST_BYTES, read_text};

const BUILTIN: &str = include_str!("../../corpora/prompts.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    adjective: Vec<Adjective>,
    #[serde(default)]
    superlative: Vec<Level>,
    #[serde(default)]
    concision: Vec<Level>,
    #[serde(default)]
    prompt: Vec<Single>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjective {
    key: String,
    text: String,
    framing: Framing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    key: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Single {
    key: Option<String>,
    text: String,
    framing: Option<Framing>,
}

impl PromptSet {
    /// The study's 54.
    pub fn builtin() -> Result<PromptSet, CorpusError> {
        parse(Path::new("prompts.toml"), BUILTIN)
    }

    /// The study's 54, followed by the sets of `user_dir/prompts/*.toml`. A key or text that stands twice counts once.
    pub fn with_user(user_dir: Option<&Path>) -> Result<PromptSet, CorpusError> {
        let mut set = Self::builtin()?;
        let entries = user_dir.and_then(|dir| std::fs::read_dir(dir.join("prompts")).ok());
        let mut files: Vec<_> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        for path in files {
            for prompt in parse(&path, &read_text(&path, MOST_BYTES)?)?.prompts {
                if !set.prompts.iter().any(|known| known.label() == prompt.label() || known.text == prompt.text) {
                    set.prompts.push(prompt);
                }
            }
        }
        Ok(set)
    }
}

/// What `--prompt` arguments mean, in order, each prompt once: a key, `all` for the study's 54, or the text of a question.
/// One word that is no key is refused, as a misspelt key would otherwise be asked.
pub fn resolve(arguments: &[String], user_dir: Option<&Path>) -> Result<Vec<Prompt>, CorpusError> {
    let set = PromptSet::with_user(user_dir)?;
    let mut prompts: Vec<Prompt> = Vec::new();
    let mut add = |prompt: Prompt| {
        if !prompts.iter().any(|known| known.text == prompt.text) {
            prompts.push(prompt);
        }
    };
    for argument in arguments {
        let known = set.prompts.iter().find(|prompt| prompt.label() == argument || &*prompt.text == argument);
        match known {
            Some(prompt) => add(prompt.clone()),
            None if argument == "all" => PromptSet::builtin()?.prompts.into_iter().for_each(&mut add),
            None if argument.contains(char::is_whitespace) => {
                add(Prompt { key: None, text: argument.as_str().into(), framing: None, factors: None })
            }
            None => {
                let near = nearest(argument, set.prompts.iter().map(Prompt::label));
                let next =
                    format!("{}See `rewardscope prompts`; a question of your own needs more than one word", did_you_mean(&near));
                return Err(CorpusError::Unknown { kind: "prompt", name: argument.clone(), next });
            }
        }
    }
    Ok(prompts)
}

fn parse(path: &Path, text: &str) -> Result<PromptSet, CorpusError> {
    let file: File = toml::from_str(text).map_err(|error| {
        CorpusError::file(path, error.to_string().trim_end().to_owned(), "See the built-in corpora/prompts.toml for the form")
    })?;
    let mut prompts = Vec::new();
    for adjective in &file.adjective {
        for superlative in &file.superlative {
            for concision in &file.concision {
                let text = concision.text.replace("{adjective}", &adjective.text).replace("{superlative}", &superlative.text);
                let key = format!("{}_{}_{}", adjective.key, superlative.key, concision.key);
                let factors = Factors {
                    adjective: adjective.key.clone(),
                    superlative: superlative.key.clone(),
                    concision: concision.key.clone(),
                };
                prompts.push(Prompt {
                    key: Some(key.into()),
                    text: text.into(),
                    framing: Some(adjective.framing),
                    factors: Some(factors),
                });
            }
        }
    }
    for single in file.prompt {
        let key: Option<Arc<str>> = single.key.map(Into::into);
        prompts.push(Prompt { key, text: single.text.into(), framing: single.framing, factors: None });
    }
    if prompts.is_empty() {
        let next = "Give [[prompt]] entries with a text, or [[adjective]], [[superlative]] and [[concision]]";
        return Err(CorpusError::file(path, "it holds no prompts", next));
    }
    let name = file.name.or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned())).unwrap_or_default();
    Ok(PromptSet { name, prompts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_study_has_54_prompts_in_the_order_of_its_files() {
        let prompts = PromptSet::builtin().unwrap().prompts;
        assert_eq!(prompts.len(), 54);
        let labels: Vec<&str> = prompts.iter().map(Prompt::label).collect();
        assert_eq!(labels[..4], ["best_ever_one", "best_ever_single", "best_ever_please", "best_world_one"]);
        assert_eq!(labels[53], "terrible_time_please");
        let text = |key: &str| prompts.iter().find(|p| p.label() == key).unwrap().text.to_string();
        assert_eq!(text("greatest_ever_one"), "What, in one word, is the greatest thing ever?");
        assert_eq!(text("good_world_single"), "What, in a single word, is the most good thing in the world?");
        assert_eq!(text("terrible_time_please"), "What is the most terrible thing of all time? Please answer in one word only.");
        assert_eq!(prompts.iter().filter(|p| p.framing == Some(Framing::Positive)).count(), 27);
    }

    #[test]
    fn an_argument_is_a_key_a_text_or_all() {
        let resolve = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            super::resolve(&arguments, None)
        };
        assert_eq!(resolve(&["all", "best_ever_one"]).unwrap().len(), 54, "a repeat counts once");
        let own = resolve(&["What is new?"]).unwrap();
        assert_eq!((own[0].label(), own[0].key.as_deref()), ("What is new?", None));
        let known = resolve(&["What, in one word, is the greatest thing ever?"]).unwrap();
        assert_eq!(known[0].label(), "greatest_ever_one", "a text of the set has its key");
        let message = resolve(&["greatest_evr_one"]).unwrap_err().to_string();
        assert!(message.contains("'greatest_ever_one'"), "{message}");
    }

    #[test]
    fn a_users_set_may_be_a_plain_list_and_its_mistakes_are_located() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("prompts")).unwrap();
        let file = folder.path().join("prompts/mine.toml");
        std::fs::write(&file, "[[prompt]]\nkey = \"new\"\ntext = \"What is new?\"\nframing = \"positive\"\n").unwrap();
        assert_eq!(resolve(&["new".to_owned()], Some(folder.path())).unwrap()[0].framing, Some(Framing::Positive));
        std::fs::write(&file, "[[prompt]]\ntxt = \"What is new?\"\n").unwrap();
        let message = resolve(&["new".to_owned()], Some(folder.path())).unwrap_err().to_string();
        for naming in ["mine.toml", "line 2", "txt", "`text`"] {
            assert!(message.contains(naming), "'{naming}' is not in: {message}");
        }
    }
}
