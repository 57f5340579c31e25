//! Does the worker keep its promises, with this store beneath it?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Priority;
use laneway::time::sleep;
use serde::{Deserialize, Serialize};

use super::stage::{LONGER, SHORT, Stage, at_once, start};
use crate::lock::unpoisoned;
use crate::{
    CompleteError, Ctx, Job, JobError, JobId, JobState, Limit, PROGRESS_LIMIT, Retry, WaitError,
    Worker, WorkerHandle,
};

#[derive(Clone, Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "a";
}

const SECOND: Duration = Duration::from_secs(1);

fn worker(stage: &Stage, in_flight: usize) -> Worker {
    let quick = Retry::fixed(Duration::from_millis(1));
    Worker::new(&stage.jobs)
        .queue("default", Limit::in_flight(in_flight))
        .retry(quick)
}

async fn enqueue(stage: &Stage, jobs: u32) -> Vec<JobId> {
    let jobs = (0..jobs).map(|n| stage.jobs.enqueue(Numbered(n)));
    let enqueued = stage
        .jobs
        .enqueue_all(jobs)
        .await
        .expect("they are enqueued");
    enqueued.into_iter().map(|job| job.id()).collect()
}

/// The first regression of a queue: 1,024 jobs, 16 workers, each job once.
pub(super) async fn no_job_runs_twice_among_sixteen_workers(stage: Stage) {
    let runs: Arc<Mutex<BTreeMap<u32, u32>>> = Arc::default();
    let ids = enqueue(&stage, 1_024).await;
    let workers: Vec<WorkerHandle> = (0..16)
        .map(|_| {
            let runs = runs.clone();
            start(worker(&stage, 8).handle(move |Numbered(n), _| {
                *unpoisoned(runs.lock()).entry(n).or_default() += 1;
                async { Ok::<_, JobError>(()) }
            }))
        })
        .collect();
    for id in ids {
        assert_eq!(stage.jobs.wait::<()>(id).await, Ok(()));
    }
    let runs = std::mem::take(&mut *unpoisoned(runs.lock()));
    assert_eq!(runs.len(), 1_024);
    assert!(runs.values().all(|&runs| runs == 1), "{runs:?}");
    let mut finished = 0;
    for worker in workers {
        let report = worker.shutdown(10 * SECOND).await;
        assert!(report.is_clean(), "{report}");
        finished += report.finished;
    }
    assert_eq!(finished, 1_024);
}

/// A job that waits for others, and adds their results up.
#[derive(Serialize, Deserialize)]
struct Sum;

impl Job for Sum {
    const KIND: &'static str = "b";
}

async fn sum(_: Sum, ctx: Ctx) -> Result<Vec<u32>, JobError> {
    let results = ctx.results().await?;
    assert!(results.is_sorted(), "{results:?}");
    Ok(results.into_iter().map(|(_, number)| number).collect())
}

pub(super) async fn a_job_has_the_results_of_those_that_it_waited_for(stage: Stage) {
    let worker = worker(&stage, 64)
        .handle(sum)
        .handle(|Numbered(n), _| async move {
            match n {
                7 => Err(Retry::never("seven")),
                n => Ok(n),
            }
        });
    let jobs = &stage.jobs;
    // More than are read at once.
    let members = (0..250).map(|n| jobs.enqueue(Numbered(n)));
    let batch = jobs.batch().members(members).then(jobs.enqueue(Sum)).await;
    let chain = [jobs.enqueue(Numbered(3)), jobs.enqueue(Sum)];
    let chain = jobs.enqueue_chain(chain).await.expect("it is enqueued");
    let alone = jobs.enqueue(Sum).await.expect("it is enqueued").id();
    let worker = start(worker);
    let then = batch.expect("it is enqueued").then;
    let all: Vec<u32> = (0..250).filter(|&n| n != 7).collect();
    assert_eq!(jobs.wait(then).await, Ok(all));
    assert_eq!(jobs.wait(chain[1]).await, Ok(vec![3]));
    assert_eq!(jobs.wait(alone).await, Ok(Vec::<u32>::new()));
    assert!(worker.shutdown(10 * SECOND).await.is_clean());
}

