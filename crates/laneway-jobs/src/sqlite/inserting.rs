//! Inserts, and what becomes of those that find a unique key taken.

use super::clock::{Micros, length, micros_of};
use super::columns::{id_of, lane_number, state_of};
use super::statement::Statement;
use super::tx::{Found, Sql, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
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

impl Tx<'_> {
    pub(super) fn insert(&self, jobs: &[NewJob]) -> Sql<Vec<Enqueued>> {
        let inserted: Sql<Vec<Enqueued>> = jobs.iter().map(|job| self.insert_one(job)).collect();
        let inserted = inserted?;
        self.end_empty(jobs)?;
        Ok(inserted)
    }

    fn insert_one(&self, job: &NewJob) -> Sql<Enqueued> {
        // A queue that has been hinted at in this transaction is known.
        if !self.aftermath.borrow().ready.contains(&job.queue) {
            self.run(Statement::KnowQueue, &[(":queue", &job.queue)])?;
        }
        // Each turn ends the insert, or has found that a rival is settled by now: within one
        // transaction that is so at most once.
        let place = Place::of(job);
        self.merge_kinds(job)?;
        loop {
            if let Some(inserted) = self.try_insert(job, place)? {
                return Ok(inserted);
            }
            if let Some(existing) = self.beside_rival(job)? {
                return Ok(existing);
            }
        }
    }

    /// `None` where an unfinished job has the unique key.
    fn try_insert(&self, job: &NewJob, place: Place) -> Sql<Option<Enqueued>> {
        let inserted = Some(Enqueued::Inserted(job.id));
        if self.insert_row(job, place)? == 1 {
            self.hint_ready(&job.queue);
            self.member_inserted(job)?;
            return Ok(inserted);
        }
        let before = self.finds(Statement::FindId, &[(":id", &job.id.to_bytes())])?;
        Ok(inserted.filter(|_| before == Found::Row))
    }

    fn beside_rival(&self, job: &NewJob) -> Sql<Option<Enqueued>> {
        let Some(unique) = &job.unique else {
            return Ok(None);
        };
        let Some((id, state)) = self.rival(Statement::FindUnique, job, unique)? else {
            return Ok(None);
        };
        match (unique.if_exists, state) {
            (IfExists::RunAgain, JobState::Running) => self.after_running(job, unique),
            (IfExists::Replace, JobState::Ready) => {
                self.replace(id, job)?;
                Ok(Some(Enqueued::Existing(id, state)))
            }
            _ => Ok(Some(Enqueued::Existing(id, state))),
        }
    }

    /// One more after the running one, or the one that waits there already.
    fn after_running(&self, job: &NewJob, unique: &Uniqueness) -> Sql<Option<Enqueued>> {
        if let Some(inserted) = self.try_insert(job, Place::Successor)? {
            return Ok(Some(inserted));
        }
        let successor = self.rival(Statement::FindSuccessor, job, unique)?;
        Ok(successor.map(|(id, state)| Enqueued::Existing(id, state)))
    }

    fn rival(
        &self,
        statement: Statement,
        job: &NewJob,
        unique: &Uniqueness,
    ) -> Sql<Option<(JobId, JobState)>> {
        let params = &[(":kind", &job.kind as _), (":key", &unique.key as _)];
        self.row(statement, params, |row| {
            Ok((id_of(row, "id")?, state_of(row, "state")?))
        })
    }

    fn insert_row(&self, job: &NewJob, place: Place) -> Sql<usize> {
        let parent = job.parent.map(JobId::to_bytes);
        let awaited_by = job.awaited_by.map(JobId::to_bytes);
        let unique = job.unique.as_ref().filter(|_| job.awaits.is_none());
        self.run(
            Statement::Insert,
            &[
                (":id", &job.id.to_bytes()),
                (":kind", &job.kind),
                (":queue", &job.queue),
                (":lane", &lane_number(job.lane)),
                (":held", &(place as i64)),
                (":run_at", &self.run_at(job.due)),
                (":max_attempts", &job.max_attempts),
                (":timeout", &job.timeout.map(length)),
                (":expires_at", &self.expires_at(job)),
                (":unique_key", &unique.map(|unique| &unique.key)),
                (":awaited_by", &awaited_by.as_ref().map(|id| &id[..])),
                (":parent", &parent.as_ref().map(|id| &id[..])),
                (":limit_key", &job.kept_limit_key()),
                (":payload", &job.payload),
            ],
        )
    }

    fn replace(&self, id: JobId, job: &NewJob) -> Sql<()> {
        let params: super::tx::Params<'_> = &[
            (":id", &id.to_bytes()),
            (":kind", &job.kind),
            (":lane", &lane_number(job.lane)),
            (":run_at", &self.run_at(job.due)),
            (":max_attempts", &job.max_attempts),
            (":timeout", &job.timeout.map(length)),
            (":expires_at", &self.expires_at(job)),
            (":payload", &job.payload),
        ];
        // It stays in its queue, whatever the other one was for.
        let queue: Option<String> = self.row(Statement::Replace, params, |row| row.get(0))?;
        if let Some(queue) = queue {
            self.hint_ready(&queue);
            // Its kept steps belong to the payload before.
            self.forget_steps(id)?;
        }
        Ok(())
    }

    pub(super) fn run_at(&self, due: Due) -> Micros {
        match due {
            Due::Now => self.t,
            Due::In(wait) => self.t.saturating_add(length(wait)),
            Due::At(time) => micros_of(time),
        }
    }

    fn expires_at(&self, job: &NewJob) -> Option<Micros> {
        let after = job.expires_after.map(length);
        after.map(|after| self.t.saturating_add(after))
    }
}
