//! The names that a source imports, one by one, and put together again.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Definition, Kind};

/// One imported name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    /// With a space behind it, if there is one.
    pub(super) visibility: String,
    /// All before the last `::`.
    pub(super) parent: String,
    /// The last name, with ` as ...` if it has another one here.
    pub(super) name: String,
}

/// The imports of a source, one for each name.
pub(super) fn of(definitions: &[Definition<'_>]) -> BTreeSet<Import> {
    let imports = definitions
        .iter()
        .filter(|definition| definition.kind() == Kind::Import);
    imports.flat_map(|import| names(import.text)).collect()
}

fn names(text: &str) -> Vec<Import> {
    let (visibility, tree) = text.split_once("use ").unwrap_or(("", text));
    let tree: Vec<&str> = tree.trim_end_matches(';').split_whitespace().collect();
    let paths = flat("", &tree.join(" "));
    let import = |path: String| {
        let (parent, name) = path.rsplit_once("::").unwrap_or(("", &path));
        Import {
            visibility: visibility.to_owned(),
            parent: parent.to_owned(),
            name: name.to_owned(),
        }
    };
    paths.into_iter().map(import).collect()
}

/// The paths of a tree such as `a::{b, c::{d, e}}`.
fn flat(prefix: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((parent, list)) = tree.split_once('{') else {
        return vec![format!("{prefix}{tree}")];
    };
    let prefix = format!("{prefix}{}", parent.trim());
    let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
    let branches = branches(list)
        .into_iter()
        .filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| flat(&prefix, branch)).collect()
}

/// Splits at those commas that are in no inner list.
fn branches(list: &str) -> Vec<&str> {
    let mut depth = 0;
    list.split(|next: char| {
        depth += i32::from(next == '{') - i32::from(next == '}');
        next == ',' && depth == 0
    })
    .collect()
}

impl Import {
    /// What the name is called here.
    pub(super) fn called(&self) -> &str {
        let name = self.name.rsplit(" as ").next().unwrap_or(&self.name);
        match name {
            "self" => self.parent.rsplit("::").next().unwrap_or(name),
            name => name,
        }
    }

    /// The module or crate that it is from.
    pub(super) fn root(&self) -> &str {
        let path = if self.parent.is_empty() {
            &self.name
        } else {
            &self.parent
        };
        path.split("::").next().unwrap_or(path)
    }
}

/// The imports as declarations: those that are passed on, those of the standard library, of other
/// crates, of this one.
pub(super) fn written(imports: &BTreeSet<Import>) -> String {
    let mut groups: BTreeMap<(u32, &str, &str), Vec<&str>> = BTreeMap::new();
    for import in imports {
        let rank = match (import.visibility.as_str(), import.root()) {
            (visibility, _) if !visibility.is_empty() => 0,
            (_, "std" | "core" | "alloc") => 1,
            (_, "crate" | "self" | "super") => 3,
            _ => 2,
        };
        let group = groups.entry((rank, &import.visibility, &import.parent));
        group.or_default().push(&import.name);
    }
    let mut text = String::new();
    let mut last = None;
    for ((rank, visibility, parent), names) in groups {
        if last.is_some_and(|last| last != rank) {
            text.push('\n');
        }
        last = Some(rank);
        text += &declaration(visibility, parent, &names);
    }
    text
}

fn declaration(visibility: &str, parent: &str, names: &[&str]) -> String {
    let names = match names {
        [name] => (*name).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    };
    match parent {
        "" => format!("{visibility}use {names};\n"),
        parent => format!("{visibility}use {parent}::{names};\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mine::definition::split;

    #[test]
    fn imports_come_apart_and_together_again() {
        let source =
            "pub use letter::letter;\nuse std::{fmt, io::{self, Read as _}};\nuse flume::Sender;\n";
        let imports = of(&split(source).0);
        let called: Vec<&str> = imports.iter().map(Import::called).collect();
        assert_eq!(called, ["Sender", "fmt", "_", "io", "letter"]);
        let expected = "pub use letter::letter;\n\nuse std::fmt;\nuse std::io::{Read as _, self};\n\nuse flume::Sender;\n";
        assert_eq!(written(&imports), expected);
    }
}
