//! Expired leases, expired jobs, and old rows.

use super::clock::length;
use super::columns::{id_of, text};
use super::settling::Moved;
use super::statement::Statement;
use super::tx::{Params, Sql, Tx};
use crate::job_id::JobId;
use crate::store::{Pruning, Rescue, Rescued};

impl Tx<'_> {
    pub(super) fn rescue(&self, rescue: &Rescue) -> Sql<Rescued> {
        let params: Params<'_> = &[
            (":limit", &(rescue.limit as i64)),
            (":backoff", &length(rescue.backoff)),
            (":max_crashes", &rescue.max_crashes),
        ];
        // Both statements see the same rows, in the same order: T is one for the transaction.
        if self.run(Statement::KeepLostAttempts, params)? > 0 {
            log::warn!("workers were lost: their jobs run again or are quarantined");
        }
        let mut moved = self.rows(Statement::Rescue, params, moved_job)?;
        if !moved.is_empty() {
            self.run(Statement::TakeFence, &[])?;
        }
        moved.extend(self.rows(Statement::Expire, params, moved_job)?);
        for (id, moved) in &moved {
            self.after_move(*id, moved)?;
        }
        Ok(moved.iter().map(|(_, moved)| moved.state).collect())
    }

    pub(super) fn prune(&self, pruning: &Pruning) -> Sql<usize> {
        let mut left = pruning.limit;
        for queue in self.queues()? {
            for (state, age) in pruning.ages() {
                let params: Params<'_> = &[
                    (":queue", &queue),
                    (":state", &state.number()),
                    (":age", &length(age)),
                    (":limit", &(left as i64)),
                ];
                let ids = self.rows(Statement::Prune, params, |row| id_of(row, "id"))?;
                ids.iter().try_for_each(|&id| self.forget(id))?;
                left -= ids.len();
            }
        }
        Ok(pruning.limit - left)
    }

    pub(super) fn forget_steps(&self, id: JobId) -> Sql<usize> {
        let text = "DELETE FROM laneway_step WHERE job = ?1";
        self.connection
            .prepare_cached(text)?
            .execute([id.to_bytes()])
    }

    /// Deletes what belongs to a job that is gone.
    pub(super) fn forget(&self, id: JobId) -> Sql<()> {
        self.forget_steps(id)?;
        for text in [
            "DELETE FROM laneway_attempt WHERE job = ?1",
            "DELETE FROM laneway_batch WHERE job = ?1",
        ] {
            self.connection
                .prepare_cached(text)?
                .execute([id.to_bytes()])?;
        }
        Ok(())
    }

    pub(super) fn queues(&self) -> Sql<Vec<String>> {
        let names = "SELECT name FROM laneway_queue ORDER BY name";
        let mut prepared = self.connection.prepare_cached(names)?;
        let names = prepared.query_map([], |row| text(row, 0))?;
        names.collect()
    }
}

fn moved_job(row: &rusqlite::Row<'_>) -> Sql<(JobId, Moved)> {
    Ok((id_of(row, "id")?, Moved::read(row)?))
}
