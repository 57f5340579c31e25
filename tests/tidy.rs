//! Does the repository keep its house rules?
//!
//! Plain reading of the files that git knows: nothing here compiles or runs them.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn there_is_no_unsafe_code() {
    let mut findings = Findings::default();
    for root in sources().iter().filter(|file| is_root(&file.name)) {
        if !root.text.contains("\n#![forbid(unsafe_code)]\n") {
            findings.add(root, 1, "the root of a package forbids it");
        }
    }
    let keyword = ["un", "safe"].concat();
    for file in sources().into_iter().chain(tests()) {
        for (number, line) in file.code() {
            // Strings may speak of it; `unsafe_code` is the name of the lint.
            if words(&without_strings(line)).any(|word| word == keyword) {
                findings.add(&file, number, "write it without");
            }
        }
    }
    findings.assert_none();
}

#[test]
fn conditional_compilation_stands_on_modules() {
    let mut findings = Findings::default();
    for file in sources()
        .iter()
        .filter(|file| file.name != "src/ground/sync.rs")
    {
        let lines: Vec<(usize, &str)> = file.code().collect();
        for (place, (number, line)) in lines.iter().enumerate() {
            let line = line.trim();
            let conditional = line.starts_with("#[cfg(") || line.starts_with("#[cfg_attr(");
            if !conditional && (line.contains("cfg!(") || line.contains("#[cfg")) {
                findings.add(file, *number, "a condition in the middle of code");
            }
            if conditional {
                let below = lines[place + 1..].iter().map(|(_, line)| line.trim());
                let item = below.clone().find(|line| !line.starts_with("#["));
                let is_module = item.is_some_and(|item| {
                    let item = item
                        .trim_start_matches("pub(crate) ")
                        .trim_start_matches("pub ");
                    item.starts_with("mod ")
                });
                if !is_module {
                    findings.add(file, *number, "a condition belongs on a `mod` line");
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn no_markers_are_left() {
    // Put together here, so that this file does not find itself.
    let markers: Vec<String> = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("HA", "CK"),
        ("WI", "P:"),
    ]
    .iter()
    .chain(&[
        ("<<<", "<<<<"),
        (">>>", ">>>>"),
        ("todo", "!("),
        ("unimplemented", "!("),
    ])
    .chain(&[("dbg", "!(")])
    .map(|(a, b)| [*a, *b].concat())
    .collect();
    let mut findings = Findings::default();
    for file in text_files() {
        for (number, line) in file.lines() {
            for marker in &markers {
                let found = match marker.chars().all(char::is_alphabetic) {
                    true => words(line).any(|word| word == marker),
                    false => line.contains(marker.as_str()),
                };
                if found {
                    findings.add(&file, number, format!("{marker} is left"));
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let mut findings = Findings::default();
    for file in text_files() {
        let docs_only = file.name.ends_with(".rs");
        if !docs_only && !file.name.ends_with(".md") {
            continue;
        }
        let mut in_code = false;
        for (number, line) in file.lines() {
            let text = line.trim_start();
            if docs_only && !text.starts_with("//!") && !text.starts_with("///") {
                in_code = false;
                continue;
            }
            let text = text.trim_start_matches(['/', '!', ' ']);
            if text.starts_with("```") || text.starts_with("~~~") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for target in link_targets(text) {
                if let Some(path) = local_path(&file, target, docs_only)
                    && !path.exists()
                {
                    findings.add(
                        &file,
                        number,
                        format!("a link to {target}, which is not there"),
                    );
                }
                if let Some(false) = leads_to_heading(&file, target) {
                    findings.add(&file, number, format!("no heading for a link to {target}"));
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn every_example_is_named_in_the_list_and_says_what_it_is() {
    const LIST: &str = "examples/README.md";
    let read = |name| fs::read_to_string(repository().join(name)).expect("the file is there");
    let (readme, list) = (read("README.md"), read(LIST));
    assert!(
        readme
            .lines()
            .flat_map(link_targets)
            .any(|target| target == LIST),
        "README.md links to {LIST}"
    );
    let mut findings = Findings::default();
    let examples = rust_files("examples/");
    assert!(!examples.is_empty(), "there are examples");
    for file in &examples {
        let name = file.name.trim_start_matches("examples/");
        // A folder is an example by its `main.rs`; other files there belong to it.
        let name = match name.split_once('/') {
            Some((folder, "main.rs")) => folder,
            Some(_) => continue,
            None => name.trim_end_matches(".rs"),
        };
        if !list.contains(&format!("[`{name}`](")) {
            findings.add(file, 1, format!("{LIST} does not name this example"));
        }
        if !file.text.starts_with("//! ") {
            findings.add(file, 1, "an example begins with a `//!` line");
        }
    }
    findings.assert_none();
}

#[test]
fn the_table_of_the_builder_lists_every_setting() {
    let mut findings = Findings::default();
    for file in rust_files("src/runtime/builder.rs") {
        for (number, line) in file.lines() {
            let Some((_, rest)) = line.split_once("pub fn with_") else {
                continue;
            };
            let name = rest.split('(').next().unwrap_or_default();
            if !file.text.contains(&format!("/// | [`with_{name}`] | ")) {
                findings.add(&file, number, format!("the table has no with_{name}"));
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_tricks_that_the_code_names_stand_in_the_table_and_no_others() {
    const TABLE: &str = "benches/TRICKS.md";
    let table = fs::read_to_string(repository().join(TABLE)).expect("the table is there");
    let rows = table.lines().filter_map(|line| {
        let number: u32 = line.strip_prefix("| T")?.split(' ').next()?.parse().ok()?;
        Some((number, line))
    });
    let rows: Vec<(u32, &str)> = rows.collect();
    let listed: Vec<u32> = rows.iter().map(|&(number, _)| number).collect();
    assert!(
        listed.is_sorted_by(|a, b| a < b),
        "each number stands once, in order: {listed:?}"
    );
    let mut findings = Findings::default();
    let mut named = Vec::new();
    for file in sources() {
        for (number, line) in file.lines() {
            for trick in tricks(line) {
                named.push(trick);
                if !listed.contains(&trick) {
                    findings.add(&file, number, format!("{TABLE} has no T{trick}"));
                }
            }
        }
    }
    for trick in listed.iter().filter(|trick| !named.contains(trick)) {
        let finding = format!("{TABLE}: no code names T{trick}");
        findings.0.push(finding);
    }
    for (trick, row) in rows {
        let files = row.split('`').filter(|part| part.ends_with(".rs"));
        for name in files {
            let code = fs::read_to_string(repository().join(name)).unwrap_or_default();
            if !code.lines().flat_map(tricks).any(|named| named == trick) {
                let finding = format!("{TABLE}: {name} does not name T{trick}");
                findings.0.push(finding);
            }
        }
    }
    findings.assert_none();
}

#[test]
fn comments_of_the_core_hold_no_nanoseconds() {
    let mut findings = Findings::default();
    let core = ["executor", "idle", "task", "ending", "ground", "runtime"];
    for folder in core.map(|name| format!("src/{name}/")) {
        for file in rust_files(&folder) {
            for (number, line) in file.lines() {
                let comment = line.split_once("//").map_or("", |(_, comment)| comment);
                if has_nanoseconds(comment) {
                    findings.add(&file, number, "figures belong in benches/TRICKS.md");
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_core_and_idle_name_their_files_in_the_order_in_which_they_lead_to_each_other() {
    let mut findings = Findings::default();
    check_reading_order("src/executor/", "runtime/mod.rs", &mut findings);
    check_reading_order("src/idle/", "executor/executor.rs", &mut findings);
    findings.assert_none();
}

/// Each file of the folder leads to the one that its `mod.rs` lists next, and the last one to
/// `after`.
fn check_reading_order(folder: &str, after: &str, findings: &mut Findings) {
    let story = fs::read_to_string(repository().join(folder).join("mod.rs")).expect("it is there");
    let items = story
        .lines()
        .filter_map(|line| line.strip_prefix("//! - `"));
    let listed: Vec<&str> = items.filter_map(|item| item.split('`').next()).collect();
    let files = rust_files(folder).into_iter().filter_map(|file| {
        let name = file.name.strip_prefix(folder)?.to_owned();
        let is_test = name.ends_with("/model.rs") || name.contains("/tests");
        (!is_test && name != "mod.rs").then_some((name, file))
    });
    for (name, file) in files {
        let Some(place) = listed.iter().position(|&listed| listed == name) else {
            findings.add(&file, 1, "mod.rs does not list this file");
            continue;
        };
        let next = listed.get(place + 1).unwrap_or(&after);
        let docs = file.lines().map(|(_, line)| line);
        let docs = docs.take_while(|line| line.starts_with("//!"));
        let doc: Vec<&str> = docs.map(|line| line[3..].trim()).collect();
        if !doc.join(" ").contains(&format!("Read `{next}` next")) {
            findings.add(&file, 1, format!("its doc does not lead to {next}"));
        }
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    let mut findings = Findings::default();
    for file in rust_files("") {
        if !file.text.starts_with("//! ") {
            findings.add(&file, 1, "the first line is a `//!` doc");
        }
    }
    findings.assert_none();
}

#[test]
fn lines_are_at_most_100_characters_long() {
    let mut findings = Findings::default();
    for file in sources() {
        for (number, line) in file.lines() {
            // A link or a string cannot be broken; rustfmt leaves them as they are.
            let longest = line
                .split_whitespace()
                .map(|word| word.chars().count())
                .max();
            let quoted = line.contains('"');
            let length = line.chars().count();
            if length > 100 && longest < Some(60) && !quoted {
                findings.add(&file, number, format!("{length} characters"));
            }
        }
    }
    findings.assert_none();
}

#[test]
fn no_file_is_large() {
    const LIMIT: u64 = 200 * 1024;
    let mut findings = Findings::default();
    for name in repository_files() {
        let bytes = fs::metadata(repository().join(&name)).map_or(0, |data| data.len());
        if bytes > LIMIT {
            findings
                .0
                .push(format!("{name}: {bytes} bytes, {LIMIT} at most"));
        }
    }
    findings.assert_none();
}

#[test]
fn nothing_sleeps_and_hopes() {
    /// Files that may put a thread to sleep, and why.
    const ALLOWED: [(&str, &str); 1] = [(
        "crates/laneway-jobs/src/postgres/own_server.rs",
        "the server of the tests is another process, and tells nobody when it takes connections",
    )];
    let mut findings = Findings::default();
    let sleep = ["thread::", "sleep"].concat();
    let files = sources().into_iter().chain(tests());
    for file in files.filter(|file| ALLOWED.iter().all(|(name, _)| *name != file.name)) {
        for (number, line) in file.code() {
            if mentions_path(line, &sleep) {
                findings.add(&file, number, "wait for what you need, not for time");
            }
        }
    }
    for (name, reason) in ALLOWED {
        assert!(!reason.is_empty(), "{name} is allowed for no reason");
        assert!(
            repository().join(name).exists(),
            "{name} is allowed and not there"
        );
    }
    findings.assert_none();
}

#[test]
fn no_test_is_ignored_without_a_reason() {
    let mut findings = Findings::default();
    let bare = ["#[ig", "nore]"].concat();
    let fence = ["```ig", "nore"].concat();
    for file in rust_files("") {
        for (number, line) in file.lines() {
            if line.contains(&bare) || line.contains(&fence) {
                findings.add(&file, number, "give the reason, or let it run");
            }
        }
    }
    findings.assert_none();
}

/// Their pages would lie in one folder, and cargo writes both at once: the build of the docs fails
/// then, but only where the two happen to meet.
#[test]
fn no_program_is_documented_under_the_name_of_another_package() {
    let mut manifests = text_files();
    manifests.retain(|file| is_manifest(&file.name));
    let mut findings = Findings::default();
    for file in &manifests {
        for program in documented_programs(&file.text) {
            if manifests
                .iter()
                .any(|other| other.name != file.name && package_name(&other.text) == Some(program))
            {
                findings.add(file, 1, format!("{program} has the name of a package"));
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_tidy_tests_can_fail() {
    let manifest =
        "[package]\nname = \"a\"\n[[bin]]\nname = \"b\"\n[[bin]]\nname = \"c\"\ndoc = false\n";
    assert_eq!(package_name(manifest), Some("a"));
    assert_eq!(documented_programs(manifest).collect::<Vec<_>>(), ["b"]);
    assert!(is_manifest("Cargo.toml") && is_manifest("a/Cargo.toml"));
    assert!(!is_manifest("a/others.Cargo.toml"));
    assert!(mentions_path("use crate::net::Socket;", "crate::net"));
    assert!(mentions_path("crate::net", "crate::net"));
    assert!(!mentions_path("use crate::network;", "crate::net"));
    assert!(words("an unsafe block").any(|word| word == "unsafe"));
    assert!(!words("#![forbid(unsafe_code)]").any(|word| word == "unsafe"));
    assert_eq!(without_strings(r#"a("un\"safe") b"#), "a() b");
    assert_eq!(
        link_targets("see [a](b.md#c), ![d](e.png \"title\") and [f]: g.md").collect::<Vec<_>>(),
        ["b.md#c", "e.png"]
    );
    assert_eq!(link_targets("[f]: g.md").collect::<Vec<_>>(), ["g.md"]);
    assert_eq!(
        anchor_of("## Why does `block_on` spin?"),
        "why-does-block_on-spin"
    );
    assert_eq!(tricks("one (T7), two (T12)").collect::<Vec<_>>(), [7, 12]);
    assert_eq!(tricks("a type (T), (Task)").count(), 0);
    assert!(has_nanoseconds("takes 46 ns") && has_nanoseconds("5ns less"));
    assert!(!has_nanoseconds("12 nsa, columns, 4 runs"));
    let file = File {
        name: "docs/page.md".to_owned(),
        text: "# One page".to_owned(),
    };
    assert_eq!(leads_to_heading(&file, "#one-page"), Some(true));
    assert_eq!(leads_to_heading(&file, "#another-page"), Some(false));
    assert_eq!(
        leads_to_heading(&file, "../DESIGN.md#what-is-laneway"),
        Some(true)
    );
    assert_eq!(leads_to_heading(&file, "../DESIGN.md"), None);
    let at = |target| local_path(&file, target, false);
    assert_eq!(at("https://example.org"), None);
    assert_eq!(at("#section"), None);
    assert_eq!(
        at("other.md#there"),
        Some(repository().join("docs/other.md"))
    );
    assert_eq!(
        at("../Cargo.toml"),
        Some(repository().join("docs/../Cargo.toml"))
    );
    assert!(text_files().iter().any(|file| file.name == "tests/tidy.rs"));
    assert_eq!(in_package("crates/one/src/a.rs"), Some("src/a.rs"));
    assert_eq!(in_package("src/a.rs"), Some("src/a.rs"));
    assert!(is_root("crates/one/src/main.rs") && is_root("src/lib.rs"));
    assert!(!is_root("book/src/lib.rs") && !is_root("src/a/lib.rs"));
}

/// What breaks a rule, to be shown all at once.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, file: &File, line: usize, what: impl Display) {
        self.0.push(format!("{}:{line}: {what}", file.name));
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}\n", self.0.join("\n"));
    }
}

/// A text file of the repository, by its path from the root.
struct File {
    name: String,
    text: String,
}

impl File {
    /// The lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines without those that are comments from beginning to end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files that git knows or would know; outside of a git checkout, those that are there.
fn repository_files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output();
    let mut names: Vec<String> = match listed {
        Ok(output) if output.status.success() => {
            let names = String::from_utf8_lossy(&output.stdout);
            names.lines().map(str::to_owned).collect()
        }
        _ => {
            let mut names = Vec::new();
            walk(&repository(), &mut names);
            names
        }
    };
    // Deleted and not committed yet.
    names.retain(|name| repository().join(name).exists());
    assert!(!names.is_empty(), "there are files");
    names
}

fn walk(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            walk(&path, names);
        } else if path.is_file() {
            let from_root = path.strip_prefix(repository()).unwrap();
            names.push(from_root.to_string_lossy().replace('\\', "/"));
        }
    }
}

fn text_files() -> Vec<File> {
    let text = |name: String| {
        let text = fs::read_to_string(repository().join(&name)).ok()?;
        Some(File { name, text })
    };
    repository_files().into_iter().filter_map(text).collect()
}

/// The Rust files whose path begins so.
fn rust_files(prefix: &str) -> Vec<File> {
    let mut files = text_files();
    files.retain(|file| file.name.starts_with(prefix) && file.name.ends_with(".rs"));
    assert!(!files.is_empty(), "there are files in {prefix}");
    files
}

/// The sources of what people depend on: this crate's and those of the packages beside it.
fn sources() -> Vec<File> {
    in_packages("src/")
}

/// Their tests, other than those within a source.
fn tests() -> Vec<File> {
    in_packages("tests/")
}

/// The Rust files in this folder of each of these packages.
fn in_packages(folder: &str) -> Vec<File> {
    let mut files = rust_files("");
    files.retain(|file| in_package(&file.name).is_some_and(|name| name.starts_with(folder)));
    assert!(!files.is_empty(), "there are files in {folder}");
    files
}

/// The path within its package, unless that is one of those for the book and the benches.
fn in_package(name: &str) -> Option<&str> {
    match name.strip_prefix("crates/") {
        Some(rest) => rest.split_once('/').map(|(_, name)| name),
        None => Some(name),
    }
}

fn is_manifest(name: &str) -> bool {
    name.rsplit('/').next() == Some("Cargo.toml")
}

fn package_name(manifest: &str) -> Option<&str> {
    let (_, package) = manifest.split_once("[package]")?;
    table_name(package)
}

/// The programs that a manifest names, other than those that have no pages.
fn documented_programs(manifest: &str) -> impl Iterator<Item = &str> {
    let tables = manifest.split("[[bin]]").skip(1);
    let tables = tables.map(|rest| rest.split("\n[").next().unwrap_or_default());
    let documented = tables.filter(|table| !table.contains("\ndoc = false"));
    documented.filter_map(table_name)
}

/// The name that stands first in a table of a manifest.
fn table_name(table: &str) -> Option<&str> {
    let (_, rest) = table.split_once("\nname = \"")?;
    rest.split('"').next()
}

fn is_root(name: &str) -> bool {
    matches!(in_package(name), Some("src/lib.rs" | "src/main.rs"))
}

/// Whether there is the heading that a link means, if it means one of a page in markdown.
fn leads_to_heading(file: &File, target: &str) -> Option<bool> {
    let (_, anchor) = target.split_once('#')?;
    let page = match local_path(file, target, file.name.ends_with(".rs")) {
        Some(path) if path.extension()? == "md" => fs::read_to_string(path).ok()?,
        None if target.starts_with('#') && file.name.ends_with(".md") => file.text.clone(),
        _ => return None,
    };
    let mut headings = page.lines().filter(|line| line.starts_with('#'));
    Some(headings.any(|heading| anchor_of(heading) == anchor))
}

/// What a link calls a heading.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.replace(' ', "-");
    kept.chars()
        .filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c))
        .collect()
}

/// The numbers of the tricks that a line names.
fn tricks(line: &str) -> impl Iterator<Item = u32> {
    let openings = line.split("(T").skip(1);
    openings.filter_map(|rest| rest.split_once(')')?.0.parse().ok())
}

/// Whether a line gives a number of nanoseconds.
fn has_nanoseconds(line: &str) -> bool {
    line.match_indices("ns").any(|(start, unit)| {
        let next = line[start + unit.len()..].chars().next();
        let before = line[..start].strip_suffix(' ').unwrap_or(&line[..start]);
        before.ends_with(|c: char| c.is_ascii_digit())
            && !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

/// Whether a path stands in this line, and not only one that begins like it.
fn mentions_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let next = line[start + path.len()..].chars().next();
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

/// The identifiers and plain words of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// A line without what stands in its string literals.
fn without_strings(line: &str) -> String {
    let mut rest = String::new();
    let (mut inside, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            '"' if !escaped => inside = !inside,
            _ if !inside => rest.push(c),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    rest
}

/// Where the links of a line of markdown lead.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "));
    let reference = reference.and_then(|(_, target)| target.split_whitespace().next());
    inline.chain(reference)
}

/// The file that a link means, or `None` if it leads elsewhere: to the net, to a place on the
/// same page, or, in Rust docs, to an item.
fn local_path(file: &File, target: &str, in_rust: bool) -> Option<PathBuf> {
    let path = target.split('#').next().unwrap_or_default();
    let elsewhere = path.is_empty()
        || path.contains("://")
        || path.starts_with("mailto:")
        || path.starts_with('<')
        || path.contains("::");
    // An item has no dot in its name and no slash.
    let is_item = in_rust && !path.contains(['.', '/']);
    if elsewhere || is_item {
        return None;
    }
    let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
    Some(repository().join(folder).join(path))
}
