//! Does a store keep its promises in worlds that are drawn from seeds?
//!
//! A seed draws the schedule of all tasks, the sizes of batches, the times and ends of handlers, the
//! steps of the writer that lose their work, the moments at which workers are lost, and pauses of
//! the whole machine that outlast leases. `LANEWAY_JOBS_SEEDS` is the number of seeds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Handle, Priority, spawn_task};
use laneway_jobs::sqlite::{
    Moment, Probe, SqliteOptions, SqliteStore, Statement, Transition, Verdict,
};
use laneway_jobs::store::{JobView, Rescue};
use laneway_jobs::{
    Ctx, Enqueue, Job, JobError, JobId, JobState, Jobs, Limit, Retry, Worker, WorkerHandle,
};
use serde::{Deserialize, Serialize};

const VARIABLE: &str = "LANEWAY_JOBS_SEEDS";
/// Where the variable does not say otherwise.
const USUAL: u64 = 40;
const LEASE: Duration = Duration::from_secs(2);
/// How many workers live at a time.
const WORKERS: usize = 2;
/// How often a worker is lost, or the machine pauses.
const MISFORTUNES: u32 = 6;
const BATCHES: u32 = 6;
/// A handler that fails does so before this attempt.
const LAST_FAILURE: u32 = 3;
/// Each completion leaves a row, whichever statement makes it.
const COUNT_COMPLETIONS: &str = "
CREATE TABLE completion (id BLOB NOT NULL);
CREATE TRIGGER completed AFTER UPDATE OF state ON laneway_job
WHEN NEW.state = 2 AND OLD.state <> 2
BEGIN INSERT INTO completion (id) VALUES (NEW.id); END;";

/// A job whose handler does as its seed says.
#[derive(Clone, Serialize, Deserialize)]
struct Drawn {
    number: u32,
    millis: u64,
    /// The attempts before this one fail.
    succeeds_at: u32,
    fails_by_panic: bool,
}

impl Job for Drawn {
    const KIND: &'static str = "drawn";
}

/// Loses one arrival of a number of them, anywhere, as long as times are bad.
#[derive(Debug)]
struct Faults {
    rng: Mutex<Rng>,
    one_of: u32,
    are_bad: AtomicBool,
    mutant: Option<Mutant>,
}

/// A statement in which one text stands for another.
type Mutant = (Statement, &'static str, &'static str);

impl Probe for Faults {
    fn text(&self, statement: Statement) -> Cow<'static, str> {
        match self.mutant {
            Some((mutated, from, to)) if mutated == statement => {
                assert!(statement.text().contains(from), "the mutant is one");
                Cow::Owned(statement.text().replace(from, to))
            }
            _ => Cow::Borrowed(statement.text()),
        }
    }

    fn reached(&self, _: Transition, _: Moment) -> Verdict {
        let falls = || self.rng.lock().unwrap().u32(..self.one_of) == 0;
        match self.are_bad.load(Relaxed) && falls() {
            true => Verdict::Lose,
            false => Verdict::GoOn,
        }
    }
}

/// What the handlers tell.
#[derive(Debug, Default)]
struct Told {
    /// How often each job's handler was begun.
    runs: BTreeMap<u32, u32>,
    /// Handlers that are under way by their jobs: two at a time would be two holders.
    under_way: BTreeMap<u32, u32>,
}

/// A handler that is under way, until it ends or is dropped.
struct UnderWay(Arc<Mutex<Told>>, u32);

impl UnderWay {
    fn new(told: &Arc<Mutex<Told>>, number: u32) -> UnderWay {
        let mut locked = told.lock().unwrap();
        *locked.runs.entry(number).or_default() += 1;
        let under_way = locked.under_way.entry(number).or_default();
        *under_way += 1;
        let holders = *under_way;
        drop(locked);
        assert_eq!(holders, 1, "job {number} has two holders");
        UnderWay(told.clone(), number)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut told = self.0.lock().unwrap();
        *told.under_way.get_mut(&self.1).unwrap() -= 1;
    }
}

struct World {
    rng: Rng,
    store: SqliteStore,
    jobs: Jobs,
    faults: Arc<Faults>,
    told: Arc<Mutex<Told>>,
    numbers: u32,
}

impl World {
    fn new(seed: u64, mutant: Option<Mutant>) -> World {
        let mut rng = Rng::with_seed(seed);
        let faults = Arc::new(Faults {
            rng: Mutex::new(rng.fork()),
            one_of: rng.u32(20..200),
            are_bad: AtomicBool::new(false),
            mutant,
        });
        let store = SqliteOptions::new().probe(faults.clone()).memory().unwrap();
        World {
            rng,
            jobs: Jobs::new(store.clone()),
            store,
            faults,
            told: Arc::default(),
            numbers: 0,
        }
    }

    fn worker(&mut self) -> WorkerHandle {
        let told = self.told.clone();
        Worker::new(&self.jobs)
            .queue("default", Limit::in_flight(self.rng.usize(1..6)))
            .retry(Retry::fixed(Duration::from_millis(50)))
            .lease(LEASE)
            // A job that is hit by chance alone is not to be quarantined.
            .rescue(Rescue {
                backoff: Duration::from_millis(20),
                max_crashes: 1_000,
                ..Rescue::default()
            })
            .handle(move |job: Drawn, ctx: Ctx| handle(job, ctx, told.clone()))
            .start(&Handle::current())
            .unwrap()
    }

