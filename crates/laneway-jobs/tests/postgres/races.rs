//! Do transactions that meet leave what they should?

use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{Priority, Runtime, Task};
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::store::{ByHand, Changed, Store};
use laneway_jobs::{
    BatchCounts, Ctx, EnqueueError, Enqueued, IfExists, Job, JobError, JobId, JobState, Jobs,
    Limit, Retry, Worker, WorkerHandle,
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

#[derive(Serialize, Deserialize)]
struct Summary(u32);

impl Job for Summary {
    const KIND: &'static str = "summary";
    const OLD_KINDS: &'static [&'static str] = &["report"];
}

async fn ask_renamed(jobs: Jobs, key: String) -> Result<Enqueued, EnqueueError> {
    let summary = jobs.enqueue(Summary(0)).unique(key, IfExists::Keep);
    summary.await
}

/// Also where they are the first ones to enqueue under the new name.
#[test]
fn one_of_many_callers_inserts_a_unique_job_of_a_kind_that_is_being_renamed() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        for round in 0..10 {
            let schema = format!("race renamed {round}");
            let options = PostgresOptions::new().schema(&schema).connections(8);
            let jobs = Jobs::new(options.connect(&server.url()).await.unwrap());
            let all = (0..16).map(|n| {
                let key = format!("key {}", n / 8);
                match n % 2 {
                    0 => {
                        let ask = ask(jobs.clone(), key, IfExists::Keep);
                        rt.spawn(ask, Priority::High)
                    }
                    _ => rt.spawn(ask_renamed(jobs.clone(), key), Priority::High),
                }
            });
            let all: Vec<Task<_>> = all.collect();
            let mut inserted = 0;
            for one in all {
                let one = one.await.unwrap();
                inserted += u32::from(matches!(one, Enqueued::Inserted(_)));
            }
            assert_eq!(inserted, 2, "one for each key");
        }
    });
}

/// It runs when the change looks for a ready job, and is ready when the change looks for a running
/// one.
#[test]
fn a_job_that_becomes_ready_meanwhile_is_cancelled() {
    const RUNNING: &str = "UPDATE \"race hand\".laneway_job
        SET state = 1, attempt = 1, fence = 1, lease_until = 9000000000000000";
    const READY: &str = "BEGIN; UPDATE \"race hand\".laneway_job SET state = 0, lease_until = NULL";
    const MET: &str = "SELECT EXISTS (SELECT 1 FROM pg_locks
        WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))";
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("race hand");
        let store = options.connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        let id = Jobs::new(store.clone()).enqueue(Report(0)).await;
        let cancel = vec![ByHand::Cancel(id.unwrap().id())];
        client.batch_execute(RUNNING).await.unwrap();
        client.batch_execute(READY).await.unwrap();
        let change = rt.spawn(async move { store.change(cancel).await }, Priority::High);
        while !client.query_one(MET, &[]).await.unwrap().get::<_, bool>(0) {
            sleep(Duration::from_millis(5)).await;
        }
        client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(change.await, Ok(vec![Changed::Done]));
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

#[derive(Serialize, Deserialize)]
struct Page(u32);

impl Job for Page {
    const KIND: &'static str = "page";
}

#[derive(Serialize, Deserialize)]
struct Bind;

impl Job for Bind {
    const KIND: &'static str = "bind";
}

const BATCHES: u32 = 40;
const PAGES: u32 = 12;

/// A worker of another process: its store gathers settlements of its own.
async fn binder(url: &str, rt: &Runtime, bound: &flume::Sender<JobId>) -> (Jobs, WorkerHandle) {
    let options = PostgresOptions::new().schema("race batch").connections(4);
    let jobs = Jobs::new(options.connect(url).await.unwrap());
    let bound = bound.clone();
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(8))
        .handle(|Page(number): Page, _: Ctx| async move {
            match number % 4 {
                0 => Err(Retry::never("the page is blank")),
                _ => Ok(()),
            }
        })
        .handle(move |_: Bind, ctx: Ctx| {
            let bound = bound.clone();
            async move {
                bound.send(ctx.id())?;
                let counts: BatchCounts = ctx.batch_counts().await?;
                Ok::<_, JobError>((counts.total, counts.done, counts.left()))
            }
        });
    let worker = worker.start(rt).unwrap();
    (jobs, worker)
}

/// Retries failed members by hand until all batches have ended.
async fn retry_failed(jobs: Jobs, members: Vec<JobId>, ended: flume::Receiver<()>) {
    while let Err(flume::TryRecvError::Empty) = ended.try_recv() {
        let changes = members.iter().map(|&id| ByHand::Retry(id)).collect();
        jobs.store().change(changes).await.unwrap();
    }
}

/// Members that end at the same time, in several processes, while others are retried by hand.
#[test]
fn what_follows_a_batch_runs_once_whichever_members_end_together() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    let run = async {
        let (bound, binds) = flume::unbounded();
        let (jobs, first) = binder(&server.url(), &rt, &bound).await;
        let (_, second) = binder(&server.url(), &rt, &bound).await;
        let (mut last, mut members) = (Vec::new(), Vec::new());
        for _ in 0..BATCHES {
            let pages = (0..PAGES).map(|number| jobs.enqueue(Page(number)));
            let batch = jobs.batch().members(pages).then(jobs.enqueue(Bind));
            let batch = batch.await.unwrap();
            last.push(batch.then);
            members.extend(batch.members.iter().map(|member| member.id()));
        }
        let (end, ended) = flume::bounded(1);
        let retrying = rt.spawn(retry_failed(jobs.clone(), members, ended), Priority::Low);
        for &id in &last {
            let counts = jobs.wait::<(u32, u32, u32)>(id).await;
            assert_eq!(counts, Ok((PAGES, PAGES / 4 * 3, 0)));
        }
        end.send(()).unwrap();
        retrying.await;
        for worker in [first, second] {
            assert!(worker.shutdown(Duration::from_secs(10)).await.is_clean());
        }
        let mut bound: Vec<JobId> = binds.try_iter().collect();
        bound.sort_unstable();
        last.sort_unstable();
        assert_eq!(bound, last, "each was followed once");
    };
    let ended = rt.block_on(timeout(Duration::from_secs(100), run));
    assert!(ended.is_ok(), "a batch has no end");
}
