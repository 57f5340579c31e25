//! The views of people: queues, searches, stories, failed attempts, leases.

use std::collections::HashMap;
use std::time::SystemTime;

use tokio_postgres::Row;

use super::columns::{Uuid, count_of, id_of, lane_number, limit_number, state_number, state_of};
use super::reading::outline;
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::Tx;
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::micros::{duration_of, micros_of, time_of};
use crate::name::kept_text;
use crate::store::{
    AttemptView, ERROR_LIMIT, FailedAttempt, JobPage, JobSearch, JobStory, JobView, LIST_LIMIT,
    LeaseView, QueueState, QueueView, QueuesNow, SEARCH_LIMIT, STORY_LIMIT, StopRequest,
};

const ABOVE_ALL: Uuid = Uuid([255; 16]);

impl Tx<'_> {
    pub(super) async fn queue_views(&mut self) -> Sql<QueuesNow> {
        let params: Params<'_> = &[&limit_number(LIST_LIMIT)];
        let rows = self.rows(Statement::QueueViews, params).await?;
        Ok(QueuesNow {
            now: time_of(rows[0].get("t")),
            queues: rows.iter().filter_map(queue).collect(),
        })
    }

    pub(super) async fn search(&mut self, searches: &[JobSearch]) -> Sql<Vec<JobPage>> {
        let mut pages = Vec::with_capacity(searches.len());
        for search in searches {
            pages.push(self.search_one(search).await?);
        }
        Ok(pages)
    }

    async fn search_one(&mut self, search: &JobSearch) -> Sql<JobPage> {
        let limit = search.limit.min(LIST_LIMIT);
        let params: Params<'_> = &[
            &search.before.map_or(ABOVE_ALL, Uuid::from),
            &limit_number(SEARCH_LIMIT),
            &search.queue.as_deref().map(kept_text),
            &search.kind.as_deref().map(kept_text),
            &search.state.map(state_number),
            &search.lane.map(lane_number),
            &search.error.as_deref().map(kept_text),
            &limit_number(limit),
            &search.awaited_by.map(Uuid::from),
            &search.unique_key.as_deref().map(kept_text),
            &search.limit_key.as_deref().map(kept_text),
            &search.since.map(micros_of),
            &search.until.map(micros_of),
        ];
        let rows = self.rows(way(search), params).await?;
        Ok(page(&rows, limit))
    }

    pub(super) async fn unfinished(
        &mut self,
        (kind, key): &(String, String),
    ) -> Sql<Option<(JobId, JobState)>> {
        let params: Params<'_> = &[&kept_text(kind), &kept_text(key)];
        let row = self.row(Statement::FindUnique, params).await?;
        Ok(row.map(|row| (id_of(&row, "id"), state_of(&row, "state"))))
    }

    pub(super) async fn stories(&mut self, jobs: &[JobId]) -> Sql<Vec<Option<JobStory>>> {
        let ids: Vec<Uuid> = jobs.iter().map(|&id| Uuid::from(id)).collect();
        let params: Params<'_> = &[&ids, &limit_number(STORY_LIMIT)];
        let rows = self.rows(Statement::Stories, params).await?;
        let mut stories: HashMap<JobId, JobStory> = HashMap::new();
        for row in &rows {
            let told = stories
                .entry(id_of(row, "id"))
                .or_insert_with(|| story(row));
            told.attempts.extend(attempt(row));
        }
        Ok(jobs.iter().map(|id| stories.get(id).cloned()).collect())
    }

    pub(super) async fn failed_attempts(&mut self, newest: usize) -> Sql<Vec<FailedAttempt>> {
        let params: Params<'_> = &[&limit_number(newest), &(ERROR_LIMIT as i32)];
        let rows = self.rows(Statement::FailedAttempts, params).await?;
        Ok(rows.iter().map(failed).collect())
    }

    pub(super) async fn leases(&mut self, at_most: usize) -> Sql<Vec<LeaseView>> {
        let params: Params<'_> = &[&limit_number(at_most)];
        let rows = self.rows(Statement::Leases, params).await?;
        Ok(rows.iter().map(lease).collect())
    }
}

/// By which index a search goes.
fn way(search: &JobSearch) -> Statement {
    match search.state {
        _ if search.awaited_by.is_some() => Statement::SearchMembers,
        Some(JobState::Running) => Statement::SearchRunning,
        Some(state) if state > JobState::Done => Statement::SearchNotDone,
        _ => Statement::SearchIds,
    }
}

fn page(rows: &[Row], limit: usize) -> JobPage {
    let found = rows
        .iter()
        .filter(|row| row.get::<_, Option<Uuid>>("id").is_some());
    let jobs: Vec<JobView> = found.map(outline).collect();
    let floor = rows
        .first()
        .and_then(|row| row.get::<_, Option<Uuid>>("floor"));
    let next = match jobs.last() {
        Some(last) if jobs.len() == limit => Some(last.id),
        _ => floor.map(JobId::from),
    };
    JobPage { jobs, next }
}

fn time_in(row: &Row, column: &str) -> Option<SystemTime> {
    row.get::<_, Option<i64>>(column).map(time_of)
}

fn stop_in(row: &Row) -> StopRequest {
    match row.get("cancel") {
        false => StopRequest::None,
        true => StopRequest::Asked,
    }
}

/// `None` where the row has T alone.
fn queue(row: &Row) -> Option<QueueView> {
    Some(QueueView {
        name: row.get::<_, Option<String>>("name")?,
        state: match row.get("paused") {
            false => QueueState::Open,
            true => QueueState::Paused,
        },
        high_due: time_in(row, "high_due"),
        low_due: time_in(row, "low_due"),
    })
}

fn story(row: &Row) -> JobStory {
    JobStory {
        attempts: Vec::new(),
        started_at: time_in(row, "started_at"),
        lease_until: time_in(row, "lease_until"),
        timeout: row.get::<_, Option<i64>>("timeout").map(duration_of),
        expires_at: time_in(row, "expires_at"),
        stop: stop_in(row),
    }
}

/// `None` where the row has no attempt.
fn attempt(row: &Row) -> Option<AttemptView> {
    Some(AttemptView {
        fence: Fence::new(row.get::<_, Option<i64>>("fence")?),
        attempt: count_of(row, "attempt"),
        worker: row.get("worker"),
        started_at: time_in(row, "begun_at"),
        ended_at: time_of(row.get("ended_at")),
        error: row.get("error"),
    })
}

fn failed(row: &Row) -> FailedAttempt {
    FailedAttempt {
        job: id_of(row, "id"),
        kind: row.get("kind"),
        queue: row.get("queue"),
        state: state_of(row, "state"),
        ended_at: time_of(row.get("ended_at")),
        error: row.get("error"),
    }
}

fn lease(row: &Row) -> LeaseView {
    LeaseView {
        job: outline(row),
        started_at: time_in(row, "started_at"),
        until: time_of(row.get("lease_until")),
        stop: stop_in(row),
    }
}
