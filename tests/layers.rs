//! Do the files of `src/`, and those of the HTTP server, stand above each other, as a reader
//! expects it?
//!
//! The layers are read from the tree: each file's imports, through the names that `mod.rs` files
//! hand on. A new module is held to the rules without being entered anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// This file says why the files of the core may form a circle.
const KNOT: &str = "executor/seat.rs";

/// The folder of the modules that all others stand on.
const GROUND: &str = "ground/";

#[test]
fn parts_of_the_crate_use_only_parts_below_them() {
    let house = House::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let parts = house.arrows_between(part_of);
    assert_eq!(circles(&parts), Vec::<Vec<String>>::new());
    assert!(parts["runtime"].contains("executor"), "imports are seen");
    assert!(parts["ground/os_thread"].is_empty() && parts["ground/ids.rs"].is_empty());
}

#[test]
fn the_ground_uses_nothing_that_stands_on_it() {
    let house = House::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let parts = house.arrows_between(part_of);
    let ground = parts.iter().filter(|(part, _)| part.starts_with(GROUND));
    let used = ground.flat_map(|(part, used)| used.iter().map(move |used| (part, used)));
    // The root is where the counting primitives of the benches are found.
    let above = used.filter(|(_, used)| !used.starts_with(GROUND) && *used != "lib.rs");
    assert_eq!(above.collect::<Vec<_>>(), []);
}

/// The part of the crate to which a file belongs. Each module of the ground is a part.
fn part_of(file: &str) -> String {
    let mut ends = file.match_indices('/').map(|(end, _)| end);
    let depth = usize::from(file.starts_with(GROUND));
    let end = ends.nth(depth).unwrap_or(file.len());
    file[..end].to_owned()
}

#[test]
fn the_one_circle_of_files_is_the_knot_of_the_core() {
    let house = House::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    for circle in circles(&house.arrows_between(str::to_owned)) {
        let is_core = circle.iter().all(|file| file.starts_with("executor/"));
        assert!(
            is_core && circle.iter().any(|file| file == KNOT),
            "{circle:?}"
        );
    }
    assert!(
        house.files[KNOT]
            .text
            .contains("the one knot in the order of the files")
    );
}

#[test]
fn the_files_of_the_http_server_form_no_circle() {
    let house = House::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/laneway-http/src"
    )));
    let files = house.arrows_between(str::to_owned);
    assert_eq!(circles(&files), Vec::<Vec<String>>::new());
    let serving = &files["connection/http1.rs"];
    assert!(serving.contains("exchange/exchange.rs"), "imports are seen");
}

#[test]
fn circles_are_found() {
    let arrow = |from: &str, to: &[&str]| (from.to_owned(), set(to));
    let arrows = [
        arrow("a", &["b"]),
        arrow("b", &["c", "d"]),
        arrow("c", &["a"]),
        arrow("d", &[]),
    ];
    assert_eq!(circles(&BTreeMap::from(arrows)), [["a", "b", "c"]]);
    let tree = "use a::{b, c::{self, D}};";
    assert_eq!(paths_of(tree), ["a::b", "a::c", "a::c::D"]);
}

/// The files of `src/` by their paths in it.
struct House {
    files: BTreeMap<String, File>,
}

struct File {
    /// Its module's path, such as `crate::executor::seat`.
    module: String,
    text: String,
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

impl House {
    fn read(root: &Path) -> House {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files);
        House { files }
    }

    /// The files that each file imports, where each is called by `name`.
    fn arrows_between(&self, name: impl Fn(&str) -> String) -> Arrows {
        let mut arrows = Arrows::new();
        for (path, file) in &self.files {
            let from = name(path);
            let uses = imports(&file.text).filter(|(is_shown, _)| !is_face(path) || !is_shown);
            let used = uses.flat_map(|(_, tree)| paths_of(&tree));
            let used = used.filter_map(|used| self.file_of(&absolute(&used, &file.module)));
            let to: BTreeSet<String> = used.map(|used| name(&used)).collect();
            let entry = arrows.entry(from.clone()).or_default();
            entry.extend(to.into_iter().filter(|to| *to != from));
        }
        arrows
    }

