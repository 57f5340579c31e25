//! Do the programs print what the pages show?
//!
//! A program whose transcript ends with the line `HANGS` has to hang; any other has to end.
//!
//! `UPDATE_TRANSCRIPTS=1 cargo test -p laneway-book transcripts` keeps what they print now.

use std::time::Duration;
use std::{env, fs};

use laneway_book::programs::{self, Transcript};

use crate::{Findings, shelf};

/// How many times each program runs: its orders differ.
const RUNS: usize = 3;

/// For a program that ends: so long that even a busy machine gets there.
const LONG: Duration = Duration::from_secs(60);

/// For one that is new, or whose transcript says that it hangs.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn programs_print_what_the_pages_show() {
    let shelf = shelf();
    let folder = programs::build_all(&shelf).unwrap_or_else(|error| panic!("{error}"));
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for program in programs::of(&shelf, chapter).expect("a chapter has programs") {
            let name = &program.name;
            let mut printed = Vec::new();
            let kept = Transcript::read(&shelf, chapter, name);
            let patience = match kept {
                Ok(kept) if !kept.hangs() => LONG,
                _ => SHORT,
            };
            for _ in 0..RUNS {
                match programs::run_watched(&folder, name, patience) {
                    Ok(text) => printed.push(text),
                    Err(error) => findings.add(error),
                }
            }
            if env::var_os("UPDATE_TRANSCRIPTS").is_some()
                && let Some(text) = printed.first()
            {
                let file = shelf.path(&Transcript::file(chapter, name));
                fs::write(file, text).expect("a transcript can be written");
            }
            match Transcript::read(&shelf, chapter, name) {
                Err(error) => findings.check(chapter, false, error),
                Ok(kept) => {
                    // What the page shows has to be legal, too.
                    printed.push(kept.text.clone());
                    for text in &printed {
                        if let Err(error) = kept.order.check(text) {
                            let what = format!("{name}: {error}\n--- printed:\n{text}");
                            findings.check(chapter, false, what);
                        }
                    }
                }
            }
        }
    }
    findings.assert_none();
}
