//! How often is the store asked for the steps of a job?

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, Transition, Verdict};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Retry, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Tour;

impl Job for Tour {
    const KIND: &'static str = "tour";
}

/// Counts transactions that read.
#[derive(Debug, Default)]
struct Reads(AtomicUsize);

impl Probe for Reads {
    fn reached(&self, transition: Transition, moment: Moment) -> Verdict {
        if (transition, moment) == (Transition::Read, Moment::AfterCommit) {
            self.0.fetch_add(1, Relaxed);
        }
        Verdict::GoOn
    }
}

const STEPS: u32 = 50;

/// Makes all steps, each with the number of the attempt that made it.
async fn tour(ctx: &Ctx) -> Result<Vec<u32>, JobError> {
    let mut made = Vec::new();
    for step in 0..STEPS {
        let attempt = ctx.attempt();
        let name = format!("step {step}");
        made.push(
            ctx.step(&name, async { Ok::<_, JobError>(attempt) })
                .await?,
        );
    }
    Ok(made)
}

#[test]
fn the_steps_of_a_job_are_read_once_in_an_attempt() {
    let run = Sim::seed(0).run(async {
        let reads = Arc::new(Reads::default());
        let jobs = Jobs::new(SqliteOptions::new().probe(reads.clone()).memory().unwrap());
        // A panic of the handler would be the attempt's error alone.
        let reads_of_attempts = Arc::new(Mutex::new(Vec::new()));
        let told = reads_of_attempts.clone();
        let handler = move |_: Tour, ctx: Ctx| {
            let (reads, told) = (reads.clone(), told.clone());
            async move {
                let before = reads.0.load(Relaxed);
                let made = tour(&ctx).await?;
                // A step that was made a moment ago is there by its name.
                let again = tour(&ctx).await?;
                let reads = reads.0.load(Relaxed) - before;
                told.lock().unwrap().push((reads, again == made));
                match ctx.attempt() {
                    1 => Err(JobError::new("the first attempt fails after all")),
                    _ => Ok(made),
                }
            }
        };
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(1))
            .handle_with(Retry::fixed(Duration::ZERO), handler)
            .start(&Handle::current())
            .unwrap();
        let id = jobs.enqueue(Tour).await.unwrap().id();
        // A wait reads as well, so that it begins when the attempts have ended.
        sleep(Duration::from_secs(1)).await;
        assert_eq!(jobs.wait::<Vec<u32>>(id).await, Ok(vec![1; STEPS as usize]));
        assert_eq!(*reads_of_attempts.lock().unwrap(), [(1, true); 2]);
        assert!(worker.shutdown(Duration::from_secs(1)).await.is_clean());
    });
    run.unwrap();
}
