//! Do jobs and a caller's effects commit together or not at all?

use std::sync::Arc;
use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::store::{Store, ViewStore};
use laneway_jobs::{
    Ctx, EnqueueError, Enqueued, IfExists, Job, JobError, JobState, Jobs, Limit, Retry, Worker,
};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Pay(i32);

impl Job for Pay {
    const KIND: &'static str = "pay";
}

/// A hint that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(20);

async fn connect(schema: &str) -> Option<PostgresStore> {
    let server = server::shared()?;
    let options = PostgresOptions::new().schema(schema);
    Some(options.connect(&server.url()).await.unwrap())
}

#[test]
fn a_job_exists_once_the_caller_commits() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = connect("own insert").await else {
            return;
        };
        let jobs = Jobs::new(store.clone());
        let mut client = store.client().await.unwrap();
        for (commits, count) in [(false, 0), (true, 1)] {
            let transaction = client.transaction().await.unwrap();
            let enqueued = jobs.enqueue(Pay(1)).enqueue_in(&transaction).await;
            assert!(
                matches!(enqueued, Ok(Enqueued::Inserted(_))),
                "{enqueued:?}"
            );
            match commits {
                true => transaction.commit().await.unwrap(),
                false => transaction.rollback().await.unwrap(),
            }
            let pages = store.search(vec![Default::default()]).await.unwrap();
            assert_eq!(pages[0].jobs.len(), count);
        }
    });
}

#[test]
fn a_rival_that_rolls_back_leaves_the_unique_key_free() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = connect("own rival").await else {
            return;
        };
        let jobs = Jobs::new(store.clone());
        let mut client = store.client().await.unwrap();
        let transaction = client.transaction().await.unwrap();
        let rival = jobs.enqueue(Pay(1)).unique("key", IfExists::Keep);
        let rival = rival.enqueue_in(&transaction).await.unwrap();
        let waiting = {
            let jobs = jobs.clone();
            let wait = async move { jobs.enqueue(Pay(2)).unique("key", IfExists::Keep).await };
            rt.spawn(wait, laneway::Priority::High)
        };
        let blocked =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
        let watcher = store.client().await.unwrap();
        while watcher
            .query_one(blocked, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {
            laneway::time::sleep(Duration::from_millis(5)).await;
        }
        transaction.rollback().await.unwrap();
        let second = waiting.await.unwrap();
        assert!(matches!(second, Enqueued::Inserted(_)), "{second:?}");
        assert_ne!(second.id(), rival.id());
    });
}

#[test]
fn a_job_that_completes_in_its_own_transaction_moves_the_money_once() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = connect("own purse").await else {
            return;
        };
        let jobs = Jobs::new(store.clone());
        let client = store.client().await.unwrap();
        let table = "CREATE TABLE till (coins integer); INSERT INTO till VALUES (0)";
        client.batch_execute(table).await.unwrap();
        let bank = Arc::new(store.clone());
        let pay = move |Pay(amount): Pay, ctx: Ctx| {
            let bank = bank.clone();
            async move {
                let mut client = bank.client().await?;
                let transaction = client.transaction().await?;
                let add = "UPDATE till SET coins = coins + $1";
                transaction.execute(add, &[&amount]).await?;
                ctx.complete_in(&transaction, &amount).await?;
                if ctx.attempt() == 1 {
                    return Err(JobError::new("the first attempt fails after all"));
                }
                transaction.commit().await?;
                Ok(amount)
            }
        };
        let worker = Worker::new(&jobs).queue("default", Limit::in_flight(4));
        let worker = worker
            .handle_with(Retry::fixed(Duration::ZERO), pay)
            .start(&rt)
            .unwrap();
        let id = jobs.enqueue(Pay(7)).await.unwrap().id();
        let listener = store.hints().listen_for(id);
        assert_eq!(jobs.wait::<i32>(id).await, Ok(7));
        // A wait looks again anyway, and so it would end without a hint, if later.
        assert_eq!(timeout(LIMIT, listener.hinted()).await, Ok(()));
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
        let coins = client
            .query_one("SELECT coins FROM till", &[])
            .await
            .unwrap();
        assert_eq!(coins.get::<_, i32>(0), 7);
        let view = store.look(vec![id]).await.unwrap().remove(0).unwrap();
        assert_eq!((view.state, view.attempt), (JobState::Done, 2));
    });
}

#[test]
fn a_name_with_a_zero_is_refused_and_an_error_with_one_is_kept() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = connect("own zeros").await else {
            return;
        };
        let jobs = Jobs::new(store.clone());
        let refused = jobs.enqueue(Pay(1)).queue("a\0b").await;
        assert!(
            matches!(&refused, Err(EnqueueError::Name(why)) if why.to_string().contains("zero")),
            "{refused:?}"
        );
        let worker = Worker::new(&jobs)
            .queue("q'; DROP TABLE laneway_job; --", Limit::in_flight(1))
            .handle(|_: Pay, _: Ctx| async { Err::<(), _>(Retry::never("a\0b")) })
            .start(&rt)
            .unwrap();
        let hostile = jobs.enqueue(Pay(1)).queue("q'; DROP TABLE laneway_job; --");
        let id = hostile.unique("'\"\\", IfExists::Keep).await.unwrap().id();
        let failed = jobs.wait::<()>(id).await.unwrap_err();
        assert!(failed.to_string().contains("a\u{fffd}b"), "{failed}");
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    });
}
