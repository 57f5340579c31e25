//! An open transaction, and how statements run in it.

use std::collections::BTreeSet;

use tokio_postgres::{Row, Transaction};

use super::failure::{Aftereffect, aftereffect};
use super::news::News;
use super::session::{Params, Session, Sql};
use super::statement::Statement;
use crate::job_id::JobId;
use crate::store::Hints;

/// An open transaction: one of the store's, or a caller's own.
pub(super) struct Tx<'c> {
    on: On<'c>,
    pub(super) aftermath: Aftermath,
}

enum On<'c> {
    Session(&'c mut Session, Span),
    Callers(&'c Transaction<'c>, &'c str),
}

/// How far a transaction on the store's own connection reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// One statement, which commits by itself.
    Statement,
    /// All statements, and none has run yet.
    All,
    /// All statements; it has begun.
    Begun,
}

/// The changes that are to be hinted at after the commit.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    pub(super) ready: BTreeSet<String>,
    pub(super) settled: Vec<JobId>,
    pub(super) everywhere: Option<Everywhere>,
    pub(super) earlier: Option<Earlier>,
    pub(super) schedules: Option<SchedulesChanged>,
}

/// All queues may have jobs that are due.
#[derive(Debug)]
pub(super) struct Everywhere;

/// A job became ready that is due earlier than others which were claimed already.
#[derive(Debug)]
pub(super) struct Earlier;

/// Schedules are others, or have other instants or states.
#[derive(Debug)]
pub(super) struct SchedulesChanged;

impl Aftermath {
    /// The news for other processes.
    pub(super) fn news(&self) -> impl Iterator<Item = News> {
        let everywhere = self.everywhere.iter().map(|_| News::Everywhere);
        let queues = self.ready.iter().map(|queue| News::Queue(queue.clone()));
        let schedules = self.schedules.iter().map(|_| News::Schedules);
        let some = queues.chain(schedules);
        everywhere.chain(some.filter(|_| self.everywhere.is_none()))
    }

    pub(super) fn hint(self, hints: &Hints) {
        hints.settled(self.settled);
        if self.schedules.is_some() {
            hints.schedules_changed();
        }
        match self.everywhere {
            Some(_) => hints.ready_everywhere(),
            None => self.ready.iter().for_each(|queue| hints.ready(queue)),
        }
    }
}

impl<'c> Tx<'c> {
    pub(super) fn ours(session: &'c mut Session, span: Span) -> Tx<'c> {
        Tx {
            on: On::Session(session, span),
            aftermath: Aftermath::default(),
        }
    }

    /// A caller's own transaction; `schema` comes quoted and with its dot.
    pub(super) fn callers(transaction: &'c Transaction<'c>, schema: &'c str) -> Tx<'c> {
        Tx {
            on: On::Callers(transaction, schema),
            aftermath: Aftermath::default(),
        }
    }

    /// All rows of a statement.
    pub(super) async fn rows(&mut self, statement: Statement, params: Params<'_>) -> Sql<Vec<Row>> {
        match &mut self.on {
            On::Session(session, span @ Span::All) => {
                *span = Span::Begun;
                session.begin(statement, params).await
            }
            On::Session(session, _) => session.rows(statement, params).await,
            On::Callers(transaction, schema) => {
                transaction.query(&statement.text(schema), params).await
            }
        }
    }

    /// The one row of a statement.
    pub(super) async fn row(
        &mut self,
        statement: Statement,
        params: Params<'_>,
    ) -> Sql<Option<Row>> {
        Ok(self.rows(statement, params).await?.pop())
    }

    /// Runs text without values.
    pub(super) async fn batch(&mut self, text: &str) -> Sql<()> {
        match &mut self.on {
            On::Session(session, span @ Span::All) => {
                *span = Span::Begun;
                session.batch(&format!("BEGIN; {text}")).await
            }
            On::Session(session, _) => session.batch(text).await,
            On::Callers(transaction, _) => transaction.batch_execute(text).await,
        }
    }

    /// Commits what came to its end, and rolls back what did not.
    pub(super) async fn end<A>(self, ran: Sql<A>) -> Sql<(A, Aftermath)> {
        if let On::Session(session, Span::Begun) = self.on {
            match &ran {
                Ok(_) => session.batch("COMMIT").await?,
                Err(error) if aftereffect(error) == Aftereffect::Lost => {}
                Err(_) => session.batch("ROLLBACK").await?,
            }
        }
        ran.map(|answer| (answer, self.aftermath))
    }

    pub(super) fn hint_ready(&mut self, queue: &str) {
        if !self.aftermath.ready.contains(queue) {
            self.aftermath.ready.insert(queue.to_owned());
        }
    }
}
