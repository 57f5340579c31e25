//! Has the package all the files that its sources name?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The files of the package, as cargo lists them.
fn packaged() -> BTreeSet<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--offline", "--allow-dirty"])
        .args(["--package", env!("CARGO_PKG_NAME")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let listed = String::from_utf8(output.stdout).expect("text");
    listed.lines().map(PathBuf::from).collect()
}

/// The files that a source names, from the package's folder on.
fn named_in(source: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).unwrap();
    let names = |line: &str| {
        ["include_str!(\"", "include_bytes!(\"", "path = \""]
            .iter()
            .filter_map(|before| Some(line.split_once(before)?.1.split_once('"')?.0.to_owned()))
            .find(|name| Path::new(name).extension().is_some())
    };
    let folder = source.parent().expect("a source is in a folder");
    let attributes = text.lines().filter(|line| !line.trim().starts_with("//"));
    attributes
        .filter_map(names)
        .map(|name| without_dots(&folder.join(name)))
        .collect()
}

/// The same place without steps up.
fn without_dots(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(place.pop(), "{path:?} is outside of the package"),
            part => place.push(part),
        }
    }
    place
}

#[test]
fn each_file_that_a_source_names_is_in_the_package() {
    let packaged = packaged();
    let sources = packaged
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"));
    let named: Vec<PathBuf> = sources.flat_map(|source| named_in(source)).collect();
    let migration = Path::new("src/sqlite/migrations/0001_start.sql");
    assert!(named.iter().any(|file| file == migration), "{named:?}");
    let left_out = named.iter().filter(|file| !packaged.contains(*file));
    assert_eq!(left_out.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}
