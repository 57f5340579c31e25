//! What the text's questions have for answers.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use chapter_07::{gather, join, join_all, run_next, spawn_on};
use futures_lite::future::{block_on, yield_now};
use laneway_book::prediction;

use super::{ends, start_pool};

/// As in the program.
async fn make(piece: &'static str, turns: u32, made: Log) {
    for _ in 1..turns {
        yield_now().await;
    }
    made.lock().unwrap().push(piece);
}

/// The pieces, in the order in which they were made.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// The three calls, none of them a task, in one block that is polled until it is done.
#[test]
fn not_spawned() {
    let made = Log::default();
    let plate = make("plate", 3, made.clone());
    let cup = make("cup", 2, made.clone());
    let bowl = make("bowl", 1, made.clone());
    block_on(async {
        plate.await;
        cup.await;
        bowl.await;
    });
    prediction!("not-spawned", made.lock().unwrap().join(", "));
}

/// As `panic!`, without a message on the terminal.
fn panic_quietly(message: &'static str) -> ! {
    resume_unwind(Box::new(message))
}

#[test]
fn which_panic() {
    let (sender, receiver) = flume::unbounded();
    let a = spawn_on(&sender, async {
        yield_now().await;
        panic_quietly("late")
    });
    let b = spawn_on(&sender, async { panic_quietly("early") });
    assert!(run_next(&receiver) && run_next(&receiver));
    assert!(b.is_finished() && !a.is_finished());
    assert!(run_next(&receiver));
    let joined = catch_unwind(AssertUnwindSafe(|| join!(a, b)));
    let payload = joined.map(|_: Vec<()>| ()).unwrap_err();
    prediction!("which-panic", payload.downcast_ref::<&str>().unwrap());
}

/// Puts sixteen parents into a queue, starts this number of consumers, and waits.
fn sixteen_parents_on(consumers: usize) {
    let (queue, receiver) = flume::unbounded();
    let parent = || {
        let inner = queue.clone();
        spawn_on(&queue, async move {
            gather(vec![spawn_on(&inner, async {})]).await;
        })
    };
    let parents: Vec<_> = (0..16).map(|_| parent()).collect();
    start_pool(consumers, &receiver);
    join_all(parents);
}

#[test]
fn how_few_consumers() {
    let enough = (1..=16).find(|&consumers| ends(move || sixteen_parents_on(consumers)));
    prediction!("how-few-consumers", enough.unwrap());
}
