//! The examination of a schema: what is wrong with it.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use super::session::{Params, Sql};
use super::statement::Statement;
use super::store::PostgresStore;
use super::tx::{Span, Tx};
use crate::micros::{Micros, duration_of, length, time_of};
use crate::store::{Finding, StoreError};

/// The indices of the schema.
const INDICES: [&str; 17] = [
    "laneway_job_pkey",
    "laneway_job_ready",
    "laneway_job_kind",
    "laneway_job_suspect",
    "laneway_job_key",
    "laneway_job_keyed",
    "laneway_job_keyed_kind",
    "laneway_job_keyed_suspect",
    "laneway_job_waiting",
    "laneway_job_running",
    "laneway_job_expires",
    "laneway_job_settled",
    "laneway_job_not_done",
    "laneway_job_member",
    "laneway_job_unique",
    "laneway_attempt_pkey",
    "laneway_attempt_ended",
];
const LONG_DUE: Duration = Duration::from_secs(24 * 60 * 60);
const LONG_HELD: Duration = Duration::from_secs(5 * 60);
/// A young table is not worth a word.
const MANY_DEAD: i64 = 100_000;
/// Clocks that are set by the net differ by less.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

impl PostgresStore {
    /// Examines the schema and its server, and says what is wrong. Transactions of other users are
    /// seen as far as the server shows them to this one.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        let ask = self.ask(Span::All, (), |tx, ()| Box::pin(tx.examine()));
        ask.await
    }
}

impl Tx<'_> {
    pub(super) async fn examine(&mut self) -> Sql<Vec<Finding>> {
        let mut findings = self.missing_indices().await?;
        let row = self.row(Statement::Health, &[&MANY_DEAD]).await?;
        let row = row.expect("the clock has one row");
        findings.extend(of_jobs(&row));
        findings.extend(clocks(row.get("t")));
        let rows = self.rows(Statement::Paused, &[&length(LONG_DUE)]).await?;
        findings.extend(rows.iter().map(long_paused));
        let rows = self.rows(Statement::Held, &[&length(LONG_HELD)]).await?;
        findings.extend(rows.iter().map(held));
        Ok(findings)
    }

    async fn missing_indices(&mut self) -> Sql<Vec<Finding>> {
        let params: Params<'_> = &[&&INDICES[..]];
        let rows = self.rows(Statement::MissingIndices, params).await?;
        let missing = rows.iter().map(|row| Finding::MissingIndex {
            name: row.get("name"),
        });
        Ok(missing.collect())
    }
}

fn of_jobs(row: &Row) -> Vec<Finding> {
    let count = |column| {
        row.get::<_, Option<i64>>(column)
            .unwrap_or(0)
            .unsigned_abs()
    };
    let mut findings = Vec::new();
    if let jobs @ 1.. = count("expired") {
        findings.push(Finding::ExpiredLeases { jobs });
    }
    if let jobs @ 1.. = count("quarantined") {
        findings.push(Finding::Quarantined { jobs });
    }
    if let dead @ 1.. = count("dead") {
        let live = count("live");
        findings.push(Finding::DeadRows { dead, live });
    }
    findings
}

fn clocks(t: Micros) -> Option<Finding> {
    let (there, here) = (time_of(t), SystemTime::now());
    let by = here
        .duration_since(there)
        .unwrap_or_else(|error| error.duration());
    (by > CLOCKS_DIFFER).then_some(Finding::ClocksDiffer { by })
}

fn long_paused(row: &Row) -> Finding {
    Finding::LongPaused {
        queue: row.get("name"),
        due_for: duration_of(row.get("due_for")),
    }
}

fn held(row: &Row) -> Finding {
    Finding::HeldSnapshot {
        program: row.get("program"),
        process: row.get("process"),
        held_for: duration_of(row.get("held_for")),
    }
}
