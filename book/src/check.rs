//! For the chapters' own tests: what has to fail, and what a prediction has to say.

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::shelf::TEXT;
use crate::text;

/// The environment variable that shows red tests as they are. `cargo chapter 2 broken` sets it.
pub const SHOW_RED: &str = "LANEWAY_BOOK_SHOW_RED";

/// Passes if `body` panics. `why` says why it has to: a clause that goes on from "because".
///
/// With [`SHOW_RED`] set it runs `body` and nothing else, so that a reader sees the test fail, and
/// sees it pass once the code under test is mended.
///
/// # Panics
///
/// If `body` does not.
pub fn red(why: &str, body: impl FnOnce()) {
    if env::var_os(SHOW_RED).is_some() {
        return body();
    }
    let outcome = catch_unwind(AssertUnwindSafe(body));
    assert!(
        outcome.is_err(),
        "this passes now. If you have solved it, all is well: undo your change, or leave this test \
         red. As the book is kept, it has to fail, because {why}"
    );
}

/// Compares the answer to a prediction, as code has just computed it, with the one that the text
/// of the chapter gives. Call it by [`prediction!`](crate::prediction).
///
/// # Panics
///
/// If they differ, or there is no such prediction.
pub fn prediction(folder: &str, name: &str, answer: &str) {
    let path = Path::new(folder).join(TEXT);
    let text = fs::read_to_string(&path).expect("a chapter has a text");
    let pieces = match text::parse(&text) {
        Ok(pieces) => pieces,
        Err((line, what)) => panic!("{}:{line}: {what}", path.display()),
    };
    let predictions = text::predictions(&pieces);
    let found = predictions
        .iter()
        .find(|prediction| prediction.name == name);
    let found = found.unwrap_or_else(|| panic!("the text has no prediction `{name}`"));
    assert_eq!(
        found.answer, answer,
        "line {}: the text's answer to `{name}` (left) is not what the code does (right)",
        found.line
    );
}

/// `prediction!("who-is-next", answer)` compares the answer that a test has computed with the one
/// that the chapter's text gives.
#[macro_export]
macro_rules! prediction {
    ($name:literal, $answer:expr) => {
        $crate::check::prediction(env!("CARGO_MANIFEST_DIR"), $name, &$answer.to_string())
    };
}