pub(super) async fn low_is_not_starved(stage: Stage) {
    let low = stage
        .jobs
        .enqueue(Numbered(0))
        .lane(Priority::Low)
        .await
        .map(|low| low.id());
    let high = (0..200).map(|n| stage.jobs.enqueue(Numbered(n + 1)).lane(Priority::High));
    let high = stage
        .jobs
        .enqueue_all(high)
        .await
        .expect("they are enqueued");
    let started = Arc::new(AtomicUsize::new(0));
    let low_came = Arc::new(AtomicUsize::new(usize::MAX));
    let (counter, came) = (started.clone(), low_came.clone());
    let worker = start(worker(&stage, 1).handle(move |Numbered(n), _| {
        let before = counter.fetch_add(1, Relaxed);
        if n == 0 {
            came.store(before, Relaxed);
        }
        async { Ok::<_, JobError>(()) }
    }));
    assert_eq!(
        stage.jobs.wait::<()>(low.expect("it is enqueued")).await,
        Ok(())
    );
    let before = low_came.load(Relaxed);
    assert!(before <= 8, "{before} high jobs came first");
    for job in high {
        assert_eq!(stage.jobs.wait::<()>(job.id()).await, Ok(()));
    }
    assert!(worker.shutdown(10 * SECOND).await.is_clean());
}

