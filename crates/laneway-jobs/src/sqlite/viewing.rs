//! The views of people: queues, stories, failed attempts, leases.

use rusqlite::{OptionalExtension, Row};

use super::clock::{Micros, duration_of, time_of};
use super::columns::{count, id_of, some_text, state_of, text};
use super::probe::Transition;
use super::reading::outline;
use super::statement::Statement;
use super::store::SqliteStore;
use super::tx::{Sql, Tx};
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::outline::outline;
use crate::store::{
    Activity, ActivityWanted, AttemptView, ERROR_LIMIT, FailedAttempt, JobPage, JobSearch,
    JobStory, LIST_LIMIT, LeaseView, QueueState, QueueView, QueuesNow, STORY_LIMIT, StopRequest,
    StoreFuture, ViewStore,
};

pub(super) const QUEUES: &str = "
SELECT name, paused,
    (SELECT min(run_at) FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name AND lane = 0) AS high_due,
    (SELECT min(run_at) FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name AND lane = 1) AS low_due
FROM laneway_queue ORDER BY name LIMIT ?1";

pub(super) const STORY: &str = "
SELECT started_at, lease_until, timeout, expires_at, cancel FROM laneway_job WHERE id = ?1";

pub(super) const ATTEMPTS: &str = "
SELECT attempt, fence, worker, started_at, ended_at, error FROM laneway_attempt
WHERE job = ?1 ORDER BY fence DESC LIMIT ?2";

pub(super) const FAILED: &str = "
SELECT id, kind, queue, state, a.ended_at, substr(a.error, 1, ?2) AS error
FROM (SELECT job, ended_at, error FROM laneway_attempt INDEXED BY laneway_attempt_ended
    ORDER BY ended_at DESC LIMIT ?1) AS a
CROSS JOIN laneway_job ON id = a.job
ORDER BY a.ended_at DESC";

pub(super) const LEASES: &str = concat!(
    "SELECT ",
    outline!(),
    ", started_at, lease_until, cancel
FROM laneway_job INDEXED BY laneway_job_running
WHERE state = 1 ORDER BY lease_until LIMIT ?1"
);

impl ViewStore for SqliteStore {
    fn queues(&self) -> StoreFuture<'_, QueuesNow> {
        self.ask(Transition::Read, (), |tx, ()| tx.queue_views())
    }

    fn search(&self, searches: Vec<JobSearch>) -> StoreFuture<'_, Vec<JobPage>> {
        self.ask(Transition::Read, searches, |tx, searches| {
            tx.search(searches)
        })
    }

    fn unfinished(
        &self,
        kind: String,
        unique_key: String,
    ) -> StoreFuture<'_, Option<(JobId, JobState)>> {
        self.ask(Transition::Read, (kind, unique_key), |tx, (kind, key)| {
            tx.unfinished(kind, key)
        })
    }

    fn stories(&self, jobs: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobStory>>> {
        self.ask(Transition::Read, jobs, |tx, jobs| {
            jobs.iter().map(|&job| tx.story(job)).collect()
        })
    }

    fn failed_attempts(&self, newest: usize) -> StoreFuture<'_, Vec<FailedAttempt>> {
        self.ask(Transition::Read, newest, |tx, newest| {
            tx.failed_attempts(*newest)
        })
    }

    fn leases(&self, at_most: usize) -> StoreFuture<'_, Vec<LeaseView>> {
        self.ask(Transition::Read, at_most, |tx, at_most| tx.leases(*at_most))
    }

    fn activity(&self, wanted: ActivityWanted) -> StoreFuture<'_, Activity> {
        self.ask(Transition::Read, wanted, |tx, wanted| tx.activity(wanted))
    }
}

