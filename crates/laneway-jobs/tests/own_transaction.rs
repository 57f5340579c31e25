//! Do jobs and a caller's effects commit together or not at all?

mod folder;

use std::sync::mpsc;
use std::time::Duration;

use folder::Folder;
use futures_lite::future::poll_once;
use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::sqlite::{SqliteStore, TransactError};
use laneway_jobs::store::{JobSearch, Store};
use laneway_jobs::{Ctx, EnqueueError, Enqueued, IfExists, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Pay(u32);

impl Job for Pay {
    const KIND: &'static str = "pay";
}

/// A hint that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(20);

type Any = Box<dyn std::error::Error + Send + Sync>;

#[test]
fn a_rival_that_rolls_back_leaves_the_unique_key_free() {
    let store = SqliteStore::memory().unwrap();
    let jobs = Jobs::new(store.clone());
    let rival = jobs.clone();
    let rolled_back = laneway::block_on(store.transact(move |transaction| {
        let pay = rival.enqueue(Pay(1)).unique("key", IfExists::Keep);
        let inserted = pay.enqueue_in(transaction).unwrap();
        assert!(matches!(inserted, Enqueued::Inserted(_)));
        Err::<(), _>("changed my mind")
    }));
    assert!(matches!(
        rolled_back,
        Err(TransactError::Caller("changed my mind"))
    ));
    let second =
        laneway::block_on(async { jobs.enqueue(Pay(2)).unique("key", IfExists::Keep).await });
    assert!(matches!(second, Ok(Enqueued::Inserted(_))), "{second:?}");
}

#[test]
fn a_transaction_in_another_database_is_refused() {
    let folder = Folder::new("another-database");
    let file = |name| SqliteStore::open(folder.file(name)).unwrap();
    let memory = || SqliteStore::memory().unwrap();
    let stores = [file("a.db"), file("b.db"), memory(), memory()];
    for (of_jobs, store) in stores.iter().enumerate() {
        let jobs = Jobs::new(store.clone());
        for (of_transaction, store) in stores.iter().enumerate() {
            let jobs = jobs.clone();
            let enqueued = laneway::block_on(store.transact(move |transaction| {
                Ok::<_, Any>(jobs.enqueue(Pay(1)).enqueue_in(transaction))
            }));
            let enqueued = enqueued.unwrap();
            match of_jobs == of_transaction {
                true => assert!(enqueued.is_ok(), "{enqueued:?}"),
                false => assert_eq!(enqueued, Err(EnqueueError::OtherDatabase)),
            }
        }
        let page = laneway::block_on(jobs.search(JobSearch::default()));
        assert_eq!(page.unwrap().jobs.len(), 1);
    }
}

/// By a link as well.
#[cfg(unix)]
#[test]
fn any_connection_to_the_same_file_has_its_jobs() {
    let folder = Folder::new("same-file");
    let path = folder.file("jobs.db");
    let jobs = Jobs::new(SqliteStore::open(&path).unwrap());
    let link = folder.file("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link] {
        let mut connection = rusqlite::Connection::open(path).unwrap();
        let transaction = connection.transaction().unwrap();
        let enqueued = jobs.enqueue(Pay(1)).enqueue_in(&transaction);
        assert!(
            matches!(enqueued, Ok(Enqueued::Inserted(_))),
            "{enqueued:?}"
        );
        transaction.commit().unwrap();
    }
    let mut memory = rusqlite::Connection::open_in_memory().unwrap();
    let enqueued = jobs
        .enqueue(Pay(1))
        .enqueue_in(&memory.transaction().unwrap());
    assert_eq!(enqueued, Err(EnqueueError::OtherDatabase));
}

#[test]
fn a_job_that_completes_in_its_own_transaction_moves_the_money_once() {
    let rt = Runtime::builder().build().unwrap();
    let store = SqliteStore::memory().unwrap();
    let jobs = Jobs::new(store.clone());
    let bank = store.clone();
    let pay = move |Pay(amount): Pay, ctx: Ctx| {
        let bank = bank.clone();
        async move {
            let attempt = ctx.attempt();
            let paid = bank.transact(move |transaction| {
                transaction.execute("UPDATE purse SET coins = coins + ?1", [amount])?;
                ctx.complete_in(transaction, &amount)?;
                match attempt {
                    1 => Err(Any::from("the first attempt fails after all")),
                    _ => Ok(amount),
                }
            });
            paid.await.map_err(|error| JobError::new(error.to_string()))
        }
    };
    let coins = rt.block_on(async {
        let table = "CREATE TABLE purse (coins INTEGER); INSERT INTO purse VALUES (0)";
        store
            .transact(move |transaction| transaction.execute_batch(table))
            .await
            .unwrap();
        let retry = laneway_jobs::Retry::fixed(Duration::ZERO);
        let worker = Worker::new(&jobs).queue("default", Limit::in_flight(4));
        let worker = worker.handle_with(retry, pay).start(&rt).unwrap();
        let id = jobs.enqueue(Pay(7)).await.unwrap().id();
        let listener = store.hints().listen_for(id);
        assert_eq!(jobs.wait::<u32>(id).await, Ok(7));
        // A wait looks again anyway, and so it would end without a hint, if later.
        assert_eq!(timeout(LIMIT, listener.hinted()).await, Ok(()));
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
        let sum = |transaction: &rusqlite::Transaction<'_>| {
            transaction.query_row("SELECT coins FROM purse", [], |row| row.get::<_, i64>(0))
        };
        store.transact(sum).await.unwrap()
    });
    assert_eq!(coins, 7);
}

/// A result whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a result goes off");
    }
}

/// The caller goes while its transaction runs, and leaves the result to the store.
async fn leave_a_bomb(store: &SqliteStore) {
    let (gone, caller_is_gone) = mpsc::channel();
    let transact = store.transact(move |_| {
        let _ = caller_is_gone.recv();
        Ok::<_, ()>(Bomb)
    });
    let mut transact = Box::pin(transact);
    assert!(poll_once(transact.as_mut()).await.is_none());
    drop(transact);
    gone.send(()).unwrap();
}

#[test]
fn a_result_that_panics_where_it_is_dropped_leaves_the_store_usable() {
    let rt = Runtime::builder().build().unwrap();
    let folder = Folder::new("bomb");
    let file = SqliteStore::open(folder.file("jobs.db")).unwrap();
    for store in [SqliteStore::memory().unwrap(), file] {
        let jobs = Jobs::new(store.clone());
        rt.block_on(async {
            leave_a_bomb(&store).await;
            let enqueued = timeout(LIMIT, jobs.enqueue(Pay(1)).into_future()).await;
            assert!(matches!(enqueued, Ok(Ok(_))), "{enqueued:?}");
        });
    }
}
