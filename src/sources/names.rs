//! Models of one name told apart, so that a table of them can be read and an option can mean one of them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::base::text_file;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// Models, each with the argument that names it, under names of which no two are the same. Namesakes have what tells all of
/// them apart: the name of the file, the folder before it (`before/x`, `after/x`), both, or else a number.
pub(crate) fn told_apart(found: Vec<(ModelSpec, &str)>) -> Vec<ModelSpec> {
    let (mut specs, arguments): (Vec<ModelSpec>, Vec<&str>) = found.into_iter().unzip();
    let mut of_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, spec) in specs.iter().enumerate() {
        of_name.entry(spec.name.clone()).or_default().push(at);
    }
    let mut taken: Vec<String> = specs.iter().map(|spec| spec.name.clone()).filter(|name| of_name[name].len() == 1).collect();
    let mut namesakes: Vec<Vec<usize>> = of_name.into_values().filter(|group| group.len() > 1).collect();
    // Whichever group comes first has the first choice.
    namesakes.sort();
    for group in namesakes {
        let ways: [fn(&ModelSpec, &str) -> String; 4] = [stem, in_folder, file, file_in_folder];
        let names = |way: &dyn Fn(&ModelSpec, &str) -> String| -> Vec<String> {
            group.iter().map(|&at| way(&specs[at], arguments[at])).collect()
        };
        let differ =
            |names: &Vec<String>| (0..names.len()).all(|i| !names[..i].contains(&names[i]) && !taken.contains(&names[i]));
        let names = ways
            .iter()
            .map(|way| names(way))
            .find(differ)
            .unwrap_or_else(|| numbered(&specs[group[0]].name, group.len(), &taken));
        for (&at, name) in group.iter().zip(names) {
            taken.push(name.clone());
            specs[at].name = name;
        }
    }
    specs
}

/// The file or folder that a model lies in.
fn path(spec: &ModelSpec) -> Option<PathBuf> {
    match &spec.source {
        ModelSource::Recorded(path) | ModelSource::Directory(path) => Some(path.canonicalize().unwrap_or_else(|_| path.clone())),
        ModelSource::Bundled(_) | ModelSource::Hub { .. } | ModelSource::Implicit { .. } => None,
    }
}

fn text(part: Option<&OsStr>) -> String {
    part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
}

fn folder(path: &Path) -> String {
    text(path.parent().and_then(Path::file_name))
}

/// What is no path keeps what it was called by.
fn by_path(spec: &ModelSpec, argument: &str, of: impl Fn(&Path) -> String) -> String {
    match (path(spec), &spec.source) {
        (Some(path), _) => of(&path),
        (None, ModelSource::Implicit { .. }) => argument.to_owned(),
        (None, _) => spec.name.clone(),
    }
}

fn stem(spec: &ModelSpec, argument: &str) -> String {
    by_path(spec, argument, text_file::stem)
}

fn in_folder(spec: &ModelSpec, argument: &str) -> String {
    by_path(spec, argument, |path| format!("{}/{}", folder(path), spec.name))
}

fn file(spec: &ModelSpec, argument: &str) -> String {
    by_path(spec, argument, |path| text(path.file_name()))
}

fn file_in_folder(spec: &ModelSpec, argument: &str) -> String {
    by_path(spec, argument, |path| format!("{}/{}", folder(path), text(path.file_name())))
}

/// `x`, `x #2`, `x #3`, as the explorer numbers them.
fn numbered(name: &str, many: usize, taken: &[String]) -> Vec<String> {
    let numbers = std::iter::once(name.to_owned()).chain((2..).map(|i| format!("{name} #{i}")));
    numbers.filter(|name| !taken.contains(name)).take(many).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::terms::Family;

    fn recorded(name: &str, path: &str) -> (ModelSpec, &'static str) {
        (ModelSpec { name: name.to_owned(), source: ModelSource::Recorded(path.into()), family: Family::Other }, "")
    }

    fn names(found: Vec<(ModelSpec, &str)>) -> Vec<String> {
        told_apart(found).into_iter().map(|spec| spec.name).collect()
    }

    #[test]
    fn namesakes_have_what_tells_them_apart() {
        let bundled = ModelSpec { name: "x".to_owned(), source: ModelSource::Bundled("x"), family: Family::Other };
        for (found, expected) in [
            (vec![recorded("a", "/one/a.csv"), recorded("b", "/one/b.csv")], vec!["a", "b"]),
            (
                vec![recorded("x", "/before/x.csv"), recorded("y", "/y.csv"), recorded("x", "/after/x.csv")],
                vec!["before/x", "y", "after/x"],
            ),
            (vec![recorded("R-Gem", "/d/big2_R.csv"), recorded("R-Gem", "/d/mfd_R.csv")], vec!["big2_R", "mfd_R"]),
            (vec![recorded("x", "/d/x.csv"), recorded("x", "/d/x.parquet")], vec!["x.csv", "x.parquet"]),
            (
                vec![recorded("x", "/d/x.csv"), recorded("x", "/d/x.parquet"), recorded("x", "/e/x.csv")],
                vec!["d/x.csv", "d/x.parquet", "e/x.csv"],
            ),
            (vec![(bundled.clone(), "x"), recorded("x", "/scores/x.csv")], vec!["x", "scores/x"]),
            (vec![recorded("x", "/a/d/x.csv"), recorded("x", "/b/d/x.csv")], vec!["x", "x #2"]),
            // A name that is taken by another is no way out.
            (vec![recorded("b", "/b.csv"), recorded("x", "/d/a.csv"), recorded("x", "/d/b.csv")], vec!["b", "a.csv", "b.csv"]),
        ] {
            assert_eq!(names(found), expected);
        }
    }

    #[test]
    fn pairs_of_one_name_are_called_as_they_were_typed() {
        let pair = || {
            let models = ["x", "y"].map(|name| recorded(name, name).0);
            let source = ModelSource::Implicit { measure: crate::base::terms::Measure::Mwlr, models: Box::new(models) };
            ModelSpec { name: "mwlr:x,y".to_owned(), source, family: Family::Other }
        };
        assert_eq!(names(vec![(pair(), "mwlr:a/x,y"), (pair(), "mwlr:b/x,y")]), ["mwlr:a/x,y", "mwlr:b/x,y"]);
    }
}