impl Tx<'_> {
    fn unfinished(&self, kind: &str, key: &str) -> Sql<Option<(JobId, JobState)>> {
        let params = &[(":kind", &kind as _), (":key", &key as _)];
        self.row(Statement::FindUnique, params, |row| {
            Ok((id_of(row, "id")?, state_of(row, "state")?))
        })
    }

    fn queue_views(&self) -> Sql<QueuesNow> {
        let mut prepared = self.connection.prepare_cached(QUEUES)?;
        let queues = prepared.query_map([LIST_LIMIT as i64], queue)?;
        Ok(QueuesNow {
            now: time_of(self.t),
            queues: queues.collect::<Sql<_>>()?,
        })
    }

    fn story(&self, job: JobId) -> Sql<Option<JobStory>> {
        let mut prepared = self.connection.prepare_cached(STORY)?;
        let told = prepared.query_row([job.to_bytes()], story).optional()?;
        let Some(mut story) = told else {
            return Ok(None);
        };
        story.attempts = self.attempts(job)?;
        Ok(Some(story))
    }

    fn attempts(&self, job: JobId) -> Sql<Vec<AttemptView>> {
        let mut prepared = self.connection.prepare_cached(ATTEMPTS)?;
        let newest = prepared.query_map((job.to_bytes(), STORY_LIMIT as i64), attempt)?;
        let mut attempts = newest.collect::<Sql<Vec<_>>>()?;
        attempts.reverse();
        Ok(attempts)
    }

    fn failed_attempts(&self, newest: usize) -> Sql<Vec<FailedAttempt>> {
        let mut prepared = self.connection.prepare_cached(FAILED)?;
        let failed = prepared.query_map((newest as i64, ERROR_LIMIT as i64), failed)?;
        failed.collect()
    }

    fn leases(&self, at_most: usize) -> Sql<Vec<LeaseView>> {
        let mut prepared = self.connection.prepare_cached(LEASES)?;
        let leases = prepared.query_map([at_most as i64], lease)?;
        leases.collect()
    }
}

fn time_in(row: &Row<'_>, column: &str) -> Sql<Option<std::time::SystemTime>> {
    Ok(row.get::<_, Option<Micros>>(column)?.map(time_of))
}

fn stop_in(row: &Row<'_>) -> Sql<StopRequest> {
    Ok(match row.get::<_, i64>("cancel")? {
        0 => StopRequest::None,
        _ => StopRequest::Asked,
    })
}

fn queue(row: &Row<'_>) -> Sql<QueueView> {
    Ok(QueueView {
        name: text(row, "name")?,
        state: match row.get::<_, i64>("paused")? {
            0 => QueueState::Open,
            _ => QueueState::Paused,
        },
        high_due: time_in(row, "high_due")?,
        low_due: time_in(row, "low_due")?,
    })
}

fn story(row: &Row<'_>) -> Sql<JobStory> {
    Ok(JobStory {
        attempts: Vec::new(),
        started_at: time_in(row, "started_at")?,
        lease_until: time_in(row, "lease_until")?,
        timeout: row.get::<_, Option<Micros>>("timeout")?.map(duration_of),
        expires_at: time_in(row, "expires_at")?,
        stop: stop_in(row)?,
    })
}

fn attempt(row: &Row<'_>) -> Sql<AttemptView> {
    Ok(AttemptView {
        attempt: count(row, "attempt")?,
        fence: Fence::new(row.get("fence")?),
        worker: some_text(row, "worker")?,
        started_at: time_in(row, "started_at")?,
        ended_at: time_of(row.get("ended_at")?),
        error: text(row, "error")?,
    })
}

fn failed(row: &Row<'_>) -> Sql<FailedAttempt> {
    Ok(FailedAttempt {
        job: id_of(row, "id")?,
        kind: text(row, "kind")?,
        queue: text(row, "queue")?,
        state: state_of(row, "state")?,
        ended_at: time_of(row.get("ended_at")?),
        error: text(row, "error")?,
    })
}

fn lease(row: &Row<'_>) -> Sql<LeaseView> {
    Ok(LeaseView {
        job: outline(row)?,
        started_at: time_in(row, "started_at")?,
        until: time_of(row.get("lease_until")?),
        stop: stop_in(row)?,
    })
}
