//! How a database is opened: checked, set up, migrated, owned.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior,
};

use super::clock::StoreClock;
use super::connected::{Connected, Home, Opening, is_full};
use super::durability::Durability;
use super::open_error::OpenError;
use super::opened_file::OpenedFile;
use super::owner::{Ownership, lock_of, own};
use super::probe::{NoProbe, Probe};
use super::schema::{KNOWN, migrate, version};
use super::statement::Statement;
use super::store::SqliteStore;
use super::transfer::filled_from;
use super::tx::Sql;

/// How long a transaction waits for another process's.
const BUSY: Duration = Duration::from_secs(5);
/// How much of the file SQLite keeps in memory, in KiB: the pages that changes touch, so that they
/// are not read again and again. The sign is SQLite's, for KiB in place of pages.
const CACHE_KIB: i64 = -32 * 1024;
/// Each statement of the store stays prepared.
const PREPARED: usize = 64;

/// How a store is opened.
///
/// ```
/// use laneway_jobs::sqlite::{Durability, SqliteOptions};
///
/// let store = SqliteOptions::new().durability(Durability::Normal).memory()?;
/// assert_eq!(store.durability(), Durability::Off, "memory survives nothing");
/// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `open()` or `memory()` is called"]
pub struct SqliteOptions {
    durability: Durability,
    wall_clock: Option<SystemTime>,
    probe: Arc<dyn Probe>,
}

impl Default for SqliteOptions {
    fn default() -> SqliteOptions {
        SqliteOptions::new()
    }
}

impl SqliteOptions {
    /// The defaults.
    pub fn new() -> SqliteOptions {
        SqliteOptions {
            durability: Durability::default(),
            wall_clock: None,
            probe: Arc::new(NoProbe),
        }
    }

    /// Sets what a commit survives. Default: [`Durability::Full`].
    pub fn durability(mut self, durability: Durability) -> SqliteOptions {
        self.durability = durability;
        self
    }

    /// Sets what the wall clock is taken to show at opening, for tests. Default: what it shows.
    pub fn wall_clock(mut self, time: SystemTime) -> SqliteOptions {
        self.wall_clock = Some(time);
        self
    }

    /// Sets a probe of the writer, for tests. Default: none.
    pub fn probe(mut self, probe: Arc<dyn Probe>) -> SqliteOptions {
        self.probe = probe;
        self
    }

    /// Opens a database in memory. It ends with the store.
    ///
    /// # Errors
    ///
    /// [`OpenError::Other`] if SQLite itself does not start.
    pub fn memory(self) -> Result<SqliteStore, OpenError> {
        let path = Path::new(":memory:");
        self.memory_connected()
            .map(|connected| SqliteStore::of(connected, Durability::Off, None))
            .map_err(|error| open_error(path, &error))
    }

    fn memory_connected(self) -> Sql<Connected> {
        let connection = Connection::open_in_memory()?;
        set_up(&connection)?;
        migrate(&connection)?;
        self.connected(connection, Home::Memory)
    }

