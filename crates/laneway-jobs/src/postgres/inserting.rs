//! Inserts, and what becomes of those that find a unique key taken.

use std::collections::HashSet;

use tokio_postgres::types::ToSql;

use super::columns::{Uuid, count_number, id_of, lane_number, state_of};
use super::parts::parts;
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::{Earlier, Everywhere, Span, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::micros::{Micros, length, micros_of};
use crate::store::{Due, Enqueued, IfExists, NewJob, Uniqueness};

/// Where a job stands beside the unfinished one that has its unique key.
#[derive(Clone, Copy)]
enum Place {
    First,
    /// It waits until the running one is settled.
    Successor,
    /// It waits for those that name it.
    Awaiting,
    /// It waits for a place of its limit key.
    Keyed,
}

impl Place {
    fn of(job: &NewJob) -> Place {
        match (job.awaits, job.kept_limit_key()) {
            (Some(_), _) => Place::Awaiting,
            (None, Some(_)) => Place::Keyed,
            (None, None) => Place::First,
        }
    }
}

/// The values of `Statement::Insert`, a vector for each column.
#[derive(Default)]
pub(super) struct Rows<'j> {
    ids: Vec<Uuid>,
    kinds: Vec<&'j str>,
    queues: Vec<&'j str>,
    lanes: Vec<i16>,
    at: Vec<Option<Micros>>,
    wait: Vec<Option<Micros>>,
    max_attempts: Vec<i32>,
    timeouts: Vec<Option<Micros>>,
    expire_after: Vec<Option<Micros>>,
    parents: Vec<Option<Uuid>>,
    payloads: Vec<&'j [u8]>,
}

impl<'j> Rows<'j> {
    pub(super) fn of(jobs: impl IntoIterator<Item = &'j NewJob>) -> Rows<'j> {
        let mut rows = Rows::default();
        jobs.into_iter().for_each(|job| rows.push(job));
        rows
    }

    fn push(&mut self, job: &'j NewJob) {
        let (at, wait) = at_or_wait(job.due);
        self.ids.push(job.id.into());
        self.kinds.push(&job.kind);
        self.queues.push(&job.queue);
        self.lanes.push(lane_number(job.lane));
        self.at.push(at);
        self.wait.push(wait);
        self.max_attempts.push(count_number(job.max_attempts));
        self.timeouts.push(job.timeout.map(length));
        self.expire_after.push(job.expires_after.map(length));
        self.parents.push(job.parent.map(Uuid::from));
        self.payloads.push(&job.payload);
    }

    /// Those of `Statement::InsertClaimed`: of jobs of one queue that are due at once.
    pub(super) fn params_at_once(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            &self.ids,
            &self.kinds,
            &self.lanes,
            &self.max_attempts,
            &self.timeouts,
            &self.parents,
            &self.payloads,
        ]
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.ids,
            &self.kinds,
            &self.queues,
            &self.lanes,
            &self.at,
            &self.wait,
            &self.max_attempts,
            &self.timeouts,
            &self.expire_after,
            &self.parents,
            &self.payloads,
        ]
    }
}

/// The further parameters of `Statement::InsertPlaced`.
#[derive(Default)]
struct Places<'j> {
    held: Vec<i16>,
    unique_keys: Vec<Option<&'j str>>,
    awaited_by: Vec<Option<Uuid>>,
    limit_keys: Vec<Option<&'j str>>,
}

impl<'j> Places<'j> {
    fn push(&mut self, job: &'j NewJob, place: Place) {
        let unique = key_of(job).map(|unique| &*unique.key);
        self.held.push(place as i16);
        self.unique_keys.push(unique);
        self.awaited_by.push(job.awaited_by.map(Uuid::from));
        self.limit_keys.push(job.kept_limit_key());
    }
}

/// The unique key, which a job that waits for others does not keep.
fn key_of(job: &NewJob) -> Option<&Uniqueness> {
    job.unique.as_ref().filter(|_| job.awaits.is_none())
}

/// How many bytes a job adds to the statement that inserts it, more or less.
pub(super) fn weight(job: &NewJob) -> usize {
    const COLUMNS: usize = 128;
    job.payload.len() + job.kind.len() + job.queue.len() + COLUMNS
}

/// How far the transaction of [`Tx::insert_plain`] reaches.
pub(super) fn span_of(jobs: &[NewJob]) -> Span {
    match parts(jobs, weight).nth(1) {
        None => Span::Statement,
        Some(_) => Span::All,
    }
}

/// When a job is due: at a time, or after one by the store's clock.
pub(super) fn at_or_wait(due: Due) -> (Option<Micros>, Option<Micros>) {
    match due {
        Due::Now => (None, Some(0)),
        Due::In(wait) => (None, Some(length(wait))),
        Due::At(time) => (Some(micros_of(time)), None),
    }
}

