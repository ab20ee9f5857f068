//! What ARCHITECTURE.md says of the rooms is true of the code: a room names only the rooms that its row allows, no two files
//! name each other in a circle but parent and child, and screens and models stay apart. Tests inside of `src` may name
//! whatever they need.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A module, as its path from the root of the crate.
type Module = Vec<String>;

#[test]
fn a_room_names_only_the_rooms_that_its_row_allows() {
    let allowed = allowed();
    let mut broken = Vec::new();
    for file in files().into_iter().filter(|file| !file.is_test()) {
        let room = file.module[0].clone();
        let Some(may) = allowed.get(&room) else {
            broken.push(format!("{}: the room {room}/ has no row in ARCHITECTURE.md", file.path.display()));
            continue;
        };
        broken.extend(forbidden(&file, may));
    }
    assert!(broken.is_empty(), "ARCHITECTURE.md does not allow:\n{}", broken.join("\n"));
    let rooms: BTreeSet<String> = files().into_iter().map(|file| file.module[0].clone()).collect();
    let unknown: Vec<_> = allowed.keys().filter(|room| !rooms.contains(*room)).collect();
    assert!(unknown.is_empty(), "rows of ARCHITECTURE.md without a room: {unknown:?}");
}

/// The order of the table is the order of the floors: whatever a row allows stands in a row above it.
#[test]
fn no_arrow_of_the_table_runs_up() {
    let mut below = BTreeSet::new();
    for (room, uses) in rows() {
        let up: Vec<_> = uses.iter().filter(|used| !below.contains(*used)).collect();
        assert!(up.is_empty(), "{room} may name {up:?}, which stand below it in the table");
        below.insert(room);
    }
}

#[test]
fn a_forbidden_name_is_seen() {
    let may = BTreeSet::from(["base".to_owned()]);
    let of = |text: &str| {
        let module = vec!["stats".to_owned(), "x".to_owned()];
        forbidden(&parse(PathBuf::from("src/stats/x.rs"), Vec::new(), module, text), &may).len()
    };
    assert_eq!(of("use crate::base::text; use super::y; fn f() { crate::stats::z(); }"), 0);
    assert_eq!(of("use crate::{base::text, engine::{Job, Phase}};"), 2);
    assert_eq!(of("fn f() -> crate::model::Dtype { todo!() }"), 1);
    assert_eq!(of("fn f() { println!(\"{}\", crate::scores::x()); }"), 1);
    assert_eq!(of("mod inside { use super::super::super::app::App; }"), 1);
    assert_eq!(of("use rewardscope_base::text; use rewardscope_model::Dtype;"), 1);
    assert_eq!(of("#[cfg(test)] mod tests { use crate::app::App; }"), 0);
}

#[test]
fn no_two_files_name_each_other_but_parent_and_child() {
    let files = files();
    let modules: BTreeSet<Module> = files.iter().map(|file| file.module.clone()).collect();
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        for path in &file.names {
            let target = (0..=path.len()).rev().map(|n| path[..n].to_vec()).find(|module| modules.contains(module));
            let Some(target) = target else { continue };
            let family = target.starts_with(&file.module) || file.module.starts_with(&target);
            if !family {
                arrows.entry(file.module.clone()).or_default().insert(target);
            }
        }
    }
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "files that name each other in a circle: {circles:#?}");
    let two = BTreeMap::from([(vec!["a".to_owned()], BTreeSet::from([vec!["b".to_owned()]]))]);
    let mut both = two.clone();
    both.insert(vec!["b".to_owned()], BTreeSet::from([vec!["a".to_owned()]]));
    assert_eq!((self::circles(&two).len(), self::circles(&both).len()), (0, 1));
}