    fn drawn(&mut self) -> Drawn {
        self.numbers += 1;
        Drawn {
            number: self.numbers,
            millis: match self.rng.u8(..8) {
                0 => self.rng.u64(..4_000),
                _ => self.rng.u64(..40),
            },
            succeeds_at: match self.rng.u8(..4) {
                0 => self.rng.u32(1..=LAST_FAILURE),
                _ => 1,
            },
            fails_by_panic: self.rng.bool(),
        }
    }

    /// Enqueues a batch, and gives the ids that were acknowledged.
    async fn enqueue(&mut self) -> Vec<JobId> {
        let size = self.rng.usize(1..8);
        let jobs = self.jobs.clone();
        let batch: Vec<Enqueue> = (0..size).map(|_| jobs.enqueue(self.drawn())).collect();
        let enqueued = self.jobs.enqueue_all(batch).await.unwrap_or_default();
        enqueued.into_iter().map(|enqueued| enqueued.id()).collect()
    }

    /// A worker is lost, or the machine pauses for longer or shorter than a lease.
    async fn misfortune(&mut self, workers: &mut [WorkerHandle]) {
        sleep(Duration::from_millis(self.rng.u64(..500))).await;
        match self.rng.u8(..3) {
            0 => pause(Duration::from_millis(self.rng.u64(..5_000))).await,
            _ => {
                let lost = self.rng.usize(..workers.len());
                workers[lost] = self.worker();
            }
        }
    }

    /// The rows of completions that stand twice, and the number of all.
    async fn completions(&self) -> (i64, i64) {
        let count = |connection: &rusqlite::Transaction<'_>| {
            let all = "SELECT count(*) FROM completion";
            let distinct = "SELECT count(DISTINCT id) FROM completion";
            let count = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0));
            let all = count(all)?;
            Ok::<_, rusqlite::Error>((all - count(distinct)?, all))
        };
        self.store.transact(count).await.unwrap()
    }
}

async fn handle(job: Drawn, ctx: Ctx, told: Arc<Mutex<Told>>) -> Result<u32, JobError> {
    let _under_way = UnderWay::new(&told, job.number);
    let number = ctx.step("number", async { Ok::<_, JobError>(job.number) });
    let number = number.await?;
    sleep(Duration::from_millis(job.millis)).await;
    if ctx.attempt() >= job.succeeds_at {
        return Ok(number);
    }
    match job.fails_by_panic {
        true => panic!("as it was drawn"),
        false => Err(JobError::new("as it was drawn")),
    }
}

/// All workers of the simulation are away for this time, as on a machine that is suspended.
async fn pause(time: Duration) {
    let away: Vec<_> = (0..4)
        .map(|_| spawn_task!(async move { work(time) }, Priority::High))
        .collect();
    for away in away {
        away.await;
    }
}

async fn look(jobs: &Jobs, id: JobId) -> JobView {
    let mut views = jobs.store().look(vec![id]).await.unwrap();
    views.pop().flatten().expect("an acknowledged job is there")
}

async fn live(seed: u64, mutant: Option<Mutant>) {
    let mut world = World::new(seed, mutant);
    let create =
        |connection: &rusqlite::Transaction<'_>| connection.execute_batch(COUNT_COMPLETIONS);
    world.store.transact(create).await.unwrap();
    world.faults.are_bad.store(true, Relaxed);

    let mut workers: Vec<_> = (0..WORKERS).map(|_| world.worker()).collect();
    let mut acknowledged = Vec::new();
    for round in 0..BATCHES.max(MISFORTUNES) {
        if round < BATCHES {
            acknowledged.extend(world.enqueue().await);
        }
        if round < MISFORTUNES {
            world.misfortune(&mut workers).await;
        }
    }
    world.faults.are_bad.store(false, Relaxed);

    for &id in &acknowledged {
        world.jobs.wait::<u32>(id).await.unwrap();
    }
    for worker in workers {
        let report = worker.shutdown(Duration::from_secs(60)).await;
        assert!(report.is_clean(), "{report:?}");
    }
    for &id in &acknowledged {
        let view = look(&world.jobs, id).await;
        assert_eq!(view.state, JobState::Done, "{view:?}");
    }
    let (twice, all) = world.completions().await;
    assert_eq!(twice, 0, "completed twice");
    assert!(all >= acknowledged.len() as i64);
}

#[test]
fn every_acknowledged_job_is_completed_once_in_drawn_worlds() {
    let seeds = std::env::var(VARIABLE).map_or(USUAL, |seeds| {
        let number = "LANEWAY_JOBS_SEEDS is a number of seeds";
        seeds.parse().expect(number)
    });
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                (half..seeds)
                    .step_by(2)
                    .for_each(|seed| explore(seed, None))
            });
        }
    });
}

fn explore(seed: u64, mutant: Option<Mutant>) {
    let sim = Sim::seed(seed).high(2).low(2).max_steps(2_000_000);
    if let Err(error) = sim.run(live(seed, mutant)) {
        panic!("seed {seed}: {error}");
    }
}

/// The fences of single transitions have cases of their own in the conformance body (`mutants.rs`):
/// a worker of these worlds drops its handlers before its leases end, and asks for nothing more.
#[test]
fn the_worlds_see_guards_that_are_left_out() {
    let mutants: [Mutant; 2] = [
        (Statement::Rescue, "lease_until <= :t", "1"),
        (Statement::Claim, "state = 0 AND ", ""),
    ];
    for mutant in mutants {
        let explored = || explore(0, Some(mutant));
        let seen = catch_unwind(AssertUnwindSafe(explored)).is_err();
        assert!(seen, "no world sees {mutant:?}");
    }
}
