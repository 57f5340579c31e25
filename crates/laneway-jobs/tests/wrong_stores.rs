//! Do stores that make the protocol's mistakes in several transactions turn red what should hold?

mod wrong_store;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use laneway::sim::Sim;
use laneway::yield_now;
use laneway_jobs::conformance::{CASES, Stage};
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, SqliteStore, Transition, Verdict};
use laneway_jobs::store::*;
use laneway_jobs::{Job, JobId, JobState, Jobs};
use serde::{Deserialize, Serialize};
use wrong_store::{Mistake, Wrong};

/// The number of schedules in which a mistake has to show.
const SEEDS: u64 = 8;

fn assert_caught<M: Mistake>(mistake: fn() -> M, case: &str) {
    let case = CASES.iter().find(|one| one.name() == case).unwrap();
    let run = || {
        Sim::seed(0).high(2).low(2).explore(SEEDS, || async {
            let store = SqliteStore::memory().unwrap();
            case.run(Stage::new(Wrong(store, mistake()))).await;
        })
    };
    let ended = catch_unwind(AssertUnwindSafe(run));
    assert!(!matches!(ended, Ok(Ok(_))), "{case:?} does not see it");
}

/// No mistake: the cases are red for the mistakes alone.
#[derive(Debug)]
struct NoMistake;

impl Mistake for NoMistake {}

const ONCE: &str = "workers::no_job_runs_twice_among_sixteen_workers";
const ONE_ID: &str = "reports::oban_1505_all_callers_of_one_key_get_its_id";

#[test]
fn a_store_without_a_mistake_passes() {
    for name in [ONCE, ONE_ID] {
        let case = CASES.iter().find(|one| one.name() == name).unwrap();
        let ran = Sim::seed(0).high(2).low(2).run(async {
            let store = SqliteStore::memory().unwrap();
            case.run(Stage::new(Wrong(store, NoMistake))).await;
        });
        assert!(ran.is_ok(), "{case:?}");
    }
}

/// A claim that looks for jobs, and then takes those whatever has become of them.
#[derive(Debug)]
struct ClaimInTwo;

const READY: &str = "
    SELECT seq FROM laneway_job WHERE state = 0 AND held = 0 AND queue = ?1
    ORDER BY run_at, seq LIMIT ?2";
const TAKEN: &str = "
    UPDATE laneway_job SET state = 0, lease_until = NULL, worker = NULL
    WHERE seq = ?1 AND state = 1";

impl Mistake for ClaimInTwo {
    fn claim<'s>(&'s self, store: &'s SqliteStore, claim: Claim) -> StoreFuture<'s, Claimed> {
        Box::pin(async move {
            let (queue, limit) = (claim.queue.clone(), claim.limit);
            let found = store.transact(move |transaction| {
                let mut ready = transaction.prepare(READY)?;
                let rows = ready.query_map((&queue, limit as i64), |row| row.get(0))?;
                rows.collect::<Result<Vec<i64>, _>>()
            });
            let found = found.await.expect("it is answered");
            yield_now().await;
            let take = store.transact(move |transaction| {
                let taken = found.iter().map(|seq| transaction.execute(TAKEN, [seq]));
                taken.collect::<Result<Vec<usize>, _>>()
            });
            take.await.expect("it is answered");
            store.claim(claim).await
        })
    }
}

#[test]
fn a_claim_as_two_statements_is_caught() {
    assert_caught(|| ClaimInTwo, ONCE);
}

/// An insert that looks whether a key is taken, and then inserts.
#[derive(Debug, Default)]
struct CheckThenInsert(Mutex<HashMap<String, JobId>>);

impl CheckThenInsert {
    async fn taken(&self, store: &SqliteStore, key: &str) -> Option<Enqueued> {
        let id = self.0.lock().unwrap().get(key).copied();
        let id = id.unwrap_or(JobId::from_bytes([0; 16]));
        let view = store.look(vec![id]).await.ok()?.pop()??;
        let unfinished = matches!(view.state, JobState::Ready | JobState::Running);
        unfinished.then_some(Enqueued::Existing(id, view.state))
    }
}

impl Mistake for CheckThenInsert {
    fn insert<'s>(
        &'s self,
        store: &'s SqliteStore,
        jobs: Vec<NewJob>,
    ) -> StoreFuture<'s, Vec<Enqueued>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for mut job in jobs {
                let key = job.unique.take().map(|unique| unique.key);
                if let Some(key) = &key
                    && let Some(existing) = self.taken(store, key).await
                {
                    all.push(existing);
                    continue;
                }
                let id = job.id;
                all.extend(store.insert(vec![job]).await?);
                key.map(|key| self.0.lock().unwrap().insert(key, id));
            }
            Ok(all)
        })
    }
}

#[test]
fn uniqueness_by_a_look_before_the_insert_is_caught() {
    assert_caught(CheckThenInsert::default, ONE_ID);
}

/// Loses every third insert before its commit.
#[derive(Debug, Default)]
struct Losing(AtomicU32);

impl Probe for Losing {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        let here = (transition, moment) == (Transition::Insert, Moment::AfterStatements);
        match here && self.0.fetch_add(1, Relaxed).is_multiple_of(3) {
            true => Verdict::Lose,
            false => Verdict::GoOn,
        }
    }
}

/// An insert that is acknowledged when its statements have run.
#[derive(Debug)]
struct AcknowledgedBefore;

impl Mistake for AcknowledgedBefore {
    fn insert<'s>(
        &'s self,
        store: &'s SqliteStore,
        jobs: Vec<NewJob>,
    ) -> StoreFuture<'s, Vec<Enqueued>> {
        Box::pin(async move {
            let inserted = jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect();
            match store.insert(jobs).await {
                Err(StoreError::OutcomeUnknown) => Ok(inserted),
                answer => answer,
            }
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// How many of 30 jobs that were acknowledged are not there.
fn missing<M: Mistake>(mistake: M) -> usize {
    laneway::block_on(async {
        let options = SqliteOptions::new().probe(Arc::new(Losing::default()));
        let jobs = Jobs::new(Wrong(options.memory().unwrap(), mistake));
        let mut missing = 0;
        for number in 0..30 {
            let id = jobs.enqueue(Numbered(number)).await.unwrap().id();
            missing += usize::from(jobs.find(id).await.unwrap().is_none());
        }
        missing
    })
}

#[test]
fn an_answer_before_the_commit_is_caught() {
    assert_eq!(missing(NoMistake), 0);
    assert_eq!(missing(AcknowledgedBefore), 10);
}