#[test]
fn screens_know_no_candle_and_models_no_screen() {
    for file in files() {
        let banned: &[&str] = match file.module[0].as_str() {
            "app" | "ui" => &["candle_core", "candle_nn", "candle_transformers"],
            "model" | "engine" | "stats" | "kernels" => &["ratatui", "crossterm"],
            _ => continue,
        };
        let found: Vec<_> = file.foreign.iter().filter(|name| banned.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{} names {found:?}", file.path.display());
    }
}

/// Rooms whose messages advise by a `Remedy`: how a user asks for it is said in `session::wording`.
const WITHOUT_OPTIONS: [&str; 11] =
    ["base", "kernels", "corpus", "stats", "model", "tables", "catalogue", "scores", "recorded", "sources", "engine"];

#[test]
fn rooms_below_the_session_name_no_option() {
    // Options of other programs, and what the program calls itself with.
    let foreign = ["llama-gguf-split --merge", "--render-chat-template", "--define-macro=", "--gpu-architecture="];
    let names_option = |line: &str| {
        let line = foreign.iter().fold(line.to_owned(), |line, foreign| line.replace(foreign, ""));
        let is_option = |(at, _): (usize, &str)| {
            line[..at].ends_with(['"', ' ', '`', '\'', '(']) && line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
        };
        !line.trim_start().starts_with("//") && (line.match_indices("--").any(is_option) || line.contains("`rewardscope "))
    };
    assert!(names_option(r#"    "Take --dtype bf16""#) && !names_option("    /// `--dtype bf16`"));
    for file in files().into_iter().filter(|file| !file.is_test() && WITHOUT_OPTIONS.contains(&file.module[0].as_str())) {
        let text = std::fs::read_to_string(root().join(&file.path)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let found: Vec<_> = code.lines().filter(|line| names_option(line)).collect();
        assert!(found.is_empty(), "{} names an option: {found:#?}", file.path.display());
    }
}

/// One file of the crate and what it names.
struct File {
    path: PathBuf,
    module: Module,
    /// Paths within the crate, from its root.
    names: Vec<Module>,
    /// First segments of the paths that lead elsewhere.
    foreign: BTreeSet<String>,
}

impl File {
    fn is_test(&self) -> bool {
        self.module.last().is_some_and(|name| name == "tests" || name.ends_with("_tests"))
    }
}

fn forbidden(file: &File, may: &BTreeSet<String>) -> Vec<String> {
    let room = &file.module[0];
    let elsewhere = file.names.iter().filter(|path| path.first().is_some_and(|first| first != room && !may.contains(first)));
    elsewhere.map(|path| format!("{} names crate::{}", file.path.display(), path.join("::"))).collect()
}

/// Strongly connected parts of more than one file.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<String>> {
    let reach = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in arrows.get(module).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = arrows.keys().map(|module| (module, reach(module))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (module, seen) in &reached {
        let together: Vec<String> = seen
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(*module)))
            .map(|other| other.join("::"))
            .collect();
        if together.len() > 1 {
            found.insert(together);
        }
    }
    found.into_iter().collect()
}

/// The table of ARCHITECTURE.md, row by row: the room, and the rooms that it may name.
fn rows() -> Vec<(String, BTreeSet<String>)> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.trim_end().trim_end_matches('|').split('|').map(str::trim).collect();
        let room = cells.first()?.strip_suffix("/`")?.to_owned();
        let uses = cells.last()?.split_whitespace().map(|name| name.trim_matches('`').to_owned());
        Some((room, uses.filter(|name| name != "–").collect()))
    };
    let rows: Vec<_> = page.lines().filter_map(row).collect();
    assert!(rows.len() > 10, "no table of rooms in ARCHITECTURE.md");
    rows
}

fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    rows().into_iter().collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a room, be it a folder of `src` or a crate of its own.
fn files() -> Vec<File> {
    let crates = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let crates = crates.map(|path| (path.join("src"), vec![path.file_name().unwrap().to_str().unwrap().to_owned()]));
    let mut files = Vec::new();
    for (src, room) in crates.chain([(root().join("src"), Vec::new())]) {
        let mut paths = Vec::new();
        collect(&src, &mut paths);
        for path in paths {
            let inside = path.strip_prefix(&src).unwrap().with_extension("");
            let mut module = room.clone();
            module.extend(inside.iter().map(|part| part.to_str().unwrap().to_owned()));
            if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                module.pop();
            }
            if !module.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push(parse(path.strip_prefix(root()).unwrap().to_owned(), room.clone(), module, &text));
            }
        }
    }
    assert!(files.len() > 100, "the sources were not found");
    files
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `home` is what `crate` means: the root, or the room that is a crate of its own.
fn parse(path: PathBuf, home: Module, module: Module, text: &str) -> File {
    let tree = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names =
        Names { home, here: module.clone(), file: File { path, module, names: Vec::new(), foreign: BTreeSet::new() } };
    names.visit_file(&tree);
    names.file
}

struct Names {
    file: File,
    /// What `crate` means.
    home: Module,
    /// The module that the syntax stands in.
    here: Module,
}

impl Names {
    fn path(&mut self, segments: &[String]) {
        let mut here = self.here.clone();
        let rest = match segments.first().map(String::as_str) {
            Some("crate") => {
                here = self.home.clone();
                &segments[1..]
            }
            Some("self") => &segments[1..],
            Some("super") => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                here.truncate(here.len().saturating_sub(ups));
                &segments[ups..]
            }
            Some(first) => {
                let Some(room) = first.strip_prefix("rewardscope_") else {
                    self.file.foreign.insert(first.to_owned());
                    return;
                };
                here = vec![room.to_owned()];
                &segments[1..]
            }
            None => return,
        };
        self.file.names.push(here.into_iter().chain(rest.iter().cloned()).collect());
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Name(name) => self.leaf(before, &name.ident.to_string()),
            syn::UseTree::Rename(name) => self.leaf(before, &name.ident.to_string()),
            syn::UseTree::Glob(_) => self.path(&before.clone()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
        }
    }

    fn leaf(&mut self, before: &[String], name: &str) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        self.path(&path);
    }
}

/// `#[cfg(test)]`
fn tests_alone(attribute: &syn::Attribute) -> bool {
    attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.attrs.iter().any(|attribute| attribute.path().is_ident("cfg") && tests_alone(attribute)) {
            return;
        }
        self.here.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.here.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }

    /// What stands in a macro is not parsed: paths that begin so are found in its text.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        let text = item.tokens.to_string().replace(' ', "");
        for start in ["crate::", "super::", "rewardscope_"] {
            for (at, _) in text.match_indices(start) {
                let whole =
                    text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && !"_:$".contains(before));
                let end = text[at..].find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).map_or(text.len(), |n| at + n);
                if whole {
                    let segments: Vec<String> = text[at..end].trim_end_matches(':').split("::").map(str::to_owned).collect();
                    self.path(&segments);
                }
            }
        }
    }
}
