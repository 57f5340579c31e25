//! Chapter 5's tests.

// `broken.rs`, `exercise.rs` and `solution.rs` are written as parts of a library.
#![allow(unreachable_pub)]

mod at_home;
mod broken;
mod conformance;
mod day;
mod exercise;
mod predictions;
mod second;
mod seen;
mod step;

use std::sync::{Arc, Mutex};

/// What tasks have written down, in the order in which they did.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: impl ToString) {
        self.0.lock().unwrap().push(line.to_string());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
