//! What commands share: the user's folders and the built-in lists, and how arguments become models, words and prompts.

pub mod arguments;
pub mod failure;
pub mod settings;
pub mod wording;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::corpus::{self, Corpus, Prompt};
use crate::recorded;
use crate::recorded::ratings::Ratings;
use crate::scores::store::Store;
use crate::session::arguments::{RatingArgs, StoreArgs, WordArgs};
use crate::session::failure::Failure;
use crate::session::settings::{Folders, Settings};
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::sources::{names, resolve};

/// The word list that a live model is asked when none is named.
pub const DEFAULT_CORPUS: &str = "big-two";
/// The prompt that is used when none is named.
pub const DEFAULT_PROMPT: &str = "greatest_ever_one";

/// Models as the arguments name them.
pub(crate) struct Named {
    /// No two have one name.
    pub(crate) specs: Vec<ModelSpec>,
    pub(crate) notes: Vec<String>,
}

/// The words that the arguments ask for.
pub(crate) struct Words {
    /// None where no option names any.
    pub(crate) list: Option<Arc<Corpus>>,
    /// Beside the list, each once.
    pub(crate) own: Vec<Arc<str>>,
}

pub(crate) struct Session {
    pub(crate) folders: Folders,
    pub(crate) settings: Settings,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl Session {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folders = Folders::find().map_err(Failure::usage)?;
        let catalogue = Catalogue::with_user(folders.config.as_deref()).map_err(Failure::usage)?;
        let settings = Settings::load(folders.config.as_deref()).map_err(Failure::usage)?;
        Ok(Session { folders, settings, catalogue: Arc::new(catalogue) })
    }

    /// Where scores are kept: the file asked for, else the user's own; none where the system names no home.
    pub(crate) fn store_path(&self, args: &StoreArgs) -> Option<PathBuf> {
        let asked = args.store.clone().filter(|path| !path.as_os_str().is_empty());
        asked.or_else(|| self.folders.data.as_ref().map(|folder| folder.join("scores.sqlite")))
    }

    /// The store, unless it is not wanted or cannot be had, and what the user should know of it.
    pub(crate) fn store(&self, args: &StoreArgs) -> (Option<Store>, Option<String>) {
        let Some(path) = self.store_path(args).filter(|_| !args.no_store) else { return (None, None) };
        match Store::open(&path) {
            Ok((store, note)) => (Some(store), note),
            Err(error) => (None, Some(format!("{error}. Scores are not kept in this run"))),
        }
    }

    /// The models that the arguments name, in order, each once.
    pub(crate) fn models(&self, arguments: &[String]) -> Result<Vec<ModelSpec>, Failure> {
        self.named(arguments).map(|named| named.specs)
    }

    /// As [`Session::models`], with what a reader should know of the folders among the arguments.
    pub(crate) fn named(&self, arguments: &[String]) -> Result<Named, Failure> {
        let (mut found, mut notes): (Vec<(ModelSpec, &str)>, Vec<String>) = Default::default();
        let mut places: HashSet<PathBuf> = HashSet::new();
        for argument in arguments {
            let specs = resolve::resolve(argument, &self.catalogue).map_err(Failure::usage)?;
            if specs.iter().any(|spec| matches!(spec.source, ModelSource::Recorded(_))) {
                notes.extend(passed_over(argument));
                notes.dedup();
            }
            for spec in specs {
                let again = found.iter().any(|(known, _)| known.source == spec.source);
                if !again && place(&spec.source).is_none_or(|place| places.insert(place)) {
                    found.push((spec, argument));
                }
            }
        }
        Ok(Named { specs: names::told_apart(found), notes })
    }

    /// The words asked for, merged; none where no option names any.
    pub(crate) fn words(&self, args: &WordArgs) -> Result<Option<Arc<Corpus>>, Failure> {
        let mut parts = Vec::new();
        for name in &args.corpus {
            parts.push(self.corpus(name)?);
        }
        if let Some(file) = &args.words_file {
            parts.push(corpus::read_words_file(file).map_err(Failure::usage)?);
        }
        if !args.word.is_empty() {
            parts.push(Corpus::from_words("words", args.word.iter().cloned()));
        }
        let mut parts = parts.into_iter();
        let Some(mut merged) = parts.next() else { return Ok(None) };
        for part in parts {
            merged.merge(part);
        }
        Ok(Some(Arc::new(merged)))
    }

    /// As [`Session::words`], but words given one by one beside a list stand apart from it: those that it does not have are
    /// given for themselves. Without a list they are one.
    pub(crate) fn words_apart(&self, args: &WordArgs) -> Result<Words, Failure> {
        let Some(list) = self.words(&WordArgs { word: Vec::new(), ..args.clone() })? else {
            return Ok(Words { list: self.words(args)?, own: Vec::new() });
        };
        let mut known: HashSet<&str> = list.words.iter().map(|word| &*word.text).collect();
        let own = args.word.iter().filter(|word| known.insert(word)).map(|word| word.as_str().into()).collect();
        Ok(Words { list: Some(list), own })
    }

    pub(crate) fn corpus(&self, name: &str) -> Result<Corpus, Failure> {
        Corpus::load(name, self.user_dir()).map_err(Failure::usage)
    }

    /// The ratings that are asked for; none where there are none.
    pub(crate) fn ratings(&self, args: &RatingArgs) -> Result<Option<Ratings>, Failure> {
        let named = (!args.ratings.is_empty()).then(|| Ratings::read(&args.ratings, &args.rating_column));
        named.transpose().map_err(Failure::usage)
    }

    pub(crate) fn default_corpus(&self) -> Result<Arc<Corpus>, Failure> {
        self.corpus(DEFAULT_CORPUS).map(Arc::new)
    }

    /// The prompts asked for, in order, each once; the default one where none is.
    pub(crate) fn prompts(&self, arguments: &[String]) -> Result<Vec<Prompt>, Failure> {
        let default = [DEFAULT_PROMPT.to_owned()];
        let arguments = if arguments.is_empty() { &default[..] } else { arguments };
        corpus::prompts::resolve(arguments, self.user_dir()).map_err(Failure::usage)
    }

    pub(crate) fn user_dir(&self) -> Option<&Path> {
        self.folders.config.as_deref()
    }
}

/// The tables of a folder that hold no recorded scores, where an argument is one.
pub(crate) fn passed_over(argument: &str) -> Vec<String> {
    let path = resolve::expand_home(argument);
    if path.is_dir() { recorded::folder(&path).passed_over } else { Vec::new() }
}

/// Where a file or folder lies, whatever path leads to it.
fn place(source: &ModelSource) -> Option<PathBuf> {
    match source {
        ModelSource::Recorded(path) | ModelSource::Directory(path) => path.canonicalize().ok(),
        ModelSource::Bundled(_) | ModelSource::Hub { .. } | ModelSource::Implicit { .. } => None,
    }
}
