//! What a MODEL argument names.
//!
//! Looks at names and at which files exist, never into weights or scores.

use std::path::{Path, PathBuf};

use crate::base::remedy::Remedy;
use crate::base::suggestions::{did_you_mean, nearest};
use crate::base::terms::{Family, Measure};
use crate::catalogue::{Catalogue, Entry};
use crate::model::format::files;
use crate::model::format::instead::Instead;
use crate::model::hub::{RepositoryId, is_revision};
use crate::model::{HeadRow, LoadOptions, ModelError};
use crate::recorded;
use crate::sources::bundled::BUNDLED;

/// Files of a folder that an error explains.
const TOLD: usize = 3;

/// Where a model's files or scores lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModelSource {
    /// One of the pair compiled into the program: `demo-llama`, `demo-gemma`.
    Bundled(&'static str),
    /// A Hugging Face repository; `revision` is a branch, tag or commit, `main` where none is given.
    Hub { repository: String, revision: Option<String> },
    /// A directory in the Hugging Face layout, or a GGUF file.
    Directory(PathBuf),
    /// A CSV or Parquet file of scores.
    Recorded(PathBuf),
    /// What the first of two language models likes more than the second.
    Implicit { measure: Measure, models: Box<[ModelSpec; 2]> },
}

/// One model that can be opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelSpec {
    /// Catalogue nickname, bundled name, directory or file name, or repository id: what tables call it.
    pub name: String,
    pub source: ModelSource,
    /// From the catalogue, or guessed from the name until the files are read.
    pub family: Family,
}

impl ModelSpec {
    /// One of the bundled pair.
    pub fn is_demonstration(&self) -> bool {
        matches!(self.source, ModelSource::Bundled(_))
    }
}

impl Catalogue {
    /// The entry of a model that lies there; a directory is known by its name.
    pub fn entry_of(&self, source: &ModelSource) -> Option<&Entry> {
        match source {
            ModelSource::Hub { repository, .. } => self.find(repository),
            ModelSource::Directory(path) => path.file_name().and_then(|name| self.find(&name.to_string_lossy())),
            ModelSource::Bundled(_) | ModelSource::Recorded(_) | ModelSource::Implicit { .. } => None,
        }
    }

    /// The options with what the catalogue knows of a model: the row of the head that holds its reward, the token whose logit
    /// is its reward, and, where rewards are to be rounded, the dtype that they were published in.
    pub fn completed(&self, options: LoadOptions, source: &ModelSource) -> LoadOptions {
        let entry = self.entry_of(source);
        let published = entry.and_then(|entry| entry.published_dtype);
        LoadOptions {
            reward_row: options.reward_row.or(entry.map(|entry| HeadRow::Number(entry.reward_row))),
            token_logit: options.token_logit.or(entry.and_then(|entry| entry.token_logit).filter(|_| options.taken_as.is_none())),
            rounding: options.rounding.map(|assumed| published.unwrap_or(assumed)),
            ..options
        }
    }
}

