//! Do the parts of tokio that need no runtime of tokio's work on Laneway, as its docs say?

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{TaskGroup, block_on, spawn_task, yield_now};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn channels_lead_from_task_to_task() {
    let (once, answer) = oneshot::channel();
    let (many, mut numbers) = mpsc::channel(2);
    let (to_all, mut heard) = broadcast::channel(2);
    let (latest, mut seen) = watch::channel(0);
    let sender = spawn_task!(async move {
        for n in 0..100 {
            many.send(n).await.expect("the receiver is there");
        }
        once.send("answer").expect("the receiver is there");
        to_all.send("all").expect("the receiver is there");
        latest.send(1).expect("the receiver is there");
    });
    let receiver = spawn_task!(async move {
        let mut sum = 0;
        while let Some(n) = numbers.recv().await {
            sum += n;
        }
        seen.changed().await.expect("the value was sent");
        (sum, answer.await, heard.recv().await, *seen.borrow())
    });
    let received = block_on(timeout(LONG, receiver)).expect("the tasks end");
    assert_eq!(received, (4_950, Ok("answer"), Ok("all"), 1));
    block_on(sender);
}

#[test]
fn a_semaphore_bounds_the_tasks_that_are_inside() {
    const PERMITS: usize = 3;
    let inside = Arc::new(Semaphore::new(PERMITS));
    let mut group = TaskGroup::new();
    for _ in 0..50 {
        let inside = inside.clone();
        let task = async move {
            let _permit = inside.acquire().await.expect("nothing closes it");
            yield_now().await;
            inside.available_permits()
        };
        group.spawn(task, laneway::Priority::Low);
    }
    let left = block_on(timeout(LONG, group.join_all())).expect("the tasks end");
    assert_eq!(left.len(), 50);
    assert!(left.iter().all(|left| *left.as_ref().unwrap() < PERMITS));
}

#[test]
fn select_gives_the_first_of_several() {
    let notify = Arc::new(Notify::new());
    let notified = notify.clone();
    let task = spawn_task!(async move {
        tokio::select! {
            () = notified.notified() => "notified",
            () = sleep(LONG) => "late",
        }
    });
    notify.notify_one();
    assert_eq!(block_on(task), "notified");

    let slept = block_on(async {
        tokio::select! {
            () = pending() => "never",
            () = sleep(Duration::from_millis(1)) => "slept",
        }
    });
    assert_eq!(slept, "slept");
}

#[test]
fn a_cancelled_token_reaches_every_task_below_it() {
    let token = CancellationToken::new();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let child = token.child_token();
            spawn_task!(async move { child.run_until_cancelled(pending::<()>()).await })
        })
        .collect();
    token.cancel();
    assert_eq!(laneway::join_all(tasks), vec![None; 10]);
}

tokio::task_local! {
    static NUMBER: u32;
}

#[test]
fn a_value_belongs_to_its_task_on_whichever_thread() {
    let tasks = (0..100).map(|n| {
        spawn_task!(NUMBER.scope(n, async {
            yield_now().await;
            NUMBER.get()
        }))
    });
    let numbers = laneway::join_all(tasks);
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[test]
fn without_a_reactor_tokios_timers_panic_and_say_so() {
    let task = spawn_task!(async { tokio::time::sleep(Duration::ZERO).await });
    let error = block_on(task.fallible()).unwrap_err();
    assert!(error.to_string().contains("there is no reactor running"));
}
