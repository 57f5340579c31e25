//! Do the published packages hold what a program that depends on them needs, and nothing else? Do
//! the docs say what the runtime needs and offers?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands beside `src/` and `examples/`.
const PAGES: [&str; 5] = [
    "README.md",
    "DESIGN.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// What cargo itself puts in.
const BY_CARGO: [&str; 4] = [
    "Cargo.toml",
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
];

/// Folders of packages of their own.
const OTHER_PACKAGES: [&str; 2] = ["examples/console/", "examples/others/"];

#[test]
fn the_package_holds_the_source_the_examples_and_the_pages() {
    let packaged = packaged("laneway");
    for page in PAGES {
        assert!(packaged.contains(page), "{page} is missing");
    }
    for file in files_of("src").into_iter().chain(files_of("examples")) {
        if !OTHER_PACKAGES.iter().any(|other| file.starts_with(other)) {
            assert!(packaged.contains(&file), "{file} is missing");
        }
    }
}

#[test]
fn the_package_holds_nothing_else() {
    let needed = |name: &str| {
        let in_folder = name.starts_with("src/") || name.starts_with("examples/");
        in_folder || PAGES.contains(&name) || BY_CARGO.contains(&name)
    };
    let packaged = packaged("laneway");
    let others: Vec<_> = packaged.iter().filter(|name| !needed(name)).collect();
    assert!(others.is_empty(), "not needed: {others:?}");
    for other in OTHER_PACKAGES {
        let file = packaged.iter().find(|name| name.starts_with(other));
        assert_eq!(file, None, "a package of its own");
    }
}

/// The other packages that people depend on, or install. Their examples and tests need files that
/// stand elsewhere.
#[test]
fn the_other_packages_hold_their_source_their_pages_and_the_licences() {
    for package in ["laneway-http", "laneway-jobs", "laneway-jobs-cli"] {
        let folder = format!("crates/{package}/");
        let source = files_of(&format!("{folder}src"));
        let names = source.iter().map(|file| &file[folder.len()..]);
        let pages = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];
        // The table of what holds after a loss, to which the docs point.
        let tables = (package == "laneway-jobs").then_some("CRASH_POINTS.md");
        let needed: BTreeSet<String> = names
            .chain(pages)
            .chain(tables)
            .map(str::to_owned)
            .collect();
        let mut packaged = packaged(package);
        packaged.retain(|name| !BY_CARGO.contains(&&**name));
        assert_eq!(packaged, needed, "{package}");
    }
}

#[test]
fn the_docs_name_every_feature_and_the_oldest_compiler() {
    let docs = include_str!("../src/lib.rs");
    let compiler = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"));
    assert!(docs.contains(compiler), "the docs do not name {compiler}");
    let manifest = include_str!("../Cargo.toml");
    let (_, features) = manifest.split_once("[features]").expect("there are some");
    let (features, _) = features.split_once("\n[").expect("a section follows");
    let named = features.lines().filter_map(|line| line.split_once(" = "));
    let names: Vec<_> = named.map(|(name, _)| name).collect();
    assert!(names.contains(&"tracing"), "{names:?}");
    for name in names {
        let row = format!("//! | `{name}` | ");
        assert!(docs.contains(&row), "the docs do not list {name}");
    }
}

/// The files of a package, as cargo would publish it.
fn packaged(package: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["package", "--list", "--package", package]);
    cargo.args(["--allow-dirty", "--offline"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let listed = String::from_utf8(output.stdout).expect("names are UTF-8");
    listed.lines().map(|name| name.replace('\\', "/")).collect()
}

/// The files in a folder of the repository and the folders in it, by their paths from the root.
fn files_of(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = folder.read_dir().expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("the folder can be read").path());
        let (inner, here): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(here);
    }
    assert!(!files.is_empty(), "there are files in {folder}");
    let from_root = |path: PathBuf| {
        let inside = path.strip_prefix(root).expect("it is inside");
        inside.to_string_lossy().replace('\\', "/")
    };
    files.into_iter().map(from_root).collect()
}
