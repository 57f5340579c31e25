//! Do short handlers that began together share their transactions, and does a long one hold up
//! no other?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::{now, sleep};
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, Transition, Verdict};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

const LIMIT: usize = 64;
const ROUNDS: usize = 10;

#[derive(Debug, Default)]
struct Counting(Mutex<BTreeMap<Transition, usize>>);

impl Probe for Counting {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        if moment == Moment::AfterCommit {
            *self.0.lock().unwrap().entry(transition).or_default() += 1;
        }
        Verdict::GoOn
    }
}

/// A job that takes so many milliseconds.
#[derive(Serialize, Deserialize)]
struct Takes(u64);

impl Job for Takes {
    const KIND: &'static str = "takes";
}

fn worker(jobs: &Jobs) -> Worker {
    Worker::new(jobs)
        .queue("default", Limit::in_flight(LIMIT))
        .handle(|Takes(ms): Takes, _: Ctx| async move {
            if ms > 0 {
                sleep(Duration::from_millis(ms)).await;
            }
            Ok::<_, JobError>(())
        })
}

#[test]
fn handlers_that_end_together_are_settled_and_followed_in_one_go() {
    for seed in 0..4 {
        let counting = Arc::new(Counting::default());
        let options = SqliteOptions::new().probe(counting.clone());
        let run = Sim::seed(seed).high(2).low(2).run(async move {
            let jobs = Jobs::new(options.memory().unwrap());
            let all = (0..LIMIT * ROUNDS).map(|_| jobs.enqueue(Takes(0)));
            let ids = jobs.enqueue_all(all).await.unwrap();
            let worker = worker(&jobs).start(&Handle::current()).unwrap();
            for job in ids {
                assert_eq!(jobs.wait::<()>(job.id()).await, Ok(()));
            }
            assert!(worker.shutdown(Duration::from_secs(1)).await.is_clean());
        });
        run.unwrap();
        let counts = counting.0.lock().unwrap();
        for transition in [Transition::Claim, Transition::Settle] {
            let count = counts[&transition];
            assert!(count <= 2 * ROUNDS, "seed {seed}: {counts:?}");
        }
    }
}

#[test]
fn a_long_handler_holds_up_no_settlement() {
    let run = Sim::seed(0).run(async {
        let jobs = Jobs::new(SqliteOptions::new().memory().unwrap());
        let worker = worker(&jobs).start(&Handle::current()).unwrap();
        let long = jobs.enqueue(Takes(60_000)).await.unwrap().id();
        let begun = now();
        let short = jobs.enqueue(Takes(1)).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(short).await, Ok(()));
        let took = now() - begun;
        assert!(took < Duration::from_millis(2), "{took:?}");
        assert_eq!(jobs.wait::<()>(long).await, Ok(()));
        assert!(worker.shutdown(Duration::from_secs(1)).await.is_clean());
    });
    run.unwrap();
}