    /// Opens a file, or makes it. Blocks its thread: at most five seconds where another process
    /// is writing.
    ///
    /// The first process that opens the file owns it until it ends. A process that opens it
    /// after the owner was killed takes over its jobs at once.
    ///
    /// While another file is in its place, or none, the store answers with errors: SQLite would go
    /// on to write to a file that no later opening finds.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] that says what to do; nothing has been changed.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        let path = path.as_ref();
        let durability = self.durability;
        let (connection, _) = readable(path)?;
        set_durability(path, &connection, durability)?;
        let connected = migrate(&connection).and_then(|()| self.connected(connection, Home::File));
        let connected = connected.map_err(|error| open_error(path, &error))?;
        let (mut connected, file) = with_file(connected, path)?;
        let owned = own(&file).map_err(|error| other(path, &error))?;
        if let Some(opened) = &mut connected.file {
            let kept = opened.guard_lock(lock_of(&file));
            kept.map_err(|error| other(path, &error))?;
        }
        if let Ownership::Owner(_) = owned {
            take_over(&connected).map_err(|error| open_error(path, &error))?;
        }
        Ok(SqliteStore::of(connected, durability, Some((file, owned))))
    }

    /// Opens a file that a program with jobs has made, as a tool does that looks in: it makes no
    /// file, changes no schema and never becomes the owner. Blocks its thread as
    /// [`open`](SqliteOptions::open) does.
    ///
    /// ```
    /// use laneway_jobs::sqlite::{OpenError, SqliteOptions};
    ///
    /// let refused = SqliteOptions::new().visit("no-such-file.db").unwrap_err();
    /// assert!(matches!(refused, OpenError::NoJobs(_)));
    /// ```
    ///
    /// # Errors
    ///
    /// An [`OpenError`] that says what to do; nothing has been changed.
    pub fn visit(self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        let path = path.as_ref();
        let durability = self.durability;
        let connection = with_jobs(path)?;
        set_durability(path, &connection, durability)?;
        let connected = self.connected(connection, Home::File);
        let connected = connected.map_err(|error| open_error(path, &error))?;
        let (connected, file) = with_file(connected, path)?;
        let visited = Some((file, Ownership::Guest));
        Ok(SqliteStore::of(connected, durability, visited))
    }

    fn connected(self, connection: Connection, home: Home) -> Sql<Connected> {
        let text = "SELECT clock FROM laneway_meta";
        let highest = connection.query_row(text, [], |row| row.get(0))?;
        let wall = self.wall_clock.unwrap_or_else(SystemTime::now);
        let opening = Opening {
            clock: StoreClock::start(wall, highest),
            instance: format!("{}-{:08x}", std::process::id(), fastrand::u32(..)),
            probe: self.probe,
            connection: AtomicUsize::new(0),
        };
        Ok(Connected {
            connection,
            home,
            file: None,
            opening: Arc::new(opening),
            former: 0,
        })
    }
}

/// Plans do not depend on what is bound: otherwise SQLite prepares a statement anew whenever
/// another value is bound, since the indices are partial.
pub(super) fn set_up(connection: &Connection) -> Sql<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A claim puts what it finds into tables of its own for a moment. Were they to go to a file one
    // day, each would begin with a cache for that, which costs more than the claim.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)
}

/// A connection to a file that has jobs, or may have some, and the version of its schema.
fn readable(path: &Path) -> Result<(Connection, i64), OpenError> {
    let connection = checked(path)?;
    let found = known_version(path, &connection)?;
    refuse_moved(path, &connection, found)?;
    refuse_filling(path, &connection)?;
    Ok((connection, found))
}

/// A connection to a file that has jobs, by the newest schema.
fn with_jobs(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::NoJobs(path.to_owned()));
    }
    match readable(path)? {
        (_, 0) => Err(OpenError::NoJobs(path.to_owned())),
        (connection, KNOWN) => Ok(connection),
        _ => Err(OpenError::FromThePast(path.to_owned())),
    }
}

pub(super) fn known_version(path: &Path, connection: &Connection) -> Result<i64, OpenError> {
    let found = version(connection).map_err(|error| open_error(path, &error))?;
    match found > KNOWN {
        false => Ok(found),
        true => {
            let (path, known) = (path.to_owned(), KNOWN);
            Err(OpenError::FromTheFuture { path, found, known })
        }
    }
}

/// A connection to a file that is a database and can be written.
pub(super) fn checked(path: &Path) -> Result<Connection, OpenError> {
    refuse_irregular(path)?;
    writable(path).map_err(|error| open_error(path, &error))
}

/// SQLite would go on with a device or a pipe, and leave a journal beside it.
fn refuse_irregular(path: &Path) -> Result<(), OpenError> {
    let is_other = |found: Metadata| !found.is_file() && !found.is_dir();
    match path.metadata().is_ok_and(is_other) {
        false => Ok(()),
        true => Err(OpenError::Other {
            path: path.to_owned(),
            message: "it is no ordinary file; name one".to_owned(),
        }),
    }
}

fn writable(path: &Path) -> Sql<Connection> {
    let connection = connection_to(path)?;
    connection.busy_timeout(BUSY)?;
    let writable = !connection.is_readonly("main")?;
    // The first read of the file, which finds out what it is. Where nothing can be written beside
    // it, SQLite does not even read it.
    let text = "SELECT count(*) FROM sqlite_schema";
    let read = connection.query_row(text, [], |_| Ok(()));
    let is_database =
        |error: &rusqlite::Error| error.sqlite_error_code() != Some(ErrorCode::NotADatabase);
    match read {
        Ok(()) if writable => set_up(&connection).map(|()| connection),
        Err(error) if writable || !is_database(&error) => Err(error),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
            None,
        )),
    }
}

