//! A command to the writer: a question, the function that answers it in a transaction, and
//! the way back.

use std::fmt;

use rusqlite::Transaction;

use super::answer::{Answer, Answering, answer};
use super::probe::Transition;
use super::tx::{Sql, Tx};
use crate::store::StoreError;

/// A command. It may be run again, in a transaction of its own, if the one that it shared with
/// others had to be rolled back.
pub(super) trait Command: Send {
    fn transition(&self) -> Transition;

    fn run(&mut self, tx: &Tx<'_>, transaction: &Transaction<'_>) -> Sql<()>;

    /// Tells the caller, after the commit or instead of it.
    fn answer(self: Box<Self>, end: Result<(), StoreError>);

    fn sharing(&self) -> Sharing {
        Sharing::WithOthers
    }

    fn access(&self) -> Access {
        match self.transition() {
            Transition::Read => Access::Reads,
            _ => Access::Writes,
        }
    }
}

/// The access of a command to the file. One that reads needs no lock, and so does not wait for a
/// process that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Reads,
    Writes,
}

/// Whether a command may share its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    WithOthers,
    /// It runs once, and a failure of another command must not undo it.
    Alone,
}

impl fmt::Debug for dyn Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?})", self.transition())
    }
}

/// A question that may be asked again.
pub(super) struct Question<Q, A> {
    transition: Transition,
    question: Q,
    run: fn(&Tx<'_>, &Q) -> Sql<A>,
    found: Option<A>,
    answering: Answering<A>,
}

impl<Q: Send + 'static, A: Send + 'static> Question<Q, A> {
    pub(super) fn asked(
        transition: Transition,
        question: Q,
        run: fn(&Tx<'_>, &Q) -> Sql<A>,
    ) -> (Box<dyn Command>, Answer<A>) {
        let (answering, answer) = answer();
        let command = Question {
            transition,
            question,
            run,
            found: None,
            answering,
        };
        (Box::new(command), answer)
    }
}

impl<Q: Send, A: Send> Command for Question<Q, A> {
    fn transition(&self) -> Transition {
        self.transition
    }

    fn run(&mut self, tx: &Tx<'_>, _: &Transaction<'_>) -> Sql<()> {
        self.found = Some((self.run)(tx, &self.question)?);
        Ok(())
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let this = *self;
        match (end, this.found) {
            (Ok(()), Some(found)) => this.answering.give(Ok(found)),
            (Err(error), _) => this.answering.give(Err(error)),
            // It never ran; dropping its way back says that the outcome is unknown.
            (Ok(()), None) => {}
        }
    }
}
