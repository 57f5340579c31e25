//! Why a database could not be opened.

use std::fmt;
use std::path::PathBuf;

/// Why a database could not be opened. Nothing in it has been changed.
///
/// ```
/// use laneway_jobs::sqlite::{OpenError, SqliteStore};
///
/// let refused = SqliteStore::open("Cargo.toml").unwrap_err();
/// assert!(matches!(refused, OpenError::NotADatabase(_)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is not an SQLite database.
    NotADatabase(PathBuf),
    /// A newer release has written it.
    FromTheFuture {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The file or its folder cannot be written.
    ReadOnly(PathBuf),
    /// The disk has no room, not even for the files that SQLite keeps beside it.
    Full(PathBuf),
    /// The jobs were moved away.
    Moved {
        /// The file.
        path: PathBuf,
        /// Where they are now.
        to: String,
    },
    /// A move to this file has begun and not ended.
    Filling {
        /// The file.
        path: PathBuf,
        /// Where its jobs come from.
        from: String,
    },
    /// There is no such file, or it has no tables for jobs.
    NoJobs(PathBuf),
    /// Its schema is an older one, and was to stay as it is.
    FromThePast(PathBuf),
    /// Another process has it open.
    InUse(PathBuf),
    /// The database did not take over the durability.
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The durability that was asked for.
        asked: super::Durability,
    },
    /// Anything else, in the database's or the system's words.
    Other {
        /// The file.
        path: PathBuf,
        /// Their message.
        message: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NotADatabase(path) => write!(
                f,
                "{} is not an SQLite database; name another file, and a new one is made",
                path.display()
            ),
            OpenError::FromTheFuture { path, found, known } => write!(
                f,
                "{} has schema {found}, and this release knows {known} at most; \
                 update the program",
                path.display()
            ),
            OpenError::ReadOnly(path) => write!(
                f,
                "{} cannot be written; make the file and its folder writable for this user",
                path.display()
            ),
            OpenError::Full(path) => write!(
                f,
                "the disk of {} is full; make room and try again",
                path.display()
            ),
            OpenError::Moved { path, to } => {
                write!(
                    f,
                    "the jobs of {} were moved to {to}; open that",
                    path.display()
                )
            }
            OpenError::Filling { path, from } => write!(
                f,
                "a move from {from} to {} has not ended; run it again, to its end",
                path.display()
            ),
            OpenError::NoJobs(path) => write!(
                f,
                "{} has no jobs; name a file that a program with jobs has made",
                path.display()
            ),
            OpenError::FromThePast(path) => write!(
                f,
                "{} has an older schema; migrate it first",
                path.display()
            ),
            OpenError::InUse(path) => write!(
                f,
                "{} is in use; end the programs that have it open",
                path.display()
            ),
            OpenError::NotDurable { path, asked } => write!(
                f,
                "{} does not support durability {asked}; keep it on a local disk",
                path.display()
            ),
            OpenError::Other { path, message } => {
                write!(f, "{} could not be opened: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}
