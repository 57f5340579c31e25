//! Does a worker of quick handlers claim more than may run, and keep nothing from others by it?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Handle, Priority};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::JobSearch;
use laneway_jobs::{Ctx, Job, JobError, JobId, JobState, Jobs, Limit, Worker, WorkerHandle};
use serde::{Deserialize, Serialize};

const LIMIT: usize = 8;
const QUICK: usize = 8 * LIMIT;
const SLOW: usize = 4 * LIMIT;
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Serialize, Deserialize)]
struct Nap(Duration);

impl Job for Nap {
    const KIND: &'static str = "nap";
}

/// The most handlers that ran at the same time, and the most jobs that were held.
#[derive(Clone, Debug, Default)]
struct Most {
    running: Arc<AtomicUsize>,
    ran: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
}

impl Most {
    async fn nap(self, jobs: Jobs, length: Duration) -> Result<(), JobError> {
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.ran.fetch_max(running, Relaxed);
        let held = jobs.store().leases(usize::MAX).await?.len();
        self.held.fetch_max(held, Relaxed);
        sleep(length).await;
        self.running.fetch_sub(1, Relaxed);
        Ok(())
    }
}

fn start(jobs: &Jobs, most: &Most) -> WorkerHandle {
    let (most, of_worker) = (most.clone(), jobs.clone());
    let worker = Worker::new(jobs).queue("default", Limit::in_flight(LIMIT));
    let worker =
        worker.handle(move |Nap(length), _: Ctx| most.clone().nap(of_worker.clone(), length));
    worker.start(&Handle::current()).unwrap()
}

async fn enqueue(jobs: &Jobs, number: usize, length: Duration) {
    let naps = (0..number).map(|_| jobs.enqueue(Nap(length)));
    jobs.enqueue_all(naps).await.unwrap();
}

/// How many jobs are in a state, none of which was charged more attempts than it has begun.
async fn count(jobs: &Jobs, state: JobState, attempts: u32) -> usize {
    let search = JobSearch {
        state: Some(state),
        limit: 1_000,
        ..JobSearch::default()
    };
    let found = jobs.search(search).await.unwrap().jobs;
    assert!(found.iter().all(|job| job.attempt == attempts), "{found:?}");
    found.len()
}

#[test]
fn quick_jobs_are_claimed_ahead_and_no_more_run_than_may() {
    for seed in 0..16 {
        let run = Sim::seed(seed).run(async {
            let jobs = Jobs::new(SqliteStore::memory().unwrap());
            // The last claim finds fewer than it asks for, and more than may run.
            let all = QUICK + LIMIT / 2;
            enqueue(&jobs, all, Duration::from_millis(1)).await;
            let most = Most::default();
            let worker = start(&jobs, &most);
            while count(&jobs, JobState::Done, 1).await < all {
                sleep(Duration::from_millis(1)).await;
            }
            let report = worker.shutdown(HOUR).await;
            assert_eq!((report.finished, report.returned), (all as u64, 0));
            assert_eq!(most.ran.load(Relaxed), LIMIT);
            let held = most.held.load(Relaxed);
            assert!(held > LIMIT, "{held} were held");
            assert!(held <= 4 * LIMIT, "{held} were held");
        });
        run.unwrap();
    }
}