impl Tx<'_> {
    /// Plain jobs, in [as many statements](span_of) as they need: a row that is there already was
    /// sent before.
    pub(super) async fn insert_plain(&mut self, jobs: &[NewJob]) -> Sql<Vec<Enqueued>> {
        for part in parts(jobs, weight) {
            let rows = Rows::of(part);
            self.rows(Statement::Insert, &rows.params()).await?;
        }
        jobs.iter().for_each(|job| self.inserted(job));
        Ok(jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect())
    }

    pub(super) async fn insert(&mut self, jobs: &[NewJob]) -> Sql<Vec<Enqueued>> {
        let answers = match jobs.iter().all(|job| key_of(job).is_none()) {
            true => self.insert_keyless(jobs).await?,
            false => self.insert_each(jobs).await?,
        };
        self.end_empty(jobs).await?;
        Ok(answers)
    }

    /// Jobs without unique keys, many in one statement: a row that is there already was sent
    /// before, and was counted then.
    async fn insert_keyless(&mut self, jobs: &[NewJob]) -> Sql<Vec<Enqueued>> {
        let mut new = HashSet::new();
        for part in parts(jobs, weight) {
            let placed = part.iter().map(|job| (job, Place::of(job)));
            new.extend(self.insert_rows(placed).await?);
        }
        let members: Vec<&NewJob> = jobs.iter().filter(|job| new.contains(&job.id)).collect();
        self.members_inserted(&members).await?;
        jobs.iter().for_each(|job| self.inserted(job));
        Ok(jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect())
    }

    async fn insert_each(&mut self, jobs: &[NewJob]) -> Sql<Vec<Enqueued>> {
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(self.insert_one(job).await?);
        }
        Ok(answers)
    }

    pub(super) async fn know_queues(&mut self, queues: &[String]) -> Sql<()> {
        self.rows(Statement::KnowQueues, &[&queues]).await?;
        Ok(())
    }

    /// Each turn ends the insert, or has found that a rival is settled by now.
    async fn insert_one(&mut self, job: &NewJob) -> Sql<Enqueued> {
        self.merge_kinds(job).await?;
        loop {
            if let Some(inserted) = self.try_insert(job, Place::of(job)).await? {
                return Ok(inserted);
            }
            if let Some(existing) = self.beside_rival(job).await? {
                return Ok(existing);
            }
        }
    }

    /// `None` where an unfinished job has the unique key. An insert of the same key that is under
    /// way elsewhere is waited for.
    async fn try_insert(&mut self, job: &NewJob, place: Place) -> Sql<Option<Enqueued>> {
        let inserted = Some(Enqueued::Inserted(job.id));
        if !self.insert_rows([(job, place)]).await?.is_empty() {
            self.members_inserted(&[job]).await?;
            self.inserted(job);
            return Ok(inserted);
        }
        let before = self.row(Statement::FindId, &[&Uuid::from(job.id)]).await?;
        Ok(inserted.filter(|_| before.is_some()))
    }

    async fn beside_rival(&mut self, job: &NewJob) -> Sql<Option<Enqueued>> {
        let Some(unique) = &job.unique else {
            return Ok(None);
        };
        let Some(found) = self.rival(Statement::FindUnique, job, unique).await? else {
            return Ok(None);
        };
        let (id, state) = match (unique.if_exists, found.1) {
            (IfExists::RunAgain, JobState::Running) | (IfExists::Replace, JobState::Ready) => {
                match self.lock_rival(job, unique).await? {
                    Some(locked) => locked,
                    None => return Ok(None),
                }
            }
            _ => found,
        };
        match (unique.if_exists, state) {
            (IfExists::RunAgain, JobState::Running) => self.after_running(job, unique).await,
            (IfExists::Replace, JobState::Ready) => {
                self.replace(id, job).await?;
                Ok(Some(Enqueued::Existing(id, state)))
            }
            _ => Ok(Some(Enqueued::Existing(id, state))),
        }
    }

    /// A claim passes over a row that is locked, so that workers have to look again.
    async fn lock_rival(
        &mut self,
        job: &NewJob,
        unique: &Uniqueness,
    ) -> Sql<Option<(JobId, JobState)>> {
        self.aftermath.earlier = Some(Earlier);
        self.aftermath.everywhere = Some(Everywhere);
        self.rival(Statement::LockUnique, job, unique).await
    }

    /// One more after the running one, or the one that waits there already.
    async fn after_running(&mut self, job: &NewJob, unique: &Uniqueness) -> Sql<Option<Enqueued>> {
        if let Some(inserted) = self.try_insert(job, Place::Successor).await? {
            return Ok(Some(inserted));
        }
        let successor = self.rival(Statement::FindSuccessor, job, unique).await?;
        Ok(successor.map(|(id, state)| Enqueued::Existing(id, state)))
    }

    async fn rival(
        &mut self,
        find: Statement,
        job: &NewJob,
        unique: &Uniqueness,
    ) -> Sql<Option<(JobId, JobState)>> {
        let row = self.row(find, &[&job.kind, &unique.key]).await?;
        Ok(row.map(|row| (id_of(&row, "id"), state_of(&row, "state"))))
    }

    /// Answers which ones were not there before.
    async fn insert_rows<'j>(
        &mut self,
        jobs: impl IntoIterator<Item = (&'j NewJob, Place)>,
    ) -> Sql<HashSet<JobId>> {
        let (mut rows, mut places) = (Rows::default(), Places::default());
        for (job, place) in jobs {
            rows.push(job);
            places.push(job, place);
        }
        let further: Params<'_> = &[
            &places.held,
            &places.unique_keys,
            &places.awaited_by,
            &places.limit_keys,
        ];
        let params = [&rows.params()[..], further].concat();
        let inserted = self.rows(Statement::InsertPlaced, &params).await?;
        Ok(inserted.iter().map(|row| id_of(row, "id")).collect())
    }

    async fn replace(&mut self, id: JobId, job: &NewJob) -> Sql<()> {
        let (at, wait) = at_or_wait(job.due);
        let params: Params<'_> = &[
            &Uuid::from(id),
            &lane_number(job.lane),
            &at,
            &wait,
            &count_number(job.max_attempts),
            &job.timeout.map(length),
            &job.expires_after.map(length),
            &job.payload,
            &job.kind,
        ];
        self.rows(Statement::Replace, params).await?;
        self.inserted(job);
        Ok(())
    }

    pub(super) fn inserted(&mut self, job: &NewJob) {
        self.hint_ready(&job.queue);
        if let Due::At(time) = job.due
            && time < std::time::SystemTime::now()
        {
            self.aftermath.earlier = Some(Earlier);
        }
    }
}
