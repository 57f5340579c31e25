//! Do the links lead somewhere?

use laneway_book::expand::{Link, resolve_link};
use laneway_book::shelf::Shelf;
use laneway_book::{item, prose};

use crate::{Findings, shelf};

/// The texts, each with its folder and its file.
fn texts(shelf: &Shelf) -> Vec<(String, String)> {
    let chapters = shelf.chapters.iter();
    let mut texts: Vec<_> = chapters
        .flat_map(|chapter| {
            let glossary = shelf.read(&chapter.file("glossary.md"));
            let texts = [chapter.text.clone(), glossary.unwrap_or_default()];
            texts.map(|text| (chapter.file(""), text))
        })
        .collect();
    let preface = shelf.preface().expect("there is a preface");
    texts.push(("book/chapters/".to_owned(), preface));
    texts
}

#[test]
fn every_link_leads_somewhere() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for (folder, text) in texts(&shelf) {
        for (number, line) in (1..).zip(text.lines()) {
            for target in prose::links(line) {
                if let Err(what) = follow(&shelf, &folder, target) {
                    findings.add(format!("{folder}: line {number}: {target}: {what}"));
                }
            }
        }
    }
    findings.assert_none();
}

fn follow(shelf: &Shelf, folder: &str, target: &str) -> Result<(), String> {
    match resolve_link(folder, target) {
        Link::Elsewhere => Ok(()),
        Link::Page(page, heading) => {
            let file = format!("book/chapters/{page}README.md");
            let text = shelf
                .read(&file)
                .map_err(|error| format!("{file}: {error}"))?;
            let mut headings = text.lines().filter(|line| line.starts_with('#'));
            match heading.is_empty() || headings.any(|line| prose::slug(line) == heading) {
                true => Ok(()),
                false => Err("there is no such heading".to_owned()),
            }
        }
        Link::Source(file, name) => {
            let text = shelf
                .read(&file)
                .map_err(|error| format!("{file}: {error}"))?;
            match name.is_empty() || item::find(&text, &name).is_some() {
                true => Ok(()),
                false => Err("there is no such item".to_owned()),
            }
        }
    }
}

/// A reader who has forgotten a chapter is one click away from it.
#[test]
fn a_chapter_that_is_named_is_a_link() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for named in unlinked(&chapter.text) {
            let is_here = shelf.chapter(named).is_some();
            findings.check(chapter, !is_here, format!("chapter {named} is no link"));
        }
    }
    findings.assert_none();
}

/// The numbers behind the word "chapter" that are in no link's label and in no code.
fn unlinked(text: &str) -> Vec<u32> {
    let prose: Vec<&str> = text.split('`').step_by(2).collect();
    let mut outside = String::new();
    for part in prose.concat().split('[') {
        outside.push_str(part.split_once("](").map_or(part, |(_, rest)| rest));
    }
    let words: Vec<&str> = outside.split_whitespace().collect();
    let pairs = words
        .windows(2)
        .filter(|pair| pair[0].to_lowercase() == "chapter");
    pairs
        .filter_map(|pair| {
            let number = pair[1].trim_matches(|c: char| !c.is_ascii_digit());
            number.parse().ok()
        })
        .collect()
}

/// A chapter ends with the way to the same thing in the runtime that ships.
#[test]
fn every_chapter_leads_to_the_shipped_source() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        let heading = "## Where this is in the shipped source";
        let (_, section) = chapter.text.split_once(heading).unwrap_or_default();
        let items = section.lines().flat_map(prose::links).filter(|target| {
            let link = resolve_link(&chapter.file(""), target);
            matches!(link, Link::Source(file, item) if file.starts_with("src/") && !item.is_empty())
        });
        let items = items.count();
        findings.check(chapter, items >= 2, "fewer than two links to shipped items");
    }
    findings.assert_none();
}
