//! Looks at jobs, and counts.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::columns::{Uuid, count_of, id_of, lane_of, state_of};
use super::session::Sql;
use super::statement::Statement;
use super::tx::Tx;
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::micros::{Micros, time_of};
use crate::store::{JobView, QueueCount};

impl Tx<'_> {
    pub(super) async fn look(&mut self, ids: &[JobId]) -> Sql<Vec<Option<JobView>>> {
        let asked: Vec<Uuid> = ids.iter().map(|&id| Uuid::from(id)).collect();
        let rows = self.rows(Statement::Look, &[&asked]).await?;
        let found: HashMap<JobId, &Row> = rows.iter().map(|row| (id_of(row, "id"), row)).collect();
        let views = ids.iter().map(|id| found.get(id).map(|row| whole(row)));
        Ok(views.collect())
    }

    pub(super) async fn counts(&mut self, at_most: u64) -> Sql<Vec<QueueCount>> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let rows = self.rows(Statement::Counts, &[&at_most]).await?;
        let mut counts: Vec<QueueCount> = rows.iter().map(count).collect();
        counts.retain(|count| count.count > 0);
        Ok(counts)
    }
}

fn count(row: &Row) -> QueueCount {
    QueueCount {
        queue: row.get("name"),
        state: state_of(row, "state"),
        count: row.get::<_, i64>("count").unsigned_abs(),
    }
}

/// A job without its payload and result.
pub(super) fn outline(row: &Row) -> JobView {
    let parent: Option<Uuid> = row.get("parent");
    let awaited_by: Option<Uuid> = row.get("awaited_by");
    let finished: Option<Micros> = row.get("finished_at");
    JobView {
        id: id_of(row, "id"),
        kind: row.get("kind"),
        queue: row.get("queue"),
        lane: lane_of(row, "lane"),
        state: state_of(row, "state"),
        attempt: count_of(row, "attempt"),
        max_attempts: count_of(row, "max_attempts"),
        crashes: count_of(row, "crashes"),
        fence: row.get::<_, Option<i64>>("fence").map(Fence::new),
        worker: row.get("worker"),
        run_at: time_of(row.get("run_at")),
        created_at: time_of(row.get("created_at")),
        finished_at: finished.map(time_of),
        unique_key: row.get("unique_key"),
        limit_key: row.get("limit_key"),
        parent: parent.map(JobId::from),
        awaited_by: awaited_by.map(JobId::from),
        progress: row.get("progress"),
        progress_text: row.get("progress_text"),
        error: row.get("error"),
        payload: Vec::new(),
        result: None,
    }
}

fn whole(row: &Row) -> JobView {
    JobView {
        payload: row.get("payload"),
        result: row.get("result"),
        ..outline(row)
    }
}
