//! A place in a source file, as directives write it: `2:src/lib.rs#spawn, run_one`.

use std::ops::Range;
use std::str::FromStr;

use crate::item;
use crate::shelf::{Chapter, Shelf};

/// A file of a chapter, or items of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The chapter, if it is another one.
    pub chapter: Option<u32>,
    /// The file, from the chapter's folder.
    pub path: String,
    /// The items in it; none means the whole file.
    pub items: Vec<String>,
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, from the repository's root.
    pub file: String,
    /// The line that it begins in, from 1.
    pub line: usize,
    /// The lines themselves, those of several items with a blank line between them.
    pub text: String,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Reference, String> {
        let text = text.trim();
        let (chapter, rest) = match text.split_once(':') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = number.parse();
                (Some(number.map_err(|_| "a chapter's number")?), rest)
            }
            _ => (None, text),
        };
        let (path, items) = rest.split_once('#').unwrap_or((rest, ""));
        if path.is_empty() {
            return Err("a file is missing".to_owned());
        }
        let items = items.split(',').map(str::trim);
        Ok(Reference {
            chapter,
            path: path.to_owned(),
            items: items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }
}

impl Reference {
    /// Fetches what is referred to by the text of `chapter`.
    ///
    /// # Errors
    ///
    /// What is not there.
    pub fn resolve(&self, shelf: &Shelf, chapter: &Chapter) -> Result<Excerpt, String> {
        let chapter = match self.chapter {
            None => chapter,
            Some(number) => shelf
                .chapter(number)
                .ok_or_else(|| format!("there is no chapter {number}"))?,
        };
        let file = chapter.file(&self.path);
        let source = shelf
            .read_kept(&file)
            .map_err(|error| format!("{file}: {error}"))?;
        if self.items.is_empty() {
            let text = item::without_anchors(source.lines());
            return Ok(Excerpt {
                file,
                line: 1,
                text,
            });
        }
        let mut found = Vec::new();
        for name in &self.items {
            let lines = item::find(&source, name)
                .ok_or_else(|| format!("there is no item or anchor `{name}` in {file}"))?;
            found.push(lines);
        }
        Ok(Excerpt {
            file,
            line: found[0].start + 1,
            text: assembled(&source, &found),
        })
    }
}

/// The items with a blank line between them. Members stand in the block that they are members of,
/// neighbours in one.
fn assembled(source: &str, found: &[Range<usize>]) -> String {
    let owner = |lines: &Range<usize>| item::owner(source, lines.start);
    let groups = found.chunk_by(|a, b| owner(a).is_some() && owner(a) == owner(b));
    let texts: Vec<String> = groups
        .map(|group| {
            let items = group
                .iter()
                .map(|lines| item::excerpt(source, lines.clone()));
            let text = items.collect::<Vec<_>>().join("\n");
            match owner(&group[0]) {
                Some(header) => format!("{header}\n{}}}\n", item::indented(&text)),
                None => text,
            }
        })
        .collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_chapter_file_and_items() {
        let all: Reference = "2:src/lib.rs#spawn, impl Wake for Bell".parse().unwrap();
        assert_eq!((all.chapter, all.path.as_str()), (Some(2), "src/lib.rs"));
        assert_eq!(all.items, ["spawn", "impl Wake for Bell"]);
        let file: Reference = "Cargo.toml".parse().unwrap();
        assert_eq!((file.chapter, file.items.len()), (None, 0));
        assert!("2:".parse::<Reference>().is_err());
    }
}
