//! Claims: one statement that takes jobs, and what the worker is told beside them.

use std::time::Duration;

use laneway::Priority;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{Uuid, count_of, id_of, kept_text, lane_number, lane_of, limit_number};
use super::inserting::Rows;
use super::marks::From;
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::Tx;
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::micros::{Micros, duration_of, length};
use crate::store::{Claim, ClaimId, ClaimOrder, ClaimedJob, Enqueued, NewJob, Whom};

/// What a claim has found.
#[derive(Debug)]
pub(super) struct Found {
    /// In order, each with the time at which it was due.
    pub(super) jobs: Vec<(Micros, ClaimedJob)>,
    pub(super) suspect: Option<String>,
    /// The time until a job is due, where fewer were claimed than were wanted.
    pub(super) wait: Option<Duration>,
}

/// The values of `Statement::Claim` and `Statement::ClaimSuspect`.
struct Wish {
    queue: String,
    kinds: Vec<String>,
    first: i16,
    limit: i64,
    lease: Micros,
    worker: String,
    claim: Uuid,
    from: (Micros, Micros),
    of_first: i64,
}

impl Wish {
    fn of(claim: &Claim, from: From) -> Wish {
        let first = first_lane(claim.order);
        let second = match first {
            Priority::High => Priority::Low,
            Priority::Low => Priority::High,
        };
        Wish {
            queue: kept_text(&claim.queue),
            kinds: claim.kinds.iter().map(|kind| kept_text(kind)).collect(),
            first: lane_number(first),
            limit: limit_number(claim.limit),
            lease: length(claim.lease),
            worker: kept_text(&claim.worker),
            claim: Uuid(claim.id.to_bytes()),
            from: (from.lane(first), from.lane(second)),
            of_first: limit_number(claim.of_first_lane()),
        }
    }

    fn innocents(&self) -> [&(dyn ToSql + Sync); 10] {
        [
            &self.queue,
            &self.kinds,
            &self.first,
            &self.limit,
            &self.lease,
            &self.worker,
            &self.claim,
            &self.from.0,
            &self.from.1,
            &self.of_first,
        ]
    }

    fn suspect(&self) -> [&(dyn ToSql + Sync); 6] {
        [
            &self.queue,
            &self.kinds,
            &self.limit,
            &self.lease,
            &self.worker,
            &self.claim,
        ]
    }
}

impl Tx<'_> {
    pub(super) async fn claim(&mut self, claim: &Claim, from: From) -> Sql<Found> {
        let wish = Wish::of(claim, from);
        let rows = match claim.whom {
            Whom::Innocents => self.rows(Statement::Claim, &wish.innocents()).await?,
            Whom::Suspects => self.rows(Statement::ClaimSuspect, &wish.suspect()).await?,
        };
        Ok(found(&rows, claim.order))
    }

    pub(super) async fn insert_and_claim(
        &mut self,
        jobs: &[NewJob],
        claim: &Claim,
        from: From,
    ) -> Sql<(Vec<Enqueued>, Found)> {
        if jobs.iter().all(NewJob::is_plain) {
            return self.insert_plain_and_claim(jobs, claim, from).await;
        }
        let enqueued = self.insert(jobs).await?;
        Ok((enqueued, self.claim(claim, from).await?))
    }

    /// Jobs that are all claimed by the same transaction are no news to others.
    async fn insert_plain_and_claim(
        &mut self,
        jobs: &[NewJob],
        claim: &Claim,
        from: From,
    ) -> Sql<(Vec<Enqueued>, Found)> {
        let (rows, wish) = (Rows::of(jobs), Wish::of(claim, from));
        let (innocents, suspect) = (wish.innocents(), wish.suspect());
        let claiming: (Statement, Params<'_>) = match claim.whom {
            Whom::Innocents => (Statement::Claim, &innocents),
            Whom::Suspects => (Statement::ClaimSuspect, &suspect),
        };
        let inserting = rows.params();
        let [_, claimed] = self
            .whole([(Statement::Insert, &inserting), claiming])
            .await?;
        let found = found(&claimed, claim.order);
        let claimed = |job: &NewJob| found.jobs.iter().any(|(_, one)| one.id == job.id);
        if !jobs.iter().all(claimed) {
            jobs.iter().for_each(|job| self.inserted(job));
        }
        let enqueued = jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect();
        Ok((enqueued, found))
    }

    pub(super) async fn claimed_by(
        &mut self,
        claim: ClaimId,
        lease: Duration,
    ) -> Sql<Vec<ClaimedJob>> {
        let params: Params<'_> = &[&Uuid(claim.to_bytes()), &length(lease)];
        let rows = self.rows(Statement::ClaimedBy, params).await?;
        let jobs = in_order(rows.iter().map(claimed_job).collect(), Priority::High);
        Ok(jobs.into_iter().map(|(_, job)| job).collect())
    }
}

fn found(rows: &[Row], order: ClaimOrder) -> Found {
    let row = rows.first();
    let wait: Option<Micros> = row.and_then(|row| row.get("wait"));
    // One row comes also where nothing was claimed.
    let claimed = rows
        .iter()
        .filter(|row| row.get::<_, Option<Uuid>>(0).is_some());
    Found {
        jobs: in_order(claimed.map(claimed_job).collect(), first_lane(order)),
        suspect: row.and_then(|row| row.get("suspect")),
        wait: wait.map(duration_of),
    }
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

/// The columns by number: a look for a name is a walk over all of them, for each job.
fn claimed_job(row: &Row) -> ClaimedRow {
    let timeout: Option<Micros> = row.get(9);
    let awaited_by: Option<Uuid> = row.get(10);
    let job = ClaimedJob {
        id: id_of(row, 0),
        fence: Fence::new(row.get(3)),
        kind: row.get(4),
        lane: lane_of(row, 5),
        attempt: count_of(row, 6),
        max_attempts: count_of(row, 7),
        crashes: count_of(row, 8),
        awaited_by: awaited_by.map(JobId::from),
        timeout: timeout.map(duration_of),
        payload: row.get(11),
    };
    (row.get(1), row.get(2), job)
}
