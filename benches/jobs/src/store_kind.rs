//! The stores that keep jobs.

use clap::ValueEnum;

/// The two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
}

impl StoreKind {
    pub(crate) const BOTH: [StoreKind; 2] = [StoreKind::Sqlite, StoreKind::Postgres];

    /// The store of an address: that of a server is a URL, any other is the path of a file.
    pub(crate) fn at(address: &str) -> StoreKind {
        match address.starts_with("postgres") {
            true => StoreKind::Postgres,
            false => StoreKind::Sqlite,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            StoreKind::Sqlite => "SQLite",
            StoreKind::Postgres => "Postgres",
        }
    }
}
