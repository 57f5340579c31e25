//! The counts of jobs that others await, and what becomes of those that wait.
//!
//! A job that waits, its members and its batch are locked from below upwards: members, then the
//! batch, then the job that waits, which may be a member itself. So two transactions at one batch
//! wait for each other in one direction alone.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{Uuid, id_of, state_number};
use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::Tx;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::{BatchCounts, NewJob};

/// A member that is settled: the job that awaits it, and its state.
type Settled = (JobId, JobState);

/// The values of `Statement::CountMembers`, a vector for each column.
#[derive(Default)]
struct Counts {
    jobs: Vec<Uuid>,
    members: Vec<i64>,
    by_state: [Vec<i64>; 4],
}

/// The states that are counted, in the order of the columns.
const COUNTED: [JobState; 4] = [
    JobState::Done,
    JobState::Failed,
    JobState::Cancelled,
    JobState::Quarantined,
];

impl Counts {
    /// In the order of ids.
    fn of(settled: &[Settled]) -> Counts {
        let mut batches: BTreeMap<JobId, Vec<JobState>> = BTreeMap::new();
        for &(awaiting, state) in settled {
            batches.entry(awaiting).or_default().push(state);
        }
        let mut counts = Counts::default();
        for (job, states) in batches {
            counts.jobs.push(job.into());
            counts.members.push(states.len() as i64);
            for (column, state) in counts.by_state.iter_mut().zip(COUNTED) {
                let counted = states.iter().filter(|&&ended| ended == state);
                column.push(counted.count() as i64);
            }
        }
        counts
    }

    fn params(&self) -> [&(dyn ToSql + Sync); 6] {
        let [done, failed, cancelled, quarantined] = &self.by_state;
        [
            &self.jobs,
            &self.members,
            done,
            failed,
            cancelled,
            quarantined,
        ]
    }
}

impl Tx<'_> {
    /// Jobs have been inserted that wait, or that are awaited.
    pub(super) async fn members_inserted(&mut self, jobs: &[&NewJob]) -> Sql<()> {
        let waiting = jobs.iter().filter_map(|job| Some((job.id, job.awaits?)));
        let (waiting, awaits): (Vec<Uuid>, Vec<i16>) = waiting
            .map(|(id, awaits)| (Uuid::from(id), awaits.number() as i16))
            .unzip();
        if !waiting.is_empty() {
            let params: Params<'_> = &[&waiting, &awaits];
            self.rows(Statement::AwaitMembers, params).await?;
        }
        let mut members: BTreeMap<JobId, i64> = BTreeMap::new();
        for awaiting in jobs.iter().filter_map(|job| job.awaited_by) {
            *members.entry(awaiting).or_default() += 1;
        }
        self.add_members(members).await
    }

    async fn add_members(&mut self, members: BTreeMap<JobId, i64>) -> Sql<()> {
        if members.is_empty() {
            return Ok(());
        }
        let (jobs, members): (Vec<Uuid>, Vec<i64>) = members
            .into_iter()
            .map(|(job, members)| (Uuid::from(job), members))
            .unzip();
        self.rows(Statement::AddMembers, &[&jobs, &members]).await?;
        Ok(())
    }

    /// Ends the waits of those of the jobs that await nothing, after all have been inserted.
    pub(super) async fn end_empty(&mut self, jobs: &[NewJob]) -> Sql<()> {
        let waiting = jobs.iter().filter(|job| job.awaits.is_some());
        let waiting: Vec<Uuid> = waiting.map(|job| Uuid::from(job.id)).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let ended = self.rows(Statement::EndEmpty, &[&waiting]).await?;
        let ended: Vec<Uuid> = ended.iter().map(|row| row.get("job")).collect();
        self.let_go(ended).await
    }

    /// Counts settled members. A loop, since each link of a chain that is cancelled settles a
    /// member of the next one.
    pub(super) async fn members_settled(&mut self, mut settled: Vec<Settled>) -> Sql<()> {
        while !settled.is_empty() {
            settled = self.count_members(&settled).await?;
        }
        Ok(())
    }

    /// Answers which members of others were cancelled.
    async fn count_members(&mut self, settled: &[Settled]) -> Sql<Vec<Settled>> {
        let counts = Counts::of(settled);
        let counted = self.rows(Statement::CountMembers, &counts.params()).await?;
        let ended: Vec<&Row> = counted.iter().filter(|row| row.get("ended")).collect();
        let job = |row: &&Row| row.get::<_, Uuid>("job");
        let (cancels, goes_on): (Vec<&Row>, Vec<&Row>) =
            ended.into_iter().partition(|row| row.get("cancels"));
        self.let_go(goes_on.iter().map(job).collect()).await?;
        self.cancel_awaiting(cancels.iter().map(job).collect())
            .await
    }

    async fn let_go(&mut self, mut awaiting: Vec<Uuid>) -> Sql<()> {
        if awaiting.is_empty() {
            return Ok(());
        }
        awaiting.sort_unstable();
        for row in self.rows(Statement::LetGo, &[&awaiting]).await? {
            self.hint_ready(row.get("queue"));
        }
        Ok(())
    }

    async fn cancel_awaiting(&mut self, mut awaiting: Vec<Uuid>) -> Sql<Vec<Settled>> {
        if awaiting.is_empty() {
            return Ok(Vec::new());
        }
        awaiting.sort_unstable();
        let cancelled = self.rows(Statement::CancelAwaiting, &[&awaiting]).await?;
        let ids = cancelled.iter().map(|row| id_of(row, "id"));
        self.aftermath.settled.extend(ids);
        let next = cancelled.iter().filter_map(awaited_by);
        Ok(next.map(|next| (next, JobState::Cancelled)).collect())
    }

    /// A member in this state runs again by hand.
    pub(super) async fn member_retried(&mut self, awaiting: JobId, state: JobState) -> Sql<()> {
        let mut retried = Some((awaiting, state));
        while let Some((awaiting, state)) = retried {
            retried = self.uncount_member(awaiting, state).await?;
        }
        Ok(())
    }

    async fn uncount_member(&mut self, awaiting: JobId, state: JobState) -> Sql<Option<Settled>> {
        let job = Uuid::from(awaiting);
        self.rows(Statement::LockBatch, &[&job]).await?;
        let again = self.row(Statement::AwaitAgain, &[&job]).await?;
        let params: Params<'_> = &[&job, &state_number(state), &again.is_some()];
        self.rows(Statement::UncountMember, params).await?;
        let next = again.as_ref().and_then(awaited_by);
        Ok(next.map(|next| (next, JobState::Cancelled)))
    }

    pub(super) async fn batches(&mut self, awaiting: &[JobId]) -> Sql<Vec<Option<BatchCounts>>> {
        let asked: Vec<Uuid> = awaiting.iter().map(|&id| Uuid::from(id)).collect();
        let rows = self.rows(Statement::Batches, &[&asked]).await?;
        let found: HashMap<JobId, BatchCounts> = rows
            .iter()
            .map(|row| (id_of(row, "job"), counts(row)))
            .collect();
        Ok(awaiting.iter().map(|id| found.get(id).copied()).collect())
    }
}

fn awaited_by(row: &Row) -> Option<JobId> {
    row.get::<_, Option<Uuid>>("awaited_by").map(JobId::from)
}

fn counts(row: &Row) -> BatchCounts {
    let count = |column| row.get::<_, i64>(column).unsigned_abs();
    BatchCounts {
        total: count("total"),
        done: count("done"),
        failed: count("failed"),
        cancelled: count("cancelled"),
        quarantined: count("quarantined"),
    }
}
