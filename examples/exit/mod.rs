//! How an example that may fail ends: its message and its exit code.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use laneway::BuildError;

/// Says what went wrong, if anything did. The exit code is 2 if the environment configures a
/// runtime that cannot be, and 1 after any other error. A reader that has closed the pipe, as
/// `head` does, has read enough: that is no error.
pub(crate) fn code(example: &str, ended: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    if is_closed_pipe(&*error) {
        return ExitCode::SUCCESS;
    }
    // A message that has no reader is no reason to panic.
    let _ = writeln!(io::stderr(), "{example}: {error}");
    match error.is::<BuildError>() {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