    /// The file in which an item stands, through the faces that hand it on.
    fn file_of(&self, item: &str) -> Option<String> {
        let (path, file) = self.deepest(item)?;
        let rest = item[file.module.len()..].trim_start_matches("::");
        let first = rest.split("::").next().expect("a part");
        let handed_on = imports(&file.text)
            .filter(|(is_shown, _)| *is_shown && is_face(path))
            .flat_map(|(_, tree)| paths_of(&tree))
            .find(|handed| handed.rsplit("::").next() == Some(first));
        match handed_on {
            Some(handed) => self.file_of(&absolute(&handed, &file.module)),
            None => (item != "crate").then(|| path.to_owned()),
        }
    }

    /// The file with the longest module path that the item's path begins with.
    fn deepest(&self, item: &str) -> Option<(&str, &File)> {
        let holds = |file: &File| {
            let rest = item.strip_prefix(file.module.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let holders = self.files.iter().filter(|(_, file)| holds(file));
        let deepest = holders.max_by_key(|(_, file)| file.module.len());
        deepest.map(|(path, file)| (path.as_str(), file))
    }
}

fn is_face(path: &str) -> bool {
    path.ends_with("mod.rs") || path == "lib.rs"
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, File>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let is_test = ["tests", "tests.rs", "model.rs"].contains(&name.as_str());
        if is_test {
            continue;
        }
        if path.is_dir() {
            read_folder(&path, &format!("{prefix}{name}/"), files);
        } else if let Some(stem) = name.strip_suffix(".rs") {
            let inside = format!("crate/{prefix}{stem}").replace('/', "::");
            let module = inside.strip_suffix("::mod").unwrap_or(&inside);
            let module = module.replace("crate::lib", "crate");
            let text = fs::read_to_string(&path).expect("text");
            files.insert(format!("{prefix}{name}"), File { module, text });
        }
    }
}

/// The trees of a file's `use` items outside of its tests, each with whether the file shows it.
fn imports(text: &str) -> impl Iterator<Item = (bool, String)> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().expect("a part");
    let code = code
        .split("\n#[cfg(all(test, loom))]\nmod ")
        .next()
        .expect("a part");
    let items = code.split(';').filter_map(|item| {
        let start = item.lines().position(|line| {
            let line = line
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub(super) ");
            line.trim_start_matches("pub ").starts_with("use ")
        })?;
        let lines: Vec<&str> = item.lines().skip(start).collect();
        let item = lines.concat();
        Some((item.starts_with("pub"), item))
    });
    items.collect::<Vec<_>>().into_iter()
}

/// The single paths of a tree of imports: `use a::{b, c::d};` has two.
fn paths_of(tree: &str) -> Vec<String> {
    let tree = tree.split_once("use ").expect("an import").1;
    let mut paths = Vec::new();
    expand("", tree.trim_end_matches(';'), &mut paths);
    paths
}

fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((stem, branches)) = tree.split_once('{') else {
        let path = format!(
            "{before}{}",
            tree.split(" as ").next().expect("a part").trim()
        );
        paths.push(path.trim_end_matches("::self").to_owned());
        return;
    };
    let branches = branches.trim().strip_suffix('}').expect("a closed brace");
    let mut depth = 0;
    let parts = branches.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts.for_each(|part| expand(&format!("{before}{}", stem.trim()), part.trim(), paths));
}

/// A path from the crate's root, as an import in that module means it.
fn absolute(path: &str, module: &str) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut parts: Vec<&str> = path.split("::").collect();
    match parts[0] {
        "crate" => return path.to_owned(),
        "self" => drop(parts.remove(0)),
        _ => {}
    }
    while parts.first() == Some(&"super") {
        base.pop();
        parts.remove(0);
    }
    [base, parts].concat().join("::")
}

/// The groups of names that reach each other.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> = arrows
        .keys()
        .map(|from| (from, reachable(arrows, from)))
        .collect();
    let mut found = BTreeSet::new();
    for (from, to) in &reached {
        if to.contains(*from) {
            let circle = to.iter().filter(|other| reached[other].contains(*from));
            found.insert(circle.cloned().collect());
        }
    }
    found.into_iter().collect()
}

fn reachable(arrows: &Arrows, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(next) = open.pop() {
        let further = arrows.get(&next).into_iter().flatten();
        open.extend(further.filter(|to| reached.insert((*to).clone())).cloned());
    }
    reached
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
