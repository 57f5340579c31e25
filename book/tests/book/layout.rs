//! Has every chapter all that a chapter has to have?

use std::collections::BTreeMap;
use std::fs;

use laneway_book::programs::{self, Transcript};
use laneway_book::text::{self, Kind, Piece};

use crate::{Findings, pieces, shelf};

const FILES: [&str; 16] = [
    "Cargo.toml",
    "README.md",
    "glossary.md",
    "words.txt",
    "broken.rs",
    "exercise.rs",
    "second.rs",
    "second_solution.rs",
    "solution.rs",
    "src/lib.rs",
    "tests/chapter/broken.rs",
    "tests/chapter/conformance.rs",
    "tests/chapter/exercise.rs",
    "tests/chapter/predictions.rs",
    "tests/chapter/second.rs",
    "tests/chapter/step.rs",
];

#[test]
fn every_chapter_has_its_files() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for file in FILES {
            let there = shelf.path(&chapter.file(file)).is_file();
            findings.check(chapter, there, format!("{file} is missing"));
        }
        let tests = shelf.read(&chapter.file("tests/chapter/main.rs"));
        let tests = tests.unwrap_or_default();
        for module in [
            "broken",
            "conformance",
            "exercise",
            "predictions",
            "second",
            "step",
        ] {
            let declared = tests.contains(&format!("mod {module};"));
            findings.check(
                chapter,
                declared,
                format!("tests/chapter/main.rs needs {module}"),
            );
        }
        let manifest = shelf.read(&chapter.file("Cargo.toml")).unwrap_or_default();
        let name = format!("name = \"{}\"", chapter.package());
        findings.check(
            chapter,
            manifest.contains(&name),
            format!("the package needs {name}"),
        );
    }
    findings.assert_none();
}

#[test]
fn every_chapter_has_its_parts() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        let pieces = pieces(chapter);
        let any = |is: fn(&Piece) -> bool| pieces.iter().any(|(_, piece)| is(piece));
        let mut needs = |holds, what| findings.check(chapter, holds, what);
        needs(
            any(|piece| *piece == Piece::Open(Kind::Broken)),
            "no `::: broken`",
        );
        let exercises = pieces.iter();
        let exercises = exercises.filter(|(_, piece)| *piece == Piece::Open(Kind::Exercise));
        needs(exercises.count() >= 2, "fewer than two exercises");
        let is_open = chapter.text.contains("\nAnd a question without a test:");
        needs(is_open, "no question without a test");
        needs(any(|piece| matches!(piece, Piece::Figure(..))), "no figure");
        let grows = chapter.number == 1 || any(|piece| matches!(piece, Piece::Diff(..)));
        needs(grows, "no diff from the step before");
        let moves = chapter.number == 1 || any(|piece| matches!(piece, Piece::Replay(..)));
        needs(moves, "no replay");
        needs(
            text::predictions(&pieces).len() >= 2,
            "fewer than two predictions",
        );
        for heading in [
            "## What you can now do",
            "## Where this is in the shipped source",
        ] {
            let there = chapter.text.lines().any(|line| line == heading);
            findings.check(chapter, there, format!("no `{heading}`"));
        }
    }
    findings.assert_none();
}

#[test]
fn numbers_and_programs_are_unique() {
    let shelf = shelf();
    let mut findings = Findings::default();
    let mut owners = BTreeMap::new();
    for (chapter, next) in shelf.chapters.iter().zip(&shelf.chapters[1..]) {
        findings.check(next, chapter.number < next.number, "the number is taken");
    }
    for chapter in &shelf.chapters {
        let programs = programs::of(&shelf, chapter).expect("a chapter has programs");
        findings.check(chapter, !programs.is_empty(), "no program");
        for program in programs {
            // They are built into one folder.
            if let Some(other) = owners.insert(program.name.clone(), &chapter.folder) {
                findings.check(
                    chapter,
                    false,
                    format!("{other} has a {} too", program.name),
                );
            }
        }
    }
    findings.assert_none();
}

/// What a program prints is in the text; what is kept belongs to a program.
#[test]
fn every_program_is_shown() {
    let shelf = shelf();
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        let pieces = pieces(chapter);
        let programs = programs::of(&shelf, chapter).expect("a chapter has programs");
        for program in &programs {
            let shown = Piece::Transcript(program.name.clone());
            let shown = pieces.iter().any(|(_, piece)| *piece == shown);
            findings.check(chapter, shown, format!("{} is not shown", program.name));
        }
        let folder = shelf.path(&chapter.file("transcripts"));
        for entry in fs::read_dir(folder).expect("a chapter has transcripts") {
            let path = entry.expect("a folder can be read").path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let known = programs.iter().any(|program| program.name == stem);
            findings.check(
                chapter,
                known,
                format!("a transcript of {stem}, which is none"),
            );
        }
        for program in &programs {
            let kept = Transcript::read(&shelf, chapter, &program.name);
            findings.check(
                chapter,
                kept.is_ok(),
                format!("no transcript of {}", program.name),
            );
        }
    }
    findings.assert_none();
}
