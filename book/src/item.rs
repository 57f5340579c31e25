//! Finds an item in Rust source by its name, without a parser.
//!
//! It relies on what rustfmt guarantees: an item that goes over several lines ends with the first
//! line of its own indentation that closes it. Names are
//!
//! - `spawn`: a function, type, trait, constant, static, module or macro;
//! - `impl Wake for Bell`: an implementation;
//! - `Bell::wait`: a function in an implementation, a variant or a field;
//! - anything else: the lines between `// ANCHOR: name` and `// ANCHOR_END: name`.

use std::borrow::Cow;
use std::ops::Range;

/// The lines of an item, from 0, with its docs and attributes.
#[must_use]
pub fn find(source: &str, name: &str) -> Option<Range<usize>> {
    let lines: Vec<&str> = source.lines().collect();
    let whole = 0..lines.len();
    let definition = if name.starts_with("impl") {
        whole
            .clone()
            .find(|&at| begins(&without_parameters(lines[at].trim()), name))
    } else if let Some((owner, member)) = name.split_once("::") {
        bodies_of(&lines, owner).find_map(|body| member_in(&lines, body, member))
    } else {
        // A function before a method of the same name, wherever they stand.
        let defined = whole.clone().filter(|&at| defines(lines[at], name));
        defined.min_by_key(|&at| indentation(lines[at]))
    };
    match definition {
        Some(at) => Some(with_docs(&lines, at)..end_of(&lines, at)),
        None => anchor(&lines, name),
    }
}

/// Lines of a source without their common indentation and without anchors.
#[must_use]
pub fn excerpt(source: &str, lines: Range<usize>) -> String {
    let lines: Vec<&str> = source.lines().collect::<Vec<_>>()[lines].to_vec();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let margin = filled.map(|line| indentation(line)).min().unwrap_or(0);
    without_anchors(lines.iter().map(|line| line.get(margin..).unwrap_or("")))
}

/// The line that opens the implementation, trait or type of which the item in this line is a member.
#[must_use]
pub fn owner(source: &str, line: usize) -> Option<&str> {
    let lines: Vec<&str> = source.lines().collect();
    let own = indentation(lines[line]);
    let mut above = lines[..line].iter().rev();
    let header = above.find(|line| !line.trim().is_empty() && indentation(line) < own)?;
    const OWNERS: [&str; 4] = ["impl", "trait ", "enum ", "struct "];
    let bare = header.trim_start().trim_start_matches("pub ");
    let opens = OWNERS.iter().any(|keyword| bare.starts_with(keyword));
    (opens && header.ends_with('{')).then_some(header)
}

/// A text four columns further in.
#[must_use]
pub fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    });
    lines.collect()
}

/// The lines that are no anchors, each with its end.
pub fn without_anchors<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines
        .filter(|line| anchor_name(line).is_none())
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn anchor_name(line: &str) -> Option<&str> {
    let comment = line.trim().trim_start_matches(['/', '#', ' ']);
    comment
        .strip_prefix("ANCHOR: ")
        .or_else(|| comment.strip_prefix("ANCHOR_END: "))
}

fn anchor(lines: &[&str], name: &str) -> Option<Range<usize>> {
    let mut marks =
        (0..lines.len()).filter(|&at| anchor_name(lines[at]).is_some_and(|found| found == name));
    let start = marks.next()? + 1;
    Some(start..marks.next()?)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether `line` begins with `name` and the name ends there.
fn begins(line: &str, name: &str) -> bool {
    line.strip_prefix(name)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

/// `impl<T> Future for Task<T>` as `impl Future for Task<T>`.
fn without_parameters(line: &str) -> Cow<'_, str> {
    let parameters = line.strip_prefix("impl<");
    match parameters.and_then(|rest| rest.split_once("> ")) {
        Some((_, rest)) => format!("impl {rest}").into(),
        None => line.into(),
    }
}

/// Whether an item of this name is defined in this line.
fn defines(line: &str, name: &str) -> bool {
    const KEYWORDS: [&str; 8] = [
        "fn ", "struct ", "enum ", "trait ", "static ", "const ", "type ", "mod ",
    ];
    let mut rest = line.trim_start();
    for modifier in ["pub(crate) ", "pub(super) ", "pub "] {
        rest = rest.strip_prefix(modifier).unwrap_or(rest);
    }
    if let Some(rest) = rest.strip_prefix("macro_rules! ") {
        return begins(rest, name);
    }
    for modifier in ["async ", "const fn "] {
        // `const fn` leaves the keyword that it ends with.
        rest = match rest.strip_prefix(modifier) {
            Some(after) if modifier == "const fn " => return begins(after, name),
            Some(after) => after,
            None => rest,
        };
    }
    KEYWORDS
        .iter()
        .filter_map(|keyword| rest.strip_prefix(keyword))
        .any(|rest| begins(rest, name))
}

/// The definition and the implementations of a type.
fn bodies_of<'a>(lines: &'a [&str], owner: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    (0..lines.len())
        .filter(move |&at| implements(lines[at], owner) || defines(lines[at], owner))
        .map(move |at| at..end_of(lines, at))
}

