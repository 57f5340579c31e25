//! Ctrl-C, for commands that have something to clear away. A second one ends the program at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::failure::Failure;

/// The exit code by which a shell knows a program that Ctrl-C has ended.
pub(crate) const EXIT_CODE: u8 = 130;

static CAME: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C and the signals that ask for an end are noted here.
pub(crate) fn note() -> Result<(), Failure> {
    let noted = ctrlc::set_handler(|| {
        if CAME.swap(true, Relaxed) {
            process::exit(EXIT_CODE.into());
        }
    });
    noted.map_err(|error| Failure::refused(format!("signals cannot be noted: {error}")))
}

pub(crate) fn came() -> bool {
    CAME.load(Relaxed)
}
