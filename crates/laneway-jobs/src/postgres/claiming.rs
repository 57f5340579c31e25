//! Claims: one statement that takes jobs, and what the worker is told beside them.

use std::collections::HashSet;
use std::time::Duration;

use laneway::Priority;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{Uuid, count_of, id_of, lane_number, lane_of, limit_number};
use super::inserting::Rows;
use super::marks::From;
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::{Span, Tx};
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::micros::{Micros, duration_of, length};
use crate::name::kept_text;
use crate::store::allowance::Allowance;
use crate::store::{Claim, ClaimId, ClaimOrder, Claimed, ClaimedJob, Due, Enqueued, NewJob, Whom};

/// The jobs that a claim has found.
#[derive(Debug)]
pub(super) struct Found {
    /// In order, each with the time at which it was due.
    pub(super) jobs: Vec<(Micros, ClaimedJob)>,
    pub(super) suspect: Option<String>,
    /// The time until a job is due, where fewer were claimed than were wanted.
    pub(super) wait: Option<Duration>,
    /// The time until the queue's rate allows more, where that has ended the claim.
    pub(super) allowed: Option<Duration>,
    pub(super) keys_left: bool,
    pub(super) last_key: Option<String>,
    /// A job of another kind is the first one of a lane, from where the claim began.
    pub(super) others: Option<OthersFirst>,
}

/// Jobs of other kinds are in the way of a claim that goes through all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OthersFirst;

/// The values of `Statement::Claim`, `Statement::ClaimByKind` and `Statement::ClaimSuspect`.
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
    per_key: i64,
    after: String,
    keys: i64,
}

