//! The versions of the schema, and how a file comes from one to the next.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::tx::Sql;

/// The SQL that leads to each version, the first one's first.
///
/// ```
/// use laneway_jobs::sqlite::MIGRATIONS;
///
/// assert!(MIGRATIONS[0].contains("CREATE TABLE laneway_job"));
/// ```
pub const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_renamed_kinds.sql"),
    include_str!("migrations/0003_limits.sql"),
    include_str!("migrations/0004_kinds.sql"),
];

pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

const VERSIONS: &str = "
CREATE TABLE IF NOT EXISTS laneway_schema (
    version INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// The version of a file; 0 where there are no jobs yet.
pub(super) fn version(connection: &Connection) -> Sql<i64> {
    let text = "SELECT 1 FROM sqlite_schema WHERE name = 'laneway_schema'";
    let table: Option<i64> = connection
        .query_row(text, [], |row| row.get(0))
        .optional()?;
    match table {
        None => Ok(0),
        Some(_) => {
            let text = "SELECT coalesce(max(version), 0) FROM laneway_schema";
            connection.query_row(text, [], |row| row.get(0))
        }
    }
}

/// Brings a file to the newest version. The version is read again under the lock, since another
/// process may be doing the same.
pub(super) fn migrate(connection: &Connection) -> Sql<()> {
    if version(connection)? == KNOWN {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(VERSIONS)?;
    for next in version(&transaction)?..KNOWN {
        transaction.execute_batch(MIGRATIONS[next as usize])?;
        let text = "INSERT INTO laneway_schema (version) VALUES (?1)";
        transaction.execute(text, [next + 1])?;
    }
    transaction.commit()
}
