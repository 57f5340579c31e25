//! Does a store that fires in two transactions, the job's and the fire's, lose to lost answers?

mod wrong_store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, SqliteStore, Transition, Verdict};
use laneway_jobs::store::*;
use laneway_jobs::{Ctx, IfUnfinished, Job, JobError, Jobs, Limit, Missed, Schedule, Worker};
use serde::{Deserialize, Serialize};
use wrong_store::{Mistake, Wrong};

const SECOND: Duration = Duration::from_secs(1);

/// Loses every third firing before its statements.
#[derive(Debug, Default)]
struct Losing(AtomicU32);

impl Probe for Losing {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        let here = (transition, moment) == (Transition::Fire, Moment::BeforeStatements);
        match here && self.0.fetch_add(1, Relaxed).is_multiple_of(3) {
            true => Verdict::Lose,
            false => Verdict::GoOn,
        }
    }
}

/// The mistake: the job in a transaction of its own, before that of the fire.
#[derive(Debug)]
struct TwoTransactions;

impl Mistake for TwoTransactions {
    fn fire<'s>(
        &'s self,
        store: &'s SqliteStore,
        firings: Vec<Firing>,
    ) -> StoreFuture<'s, Vec<Fired>> {
        Box::pin(async move {
            let runs = firings.iter().flat_map(|firing| &firing.runs);
            let jobs = runs.filter_map(|run| run.job.clone().ok()).collect();
            store.insert(jobs).await?;
            store.fire(firings).await
        })
    }
}

fn two_transactions(store: SqliteStore) -> Wrong<TwoTransactions> {
    Wrong(store, TwoTransactions)
}

#[derive(Serialize, Deserialize)]
struct Tick;

impl Job for Tick {
    const KIND: &'static str = "tick";
}

/// How many jobs there are beyond those of the fires, after 30 instants.
fn jobs_too_many<S: Store>(
    options: SqliteOptions,
    store: impl FnOnce(SqliteStore) -> S + Send,
) -> usize {
    let run = Sim::seed(1).run(async move {
        let jobs = Jobs::new(store(options.memory().unwrap()));
        let schedule = Schedule::every("tick", SECOND)
            .missed(Missed::All(100))
            .if_unfinished(IfUnfinished::Allow)
            .job(|_| Tick);
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .handle(|_: Tick, _: Ctx| async { Ok::<_, JobError>(()) })
            .schedule(schedule.unwrap())
            .start(&Handle::current())
            .unwrap();
        sleep(30 * SECOND).await;
        assert!(worker.shutdown(SECOND).await.is_clean());
        let wanted = WantedSchedules {
            names: None,
            fires: 100,
        };
        let now = jobs.store().schedules(wanted).await.unwrap();
        let fires = now.schedules[0].fires.len();
        assert!((29..=30).contains(&fires), "{fires}");
        let search = JobSearch {
            limit: LIST_LIMIT,
            ..JobSearch::default()
        };
        jobs.search(search).await.unwrap().jobs.len() - fires
    });
    run.unwrap().output
}

fn losing() -> SqliteOptions {
    SqliteOptions::new().probe(Arc::new(Losing::default()))
}

#[test]
fn fire_and_job_in_two_transactions_are_caught() {
    assert_eq!(
        jobs_too_many(SqliteOptions::new(), two_transactions),
        0,
        "as long as none is lost"
    );
    assert!(
        jobs_too_many(losing(), two_transactions) > 0,
        "the mistake shows"
    );
    assert_eq!(
        jobs_too_many(losing(), |store| store),
        0,
        "one transaction does not make it"
    );
}
