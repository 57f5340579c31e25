//! An open transaction, and how statements run in it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use super::clock::Micros;
use super::prepared::AllPrepared;
use super::probe::Probe;
use super::statement::Statement;
use crate::job_id::JobId;

pub(super) type Sql<T> = rusqlite::Result<T>;
pub(super) type Params<'p> = &'p [(&'static str, &'p dyn ToSql)];

/// An open transaction at T. It is the writer's, or a caller's own.
pub(super) struct Tx<'c> {
    pub(super) connection: &'c Connection,
    pub(super) t: Micros,
    /// The opening of the store, which a later owner of the file asks about.
    pub(super) instance: &'c str,
    pub(super) probe: &'c dyn Probe,
    pub(super) aftermath: RefCell<Aftermath>,
    prepared: AllPrepared<'c>,
}

/// The changes that are to be hinted at after the commit.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    pub(super) ready: BTreeSet<String>,
    pub(super) settled: Vec<JobId>,
    pub(super) everywhere: Option<Everywhere>,
    pub(super) schedules: Option<SchedulesChanged>,
}

/// All queues may have jobs that are due.
#[derive(Debug)]
pub(super) struct Everywhere;

/// Workers that sleep until the next instant have to look again.
#[derive(Debug)]
pub(super) struct SchedulesChanged;

impl<'c> Tx<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        t: Micros,
        instance: &'c str,
        probe: &'c dyn Probe,
    ) -> Tx<'c> {
        Tx {
            connection,
            t,
            instance,
            probe,
            aftermath: RefCell::default(),
            prepared: AllPrepared::new(connection),
        }
    }

    /// How many rows a statement changed.
    pub(super) fn run(&self, statement: Statement, params: Params<'_>) -> Sql<usize> {
        let mut prepared = self.prepared.take(statement, self.probe, params, self.t)?;
        let changed = prepared.cached.raw_execute();
        self.prepared.put_back(prepared);
        changed
    }

    /// All rows of a statement, which runs to its end.
    pub(super) fn rows<T>(
        &self,
        statement: Statement,
        params: Params<'_>,
        mut read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Sql<Vec<T>> {
        let mut prepared = self.prepared.take(statement, self.probe, params, self.t)?;
        let mut rows = prepared.cached.raw_query();
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        drop(rows);
        self.prepared.put_back(prepared);
        Ok(all)
    }

    /// The one row of a statement, which runs to its end.
    pub(super) fn row<T>(
        &self,
        statement: Statement,
        params: Params<'_>,
        read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Sql<Option<T>> {
        Ok(self.rows(statement, params, read)?.pop())
    }

    pub(super) fn finds(&self, statement: Statement, params: Params<'_>) -> Sql<Found> {
        let row = self.row(statement, params, |_| Ok(()))?;
        Ok(row.map_or(Found::Nothing, |()| Found::Row))
    }

    pub(super) fn hint_ready(&self, queue: &str) {
        let ready = &mut self.aftermath.borrow_mut().ready;
        if !ready.contains(queue) {
            ready.insert(queue.to_owned());
        }
    }

    pub(super) fn hint_settled(&self, id: JobId) {
        self.aftermath.borrow_mut().settled.push(id);
    }
}

/// Whether a look found a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Row,
    Nothing,
}
