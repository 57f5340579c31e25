//! Do the tools for users' tests say what is there, and run what is due?

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use laneway::time::sleep;
use laneway_jobs::store::{ByHand, Outcome};
use laneway_jobs::testing::{
    Drained, Trial, assert_enqueued, assert_not_enqueued, drain, simulated,
};
use laneway_jobs::{Ctx, Job, JobError, JobState, Jobs, Limit, Retry, Snooze, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct SendMail {
    to: String,
}

impl Job for SendMail {
    const KIND: &'static str = "mail.send";
    const OLD_KINDS: &'static [&'static str] = &["mail"];
}

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

fn mail(to: &str) -> SendMail {
    SendMail { to: to.to_owned() }
}

const HOUR: Duration = Duration::from_secs(3600);

fn message_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_failed_assertion_lists_what_is_there() {
    let message = message_of(|| {
        simulated(|jobs| async move {
            for to in ["Ada", "Edsger"] {
                let _ = jobs.enqueue(mail(to)).await.unwrap();
            }
            let _ = jobs.enqueue(Numbered(7)).await.unwrap();
            assert_enqueued::<SendMail>(&jobs, |mail| mail.to == "Grace").await;
        });
    });
    assert!(message.contains("\"mail.send\" matches, at "), "{message}");
    assert!(message.contains("testing_kit.rs:"), "{message}");
    assert!(message.contains("3 jobs are there"), "{message}");
    assert!(
        message.contains("ready mail.send: {\"to\":\"Ada\"}"),
        "{message}"
    );
    assert!(message.contains("ready numbered: 7"), "{message}");
}

#[test]
fn a_failed_assertion_of_absence_lists_what_matches() {
    let message = message_of(|| {
        simulated(|jobs| async move {
            for to in ["Ada", "Edsger"] {
                let _ = jobs.enqueue(mail(to)).await.unwrap();
            }
            assert_not_enqueued::<SendMail>(&jobs, |mail| mail.to == "Ada").await;
        });
    });
    assert!(
        message.contains("1 unfinished jobs of the kind \"mail.send\" match"),
        "{message}"
    );
    assert!(
        message.contains("Ada") && !message.contains("Edsger"),
        "{message}"
    );
}

#[test]
fn a_long_list_is_cut_and_an_empty_one_is_said() {
    let message = message_of(|| {
        simulated(|jobs| async move {
            assert_enqueued::<SendMail>(&jobs, |_| true).await;
        });
    });
    assert!(message.contains("there is no unfinished job"), "{message}");
    let message = message_of(|| {
        simulated(|jobs| async move {
            let all = (0..250).map(|n| jobs.enqueue(Numbered(n)));
            jobs.enqueue_all(all).await.unwrap();
            assert_enqueued::<Numbered>(&jobs, |Numbered(n)| *n == 0).await;
            assert_enqueued::<Numbered>(&jobs, |Numbered(n)| *n == 250).await;
        });
    });
    assert!(message.contains("and 230 more"), "{message}");
}

#[test]
fn a_settled_job_is_not_enqueued_any_more() {
    simulated(|jobs| async move {
        let _ = jobs.enqueue(Numbered(0)).await.unwrap();
        assert_eq!(drain(&worker(&jobs)).await.completed(), 1);
        assert_not_enqueued::<Numbered>(&jobs, |_| true).await;
    });
}

/// Fails in the first attempt at an odd number, and enqueues the half of an even one.
async fn halve(Numbered(n): Numbered, ctx: Ctx) -> Result<u32, JobError> {
    match (n, ctx.attempt()) {
        (0, _) => Ok(0),
        (n, 1) if n % 2 == 1 => Err(JobError::new("odd")),
        (n, _) => {
            let _ = ctx.enqueue(Numbered(n / 2)).await?;
            Ok(n)
        }
    }
}

fn worker(jobs: &Jobs) -> Worker {
    Worker::new(jobs)
        .queue("default", Limit::in_flight(8))
        .retry(Retry::fixed(HOUR))
        .handle(halve)
}

