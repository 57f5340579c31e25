//! The examination of a file: what is wrong with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode};

use super::clock::{Micros, duration_of, micros_of};
use super::connected::store_error;
use super::owner::beside;
use super::schema::migrate;
use super::store::SqliteStore;
use super::transact::TransactError;
use super::tx::Sql;
use crate::store::{Finding, StoreError};

/// A longer log has not been written back for a while.
const LONG_LOG: u64 = 64 << 20;
/// Less than this much empty space is not worth a word.
const EMPTY: u64 = 64 << 20;
/// Clocks that are set by the net differ by less.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);
const LONG_DUE: Duration = Duration::from_secs(24 * 60 * 60);

/// Counts the jobs that the life of a job does not allow: `job_state.rs` has it drawn.
const UNKNOWN: &str = "
SELECT count(*) FROM laneway_job
WHERE state NOT IN (0, 1, 2, 3, 4, 5) OR lane NOT IN (0, 1) OR held NOT IN (0, 1, 2, 3)
    OR (state = 1 AND (lease_until IS NULL OR fence IS NULL))
    OR (state >= 2 AND finished_at IS NULL) OR length(id) <> 16";

const EXPIRED: &str = "SELECT count(*) FROM laneway_job WHERE state = 1 AND lease_until <= ?1";

const QUARANTINED: &str = "SELECT count(*) FROM laneway_job WHERE state >= 2 AND state = 5";

const PAUSED: &str = "
SELECT name, (SELECT min(run_at) FROM laneway_job
    WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name AND run_at <= ?1) AS due
FROM laneway_queue WHERE paused = 1 ORDER BY name";

impl SqliteStore {
    /// Examines the database, and says what is wrong with it. It reads the whole file, and other
    /// writers wait meanwhile.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    ///
    /// let store = SqliteStore::memory()?;
    /// assert_eq!(laneway::block_on(store.examine()).unwrap(), []);
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        let now = SystemTime::now();
        let examined = self.transact(move |transaction| examine(transaction, now));
        let mut findings = match examined.await {
            Ok(findings) => findings,
            Err(TransactError::Caller(stopped)) => stopped.by_damage()?,
            Err(TransactError::Store(error)) => return Err(error),
        };
        findings.extend(self.path().and_then(long_log));
        Ok(findings)
    }
}

/// An examination that could not go on: nothing is to be committed after that.
struct Stopped {
    findings: Vec<Finding>,
    error: rusqlite::Error,
}

impl Stopped {
    /// The findings, where damage has stopped it: of the database's own check or a look at jobs.
    fn by_damage(mut self) -> Result<Vec<Finding>, StoreError> {
        if self.error.sqlite_error_code() != Some(ErrorCode::DatabaseCorrupt) {
            return Err(store_error(&self.error));
        }
        let message = self.error.to_string();
        self.findings.push(Finding::Damaged { message });
        Ok(self.findings)
    }
}

fn examine(connection: &Connection, now: SystemTime) -> Result<Vec<Finding>, Stopped> {
    let mut findings = Vec::new();
    match look(connection, now, &mut findings) {
        Ok(()) => Ok(findings),
        Err(error) => Err(Stopped { findings, error }),
    }
}

fn look(connection: &Connection, now: SystemTime, findings: &mut Vec<Finding>) -> Sql<()> {
    findings.extend(damage(connection)?);
    findings.extend(schema(connection)?);
    let now = micros_of(now);
    let count = |text, of: fn(u64) -> Finding| -> Sql<Option<Finding>> {
        let jobs: i64 = count_of(connection, text, now)?;
        Ok((jobs > 0).then(|| of(jobs.unsigned_abs())))
    };
    findings.extend(count(UNKNOWN, |jobs| Finding::UnknownStanding { jobs })?);
    findings.extend(count(EXPIRED, |jobs| Finding::ExpiredLeases { jobs })?);
    findings.extend(count(QUARANTINED, |jobs| Finding::Quarantined { jobs })?);
    findings.extend(paused(connection, now)?);
    findings.extend(empty(connection)?);
    findings.extend(clock(connection, now)?);
    Ok(())
}

/// Binds the time where the text asks for it.
fn count_of(connection: &Connection, text: &str, now: Micros) -> Sql<i64> {
    let mut prepared = connection.prepare(text)?;
    let now = Some(now).filter(|_| prepared.parameter_count() > 0);
    prepared.query_row(rusqlite::params_from_iter(now), |row| row.get(0))
}

fn damage(connection: &Connection) -> Sql<Vec<Finding>> {
    let mut prepared = connection.prepare("PRAGMA quick_check(10)")?;
    let messages = prepared.query_map([], |row| row.get::<_, String>(0))?;
    let messages: Sql<Vec<String>> = messages.collect();
    let damage = messages?.into_iter().filter(|message| message != "ok");
    Ok(damage.map(|message| Finding::Damaged { message }).collect())
}

type Schema = BTreeMap<String, (String, Option<String>)>;

/// The tables of jobs with their indices: each one's type and text.
fn schema_of(connection: &Connection) -> Sql<Schema> {
    let text = "SELECT name, type, sql FROM sqlite_schema WHERE tbl_name LIKE 'laneway\\_%' \
                ESCAPE '\\' AND type IN ('table', 'index')";
    let mut prepared = connection.prepare(text)?;
    let rows = prepared.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    rows.collect()
}

fn schema(connection: &Connection) -> Sql<Vec<Finding>> {
    let fresh = Connection::open_in_memory()?;
    migrate(&fresh)?;
    let (wanted, found) = (schema_of(&fresh)?, schema_of(connection)?);
    let mut findings = Vec::new();
    for (name, is) in &wanted {
        let name = name.clone();
        match found.get(&name) {
            Some(found) if found == is => {}
            None if is.0 == "index" => findings.push(Finding::MissingIndex { name }),
            _ => findings.push(Finding::AlteredSchema { name }),
        }
    }
    let extra = found
        .into_iter()
        .filter(|(name, is)| is.0 == "index" && !wanted.contains_key(name));
    findings.extend(extra.map(|(name, _)| Finding::ExtraIndex { name }));
    Ok(findings)
}

fn paused(connection: &Connection, now: Micros) -> Sql<Vec<Finding>> {
    let mut prepared = connection.prepare(PAUSED)?;
    let rows = prepared.query_map([now], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Sql<Vec<(String, Option<Micros>)>> = rows.collect();
    let long = rows?.into_iter().filter_map(|(queue, due)| {
        let due_for = duration_of(now - due?);
        (due_for > LONG_DUE).then_some(Finding::LongPaused { queue, due_for })
    });
    Ok(long.collect())
}

fn empty(connection: &Connection) -> Sql<Option<Finding>> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all, size) = (
        number("freelist_count")?,
        number("page_count")?,
        number("page_size")?,
    );
    let bytes = (free * size).unsigned_abs();
    let much = free > all / 2 && bytes > EMPTY;
    Ok(much.then_some(Finding::EmptyPages { bytes }))
}

fn clock(connection: &Connection, now: Micros) -> Sql<Option<Finding>> {
    let text = "SELECT clock FROM laneway_meta";
    let highest: Micros = connection.query_row(text, [], |row| row.get(0))?;
    let by = duration_of(highest.saturating_sub(now));
    Ok((by > CLOCKS_DIFFER).then_some(Finding::ClockAhead { by }))
}

fn long_log(database: &Path) -> Option<Finding> {
    let bytes = std::fs::metadata(beside(database, "-wal")).ok()?.len();
    (bytes > LONG_LOG).then_some(Finding::LongLog { bytes })
}
