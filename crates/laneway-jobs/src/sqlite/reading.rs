//! Looks at jobs, and counts.

use laneway::Priority;
use rusqlite::{OptionalExtension, Row};

use super::clock::{Micros, time_of};
use super::columns::{
    bytes, count, id_of, lane_of, some_bytes, some_id_of, some_text, state_of, text,
};
use super::tx::{Sql, Tx};
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{JobView, QueueCount};

pub(super) const LOOK: &str = "SELECT * FROM laneway_job WHERE id = ?1";

/// Ready jobs are in three indices: those in good standing, suspects, those that wait for others.
const READY: &str = "
SELECT 1 FROM laneway_job INDEXED BY laneway_job_ready
    WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = ?1
UNION ALL SELECT 1 FROM laneway_job INDEXED BY laneway_job_suspect
    WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = ?1
UNION ALL SELECT 1 FROM laneway_job INDEXED BY laneway_job_held
    WHERE state = 0 AND held > 0 AND queue = ?1";

impl Tx<'_> {
    pub(super) fn look(&self, ids: &[JobId]) -> Sql<Vec<Option<JobView>>> {
        let mut prepared = self.connection.prepare_cached(LOOK)?;
        let mut look = |id: &JobId| prepared.query_row([id.to_bytes()], whole).optional();
        ids.iter().map(&mut look).collect()
    }

    pub(super) fn counts(&self, at_most: u64) -> Sql<Vec<QueueCount>> {
        let mut counts = Vec::new();
        for queue in self.queues()? {
            for state in JobState::ALL {
                let count = self.count_of(&queue, state, at_most)?;
                counts.push(QueueCount {
                    queue: queue.clone(),
                    state,
                    count,
                });
            }
        }
        counts.retain(|count| count.count > 0);
        Ok(counts)
    }

    fn count_of(&self, queue: &str, state: JobState, at_most: u64) -> Sql<u64> {
        let mut prepared = self.connection.prepare_cached(&counting(state))?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let count: i64 = prepared.query_row((queue, at_most), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// Counts the jobs of a queue in a state. The texts name the states and what else their indices ask
/// for: otherwise all rows are read.
pub(super) fn counting(state: JobState) -> String {
    let rows = match state {
        JobState::Ready => READY.to_owned(),
        JobState::Running => "SELECT 1 FROM laneway_job INDEXED BY laneway_job_running
            WHERE state = 1 AND queue = ?1"
            .to_owned(),
        settled => format!(
            "SELECT 1 FROM laneway_job INDEXED BY laneway_job_settled
             WHERE state = {} AND state >= 2 AND queue = ?1",
            settled.number()
        ),
    };
    format!("SELECT count(*) FROM (SELECT 1 FROM ({rows}) LIMIT ?2)")
}

/// A job without its payload and result.
pub(super) fn outline(row: &Row<'_>) -> Sql<JobView> {
    let finished: Option<Micros> = row.get("finished_at")?;
    Ok(JobView {
        id: id_of(row, "id")?,
        kind: text(row, "kind")?,
        queue: text(row, "queue")?,
        lane: lane_of(row, "lane").unwrap_or(Priority::Low),
        state: state_of(row, "state")?,
        attempt: count(row, "attempt")?,
        max_attempts: count(row, "max_attempts")?,
        crashes: count(row, "crashes")?,
        fence: row.get::<_, Option<i64>>("fence")?.map(Fence::new),
        worker: some_text(row, "worker")?,
        run_at: time_of(row.get("run_at")?),
        created_at: time_of(row.get("created_at")?),
        finished_at: finished.map(time_of),
        unique_key: some_text(row, "unique_key")?,
        limit_key: some_text(row, "limit_key")?,
        parent: some_id_of(row, "parent")?,
        awaited_by: some_id_of(row, "awaited_by")?,
        progress: row.get("progress")?,
        progress_text: some_text(row, "progress_text")?,
        error: some_text(row, "error")?,
        payload: Vec::new(),
        result: None,
    })
}

fn whole(row: &Row<'_>) -> Sql<JobView> {
    Ok(JobView {
        payload: bytes(row, "payload")?,
        result: some_bytes(row, "result")?,
        ..outline(row)?
    })
}
