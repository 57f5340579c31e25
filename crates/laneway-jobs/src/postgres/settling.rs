//! The ends of attempts: one guarded statement for many, sent again without harm.

use std::collections::HashSet;

use tokio_postgres::Row;

use super::columns::{Uuid, id_of, state_number, state_of};
use super::session::Sql;
use super::statement::Statement;
use super::tx::{Earlier, Everywhere, Tx};
use crate::fence::Fence;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::micros::{Micros, length};
use crate::name::kept_text;
use crate::store::{Guarded, Held, Outcome, Settlement};

/// Whether a settlement has completed a job that no other row follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completed {
    Yes,
    /// It is still to be settled.
    No,
}

/// The state that a transition has put a row in.
pub(super) struct Moved {
    pub(super) id: JobId,
    pub(super) state: JobState,
    /// The queue in which a claim may find more now: the job itself, or another one of its limit
    /// key.
    queue: Option<String>,
    /// Its unique key, if it has one, and the kind among whose jobs it is unique.
    unique: Option<(String, String)>,
    pub(super) awaited_by: Option<JobId>,
}

impl Moved {
    pub(super) fn read(row: &Row) -> Moved {
        let kind: Option<String> = row.get("unique_kind");
        let awaited_by: Option<Uuid> = row.get("awaited_by");
        Moved {
            id: id_of(row, "id"),
            state: state_of(row, "state"),
            queue: row.get("queue"),
            unique: kind.zip(row.get("unique_key")),
            awaited_by: awaited_by.map(JobId::from),
        }
    }
}

/// The values of `Statement::Settle`, a vector for each column.
#[derive(Default)]
struct Endings<'s> {
    ids: Vec<Uuid>,
    fences: Vec<i64>,
    states: Vec<i16>,
    uncharged: Vec<i32>,
    delays: Vec<Option<Micros>>,
    errors: Vec<Option<String>>,
    results: Vec<Option<&'s [u8]>>,
}

impl<'s> Endings<'s> {
    /// In the order of ids.
    fn of(settlements: &'s [Settlement]) -> Endings<'s> {
        let mut sorted: Vec<&Settlement> = settlements.iter().collect();
        sorted.sort_by_key(|settlement| settlement.held);
        let mut endings = Endings::default();
        for settlement in sorted {
            endings.ids.push(settlement.held.id.into());
            endings.fences.push(settlement.held.fence.number());
            endings.push(&settlement.outcome);
        }
        endings
    }

    fn push(&mut self, outcome: &'s Outcome) {
        let (ready, failed) = (JobState::Ready, JobState::Failed);
        let error = |error: &str| Some(kept_text(error));
        let (state, uncharged, delay, error, result) = match outcome {
            Outcome::Completed(result) => (JobState::Done, 0, None, None, Some(&result[..])),
            Outcome::Retry { after, error: why } => (ready, 0, Some(*after), error(why), None),
            Outcome::Snoozed(wait) => (ready, 1, Some(*wait), None, None),
            Outcome::Returned => (ready, 1, None, None, None),
            Outcome::Failed { error: why } => (failed, 0, None, error(why), None),
        };
        self.states.push(state_number(state));
        self.uncharged.push(uncharged);
        self.delays.push(delay.map(length));
        self.errors.push(error);
        self.results.push(result);
    }
}

impl Tx<'_> {
    /// Completes what no other row follows, in one statement. Answers for each settlement whether
    /// it was such a completion.
    pub(super) async fn complete_lone(
        &mut self,
        settlements: &[Settlement],
    ) -> Sql<Vec<Completed>> {
        let mut lone: Vec<(usize, Held, &[u8])> = settlements
            .iter()
            .enumerate()
            .filter_map(|(place, one)| Some((place, one.held, result_of(one)?)))
            .collect();
        // In the order of ids.
        lone.sort_unstable_by_key(|&(_, held, _)| held);
        let (ids, fences) = split(lone.iter().map(|&(_, held, _)| held));
        let results: Vec<&[u8]> = lone.iter().map(|&(_, _, result)| result).collect();
        let params: super::session::Params<'_> = &[&ids, &fences, &results];
        let row = self.row(Statement::CompleteLone, params).await?;
        let places: Option<Vec<i64>> = row.and_then(|row| row.get(0));
        let mut completed = vec![Completed::No; settlements.len()];
        for number in places.unwrap_or_default() {
            let (place, held, _) = lone[number as usize - 1];
            completed[place] = Completed::Yes;
            self.aftermath.settled.push(held.id);
        }
        Ok(completed)
    }

