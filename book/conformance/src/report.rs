//! The program that a reader runs: a line for each check.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{env, thread};

use crate::measure::{self, measure};
use crate::outcome::Outcome;
use crate::process::{if_asked, told_cores};
use crate::{Check, Runtime, checks};

/// The runtime that is checked is the only one of its program.
const SUBJECT: &str = "runtime";

/// How many checks run at once: those that fail do little but wait.
const AT_ONCE: usize = 4;

/// The `main` of a test without a harness: runs all checks up to a chapter, each in a process of its
/// own, and prints a line for each. Fails if one does not hold.
///
/// Where `cargo chapter N bench` asks for it, a runtime that passes all of them is [`measure`]d, and
/// the lines are those of its figures.
///
/// # Panics
///
/// If there is no such chapter, or the standard output is closed.
pub fn report<R: Runtime>(up_to: u32) -> ExitCode {
    if_asked::<R>(SUBJECT);
    let checks: Vec<Check> = (1..=up_to).flat_map(checks::<R>).collect();
    let is_measured = measure::is_asked();
    let mut held = 0;
    in_order(&checks, |check, outcome| {
        held += usize::from(*outcome == Outcome::Holds);
        if !is_measured {
            print(&line(check, outcome, Paint::for_output()));
        }
    });
    if held < checks.len() {
        print(&format!("{held} of {} checks pass", checks.len()));
        return ExitCode::FAILURE;
    }
    match is_measured {
        true => measure::<R>(up_to),
        false => print(&format!(
            "all {held} checks pass: a runtime up to chapter {up_to}"
        )),
    }
    ExitCode::SUCCESS
}

fn print(line: &str) {
    writeln!(io::stdout(), "{line}").expect("the output is open");
}

/// Runs checks, some at once, and hands over what came of them in their order.
pub(crate) fn in_order(checks: &[Check], mut ended: impl FnMut(&Check, &Outcome)) {
    let next = AtomicUsize::new(0);
    let cores = told_cores();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..AT_ONCE {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = sender.send((check.name, check.outcome(SUBJECT, cores)));
                    told.expect("the outcomes are awaited");
                }
            });
        }
        let mut early: Vec<(&str, Outcome)> = Vec::new();
        for check in checks {
            while !early.iter().any(|(name, _)| *name == check.name) {
                early.push(receiver.recv().expect("every check ends"));
            }
            let (_, outcome) = early
                .iter()
                .find(|(name, _)| *name == check.name)
                .expect("it came");
            ended(check, outcome);
        }
    });
}

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Coloured,
}

impl Paint {
    /// Colours are for terminals whose user has not declined them.
    fn for_output() -> Paint {
        match io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() {
            true => Paint::Coloured,
            false => Paint::Plain,
        }
    }
}

/// The line of a check.
fn line(check: &Check, outcome: &Outcome, paint: Paint) -> String {
    let (colour, word, why) = match outcome {
        Outcome::Holds => (32, "pass   ", String::new()),
        Outcome::Missing(part) => (33, "missing", format!(": {part}")),
        Outcome::Fails(why) => (31, "fail   ", format!(": {why}")),
    };
    let word = match paint {
        Paint::Plain => word.to_owned(),
        Paint::Coloured => format!("\u{1b}[{colour}m{word}\u{1b}[0m"),
    };
    format!(
        "{} {word} {}{why}",
        check.chapter,
        check.name.replace('_', " ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_came_of_a_check() {
        let check = Check {
            chapter: 2,
            name: "outlives_a_panic",
            run: || {},
        };
        let plain = line(&check, &Outcome::Holds, Paint::Plain);
        assert_eq!(plain, "2 pass    outlives a panic");
        let fails = Outcome::Fails("it did not".to_owned());
        let coloured = line(&check, &fails, Paint::Coloured);
        assert_eq!(
            coloured,
            "2 \u{1b}[31mfail   \u{1b}[0m outlives a panic: it did not"
        );
    }
}
