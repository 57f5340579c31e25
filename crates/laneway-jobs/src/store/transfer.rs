//! The contents of a store as they move to another one: in parts, each row as plain fields.
//!
//! Both ends name the same columns in the same order ([`StorePart::columns`]), so that a store on
//! another database takes what this one gives, and that the two can be compared.

use std::fmt;

use super::StoreFuture;

/// The most bytes of fields that a page has, apart from its first row.
pub const PAGE_BYTES: usize = 4 << 20;

/// A part of a store: one of its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorePart {
    /// Queues, and whether they are paused.
    Queues,
    /// Kinds that are names of one type.
    Kinds,
    /// Jobs, in all states.
    Jobs,
    /// Attempts that did not complete.
    Attempts,
    /// Counts of those that a job awaits.
    Batches,
    /// Values of steps.
    Steps,
    /// Schedules.
    Schedules,
    /// Instants of schedules that were fired.
    Fires,
}

impl StorePart {
    /// All parts, in the order in which they move.
    pub const ALL: [StorePart; 8] = [
        StorePart::Queues,
        StorePart::Kinds,
        StorePart::Jobs,
        StorePart::Attempts,
        StorePart::Batches,
        StorePart::Steps,
        StorePart::Schedules,
        StorePart::Fires,
    ];

    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StorePart::Queues => "queues",
            StorePart::Kinds => "kinds",
            StorePart::Jobs => "jobs",
            StorePart::Attempts => "attempts",
            StorePart::Batches => "batches",
            StorePart::Steps => "steps",
            StorePart::Schedules => "schedules",
            StorePart::Fires => "fires",
        }
    }

    /// The table that keeps it.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            StorePart::Queues => "laneway_queue",
            StorePart::Kinds => "laneway_kind",
            StorePart::Jobs => "laneway_job",
            StorePart::Attempts => "laneway_attempt",
            StorePart::Batches => "laneway_batch",
            StorePart::Steps => "laneway_step",
            StorePart::Schedules => "laneway_schedule",
            StorePart::Fires => "laneway_fire",
        }
    }

    /// The columns of a row, in order; the first ones are its key.
    ///
    /// Times and durations are microseconds, ids are sixteen bytes, and what is yes or no is 1 or
    /// 0. The opening of a store that claimed a job means nothing elsewhere, and stays behind.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            StorePart::Queues => &["name", "paused", "begun"],
            StorePart::Kinds => &["name", "unique_kind"],
            StorePart::Jobs => JOB_COLUMNS,
            StorePart::Attempts => &[
                "job",
                "fence",
                "attempt",
                "worker",
                "started_at",
                "ended_at",
                "error",
            ],
            StorePart::Batches => &[
                "job",
                "awaits",
                "ended",
                "total",
                "left",
                "done",
                "failed",
                "cancelled",
                "quarantined",
            ],
            StorePart::Steps => &["job", "name", "value"],
            StorePart::Schedules => &[
                "name",
                "pattern",
                "zone",
                "kind",
                "paused",
                "next_at",
                "resumed_at",
                "served_at",
            ],
            StorePart::Fires => &["schedule", "at", "fired_at", "job", "unfinished", "error"],
        }
    }

    /// How many of the columns are the key.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            StorePart::Queues
            | StorePart::Kinds
            | StorePart::Jobs
            | StorePart::Batches
            | StorePart::Schedules => 1,
            StorePart::Attempts | StorePart::Steps | StorePart::Fires => 2,
        }
    }
}

const JOB_COLUMNS: &[&str] = &[
    "seq",
    "id",
    "kind",
    "queue",
    "lane",
    "state",
    "held",
    "run_at",
    "attempt",
    "max_attempts",
    "crashes",
    "fence",
    "lease_until",
    "worker",
    "claim",
    "cancel",
    "timeout",
    "expires_at",
    "unique_key",
    "unique_kind",
    "limit_key",
    "parent",
    "awaited_by",
    "created_at",
    "started_at",
    "finished_at",
    "progress",
    "progress_text",
    "error",
    "payload",
    "result",
];

/// One field of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum PartField {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl PartField {
    /// How many bytes it has beyond its own size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            PartField::Text(text) => text.len(),
            PartField::Bytes(bytes) => bytes.len(),
            PartField::Null | PartField::Integer(_) | PartField::Real(_) => 8,
        }
    }
}

/// A row, with the fields of [`StorePart::columns`].
pub type PartRow = Vec<PartField>;

/// Which rows of a part are wanted.
#[derive(Clone, Debug)]
pub struct TransferPage {
    /// The part.
    pub part: StorePart,
    /// The rows behind the one with this key; `None` begins with the first.
    pub after: Option<PartRow>,
    /// At most this many.
    pub limit: usize,
}

/// The counters of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferCounters {
    /// The last fence that was given.
    pub fence: i64,
    /// The highest T, in microseconds since 1970; `None` where the store keeps none.
    pub clock: Option<i64>,
}

/// The part that both ends of a move have.
pub trait TransferEnd: Send + Sync + fmt::Debug {
    /// The name by which users and the other end know it. Opening it leads to the same database.
    fn name(&self) -> &str;

    /// Rows in the order of their keys, texts by their bytes: at most the page's number, and no
    /// more than [`PAGE_BYTES`] after the first. None: there are no further ones.
    fn export(&self, page: TransferPage) -> StoreFuture<'_, Vec<PartRow>>;

    /// The counters of the store.
    fn counters(&self) -> StoreFuture<'_, TransferCounters>;
}

/// The store that jobs are moved from. While it is there, no other process can write.
///
/// A change is committed when the answer comes, also where the disk loses power.
pub trait TransferSource: Send + Sync + fmt::Debug {
    /// Its name, its rows and its counters.
    fn end(&self) -> &dyn TransferEnd;

    /// Where its jobs were moved to.
    fn moved_to(&self) -> StoreFuture<'_, Option<String>>;

    /// From now on every opening is refused, and says that the jobs are there.
    fn retire(&self, to: String) -> StoreFuture<'_, ()>;
}

/// The store that jobs are moved to. While it is being filled, every other opening is refused.
///
/// A change is committed when the answer comes, also where the disk loses power.
pub trait TransferTarget: Send + Sync + fmt::Debug {
    /// Its name, its rows and its counters.
    fn end(&self) -> &dyn TransferEnd;

    /// The source that it is being filled from.
    fn filled_from(&self) -> StoreFuture<'_, Option<String>>;

    /// Begins to be filled from this source, unless it has rows.
    fn begin(&self, from: String) -> StoreFuture<'_, Begun>;

    /// Inserts rows. Those that are there already stay.
    fn import(&self, part: StorePart, rows: Vec<PartRow>) -> StoreFuture<'_, ()>;

    /// Deletes all rows.
    fn clear(&self) -> StoreFuture<'_, ()>;

    /// Counts on from there, if it is not further already.
    fn count_from(&self, counters: TransferCounters) -> StoreFuture<'_, ()>;

    /// It is filled: from now on it can be opened.
    fn release(&self) -> StoreFuture<'_, ()>;
}

/// Whether a target has begun to be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has.
    Filling,
    /// It has rows, and nothing has been changed.
    NotEmpty,
}
