//! Changes by hand.

use rusqlite::{ErrorCode, OptionalExtension};

use super::columns::state_of;
use super::settling::Moved;
use super::statement::Statement;
use super::tx::{Everywhere, Sql, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{ByHand, Changed, Due, QueueState};

const PAUSE: &str = "
INSERT INTO laneway_queue (name, paused) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused";

impl Tx<'_> {
    pub(super) fn change(&self, changes: &[ByHand]) -> Sql<Vec<Changed>> {
        changes
            .iter()
            .map(|change| self.change_one(change))
            .collect()
    }

    fn change_one(&self, change: &ByHand) -> Sql<Changed> {
        match change {
            ByHand::Retry(id) => self.retry(*id),
            ByHand::Reschedule(id, due) => self.reschedule(*id, *due),
            ByHand::Cancel(id) => self.cancel(*id),
            ByHand::Delete(id) => self.delete(*id),
            ByHand::Pause(queue) => self.set_state(queue, QueueState::Paused),
            ByHand::Resume(queue) => self.set_state(queue, QueueState::Open),
        }
    }

    fn retry(&self, id: JobId) -> Sql<Changed> {
        let before = self.why_not(id)?;
        match self.moved(Statement::RetryByHand, id) {
            Ok(Some(moved)) => {
                self.run(Statement::TakeFence, &[])?;
                self.after_move(id, &moved)?;
                if let (Changed::Not(state), Some(awaiting)) = (before, moved.awaited_by) {
                    self.member_retried(awaiting, state)?;
                }
                Ok(Changed::Done)
            }
            Ok(None) => Ok(before),
            Err(error) if is_constraint(&error) => Ok(Changed::KeyTaken),
            Err(error) => Err(error),
        }
    }

    fn reschedule(&self, id: JobId, due: Due) -> Sql<Changed> {
        let (bytes, run_at) = (id.to_bytes(), self.run_at(due));
        let params = &[(":id", &bytes as _), (":run_at", &run_at as _)];
        let Some(moved) = self.row(Statement::Reschedule, params, Moved::read)? else {
            return self.why_not(id);
        };
        self.after_move(id, &moved)?;
        Ok(Changed::Done)
    }

    fn cancel(&self, id: JobId) -> Sql<Changed> {
        if let Some(moved) = self.moved(Statement::CancelReady, id)? {
            self.after_move(id, &moved)?;
            return Ok(Changed::Done);
        }
        match self.run(Statement::AskToStop, &[(":id", &id.to_bytes())])? {
            0 => self.why_not(id),
            _ => Ok(Changed::Asked),
        }
    }

    fn delete(&self, id: JobId) -> Sql<Changed> {
        let Some(moved) = self.moved(Statement::DeleteByHand, id)? else {
            return self.why_not(id);
        };
        self.forget(id)?;
        self.after_move(id, &moved)?;
        Ok(Changed::Done)
    }

    fn set_state(&self, queue: &str, state: QueueState) -> Sql<Changed> {
        let paused = state == QueueState::Paused;
        self.connection
            .prepare_cached(PAUSE)?
            .execute((queue, paused))?;
        self.aftermath.borrow_mut().everywhere = Some(Everywhere);
        Ok(Changed::Done)
    }

    fn moved(&self, statement: Statement, id: JobId) -> Sql<Option<Moved>> {
        self.row(statement, &[(":id", &id.to_bytes())], Moved::read)
    }

    fn why_not(&self, id: JobId) -> Sql<Changed> {
        let text = "SELECT state FROM laneway_job WHERE id = ?1";
        let mut prepared = self.connection.prepare_cached(text)?;
        let state = prepared.query_row([id.to_bytes()], |row| state_of(row, "state"));
        let state: Option<JobState> = state.optional()?;
        Ok(state.map_or(Changed::Missing, Changed::Not))
    }
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
