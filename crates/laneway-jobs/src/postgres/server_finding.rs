//! What may be wrong with a schema or its server, and what to do about it.

use std::fmt;
use std::time::Duration;

/// Something that an examination of a schema found.
///
/// ```
/// use laneway_jobs::postgres::ServerFinding;
///
/// let finding = ServerFinding::Quarantined { jobs: 2 };
/// assert_eq!(finding.name(), "quarantined");
/// assert!(finding.advice().contains("retry"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerFinding {
    /// An index of the schema is not there, or not valid.
    MissingIndex {
        /// Its name.
        name: String,
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

impl ServerFinding {
    /// The name of its kind, in lower case with dashes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            ServerFinding::MissingIndex { .. } => "missing-index",
            ServerFinding::ExpiredLeases { .. } => "expired-leases",
            ServerFinding::Quarantined { .. } => "quarantined",
            ServerFinding::LongPaused { .. } => "long-paused",
            ServerFinding::HeldSnapshot { .. } => "held-snapshot",
            ServerFinding::DeadRows { .. } => "dead-rows",
            ServerFinding::ClocksDiffer { .. } => "clocks-differ",
        }
    }

    /// The remedy.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            ServerFinding::MissingIndex { .. } => {
                "create it again with the SQL of the schema; until then all jobs are read"
            }
            ServerFinding::ExpiredLeases { .. } => {
                "start a worker on this database: it takes them over within a second"
            }
            ServerFinding::Quarantined { .. } => {
                "find out why their workers ended, then retry or delete them"
            }
            ServerFinding::LongPaused { .. } => "resume the queue, or delete its jobs",
            ServerFinding::HeldSnapshot { .. } => {
                "end that transaction in its program, or by pg_terminate_backend(process)"
            }
            ServerFinding::DeadRows { .. } => {
                "look for what keeps autovacuum from its work, then run VACUUM laneway_job"
            }
            ServerFinding::ClocksDiffer { .. } => {
                "set both clocks: jobs run by the server's, and callers give times by this one"
            }
        }
    }
}

impl fmt::Display for ServerFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerFinding::MissingIndex { name } => write!(f, "the index {name} is missing"),
            ServerFinding::ExpiredLeases { jobs } => write!(
                f,
                "jobs whose lease has ended, and that no worker took: {jobs}"
            ),
            ServerFinding::Quarantined { jobs } => write!(f, "jobs in quarantine: {jobs}"),
            ServerFinding::LongPaused { queue, due_for } => write!(
                f,
                "the queue {queue:?} is paused, and a job of it has been due for {} hours",
                due_for.as_secs() / 3_600
            ),
            ServerFinding::HeldSnapshot {
                program,
                process,
                held_for,
            } => write!(
                f,
                "a transaction of {program:?} (process {process}) has been open for {} seconds",
                held_for.as_secs()
            ),
            ServerFinding::DeadRows { dead, live } => write!(
                f,
                "the table of jobs has {dead} old versions of rows beside {live} rows"
            ),
            ServerFinding::ClocksDiffer { by } => write!(
                f,
                "the clocks of the server and of this machine differ by {} seconds",
                by.as_secs()
            ),
        }
    }
}
