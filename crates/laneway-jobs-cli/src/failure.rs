//! How a command ends that did not do what it was asked.

use std::io::{self, Write};
use std::process::ExitCode;

use laneway_jobs::postgres::ConnectError;
use laneway_jobs::sqlite::OpenError;
use laneway_jobs::store::{StoreError, TransferError};

use crate::interrupt;
use crate::text::harmless;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not do it, or found nothing: exit code 1.
    Refused(String),
    /// All has been said already: exit code 1.
    Told,
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// It was interrupted, and has cleared up: exit code 130.
    Interrupted,
    /// The reader of its output has read enough, as `head` does: no error.
    Closed,
}

impl Failure {
    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure::Refused(message.into())
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::Usage(message.into())
    }

    /// A reader that has gone does not end a command whose exit code says more than its output.
    pub(crate) fn unless_closed(told: Result<(), Failure>) -> Result<(), Failure> {
        match told {
            Err(Failure::Closed) => Ok(()),
            told => told,
        }
    }

    /// Says one line, and gives the exit code.
    pub(crate) fn tell(self) -> ExitCode {
        match self {
            Failure::Closed => ExitCode::SUCCESS,
            Failure::Told => ExitCode::FAILURE,
            Failure::Interrupted => ExitCode::from(interrupt::EXIT_CODE),
            Failure::Refused(message) => say(&message, 1),
            Failure::Usage(message) => {
                let message = format!("{message}; `laneway-jobs help` says what there is");
                say(&message, 2)
            }
        }
    }
}

/// A message that has no reader is no reason to panic.
fn say(message: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "laneway-jobs: {}", harmless(message));
    ExitCode::from(code)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::refused(format!("the output cannot be written: {error}")),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::refused(error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        Failure::refused(match error {
            OpenError::FromThePast(path) => format!(
                "{} has an older schema; run `laneway-jobs migrate` on it",
                path.display()
            ),
            error => error.to_string(),
        })
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        match error {
            ConnectError::FromThePast(schema) => Failure::refused(format!(
                "the schema {schema:?} is older; run `laneway-jobs migrate` on it"
            )),
            // The address itself is wrong, whatever servers there are.
            ConnectError::Url(_) | ConnectError::SchemaName(_) => Failure::usage(error.to_string()),
            error => Failure::refused(error.to_string()),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Failure {
        Failure::refused(error.to_string())
    }
}
