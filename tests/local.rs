//! Do futures that are not `Send` run beside each other on the thread that calls `block_on`?

mod common;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use async_executor::LocalExecutor;
use common::soon;
use laneway::time::sleep;
use laneway::{Priority, Runtime, block_on, join_all, spawn_task, yield_now};

fn one_low() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

#[test]
fn local_tasks_share_what_is_not_send_and_stay_on_the_thread() {
    let local = LocalExecutor::new();
    let here = thread::current().id();
    let order = Rc::new(RefCell::new(Vec::new()));
    block_on(local.run(async {
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let order = order.clone();
                local.spawn(async move {
                    for round in 0..3 {
                        order.borrow_mut().push((round, n));
                        yield_now().await;
                        assert_eq!(thread::current().id(), here);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    }));
    // They take turns.
    let mut sorted = order.borrow().clone();
    sorted.sort_by_key(|(round, _)| *round);
    assert_eq!(*order.borrow(), sorted);
}

#[test]
fn local_tasks_await_those_of_the_runtime_and_sleep() {
    let rt = one_low();
    let local = LocalExecutor::new();
    let sum = Rc::new(Cell::new(0));
    rt.block_on(local.run(async {
        let add = |n: u64| {
            let sum = sum.clone();
            local.spawn(async move {
                // On the runtime that this thread has entered.
                let square = spawn_task!(async move { n * n });
                sleep(Duration::from_millis(1)).await;
                let square = square.await;
                sum.set(sum.get() + square);
            })
        };
        let tasks: Vec<_> = (1..=10).map(add).collect();
        for task in tasks {
            task.await;
        }
    }));
    assert_eq!(sum.get(), 385);
    assert_eq!(rt.metrics().queues[1].completed, 10);
}

#[test]
fn a_thread_of_its_own_serves_what_the_tasks_of_a_runtime_send_to_it() {
    let (sender, receiver) = async_channel::bounded::<(u64, async_channel::Sender<u64>)>(4);
    let serves = thread::spawn(move || {
        let local = LocalExecutor::new();
        let seen = Rc::new(Cell::new(0));
        block_on(local.run(async {
            while let Ok((n, reply)) = receiver.recv().await {
                let seen = seen.clone();
                let handle = async move {
                    seen.set(seen.get() + 1);
                    yield_now().await;
                    reply.send(n + 1).await.unwrap();
                };
                local.spawn(handle).detach();
            }
            while !local.is_empty() {
                yield_now().await;
            }
        }));
        seen.get()
    });
    let rt = one_low();
    let calls = (0..100).map(|n| {
        let sender = sender.clone();
        let call = async move {
            let (reply, replied) = async_channel::bounded(1);
            sender.send((n, reply)).await.unwrap();
            replied.recv().await.unwrap()
        };
        rt.spawn(call, Priority::Low)
    });
    let replies = join_all(calls.collect::<Vec<_>>());
    assert!(replies.into_iter().eq(1..=100));
    drop(sender);
    assert_eq!(serves.join().unwrap(), 100);
}

#[test]
fn local_tasks_may_run_within_a_task() {
    let rt = one_low();
    let task = async {
        let nested = || {
            let local = LocalExecutor::new();
            let shared = Rc::new(Cell::new(1));
            block_on(local.run(async {
                let other = shared.clone();
                let task = local.spawn(async move {
                    // The only worker goes on elsewhere meanwhile.
                    let one = spawn_task!(async { 1 }).await;
                    other.set(other.get() + one);
                });
                task.await;
            }));
            shared.get()
        };
        nested()
    };
    assert_eq!(soon(rt.spawn(task, Priority::Low)), 2);
}

#[test]
fn the_panic_of_a_local_task_reaches_the_caller_of_block_on() {
    let local = LocalExecutor::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        block_on(local.run(async { local.spawn(async { panic!("local") }).await }));
    }));
    assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "local");
    assert_eq!(block_on(local.run(async { 3 })), 3);
}
