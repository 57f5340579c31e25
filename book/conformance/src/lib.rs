//! Tests for the runtime that you build along the book, up to the chapter that you have reached.
//!
//! `cargo chapter N mine` makes a package in which all of this is in place, and `cargo chapter N
//! check` runs it: the rest of this page is for a project of another layout.
//!
//! In the `Cargo.toml` of your project, with the path from there to the book's repository:
//!
//! ```toml
//! [dev-dependencies]
//! laneway-conformance = { path = "../laneway/book/conformance" }
//! ```
//!
//! In a test of it, say `tests/conformance.rs`, implement [`Runtime`] for a type of yours, as far
//! as you have come, and let [`conformance!`] write the tests. What you have not built yet
//! needs no code: its methods have bodies that say so, and [`NotBuilt`] stands for the task type.
//!
//! ```
//! use laneway_conformance::{NotBuilt, Runtime};
//!
//! struct Mine;
//!
//! impl Runtime for Mine {
//!     type Task<T: Send + 'static> = NotBuilt<T>;
//!
//!     fn block_on<F: Future>(future: F) -> F::Output {
//!         // Yours goes here.
//! #       laneway::block_on(future)
//!     }
//! }
//!
//! laneway_conformance::conformance!(Mine, up_to = 1);
//! # let checks = laneway_conformance::checks::<Mine>(1);
//! # checks.iter().for_each(|check| (check.run)());
//! ```
//!
//! There is one test a chapter, which names the checks that fail. A check that waits for
//! something gives up after [`PATIENCE`] and says what it waited for. Checks share your runtime,
//! which the book makes one for the whole process, so the suite runs them one at a time.
//!
//! In a test with `harness = false`, [`report`] is all that `main` has to call. It runs each check in
//! a process of its own and prints a line for each.

mod bug;
mod chapters;
mod measure;
mod outcome;
mod process;
mod report;
mod runtime;
mod tools;

pub use bug::seen_by;
pub use measure::measure;
pub use process::told_cores;
pub use report::report;
pub use runtime::{BoxedFuture, NotBuilt, Priority, Runtime};
pub use tools::PATIENCE;

use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One thing that a runtime has to do.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The chapter that builds it.
    pub chapter: u32,
    /// Its name, a sentence.
    pub name: &'static str,
    /// Panics if the runtime does not do it.
    pub run: fn(),
}

/// The last chapter that there are checks for.
pub const LAST_CHAPTER: u32 = 9;

/// The checks of one chapter, for a runtime.
///
/// # Panics
///
/// If there is no such chapter.
#[must_use]
pub fn checks<R: Runtime>(chapter: u32) -> Vec<Check> {
    match chapter {
        1 => chapters::polling::checks::<R>(),
        2 => chapters::one_queue::checks::<R>(),
        3 => chapters::more_consumers::checks::<R>(),
        4 => chapters::two_queues::checks::<R>(),
        5 => chapters::stealing::checks::<R>(),
        6 => chapters::spawn_task::checks::<R>(),
        7 => chapters::join::checks::<R>(),
        8 => chapters::builder::checks::<R>(),
        9 => chapters::background::checks::<R>(),
        _ => panic!("there are checks for chapters 1 to {LAST_CHAPTER}"),
    }
}

/// Runs the checks of one chapter.
///
/// # Panics
///
/// If one fails, with the names of all that did.
pub fn run_chapter<R: Runtime>(chapter: u32) {
    let failed: Vec<&str> = failed::<R>(chapter).collect();
    assert!(
        failed.is_empty(),
        "chapter {chapter}: the runtime does not pass {failed:?}"
    );
}

/// Asserts that a runtime does not pass a chapter: what the book's own steps do with the chapter
/// after theirs.
///
/// # Panics
///
/// If it passes.
pub fn must_fail<R: Runtime>(chapter: u32) {
    // One failure is enough: others may take their time.
    let failed = failed::<R>(chapter).next();
    assert!(
        failed.is_some(),
        "the runtime passes chapter {chapter} already"
    );
}

/// Runs the checks of a chapter, and gives the names of those that fail.
fn failed<R: Runtime>(chapter: u32) -> impl Iterator<Item = &'static str> {
    let checks = checks::<R>(chapter).into_iter();
    let failed = checks.filter(|check| {
        let _turn = turn();
        catch_unwind(check.run).is_err()
    });
    failed.map(|check| check.name)
}

/// Checks count threads and fill queues: only one of them runs at a time. A test beside them that
/// blocks consumers of the same runtime takes a turn too.
#[doc(hidden)]
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a test for each chapter up to the one that is named.
///
/// `conformance!(Mine, up_to = 3)` is `chapter_1`, `chapter_2` and `chapter_3`, each of which runs
/// the checks of that chapter and names those that fail.
#[macro_export]
macro_rules! conformance {
    ($runtime:ty, up_to = 1) => {
        $crate::chapter_test!($runtime, chapter_1, 1);
    };
    ($runtime:ty, up_to = 2) => {
        $crate::conformance!($runtime, up_to = 1);
        $crate::chapter_test!($runtime, chapter_2, 2);
    };
    ($runtime:ty, up_to = 3) => {
        $crate::conformance!($runtime, up_to = 2);
        $crate::chapter_test!($runtime, chapter_3, 3);
    };
    ($runtime:ty, up_to = 4) => {
        $crate::conformance!($runtime, up_to = 3);
        $crate::chapter_test!($runtime, chapter_4, 4);
    };
    ($runtime:ty, up_to = 5) => {
        $crate::conformance!($runtime, up_to = 4);
        $crate::chapter_test!($runtime, chapter_5, 5);
    };
    ($runtime:ty, up_to = 6) => {
        $crate::conformance!($runtime, up_to = 5);
        $crate::chapter_test!($runtime, chapter_6, 6);
    };
    ($runtime:ty, up_to = 7) => {
        $crate::conformance!($runtime, up_to = 6);
        $crate::chapter_test!($runtime, chapter_7, 7);
    };
    ($runtime:ty, up_to = 8) => {
        $crate::conformance!($runtime, up_to = 7);
        $crate::chapter_test!($runtime, chapter_8, 8);
    };
    ($runtime:ty, up_to = 9) => {
        $crate::conformance!($runtime, up_to = 8);
        $crate::chapter_test!($runtime, chapter_9, 9);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! chapter_test {
    ($runtime:ty, $name:ident, $chapter:literal) => {
        #[test]
        fn $name() {
            $crate::run_chapter::<$runtime>($chapter);
        }
    };
}