fn attempts(drained: &Drained) -> Vec<u32> {
    drained.runs.iter().map(|ran| ran.attempt).collect()
}

#[test]
fn drain_runs_what_is_due_and_what_comes_of_it_and_the_rest_when_its_time_comes() {
    simulated(|jobs| async move {
        let worker = worker(&jobs);
        let _ = jobs.enqueue(Numbered(4)).await.unwrap();
        let _ = jobs.enqueue(mail("Ada")).await.unwrap();
        let first = drain(&worker).await;
        assert_eq!(
            (first.completed(), first.failed()),
            (2, 1),
            "4, 2, and 1 fails: {first}"
        );
        assert!(first.to_string().contains("again in 3600s: odd"), "{first}");
        assert_eq!(drain(&worker).await.runs, [], "the hour has not passed");
        sleep(HOUR).await;
        let second = drain(&worker).await;
        assert_eq!(attempts(&second), [2, 1], "1 again, then 0: {second}");
        assert_enqueued::<SendMail>(&jobs, |_| true).await;
    });
}

#[test]
fn drain_leaves_a_paused_queue_alone() {
    simulated(|jobs| async move {
        let _ = jobs.enqueue(Numbered(0)).await.unwrap();
        let pause = |change: fn(String) -> ByHand| vec![change("default".to_owned())];
        jobs.store().change(pause(ByHand::Pause)).await.unwrap();
        assert_eq!(drain(&worker(&jobs)).await.runs, []);
        jobs.store().change(pause(ByHand::Resume)).await.unwrap();
        assert_eq!(drain(&worker(&jobs)).await.completed(), 1);
    });
}

#[test]
fn a_trial_keeps_steps_and_progress_and_settles_the_job() {
    simulated(|jobs| async move {
        let tried = Trial::of(&jobs, Numbered(6))
            .run(|Numbered(n), ctx: Ctx| async move {
                ctx.progress(0.5, "half").await?;
                let step: u32 = ctx
                    .step("double", async { Ok::<_, JobError>(2 * n) })
                    .await?;
                Ok::<_, JobError>(step)
            })
            .await;
        assert_eq!(tried.result.unwrap(), 12);
        let id = tried.id;
        let view = jobs
            .store()
            .look(vec![id])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        assert_eq!((view.state, view.progress), (JobState::Done, Some(0.5)));
        assert_eq!(jobs.store().steps(id).await.unwrap().len(), 1);
    });
}

#[test]
fn a_trial_says_what_a_worker_would_make_of_an_error() {
    simulated(|jobs| async move {
        let outcome = async |attempt: u32, error: fn() -> JobError| {
            let trial = Trial::of(&jobs, Numbered(1)).retry(Retry::fixed(HOUR));
            let trial = trial.attempt(attempt).max_attempts(3);
            let handler = move |_: Numbered, _: Ctx| async move { Err::<(), _>(error()) };
            trial.run(handler).await.outcome
        };
        let error = || "no".to_owned();
        let again = Outcome::Retry {
            after: HOUR,
            error: error(),
        };
        assert_eq!(outcome(1, || JobError::new("no")).await, again);
        assert_eq!(
            outcome(3, || JobError::new("no")).await,
            Outcome::Failed { error: error() }
        );
        assert_eq!(
            outcome(1, || Retry::never("no")).await,
            Outcome::Failed { error: error() }
        );
        assert_eq!(
            outcome(1, || Snooze(HOUR).into()).await,
            Outcome::Snoozed(HOUR)
        );
    });
}

#[test]
fn a_trial_can_be_asked_to_stop() {
    simulated(|jobs| async move {
        let asked = async |trial: Trial<Numbered>| {
            let handler =
                |_: Numbered, ctx: Ctx| async move { Ok::<_, JobError>(ctx.is_cancelled()) };
            trial.run(handler).await.result.unwrap()
        };
        assert!(!asked(Trial::of(&jobs, Numbered(1))).await);
        assert!(asked(Trial::of(&jobs, Numbered(1)).cancelled()).await);
    });
}
