//! How far it has come: one line that is written over on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines {
        started: Instant,
        printed: Option<Instant>,
        done: usize,
        total: usize,
    },
}

impl Progress {
    pub(crate) fn new(total: usize) -> Progress {
        if io::stderr().is_terminal() {
            let style = "{bar:20} {pos}/{len}, {eta} left  {wide_msg}";
            let style = ProgressStyle::with_template(style).expect("the template is well formed");
            Progress::Bar(ProgressBar::new(total as u64).with_style(style))
        } else {
            Progress::Lines {
                started: Instant::now(),
                printed: None,
                done: 0,
                total,
            }
        }
    }

    /// Says what is run now.
    pub(crate) fn begins(&mut self, id: &str) {
        match self {
            Progress::Bar(bar) => bar.set_message(id.to_owned()),
            Progress::Lines {
                started,
                printed,
                done,
                total,
            } => {
                if printed.is_none_or(|printed| printed.elapsed() >= LINE_EVERY) {
                    *printed = Some(Instant::now());
                    let left = left(started.elapsed(), *done, *total);
                    let left = left.map_or_else(String::new, |left| {
                        format!(", about {} s left", left.as_secs())
                    });
                    // If nobody listens there, the results are as good.
                    let _ = writeln!(io::stderr(), "{done} of {total} done{left}: {id}");
                }
            }
        }
    }

    /// Counts what was run.
    pub(crate) fn ended(&mut self) {
        match self {
            Progress::Bar(bar) => bar.inc(1),
            Progress::Lines { done, .. } => *done += 1,
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The time that is left if all take as long, once one is done.
fn left(elapsed: Duration, done: usize, total: usize) -> Option<Duration> {
    (done > 0).then(|| elapsed.mul_f64((total - done) as f64 / done as f64))
}