/// Whether an implementation for this type begins here.
fn implements(line: &str, owner: &str) -> bool {
    let line = without_parameters(line.trim_start());
    let Some(rest) = line.strip_prefix("impl ") else {
        return false;
    };
    let subject = rest
        .split_once(" for ")
        .map_or(rest, |(_, subject)| subject);
    begins(subject, owner)
}

fn member_in(lines: &[&str], body: Range<usize>, member: &str) -> Option<usize> {
    let inner = indentation(lines[body.start]) + 4;
    body.skip(1).find(|&at| {
        let line = lines[at];
        let bare = line.trim_start().trim_start_matches("pub ");
        indentation(line) == inner
            && (defines(line, member) || begins(bare, member) && !bare.contains("fn "))
    })
}

/// Where the docs and attributes of the item begin that is defined in this line.
fn with_docs(lines: &[&str], definition: usize) -> usize {
    let above = |at: &usize| {
        let line = lines[*at].trim_start();
        (line.starts_with("//") && !line.starts_with("//!") && anchor_name(line).is_none())
            || line.starts_with("#[")
    };
    (0..definition)
        .rev()
        .take_while(above)
        .last()
        .unwrap_or(definition)
}

/// The line after the last one of the item that is defined in this line.
fn end_of(lines: &[&str], definition: usize) -> usize {
    let own = indentation(lines[definition]);
    let closes = |at: usize| {
        let line = lines[at].trim_end();
        let here = indentation(line) == own && !line.is_empty();
        match at == definition {
            true => line.ends_with([';', '}', ',']),
            false => here && (line.trim_start().starts_with('}') || line.ends_with(';')),
        }
    };
    (definition..lines.len())
        .find(|&at| closes(at))
        .map_or(lines.len(), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! A module.

use std::task::Wake;

/// Rings.
#[derive(Debug)]
pub struct Bell<T> {
    /// Whether it has.
    rung: T,
}

impl<T> Bell<T> {
    /// Waits.
    pub fn wait(
        &self,
    ) -> bool
    where
        T: Copy,
    {
        true
    }
}

impl Wake for Bell<bool> {
    fn wake(self: Arc<Self>) {}
}

pub(crate) static COUNT: Mutex<u32> = Mutex::new({
    0
});

const fn one() -> u32 {
    // ANCHOR: body
    1
    // ANCHOR_END: body
}

fn wake() {}

enum Event {
    Spawned {
        task: u32,
    },
    Ended,
}
";

    fn shown(name: &str) -> Option<String> {
        find(SOURCE, name).map(|lines| excerpt(SOURCE, lines))
    }

    #[test]
    fn items_come_with_their_docs() {
        let bell = shown("Bell").unwrap();
        assert!(
            bell.starts_with("/// Rings.\n#[derive") && bell.ends_with("T,\n}\n"),
            "{bell}"
        );
        let wait = shown("Bell::wait").unwrap();
        assert!(
            wait.starts_with("/// Waits.\npub fn") && wait.ends_with("    true\n}\n"),
            "{wait}"
        );
        assert_eq!(
            shown("impl Wake for Bell").unwrap().lines().count(),
            3,
            "an implementation"
        );
        assert_eq!(shown("COUNT").unwrap().lines().count(), 3);
        assert_eq!(
            shown("Bell::wake").unwrap(),
            "fn wake(self: Arc<Self>) {}\n"
        );
        assert_eq!(shown("one").unwrap(), "const fn one() -> u32 {\n    1\n}\n");
        assert_eq!(shown("wake").unwrap(), "fn wake() {}\n", "not the method");
        assert_eq!(shown("body").unwrap(), "1\n");
        assert_eq!(shown("Event::Spawned").unwrap().lines().count(), 3);
        assert_eq!(shown("Event::Ended").unwrap(), "Ended,\n");
        assert!(shown("Bell::rung").unwrap().ends_with("rung: T,\n"));
    }

    #[test]
    fn a_member_has_an_owner() {
        let of = |name| find(SOURCE, name).and_then(|lines| owner(SOURCE, lines.start));
        assert_eq!(of("Bell::wait"), Some("impl<T> Bell<T> {"));
        assert_eq!(of("Bell::rung"), Some("pub struct Bell<T> {"));
        assert_eq!(of("Event::Ended"), Some("enum Event {"));
        assert_eq!((of("one"), of("body")), (None, None));
        assert_eq!(indented("a\n\n    b\n"), "    a\n\n        b\n");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for name in [
            "Bel",
            "wai",
            "Bell::task",
            "impl Wake for Be",
            "bod",
            "Task",
        ] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}
