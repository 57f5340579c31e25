//! The two ends of a move: files that no other process has open meanwhile.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laneway::blocking::unblock;
use rusqlite::Connection;

use super::connected::store_error;
use super::durability::Durability;
use super::open::{
    checked, connection_to, itself, known_version, open_error, other, set_durability,
};
use super::open_error::OpenError;
use super::owner::{Ownership, own};
use super::schema::migrate;
use super::transfer;
use super::tx::Sql;
use crate::lock::unpoisoned;
use crate::store::{
    Begun, PartRow, StoreFuture, StorePart, TransferCounters, TransferEnd, TransferPage,
    TransferSource, TransferTarget,
};

/// A file that is this process's alone.
struct Alone {
    connection: Arc<Mutex<Connection>>,
    /// The path by which it is known from every folder.
    name: String,
    /// No other process becomes the owner meanwhile.
    _owned: Ownership,
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alone").field(&self.name).finish()
    }
}

impl Alone {
    fn open(path: &Path) -> Result<Alone, OpenError> {
        let failed = |error: rusqlite::Error| open_error(path, &error);
        let connection = checked(path)?;
        let name = itself(path)?;
        let owned = own(&name).map_err(|error| other(path, &error))?;
        if let Ownership::Guest = owned {
            return Err(OpenError::InUse(path.to_owned()));
        }
        known_version(path, &connection)?;
        drop(connection);
        let connection = exclusive(path).map_err(failed)?;
        set_durability(path, &connection, Durability::Full)?;
        migrate(&connection).map_err(failed)?;
        Ok(Alone {
            connection: Arc::new(Mutex::new(connection)),
            name: name.display().to_string(),
            _owned: owned,
        })
    }

    fn moved_to(&self) -> Sql<Option<String>> {
        let connection = unpoisoned(self.connection.lock());
        transfer::moved_to(&connection)
    }

    fn with<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let connection = self.connection.clone();
        Box::pin(unblock(move || {
            let connection = unpoisoned(connection.lock());
            run(&connection).map_err(|error| store_error(&error))
        }))
    }
}

/// In this mode SQLite takes a lock at the first read that no other open connection lets it have,
/// and gives it back when the connection ends.
fn exclusive(path: &Path) -> Sql<Connection> {
    let connection = connection_to(path)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.execute_batch("BEGIN EXCLUSIVE; SELECT count(*) FROM sqlite_schema; COMMIT")?;
    Ok(connection)
}

impl TransferEnd for Alone {
    fn name(&self) -> &str {
        &self.name
    }

    fn export(&self, page: TransferPage) -> StoreFuture<'_, Vec<PartRow>> {
        self.with(move |connection| transfer::export(connection, &page))
    }

    fn counters(&self) -> StoreFuture<'_, TransferCounters> {
        self.with(transfer::counters)
    }
}

/// A file that jobs are moved from, see [`transfer`](crate::store::transfer).
///
/// ```
/// use laneway_jobs::sqlite::{SqliteSource, SqliteStore, SqliteTarget};
/// use laneway_jobs::store::{Transferred, transfer};
///
/// let path = |name| {
///     let name = format!("laneway-jobs-doc-{}-{name}.db", std::process::id());
///     std::env::temp_dir().join(name)
/// };
/// drop(SqliteStore::open(path("old"))?);
/// let (old, new) = (SqliteSource::open(path("old"))?, SqliteTarget::open(path("new"))?);
/// let moved = laneway::block_on(transfer(&old, &new, |_| {}))?;
/// assert_eq!(moved, Transferred::Now);
/// drop((old, new));
/// assert!(SqliteStore::open(path("old")).is_err(), "it says where the jobs are");
/// assert!(SqliteStore::open(path("new")).is_ok());
/// # for name in ["old", "new"] { std::fs::remove_file(path(name))?; }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteSource(Alone);

impl SqliteSource {
    /// Opens a file that has jobs, and holds it alone. Blocks its thread.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] where another process or store has it open, or another [`OpenError`];
    /// nothing has been changed.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteSource, OpenError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(OpenError::NoJobs(path.to_owned()));
        }
        let failed = |error: rusqlite::Error| open_error(path, &error);
        let connection = checked(path)?;
        if known_version(path, &connection)? == 0 {
            return Err(OpenError::NoJobs(path.to_owned()));
        }
        if let Some(from) = transfer::filled_from(&connection).map_err(failed)? {
            let path = path.to_owned();
            return Err(OpenError::Filling { path, from });
        }
        drop(connection);
        Alone::open(path).map(SqliteSource)
    }
}

impl TransferSource for SqliteSource {
    fn end(&self) -> &dyn TransferEnd {
        &self.0
    }

    fn moved_to(&self) -> StoreFuture<'_, Option<String>> {
        self.0.with(transfer::moved_to)
    }

    fn retire(&self, to: String) -> StoreFuture<'_, ()> {
        self.0
            .with(move |connection| transfer::retire(connection, &to))
    }
}

/// A file that jobs are moved to, see [`SqliteSource`].
#[derive(Debug)]
pub struct SqliteTarget(Alone);

impl SqliteTarget {
    /// Opens a file, or makes it, and holds it alone. Blocks its thread.
    ///
    /// # Errors
    ///
    /// As [`SqliteSource::open`]; [`OpenError::Moved`] where its own jobs were moved away.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteTarget, OpenError> {
        let path = path.as_ref();
        let alone = Alone::open(path)?;
        let failed = |error: rusqlite::Error| open_error(path, &error);
        match alone.moved_to().map_err(failed)? {
            None => Ok(SqliteTarget(alone)),
            Some(to) => Err(OpenError::Moved {
                path: path.to_owned(),
                to,
            }),
        }
    }
}

impl TransferTarget for SqliteTarget {
    fn end(&self) -> &dyn TransferEnd {
        &self.0
    }

    fn filled_from(&self) -> StoreFuture<'_, Option<String>> {
        self.0.with(transfer::filled_from)
    }

    fn begin(&self, from: String) -> StoreFuture<'_, Begun> {
        self.0
            .with(move |connection| transfer::begin(connection, &from))
    }

    fn import(&self, part: StorePart, rows: Vec<PartRow>) -> StoreFuture<'_, ()> {
        self.0
            .with(move |connection| transfer::import(connection, part, &rows))
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        self.0.with(transfer::clear)
    }

    fn count_from(&self, counters: TransferCounters) -> StoreFuture<'_, ()> {
        self.0
            .with(move |connection| transfer::count_from(connection, counters))
    }

    fn release(&self) -> StoreFuture<'_, ()> {
        self.0.with(transfer::release)
    }
}
