//! The counts of jobs that others await, and what becomes of those that wait.

use rusqlite::OptionalExtension;

use super::statement::Statement;
use super::tx::{Sql, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{Awaits, BatchCounts, NewJob};

const COUNTS: &str = "
SELECT total, done, failed, cancelled, quarantined FROM laneway_batch WHERE job = ?1";

impl Tx<'_> {
    /// A job has been inserted that waits, or that is awaited.
    pub(super) fn member_inserted(&self, job: &NewJob) -> Sql<()> {
        if let Some(awaits) = job.awaits {
            self.await_members(job.id, awaits)?;
        }
        if let Some(awaiting) = job.awaited_by {
            self.run(Statement::AddMember, &[(":job", &awaiting.to_bytes())])?;
        }
        Ok(())
    }

    fn await_members(&self, job: JobId, awaits: Awaits) -> Sql<usize> {
        let (job, awaits) = (job.to_bytes(), awaits.number());
        let params = &[(":job", &job as _), (":awaits", &awaits as _)];
        self.run(Statement::AwaitMembers, params)
    }

    /// Ends the waits of those of the jobs that await nothing, after all have been inserted.
    pub(super) fn end_empty(&self, jobs: &[NewJob]) -> Sql<()> {
        for job in jobs.iter().filter(|job| job.awaits.is_some()) {
            let id = job.id.to_bytes();
            if self.run(Statement::EndEmpty, &[(":job", &id)])? > 0 {
                self.let_go(job.id)?;
            }
        }
        Ok(())
    }

    /// Counts a settled member. A loop, since each link of a chain that is cancelled settles a
    /// member of the next one.
    pub(super) fn member_settled(&self, awaiting: JobId, state: JobState) -> Sql<()> {
        let mut settled = Some((awaiting, state));
        while let Some((awaiting, state)) = settled {
            settled = self.count_member(awaiting, state)?;
        }
        Ok(())
    }

    /// Answers where the awaiting job is awaited itself, if it was cancelled.
    fn count_member(&self, awaiting: JobId, state: JobState) -> Sql<Option<(JobId, JobState)>> {
        let (job, state) = (awaiting.to_bytes(), state.number());
        let params = &[(":job", &job as _), (":state", &state as _)];
        let counted = self.row(Statement::CountMember, params, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        match counted {
            Some((true, false)) => self.let_go(awaiting).map(|()| None),
            Some((true, true)) => self.cancel_awaiting(awaiting),
            Some((false, _)) | None => Ok(None),
        }
    }

    fn let_go(&self, awaiting: JobId) -> Sql<()> {
        let job = awaiting.to_bytes();
        let queue: Option<String> =
            self.row(Statement::LetGo, &[(":job", &job)], |row| row.get(0))?;
        if let Some(queue) = queue {
            self.hint_ready(&queue);
        }
        Ok(())
    }

    fn cancel_awaiting(&self, awaiting: JobId) -> Sql<Option<(JobId, JobState)>> {
        let cancelled = self.awaited_by(Statement::CancelAwaiting, awaiting)?;
        if cancelled.is_some() {
            self.hint_settled(awaiting);
        }
        let next = cancelled.flatten();
        Ok(next.map(|next| (next, JobState::Cancelled)))
    }

    /// A member in this state runs again by hand.
    pub(super) fn member_retried(&self, awaiting: JobId, state: JobState) -> Sql<()> {
        let mut retried = Some((awaiting, state));
        while let Some((awaiting, state)) = retried {
            retried = self.uncount_member(awaiting, state)?;
        }
        Ok(())
    }

    fn uncount_member(&self, awaiting: JobId, state: JobState) -> Sql<Option<(JobId, JobState)>> {
        let again = self.awaited_by(Statement::AwaitAgain, awaiting)?;
        let (job, state) = (awaiting.to_bytes(), state.number());
        if again.is_some() {
            self.run(Statement::Reopen, &[(":job", &job)])?;
        }
        let params = &[(":job", &job as _), (":state", &state as _)];
        self.run(Statement::UncountMember, params)?;
        Ok(again.flatten().map(|next| (next, JobState::Cancelled)))
    }

    /// The job that awaits the one that the statement has moved; `None` where it moved none.
    fn awaited_by(&self, statement: Statement, job: JobId) -> Sql<Option<Option<JobId>>> {
        self.row(statement, &[(":job", &job.to_bytes())], |row| {
            Ok(row.get::<_, Option<_>>(0)?.map(JobId::from_bytes))
        })
    }

    pub(super) fn batches(&self, awaiting: &[JobId]) -> Sql<Vec<Option<BatchCounts>>> {
        let mut prepared = self.connection.prepare_cached(COUNTS)?;
        let mut counts = |job: &JobId| prepared.query_row([job.to_bytes()], read).optional();
        awaiting.iter().map(&mut counts).collect()
    }
}

fn read(row: &rusqlite::Row<'_>) -> Sql<BatchCounts> {
    let count = |place| row.get::<_, i64>(place).map(i64::unsigned_abs);
    Ok(BatchCounts {
        total: count(0)?,
        done: count(1)?,
        failed: count(2)?,
        cancelled: count(3)?,
        quarantined: count(4)?,
    })
}
