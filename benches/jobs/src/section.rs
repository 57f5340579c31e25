//! The sections of a run.

use clap::ValueEnum;

use crate::store_kind::StoreKind;

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Enqueue and drain on SQLite, beside the peers.
    Sqlite,
    /// Enqueue and drain on Postgres, beside the peers.
    Postgres,
    /// How soon a job starts on an idle worker.
    Starts,
    /// How soon a high job starts behind 100,000 low ones.
    Overtaking,
    /// The cost of a job beside few rows and beside many.
    Growth,
    /// One, two and four worker processes on one Postgres.
    Processes,
}

impl Section {
    /// The name on the command line and of its file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no section is skipped");
        value.get_name().to_owned()
    }

    /// The store whose peers take turns in it.
    pub(crate) fn contested(self) -> Option<StoreKind> {
        match self {
            Section::Sqlite => Some(StoreKind::Sqlite),
            Section::Postgres => Some(StoreKind::Postgres),
            _ => None,
        }
    }
}
