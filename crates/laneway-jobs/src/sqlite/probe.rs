//! Where tests get at the inside of the writer: crash points and mutants.
//!
//! A crash point is a moment in the life of one command; a probe is told of each. It may end the
//! process there, or let the writer lose its work, which looks to callers as a killed process
//! does and works within a simulation. A mutant is a statement with another text.

use std::borrow::Cow;
use std::fmt;

use super::statement::Statement;

/// The change that a command of the writer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transition {
    /// Inserts jobs.
    Insert,
    /// Claims jobs.
    Claim,
    /// Inserts jobs, and claims.
    InsertAndClaim,
    /// Answers a claim again.
    ClaimedBy,
    /// Ends attempts.
    Settle,
    /// Renews leases.
    Renew,
    /// Keeps progress and steps.
    Note,
    /// Rescues jobs of lost workers.
    Rescue,
    /// Deletes old jobs.
    Prune,
    /// Changes by hand, and to schedules.
    Change,
    /// Fires schedules.
    Fire,
    /// Reads.
    Read,
    /// Runs a caller's transaction.
    Transact,
}

/// When, in the life of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Its transaction has begun.
    BeforeStatements,
    /// Its statements have run; nothing is committed.
    AfterStatements,
    /// The commit has come back; the caller has no answer yet.
    AfterCommit,
    /// The caller has its answer.
    AfterAnswer,
}

/// The writer's next action at a crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// It loses its work: before the commit the transaction is rolled back, after it the answers
    /// are lost. Callers get [`OutcomeUnknown`](crate::store::StoreError::OutcomeUnknown).
    Lose,
}

/// Told of each crash point, and asked for the text of each statement.
pub trait Probe: Send + Sync + fmt::Debug + 'static {
    /// A command has come to a crash point. Default: the writer goes on.
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        let _ = (transition, moment);
        Verdict::GoOn
    }

    /// The text with which a statement is to be prepared. Default: its own.
    fn text(&self, statement: Statement) -> Cow<'static, str> {
        Cow::Borrowed(statement.text())
    }
}

/// The probe of a store that is not under test.
#[derive(Debug)]
pub(super) struct NoProbe;

impl Probe for NoProbe {}
