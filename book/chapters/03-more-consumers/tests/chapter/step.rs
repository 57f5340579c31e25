//! Does the step do what the text says of it?

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use chapter_03::{CONSUMERS, run_next, sleep, spawn, spawn_on, start};
use flume::RecvTimeoutError;
use futures_lite::future::{block_on, yield_now};

use super::Log;

/// One task for each consumer, none of which goes on before all have come.
#[test]
fn the_consumers_have_names_of_their_own() {
    // The conformance suite blocks the same consumers.
    let _turn = laneway_conformance::turn();
    let all_are_here = Arc::new(Barrier::new(CONSUMERS));
    let tasks: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            let all_are_here = all_are_here.clone();
            spawn(async move {
                all_are_here.wait();
                thread::current().name().map(str::to_owned)
            })
        })
        .collect();
    let names: BTreeSet<_> = tasks.into_iter().filter_map(block_on).collect();
    let expected = (0..CONSUMERS).map(|number| format!("consumer-{number}"));
    assert_eq!(names, expected.collect());
}

/// One stretch on this thread, the next on another.
#[test]
fn a_task_may_run_on_another_thread_after_each_await() {
    let (sender, receiver) = flume::unbounded();
    let task = spawn_on(&sender, async {
        let before = thread::current().id();
        yield_now().await;
        (before, thread::current().id())
    });
    assert!(run_next(&receiver));
    thread::scope(|scope| scope.spawn(|| run_next(&receiver)).join().unwrap());
    let (before, after) = block_on(task);
    assert_ne!(before, after);
}

#[test]
fn a_clone_of_the_receiver_takes_from_the_same_queue() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    for number in 0..3 {
        let log = log.clone();
        spawn_on(&sender, async move { log.write(number) }).detach();
    }
    let clone = receiver.clone();
    assert!(run_next(&clone) && run_next(&receiver) && run_next(&clone));
    assert!(!run_next(&receiver));
    assert_eq!(log.lines(), ["0", "1", "2"]);
}

#[test]
fn a_sleep_asks_for_another_poll_at_once() {
    let (sender, receiver) = flume::unbounded();
    let task = spawn_on(&sender, sleep(Duration::from_secs(3600)));
    for _ in 0..1_000 {
        assert!(run_next(&receiver));
        assert_eq!(receiver.len(), 1);
    }
    drop(task);
}

#[test]
fn a_sleep_of_no_time_is_ready_at_once() {
    let (sender, receiver) = flume::unbounded();
    let task = spawn_on(&sender, sleep(Duration::ZERO));
    assert!(run_next(&receiver));
    assert!(task.is_finished());
}

#[test]
fn sixty_sleeps_need_one_thread_and_one_night() {
    let night = Duration::from_millis(50);
    let (sender, receiver) = flume::unbounded();
    let begin = Instant::now();
    let tasks = [(); 60].map(|()| spawn_on(&sender, sleep(night)));
    while run_next(&receiver) {}
    let took = begin.elapsed();
    assert!(tasks.iter().all(|task| task.is_finished()));
    // One after another they would take sixty nights.
    assert!(night <= took && took < 30 * night, "{took:?}");
}

/// The fourth task would open the door that the other three wait for.
#[test]
fn three_tasks_that_wait_for_a_fourth_stop_the_pool() {
    let (sender, receiver) = flume::unbounded();
    start(3, &receiver);
    let (opens, door) = flume::unbounded();
    let (begins, begun) = flume::unbounded();
    for _ in 0..3 {
        let (begins, door) = (begins.clone(), door.clone());
        let blocks = async move {
            begins.send(()).expect("the test waits");
            door.recv().expect("the fourth task could open it");
        };
        spawn_on(&sender, blocks).detach();
    }
    begun.iter().take(3).for_each(drop);

    let (ends, ended) = flume::bounded(1);
    let by_the_fourth = opens.clone();
    let fourth = async move {
        (0..3).for_each(|_| by_the_fourth.send(()).expect("the three wait"));
        ends.send(()).expect("the test waits");
    };
    spawn_on(&sender, fourth).detach();
    // Only waiting can tell: no consumer comes for it.
    let outcome = ended.recv_timeout(Duration::from_millis(500));
    assert_eq!(outcome, Err(RecvTimeoutError::Timeout));

    // A thread that is not of the pool can still open the door, for one of them. That is enough.
    opens.send(()).expect("the three wait");
    let outcome = ended.recv_timeout(Duration::from_secs(20));
    assert_eq!(outcome, Ok(()));
}