/// A path is one, also where it is a name that SQLite knows as something else: `:memory:`, or what
/// begins as an address does, whose reading no flag turns off. An address of a whole path,
/// `file:/..`, is SQLite's to read.
pub(super) fn connection_to(path: &Path) -> Sql<Connection> {
    let path = match path.as_os_str().as_encoded_bytes().starts_with(b"file:/") {
        true => path.to_owned(),
        false => Path::new(".").join(path),
    };
    Connection::open_with_flags(path, OpenFlags::default() - OpenFlags::SQLITE_OPEN_URI)
}

/// The connection, which knows its file from now on, and the path of that file.
fn with_file(mut connected: Connected, path: &Path) -> Result<(Connected, PathBuf), OpenError> {
    let file = itself(path)?;
    let opened = OpenedFile::at(file.clone()).map_err(|error| other(path, &error))?;
    connected.file = Some(opened);
    Ok((connected, file))
}

/// The file, whatever links lead to it and wherever the process goes: SQLite keeps its own files
/// beside that one, and it has one owner.
pub(super) fn itself(path: &Path) -> Result<PathBuf, OpenError> {
    path.canonicalize().map_err(|error| other(path, &error))
}

fn refuse_moved(path: &Path, connection: &Connection, version: i64) -> Result<(), OpenError> {
    if version == 0 {
        return Ok(());
    }
    let text = "SELECT moved_to FROM laneway_meta WHERE moved_to IS NOT NULL";
    let moved: Option<String> = connection
        .query_row(text, [], |row| row.get(0))
        .optional()
        .map_err(|error| open_error(path, &error))?;
    match moved {
        None => Ok(()),
        Some(to) => Err(OpenError::Moved {
            path: path.to_owned(),
            to,
        }),
    }
}

fn refuse_filling(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    match filled_from(connection).map_err(|error| open_error(path, &error))? {
        None => Ok(()),
        Some(from) => Err(OpenError::Filling {
            path: path.to_owned(),
            from,
        }),
    }
}

/// Sets the durability and reads it back.
pub(super) fn set_durability(
    path: &Path,
    connection: &Connection,
    asked: Durability,
) -> Result<(), OpenError> {
    let set = || -> Sql<(String, i64)> {
        connection.pragma_update(None, "synchronous", asked.synchronous())?;
        let journal =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok((journal, synchronous))
    };
    let (journal, synchronous) = set().map_err(|error| open_error(path, &error))?;
    match journal == "wal" && synchronous == asked.synchronous() {
        true => Ok(()),
        false => Err(OpenError::NotDurable {
            path: path.to_owned(),
            asked,
        }),
    }
}

/// Ends the leases of the former owner, which is gone: the next rescue takes its jobs.
fn take_over(connected: &Connected) -> Sql<()> {
    let (connection, opening) = (&connected.connection, &connected.opening);
    // One that began by reading could not come to write beside another process: SQLite refuses that
    // at once, however long it may wait.
    let immediate = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, immediate)?;
    let text = "SELECT owner FROM laneway_meta WHERE owner IS NOT NULL";
    let former: Option<String> = connection
        .query_row(text, [], |row| row.get(0))
        .optional()?;
    if let Some(former) = former {
        let tx = opening.tx(connection);
        tx.run(Statement::EndLeasesOf, &[(":instance", &former)])?;
    }
    let text = "UPDATE laneway_meta SET owner = ?1";
    connection.execute(text, [&opening.instance])?;
    transaction.commit()
}

pub(super) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let named: fn(PathBuf) -> OpenError = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase,
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse,
        _ if is_full(error) => OpenError::Full,
        Some(ErrorCode::CannotOpen) => return cannot_open(path, error),
        _ => return in_words(path, error),
    };
    named(path.to_owned())
}

/// SQLite does not say why.
fn cannot_open(path: &Path, error: &rusqlite::Error) -> OpenError {
    let folder = path.parent().filter(|name| !name.as_os_str().is_empty());
    let message = match folder {
        _ if path.is_dir() => "it is a folder; name a file in it",
        Some(folder) if !folder.exists() => "its folder is not there; make that first",
        _ => return in_words(path, error),
    };
    OpenError::Other {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

/// SQLite's message, without the statement.
fn in_words(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => OpenError::Other {
            path: path.to_owned(),
            message: msg.clone(),
        },
        error => other(path, error),
    }
}

pub(super) fn other(path: &Path, error: &dyn std::error::Error) -> OpenError {
    OpenError::Other {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
