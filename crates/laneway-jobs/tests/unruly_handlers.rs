//! What does a worker do about handlers, rules and settings that panic, or last for ever?

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use laneway::time::sleep;
use laneway::{Handle, Runtime};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{ByHand, Changed, Pruning, ScheduleView};
use laneway_jobs::testing::simulated;
use laneway_jobs::{
    Ctx, IfExists, Job, JobError, JobId, JobState, Jobs, Limit, Retry, Schedule, WaitError, Worker,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Call;

impl Job for Call {
    const KIND: &'static str = "call";
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn worker(jobs: &Jobs) -> Worker {
    Worker::new(jobs)
        .queue("default", Limit::in_flight(1))
        .retry(Retry::fixed(SECOND))
}

async fn state(jobs: &Jobs, id: JobId) -> JobState {
    let views = jobs.store().look(vec![id]).await.expect("it is answered");
    views[0].as_ref().expect("the job is there").state
}

/// Its end is a panic, but in a thread that panics already.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the bomb went off");
        }
    }
}

/// Runs one job with one attempt: the error that it fails by.
fn failed(worker: impl FnOnce(Worker) -> Worker + Send) -> String {
    simulated(|jobs| async move {
        let first = jobs.enqueue(Call).max_attempts(1).await.unwrap().id();
        let worker = worker(self::worker(&jobs));
        let worker = worker.start(&Handle::current()).unwrap();
        let ended = laneway::time::timeout(HOUR, jobs.wait::<()>(first)).await;
        let report = worker.shutdown(SECOND).await;
        assert!(report.is_clean(), "{report}");
        match ended.expect("it ends within an hour") {
            Err(WaitError::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_destructor_that_panics_at_the_timeout_is_the_jobs_error() {
    let error = failed(|worker| {
        worker.timeout(SECOND).handle(|_: Call, _: Ctx| async {
            let _bomb = Bomb;
            pending::<Result<(), JobError>>().await
        })
    });
    assert!(error.contains("the bomb went off"), "{error}");
}

#[test]
fn a_panic_that_panics_when_it_is_dropped_is_the_jobs_error() {
    let error = failed(|worker| {
        worker.handle(|_: Call, ctx: Ctx| async move {
            match ctx.attempt() {
                0 => Ok::<_, JobError>(()),
                _ => std::panic::panic_any(Bomb),
            }
        })
    });
    assert_eq!(error, "the handler panicked: no message");
}

#[test]
fn a_destructor_that_panics_at_a_shutdown_ends_the_job_and_not_the_process() {
    simulated(|jobs| async move {
        let worker = worker(&jobs).handle(|_: Call, _: Ctx| async {
            let _bomb = Bomb;
            pending::<Result<(), JobError>>().await
        });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        sleep(SECOND).await;
        let report = worker.shutdown(Duration::ZERO).await;
        assert_eq!(report.stopped[0].id, id);
        assert_eq!(state(&jobs, id).await, JobState::Ready);
    });
}

/// As above, where a runtime of threads drops the handler.
#[test]
fn a_destructor_that_panics_at_a_shutdown_does_not_end_the_process() {
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteStore::memory().unwrap());
    let (begun, has_begun) = flume::bounded(1);
    let worker = worker(&jobs).handle(move |_: Call, _: Ctx| {
        let begun = begun.clone();
        async move {
            let _bomb = Bomb;
            begun.send(()).map_err(JobError::from)?;
            pending::<Result<(), JobError>>().await
        }
    });
    let worker = worker.start(&rt).unwrap();
    rt.block_on(async {
        let id = jobs.enqueue(Call).await.unwrap().id();
        has_begun.recv_async().await.unwrap();
        let report = worker.shutdown(Duration::ZERO).await;
        assert_eq!(report.stopped[0].id, id);
    });
}

#[test]
fn of_a_long_error_the_beginning_is_kept() {
    let error = failed(|worker| {
        worker.handle(|_: Call, _: Ctx| async { Err::<(), _>(JobError::new("é".repeat(1 << 20))) })
    });
    assert_eq!(error, "é".repeat(32 * 1024) + " ... (it is longer)");
}

#[test]
fn a_limit_without_end_takes_all() {
    simulated(|jobs| async move {
        let worker = Worker::new(&jobs).queue("default", Limit::in_flight(usize::MAX));
        let worker = worker.handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        assert!(worker.shutdown(SECOND).await.is_clean());
    });
}

#[test]
fn a_rule_that_panics_is_the_jobs_error_and_the_job_runs_again() {
    let ran = Arc::new(AtomicU32::new(0));
    let count = ran.clone();
    let state = simulated(|jobs| async move {
        let id = jobs.enqueue(Call).await.unwrap().id();
        let rule = Retry::own(|_| panic!("the rule has a fault"));
        let worker = worker(&jobs).handle_with(rule, move |_: Call, _: Ctx| {
            let run = count.fetch_add(1, Relaxed);
            async move {
                match run {
                    0 => Err(JobError::new("busy")),
                    _ => Ok(()),
                }
            }
        });
        let worker = worker.start(&Handle::current()).unwrap();
        sleep(HOUR).await;
        let _ = worker.shutdown(SECOND).await;
        state(&jobs, id).await
    });
    assert_eq!((state, ran.load(Relaxed)), (JobState::Done, 2));
}

#[test]
fn lengths_without_end_are_as_good_as_long_ones() {
    simulated(|jobs| async move {
        let worker = worker(&jobs)
            .lease(Duration::MAX)
            .timeout(Duration::MAX)
            .handle(|_: Call, ctx: Ctx| async move {
                sleep(SECOND).await;
                assert!(ctx.time_left() > HOUR);
                Ok::<_, JobError>(())
            });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs
            .enqueue(Call)
            .timeout(Duration::MAX)
            .await
            .unwrap()
            .id();
        let later = jobs.enqueue(Call).after(Duration::MAX).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        assert_eq!(state(&jobs, later).await, JobState::Ready);
        assert!(worker.shutdown(Duration::MAX).await.is_clean());
    });
}

#[test]
fn a_retry_and_a_snooze_without_end_wait() {
    simulated(|jobs| async move {
        let worker = worker(&jobs)
            .retry(Retry::exponential(Duration::MAX, Duration::MAX))
            .handle(|_: Call, _: Ctx| async { Err::<(), _>(JobError::new("busy")) });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        sleep(HOUR).await;
        assert_eq!(state(&jobs, id).await, JobState::Ready);
        assert!(worker.shutdown(SECOND).await.is_clean());
    });
}

#[test]
fn pruning_with_a_limit_of_nothing_does_not_go_on_for_ever() {
    simulated(|jobs| async move {
        let pruning = Pruning {
            limit: 0,
            ..Pruning::default()
        };
        let worker = worker(&jobs)
            .prune(Some(pruning))
            .handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        sleep(HOUR).await;
        assert!(worker.shutdown(SECOND).await.is_clean());
    });
}

/// Cancels a job that runs, by a handler that ends in this way when it is told.
fn cancelled(end: fn() -> Result<(), JobError>) -> (JobState, u32) {
    let (ran, running) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (count, is_running) = (ran.clone(), running.clone());
    let state = simulated(|jobs| async move {
        let worker = worker(&jobs).handle(move |_: Call, ctx: Ctx| {
            count.fetch_add(1, Relaxed);
            is_running.store(true, Relaxed);
            async move {
                ctx.cancelled().await;
                end()
            }
        });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        while !running.load(Relaxed) {
            sleep(SECOND).await;
        }
        let changed = jobs.store().change(vec![ByHand::Cancel(id)]).await;
        assert_eq!(changed, Ok(vec![Changed::Asked]));
        sleep(HOUR).await;
        let state = state(&jobs, id).await;
        let _ = worker.shutdown(SECOND).await;
        state
    });
    (state, ran.load(Relaxed))
}

#[test]
fn a_job_that_was_cancelled_while_it_ran_does_not_run_again() {
    let error = || Err(JobError::new("it was asked to stop"));
    assert_eq!(cancelled(error), (JobState::Cancelled, 1));
    let snooze = || Err(laneway_jobs::Snooze(SECOND).into());
    assert_eq!(cancelled(snooze), (JobState::Cancelled, 1));
    assert_eq!(cancelled(|| Ok(())), (JobState::Done, 1));
    let never = || Err(Retry::never("no"));
    assert_eq!(cancelled(never), (JobState::Failed, 1));
}

#[test]
fn a_job_that_is_replaced_by_one_for_another_queue_wakes_the_worker_of_its_own() {
    let state = simulated(|jobs| async move {
        let worker = worker(&jobs).handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) });
        let worker = worker.start(&Handle::current()).unwrap();
        let later = jobs
            .enqueue(Call)
            .unique("one", IfExists::Keep)
            .after(24 * HOUR);
        let id = later.await.unwrap().id();
        sleep(SECOND).await;
        let now = jobs.enqueue(Call).unique("one", IfExists::Replace);
        assert_eq!(now.queue("other").await.unwrap().id(), id);
        sleep(60 * SECOND).await;
        let state = state(&jobs, id).await;
        let _ = worker.shutdown(SECOND).await;
        state
    });
    assert_eq!(state, JobState::Done);
}

/// A settlement that the database refuses must not hold up the others, nor end the worker.
#[test]
fn a_settlement_that_the_database_refuses_holds_up_no_other() {
    const REFUSES: &str = "
        CREATE TRIGGER refuses BEFORE UPDATE ON laneway_job WHEN NEW.error = 'refused'
        BEGIN SELECT RAISE(ABORT, 'this error is not wanted here'); END";
    simulated(|jobs| async move {
        let store: &SqliteStore = jobs.store().as_any().downcast_ref().unwrap();
        let trigger = |transaction: &rusqlite::Transaction<'_>| transaction.execute_batch(REFUSES);
        store.transact(trigger).await.unwrap();
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(8))
            .handle(|_: Call, ctx: Ctx| async move {
                match ctx.max_attempts() {
                    1 => Err(JobError::new("refused")),
                    _ => Ok(()),
                }
            });
        let calls = (0..6).map(|call| jobs.enqueue(Call).max_attempts(1 + u32::from(call != 2)));
        let enqueued = jobs.enqueue_all(calls).await.unwrap();
        let worker = worker.start(&Handle::current()).unwrap();
        sleep(10 * SECOND).await;
        let later = jobs.enqueue(Call).await.unwrap();
        sleep(10 * SECOND).await;
        for (call, job) in enqueued.into_iter().chain([later]).enumerate() {
            let expected = match call {
                2 => JobState::Running,
                _ => JobState::Done,
            };
            assert_eq!(state(&jobs, job.id()).await, expected, "{call}");
        }
        let _ = worker.shutdown(SECOND).await;
    });
}

