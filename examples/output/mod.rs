//! How a program ends where it would panic for what is no bug: a `println!` that cannot print, and
//! an environment in which no runtime can be.

use std::io::{self, Write};
use std::panic;
use std::process::exit;

/// Ends the process where a `println!` or an `eprintln!` fails. The exit code is 0 if the reader of
/// the output has closed the pipe, as `head` does: it has read enough. After any other failure,
/// such as that of a full disk, the exit code is 1, and one line tells the reason. Where a variable
/// of the environment sets no number of threads, the line tells that, and the exit code is 2.
///
/// It is for programs with nothing to tidy up at their end.
pub(crate) fn may_end(program: &'static str) {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>();
        if let Some(error) = message.and_then(|message| failure_of("stdout", message)) {
            end(program, error);
        }
        // Errors have no place left where they could be told.
        if message.is_some_and(|message| failure_of("stderr", message).is_some()) {
            exit(1);
        }
        if let Some(message) = message.filter(|message| is_of_the_environment(message)) {
            complain(program, message);
            exit(2);
        }
        report(info);
    }));
}

/// The error of printing to that stream, if the message of a panic tells of one.
fn failure_of<'a>(stream: &str, message: &'a str) -> Option<&'a str> {
    let rest = message.strip_prefix("failed printing to ")?;
    rest.strip_prefix(stream)?.strip_prefix(": ")
}

/// Whether this is the message of a runtime, or of the pool for blocking closures, that the
/// environment does not let start.
fn is_of_the_environment(message: &str) -> bool {
    let runtime = message.strip_prefix("the process-wide runtime could not start: ");
    let reason = runtime.unwrap_or(message);
    reason.starts_with("the environment variable LANEWAY_")
}

fn end(program: &str, error: &str) -> ! {
    if error.starts_with("Broken pipe") {
        exit(0);
    }
    complain(program, &format!("cannot print: {error}"));
    exit(1)
}

/// A message that has no reader is no reason to panic.
fn complain(program: &str, message: &str) {
    let _ = writeln!(io::stderr(), "{program}: {message}");
}
