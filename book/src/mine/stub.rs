//! A definition without what the reader is to write.

use super::definition::{Definition, Kind, code, split};

/// The macro that stands where code is to be written, and what it says.
pub(super) fn unwritten(name: &str) -> String {
    format!("{}({name:?})", ["to", "do!"].concat())
}

/// The macro's name and its bracket, as they stand in a source.
pub(super) const UNWRITTEN: &str = concat!("to", "do!", "(");

/// A public definition without the bodies of its functions. A private one is the reader's own
/// matter, and has none.
pub(super) fn stub(definition: &Definition<'_>) -> Option<String> {
    match definition.kind() {
        Kind::Function if definition.is_public() => Some(function(definition, &[])),
        Kind::Macro if definition.is_public() => Some(macro_rules(definition)),
        Kind::Type | Kind::Trait | Kind::Value if definition.is_public() => {
            Some(definition.text.to_owned())
        }
        Kind::TraitImpl => Some(implementation(definition, Members::All)),
        Kind::Impl => {
            let (members, _) = split(definition.body());
            let any = members.iter().any(Definition::is_public);
            any.then(|| implementation(definition, Members::Public))
        }
        _ => None,
    }
}

/// Which members of an implementation a reader has to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Members {
    /// A trait says which they are.
    All,
    /// Others are private.
    Public,
}

impl Members {
    pub(super) fn of(kind: Kind) -> Members {
        match kind {
            Kind::TraitImpl => Members::All,
            _ => Members::Public,
        }
    }

    /// A member without its body, if it is one of these.
    pub(super) fn stub(self, member: &Definition<'_>) -> Option<String> {
        let wanted = self == Members::All || member.is_public();
        wanted.then(|| match member.kind() {
            Kind::Function => function(member, &[]),
            _ => member.text.to_owned(),
        })
    }
}

fn implementation(definition: &Definition<'_>, which: Members) -> String {
    let (members, tail) = split(definition.body());
    let members = members.iter().filter_map(|member| {
        let stub = which.stub(member)?;
        Some(format!("{}{stub}", member.lead))
    });
    let members: String = members.collect();
    let header = &definition.text[..definition.body_begins()];
    format!("{header}{{\n{}{tail}}}", members.trim_start_matches('\n'))
}

/// A function that is to be written. What an earlier one did stands below, line by line, if the
/// chapter changes it.
pub(super) fn function(definition: &Definition<'_>, before: &[&str]) -> String {
    let margin = margin_of(definition.lead);
    let header = definition.text[..definition.body_begins()].trim_end();
    let brace = match header.contains("\nwhere") || header.contains("where\n") {
        true => format!("\n{margin}{{"),
        false => " {".to_owned(),
    };
    format!("{header}{brace}\n{}{margin}}}", body(definition, before))
}

/// A value, with the block that makes it to be written.
pub(super) fn value(definition: &Definition<'_>, before: &[&str]) -> String {
    match definition.text.rsplit_once('}') {
        Some((_, end)) if definition.text.contains("|| {") => {
            let header = &definition.text[..definition.body_begins_in_brackets()];
            format!("{header}{{\n{}}}{end}", body(definition, before))
        }
        _ => definition.text.to_owned(),
    }
}

/// The lines between two braces, where nothing is written yet.
fn body(definition: &Definition<'_>, before: &[&str]) -> String {
    let margin = margin_of(definition.lead);
    let mut body = format!("{margin}    {}\n", unwritten(definition.name()));
    if !before.is_empty() {
        body += &format!("{margin}    // As it was before this chapter:\n");
    }
    for line in before {
        let line = format!("{margin}    // {line}");
        body += &format!("{}\n", line.trim_end());
    }
    body
}

/// The blanks before the line that the definition begins in.
fn margin_of(lead: &str) -> &str {
    let line = lead.rsplit('\n').next().unwrap_or(lead);
    &line[..line.len() - line.trim_start().len()]
}

/// The patterns of a macro, each of which is still to be written.
fn macro_rules(definition: &Definition<'_>) -> String {
    let stub = unwritten(definition.name());
    let mut text = String::new();
    let mut rest = definition.body();
    while let Some((pattern, after)) = code(rest).split_once("=>").map(|(p, a)| (p.len(), a.len()))
    {
        text += &rest[..pattern];
        text += &format!("=> {{\n        {stub}\n    }};");
        let after = &rest[rest.len() - after..];
        let arm = split(after)
            .0
            .first()
            .map_or(after.len(), |arm| arm.lead.len() + arm.text.len());
        rest = after[arm..].trim_start_matches(';');
    }
    let header = &definition.text[..definition.body_begins()];
    format!("{header}{{{text}\n}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stubs(source: &str) -> Vec<String> {
        split(source).0.iter().filter_map(stub).collect()
    }

    #[test]
    fn bodies_go_and_signatures_stay() {
        let source = "/// Spawns.\npub fn spawn<F>(f: F) -> u32\nwhere\n    F: Copy,\n{\n    1\n}\n\nfn own() {}\n";
        let expected = format!(
            "pub fn spawn<F>(f: F) -> u32\nwhere\n    F: Copy,\n{{\n    {}\n}}",
            unwritten("spawn")
        );
        assert_eq!(stubs(source), [expected]);
    }

    #[test]
    fn private_members_of_a_type_are_left_to_the_reader() {
        let source = "impl Bell {\n    /// Rings.\n    pub fn ring(&self) {\n        self.own();\n    }\n\n    fn own(&self) {}\n}\n";
        let expected = format!(
            "impl Bell {{\n    /// Rings.\n    pub fn ring(&self) {{\n        {}\n    }}\n}}",
            unwritten("ring")
        );
        assert_eq!(stubs(source), [expected]);
        assert_eq!(stubs("impl Bell {\n    fn own(&self) {}\n}\n"), [""; 0]);
    }

    #[test]
    fn a_macro_keeps_its_patterns() {
        let source = "#[macro_export]\nmacro_rules! join {\n    ($a:expr) => {\n        $a\n    };\n    ($a:expr, $b:expr) => {\n        [$a, $b]\n    };\n}\n";
        let stubs = stubs(source);
        let text = &stubs[0];
        assert_eq!(text.matches(UNWRITTEN).count(), 2, "{text}");
        assert!(
            text.contains("($a:expr, $b:expr) =>") && !text.contains("[$a, $b]"),
            "{text}"
        );
    }
}
