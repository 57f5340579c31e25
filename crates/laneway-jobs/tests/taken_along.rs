//! Does a job start after one commit beside a worker at rest?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, SqliteStore, Transition, Verdict};
use laneway_jobs::store::{ByHand, Changed};
use laneway_jobs::{Ctx, IfExists, Job, JobError, JobState, Jobs, Limit, Worker, WorkerHandle};
use serde::{Deserialize, Serialize};

const SECOND: Duration = Duration::from_secs(1);

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

impl Counting {
    fn take(&self) -> BTreeMap<Transition, usize> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

/// A worker that tells of each start.
fn start(jobs: &Jobs, limit: usize, started: flume::Sender<()>) -> WorkerHandle {
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(limit))
        .handle(move |_: Nothing, ctx: Ctx| {
            let started = started.clone();
            async move {
                started.send(()).unwrap();
                ctx.cancelled().await;
                Ok::<_, JobError>(())
            }
        });
    worker.start(&Handle::current()).unwrap()
}

#[test]
fn a_job_starts_after_one_transaction_until_all_slots_are_taken() {
    let run = Sim::seed(0).run(async {
        let counting = Arc::new(Counting::default());
        let options = SqliteOptions::new().probe(counting.clone());
        let jobs = Jobs::new(options.memory().unwrap());
        let (started, starts) = flume::unbounded();
        let worker = start(&jobs, 2, started);
        for _ in 0..2 {
            sleep(SECOND / 10).await;
            counting.take();
            let _ = jobs.enqueue(Nothing).await.unwrap();
            starts.recv_async().await.unwrap();
            let counts = counting.take();
            assert_eq!(counts, BTreeMap::from([(Transition::InsertAndClaim, 1)]));
        }
        sleep(SECOND / 10).await;
        let third = jobs.enqueue(Nothing).await.unwrap().id();
        let counts = counting.take();
        assert_eq!(counts.get(&Transition::Insert), Some(&1), "{counts:?}");
        let view = jobs.store().look(vec![third]).await.unwrap();
        assert_eq!(view[0].as_ref().unwrap().state, JobState::Ready);
        let _ = worker.shutdown(SECOND).await;
    });
    run.unwrap();
}

#[test]
fn what_may_have_to_wait_is_inserted_alone() {
    let run = Sim::seed(0).run(async {
        let counting = Arc::new(Counting::default());
        let options = SqliteOptions::new().probe(counting.clone());
        let jobs = Jobs::new(options.memory().unwrap());
        let (started, starts) = flume::unbounded();
        let worker = start(&jobs, 8, started);
        let unique = jobs.enqueue(Nothing).unique("key", IfExists::Keep);
        let later = jobs.enqueue(Nothing).after(SECOND);
        for enqueue in [unique, later, jobs.enqueue(Nothing).queue("other")] {
            sleep(SECOND / 10).await;
            counting.take();
            let _ = enqueue.await.unwrap();
            let counts = counting.take();
            assert_eq!(counts.get(&Transition::Insert), Some(&1), "{counts:?}");
            assert_eq!(counts.get(&Transition::InsertAndClaim), None);
        }
        for _ in 0..2 {
            starts.recv_async().await.unwrap();
        }
        let _ = worker.shutdown(SECOND).await;
    });
    run.unwrap();
}

#[test]
fn a_paused_queue_takes_jobs_and_starts_none() {
    let run = Sim::seed(0).run(async {
        let jobs = Jobs::new(SqliteStore::memory().unwrap());
        let (started, starts) = flume::unbounded();
        let worker = start(&jobs, 8, started);
        let change = |change| jobs.store().change(vec![change]);
        let pause = ByHand::Pause("default".to_owned());
        assert_eq!(change(pause).await.unwrap(), [Changed::Done]);
        sleep(SECOND).await;
        let _ = jobs.enqueue(Nothing).await.unwrap();
        sleep(10 * SECOND).await;
        assert!(starts.is_empty(), "it was begun");
        let resume = ByHand::Resume("default".to_owned());
        assert_eq!(change(resume).await.unwrap(), [Changed::Done]);
        starts.recv_async().await.unwrap();
        let _ = worker.shutdown(SECOND).await;
    });
    run.unwrap();
}
