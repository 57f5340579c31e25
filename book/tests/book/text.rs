//! Does a text keep to the rules: no code of its own, every word defined, not too long?

use std::collections::BTreeMap;

use laneway_book::reference::Reference;
use laneway_book::shelf::{Chapter, Shelf};
use laneway_book::text::{Piece, predictions};
use laneway_book::{diff, expand, prose};

use crate::{Findings, pieces, shelf};

/// Code stands in files that are compiled; a text only points there.
#[test]
fn there_is_no_orphan_code() {
    let shelf = shelf();
    let mut findings = Findings::default();
    let mut fetched = 0;
    for chapter in &shelf.chapters {
        for (line, piece) in pieces(chapter) {
            match piece {
                Piece::Fence { language, .. } if language != "text" => {
                    findings.add(chapter.mistake(
                        line,
                        format!("a block of `{language}`: only `text` stands in a text"),
                    ));
                }
                Piece::Listing(_) | Piece::Diff(..) => fetched += 1,
                _ => {}
            }
        }
    }
    println!(
        "orphan code blocks: {}; listings and diffs: {fetched}",
        findings.0.len()
    );
    findings.assert_none();
}

#[test]
fn all_listings_are_compiled() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for (line, piece) in pieces(chapter) {
            let references = match piece {
                Piece::Listing(one) => vec![one],
                Piece::Diff(old, new) => vec![old, new],
                _ => continue,
            };
            for reference in references {
                if !is_compiled(&shelf, chapter, &reference) {
                    let what = format!("{} is compiled by nothing", reference.path);
                    findings.add(chapter.mistake(line, what));
                }
            }
        }
    }
    findings.assert_none();
}

/// Cargo compiles what is in `src` and `tests`; other files are named there in a `path`.
fn is_compiled(shelf: &Shelf, chapter: &Chapter, reference: &Reference) -> bool {
    let owner = reference.chapter.and_then(|number| shelf.chapter(number));
    let owner = owner.unwrap_or(chapter);
    let path = reference.path.as_str();
    if path == "Cargo.toml" || path.starts_with("src/bin/") {
        return true;
    }
    // A module is declared by its name, in some file of the same target.
    let stem = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs");
    let declared = format!("mod {stem};");
    let by_path = format!("#[path = \"../../{path}\"]");
    let roots = match path.split('/').next() {
        Some("src") => vec!["src/lib.rs"],
        Some("tests") => vec!["tests/chapter/main.rs"],
        _ => vec![
            "tests/chapter/broken.rs",
            "tests/chapter/exercise.rs",
            "tests/chapter/second.rs",
        ],
    };
    roots.iter().any(|root| {
        let text = shelf.read(&owner.file(root)).unwrap_or_default();
        path == *root || text.contains(&declared) || text.contains(&by_path)
    })
}

#[test]
fn everything_that_is_asked_for_is_there() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for mistake in expand::chapter(&shelf, chapter).err().unwrap_or_default() {
            findings.add(mistake);
        }
    }
    findings.assert_none();
}

#[test]
fn diffs_can_be_applied() {
    let shelf = shelf();
    for chapter in &shelf.chapters {
        for (line, piece) in pieces(chapter) {
            if let Piece::Diff(old, new) = piece {
                let old = old.resolve(&shelf, chapter).expect("the old side").text;
                let new = new.resolve(&shelf, chapter).expect("the new side").text;
                let applied = diff::apply(&old, &diff::unified(&old, &new));
                let place = format!("{}:{line}", chapter.folder);
                assert_eq!(applied.as_deref(), Ok(new.as_str()), "{place}");
            }
        }
    }
}

#[test]
fn chapters_can_be_read_in_one_sitting() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        let (words, minutes) = prose::count(&pieces(chapter));
        println!(
            "{:<40} {words:>5} words {minutes:>3} minutes",
            chapter.folder
        );
        for sitting in prose::sittings(&pieces(chapter)) {
            let (words, _) = prose::count(sitting);
            let right = (1_500..=3_000).contains(&words);
            let what = format!("{words} words in a sitting; 1,500 to 3,000 are wanted");
            findings.check(chapter, right, what);
        }
    }
    findings.assert_none();
}

#[test]
fn predictions_are_computed() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        let tests = shelf.read(&chapter.file("tests/chapter/predictions.rs"));
        let tests = tests.unwrap_or_default();
        for prediction in predictions(&pieces(chapter)) {
            let mut needs = |holds: bool, what: &str| {
                if !holds {
                    let what = format!("prediction `{}`: {what}", prediction.name);
                    findings.add(chapter.mistake(prediction.line, what));
                }
            };
            let compared = format!("prediction!(\"{}\"", prediction.name);
            needs(tests.contains(&compared), "no test computes it");
            let choices = &prediction.choices;
            let right = choices
                .iter()
                .filter(|choice| **choice == prediction.answer);
            let right = right.count();
            needs(!prediction.answer.is_empty(), "it has no answer");
            needs(
                choices.is_empty() || right == 1,
                "its answer is not one of its choices",
            );
            let explained = |choice: &str| {
                let start = format!("{choice}: ");
                let mut reasons = prediction.reasons.iter();
                choice == prediction.answer || reasons.any(|reason| reason.starts_with(&start))
            };
            let silent = choices.iter().find(|choice| !explained(choice));
            needs(
                silent.is_none(),
                "a wrong choice does not say why it is wrong",
            );
        }
    }
    findings.assert_none();
}

/// Bold is for a word where it is defined. `glossary.md` defines it again, and says what it is called
/// elsewhere.
#[test]
fn new_words_are_in_the_glossary() {
    let shelf = shelf();
    let mut findings = Findings::default();
    let mut defined: BTreeMap<String, &str> = BTreeMap::new();
    for chapter in &shelf.chapters {
        let glossary = expand::definitions(&shelf, chapter);
        let mut bold: Vec<String> = Vec::new();
        for (line, piece) in pieces(chapter) {
            let Piece::Prose(text) = piece else { continue };
            for word in prose::bold(&text) {
                bold.push(word.to_owned());
                if !glossary.iter().any(|(known, _)| known == word) {
                    let what = format!("glossary.md does not define {word}");
                    findings.add(chapter.mistake(line, what));
                }
                if let Some(other) = defined.insert(word.to_lowercase(), &chapter.folder) {
                    findings.add(chapter.mistake(line, format!("{word} is new in {other}")));
                }
            }
        }
        for (word, meaning) in glossary {
            let elsewhere = meaning.contains(" Elsewhere");
            let what = format!("{word}: nothing is said of its name elsewhere");
            findings.check(chapter, elsewhere, what);
            let there = bold.contains(&word);
            findings.check(
                chapter,
                there,
                format!("{word} is not bold where it is defined"),
            );
        }
    }
    findings.assert_none();
}

#[test]
fn the_voice_is_calm() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for (line, text) in prose::lines(&pieces(chapter)) {
            // An image or an admonition begins with one.
            let text = text.replace("![", "[");
            if text.contains('!') || prose::words(&text).any(|word| word == "simply") {
                findings.add(chapter.mistake(line, "no exclamation marks, no \"simply\""));
            }
            if text.contains('—') {
                findings.add(chapter.mistake(line, "a colon or two sentences instead of a dash"));
            }
        }
    }
    findings.assert_none();
}
