//! Renewals, progress, and the values of steps.

use std::time::Duration;

use super::clock::length;
use super::columns::{bytes, text};
use super::statement::Statement;
use super::tx::{Found, Sql, Tx};
use crate::job_id::JobId;
use crate::store::{Guarded, Held, Note, NoteKind, Renewal, Step};

impl Tx<'_> {
    /// One statement for each lease: the fence guards each, and a prepared statement costs less
    /// here than a list that has to be taken apart.
    pub(super) fn renew(&self, held: &[Held], lease: Duration) -> Sql<Vec<Renewal>> {
        held.iter()
            .map(|&held| self.renew_one(held, lease))
            .collect()
    }

    fn renew_one(&self, held: Held, lease: Duration) -> Sql<Renewal> {
        let (id, fence) = (held.id.to_bytes(), held.fence.number());
        let lease = length(lease);
        let params = &[
            (":id", &id as _),
            (":fence", &fence as _),
            (":lease", &lease as _),
        ];
        let cancel: Option<i64> = self.row(Statement::Renew, params, |row| row.get(0))?;
        Ok(match cancel {
            None => Renewal::LeaseLost,
            Some(0) => Renewal::Renewed,
            Some(_) => Renewal::CancelAsked,
        })
    }

    pub(super) fn note(&self, notes: &[Note]) -> Sql<Vec<Guarded>> {
        notes.iter().map(|note| self.note_one(note)).collect()
    }

    fn note_one(&self, note: &Note) -> Sql<Guarded> {
        let (id, fence) = (note.held.id.to_bytes(), note.held.fence.number());
        let changed = match &note.kind {
            NoteKind::Progress { part, text } => self.run(
                Statement::KeepProgress,
                &[
                    (":id", &id),
                    (":fence", &fence),
                    (":part", part),
                    (":text", text),
                ],
            )?,
            NoteKind::Step(Step { name, value }) => self.run(
                Statement::KeepStep,
                &[
                    (":id", &id),
                    (":fence", &fence),
                    (":name", name),
                    (":value", value),
                ],
            )?,
        };
        match changed {
            0 => self.holds(note.held),
            _ => Ok(Guarded::Held),
        }
    }

    /// A step that was kept before changes no row, although its lease holds.
    fn holds(&self, held: Held) -> Sql<Guarded> {
        let (id, fence) = (held.id.to_bytes(), held.fence.number());
        let params = &[(":id", &id as _), (":fence", &fence as _)];
        Ok(match self.finds(Statement::Holds, params)? {
            Found::Row => Guarded::Held,
            Found::Nothing => Guarded::LeaseLost,
        })
    }

    pub(super) fn steps(&self, job: JobId) -> Sql<Vec<Step>> {
        let steps = "SELECT name, value FROM laneway_step WHERE job = ?1 ORDER BY name";
        let mut prepared = self.connection.prepare_cached(steps)?;
        let steps = prepared.query_map([job.to_bytes()], |row| {
            Ok(Step {
                name: text(row, 0)?,
                value: bytes(row, 1)?,
            })
        })?;
        steps.collect()
    }
}
