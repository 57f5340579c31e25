//! The faults that an examination of a store may find, each with its remedy.

use std::fmt;
use std::time::Duration;

/// A fault that an examination of a store found, as `SqliteStore::examine` and
/// `PostgresStore::examine` do. Some are those of a file, others those of a server.
///
/// ```
/// use laneway_jobs::store::Finding;
///
/// let finding = Finding::Quarantined { jobs: 2 };
/// assert_eq!(finding.name(), "quarantined");
/// assert!(finding.advice().contains("retry"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// SQLite's own check found damage; in its words.
    Damaged {
        /// The database's message.
        message: String,
    },
    /// An index of the schema is not there, or not valid.
    MissingIndex {
        /// Its name.
        name: String,
    },
    /// An index on a table of jobs is not of the schema.
    ExtraIndex {
        /// Its name.
        name: String,
    },
    /// A table or index is there, and not as the schema has it.
    AlteredSchema {
        /// Its name.
        name: String,
    },
    /// Jobs whose columns do not go together, so that no worker takes them.
    UnknownStanding {
        /// How many.
        jobs: u64,
    },
    /// Leases have ended, and no worker took the jobs.
    ExpiredLeases {
        /// How many.
        jobs: u64,
    },
    /// Workers were lost with them too often.
    Quarantined {
        /// How many.
        jobs: u64,
    },
    /// A queue is paused although a job of it has been due for more than a day.
    LongPaused {
        /// The queue.
        queue: String,
        /// How long the job has been due.
        due_for: Duration,
    },
    /// The write-ahead log is long.
    LongLog {
        /// Its length.
        bytes: u64,
    },
    /// Much of the file is empty.
    EmptyPages {
        /// How much.
        bytes: u64,
    },
    /// The file has seen a later time than the system's clock shows.
    ClockAhead {
        /// How much later.
        by: Duration,
    },
    /// A transaction is open for long, and keeps old rows from being cleared away.
    HeldSnapshot {
        /// The name that its program has given.
        program: String,
        /// The id of its process in the server.
        process: i32,
        /// For how long.
        held_for: Duration,
    },
    /// Most of the table of jobs is old versions of rows.
    DeadRows {
        /// How many of them.
        dead: u64,
        /// How many rows there are.
        live: u64,
    },
    /// The server's clock and the clock of this machine differ.
    ClocksDiffer {
        /// By how much, within a second.
        by: Duration,
    },
}

impl Finding {
    /// The name of its kind, in lower case with dashes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Finding::Damaged { .. } => "damaged",
            Finding::MissingIndex { .. } => "missing-index",
            Finding::ExtraIndex { .. } => "extra-index",
            Finding::AlteredSchema { .. } => "altered-schema",
            Finding::UnknownStanding { .. } => "unknown-standing",
            Finding::ExpiredLeases { .. } => "expired-leases",
            Finding::Quarantined { .. } => "quarantined",
            Finding::LongPaused { .. } => "long-paused",
            Finding::LongLog { .. } => "long-log",
            Finding::EmptyPages { .. } => "empty-pages",
            Finding::ClockAhead { .. } => "clock-ahead",
            Finding::HeldSnapshot { .. } => "held-snapshot",
            Finding::DeadRows { .. } => "dead-rows",
            Finding::ClocksDiffer { .. } => "clocks-differ",
        }
    }

    /// The remedy.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Finding::Damaged { .. } => {
                "stop all programs that use the file, and restore it from a copy"
            }
            Finding::MissingIndex { .. } => {
                "create it again with the SQL of the schema; until then all jobs are read"
            }
            Finding::ExtraIndex { .. } => "drop it, unless you need it: every change pays for it",
            Finding::AlteredSchema { .. } => {
                "compare it with the SQL of the schema, and put it back"
            }
            Finding::UnknownStanding { .. } => {
                "another program has changed these rows; put their columns right, or delete them"
            }
            Finding::ExpiredLeases { .. } => {
                "start a worker on this database: it takes them over within a second"
            }
            Finding::Quarantined { .. } => {
                "find out why their workers ended, then retry or delete them"
            }
            Finding::LongPaused { .. } => "resume the queue, or delete its jobs",
            Finding::LongLog { .. } => {
                "find the program that holds a read transaction open, and end it"
            }
            Finding::EmptyPages { .. } => "stop all programs that use the file, and run VACUUM",
            Finding::ClockAhead { .. } => {
                "set the system's clock: until it has caught up, times in the file run ahead"
            }
            Finding::HeldSnapshot { .. } => {
                "end that transaction in its program, or by pg_terminate_backend(process)"
            }
            Finding::DeadRows { .. } => {
                "look for what keeps autovacuum from its work, then run VACUUM laneway_job"
            }
            Finding::ClocksDiffer { .. } => {
                "set both clocks: jobs run by the server's, and callers give times by this one"
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Damaged { message } => write!(f, "the file is damaged: {message}"),
            Finding::MissingIndex { name } => write!(f, "the index {name} is missing"),
            Finding::ExtraIndex { name } => write!(f, "the index {name} is not of the schema"),
            Finding::AlteredSchema { name } => write!(f, "{name} is not as the schema has it"),
            Finding::UnknownStanding { jobs } => {
                write!(f, "jobs of unknown standing: {jobs}")
            }
            Finding::ExpiredLeases { jobs } => {
                write!(
                    f,
                    "jobs whose lease has ended, and that no worker took: {jobs}"
                )
            }
            Finding::Quarantined { jobs } => write!(f, "jobs in quarantine: {jobs}"),
            Finding::LongPaused { queue, due_for } => write!(
                f,
                "the queue {queue:?} is paused, and a job of it has been due for {} hours",
                due_for.as_secs() / 3_600
            ),
            Finding::LongLog { bytes } => {
                write!(f, "the write-ahead log has {} MiB", bytes >> 20)
            }
            Finding::EmptyPages { bytes } => {
                write!(f, "{} MiB of the file are empty", bytes >> 20)
            }
            Finding::ClockAhead { by } => write!(
                f,
                "the file has seen a time {} seconds ahead of the system's clock",
                by.as_secs()
            ),
            Finding::HeldSnapshot {
                program,
                process,
                held_for,
            } => write!(
                f,
                "a transaction of {program:?} (process {process}) has been open for {} seconds",
                held_for.as_secs()
            ),
            Finding::DeadRows { dead, live } => write!(
                f,
                "the table of jobs has {dead} old versions of rows beside {live} rows"
            ),
            Finding::ClocksDiffer { by } => write!(
                f,
                "the clocks of the server and of this machine differ by {} seconds",
                by.as_secs()
            ),
        }
    }
}
