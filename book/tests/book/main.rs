//! The book's tests of itself: what every chapter has to have, and what has to be true of it.

mod layout;
mod links;
mod replays;
mod spelling;
mod text;
mod transcripts;

use std::fmt::Display;

use laneway_book::shelf::{Chapter, Shelf};
use laneway_book::text::Piece;

fn shelf() -> Shelf {
    Shelf::open().expect("the chapters can be read")
}

fn pieces(chapter: &Chapter) -> Vec<(usize, Piece)> {
    let pieces = chapter.pieces();
    pieces.unwrap_or_else(|mistake| panic!("{mistake}"))
}

/// What there is to mend, shown all at once.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, finding: impl Display) {
        self.0.push(finding.to_string());
    }

    fn check(&mut self, chapter: &Chapter, holds: bool, what: impl Display) {
        if !holds {
            self.add(format!("{}: {what}", chapter.folder));
        }
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}\n", self.0.join("\n"));
    }
}
