//! Which threads give way to others, where low tasks are nice?
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use common::{eventually, soon};
use laneway::blocking::unblock;
use laneway::time::sleep;
use laneway::{Priority, Runtime, Stealing, block_in_place, join, spawn_task, yield_now};

/// High tasks on threads as nice as this one, low ones on nicer ones.
fn nice_low(niceness: u8, name: &str) -> Runtime {
    let builder = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .with_thread_name(name)
        .with_low_nice(niceness);
    builder.build().unwrap()
}

/// The niceness that the system knows of a thread.
fn niceness_in(stat: &str) -> i64 {
    let stat = fs::read_to_string(stat).unwrap();
    // The name, in parentheses, may hold anything; the niceness is the 17th field after it.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(16).unwrap().parse().unwrap()
}

fn own() -> i64 {
    niceness_in("/proc/thread-self/stat")
}

/// The niceness of the process's threads whose names begin so.
fn threads_named(prefix: &str) -> BTreeMap<String, i64> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let paths = threads.map(|entry| entry.unwrap().path());
    let named = paths.filter_map(|path| {
        // A thread may end while the list is read.
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let name = name.trim_end().to_owned();
        let starts = name.starts_with(prefix);
        starts.then(|| (name, niceness_in(path.join("stat").to_str().unwrap())))
    });
    named.collect()
}

#[test]
fn a_closure_given_by_a_nice_task_runs_on_a_thread_that_is_not() {
    let rt = nice_low(19, "closures");
    let task = async {
        // More than there are threads already.
        let closures: Vec<_> = (0..8).map(|_| unblock(own)).collect();
        let mut found = vec![own()];
        for closure in closures {
            found.push(closure.await);
        }
        found
    };
    let mut expected = vec![19];
    expected.resize(9, own());
    assert_eq!(soon(rt.spawn(task, Priority::Low)), expected);
}

#[test]
fn a_closure_given_on_a_thread_that_a_nice_task_started_runs_on_one_that_is_not() {
    let rt = nice_low(19, "started");
    let task = async {
        let inherits = thread::spawn(|| (own(), laneway::block_on(unblock(own))));
        block_in_place(|| inherits.join().unwrap())
    };
    assert_eq!(soon(rt.spawn(task, Priority::Low)), (19, own()));
}

#[test]
fn a_runtime_that_is_built_in_a_nice_task_has_the_niceness_that_it_was_given() {
    let rt = nice_low(19, "outer");
    let task = async {
        let inner = nice_low(5, "inner");
        let high = inner.spawn(async { own() }, Priority::High);
        let low = inner.spawn(async { own() }, Priority::Low);
        let found = inner.block_on(async { (high.await, low.await) });
        // A thread takes its name itself, as the first thing it does.
        eventually("the inner runtime has a watchdog", || {
            threads_named("inner-watchdog").len() == 1
        });
        (found, threads_named("inner-watchdog"))
    };
    let (found, watchdog) = soon(rt.spawn(task, Priority::Low));
    assert_eq!(found, (own(), 5));
    assert!(watchdog.values().eq([&own()]), "{watchdog:?}");
}

#[test]
fn the_timer_is_not_nice_whoever_sleeps_first() {
    let rt = nice_low(19, "sleeper");
    soon(rt.spawn(sleep(Duration::from_millis(1)), Priority::Low));
    // A thread takes its name itself, as the first thing it does.
    eventually("the timer has a thread", || {
        threads_named("laneway-timer").len() == 1
    });
    assert!(threads_named("laneway-timer").values().eq([&own()]));
}

#[test]
fn a_thread_that_stands_in_for_a_nice_one_is_as_nice() {
    let rt = nice_low(19, "standin");
    let task = async {
        let child = spawn_task!(async {
            yield_now().await;
            (own(), thread::current().id())
        });
        (join!(child)[0], thread::current().id())
    };
    let ((niceness, there), here) = soon(rt.spawn(task, Priority::Low));
    assert_eq!(niceness, 19);
    assert_ne!(there, here);
}

#[test]
fn a_reactor_that_is_started_before_the_runtime_is_not_nice() {
    let listener = laneway::block_on(async_net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let rt = nice_low(19, "reactor");
    let accept = async move {
        let address = listener.local_addr().unwrap();
        let connects = spawn_task!(async_net::TcpStream::connect(address));
        listener.accept().await.unwrap();
        connects.await.unwrap();
    };
    soon(rt.spawn(accept, Priority::Low));
    assert!(threads_named("async-io").values().eq([&own()]));
}
