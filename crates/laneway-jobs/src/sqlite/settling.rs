//! The ends of attempts: each one guarded statement, sent again without harm.

use rusqlite::Row;

use super::clock::{Micros, length};
use super::columns::{some_id_of, some_text, state_of, text};
use super::statement::Statement;
use super::tx::{Everywhere, Params, Sql, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{Guarded, Held, Outcome, Settlement};

/// The state that a transition has put a row in.
pub(super) struct Moved {
    pub(super) state: JobState,
    pub(super) queue: String,
    /// The key by which it is limited.
    limit_key: Option<String>,
    /// Its unique key, if it has one, and the kind among whose jobs it is unique.
    pub(super) unique: Option<(String, String)>,
    pub(super) awaited_by: Option<JobId>,
}

impl Moved {
    pub(super) fn read(row: &Row<'_>) -> Sql<Moved> {
        let key = some_text(row, "unique_key")?;
        let kind = key.is_some().then(|| text(row, "unique_kind"));
        Ok(Moved {
            state: state_of(row, "state")?,
            queue: text(row, "queue")?,
            limit_key: some_text(row, "limit_key")?,
            unique: kind.transpose()?.zip(key),
            awaited_by: some_id_of(row, "awaited_by")?,
        })
    }
}

/// The values of `Statement::Settle` for an outcome other than completion.
struct Ending<'o> {
    state: JobState,
    uncharged: i64,
    delay: Option<Micros>,
    error: Option<&'o str>,
}

impl Tx<'_> {
    pub(super) fn settle(&self, settlements: &[Settlement]) -> Sql<Vec<Guarded>> {
        settlements.iter().map(|one| self.settle_one(one)).collect()
    }

    pub(super) fn settle_one(&self, settlement: &Settlement) -> Sql<Guarded> {
        let held = settlement.held;
        let moved = match ending(&settlement.outcome) {
            Ok(ending) => self.end(held, &ending)?,
            Err(result) => return self.complete(held, result),
        };
        self.ended(held, moved)
    }

    fn ended(&self, held: Held, moved: Option<Moved>) -> Sql<Guarded> {
        match moved {
            Some(moved) => self.after_move(held.id, &moved).map(|()| Guarded::Held),
            None => self.settled_before(held),
        }
    }

    fn complete(&self, held: Held, result: &[u8]) -> Sql<Guarded> {
        let (id, fence) = (held.id.to_bytes(), held.fence.number());
        let params: Params<'_> = &[(":id", &id), (":fence", &fence), (":result", &result)];
        if self.run(Statement::CompleteLone, params)? > 0 {
            self.hint_settled(held.id);
            return Ok(Guarded::Held);
        }
        let moved = self.row(Statement::Complete, params, Moved::read)?;
        self.ended(held, moved)
    }

    fn end(&self, held: Held, ending: &Ending<'_>) -> Sql<Option<Moved>> {
        let (id, fence) = (held.id.to_bytes(), held.fence.number());
        if ending.error.is_some() {
            let params = &[
                (":id", &id as _),
                (":fence", &fence as _),
                (":error", &ending.error as _),
            ];
            self.run(Statement::KeepAttempt, params)?;
        }
        let params: Params<'_> = &[
            (":id", &id),
            (":fence", &fence),
            (":state", &ending.state.number()),
            (":uncharged", &ending.uncharged),
            (":delay", &ending.delay),
            (":error", &ending.error),
        ];
        self.row(Statement::Settle, params, Moved::read)
    }

    /// It is hinted at anew: the settlement may have been in a caller's transaction, whose commit
    /// the store has not seen, or its hints were lost with its answer.
    fn settled_before(&self, held: Held) -> Sql<Guarded> {
        let (id, fence) = (held.id.to_bytes(), held.fence.number());
        let params = &[(":id", &id as _), (":fence", &fence as _)];
        let followed: Option<bool> =
            self.row(Statement::SettledBefore, params, |row| row.get("followed"))?;
        let Some(followed) = followed else {
            return Ok(Guarded::LeaseLost);
        };
        self.hint_settled(held.id);
        if followed {
            self.aftermath.borrow_mut().everywhere = Some(Everywhere);
        }
        Ok(Guarded::Held)
    }

    /// A settled job lets its successor go, is counted where it is awaited and wakes those that
    /// wait for it; one that is ready again wakes the workers, which sleep until the next time that
    /// they know of.
    pub(super) fn after_move(&self, id: JobId, moved: &Moved) -> Sql<()> {
        if !moved.state.is_settled() {
            self.hint_ready(&moved.queue);
            return Ok(());
        }
        self.hint_settled(id);
        // The key has a place for another one.
        if moved.limit_key.is_some() {
            self.hint_ready(&moved.queue);
        }
        if let Some(awaiting) = moved.awaited_by {
            self.member_settled(awaiting, moved.state)?;
        }
        let Some((kind, key)) = &moved.unique else {
            return Ok(());
        };
        let params = &[(":unique_kind", kind as _), (":key", key as _)];
        let queue: Option<String> =
            self.row(Statement::ReleaseSuccessor, params, |row| row.get(0))?;
        if let Some(queue) = queue {
            self.hint_ready(&queue);
        }
        Ok(())
    }
}

/// The result where it was completed.
fn ending(outcome: &Outcome) -> Result<Ending<'_>, &[u8]> {
    let ready = |uncharged, delay, error| Ending {
        state: JobState::Ready,
        uncharged,
        delay,
        error,
    };
    Ok(match outcome {
        Outcome::Completed(result) => return Err(result),
        Outcome::Retry { after, error } => ready(0, Some(length(*after)), Some(error)),
        Outcome::Snoozed(wait) => ready(1, Some(length(*wait)), None),
        Outcome::Returned => ready(1, None, None),
        Outcome::Failed { error } => Ending {
            state: JobState::Failed,
            uncharged: 0,
            delay: None,
            error: Some(error),
        },
    })
}
