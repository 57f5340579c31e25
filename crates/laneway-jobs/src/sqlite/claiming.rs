//! Claims: one statement that takes jobs, one that reads them, and what the worker is told beside
//! them.

use std::time::Duration;

use rusqlite::Row;

use super::clock::{Micros, duration_of, length};
use super::columns::{
    NO_ID, bytes, count, id_of, lane_number, lane_of, some_id_of, some_text, text,
};
use super::statement::Statement;
use super::tx::{Found, Params, Sql, Tx};
use crate::fence::Fence;
use crate::store::allowance::Allowance;
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
        let mut allowance = self.allowance(claim)?;
        let mut claimed = self.claim_rows(claim, allowance.limit(), &kinds)?;
        if !claimed.jobs.is_empty() {
            self.run(Statement::TakeFence, &[])?;
        }
        if let Some(begun) = allowance.kept(claimed.jobs.len()) {
            let params = &[(":queue", &claim.queue as _), (":begun", &begun as _)];
            self.run(Statement::KeepBegun, params)?;
        }
        self.look_beside(claim, &kinds, &mut claimed)?;
        claimed.next = match claimed.jobs.len() >= claim.limit && claim.limit > 0 {
            true => Some(Duration::ZERO),
            false => self.next(&claim.queue)?,
        };
        let allowed = allowance.wait(claimed.jobs.len());
        claimed.next = claimed.next.into_iter().chain(allowed).min();
        Ok(claimed)
    }

    fn allowance(&self, claim: &Claim) -> Sql<Allowance> {
        let kept: Option<String> = match claim.bounds.rate {
            None => None,
            Some(_) => {
                let queue = [(":queue", &claim.queue as _)];
                self.row(Statement::Begun, &queue, |row| row.get(0))?
                    .flatten()
            }
        };
        Ok(Allowance::of(claim, &kept.unwrap_or_default(), self.t))
    }

    /// What the worker is told beside its jobs.
    fn look_beside(&self, claim: &Claim, kinds: &str, claimed: &mut Claimed) -> Sql<()> {
        let per_key = per_key_number(claim);
        let due = [
            (":queue", &claim.queue as _),
            (":kinds", &kinds as _),
            (":per_key", &per_key as _),
        ];
        claimed.suspect = self.row(Statement::DueSuspect, &due, |row| row.get(0))?;
        let keyed: Option<Option<String>> =
            self.row(Statement::DueKeyed, &due, |row| row.get(0))?;
        if claim.whom != Whom::Keyed {
            claimed.keys_left = keyed.is_some();
        }
        claimed.suspect = claimed.suspect.take().or(keyed.flatten());
        Ok(())
    }

    fn claim_rows(&self, claim: &Claim, limit: usize, kinds: &str) -> Sql<Claimed> {
        let first = first_lane(claim.order);
        let params: Params<'_> = &[
            (":queue", &claim.queue),
            (":kinds", &kinds),
            (":first", &lane_number(first)),
            (":of_first", &limit_number(claim.of_first_lane())),
            (":limit", &limit_number(limit)),
            (":lease", &length(claim.lease)),
            (":worker", &claim.worker),
            (":claim", &claim.id.to_bytes()),
            (":instance", &self.instance),
            (":per_key", &per_key_number(claim)),
        ];
        let mut claimed = Claimed::default();
        let changed = match claim.whom {
            Whom::Innocents => match self.finds(Statement::OthersFirst, params)? {
                Found::Nothing => self.run(Statement::Claim, params)?,
                Found::Row => self.run(Statement::ClaimByKind, params)?,
            },
            Whom::Keyed => self.claim_keyed(claim, limit, params, &mut claimed)?,
            Whom::Suspects => match self.run(Statement::ClaimSuspect, params)? {
                0 => self.run(Statement::ClaimKeyedSuspect, params)?,
                changed => changed,
            },
        };
        if changed > 0 {
            claimed.jobs = self.those_of(Statement::Claimed, claim.id, claim.lease, first)?;
        }
        Ok(claimed)
    }

    /// Claims jobs of the keys that have places. The choice is a statement of its own; the
    /// transaction has the lock of the file, so that it stands.
    fn claim_keyed(
        &self,
        claim: &Claim,
        limit: usize,
        params: Params<'_>,
        claimed: &mut Claimed,
    ) -> Sql<usize> {
        let round: Params<'_> = &[
            (":after", &claim.round.after),
            (":keys", &claim.round.keys.max(1)),
        ];
        let params = [params, round].concat();
        let rows = self.rows(Statement::ChooseKeyed, &params, KeyedRow::read)?;
        let chosen: Vec<i64> = rows
            .iter()
            .filter_map(|row| Some(row.job.as_ref()?.seq))
            .collect();
        let seen = rows.first().map_or(0, |row| row.keys);
        claimed.keys_left = chosen.len() >= limit.max(1) || seen >= claim.round.keys.max(1);
        claimed.last_key = last_key(rows, limit);
        let chosen = serde_json::to_string(&chosen).unwrap_or_default();
        let params = [&params[..], &[(":chosen", &chosen as _)]].concat();
        self.run(Statement::ClaimKeyed, &params)
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

