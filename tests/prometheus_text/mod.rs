//! Reads Prometheus' text format, version 0.0.4, and takes no more than its specification allows.

use std::collections::BTreeMap;

/// A metric with its samples, by their names and sorted labels.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) samples: BTreeMap<(String, Labels), f64>,
}

pub(crate) type Labels = BTreeMap<String, String>;

/// Reads a whole text, or panics with the line that is wrong.
#[track_caller]
pub(crate) fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line ends"
    );
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect(line);
            assert!(is_name(name) && !words.is_empty(), "{line}");
            assert!(!families.contains_key(name), "twice: {line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(line);
            assert_eq!(name, helped, "HELP and TYPE belong together");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            current = name.to_owned();
            families.entry(current.clone()).or_default().kind = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            let family = families.get_mut(&current).expect(line);
            let suffix = name
                .strip_prefix(&current)
                .expect("samples follow their TYPE");
            match family.kind.as_str() {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
            let before = family.samples.insert((name, labels), value);
            assert_eq!(before, None, "the same sample twice: {line}");
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[track_caller]
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    if let Some(value) = rest.strip_prefix(' ') {
        return (name.to_owned(), Labels::new(), value.parse().expect(line));
    }
    let rest = &rest[1..];
    let mut rest = rest.chars();
    let mut labels = Labels::new();
    loop {
        let label: String = rest.by_ref().take_while(|&c| c != '=').collect();
        assert!(is_name(&label), "{line}");
        assert_eq!(rest.next(), Some('"'), "{line}");
        let value = label_value(&mut rest, line);
        assert_eq!(labels.insert(label, value), None, "{line}");
        match rest.next() {
            Some(',') => {}
            Some('}') => break,
            other => panic!("{other:?} after a label: {line}"),
        }
    }
    let value = rest.as_str().strip_prefix(' ').expect(line);
    (name.to_owned(), labels, value.parse().expect(line))
}

fn label_value(rest: &mut std::str::Chars<'_>, line: &str) -> String {
    let mut value = String::new();
    loop {
        match rest.next().expect(line) {
            '"' => return value,
            '\\' => value.push(match rest.next() {
                Some('\\') => '\\',
                Some('"') => '"',
                Some('n') => '\n',
                other => panic!("an escape that does not exist, {other:?}: {line}"),
            }),
            character => value.push(character),
        }
    }
}