    pub(super) async fn settle(&mut self, settlements: &[Settlement]) -> Sql<Vec<Guarded>> {
        let all = Endings::of(settlements);
        let params: super::session::Params<'_> = &[
            &all.ids,
            &all.fences,
            &all.states,
            &all.uncharged,
            &all.delays,
            &all.errors,
            &all.results,
        ];
        let rows = self.rows(Statement::Settle, params).await?;
        let moved: Vec<Moved> = rows.iter().map(Moved::read).collect();
        self.after_moves(&moved).await?;
        if settlements
            .iter()
            .any(|one| one.outcome == Outcome::Returned)
        {
            self.aftermath.earlier = Some(Earlier);
        }
        let mut held: HashSet<Held> = rows.iter().map(held_of).collect();
        self.settled_before(settlements, &mut held).await?;
        let answer = settlements
            .iter()
            .map(|settlement| guarded(&held, settlement.held));
        Ok(answer.collect())
    }

    /// Adds what was settled by the same fences before. It is hinted at anew: the settlement may
    /// have been in a caller's transaction, whose commit the store has not seen, or its hints were
    /// lost with its answer.
    async fn settled_before(
        &mut self,
        settlements: &[Settlement],
        held: &mut HashSet<Held>,
    ) -> Sql<()> {
        let asked = settlements.iter().map(|settlement| settlement.held);
        let missing: Vec<Held> = asked.filter(|asked| !held.contains(asked)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (ids, fences) = split(missing.iter().copied());
        let rows = self
            .rows(Statement::SettledBefore, &[&ids, &fences])
            .await?;
        let settled = rows.iter().map(|row| id_of(row, "id"));
        self.aftermath.settled.extend(settled);
        if rows.iter().any(|row| row.get("followed")) {
            self.aftermath.everywhere = Some(Everywhere);
            self.aftermath.earlier = Some(Earlier);
        }
        held.extend(rows.iter().map(held_of));
        Ok(())
    }

    /// A settled job lets its successor go, is counted where it is awaited and wakes those that
    /// wait for it; one that is ready again wakes the workers.
    pub(super) async fn after_moves(&mut self, moved: &[Moved]) -> Sql<()> {
        for one in moved {
            if one.state.is_settled() {
                self.aftermath.settled.push(one.id);
            }
            one.queue.iter().for_each(|queue| self.hint_ready(queue));
        }
        let settled: Vec<&Moved> = moved.iter().filter(|one| one.state.is_settled()).collect();
        self.release_successors(&settled).await?;
        let members = settled
            .iter()
            .filter_map(|one| Some((one.awaited_by?, one.state)));
        self.members_settled(members.collect()).await
    }

    async fn release_successors(&mut self, settled: &[&Moved]) -> Sql<()> {
        let unique = settled.iter().filter_map(|one| one.unique.as_ref());
        let (kinds, keys): (Vec<&str>, Vec<&str>) =
            unique.map(|(kind, key)| (&**kind, &**key)).unzip();
        if keys.is_empty() {
            return Ok(());
        }
        let released = self
            .rows(Statement::ReleaseSuccessors, &[&kinds, &keys])
            .await?;
        for row in released {
            self.hint_ready(row.get(0));
            self.aftermath.earlier = Some(Earlier);
        }
        Ok(())
    }
}

pub(super) fn guarded(held: &HashSet<Held>, asked: Held) -> Guarded {
    match held.contains(&asked) {
        true => Guarded::Held,
        false => Guarded::LeaseLost,
    }
}

pub(super) fn held_of(row: &Row) -> Held {
    Held {
        id: id_of(row, "id"),
        fence: Fence::new(row.get("fence")),
    }
}

/// The columns of the jobs that are held.
pub(super) fn split(held: impl Iterator<Item = Held>) -> (Vec<Uuid>, Vec<i64>) {
    held.map(|held| (Uuid::from(held.id), held.fence.number()))
        .unzip()
}

fn result_of(settlement: &Settlement) -> Option<&[u8]> {
    match &settlement.outcome {
        Outcome::Completed(result) => Some(result),
        _ => None,
    }
}
