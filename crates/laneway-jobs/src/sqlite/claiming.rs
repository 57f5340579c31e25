//! Claims: one statement that takes jobs, one that reads them, and what the worker is told beside
//! them.

use std::time::Duration;

use rusqlite::Row;

use super::clock::{Micros, duration_of, length};
use super::columns::{id_of, lane_number, lane_of};
use super::statement::Statement;
use super::tx::{Params, Sql, Tx};
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::store::{Claim, ClaimId, ClaimOrder, Claimed, ClaimedJob, Enqueued, NewJob, Whom};
use laneway::Priority;

impl Tx<'_> {
    /// Jobs that are all claimed by the same transaction are no news to others.
    pub(super) fn insert_and_claim(
        &self,
        jobs: &[NewJob],
        claim: &Claim,
    ) -> Sql<(Vec<Enqueued>, Claimed)> {
        let before = self.aftermath.borrow().ready.clone();
        let enqueued = self.insert(jobs)?;
        let claimed = self.claim(claim)?;
        if takes_all(&claimed, jobs) {
            self.aftermath.borrow_mut().ready = before;
        }
        Ok((enqueued, claimed))
    }

    pub(super) fn claim(&self, claim: &Claim) -> Sql<Claimed> {
        let kinds = serde_json::to_string(&claim.kinds).unwrap_or_default();
        let jobs = self.claim_rows(claim, &kinds)?;
        if !jobs.is_empty() {
            self.run(Statement::TakeFence, &[])?;
        }
        let due = [(":queue", &claim.queue as _), (":kinds", &kinds as _)];
        let suspect = self.row(Statement::DueSuspect, &due, |row| row.get(0))?;
        let next = match jobs.len() >= claim.limit && claim.limit > 0 {
            true => Some(Duration::ZERO),
            false => self.next(&claim.queue)?,
        };
        Ok(Claimed {
            jobs,
            suspect,
            next,
        })
    }

    fn claim_rows(&self, claim: &Claim, kinds: &str) -> Sql<Vec<ClaimedJob>> {
        let first = match claim.order {
            ClaimOrder::HighFirst => Priority::High,
            ClaimOrder::LowFirst => Priority::Low,
        };
        let statement = match claim.whom {
            Whom::Innocents => Statement::Claim,
            Whom::Suspects => Statement::ClaimSuspect,
        };
        let params: Params<'_> = &[
            (":queue", &claim.queue),
            (":kinds", &kinds),
            (":first", &lane_number(first)),
            (":of_first", &limit_number(claim.of_first_lane())),
            (":limit", &limit_number(claim.limit)),
            (":lease", &length(claim.lease)),
            (":worker", &claim.worker),
            (":claim", &claim.id.to_bytes()),
            (":instance", &self.instance),
        ];
        match self.run(statement, params)? {
            0 => Ok(Vec::new()),
            _ => self.those_of(Statement::Claimed, claim.id, claim.lease, first),
        }
    }

    pub(super) fn claimed_by(&self, claim: ClaimId, lease: Duration) -> Sql<Vec<ClaimedJob>> {
        self.those_of(Statement::ClaimedBy, claim, lease, Priority::High)
    }

    fn those_of(
        &self,
        statement: Statement,
        claim: ClaimId,
        lease: Duration,
        first: Priority,
    ) -> Sql<Vec<ClaimedJob>> {
        let (claim, lease) = (claim.to_bytes(), length(lease));
        let params = &[(":claim", &claim as _), (":lease", &lease as _)];
        let rows = self.rows(statement, params, claimed)?;
        Ok(in_order(rows, first))
    }

    fn next(&self, queue: &str) -> Sql<Option<Duration>> {
        let at: Option<Option<Micros>> =
            self.row(Statement::Next, &[(":queue", &queue)], |row| row.get(0))?;
        Ok(at
            .flatten()
            .map(|at| duration_of(at.saturating_sub(self.t))))
    }
}

fn limit_number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The rows come in the order in which the file has them.
fn in_order(mut rows: Vec<(Micros, i64, ClaimedJob)>, first: Priority) -> Vec<ClaimedJob> {
    rows.sort_by_key(|(run_at, seq, job)| (job.lane != first, *run_at, *seq));
    rows.into_iter().map(|(_, _, job)| job).collect()
}

/// The columns by number: a look for a name is a walk over all of them, for each job.
fn claimed(row: &Row<'_>) -> Sql<(Micros, i64, ClaimedJob)> {
    let job = ClaimedJob {
        id: id_of(row, 2)?,
        fence: Fence::new(row.get(3)?),
        kind: row.get(4)?,
        lane: lane_of(row, 5)?,
        attempt: row.get(6)?,
        max_attempts: row.get(7)?,
        crashes: row.get(8)?,
        timeout: row.get::<_, Option<Micros>>(9)?.map(duration_of),
        payload: row.get(10)?,
        awaited_by: row.get::<_, Option<_>>(11)?.map(JobId::from_bytes),
    };
    Ok((row.get(0)?, row.get(1)?, job))
}

/// Whether a claim took all of these jobs.
fn takes_all(claimed: &Claimed, jobs: &[NewJob]) -> bool {
    let has = |job: &NewJob| claimed.jobs.iter().any(|claimed| claimed.id == job.id);
    jobs.iter().all(has)
}
