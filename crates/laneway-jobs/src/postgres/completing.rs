//! Settlements of many callers: completions that no other row follows in one statement, which
//! commits by itself, and all else in a transaction of several.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::asking::{Ask, Asking};
use super::settling::Completed;
use super::tx::Span;
use crate::store::{Guarded, Outcome, Settlement, StoreError};

/// The number of rounds without the statement after one in which it was in vain.
const WITHOUT: u32 = 16;

/// The settler: it asks the server, one round after the other.
#[derive(Debug)]
pub(super) struct Completing {
    asking: Arc<Asking>,
    /// The rounds that are to go without the statement: a worker of batches and chains has few
    /// jobs that no other job awaits.
    without: AtomicU32,
}

impl Completing {
    pub(super) fn new(asking: Arc<Asking>) -> Completing {
        Completing {
            asking,
            without: AtomicU32::new(0),
        }
    }

    pub(super) async fn settle(&self, all: Vec<Settlement>) -> Result<Vec<Guarded>, StoreError> {
        if !self.may_complete_lone(&all) {
            return self.settle_any(&all).await;
        }
        let ask: Ask<Vec<Settlement>, Vec<Completed>> = |tx, all| Box::pin(tx.complete_lone(all));
        let completed = self.asking.ask(Span::Statement, &all, ask).await?;
        let left: Vec<Settlement> = all
            .into_iter()
            .zip(&completed)
            .filter_map(|(one, &completed)| (completed == Completed::No).then_some(one))
            .collect();
        if left.len() == completed.len() {
            self.without.store(WITHOUT, Relaxed);
            return self.settle_any(&left).await;
        }
        // Some are settled by now, so that an error must not say that nothing happened.
        let settled = self.settle_any(&left).await;
        let settled = settled.map_err(|_| StoreError::OutcomeUnknown)?;
        Ok(in_turn(&completed, settled))
    }

    /// Whether there are completions, and the statement was not in vain lately.
    fn may_complete_lone(&self, all: &[Settlement]) -> bool {
        let less = |left: u32| left.checked_sub(1);
        if self.without.fetch_update(Relaxed, Relaxed, less).is_ok() {
            return false;
        }
        let completes = |one: &Settlement| matches!(one.outcome, Outcome::Completed(_));
        all.iter().any(completes)
    }

    async fn settle_any(&self, all: &Vec<Settlement>) -> Result<Vec<Guarded>, StoreError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let ask: Ask<Vec<Settlement>, Vec<Guarded>> = |tx, all| Box::pin(tx.settle(all));
        self.asking.ask(Span::All, all, ask).await
    }
}

/// The answers of all, where those that were not completed come from another statement.
fn in_turn(completed: &[Completed], settled: Vec<Guarded>) -> Vec<Guarded> {
    let mut settled = settled.into_iter();
    let answer = |completed: &Completed| match completed {
        Completed::Yes => Guarded::Held,
        Completed::No => settled.next().unwrap_or(Guarded::LeaseLost),
    };
    completed.iter().map(answer).collect()
}
