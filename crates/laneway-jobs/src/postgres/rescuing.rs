//! Expired leases, expired jobs, and old rows.

use tokio_postgres::Row;

use super::columns::{count_number, limit_number, state_number};
use super::session::{Params, Sql};
use super::settling::Moved;
use super::statement::Statement;
use super::tx::Tx;
use crate::micros::{Micros, length};
use crate::store::{Pruning, Rescue, Rescued};

/// The result of a look at leases and expiries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Nothing,
    /// There is something to rescue.
    Something,
}

impl Tx<'_> {
    /// Whether a rescue would find anything, and T. Leases that ended before `after` are taken to
    /// be rescued already.
    pub(super) async fn look_for_lost(&mut self, after: Micros) -> Sql<(Look, Micros)> {
        let row = self.row(Statement::IsRescueWanted, &[&after]).await?;
        let row = row.expect("the clock has one row");
        let look = match row.get("wanted") {
            true => Look::Something,
            false => Look::Nothing,
        };
        Ok((look, row.get("t")))
    }

    pub(super) async fn rescue(&mut self, rescue: &Rescue, after: Micros) -> Sql<Rescued> {
        let limit = limit_number(rescue.limit);
        let params: Params<'_> = &[
            &after,
            &limit,
            &length(rescue.backoff),
            &count_number(rescue.max_crashes),
        ];
        let mut rows = self.rows(Statement::Rescue, params).await?;
        if !rows.is_empty() {
            log::warn!("workers were lost: their jobs run again or are quarantined");
        }
        rows.extend(self.rows(Statement::Expire, &[&limit]).await?);
        let moved: Vec<Moved> = rows.iter().map(Moved::read).collect();
        self.after_moves(&moved).await?;
        Ok(moved.iter().map(|one| one.state).collect())
    }

    pub(super) async fn prune(&mut self, pruning: &Pruning) -> Sql<usize> {
        let mut left = pruning.limit;
        for queue in self.queues().await? {
            for (state, age) in pruning.ages() {
                let (state, age) = (state_number(state), length(age));
                let params: Params<'_> = &[&queue, &state, &age, &limit_number(left)];
                left -= self.rows(Statement::Prune, params).await?.len();
            }
        }
        Ok(pruning.limit - left)
    }

    async fn queues(&mut self) -> Sql<Vec<String>> {
        let rows = self.rows(Statement::Queues, &[]).await?;
        Ok(rows.iter().map(name_of).collect())
    }
}

fn name_of(row: &Row) -> String {
    row.get("name")
}
