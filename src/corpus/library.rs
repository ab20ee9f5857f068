//! Word lists by name: those compiled in, and the user's own in the `corpora` folder of the configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Builder, Corpus, read};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::suggestions::{did_you_mean, nearest};

const BUILTIN: [(&str, &str); 2] = [
    ("big-two", include_str!("../../corpora/big-two.csv")),
    ("moral-foundations", include_str!("../../corpora/moral-foundations.csv")),
];
const EXTENSIONS: [&str; 9] = ["csv", "tsv", "tab", "txt", "dic", "dicx", "json", "lc3", "cat"];

/// One list that can be named.
#[derive(Debug)]
pub struct Listing {
    /// The name of the list, by which [`Corpus::load`] finds it.
    pub name: String,
    /// `built in`, or the file.
    pub origin: String,
    /// Number of words, and the categories; or why it cannot be read.
    pub content: Result<(usize, Vec<String>), FileError>,
}

impl Corpus {
    /// The list in a file.
    ///
    /// # Errors
    /// A file that is no word list.
    pub fn of_file(path: &Path) -> Result<Corpus, FileError> {
        read::read_file(path)
    }

    /// A list by name or path. A name is first looked for among the user's own (`user_dir/corpora`), then among those
    /// built in; what is neither is a path.
    ///
    /// # Errors
    /// A name that nothing has, and a file that is no word list.
    pub fn load(name: &str, user_dir: Option<&Path>) -> Result<Corpus, FileError> {
        if let Some((_, path)) = user_files(user_dir).into_iter().find(|(known, _)| known == name) {
            return read::read_file(&path);
        }
        if let Some(found) = builtin(name) {
            return found;
        }
        let path = Path::new(name);
        if path.exists() || name.contains(['/', '\\']) || path.extension().is_some() {
            return read::read_file(path);
        }
        let users = user_files(user_dir);
        let known = BUILTIN.iter().map(|(known, _)| *known).chain(users.iter().map(|(known, _)| known.as_str()));
        let next = format!("{}See {}, or give a file", did_you_mean(&nearest(name, known)), Remedy::Corpora);
        Err(FileError::Unknown { kind: "word list", name: name.to_owned(), next })
    }
}

/// Every list that can be named: the user's own, then those built in that they do not replace.
pub fn list(user_dir: Option<&Path>) -> Vec<Listing> {
    let summary = |corpus: Corpus| (corpus.words.len(), corpus.categories);
    let mut listings: Vec<Listing> = user_files(user_dir)
        .into_iter()
        .map(|(name, path)| Listing { name, origin: path.display().to_string(), content: read::read_file(&path).map(summary) })
        .collect();
    for (name, _) in BUILTIN {
        if let Some(found) = builtin(name).filter(|_| !listings.iter().any(|listing| listing.name == name)) {
            listings.push(Listing { name: name.to_owned(), origin: "built in".to_owned(), content: found.map(summary) });
        }
    }
    listings.sort_by(|a, b| a.name.cmp(&b.name));
    listings
}

/// Gives words without a category those that the built-in lists have for them: by the exact text, else trimmed and in
/// lower case.
pub fn join_categories(corpus: &mut Corpus) {
    let lists: Vec<Corpus> = BUILTIN.iter().filter_map(|(name, _)| builtin(name)?.ok()).collect();
    let known: HashMap<&str, Vec<&str>> = lists.iter().fold(HashMap::new(), |mut known, list| {
        for word in &list.words {
            known.entry(&*word.text).or_insert_with(Vec::new).extend(list.categories_of(word));
        }
        known
    });
    let mut joined = Builder::new(Corpus { words: Vec::new(), ..corpus.clone() });
    for word in &corpus.words {
        let own: Vec<&str> = corpus.categories_of(word).collect();
        let of = |text: &str| known.get(text).cloned();
        let categories = if own.is_empty() { of(&word.text).or_else(|| of(&word.text.trim().to_lowercase())) } else { Some(own) };
        joined.add(&word.text, categories.unwrap_or_default());
    }
    *corpus = joined.finish();
}

fn builtin(name: &str) -> Option<Result<Corpus, FileError>> {
    let (name, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
    Some(read::parse_csv(Path::new(&format!("{name}.csv")), text))
}

/// Names and paths, sorted; of files with one stem the first extension of [`EXTENSIONS`] counts.
fn user_files(user_dir: Option<&Path>) -> Vec<(String, PathBuf)> {
    let Some(entries) = user_dir.and_then(|dir| std::fs::read_dir(dir.join("corpora")).ok()) else { return Vec::new() };
    let place = |path: &Path| {
        let extension = path.extension()?.to_string_lossy().to_lowercase();
        EXTENSIONS.iter().position(|known| *known == extension)
    };
    let mut files: Vec<(String, usize, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            Some((path.file_stem()?.to_string_lossy().into_owned(), place(&path)?, path))
        })
        .collect();
    files.sort();
    files.dedup_by(|b, a| a.0 == b.0);
    files.into_iter().map(|(name, _, path)| (name, path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_lists_are_large_enough_and_sound() {
        let big_two = Corpus::load("big-two", None).unwrap();
        assert_eq!(big_two.categories, ["agency", "communion"]);
        assert_eq!(Corpus::load("moral-foundations", None).unwrap().categories.len(), 10);
        for (name, least) in [("big-two", 120), ("moral-foundations", 25)] {
            let corpus = Corpus::load(name, None).unwrap();
            assert_eq!(corpus.notes, [""; 0], "{name} repeats itself");
            for (i, category) in corpus.categories.iter().enumerate() {
                let n = corpus.words.iter().filter(|word| word.categories.contains(&(i as u16))).count();
                assert!(n >= least, "{name}: {category} has {n} words");
            }
        }
    }

    #[test]
    fn a_users_list_stands_beside_the_built_in_ones_and_may_replace_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("corpora")).unwrap();
        std::fs::write(folder.path().join("corpora/mine.txt"), "love\n").unwrap();
        std::fs::write(folder.path().join("corpora/big-two.csv"), "word,category\nlove,x\n").unwrap();
        std::fs::write(folder.path().join("corpora/broken.csv"), "a,b\n1\n").unwrap();
        let user = Some(folder.path());
        let names: Vec<String> = list(user).into_iter().map(|listing| listing.name).collect();
        assert_eq!(names, ["big-two", "broken", "mine", "moral-foundations"]);
        assert!(list(user)[1].content.is_err(), "a broken list is listed with its error");
        assert_eq!(Corpus::load("mine", user).unwrap().words.len(), 1);
        assert_eq!(Corpus::load("big-two", user).unwrap().categories, ["x"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let message = Corpus::load("big-tow", None).unwrap_err().to_string();
        assert!(message.contains("'big-two'"), "{message}");
        let message = Corpus::load("no/such.csv", None).unwrap_err().to_string();
        assert!(message.contains("no/such.csv: cannot be read"), "{message}");
    }

    #[test]
    fn words_without_category_take_those_of_the_built_in_lists() {
        let mut corpus = Corpus::from_words("mine", ["ability", " Ability", "xyzzy"].map(str::to_owned));
        join_categories(&mut corpus);
        let categories: Vec<Vec<&str>> = corpus.words.iter().map(|word| corpus.categories_of(word).collect()).collect();
        assert_eq!(categories, [vec!["agency"], vec!["agency"], vec![]]);
        let words: Vec<&str> = corpus.words.iter().map(|word| &*word.text).collect();
        assert_eq!(words, ["ability", " Ability", "xyzzy"], "order is kept");
    }
}