/// A text that no store takes.
fn too_large() -> String {
    "x".repeat((1 << 20) + 1)
}

/// How a job ends whose handler keeps, or returns, such a text, and how often that runs.
fn ends_with(in_a_step: bool) -> (JobState, String, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let (state, error) = simulated(move |jobs| async move {
        let worker = worker(&jobs).handle(move |_: Call, ctx: Ctx| {
            counted.fetch_add(1, Relaxed);
            async move {
                match in_a_step {
                    true => {
                        ctx.step("text", async { Ok::<_, JobError>(too_large()) })
                            .await
                    }
                    false => Ok(too_large()),
                }
            }
        });
        let worker = worker.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        let ended = jobs.wait::<String>(id).await;
        let _ = worker.shutdown(SECOND).await;
        (state(&jobs, id).await, ended.unwrap_err().to_string())
    });
    (state, error, runs.load(Relaxed))
}

#[test]
fn effects_whose_result_cannot_be_kept_are_not_had_again() {
    for (in_a_step, what) in [
        (false, "no result is kept"),
        (true, "the step text is not kept"),
    ] {
        let (state, error, runs) = ends_with(in_a_step);
        assert_eq!((state, runs), (JobState::Failed, 1), "{error}");
        assert!(
            error.contains(what) && error.contains("1048579 bytes"),
            "{error}"
        );
    }
}

