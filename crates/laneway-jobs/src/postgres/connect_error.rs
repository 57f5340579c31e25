//! Why a database could not be connected to.

use std::fmt;
use std::path::PathBuf;

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
    /// TLS with the server did not come about.
    Tls {
        /// Where the server is.
        server: String,
        /// The fault, in words.
        message: String,
    },
    /// The certificates that are trusted cannot be read.
    RootCertificates {
        /// The file.
        path: PathBuf,
        /// The fault, in words.
        message: String,
    },
    /// The name of the schema is empty, or longer than 63 bytes, or has a zero in it.
    SchemaName(String),
    /// No server answered in time.
    Unreachable {
        /// Where it was looked for, without the password.
        server: String,
        /// The last message of the system or the server.
        message: String,
    },
    /// The server refuses the user or the password.
    Refused {
        /// The user.
        user: String,
        /// The server's message.
        message: String,
    },
    /// The server has no such database.
    NoDatabase(String),
    /// The database is to get its first jobs, and its encoding lacks signs that jobs may have.
    Encoding(String),
    /// The user may not set up the schema.
    NotAllowed {
        /// The schema.
        schema: String,
        /// The server's message.
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
    /// A move to this schema has begun and not ended.
    Filling {
        /// The schema.
        schema: String,
        /// Where its jobs come from.
        from: String,
    },
    /// There is no such schema, or it has no tables for jobs.
    NoJobs(String),
    /// The schema is of an older version, and was to stay as it is.
    FromThePast(String),
    /// A move has the schema alone; or it was to have it so, and other programs have it open.
    InUse(String),
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
                "the address asks for TLS, which is not built in: build with the feature `tls` of \
                 laneway-jobs, or set sslmode=disable on a network that you trust",
            ),
            ConnectError::Tls { server, message } => write!(
                f,
                "no TLS with {server}: {message}; check sslmode and sslrootcert in the address"
            ),
            ConnectError::RootCertificates { path, message } => write!(
                f,
                "the certificates to trust cannot be read from {}: {message}; name a file in PEM \
                 by sslrootcert=FILE",
                path.display()
            ),
            ConnectError::SchemaName(name) => write!(
                f,
                "{name:?} is no name of a schema; give one of 1 to 63 bytes without a zero"
            ),
            ConnectError::Unreachable { server, message } => write!(
                f,
                "no server answers at {server}: {message}; \
                 start it, or let `PostgresOptions::patience` be longer"
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
            ConnectError::Encoding(encoding) => write!(
                f,
                "the database's encoding is {encoding}, which has no place for all texts of jobs; \
                 create a database with the encoding UTF8"
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
            ConnectError::Filling { schema, from } => write!(
                f,
                "the move from {from} to the schema {schema:?} has not ended; run it again"
            ),
            ConnectError::NoJobs(schema) => write!(
                f,
                "the database has no jobs in a schema {schema:?}; name the right one by \
                 ?schema=NAME in the address, or let a program make it"
            ),
            ConnectError::FromThePast(schema) => write!(
                f,
                "the schema {schema:?} is of an older version; bring it to the newest one first"
            ),
            ConnectError::InUse(schema) => write!(
                f,
                "the schema {schema:?} is in use: a move wants it alone; end the programs that \
                 have it open, or wait for the move"
            ),
            ConnectError::Other(message) => write!(f, "the server reports: {message}"),
        }
    }
}

impl std::error::Error for ConnectError {}
