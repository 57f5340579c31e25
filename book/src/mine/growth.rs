//! A source of the reader's, grown by what a chapter of the book changes in its own.

use std::collections::BTreeSet;

use super::definition::{Definition, Kind, code, split, without_head};
use super::import::{self, Import};
use super::stub::{Members, UNWRITTEN, function, stub, value};

/// The reader's source, and the book's before and after the chapter. One that there is not yet is
/// empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth<'a> {
    pub(super) own: &'a str,
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    /// Modules that the book no longer has, and the reader keeps.
    pub(super) keeps: &'a [String],
}

/// A definition on its way into the grown source.
struct Grown {
    key: String,
    lead: String,
    text: String,
}

impl Growth<'_> {
    /// The grown source: the reader's definitions stay, those that the chapter drops go, public ones
    /// that it adds or changes are there to be written.
    pub(super) fn source(&self) -> String {
        let (head, after) = without_head(self.after);
        let (own, before) = (without_head(self.own).1, without_head(self.before).1);
        let (own, before, after) = (split(own).0, split(before).0, split(after).0);
        let grown = grown_definitions(&own, &before, &after);
        let grown = without_gone(grown, |it| {
            let gone = has(&before, &it.key) && !has(&after, &it.key);
            gone && !self.keeps(it.key.trim_start_matches("Module "))
        });
        let is_declared = |it: &Grown| it.text.starts_with("mod ") && it.text.ends_with(';');
        let (modules, grown): (Vec<Grown>, Vec<Grown>) = grown.into_iter().partition(is_declared);
        let text: String = grown.iter().map(Grown::paragraph).collect();
        let imports = self.imports(&own, &before, &after, &text);
        let modules: String = modules.iter().map(|it| format!("{}\n", it.text)).collect();
        let parts = [head, &modules, &import::written(&imports)];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        format!("{}{text}", parts.collect::<Vec<_>>().join("\n"))
    }

    fn keeps(&self, module: &str) -> bool {
        self.keeps.iter().any(|kept| kept == module)
    }

    /// The reader's imports, those that the chapter adds, and not those that would collide.
    fn imports(
        &self,
        own: &[Definition<'_>],
        before: &[Definition<'_>],
        after: &[Definition<'_>],
        text: &str,
    ) -> BTreeSet<Import> {
        let (mut imports, before) = (import::of(own), import::of(before));
        let after = import::of(after);
        let is_replaced = |gone: &Import| after.iter().any(|new| new.called() == gone.called());
        imports.retain(|import| {
            let gone = before.contains(import) && !after.contains(import);
            let matters = !import.visibility.is_empty() || is_replaced(import);
            !gone || !matters || self.keeps(import.root())
        });
        let taken: Vec<String> = imports.iter().map(|it| it.called().to_owned()).collect();
        let new = after.into_iter().filter(|import| {
            let name = import.called();
            let is_free = name == "_" || !taken.iter().any(|taken| taken == name);
            let is_there = import.root() != "crate" || mentions(text, name);
            is_free && is_there && !before.contains(import)
        });
        imports.extend(new);
        imports
    }
}

fn grown_definitions(
    own: &[Definition<'_>],
    before: &[Definition<'_>],
    after: &[Definition<'_>],
) -> Vec<Grown> {
    let all = own.iter().filter(|it| it.kind() != Kind::Import);
    let mut grown: Vec<Grown> = all.map(|it| Grown::new(it, it.text.to_owned())).collect();
    let wanted = wanted(after);
    let mut at = grown.len();
    for new in after.iter().filter(|it| it.kind() != Kind::Import) {
        let key = new.key();
        let place = grown.iter().position(|it| it.key == key);
        at = place.map_or(at, |place| place + 1);
        let text = match (find(before, &key), find(own, &key)) {
            (Some(before), _) if same(before, new) => None,
            (was, Some(old)) => changed(old, was, new),
            (_, None) if wanted.contains(&key) => Some(stub(new).unwrap_or(new.text.to_owned())),
            (_, None) => None,
        };
        let Some(text) = text else { continue };
        match place {
            Some(place) => grown[place] = Grown::new(new, text),
            None => {
                grown.insert(at, Grown::new(new, text));
                at += 1;
            }
        }
    }
    open_callers(&mut grown, own, after);
    grown
}

/// The reader's own code that calls a function whose arguments the chapter changes is to be written
/// anew as well: a new step has to compile.
fn open_callers(grown: &mut [Grown], own: &[Definition<'_>], after: &[Definition<'_>]) {
    let functions = after.iter().filter(|it| it.kind() == Kind::Function);
    let is_other = |new: &&Definition<'_>| {
        find(own, &new.key()).is_some_and(|old| old.header() != new.header())
    };
    let others: Vec<&str> = functions.filter(is_other).map(Definition::name).collect();
    for old in own {
        let calls = |name: &&str| names_alone(&code(old.body()), name);
        let kept = grown.iter_mut().find(|it| it.text == old.text);
        let Some(kept) = kept.filter(|_| others.iter().any(calls)) else {
            continue;
        };
        match old.kind() {
            Kind::Function => kept.text = function(old, &past(old)),
            Kind::Value => kept.text = value(old, &past(old)),
            _ => {}
        }
    }
}

/// All but the definitions that are gone. A value or a function that the others still name is not.
fn without_gone(grown: Vec<Grown>, is_gone: impl Fn(&Grown) -> bool) -> Vec<Grown> {
    let mut kept: Vec<bool> = grown.iter().map(|it| !is_gone(it)).collect();
    let names = |by: &Grown, it: &Grown| {
        let may_be_named = it
            .key
            .split_once(' ')
            .filter(|(kind, _)| ["Value", "Function"].contains(kind));
        may_be_named.is_some_and(|(_, name)| mentions(&code(&by.text), name))
    };
    loop {
        let by_kept = |it: &Grown| {
            grown
                .iter()
                .zip(&kept)
                .any(|(by, kept)| *kept && names(by, it))
        };
        let Some(at) = (0..grown.len()).find(|&at| !kept[at] && by_kept(&grown[at])) else {
            break;
        };
        kept[at] = true;
    }
    let kept = grown.into_iter().zip(kept).filter(|(_, kept)| *kept);
    kept.map(|(it, _)| it).collect()
}

/// The keys of what a reader gets where there is nothing yet: modules, what is public, and private
/// types that those mention.
fn wanted(after: &[Definition<'_>]) -> BTreeSet<String> {
    let is_type = |it: &&Definition<'_>| matches!(it.kind(), Kind::Type | Kind::Trait);
    let private: Vec<&Definition<'_>> = after
        .iter()
        .filter(is_type)
        .filter(|it| !it.is_public())
        .collect();
    let is_private = |name: &str| private.iter().any(|it| it.name() == name);
    let is_impl = |it: &Definition<'_>| matches!(it.kind(), Kind::Impl | Kind::TraitImpl);
    let public = after
        .iter()
        .filter(|it| !is_impl(it) || !is_private(it.name()));
    let stubs: Vec<(String, String)> = public
        .filter_map(|it| Some((it.key(), stub(it)?)))
        .collect();
    let mentioned = |it: &&&Definition<'_>| stubs.iter().any(|(_, stub)| mentions(stub, it.name()));
    let types: Vec<&str> = private
        .iter()
        .filter(mentioned)
        .map(|it| it.name())
        .collect();
    let kept = after.iter().filter(|it| match it.kind() {
        Kind::Module => it.text.ends_with(';'),
        Kind::Type | Kind::Trait | Kind::TraitImpl => types.contains(&it.name()),
        _ => false,
    });
    let kept: Vec<String> = kept.map(Definition::key).collect();
    stubs.into_iter().map(|(key, _)| key).chain(kept).collect()
}

/// The members of an implementation that a chapter changes.
fn implementation(
    own: &Definition<'_>,
    was: Option<&Definition<'_>>,
    new: &Definition<'_>,
) -> String {
    let (members, before) = (split(own.body()).0, was.map_or("", Definition::body));
    let (before, after) = (split(before).0, split(new.body()).0);
    let which = Members::of(new.kind());
    let mut grown: Vec<Grown> = members
        .iter()
        .map(|it| Grown::new(it, it.text.to_owned()))
        .collect();
    for new in &after {
        let key = new.key();
        let was = find(&before, &key);
        let text = match (was, find(&members, &key)) {
            (Some(was), _) if same(was, new) => None,
            (_, Some(old)) => changed(old, was, new),
            (_, None) => which.stub(new),
        };
        let Some(text) = text else { continue };
        grown.retain(|it| it.key != key);
        grown.push(Grown::new(new, text));
    }
    grown.retain(|it| !has(&before, &it.key) || has(&after, &it.key));
    let members: String = grown.iter().map(Grown::paragraph).collect();
    let header = &new.text[..new.body_begins()];
    format!("{header}{{\n{}}}", members.trim_start_matches('\n'))
}

/// A definition of the reader's that the chapter changes. A private type that is not the book's stays.
fn changed(
    own: &Definition<'_>,
    was: Option<&Definition<'_>>,
    new: &Definition<'_>,
) -> Option<String> {
    let is_the_books = was.is_some_and(|was| same(was, own));
    match new.kind() {
        Kind::Impl | Kind::TraitImpl => Some(implementation(own, was, new)),
        // A name that is new in the book may be one of the reader's own.
        _ if was.is_none() && !new.is_public() => None,
        Kind::Function => Some(function(new, &past(own))),
        Kind::Value => Some(value(new, &past(own))),
        Kind::Type | Kind::Trait if is_the_books => Some(new.text.to_owned()),
        _ => stub(new),
    }
}

/// The lines of a body that is to be written anew. One that was never written has none.
fn past<'a>(own: &Definition<'a>) -> Vec<&'a str> {
    let body = own.body();
    if body.contains(UNWRITTEN) {
        return Vec::new();
    }
    let lines: Vec<&str> = body.trim_matches('\n').trim_end().lines().collect();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let margin = filled
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines = lines.iter().map(|line| line.get(margin..).unwrap_or(""));
    lines.collect()
}

impl Grown {
    fn new(definition: &Definition<'_>, text: String) -> Grown {
        Grown {
            key: definition.key(),
            lead: definition.lead.to_owned(),
            text,
        }
    }

    /// With its docs and a blank line before them.
    fn paragraph(&self) -> String {
        format!(
            "\n{}{}\n",
            self.lead.trim_start_matches(['\n', '\r']),
            self.text
        )
    }
}

fn find<'a, 'b>(definitions: &'a [Definition<'b>], key: &str) -> Option<&'a Definition<'b>> {
    definitions
        .iter()
        .find(|definition| definition.key() == key)
}

fn has(definitions: &[Definition<'_>], key: &str) -> bool {
    find(definitions, key).is_some()
}

/// Whether two definitions differ in blanks alone.
fn same(one: &Definition<'_>, other: &Definition<'_>) -> bool {
    one.text
        .split_whitespace()
        .eq(other.text.split_whitespace())
}

/// Whether a name stands in a text as a word.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |next: char| next.is_alphanumeric() || next == '_';
    text.split(|next| !is_part(next)).any(|word| word == name)
}

/// Whether a name stands in a text as a word that is part of no path.
fn names_alone(text: &str, name: &str) -> bool {
    let is_part = |next: char| next.is_alphanumeric() || "_:.".contains(next);
    text.split(|next| !is_part(next)).any(|path| path == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mine::stub::unwritten;

    fn grown(own: &str, before: &str, after: &str) -> String {
        let keeps = &[];
        Growth {
            own,
            before,
            after,
            keeps,
        }
        .source()
    }

    #[test]
    fn what_is_new_is_there_to_be_written() {
        let after = "//! A step.\n\nuse std::sync::Mutex;\n\n/// Spawns.\npub fn spawn() {\n    run();\n}\n\nfn run() {}\n";
        let expected = format!(
            "//! A step.\n\nuse std::sync::Mutex;\n\n/// Spawns.\npub fn spawn() {{\n    {}\n}}\n",
            unwritten("spawn")
        );
        assert_eq!(grown("", "", after), expected);
    }

    #[test]
    fn the_readers_own_code_stays_where_the_chapter_changes_nothing() {
        let before = "pub fn spawn() {\n    one();\n}\n\npub fn start(count: u32) {\n    two();\n}\n\npub fn old() {}\n";
        let after = "pub fn spawn() {\n    one();\n}\n\npub fn start(count: u32, name: &str) {\n    three();\n}\n";
        let own = "pub fn spawn() {\n    mine();\n}\n\nfn helper() {}\n\npub fn start(count: u32) {\n    also_mine();\n}\n\npub fn old() {}\n";
        let grown = grown(own, before, after);
        assert!(
            grown.contains("    mine();\n") && grown.contains("fn helper() {}"),
            "{grown}"
        );
        assert!(
            grown.contains("pub fn start(count: u32, name: &str) {"),
            "{grown}"
        );
        assert!(
            grown.contains("    // also_mine();\n") && !grown.contains("three"),
            "{grown}"
        );
        assert!(!grown.contains("old"), "{grown}");
    }

    #[test]
    fn the_readers_own_callers_of_a_function_with_new_arguments_are_opened() {
        let before = "pub fn start(count: u32) {\n    one();\n}\n";
        let after = "pub fn start(count: u32, name: &str) {\n    two();\n}\n";
        let own = "pub fn start(count: u32) {\n    mine();\n}\n\nfn queue() -> u32 {\n    start(3);\n    3\n}\n";
        let grown = grown(own, before, after);
        let opened = format!("fn queue() -> u32 {{\n    {}\n", unwritten("queue"));
        assert!(
            grown.contains(&opened) && grown.contains("    // start(3);\n"),
            "{grown}"
        );
    }

    #[test]
    fn imports_do_not_collide() {
        let (before, after) = ("use flume::Sender;\n", "use flume::{Receiver, Sender};\n");
        let grown = grown("use std::sync::mpsc::Sender;\n", before, after);
        assert_eq!(
            grown,
            "use std::sync::mpsc::Sender;\n\nuse flume::Receiver;\n"
        );
    }

    #[test]
    fn a_private_type_comes_only_with_a_public_one_that_has_it() {
        let after = "struct Postbox;\n\nstruct Bell;\n\nimpl Bell {\n    fn ring(&self) {}\n}\n\nimpl Wake for Bell {\n    fn wake() {}\n}\n\npub struct Letter(Postbox);\n";
        assert_eq!(
            grown("", "", after),
            "\nstruct Postbox;\n\npub struct Letter(Postbox);\n"
        );
    }
}