/// The models that an argument names; a directory of recorded scores gives one for each file.
///
/// An argument that begins with `.`, `/` or `~`, or holds a separator and exists, is a path. Otherwise it is, in this order,
/// a bundled name, a nickname or catalogued id, an existing file or directory, or an id `owner/name`. Nickname and id may end
/// in `@revision`. Whether a repository exists is seen only when it is opened.
///
/// `mwlr:A,B` and `log-ratio:A,B` name the implicit reward of two language models, each an argument of its own.
///
/// # Errors
/// [`ModelError::Unknown`] with the nearest names, or what is wrong with the path.
pub fn resolve(argument: &str, catalogue: &Catalogue) -> Result<Vec<ModelSpec>, ModelError> {
    for measure in Measure::ALL {
        if let Some(pair) = argument.strip_prefix(measure.key()).and_then(|rest| rest.strip_prefix(':')) {
            return implicit(argument, measure, pair, catalogue);
        }
    }
    let address = id_of_address(argument)?;
    let argument = address.as_deref().unwrap_or(argument);
    let path = expand_home(argument);
    let has_separator = argument.contains(std::path::is_separator);
    let is_path = argument.starts_with(['.', '~']) || path.is_absolute();
    if is_path || (has_separator && path.exists()) {
        return from_path(&path, catalogue);
    }
    if let Some(model) = BUNDLED.iter().find(|model| model.name == argument) {
        let source = ModelSource::Bundled(model.name);
        return Ok(vec![ModelSpec { name: model.name.to_owned(), source, family: model.family }]);
    }
    let (name, revision) = match argument.split_once('@') {
        Some((name, revision)) => (name, Some(revision)),
        None => (argument, None),
    };
    let entry = catalogue.find(name);
    if entry.is_none() && path.exists() {
        return from_path(&path, catalogue);
    }
    let (known_as, repository, family) = match entry {
        Some(entry) => (entry.nickname.clone(), entry.id.clone(), entry.family),
        None if RepositoryId::parse(name).is_ok() => (name.to_owned(), name.to_owned(), Family::guess(name)),
        None if has_separator => return Err(no_such_path(&path)),
        None => return Err(unknown(argument, catalogue)),
    };
    if let Some(revision) = revision.filter(|revision| !is_revision(revision)) {
        return Err(ModelError::Unknown {
            name: argument.to_owned(),
            next: format!("'{revision}' is not a revision: give a branch, a tag or a commit after the '@', or leave it out"),
        });
    }
    Ok(vec![ModelSpec {
        // Two revisions of one model can stand side by side.
        name: revision.map_or(known_as.clone(), |revision| format!("{known_as}@{revision}")),
        source: ModelSource::Hub { repository, revision: revision.map(str::to_owned) },
        family,
    }])
}

