//! Changes by hand.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::columns::{Uuid, state_of};
use super::inserting::at_or_wait;
use super::session::{Params, Sql};
use super::settling::Moved;
use super::statement::Statement;
use super::tx::{Earlier, Everywhere, Tx};
use crate::job_id::JobId;
use crate::store::{ByHand, Changed, Due, JobAction, QueueState};

/// So often a change is tried on a job that is in another state each time.
const TRIES: u32 = 8;

impl Tx<'_> {
    pub(super) async fn change(&mut self, changes: &[ByHand]) -> Sql<Vec<Changed>> {
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            answers.push(self.change_one(change).await?);
        }
        Ok(answers)
    }

    /// Each statement sees what is committed when it begins: a job that was running when a
    /// statement looked for a ready one may be ready when another asks for its state.
    async fn change_one(&mut self, change: &ByHand) -> Sql<Changed> {
        let action = match change {
            ByHand::Retry(_) => JobAction::Retry,
            ByHand::Reschedule(..) => JobAction::RunNow,
            ByHand::Cancel(_) => JobAction::Cancel,
            ByHand::Delete(_) => JobAction::Delete,
            ByHand::Pause(_) | ByHand::Resume(_) => return self.try_once(change).await,
        };
        for _ in 1..TRIES {
            match self.try_once(change).await? {
                Changed::Not(state) if action.applies_to(state) => {}
                changed => return Ok(changed),
            }
        }
        self.try_once(change).await
    }

    async fn try_once(&mut self, change: &ByHand) -> Sql<Changed> {
        match change {
            ByHand::Retry(id) => self.retry(*id).await,
            ByHand::Reschedule(id, due) => self.reschedule(*id, *due).await,
            ByHand::Cancel(id) => self.cancel(*id).await,
            ByHand::Delete(id) => self.delete(*id).await,
            ByHand::Pause(queue) => self.set_state(queue, QueueState::Paused).await,
            ByHand::Resume(queue) => self.set_state(queue, QueueState::Open).await,
        }
    }

    /// An error ends a transaction, so that the change which may fail has a savepoint before it.
    async fn retry(&mut self, id: JobId) -> Sql<Changed> {
        self.batch("SAVEPOINT before_retry").await?;
        match self.row(Statement::Retry, &[&Uuid::from(id)]).await {
            Ok(Some(row)) => self.retried(&row).await,
            Ok(None) => self.why_not(id).await,
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                self.batch("ROLLBACK TO before_retry").await?;
                Ok(Changed::KeyTaken)
            }
            Err(error) => Err(error),
        }
    }

    async fn retried(&mut self, row: &Row) -> Sql<Changed> {
        let moved = Moved::read(row);
        if let Some(awaiting) = moved.awaited_by {
            self.member_retried(awaiting, state_of(row, "was")).await?;
        }
        self.after_moves(&[moved]).await?;
        Ok(Changed::Done)
    }

    async fn reschedule(&mut self, id: JobId, due: Due) -> Sql<Changed> {
        let (at, wait) = at_or_wait(due);
        let params: Params<'_> = &[&Uuid::from(id), &at, &wait];
        let Some(row) = self.row(Statement::Reschedule, params).await? else {
            return self.why_not(id).await;
        };
        self.after_moves(&[Moved::read(&row)]).await?;
        // Its time may be before that of jobs which were claimed already.
        self.aftermath.earlier = Some(Earlier);
        Ok(Changed::Done)
    }

    async fn cancel(&mut self, id: JobId) -> Sql<Changed> {
        if self.moved(Statement::Cancel, id).await? {
            return Ok(Changed::Done);
        }
        match self.row(Statement::AskToCancel, &[&Uuid::from(id)]).await? {
            None => self.why_not(id).await,
            Some(_) => Ok(Changed::Asked),
        }
    }

    async fn delete(&mut self, id: JobId) -> Sql<Changed> {
        match self.moved(Statement::Delete, id).await? {
            true => Ok(Changed::Done),
            false => self.why_not(id).await,
        }
    }

    async fn set_state(&mut self, queue: &str, state: QueueState) -> Sql<Changed> {
        let paused = state == QueueState::Paused;
        self.rows(Statement::SetPaused, &[&queue, &paused]).await?;
        self.aftermath.everywhere = Some(Everywhere);
        self.aftermath.earlier = Some(Earlier);
        Ok(Changed::Done)
    }

    /// Whether the job's state allowed it.
    async fn moved(&mut self, statement: Statement, id: JobId) -> Sql<bool> {
        let row = self.row(statement, &[&Uuid::from(id)]).await?;
        let moved: Vec<Moved> = row.iter().map(Moved::read).collect();
        self.after_moves(&moved).await?;
        Ok(!moved.is_empty())
    }

    async fn why_not(&mut self, id: JobId) -> Sql<Changed> {
        let row = self.row(Statement::StateOf, &[&Uuid::from(id)]).await?;
        Ok(row.map_or(Changed::Missing, |row| {
            Changed::Not(state_of(&row, "state"))
        }))
    }
}
