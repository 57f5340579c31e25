//! How a program ends when `println!` cannot print, where it would panic.

use std::io::{self, Write};
use std::panic;
use std::process::exit;

/// Ends the process where a `println!` or an `eprintln!` fails. The exit code is 0 if the reader of
/// the output has closed the pipe, as `head` does: it has read enough. After any other failure,
/// such as that of a full disk, the exit code is 1, and one line tells the reason.
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
        report(info);
    }));
}

/// What the message of a panic tells of printing to that stream.
fn failure_of<'a>(stream: &str, message: &'a str) -> Option<&'a str> {
    let rest = message.strip_prefix("failed printing to ")?;
    rest.strip_prefix(stream)?.strip_prefix(": ")
}

fn end(program: &str, error: &str) -> ! {
    if error.starts_with("Broken pipe") {
        exit(0);
    }
    // A message that has no reader is no reason to panic.
    let _ = writeln!(io::stderr(), "{program}: cannot print: {error}");
    exit(1)
}
