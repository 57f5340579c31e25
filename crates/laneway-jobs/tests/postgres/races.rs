//! Do transactions that meet leave what they should?

use std::time::Duration;

use laneway::time::timeout;
use laneway::{Priority, Runtime, Task};
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::{
    Ctx, EnqueueError, Enqueued, IfExists, Job, JobError, JobState, Jobs, Limit, Worker,
};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Report(u32);

impl Job for Report {
    const KIND: &'static str = "report";
}

const ROUNDS: u32 = 100;

async fn ask(jobs: Jobs, key: String, if_exists: IfExists) -> Result<Enqueued, EnqueueError> {
    jobs.enqueue(Report(0)).unique(key, if_exists).await
}

#[test]
fn one_of_many_callers_inserts_a_unique_job() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("race keep").connections(8);
        let jobs = Jobs::new(options.connect(&server.url()).await.unwrap());
        for round in 0..ROUNDS / 10 {
            let all = (0..16).map(|_| {
                let ask = ask(jobs.clone(), format!("key {round}"), IfExists::Keep);
                rt.spawn(ask, Priority::High)
            });
            let all: Vec<Task<_>> = all.collect();
            let mut inserted = Vec::new();
            let mut ids = Vec::new();
            for one in all {
                let one = one.await.unwrap();
                ids.push(one.id());
                if let Enqueued::Inserted(id) = one {
                    inserted.push(id);
                }
            }
            assert_eq!(inserted.len(), 1, "{inserted:?}");
            assert!(ids.iter().all(|&id| id == inserted[0]));
        }
    });
}

/// A successor that is put behind a job while that job is settled still runs.
#[test]
fn a_successor_is_released_whatever_comes_first() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    let run = async {
        let options = PostgresOptions::new().schema("race again").connections(8);
        let jobs = Jobs::new(options.connect(&server.url()).await.unwrap());
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(8))
            .handle(|_: Report, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&rt)
            .unwrap();
        let all = (0..ROUNDS * 4).map(|n| {
            let key = format!("key {}", n % 4);
            rt.spawn(ask(jobs.clone(), key, IfExists::RunAgain), Priority::Low)
        });
        let all: Vec<Task<_>> = all.collect();
        for one in all {
            let id = one.await.unwrap().id();
            assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        }
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
        let counts = jobs.store().counts(10_000).await.unwrap();
        assert!(
            counts.iter().all(|count| count.state == JobState::Done),
            "{counts:?}"
        );
    };
    let ended = rt.block_on(timeout(Duration::from_secs(100), run));
    assert!(ended.is_ok(), "a successor was never released");
}
