//! The parts of a server program that the examples share: its signals, its words, its exit codes.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::exit;
use std::sync::mpsc::{Receiver, channel};

/// The exit code of a program that was called in a wrong way.
pub(crate) const BAD_USAGE: u8 = 2;

/// And one that is interrupted while it ends.
const INTERRUPTED: i32 = 130;

/// Tells of Ctrl-C and SIGTERM. The second one ends the program.
pub(crate) fn signals() -> Result<Receiver<()>, ctrlc::Error> {
    let (sender, receiver) = channel();
    let mut first = Some(sender);
    ctrlc::set_handler(move || match first.take() {
        Some(sender) => drop(sender.send(())),
        None => exit(INTERRUPTED),
    })?;
    Ok(receiver)
}

pub(crate) fn cannot_listen(address: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot listen on {address:?}: {why}; --listen takes one such as 127.0.0.1:8080")
}

/// Prints a line. To a reader that has gone away, that is no reason to panic.
pub(crate) fn say(line: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
