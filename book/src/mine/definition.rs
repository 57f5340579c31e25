//! A source taken apart into its definitions, by brackets alone: the reader's need not be formatted.

/// A definition: an item of a module, or a member of an implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Definition<'a> {
    /// What stands before it: blank lines, docs, attributes.
    pub(super) lead: &'a str,
    /// From its visibility to its last bracket or semicolon.
    pub(super) text: &'a str,
}

/// What a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    Type,
    Trait,
    /// Of a trait for a type.
    TraitImpl,
    /// Of a type's own members.
    Impl,
    Module,
    Import,
    Macro,
    /// Constants, statics, names for types.
    Value,
}

/// The lines of a module's own docs, and the rest of the source.
pub(super) fn without_head(source: &str) -> (&str, &str) {
    let is_head = |line: &&str| line.starts_with("//!") || line.starts_with("#![");
    let head = source.split_inclusive('\n').take_while(is_head);
    source.split_at(head.map(str::len).sum())
}

/// The definitions of a source or of a body, and what stands behind the last of them.
pub(super) fn split(source: &str) -> (Vec<Definition<'_>>, &str) {
    let code = code(source);
    let mut definitions = Vec::new();
    let mut from = 0;
    while let Some(begin) = beginning(&code, from) {
        let end = ending(&code, begin);
        definitions.push(Definition {
            lead: &source[from..begin],
            text: &source[begin..end],
        });
        from = end;
    }
    (definitions, &source[from..])
}

impl<'a> Definition<'a> {
    pub(super) fn kind(&self) -> Kind {
        let header = self.header();
        match self.keyword() {
            "fn" => Kind::Function,
            "struct" | "enum" | "union" => Kind::Type,
            "trait" => Kind::Trait,
            "impl" if header.contains(" for ") => Kind::TraitImpl,
            "impl" => Kind::Impl,
            "mod" => Kind::Module,
            "use" => Kind::Import,
            "macro_rules!" => Kind::Macro,
            _ => Kind::Value,
        }
    }

    /// What it is called: the same in two sources that define the same thing.
    pub(super) fn key(&self) -> String {
        match self.kind() {
            Kind::TraitImpl | Kind::Impl => without_parameters(&self.header()),
            kind => format!("{kind:?} {}", self.name()),
        }
    }

    /// Its name. Of an implementation, the type's.
    pub(super) fn name(&self) -> &str {
        let header = &self.text[..self.body_begins()];
        let after = match self.kind() {
            Kind::TraitImpl => header.rsplit(" for ").next().unwrap_or_default(),
            Kind::Impl => without_generics(header.trim_start_matches("impl")),
            _ => header
                .split_once(self.keyword())
                .map_or("", |(_, rest)| rest),
        };
        let is_part = |next: char| next.is_alphanumeric() || next == '_';
        let start = after.find(is_part).unwrap_or(after.len());
        let name = &after[start..];
        &name[..name.find(|next| !is_part(next)).unwrap_or(name.len())]
    }

    pub(super) fn is_public(&self) -> bool {
        self.text.starts_with("pub ") || self.lead.contains("#[macro_export]")
    }

    /// Where its body begins, with the opening brace: at its end if it has none.
    pub(super) fn body_begins(&self) -> usize {
        let mut depth = 0;
        for (at, byte) in code(self.text).bytes().enumerate() {
            match byte {
                b'{' if depth == 0 => return at,
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                _ => {}
            }
        }
        self.text.len()
    }

    /// What stands between its braces.
    pub(super) fn body(&self) -> &'a str {
        let end = self.text.rfind('}').unwrap_or(self.text.len());
        let begin = match self.kind() {
            Kind::Value => self.body_begins_in_brackets(),
            _ => self.body_begins(),
        };
        self.text.get(begin + 1..end).unwrap_or_default()
    }

    /// Where its first brace is, be it inside other brackets.
    pub(super) fn body_begins_in_brackets(&self) -> usize {
        code(self.text).find('{').unwrap_or(self.text.len())
    }

    /// All before its body, in one line.
    pub(super) fn header(&self) -> String {
        let header = &self.text[..self.body_begins()];
        header.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn keyword(&self) -> &str {
        const MODIFIERS: [&str; 4] = ["pub", "async", "unsafe", "extern"];
        let mut words = self.text.split([' ', '\n', '(', '<']).peekable();
        while let Some(word) = words.next() {
            let constant_function = word == "const" && words.peek() == Some(&"fn");
            let in_brackets = word.ends_with(')') || word.starts_with('"');
            if !MODIFIERS.contains(&word) && !constant_function && !in_brackets {
                return word;
            }
        }
        ""
    }
}

