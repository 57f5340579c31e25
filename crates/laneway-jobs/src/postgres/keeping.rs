//! Renewals, progress, and the values of steps.

use std::collections::HashMap;
use std::time::Duration;

use super::columns::Uuid;
use super::session::{Params, Sql};
use super::settling::{held_of, split};
use super::statement::Statement;
use super::tx::Tx;
use crate::job_id::JobId;
use crate::micros::length;
use crate::name::kept_text;
use crate::store::{Guarded, Held, Note, NoteKind, Renewal, Step};

impl Tx<'_> {
    pub(super) async fn renew(&mut self, held: &[Held], lease: Duration) -> Sql<Vec<Renewal>> {
        let mut sorted = held.to_vec();
        sorted.sort_unstable();
        let (ids, fences) = split(sorted.iter().copied());
        let params: Params<'_> = &[&ids, &fences, &length(lease)];
        let rows = self.rows(Statement::Renew, params).await?;
        let renewed = rows.iter().map(|row| (held_of(row), row.get("cancel")));
        let renewed: HashMap<Held, bool> = renewed.collect();
        let answer = held.iter().map(|held| match renewed.get(held) {
            None => Renewal::LeaseLost,
            Some(false) => Renewal::Renewed,
            Some(true) => Renewal::CancelAsked,
        });
        Ok(answer.collect())
    }

    pub(super) async fn note(&mut self, notes: &[Note]) -> Sql<Vec<Guarded>> {
        let mut answers = Vec::with_capacity(notes.len());
        for note in notes {
            answers.push(self.note_one(note).await?);
        }
        Ok(answers)
    }

    async fn note_one(&mut self, note: &Note) -> Sql<Guarded> {
        let (id, fence) = (Uuid::from(note.held.id), note.held.fence.number());
        let kept = match &note.kind {
            NoteKind::Progress { part, text } => {
                let text = kept_text(text);
                self.row(Statement::KeepProgress, &[&id, &fence, part, &text])
                    .await?
            }
            NoteKind::Step(Step { name, value }) => {
                // A name is no text for people: another one would be another step.
                self.row(Statement::KeepStep, &[&id, &fence, name, value])
                    .await?
            }
        };
        Ok(kept.map_or(Guarded::LeaseLost, |_| Guarded::Held))
    }

    pub(super) async fn steps(&mut self, job: JobId) -> Sql<Vec<Step>> {
        let rows = self.rows(Statement::Steps, &[&Uuid::from(job)]).await?;
        let steps = rows.iter().map(|row| Step {
            name: row.get("name"),
            value: row.get("value"),
        });
        Ok(steps.collect())
    }
}
