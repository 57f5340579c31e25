//! Does a consumer at rest hear of a task at once?

#[path = "../../broken.rs"]
mod wrong;

use std::thread;
use std::time::Instant;

use async_task::Runnable;
use chapter_05::{NAP, spawn_on};
use flume::Receiver;
use futures_lite::future::block_on;
use laneway_book::check::red;

/// Twenty tasks, each spawned a moment after the last is done, take less time than ten naps.
fn rests_lightly(consume: fn(&Receiver<Runnable>, &Receiver<Runnable>)) {
    let (own, own_tasks) = flume::unbounded();
    let (_other, other_tasks) = flume::unbounded::<Runnable>();
    thread::spawn(move || consume(&own_tasks, &other_tasks));
    let begin = Instant::now();
    for _ in 0..20 {
        // Time enough for the consumer to look and find nothing. Without it, the test might pass by
        // luck, and never fail by bad luck.
        thread::sleep(NAP / 10);
        block_on(spawn_on(&own, async {}));
    }
    let took = begin.elapsed();
    assert!(
        took < 10 * NAP,
        "20 tasks took {took:?}: they wait for naps"
    );
}

#[test]
fn a_consumer_that_sleeps_hears_nothing() {
    red("nearly every task waits for the end of a nap", || {
        rests_lightly(wrong::consume);
    });
}

#[test]
fn a_consumer_that_rests_at_its_own_queue_does() {
    rests_lightly(chapter_05::consume);
}
