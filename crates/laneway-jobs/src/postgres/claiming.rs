//! Claims: one statement that takes jobs, and what the worker is told beside them.

use std::time::Duration;

use laneway::Priority;
use tokio_postgres::Row;

use super::columns::{Uuid, count_of, id_of, kept_text, lane_number, lane_of, limit_number};
use super::marks::From;
use super::session::Sql;
use super::statement::Statement;
use super::tx::Tx;
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::micros::{Micros, duration_of, length};
use crate::store::{Claim, ClaimId, ClaimOrder, ClaimedJob, Whom};

/// What a claim has found.
#[derive(Debug)]
pub(super) struct Found {
    /// In order, each with the time at which it was due.
    pub(super) jobs: Vec<(Micros, ClaimedJob)>,
    pub(super) suspect: Option<String>,
}

impl Tx<'_> {
    pub(super) async fn claim(&mut self, claim: &Claim, from: From) -> Sql<Found> {
        let first = first_lane(claim.order);
        let rows = match claim.whom {
            Whom::Innocents => self.claim_innocents(claim, first, from).await?,
            Whom::Suspects => self.claim_suspect(claim).await?,
        };
        let suspect = rows.first().and_then(|row| row.get("suspect"));
        // One row comes also where nothing was claimed.
        let claimed = rows
            .iter()
            .filter(|row| row.get::<_, Option<Uuid>>("id").is_some());
        let jobs = in_order(claimed.map(claimed_job).collect(), first);
        Ok(Found { jobs, suspect })
    }

    async fn claim_innocents(
        &mut self,
        claim: &Claim,
        first: Priority,
        from: From,
    ) -> Sql<Vec<Row>> {
        let second = match first {
            Priority::High => Priority::Low,
            Priority::Low => Priority::High,
        };
        let params: super::session::Params<'_> = &[
            &kept_text(&claim.queue),
            &kinds(claim),
            &lane_number(first),
            &limit_number(claim.limit),
            &length(claim.lease),
            &kept_text(&claim.worker),
            &Uuid(claim.id.to_bytes()),
            &from.lane(first),
            &from.lane(second),
        ];
        self.rows(Statement::Claim, params).await
    }

    async fn claim_suspect(&mut self, claim: &Claim) -> Sql<Vec<Row>> {
        let params: super::session::Params<'_> = &[
            &kept_text(&claim.queue),
            &kinds(claim),
            &limit_number(claim.limit),
            &length(claim.lease),
            &kept_text(&claim.worker),
            &Uuid(claim.id.to_bytes()),
        ];
        self.rows(Statement::ClaimSuspect, params).await
    }

    pub(super) async fn claimed_by(
        &mut self,
        claim: ClaimId,
        lease: Duration,
    ) -> Sql<Vec<ClaimedJob>> {
        let params: super::session::Params<'_> = &[&Uuid(claim.to_bytes()), &length(lease)];
        let rows = self.rows(Statement::ClaimedBy, params).await?;
        let jobs = in_order(rows.iter().map(claimed_job).collect(), Priority::High);
        Ok(jobs.into_iter().map(|(_, job)| job).collect())
    }

    pub(super) async fn next(&mut self, queue: &str) -> Sql<Option<Duration>> {
        let row = self.row(Statement::Next, &[&kept_text(queue)]).await?;
        let wait: Option<Micros> = row.and_then(|row| row.get("wait"));
        Ok(wait.map(duration_of))
    }
}

fn kinds(claim: &Claim) -> Vec<String> {
    claim.kinds.iter().map(|kind| kept_text(kind)).collect()
}

fn first_lane(order: ClaimOrder) -> Priority {
    match order {
        ClaimOrder::HighFirst => Priority::High,
        ClaimOrder::LowFirst => Priority::Low,
    }
}

type ClaimedRow = (Micros, i64, ClaimedJob);

/// The rows come in the order in which the table has them.
fn in_order(mut rows: Vec<ClaimedRow>, first: Priority) -> Vec<(Micros, ClaimedJob)> {
    rows.sort_by_key(|(run_at, seq, job)| (job.lane != first, *run_at, *seq));
    rows.into_iter()
        .map(|(run_at, _, job)| (run_at, job))
        .collect()
}

fn claimed_job(row: &Row) -> ClaimedRow {
    let timeout: Option<Micros> = row.get("timeout");
    let awaited_by: Option<Uuid> = row.get("awaited_by");
    let job = ClaimedJob {
        id: id_of(row, "id"),
        fence: Fence::new(row.get("fence")),
        kind: row.get("kind"),
        lane: lane_of(row, "lane"),
        attempt: count_of(row, "attempt"),
        max_attempts: count_of(row, "max_attempts"),
        crashes: count_of(row, "crashes"),
        awaited_by: awaited_by.map(JobId::from),
        timeout: timeout.map(duration_of),
        payload: row.get("payload"),
    };
    (row.get("run_at"), row.get("seq"), job)
}
