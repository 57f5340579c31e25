//! A line on a terminal that is written again and again. Where there is no terminal, there is none.

use std::io::{self, IsTerminal, Write};

const BAR: usize = 30;

/// The line, on standard error.
#[derive(Debug)]
pub(crate) struct Progress(Option<io::Stderr>);

impl Progress {
    pub(crate) fn new() -> Progress {
        let stderr = io::stderr();
        Progress(stderr.is_terminal().then_some(stderr))
    }

    pub(crate) fn show(&mut self, text: &str) {
        if let Some(stderr) = &mut self.0 {
            // The code clears what was longer before.
            let _ = write!(stderr, "\r{text}\x1b[K");
            let _ = stderr.flush();
        }
    }

    pub(crate) fn bar(&mut self, what: &str, done: usize, all: usize) {
        let full = (BAR * done).checked_div(all).unwrap_or(BAR).min(BAR);
        let (full, rest) = ("#".repeat(full), ".".repeat(BAR - full));
        self.show(&format!("{what} [{full}{rest}] {done} of {all}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}