pub(super) async fn a_failed_job_runs_again_until_it_succeeds(stage: Stage) {
    let id = enqueue(&stage, 1).await[0];
    let worker = start(
        worker(&stage, 4).handle(|_: Numbered, ctx: Ctx| async move {
            match ctx.attempt() {
                3 => Ok(ctx.attempt()),
                attempt => Err(JobError::new(format!("attempt {attempt}"))),
            }
        }),
    );
    assert_eq!(stage.jobs.wait::<u32>(id).await, Ok(3));
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn a_panic_and_an_undecodable_payload_are_the_jobs_errors(stage: Stage) {
    let panics = stage
        .jobs
        .enqueue(Numbered(0))
        .max_attempts(1)
        .await
        .map(|job| job.id());
    let mut odd = stage.job("a");
    (odd.payload, odd.max_attempts) = (b"\"text\"".to_vec(), 1);
    let odd = stage.insert(odd).await.id();
    let worker = start(worker(&stage, 4).handle(|_: Numbered, _| async {
        if true {
            panic!("out of paper");
        }
        Ok::<(), JobError>(())
    }));
    let failed = stage.jobs.wait::<()>(panics.expect("it is enqueued")).await;
    let expected = "the handler panicked: out of paper".to_owned();
    assert_eq!(failed, Err(WaitError::Failed(expected)));
    let Err(WaitError::Failed(error)) = stage.jobs.wait::<()>(odd).await else {
        panic!("it has no result");
    };
    assert!(error.contains("does not fit the type"), "{error}");
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn a_timeout_is_an_error(stage: Stage) {
    let enqueue = stage
        .jobs
        .enqueue(Numbered(0))
        .timeout(Duration::from_millis(5));
    let id = enqueue.max_attempts(1).await.expect("it is enqueued").id();
    let worker = start(worker(&stage, 4).handle(|_: Numbered, _| async {
        sleep(3600 * SECOND).await;
        Ok::<_, JobError>(())
    }));
    let expected = "the attempt timed out".to_owned();
    assert_eq!(
        stage.jobs.wait::<()>(id).await,
        Err(WaitError::Failed(expected))
    );
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn a_step_is_made_once(stage: Stage) {
    let id = enqueue(&stage, 1).await[0];
    let made = Arc::new(AtomicUsize::new(0));
    let counter = made.clone();
    let worker = start(worker(&stage, 4).handle(move |_: Numbered, ctx: Ctx| {
        let made = counter.clone();
        async move {
            let charge = async { Ok::<_, JobError>(made.fetch_add(1, Relaxed) + 1) };
            let charged: usize = ctx.step("charge", charge).await?;
            match ctx.attempt() {
                1 => Err(JobError::new("after the step")),
                _ => Ok(charged),
            }
        }
    }));
    assert_eq!(stage.jobs.wait::<usize>(id).await, Ok(1));
    assert_eq!(made.load(Relaxed), 1);
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn texts_of_a_handler_are_bounded_and_lose_their_zeros(stage: Stage) {
    let id = enqueue(&stage, 1).await[0];
    let worker = start(
        worker(&stage, 1).handle(|_: Numbered, ctx: Ctx| async move {
            let long = ctx.progress(0.1, "x".repeat(PROGRESS_LIMIT + 1)).await;
            let too_long = matches!(long, Err(CompleteError::LongProgress { bytes: 4_097 }));
            let none = ctx.step("a\0b", async { Ok::<_, JobError>(()) }).await;
            let refused = none.is_err_and(|error| error.to_string().contains("leave it out"));
            ctx.progress(0.5, "half\0way").await?;
            Err::<(), _>(Retry::never(format!("{too_long} {refused} a\0b")))
        }),
    );
    let failed = stage.jobs.wait::<()>(id).await;
    let error = "true true a\u{fffd}b".to_owned();
    assert_eq!(failed, Err(WaitError::Failed(error)));
    let told = stage.look(id).await.progress_text;
    assert_eq!(told.as_deref(), Some("half\u{fffd}way"));
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn shutdown_returns_what_runs_and_charges_nothing(stage: Stage) {
    let ids = enqueue(&stage, 2).await;
    let (started, starts) = flume::unbounded();
    let worker = start(worker(&stage, 2).handle(move |Numbered(n), ctx: Ctx| {
        let started = started.clone();
        async move {
            let _ = started.send(());
            match n {
                0 => ctx.cancelled().await,
                _ => sleep(3600 * SECOND).await,
            }
            Ok::<_, JobError>(())
        }
    }));
    for _ in 0..2 {
        starts.recv_async().await.expect("both start");
    }
    let report = worker.shutdown(Duration::from_millis(50)).await;
    assert_eq!((report.finished, report.returned), (1, 1), "{report}");
    assert_eq!(report.stopped.len(), 1);
    assert_eq!(report.stopped[0].id, ids[1]);
    assert_eq!(
        stage.look(ids[0]).await.state,
        JobState::Done,
        "it ended when it was asked to"
    );
    let view = stage.look(ids[1]).await;
    assert_eq!(
        (view.state, view.attempt, view.crashes),
        (JobState::Ready, 0, 0)
    );
}

pub(super) async fn a_suspect_runs_alone_of_its_kind(stage: Stage) {
    enqueue(&stage, 8).await;
    assert_suspects_run_alone::<Numbered>(stage).await;
}

#[derive(Serialize, Deserialize)]
struct Former(u32);

impl Job for Former {
    const KIND: &'static str = "b";
}

#[derive(Serialize, Deserialize)]
struct Renamed(u32);

impl Job for Renamed {
    const KIND: &'static str = "a";
    const OLD_KINDS: &'static [&'static str] = &["b"];
}

pub(super) async fn a_suspect_runs_alone_of_all_names_of_its_kind(stage: Stage) {
    for n in 0..4 {
        let former = stage.jobs.enqueue(Former(n)).await;
        assert!(former.is_ok() && stage.jobs.enqueue(Renamed(n)).await.is_ok());
    }
    assert_suspects_run_alone::<Renamed>(stage).await;
}

/// Of eight jobs that are due and of one type, those that are claimed first become suspects.
async fn assert_suspects_run_alone<T: Job>(stage: Stage) {
    assert_eq!(stage.claim(stage.wish(4, SHORT)).await.jobs.len(), 4);
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 4);
    let (together, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, peak) = (together.clone(), most.clone());
    let ids: Vec<JobId> = stage.all().await.iter().map(|view| view.id).collect();
    let worker = start(worker(&stage, 8).handle(move |_: T, ctx: Ctx| {
        let (inside, peak) = (inside.clone(), peak.clone());
        async move {
            let beside = inside.fetch_add(1, Relaxed);
            // The suspects are those in their second attempt.
            if ctx.attempt() == 2 {
                peak.fetch_max(beside, Relaxed);
            }
            sleep(Duration::from_millis(2)).await;
            inside.fetch_sub(1, Relaxed);
            Ok::<_, JobError>(())
        }
    }));
    for id in ids {
        assert_eq!(stage.jobs.wait::<()>(id).await, Ok(()));
    }
    assert_eq!(most.load(Relaxed), 0, "something ran beside a suspect");
    assert_eq!(together.load(Relaxed), 0);
    assert!(worker.shutdown(SECOND).await.is_clean());
}

pub(super) async fn an_idle_worker_hears_of_a_job(stage: Stage) {
    let worker = start(worker(&stage, 1).handle(|_: Numbered, _| async { Ok::<_, JobError>(()) }));
    sleep(Duration::from_millis(20)).await;
    let soon = stage
        .jobs
        .enqueue(Numbered(1))
        .after(Duration::from_millis(20))
        .await;
    for id in enqueue(&stage, 1)
        .await
        .into_iter()
        .chain(soon.map(|job| job.id()))
    {
        assert_eq!(stage.jobs.wait::<()>(id).await, Ok(()));
    }
    assert!(worker.shutdown(SECOND).await.is_clean());
}

/// Callers that enqueue one after the other find the worker at rest, and many at once do not.
pub(super) async fn a_worker_at_rest_takes_inserts_along_and_runs_each_once(stage: Stage) {
    let runs: Arc<Mutex<BTreeMap<u32, u32>>> = Arc::default();
    let counted = runs.clone();
    let worker = start(worker(&stage, 2).handle(move |Numbered(n), _| {
        *unpoisoned(counted.lock()).entry(n).or_default() += 1;
        async { Ok::<_, JobError>(()) }
    }));
    let mut ids = Vec::new();
    for n in 0..20 {
        let enqueued = stage.jobs.enqueue(Numbered(n)).await;
        ids.push(enqueued.expect("it is enqueued").id());
        if n % 2 == 0 {
            assert_eq!(stage.jobs.wait::<()>(ids[ids.len() - 1]).await, Ok(()));
        }
    }
    for id in ids {
        assert_eq!(stage.jobs.wait::<()>(id).await, Ok(()));
    }
    let runs = std::mem::take(&mut *unpoisoned(runs.lock()));
    assert_eq!(runs.len(), 20);
    assert!(runs.values().all(|&runs| runs == 1), "{runs:?}");
    assert!(worker.shutdown(SECOND).await.is_clean());
}

/// Every slot of every worker may be taken for hours: lost workers' jobs must not wait for that.
pub(super) async fn a_full_worker_rescues_the_jobs_of_lost_ones(stage: Stage) {
    let lost = enqueue(&stage, 1).await[0];
    stage.claim_one(SHORT).await;
    let holds = enqueue(&stage, 1).await[0];
    let (started, starts) = flume::unbounded();
    let full = start(
        worker(&stage, 1)
            .rescue(at_once())
            .handle(move |_: Numbered, ctx: Ctx| {
                let started = started.clone();
                async move {
                    let _ = started.send(ctx.id());
                    ctx.cancelled().await;
                    Ok::<_, JobError>(())
                }
            }),
    );
    assert_eq!(
        starts.recv_async().await,
        Ok(holds),
        "the only slot is taken"
    );
    for _ in 0..100 {
        if stage.look(lost).await.state == JobState::Ready {
            break;
        }
        sleep(SECOND / 20).await;
    }
    let view = stage.look(lost).await;
    assert_eq!((view.state, view.crashes), (JobState::Ready, 1));
    assert!(full.shutdown(SECOND).await.is_clean());
}
