//! The book's tests of its own bugs: a step with a bug in it, and the checks that see it.

use std::process::ExitCode;

use crate::outcome::Outcome;
use crate::process::if_asked;
use crate::{Runtime, checks};

/// The numbers of cores that a step with a bug is told.
const MACHINES: [usize; 3] = [1, 2, 8];

/// The `main` of a test without a harness: of the checks of a chapter, those that are named do not
/// hold for a step with the chapter's bug in it, and all others do. So it is on machines with one,
/// two and eight cores, as told by [`told_cores`](crate::told_cores).
pub fn seen_by<R: Runtime>(chapter: u32, seeing: &[&str]) -> ExitCode {
    if_asked::<R>();
    let mut code = ExitCode::SUCCESS;
    let machines = MACHINES.iter();
    let runs = machines.flat_map(|cores| checks::<R>(chapter).into_iter().map(move |check| (*cores, check)));
    for (cores, check) in runs {
        let outcome = check.outcome(cores);
        let right = match seeing.contains(&check.name) {
            true => matches!(outcome, Outcome::Fails(_)),
            false => outcome == Outcome::Holds,
        };
        if !right {
            eprintln!("on {cores} cores, {}: {outcome:?}", check.name);
            code = ExitCode::FAILURE;
        }
    }
    code
}
