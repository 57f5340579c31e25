//! The book's tests of its own bugs: a step with a bug in it, and the checks that see it.

use std::process::ExitCode;
use std::thread;

use crate::outcome::Outcome;
use crate::process::if_asked;
use crate::{Check, Runtime, checks};

/// The numbers of cores that a step with a bug is told.
const MACHINES: [usize; 3] = [1, 2, 8];

/// The `main` of a test without a harness: these checks of a chapter fail for a step with the
/// chapter's bug in it, and hold for one that differs from it in nothing but the bug. So it is on
/// machines with one, two and eight cores, as told by [`told_cores`](crate::told_cores).
///
/// # Panics
///
/// If the chapter has no such check.
pub fn seen_by<Bug: Runtime, Mended: Runtime>(chapter: u32, seeing: &[&str]) -> ExitCode {
    if_asked::<Bug>("bug");
    if_asked::<Mended>("mended");
    let checks = checks::<Bug>(chapter);
    let named = |name: &&str| *checks.iter().find(|check| check.name == *name).expect(name);
    let named: Vec<Check> = seeing.iter().map(named).collect();
    let verdicts = thread::scope(|scope| {
        let runs = MACHINES.map(|cores| {
            scope.spawn({
                let named = &named;
                move || on_machine(named, cores)
            })
        });
        runs.map(|run| run.join().expect("a run ends"))
    });
    let findings = verdicts.concat();
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    match findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The checks that fail wrongly, or pass wrongly, on a machine with this number of cores.
fn on_machine(checks: &[Check], cores: usize) -> Vec<String> {
    let mut findings = Vec::new();
    for check in checks {
        let (bug, mended) = (check.outcome("bug", cores), check.outcome("mended", cores));
        if !matches!(bug, Outcome::Fails(_)) || mended != Outcome::Holds {
            let name = check.name;
            findings.push(format!(
                "{cores} cores, {name}: bug {bug:?}, mended {mended:?}"
            ));
        }
    }
    findings
}
