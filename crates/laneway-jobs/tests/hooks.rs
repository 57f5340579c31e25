//! Do hooks run around handlers, and do panics, errors and ends by force go through them?

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_jobs::testing::{drain, simulated};
use laneway_jobs::{Ctx, Job, JobError, JobState, Jobs, Limit, Next, Retry, WaitError, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Call;

impl Job for Call {
    const KIND: &'static str = "call";
    const OLD_KINDS: &'static [&'static str] = &["telephone"];
}

#[derive(Serialize, Deserialize)]
struct Write;

impl Job for Write {
    const KIND: &'static str = "write";
}

type Told = Arc<Mutex<Vec<String>>>;

fn worker(jobs: &Jobs) -> Worker {
    let worker = Worker::new(jobs).queue("default", Limit::in_flight(8));
    worker.retry(Retry::fixed(Duration::from_secs(60)))
}

/// Tells when it is dropped, however that comes about.
struct Span(Told, String);

impl Span {
    fn enter(told: &Told, name: &str) -> Span {
        told.lock().unwrap().push(format!("{name} begins"));
        Span(told.clone(), name.to_owned())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(format!("{} ends", self.1));
    }
}

fn spanned(worker: Worker, told: &Told, name: &'static str) -> Worker {
    let told = told.clone();
    worker.around(move |next: Next, ctx: Ctx| {
        let span = Span::enter(&told, &format!("{name} of {}", ctx.kind()));
        async move {
            let _span = span;
            next.await
        }
    })
}

fn told(told: &Told) -> Vec<String> {
    told.lock().unwrap().clone()
}

#[test]
fn the_later_hook_runs_around_the_earlier_one_and_both_around_all_handlers() {
    simulated(|jobs| async move {
        let kept = Told::default();
        let worker = spanned(worker(&jobs), &kept, "inner");
        let worker = worker.handle(|_: Call, _: Ctx| async { Ok::<_, JobError>(1) });
        let worker = spanned(worker, &kept, "outer");
        let worker = worker.handle(|_: Write, _: Ctx| async { Ok::<_, JobError>(2) });
        for (id, result) in [
            (jobs.enqueue(Call).await.unwrap().id(), 1),
            (jobs.enqueue(Write).await.unwrap().id(), 2),
        ] {
            assert_eq!(
                drain(&worker).await.runs.len(),
                2 * usize::from(result == 1)
            );
            assert_eq!(jobs.wait::<u32>(id).await, Ok(result));
        }
        let of = |kind| {
            let inner = [
                format!("inner of {kind} begins"),
                format!("inner of {kind} ends"),
            ];
            let [begins, ends] = inner;
            let (before, after) = (
                format!("outer of {kind} begins"),
                format!("outer of {kind} ends"),
            );
            [before, begins, ends, after]
        };
        assert_eq!(told(&kept), [of("call"), of("write")].concat());
    });
}

#[test]
fn a_panic_goes_through_a_hook_and_is_the_jobs_error() {
    simulated(|jobs| async move {
        let kept = Told::default();
        let panics = worker(&jobs).handle(|_: Call, ctx: Ctx| async move {
            assert!(ctx.attempt() > 1, "no answer");
            Ok::<_, JobError>(())
        });
        let panics = spanned(panics, &kept, "span");
        let id = jobs.enqueue(Call).max_attempts(1).await.unwrap().id();
        assert_eq!(drain(&panics).await.failed(), 1);
        let Err(WaitError::Failed(error)) = jobs.wait::<()>(id).await else {
            panic!("it fails");
        };
        assert_eq!(error, "the handler panicked: no answer");
        assert_eq!(told(&kept), ["span of call begins", "span of call ends"]);
    });
}

#[test]
fn a_timeout_drops_a_hook_together_with_the_handler() {
    simulated(|jobs| async move {
        let kept = Told::default();
        let stuck = worker(&jobs).timeout(Duration::from_secs(1));
        let stuck = stuck.handle(|_: Call, _: Ctx| pending::<Result<(), JobError>>());
        let stuck = spanned(stuck, &kept, "span");
        let id = jobs.enqueue(Call).await.unwrap().id();
        assert_eq!(drain(&stuck).await.failed(), 1);
        assert_eq!(told(&kept), ["span of call begins", "span of call ends"]);
        assert_eq!(jobs.find(id).await.unwrap().unwrap().state, JobState::Ready);
    });
}

#[test]
fn a_hook_refuses_a_job_and_changes_an_error() {
    simulated(|jobs| async move {
        let handler = |_: Call, _: Ctx| async { Err::<(), _>(JobError::new("busy")) };
        let worker = worker(&jobs).handle(handler);
        let worker = worker.around(|next: Next, ctx: Ctx| async move {
            match ctx.attempt() {
                1 => Err(JobError::new("no tenant")),
                _ => next.await.map_err(|_| Retry::never("given up")),
            }
        });
        let id = jobs.enqueue(Call).await.unwrap().id();
        let mut errors = Vec::new();
        for _ in 0..2 {
            assert_eq!(drain(&worker).await.failed(), 1);
            errors.extend(jobs.find(id).await.unwrap().unwrap().error);
            laneway::time::sleep(Duration::from_secs(61)).await;
        }
        assert_eq!(errors, ["no tenant", "given up"]);
    });
}