/// A source of the same length in which comments and what stands between quotes are blank.
pub(super) fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let blank = blank_length(rest);
        let taken = if blank > 0 { blank } else { next.len_utf8() };
        let (piece, after) = rest.split_at(taken);
        match blank {
            0 => code.push_str(piece),
            _ => code.extend(
                piece
                    .bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            ),
        }
        rest = after;
    }
    code
}

/// How much of the text is a comment, or a text or character in quotes, that begins here.
fn blank_length(rest: &str) -> usize {
    let until = |end: &str, from: usize| {
        let found = rest[from..].find(end);
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until("*/", 2);
    }
    if rest.starts_with("r#\"") {
        return until("\"#", 3);
    }
    match rest.as_bytes()[0] {
        b'"' => quoted(rest, '"'),
        b'\'' if rest[1..].starts_with('\\') => quoted(rest, '\''),
        // A lifetime has no second quote behind one character.
        b'\'' if rest[1..].chars().nth(1) == Some('\'') => quoted(rest, '\''),
        _ => 0,
    }
}

/// The length of a text in quotes, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, next) in text.char_indices().skip(1) {
        if next == quote && !escaped {
            return at + 1;
        }
        escaped = next == '\\' && !escaped;
    }
    text.len()
}

/// Where the next definition begins, behind blanks and attributes.
fn beginning(code: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = &code[at..];
        at += rest.len() - rest.trim_start().len();
        if !code[at..].starts_with("#[") {
            return (at < code.len()).then_some(at);
        }
        at = closing(code, at + 1) + 1;
    }
}

/// Where the bracket closes that opens here.
fn closing(code: &str, opening: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(opening) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 1 => return at,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len() - 1
}

/// Where the definition ends that begins here.
fn ending(code: &str, begin: usize) -> usize {
    let definition = Definition {
        lead: "",
        text: &code[begin..],
    };
    // A brace in these belongs to a value or to a list of names.
    const WITH_SEMICOLON: [&str; 4] = ["use", "const", "static", "type"];
    let only_semicolon = WITH_SEMICOLON.contains(&definition.keyword());
    let mut at = begin;
    while at < code.len() {
        match code.as_bytes()[at] {
            b';' => return at + 1,
            b'{' if !only_semicolon => return closing(code, at) + 1,
            b'(' | b'[' | b'{' => at = closing(code, at),
            _ => {}
        }
        at += 1;
    }
    code.len()
}

/// `impl<T> Future for Task<T>` as `impl Future for Task<T>`.
fn without_parameters(header: &str) -> String {
    let rest = header.strip_prefix("impl").unwrap_or(header);
    format!("impl {}", without_generics(rest).trim())
}

/// A text without the angle brackets that it begins with.
fn without_generics(text: &str) -> &str {
    let text = text.trim_start();
    if !text.starts_with('<') {
        return text;
    }
    let mut depth = 0;
    for (at, next) in text.char_indices() {
        depth += i32::from(next == '<') - i32::from(next == '>');
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"//! A module; with { in its docs.

mod letter;

use std::{fmt, sync::Arc};

/// A constant {.
pub const NAME: &str = "a;{b";

static QUEUE: Lazy<u32> = Lazy::new(|| {
    1
});

/// Rings.
#[derive(Debug)]
pub struct Bell<T>(T);

impl<T: Into<u32>> Wake for Bell<T> {
    fn wake(self: Arc<Self>) { let _ = '{'; }
}

pub const fn one<'a>(x: [u8; 2]) -> u32
where
    u8: Copy,
{
    1
}

pub(crate) async fn two() {}
"#;

    #[test]
    fn a_source_comes_apart_and_nothing_is_lost() {
        let (head, rest) = without_head(SOURCE);
        let (definitions, tail) = split(rest);
        let all = definitions
            .iter()
            .flat_map(|definition| [definition.lead, definition.text]);
        let whole: String = [head].into_iter().chain(all).chain([tail]).collect();
        assert_eq!(whole, SOURCE);
        let keys: Vec<String> = definitions.iter().map(Definition::key).collect();
        let expected = [
            "Module letter",
            "Import std",
            "Value NAME",
            "Value QUEUE",
            "Type Bell",
            "impl Wake for Bell<T>",
            "Function one",
            "Function two",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_definition_has_a_body_and_a_header() {
        let (definitions, _) = split(without_head(SOURCE).1);
        let one = definitions[6];
        assert_eq!(one.body().trim(), "1");
        assert_eq!(
            one.header(),
            "pub const fn one<'a>(x: [u8; 2]) -> u32 where u8: Copy,"
        );
        assert!(one.is_public() && !definitions[7].is_public());
        assert_eq!(definitions[5].name(), "Bell");
    }
}