/// The id that a page of the hub is about: `https://huggingface.co/owner/name/tree/revision` is `owner/name@revision`. None for
/// what is no address.
///
/// # Errors
/// The address of another page, or of another place.
fn id_of_address(argument: &str) -> Result<Option<String>, ModelError> {
    /// First parts of pages that are no model's.
    const OTHERS: [&str; 8] = ["datasets", "spaces", "collections", "models", "docs", "papers", "blog", "organizations"];
    let unknown = |next: &str| Err(ModelError::Unknown { name: argument.to_owned(), next: next.to_owned() });
    let (is_address, plain) = match argument.split_once("://") {
        Some(("https" | "http", rest)) => (true, rest),
        Some(("hf", rest)) => return Ok(Some(rest.to_owned())),
        _ => (false, argument),
    };
    let plain = plain.strip_prefix("www.").unwrap_or(plain);
    let Some(path) = ["huggingface.co/", "hf.co/"].iter().find_map(|host| plain.strip_prefix(host)) else {
        let next =
            "Of addresses, those of models on huggingface.co are taken. Give the id, owner/name; HF_ENDPOINT names a mirror";
        return if is_address { unknown(next) } else { Ok(None) };
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (Some(owner), Some(name)) = (parts.next().filter(|owner| !OTHERS.contains(owner)), parts.next()) else {
        return unknown("This is no model's page. Give the address of one, or its id, owner/name");
    };
    let id = format!("{owner}/{name}");
    let revision = parts.next().filter(|part| ["tree", "blob", "resolve"].contains(part)).and_then(|_| parts.next());
    Ok(Some(revision.map_or(id.clone(), |revision| format!("{id}@{revision}"))))
}

/// The pair that stands behind the colon. A name may hold commas: the first comma with a model on either side parts them.
fn implicit(argument: &str, measure: Measure, pair: &str, catalogue: &Catalogue) -> Result<Vec<ModelSpec>, ModelError> {
    let one = |name: &str| -> Result<ModelSpec, ModelError> {
        let mut specs = resolve(name, catalogue)?;
        match (specs.pop(), specs.is_empty()) {
            (Some(spec), true) if !matches!(spec.source, ModelSource::Implicit { .. }) => Ok(spec),
            _ => Err(ModelError::Unknown {
                name: argument.to_owned(),
                next: format!("'{name}' is not one language model. Name two of them, as in {}:A,B", measure.key()),
            }),
        }
    };
    let mut first_problem = None;
    for (at, _) in pair.match_indices(',') {
        match (one(&pair[..at]), one(&pair[at + 1..])) {
            (Ok(a), Ok(b)) => {
                let family = if a.family == b.family { a.family } else { Family::Other };
                let name = format!("{}:{},{}", measure.key(), a.name, b.name);
                return Ok(vec![ModelSpec { name, source: ModelSource::Implicit { measure, models: Box::new([a, b]) }, family }]);
            }
            (Err(problem), _) | (_, Err(problem)) => first_problem = first_problem.or(Some(problem)),
        }
    }
    Err(first_problem.unwrap_or_else(|| ModelError::Unknown {
        name: argument.to_owned(),
        next: format!("An implicit reward needs two language models, as in {}:A,B", measure.key()),
    }))
}

fn from_path(path: &Path, catalogue: &Catalogue) -> Result<Vec<ModelSpec>, ModelError> {
    if let Some(file) = files::gguf_in(path) {
        let name = file.file_stem().map_or_else(|| file_name(&file), |stem| stem.to_string_lossy().into_owned());
        let family = Family::guess(&name);
        return Ok(vec![ModelSpec { name, source: ModelSource::Directory(file), family }]);
    }
    if path.is_file() {
        // What the reader of scores says, so that a damaged file is not taken for one of another kind.
        let why_not = recorded::check(path);
        return why_not.map(|()| vec![recorded_spec(path, catalogue)]).map_err(|error| ModelError::Scores(Box::new(error)));
    }
    if !path.is_dir() {
        return Err(no_such_path(path));
    }
    if path.join("config.json").is_file() {
        let name = file_name(path);
        let family = Family::guess(&name);
        return Ok(vec![ModelSpec { name, source: ModelSource::Directory(path.to_owned()), family }]);
    }
    if let Some(Instead { problem, next }) = Instead::of(path) {
        return Err(ModelError::file(path, problem, next));
    }
    if let Some(id) = RepositoryId::from_folder(&file_name(path)) {
        let problem = "this is a model's folder in the Hugging Face cache";
        return Err(ModelError::file(
            path,
            problem,
            format!("Name the model by its id, {id}, or a folder under snapshots by its path"),
        ));
    }
    let recorded::Folder { files, passed_over } = recorded::folder(path);
    if files.is_empty() {
        // A damaged file is the likeliest reason why there is none.
        let told: String = passed_over.iter().take(TOLD).map(|why| format!("; {why}")).collect();
        return Err(ModelError::file(
            path,
            format!(
                "this directory has neither a config.json (a checkpoint in the Hugging Face layout) nor a single GGUF file nor a \
                 CSV or Parquet file of recorded scores{told}"
            ),
            "Name the directory that holds them directly; those below it are not searched",
        ));
    }
    Ok(files.iter().map(|file| recorded_spec(file, catalogue)).collect())
}

fn recorded_spec(file: &Path, catalogue: &Catalogue) -> ModelSpec {
    let (name, family) = recorded::identify(file, catalogue);
    ModelSpec { name, source: ModelSource::Recorded(file.to_owned()), family }
}

/// The last part of a path, also of `.` and `models/x/`.
fn file_name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A path as it was typed, with the user's folder in place of a leading `~`.
pub fn expand_home(argument: &str) -> PathBuf {
    match argument.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(std::path::is_separator) => match etcetera::home_dir() {
            Ok(home) => home.join(rest.trim_start_matches(std::path::is_separator)),
            Err(_) => PathBuf::from(argument),
        },
        _ => PathBuf::from(argument),
    }
}