/// A row of `Statement::ChooseKeyed`.
struct KeyedRow {
    job: Option<ChosenJob>,
    /// How many keys were looked at, and the last one of them.
    keys: u32,
    last: Option<String>,
}

struct ChosenJob {
    seq: i64,
    key: String,
    turn: i64,
    place: i64,
}

impl KeyedRow {
    fn read(row: &Row<'_>) -> Sql<KeyedRow> {
        let job = match row.get::<_, Option<i64>>(0)? {
            None => None,
            Some(seq) => Some(ChosenJob {
                seq,
                key: text(row, 1)?,
                turn: row.get(2)?,
                place: row.get(3)?,
            }),
        };
        Ok(KeyedRow {
            job,
            keys: row.get(4)?,
            last: some_text(row, 5)?,
        })
    }
}

/// The next claim goes on behind the last key that was looked at, or behind the last one whose turn
/// it was where there was no room for all.
fn last_key(mut rows: Vec<KeyedRow>, limit: usize) -> Option<String> {
    let last = rows.first_mut().and_then(|row| row.last.take());
    let jobs = rows.into_iter().filter_map(|row| row.job);
    let jobs: Vec<ChosenJob> = jobs.collect();
    if jobs.len() < limit {
        return last;
    }
    let first_turns = jobs.into_iter().filter(|job| job.turn == 1);
    first_turns.max_by_key(|job| job.place).map(|job| job.key)
}

fn first_lane(order: ClaimOrder) -> Priority {
    match order {
        ClaimOrder::HighFirst => Priority::High,
        ClaimOrder::LowFirst => Priority::Low,
    }
}

fn per_key_number(claim: &Claim) -> i64 {
    claim.bounds.per_key.map_or(i64::MAX, i64::from)
}

fn limit_number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The rows come in the order in which the file has them. One without an id of a job cannot be
/// settled: it is left to the rescues, which quarantine it.
fn in_order(mut rows: Vec<(Micros, i64, ClaimedJob)>, first: Priority) -> Vec<ClaimedJob> {
    rows.retain(|(_, _, job)| job.id != NO_ID);
    rows.sort_by_key(|(run_at, seq, job)| (job.lane != first, *run_at, *seq));
    rows.into_iter().map(|(_, _, job)| job).collect()
}

/// The columns by number: a look for a name is a walk over all of them, for each job.
fn claimed(row: &Row<'_>) -> Sql<(Micros, i64, ClaimedJob)> {
    let job = ClaimedJob {
        id: id_of(row, 2)?,
        fence: Fence::new(row.get(3)?),
        kind: text(row, 4)?,
        lane: lane_of(row, 5)?,
        attempt: count(row, 6)?,
        max_attempts: count(row, 7)?,
        crashes: count(row, 8)?,
        timeout: row.get::<_, Option<Micros>>(9)?.map(duration_of),
        payload: bytes(row, 10)?,
        awaited_by: some_id_of(row, 11)?,
    };
    Ok((row.get(0)?, row.get(1)?, job))
}

/// Whether a claim took all of these jobs.
fn takes_all(claimed: &Claimed, jobs: &[NewJob]) -> bool {
    let has = |job: &NewJob| claimed.jobs.iter().any(|claimed| claimed.id == job.id);
    jobs.iter().all(has)
}