impl Wish {
    fn of(claim: &Claim, limit: usize, from: From) -> Wish {
        let first = first_lane(claim.order);
        let second = match first {
            Priority::High => Priority::Low,
            Priority::Low => Priority::High,
        };
        Wish {
            queue: kept_text(&claim.queue),
            kinds: claim.kinds.iter().map(|kind| kept_text(kind)).collect(),
            first: lane_number(first),
            limit: limit_number(limit),
            lease: length(claim.lease),
            worker: kept_text(&claim.worker),
            claim: Uuid(claim.id.to_bytes()),
            from: (from.lane(first), from.lane(second)),
            of_first: limit_number(claim.of_first_lane()),
            per_key: claim.bounds.per_key.map_or(i64::MAX, i64::from),
            after: kept_text(&claim.round.after),
            keys: claim.round.keys.max(1).into(),
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

    fn keyed(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.queue,
            &self.kinds,
            &self.first,
            &self.limit,
            &self.lease,
            &self.worker,
            &self.claim,
            &self.per_key,
            &self.after,
            &self.of_first,
            &self.keys,
        ]
    }

    fn keyed_suspect(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            &self.queue,
            &self.kinds,
            &self.limit,
            &self.lease,
            &self.worker,
            &self.claim,
            &self.per_key,
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
    /// One statement, unless [limits are counted](is_counted).
    pub(super) async fn claim(&mut self, claim: &Claim, from: From) -> Sql<Found> {
        match is_counted(claim) {
            false => self.claim_rows(claim, claim.limit, from).await,
            true => self.claim_counted(claim, from).await,
        }
    }

    /// Claims while no other claim for the queue can count.
    async fn claim_counted(&mut self, claim: &Claim, from: From) -> Sql<Found> {
        let queue = kept_text(&claim.queue);
        let row = self.row(Statement::LockBegun, &[&queue]).await?;
        // A queue without a row has no jobs.
        let (t, begun): (Micros, String) =
            row.map_or_else(Default::default, |row| (row.get("t"), row.get("begun")));
        let mut allowance = Allowance::of(claim, &begun, t);
        let mut found = self.claim_rows(claim, allowance.limit(), from).await?;
        if let Some(begun) = allowance.kept(found.jobs.len()) {
            self.rows(Statement::KeepBegun, &[&queue, &begun]).await?;
        }
        found.allowed = allowance.wait(found.jobs.len());
        Ok(found)
    }

    async fn claim_rows(&mut self, claim: &Claim, limit: usize, from: From) -> Sql<Found> {
        let wish = Wish::of(claim, limit, from);
        let rows = match claim.whom {
            Whom::Innocents => {
                let statement = match from == From::FRONT {
                    true => Statement::ClaimByKind,
                    false => Statement::Claim,
                };
                self.rows(statement, &wish.innocents()).await?
            }
            Whom::Keyed => self.rows(Statement::ClaimKeyed, &wish.keyed()).await?,
            Whom::Suspects => return self.claim_suspect(claim, &wish).await,
        };
        Ok(found(&rows, claim.order))
    }

    async fn claim_suspect(&mut self, claim: &Claim, wish: &Wish) -> Sql<Found> {
        let rows = self.rows(Statement::ClaimSuspect, &wish.suspect()).await?;
        let without_key = found(&rows, claim.order);
        if !without_key.jobs.is_empty() {
            return Ok(without_key);
        }
        let params = wish.keyed_suspect();
        let rows = self.rows(Statement::ClaimKeyedSuspect, &params).await?;
        Ok(found(&rows, claim.order))
    }

    pub(super) async fn insert_and_claim(
        &mut self,
        jobs: &[NewJob],
        claim: &Claim,
        from: From,
    ) -> Sql<(Vec<Enqueued>, Found)> {
        let enqueued = self.insert(jobs).await?;
        Ok((enqueued, self.claim(claim, from).await?))
    }

    /// Inserts jobs that [are for a claim](are_for), and answers what it has got: nothing, where
    /// others wait for it. Jobs that are all claimed are no news to others.
    pub(super) async fn insert_claimed(
        &mut self,
        jobs: &[NewJob],
        claim: &Claim,
        from: From,
    ) -> Sql<(Vec<Enqueued>, Option<Claimed>)> {
        let (rows, wish) = (Rows::of(jobs), Wish::of(claim, claim.limit, from));
        let (high, low) = (from.lane(Priority::High), from.lane(Priority::Low));
        let claiming: Params<'_> = &[
            &wish.queue,
            &wish.lease,
            &high,
            &low,
            &wish.worker,
            &wish.claim,
        ];
        let params = [claiming, &rows.params_at_once()].concat();
        let rows = self.rows(Statement::InsertClaimed, &params).await?;
        let claimed = born_claimed(&rows, jobs, claim);
        let is_claimed = |all: &Claimed| all.jobs.len() == jobs.len();
        if !claimed.as_ref().is_some_and(is_claimed) {
            jobs.iter().for_each(|job| self.inserted(job));
        }
        let enqueued = jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect();
        Ok((enqueued, claimed))
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
        allowed: None,
        keys_left: row.is_some_and(|row| row.get("keys_left")),
        last_key: row.and_then(|row| row.get("last_key")),
        others: row.filter(|row| row.get("others")).map(|_| OthersFirst),
    }
}

/// Whether a claim counts what other claims have taken, and so is more than one statement.
fn is_counted(claim: &Claim) -> bool {
    claim.bounds.rate.is_some() || claim.whom != Whom::Innocents
}

pub(super) fn span_of(claim: &Claim) -> Span {
    match is_counted(claim) {
        false => Span::Statement,
        true => Span::All,
    }
}

/// Whether jobs are such that a claim may have them from the first moment on.
pub(super) fn are_for(jobs: &[NewJob], claim: &Claim) -> bool {
    let is_for = |job: &NewJob| {
        let at_once = job.due == Due::Now && job.expires_after.is_none();
        at_once && job.is_plain() && job.queue == claim.queue && claim.kinds.contains(&job.kind)
    };
    !is_counted(claim) && jobs.len() <= claim.limit && jobs.iter().all(is_for)
}

/// The rows of `Statement::InsertClaimed`: one for each job that was not there before, and one also
/// where there is none. The fence is that of all.
fn born_claimed(rows: &[Row], jobs: &[NewJob], claim: &Claim) -> Option<Claimed> {
    let row = rows.first()?;
    let fence = Fence::new(row.get::<_, Option<i64>>(1)?);
    let wait: Option<Micros> = row.get(2);
    let new: HashSet<JobId> = rows
        .iter()
        .filter_map(|row| row.get::<_, Option<Uuid>>(0).map(JobId::from))
        .collect();
    let new = jobs.iter().filter(|job| new.contains(&job.id));
    let mut jobs: Vec<ClaimedJob> = new.map(|job| first_attempt(job, fence)).collect();
    jobs.sort_by_key(|job| job.lane != first_lane(claim.order));
    let next = match jobs.len() >= claim.limit {
        true => Some(Duration::ZERO),
        false => wait.map(duration_of),
    };
    Some(Claimed {
        jobs,
        next,
        // A claim tells of jobs with limit keys: this one has not looked for them.
        ..Claimed::default()
    })
}

fn first_attempt(job: &NewJob, fence: Fence) -> ClaimedJob {
    ClaimedJob {
        id: job.id,
        fence,
        kind: job.kind.clone(),
        lane: job.lane,
        attempt: 1,
        max_attempts: job.max_attempts,
        crashes: 0,
        timeout: job.timeout,
        awaited_by: None,
        payload: job.payload.clone(),
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