fn no_such_path(path: &Path) -> ModelError {
    ModelError::file(path, "no such file or directory", "Check the path; a Hugging Face id is written owner/name[@revision]")
}

fn unknown(argument: &str, catalogue: &Catalogue) -> ModelError {
    let names = BUNDLED.iter().map(|model| model.name).chain(catalogue.entries().iter().map(|entry| entry.nickname.as_str()));
    let (hint, models) = (did_you_mean(&nearest(argument, names)), Remedy::Models);
    ModelError::Unknown {
        name: argument.to_owned(),
        next: format!(
            "{hint}A model is {}, a nickname (see {models}), a Hugging Face id owner/name[@revision], a directory with \
             config.json, a GGUF file, or a file or directory of recorded scores",
            BUNDLED.map(|model| model.name).join(" or ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PublishedDtype, TakenAs};

    fn catalogue() -> Catalogue {
        Catalogue::builtin().expect("the catalogue")
    }

    fn one(argument: &str) -> ModelSpec {
        let mut specs = resolve(argument, &catalogue()).expect(argument);
        assert_eq!(specs.len(), 1, "{argument}");
        specs.remove(0)
    }

    fn refusal(argument: &str) -> String {
        resolve(argument, &catalogue()).expect_err(argument).to_string()
    }

    fn hub(repository: &str, revision: Option<&str>) -> ModelSource {
        ModelSource::Hub { repository: repository.to_owned(), revision: revision.map(str::to_owned) }
    }

    #[test]
    fn names_that_need_no_file() {
        let catalogue = catalogue();
        let known = catalogue.entries().first().expect("the catalogue is not empty");
        let (nickname, id) = (known.nickname.clone(), known.id.clone());
        for (argument, name, source, family) in [
            ("demo-gemma", "demo-gemma", ModelSource::Bundled("demo-gemma"), Family::Gemma),
            (&nickname, &nickname, hub(&id, None), known.family),
            (&id, &nickname, hub(&id, None), known.family),
            (&format!("{nickname}@v2"), &format!("{nickname}@v2"), hub(&id, Some("v2")), known.family),
            ("lab/some-llama", "lab/some-llama", hub("lab/some-llama", None), Family::Llama),
            ("lab/x@refs/pr/1", "lab/x@refs/pr/1", hub("lab/x", Some("refs/pr/1")), Family::Other),
        ] {
            assert_eq!(one(argument), ModelSpec { name: name.to_owned(), source, family }, "{argument}");
        }
        assert!(one("demo-llama").is_demonstration());
    }

    #[test]
    fn addresses_of_other_pages_and_places_are_refused_by_what_they_are() {
        for (address, expected) in [
            ("https://huggingface.co/datasets/lab/words", "no model's page"),
            ("https://huggingface.co/lab", "no model's page"),
            ("https://modelscope.cn/models/lab/x", "HF_ENDPOINT"),
        ] {
            let message = refusal(address);
            assert!(message.contains(expected) && message.contains("owner/name"), "{message}");
        }
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("models--lab--some-llama");
        std::fs::create_dir_all(folder.join("snapshots")).expect("created");
        let message = refusal(folder.to_str().expect("UTF-8"));
        assert!(message.contains("by its id, lab/some-llama"), "{message}");
    }

    #[test]
    fn a_directory_is_a_checkpoint_or_holds_recorded_scores() {
        let root = tempfile::tempdir().expect("a folder");
        let checkpoint = root.path().join("my-gemma");
        std::fs::create_dir(&checkpoint).expect("created");
        let argument = checkpoint.to_str().expect("UTF-8");
        let message = refusal(argument);
        assert!(message.contains("config.json") && message.contains("recorded scores"), "{message}");
        std::fs::write(checkpoint.join("list.csv"), "word,category\n").expect("written");
        let message = refusal(argument);
        assert!(message.contains("list.csv: not opened: no recorded scores; its columns are word, category"), "{message}");

        let header = "response,greatest_ever_one\nlove,1.5\n";
        std::fs::write(checkpoint.join("b.csv"), header).expect("written");
        std::fs::write(checkpoint.join("a-llama.csv"), header).expect("written");
        let specs = resolve(argument, &catalogue()).expect("recorded");
        assert_eq!(specs.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a-llama", "b"]);
        assert_eq!(specs[0].source, ModelSource::Recorded(checkpoint.join("a-llama.csv")));
        assert_eq!(one(checkpoint.join("b.csv").to_str().expect("UTF-8")).name, "b");

        std::fs::write(checkpoint.join("config.json"), "{}").expect("written");
        let source = ModelSource::Directory(checkpoint.clone());
        assert_eq!(one(argument), ModelSpec { name: "my-gemma".into(), source, family: Family::Gemma });
        assert_eq!(one(&format!("{argument}/.")).name, "my-gemma");
    }

    #[test]
    fn a_gguf_file_is_a_model_by_itself_or_alone_in_a_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("tiny-gemma.Q8_0.gguf");
        std::fs::write(&file, "GGUF").expect("written");
        let source = ModelSource::Directory(file.clone());
        let spec = ModelSpec { name: "tiny-gemma.Q8_0".into(), source, family: Family::Gemma };
        for argument in [&file, root.path()] as [&Path; 2] {
            assert_eq!(one(argument.to_str().expect("UTF-8")), spec);
        }
        std::fs::write(root.path().join("other.gguf"), "GGUF").expect("written");
        assert!(refusal(root.path().to_str().expect("UTF-8")).contains("Name one of them by its path"));
    }

    #[test]
    fn an_address_of_the_hub_is_the_id_it_is_about() {
        for (address, revision) in [
            ("https://huggingface.co/lab/some-llama", None),
            ("hf.co/lab/some-llama", None),
            ("https://hf.co/lab/some-llama/", None),
            ("huggingface.co/lab/some-llama?library=transformers#files", None),
            ("https://huggingface.co/lab/some-llama/tree/v2", Some("v2")),
            ("https://huggingface.co/lab/some-llama/blob/main/config.json", Some("main")),
            ("hf.co/lab/some-llama@v2", Some("v2")),
            ("hf://lab/some-llama", None),
        ] {
            assert_eq!(one(address).source, hub("lab/some-llama", revision), "{address}");
        }
    }

    #[test]
    fn a_folder_with_an_adapter_alone_names_its_base() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("adapter_config.json"), r#"{"base_model_name_or_path":"lab/base"}"#).expect("written");
        let message = refusal(root.path().to_str().expect("UTF-8"));
        assert!(message.contains("LoRA adapter of lab/base") && message.contains("Merge"), "{message}");
    }

    #[test]
    fn paths_that_do_not_exist_are_not_taken_for_repositories() {
        for argument in ["./demo-llama", "~/no/such/model", "/no/such/model", "no/such/model", "../x"] {
            assert!(refusal(argument).contains("no such file or directory"), "{argument}");
        }
    }

    #[test]
    fn a_file_that_holds_no_scores_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("model.safetensors");
        std::fs::write(&file, "x").expect("written");
        assert!(refusal(file.to_str().expect("UTF-8")).contains("name the directory"));
    }

    #[test]
    fn an_implicit_reward_names_two_models() {
        for (argument, measure) in
            [("mwlr:lab/a-llama,lab/b-llama", Measure::Mwlr), ("log-ratio:lab/a-llama,lab/b-llama", Measure::LogRatio)]
        {
            let spec = one(argument);
            assert_eq!((spec.name.as_str(), spec.family), (argument, Family::Llama));
            let ModelSource::Implicit { measure: found, models } = spec.source else { panic!("{argument} is a pair") };
            assert_eq!((found, models.each_ref().map(|m| m.name.as_str())), (measure, ["lab/a-llama", "lab/b-llama"]));
        }
        assert_eq!(one("mwlr:lab/llama,lab/gemma").family, Family::Other);
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("a, recorded.csv");
        std::fs::write(&file, "response,greatest_ever_one\nlove,-1.5\n").expect("written");
        let spec = one(&format!("mwlr:{},lab/gemma", file.display()));
        assert_eq!(spec.name, "mwlr:a, recorded,lab/gemma");
        for argument in ["mwlr:lab/a", "mwlr:", "mwlr:lab/a,", "mwlr:,lab/a"] {
            let message = refusal(argument);
            assert!(message.contains("mwlr:A,B") || message.contains("A model is"), "{argument}: {message}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones_and_the_forms() {
        let message = refusal("demo-lama");
        assert!(message.contains("Did you mean 'demo-llama'"), "{message}");
        assert!(message.contains("owner/name[@revision]"), "{message}");
        assert!(!refusal("qqqqqq").contains("Did you mean"));
        assert!(refusal("lab/x@../y").contains("is not a revision"));
    }

    #[test]
    fn rounding_takes_the_dtype_of_the_published_run() {
        let catalogue = Catalogue::builtin().unwrap();
        let hub = |id: &str| ModelSource::Hub { repository: id.to_owned(), revision: None };
        let asked = LoadOptions { rounding: Some(PublishedDtype::default()), ..LoadOptions::default() };
        for (source, dtype) in [
            (hub("Skywork/Skywork-Reward-Gemma-2-27B"), PublishedDtype::Bf16),
            (hub("Ray2333/GRM-gemma2-2B-rewardmodel-ft"), PublishedDtype::F16),
            (hub("nicolinho/QRM-Llama3.1-8B"), PublishedDtype::F32),
            (ModelSource::Directory("/models/Ray2333_GRM-Llama3-8B-rewardmodel-ft".into()), PublishedDtype::F16),
            (hub("somebody/else"), PublishedDtype::Bf16),
        ] {
            assert_eq!(catalogue.completed(asked.clone(), &source).rounding, Some(dtype), "{source:?}");
            assert_eq!(catalogue.completed(LoadOptions::default(), &source).rounding, None);
        }
    }

    #[test]
    fn the_token_whose_logit_is_the_reward_is_that_of_the_catalogue() {
        let catalogue = Catalogue::builtin().unwrap();
        let source = ModelSource::Hub { repository: "nvidia/Llama-3.1-Nemotron-70B-Reward-HF".to_owned(), revision: None };
        let asked = |token_logit, taken_as| LoadOptions { token_logit, taken_as, ..LoadOptions::default() };
        assert_eq!(catalogue.completed(asked(None, None), &source).token_logit, Some(0));
        assert_eq!(catalogue.completed(asked(Some(7), None), &source).token_logit, Some(7));
        assert_eq!(catalogue.completed(asked(None, Some(TakenAs::LanguageModel)), &source).token_logit, None);
        let other = ModelSource::Hub { repository: "somebody/else".to_owned(), revision: None };
        assert_eq!(catalogue.completed(asked(None, None), &other).token_logit, None);
    }

    #[test]
    fn the_reward_row_is_that_of_the_catalogue() {
        let text = "[[model]]\nnickname = \"x\"\nid = \"me/mine\"\nfamily = \"Gemma\"\nreward_row = 3\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("models.toml"), text).unwrap();
        let catalogue = Catalogue::with_user(Some(folder.path())).unwrap();
        for (source, row) in [
            (ModelSource::Hub { repository: "me/mine".to_owned(), revision: None }, Some(HeadRow::Number(3))),
            (ModelSource::Directory("/models/me_mine".into()), Some(HeadRow::Number(3))),
            (ModelSource::Directory("/models/other".into()), None),
        ] {
            assert_eq!(catalogue.completed(LoadOptions::default(), &source).reward_row, row, "{source:?}");
        }
    }
}
