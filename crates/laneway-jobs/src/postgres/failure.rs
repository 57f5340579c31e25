//! The meaning of a database's error for the caller.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::store::StoreError;

/// The state that a failed statement leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aftereffect {
    /// The connection is gone, and whether the commit came before that is not known.
    Lost,
    /// Nothing happened, and the same may succeed at once.
    Again,
    /// Nothing happened.
    Nothing,
}

/// The server ends a connection by an error of these codes.
const ENDED: [SqlState; 4] = [
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::IDLE_SESSION_TIMEOUT,
];

/// Two transactions waited for each other, and the server gave this one up.
const AGAIN: [SqlState; 3] = [
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::LOCK_NOT_AVAILABLE,
];

pub(super) fn aftereffect(error: &Error) -> Aftereffect {
    match error.as_db_error() {
        Some(told) if ENDED.contains(told.code()) => Aftereffect::Lost,
        Some(told) if ends_the_connection(told) => Aftereffect::Lost,
        Some(told) if AGAIN.contains(told.code()) => Aftereffect::Again,
        Some(_) => Aftereffect::Nothing,
        None if is_of_the_connection(error) => Aftereffect::Lost,
        None => Aftereffect::Nothing,
    }
}

/// By the severity that is the same in all languages: the other one is a word for people, in the
/// language of the server.
fn ends_the_connection(told: &DbError) -> bool {
    let severity = told.parsed_severity();
    severity.is_some_and(|severity| matches!(severity, Severity::Fatal | Severity::Panic))
}

/// Neither the server's word nor a value that could not be written: the bytes did not come through.
fn is_of_the_connection(error: &Error) -> bool {
    use std::error::Error as _;
    error.is_closed()
        || error
            .source()
            .is_some_and(|source| source.is::<std::io::Error>())
}

pub(super) fn store_error(error: &Error) -> StoreError {
    match aftereffect(error) {
        Aftereffect::Lost => StoreError::OutcomeUnknown,
        Aftereffect::Again => StoreError::Busy,
        Aftereffect::Nothing => match error.code() {
            Some(&SqlState::DISK_FULL) => StoreError::Full,
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => StoreError::ReadOnly,
            Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => StoreError::Database(too_long(error)),
            _ => StoreError::Database(in_words(error)),
        },
    }
}

/// Names stand in indices, whose entries have a bound.
fn too_long(error: &Error) -> String {
    let message = in_words(error);
    format!(
        "{message}; shorten the name of the queue, kind or step, or the unique key: together they \
         may have some 2,600 bytes"
    )
}

/// The error with its cause, which alone says what is wrong.
pub(super) fn in_words(error: &Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(told), _) => told.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio_postgres::{Config, NoTls};

    use super::*;

    /// The error that a server tells in its language, before all else.
    fn told(severity: &str, in_english: &str, code: &str) -> Error {
        let fields = [("S", severity), ("V", in_english), ("C", code), ("M", "-")];
        let fields = fields
            .map(|(field, text)| format!("{field}{text}\0"))
            .concat();
        let length = u32::try_from(fields.len() + 5).unwrap().to_be_bytes();
        let message = [b"E", &length[..], fields.as_bytes(), b"\0"].concat();
        let (near, mut far) = duplex(1_024);
        laneway::block_on(async {
            far.write_all(&message).await.unwrap();
            let connected = Config::new().user("me").connect_raw(near, NoTls).await;
            connected.err().unwrap()
        })
    }

    #[test]
    fn the_end_of_a_connection_is_known_in_every_language() {
        for (severity, in_english) in [("FATAL", "FATAL"), ("FATALE", "FATAL"), ("ПАНИКА", "PANIC")]
        {
            let error = told(severity, in_english, "53200");
            assert_eq!(aftereffect(&error), Aftereffect::Lost, "{severity}");
            assert_eq!(
                store_error(&error),
                StoreError::OutcomeUnknown,
                "{severity}"
            );
        }
        let error = told("FEHLER", "ERROR", "53100");
        assert_eq!(aftereffect(&error), Aftereffect::Nothing);
        assert_eq!(store_error(&error), StoreError::Full);
        let error = told("ERREUR", "ERROR", "40P01");
        assert_eq!(aftereffect(&error), Aftereffect::Again);
    }
}
