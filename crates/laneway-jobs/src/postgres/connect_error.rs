//! Why a database could not be connected to.

use std::fmt;

/// Why a database could not be connected to. Nothing in it has been changed.
///
/// ```
/// use laneway_jobs::postgres::{ConnectError, PostgresStore};
///
/// let refused = laneway::block_on(PostgresStore::connect("mysql://db/app")).unwrap_err();
/// assert!(matches!(refused, ConnectError::Url(_)), "{refused}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none; the parser's words.
    Url(String),
    /// The address asks for TLS, which is not built in.
    TlsMissing,
    /// The name of the schema is empty, or longer than 63 bytes, or has a zero in it.
    SchemaName(String),
    /// No server answered in time.
    Unreachable {
        /// Where it was looked for, without the password.
        server: String,
        /// What the system or the server said last.
        message: String,
    },
    /// The server refuses the user or the password.
    Refused {
        /// The user.
        user: String,
        /// What the server said.
        message: String,
    },
    /// The server has no such database.
    NoDatabase(String),
    /// The user may not set up the schema.
    NotAllowed {
        /// The schema.
        schema: String,
        /// What the server said.
        message: String,
    },
    /// A newer release has written the schema.
    FromTheFuture {
        /// The schema.
        schema: String,
        /// Its version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The jobs were moved away.
    Moved {
        /// The schema.
        schema: String,
        /// Where they are now.
        to: String,
    },
    /// Anything else, in the server's words.
    Other(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Url(message) => write!(
                f,
                "the address is none of Postgres ({message}); \
                 write postgres://user:password@host:5432/database"
            ),
            ConnectError::TlsMissing => f.write_str(
                "the address asks for TLS, which this release does not speak; \
                 set sslmode=disable on a network that you trust",
            ),
            ConnectError::SchemaName(name) => write!(
                f,
                "{name:?} is no name of a schema; give one of 1 to 63 bytes without a zero"
            ),
            ConnectError::Unreachable { server, message } => write!(
                f,
                "no server answers at {server}: {message}; \
                 start it, or set a longer patience"
            ),
            ConnectError::Refused { user, message } => write!(
                f,
                "the server refuses the user {user:?}: {message}; \
                 check the name and the password in the address"
            ),
            ConnectError::NoDatabase(name) => write!(
                f,
                "the server has no database {name:?}; create it, or name another one"
            ),
            ConnectError::NotAllowed { schema, message } => write!(
                f,
                "the schema {schema:?} cannot be set up: {message}; \
                 let an administrator create it for this user"
            ),
            ConnectError::FromTheFuture {
                schema,
                found,
                known,
            } => write!(
                f,
                "the schema {schema:?} has version {found}, and this release knows {known} at \
                 most; update the program"
            ),
            ConnectError::Moved { schema, to } => {
                write!(
                    f,
                    "the jobs of the schema {schema:?} were moved to {to}; open that"
                )
            }
            ConnectError::Other(message) => write!(f, "the server reports: {message}"),
        }
    }
}

impl std::error::Error for ConnectError {}
