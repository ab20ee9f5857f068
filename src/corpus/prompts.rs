//! Prompt sets as TOML: a factorial design, a plain list, or both; and how `--prompt` is understood.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::prompt::{Factors, Prompt, PromptSet};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::suggestions::{did_you_mean, nearest};
use crate::base::terms::Framing;
use crate::base::text_file::{MOST_BYTES, read_text};
use crate::base::toml_file;
use crate::base::toml_file::TomlError;

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
    concision: Vec<Spanned<Level>>,
    #[serde(default)]
    prompt: Vec<Spanned<Single>>,
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
    ///
    /// # Errors
    /// A mistake in the built-in file.
    pub fn builtin() -> Result<PromptSet, FileError> {
        parse(Path::new("prompts.toml"), BUILTIN)
    }

    /// The study's 54, followed by the sets of `user_dir/prompts/*.toml`. A prompt that stands twice counts once; one key for
    /// two questions is an error.
    ///
    /// # Errors
    /// A file that cannot be read, and two questions with one key.
    pub fn with_user(user_dir: Option<&Path>) -> Result<PromptSet, FileError> {
        let mut set = Self::builtin()?;
        let entries = user_dir.and_then(|dir| std::fs::read_dir(dir.join("prompts")).ok());
        let mut files: Vec<_> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        for path in files {
            for prompt in parse(&path, &read_text(&path, MOST_BYTES)?)?.prompts {
                match set.prompts.iter().find(|known| known.label() == prompt.label()) {
                    None => set.prompts.push(prompt),
                    Some(known) if known.text == prompt.text => {}
                    Some(known) => {
                        let problem = format!("the key '{}' already stands for '{}'", known.label(), known.text);
                        return Err(FileError::file(&path, problem, "Choose another key"));
                    }
                }
            }
        }
        Ok(set)
    }
}

/// What `--prompt` arguments mean, in order, each prompt once: a key, `all` for the study's 54, or the text of a question.
/// One word that is no key is refused, as a misspelt key would otherwise be asked.
///
/// # Errors
/// A single word that is no key, and what [`PromptSet::with_user`] refuses.
pub fn resolve(arguments: &[String], user_dir: Option<&Path>) -> Result<Vec<Prompt>, FileError> {
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
                    format!("{}See {}; a question of your own needs more than one word", did_you_mean(&near), Remedy::Prompts);
                return Err(FileError::Unknown { kind: "prompt", name: argument.clone(), next });
            }
        }
    }
    Ok(prompts)
}

fn parse(path: &Path, text: &str) -> Result<PromptSet, FileError> {
    let name = path.to_string_lossy();
    let file: File = toml_file::parse(&name, text)?;
    let mut prompts = Vec::new();
    let factors = [file.adjective.is_empty(), file.superlative.is_empty(), file.concision.is_empty()];
    if factors.contains(&true) && factors.contains(&false) {
        let next = "A factorial design needs at least one each of [[adjective]], [[superlative]] and [[concision]]";
        return Err(FileError::file(path, "its factorial design is incomplete", next));
    }
    for concision in &file.concision {
        check_template(&concision.get_ref().text).map_err(|message| TomlError::at(&name, text, concision.span(), message))?;
    }
    for adjective in &file.adjective {
        for superlative in &file.superlative {
            for concision in file.concision.iter().map(Spanned::get_ref) {
                prompts.push(cross(adjective, superlative, concision));
            }
        }
    }
    for single in file.prompt {
        let (at, single) = (single.span(), single.into_inner());
        let key: Option<Arc<str>> = single.key.map(Into::into);
        let message = match key.as_deref() {
            _ if single.text.trim().is_empty() => "the text is empty",
            Some("all") => "the key 'all' means the study's 54 prompts; choose another",
            Some(key) if key.is_empty() || key.contains(char::is_whitespace) => "a key is one word, such as meaning_of_life",
            _ => {
                prompts.push(Prompt { key, text: single.text.into(), framing: single.framing, factors: None });
                continue;
            }
        };
        return Err(TomlError::at(&name, text, at, message).into());
    }
    if prompts.is_empty() {
        let next = "Give [[prompt]] entries with a text, or [[adjective]], [[superlative]] and [[concision]]";
        return Err(FileError::file(path, "it holds no prompts", next));
    }
    let name = file.name.or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned())).unwrap_or_default();
    Ok(PromptSet { name, prompts })
}

/// A template that lacks a factor would ask the same question under several keys.
fn check_template(template: &str) -> Result<(), String> {
    let lacking = ["{adjective}", "{superlative}"].into_iter().find(|place| !template.contains(place));
    if let Some(place) = lacking {
        return Err(format!("the text needs {place}, where that factor is put in"));
    }
    if template.replace("{adjective}", "").replace("{superlative}", "").contains(['{', '}']) {
        return Err("the text may hold {adjective} and {superlative}, and no other braces".to_owned());
    }
    Ok(())
}

fn cross(adjective: &Adjective, superlative: &Level, concision: &Level) -> Prompt {
    let text = concision.text.replace("{adjective}", &adjective.text).replace("{superlative}", &superlative.text);
    let key = format!("{}_{}_{}", adjective.key, superlative.key, concision.key);
    let factors =
        Factors { adjective: adjective.key.clone(), superlative: superlative.key.clone(), concision: concision.key.clone() };
    Prompt { key: Some(key.into()), text: text.into(), framing: Some(adjective.framing), factors: Some(factors) }
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
        let design = "[[adjective]]\nkey = \"odd\"\ntext = \"oddest\"\nframing = \"negative\"\n[[superlative]]\nkey = \"now\"\ntext = \"now\"\n\
                      [[concision]]\nkey = \"one\"\ntext = \"What is the {adjective} thing {superlative}?\"\n";
        std::fs::write(&file, design).unwrap();
        assert_eq!(&*resolve(&["odd_now_one".to_owned()], Some(folder.path())).unwrap()[0].text, "What is the oddest thing now?");
        let single = |key: &str, text: &str| format!("[[prompt]]\nkey = \"{key}\"\ntext = \"{text}\"\n");
        for (text, naming) in [
            ("[[prompt]]\ntxt = \"What is new?\"\n".to_owned(), &["line 2", "txt", "`text`"][..]),
            (design.replace("{superlative}", ""), &["line 8", "{superlative}"]),
            (design.replace("thing", "{noun}"), &["line 8", "{adjective}"]),
            (design.replace("[[superlative]]", "[[prompt]]"), &["incomplete", "[[superlative]]"]),
            (single("new", " "), &["line 1", "empty"]),
            (single("all", "What is new?"), &["'all'"]),
            (single("two words", "What is new?"), &["one word"]),
            (single("best_ever_one", "What is new?"), &["'best_ever_one' already", "another key"]),
            (String::new(), &["no prompts"]),
        ] {
            std::fs::write(&file, &text).unwrap();
            let message = resolve(&["new".to_owned()], Some(folder.path())).unwrap_err().to_string();
            for naming in naming.iter().chain(&["mine.toml"]) {
                assert!(message.contains(naming), "'{naming}' is not in: {message}");
            }
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        std::fs::write(&file, single("mine", "What, in one word, is the best thing ever?")).unwrap();
        let own = resolve(&["mine".to_owned()], Some(folder.path())).unwrap();
        assert_eq!(own[0].label(), "mine", "a question of the study may have a key of the user's");
    }
}