/// JSON has no such number: what is written in its place is none for a further attempt.
#[test]
fn a_step_whose_value_cannot_be_read_back_is_not_made_again() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    let error = failed(move |worker| {
        worker.handle(move |_: Call, ctx: Ctx| {
            let counted = counted.clone();
            async move {
                let made = async {
                    counted.fetch_add(1, Relaxed);
                    Ok::<_, JobError>(f64::NAN)
                };
                ctx.step("mean", made).await.map(drop)?;
                Err::<(), _>(JobError::new("after the step"))
            }
        })
    });
    assert!(error.contains("the step mean is not kept"), "{error}");
    assert_eq!(made.load(Relaxed), 1);
}

#[test]
fn a_job_whose_handler_blocks_in_one_poll_is_rescued() {
    // A worker that stands still for as long loses the second lease too.
    let short = SECOND;
    let rt = Runtime::builder().with_low_num(4).build().unwrap();
    let jobs = Jobs::new(SqliteStore::memory().unwrap());
    let (let_go, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(Some(blocked));
    let blocks_once = move |_: Call, _: Ctx| {
        let blocked = blocked.lock().unwrap().take();
        async move {
            if let Some(blocked) = blocked {
                let _ = blocked.recv();
            }
            Ok::<_, JobError>(())
        }
    };
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(2))
        .timeout(short)
        .lease(short)
        .handle(blocks_once)
        .start(&rt)
        .unwrap();
    rt.block_on(async {
        let id = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        let views = jobs.store().look(vec![id]).await.unwrap();
        let view = views[0].as_ref().unwrap();
        assert_eq!((view.attempt, view.crashes), (2, 1));
        let_go.send(()).unwrap();
        let report = worker.shutdown(20 * SECOND).await;
        assert_eq!(report.leases_lost, 1, "{report}");
    });
}