/// The most jobs that are held while low ones run, and first one of this lane.
fn most_held_after(first: Priority) -> usize {
    let run = Sim::seed(0).run(async move {
        let jobs = Jobs::new(SqliteStore::memory().unwrap());
        let nap = jobs.enqueue(Nap(Duration::from_millis(1)));
        let _ = nap.lane(first).await.unwrap();
        enqueue(&jobs, QUICK, Duration::from_millis(1)).await;
        let most = Most::default();
        let worker = start(&jobs, &most);
        while count(&jobs, JobState::Done, 1).await <= QUICK {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(worker.shutdown(HOUR).await.is_clean());
        most.held.load(Relaxed)
    });
    run.unwrap().output
}

#[test]
fn claims_are_no_larger_while_high_jobs_come_among_low_ones() {
    let (calm, larger) = (
        most_held_after(Priority::High),
        most_held_after(Priority::Low),
    );
    assert!(calm < larger, "{calm} and {larger} were held");
}

#[test]
fn what_slow_handlers_leave_no_slot_for_goes_back_without_charge() {
    let run = Sim::seed(0).run(async {
        let jobs = Jobs::new(SqliteStore::memory().unwrap());
        enqueue(&jobs, QUICK, Duration::ZERO).await;
        enqueue(&jobs, SLOW, HOUR).await;
        let most = Most::default();
        let worker = start(&jobs, &most);
        sleep(Duration::from_millis(100)).await;
        assert_eq!(count(&jobs, JobState::Done, 1).await, QUICK);
        assert_eq!(count(&jobs, JobState::Running, 1).await, LIMIT);
        assert_eq!(count(&jobs, JobState::Ready, 0).await, SLOW - LIMIT);
        assert!(most.held.load(Relaxed) > LIMIT, "nothing had to go back");
        let report = worker.shutdown(Duration::ZERO).await;
        assert_eq!(report.stopped.len(), LIMIT);
        assert_eq!(count(&jobs, JobState::Ready, 0).await, SLOW);
    });
    run.unwrap();
}

#[test]
fn a_shutdown_returns_what_has_not_begun_without_charge() {
    let run = Sim::seed(0).run(async {
        let jobs = Jobs::new(SqliteStore::memory().unwrap());
        enqueue(&jobs, QUICK, Duration::ZERO).await;
        enqueue(&jobs, SLOW, HOUR).await;
        let most = Most::default();
        let worker = start(&jobs, &most);
        while jobs.store().leases(usize::MAX).await.unwrap().len() <= LIMIT
            || most.running.load(Relaxed) < LIMIT
            || count(&jobs, JobState::Done, 1).await < QUICK
        {
            sleep(Duration::from_micros(100)).await;
        }
        let report = worker.shutdown(Duration::ZERO).await;
        assert_eq!(report.stopped.len(), LIMIT);
        assert!(report.returned > LIMIT as u64, "{report}");
        assert_eq!(report.leases_lost, 0);
        assert_eq!(count(&jobs, JobState::Ready, 0).await, SLOW);
    });
    run.unwrap();
}

/// Takes long where another job has been claimed, which then waits.
async fn nap_beside(jobs: Jobs, other: JobId, id: JobId) -> Result<(), JobError> {
    let other_is_claimed = jobs.find(other).await?.unwrap().state == JobState::Running;
    if id != other && other_is_claimed {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// How many high jobs begin before a low one, where a high one takes long whenever the low one has
/// been claimed and waits.
fn high_jobs_before_a_low_one(seed: u64) -> usize {
    let run = Sim::seed(seed).run(async {
        let jobs = Jobs::new(SqliteStore::memory().unwrap());
        let low = jobs.enqueue(Nap(Duration::ZERO)).lane(Priority::Low);
        let low = low.await.unwrap().id();
        let high = (0..QUICK).map(|_| jobs.enqueue(Nap(Duration::ZERO)).lane(Priority::High));
        jobs.enqueue_all(high).await.unwrap();
        let (begun, before) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(usize::MAX)));
        let (low_began, of_worker) = (before.clone(), jobs.clone());
        let handler = move |_: Nap, ctx: Ctx| {
            let nth = begun.fetch_add(1, Relaxed);
            if ctx.id() == low {
                low_began.store(nth, Relaxed);
            }
            nap_beside(of_worker.clone(), low, ctx.id())
        };
        let worker = Worker::new(&jobs).queue("default", Limit::in_flight(1));
        let worker = worker.handle(handler).start(&Handle::current()).unwrap();
        assert_eq!(jobs.wait::<()>(low).await, Ok(()));
        assert!(worker.shutdown(HOUR).await.is_clean());
        before.load(Relaxed)
    });
    run.unwrap().output
}

#[test]
fn the_low_lane_has_its_turn_though_a_high_job_turns_out_to_be_slow() {
    for seed in 0..16 {
        let before = high_jobs_before_a_low_one(seed);
        assert!(
            before <= 8,
            "{before} high jobs began first with seed {seed}"
        );
    }
}