#[test]
fn a_suspect_in_a_full_queue_does_not_bar_its_kind_elsewhere() {
    #[derive(Serialize, Deserialize)]
    struct Report;
    impl Job for Report {
        const KIND: &'static str = "report";
    }
    simulated(|jobs| async move {
        let slow = |worker: Worker| worker.queue("slow", Limit::in_flight(1)).lease(SECOND);
        let calls = || |_: Call, _: Ctx| async { Ok::<_, JobError>(()) };
        let hangs = |_: Call, _: Ctx| pending::<Result<(), JobError>>();
        let lost = slow(Worker::new(&jobs))
            .handle(hangs)
            .start(&Handle::current());
        let suspect = jobs.enqueue(Call).queue("slow").await.unwrap().id();
        sleep(SECOND).await;
        drop(lost.unwrap());

        let report = jobs.enqueue(Report).queue("slow").await.unwrap().id();
        let reports = |_: Report, _: Ctx| async {
            sleep(HOUR).await;
            Ok::<_, JobError>(())
        };
        let worker = slow(worker(&jobs)).handle(reports).handle(calls());
        let worker = worker.start(&Handle::current()).unwrap();
        sleep(60 * SECOND).await;
        assert_eq!(state(&jobs, report).await, JobState::Running);
        let innocent = jobs.enqueue(Call).await.unwrap().id();
        sleep(SECOND).await;
        assert_eq!(state(&jobs, innocent).await, JobState::Done);
        assert_eq!(jobs.wait::<()>(suspect).await, Ok(()));
        assert!(worker.shutdown(SECOND).await.is_clean());
    });
}

/// Also one that is started for a short while, again and again.
#[test]
fn a_worker_prunes_soon_after_its_first_job() {
    simulated(|jobs| async move {
        let pruning = Pruning {
            done_after: Duration::ZERO,
            limit: 1,
            ..Pruning::default()
        };
        let first = worker(&jobs)
            .prune(None)
            .handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) });
        let first = first.start(&Handle::current()).unwrap();
        let id = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        assert!(first.shutdown(SECOND).await.is_clean());
        let next = worker(&jobs)
            .prune(Some(pruning))
            .handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) });
        let next = next.start(&Handle::current()).unwrap();
        let other = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(jobs.wait::<()>(other).await, Ok(()));
        sleep(5 * SECOND).await;
        let views = jobs.store().look(vec![id, other]).await.unwrap();
        assert!(
            views.iter().all(Option::is_none),
            "a young worker prunes as well: {views:?}"
        );
        assert!(next.shutdown(SECOND).await.is_clean());
    });
}

#[derive(Serialize, Deserialize)]
struct Unwanted;

impl Job for Unwanted {
    const KIND: &'static str = "unwanted";
}

/// A schedule whose job the database refuses must not hold up the others.
#[test]
fn a_schedule_whose_job_the_database_refuses_holds_up_no_other() {
    const REFUSES: &str = "
        CREATE TRIGGER refuses BEFORE INSERT ON laneway_job WHEN NEW.kind = 'unwanted'
        BEGIN SELECT RAISE(ABORT, 'this kind is not wanted here'); END";
    simulated(|jobs| async move {
        let store: &SqliteStore = jobs.store().as_any().downcast_ref().unwrap();
        let trigger = |transaction: &rusqlite::Transaction<'_>| transaction.execute_batch(REFUSES);
        store.transact(trigger).await.unwrap();
        let unwanted = Schedule::every("unwanted", SECOND).job(|_| Unwanted);
        let call = Schedule::every("call", SECOND).job(|_| Call);
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(8))
            .handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(()) })
            .schedule(unwanted.unwrap())
            .schedule(call.unwrap())
            .start(&Handle::current())
            .unwrap();
        sleep(20 * SECOND).await;
        let allowed = |transaction: &rusqlite::Transaction<'_>| {
            transaction.execute_batch("DROP TRIGGER refuses")
        };
        store.transact(allowed).await.unwrap();
        sleep(5 * SECOND).await;
        let fires = |view: &ScheduleView| view.fires.len();
        let views = jobs.schedules().await.unwrap();
        let of = |name: &str| views.iter().find(|view| view.name == name).map(fires);
        let of_call = of("call").unwrap();
        assert!(of_call >= 18, "{of_call} of 20 that are kept");
        let of_unwanted = of("unwanted").unwrap();
        assert!(
            (4..=7).contains(&of_unwanted),
            "it goes on as missed ones do: {of_unwanted}"
        );
        let _ = worker.shutdown(SECOND).await;
    });
}
