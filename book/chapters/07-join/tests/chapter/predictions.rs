//! What the text's questions have for answers.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use chapter_07::{join, join_all, run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::prediction;

use super::{ends, start_pool};

/// As in the program, without its word.
async fn make(others: u32, made: Arc<AtomicU32>) {
    while made.load(Ordering::SeqCst) < others {
        yield_now().await;
    }
    made.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn not_spawned() {
    let made = Arc::new(AtomicU32::new(0));
    let plate = make(2, made.clone());
    let cup = make(1, made.clone());
    let bowl = make(0, made.clone());
    let mut all = pin!(async {
        plate.await;
        cup.await;
        bowl.await;
    });
    for _ in 0..1_000 {
        let polled = all.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }
    prediction!("not-spawned", made.load(Ordering::SeqCst));
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

/// Puts so many parents into a queue, starts four consumers, and waits.
fn parents(count: usize) {
    let (queue, receiver) = flume::unbounded();
    let parent = || {
        let inner = queue.clone();
        spawn_on(&queue, async move {
            join_all([spawn_on(&inner, async {})]);
        })
    };
    let parents: Vec<_> = (0..count).map(|_| parent()).collect();
    start_pool(4, &receiver);
    join_all(parents);
}

#[test]
fn how_many_joins() {
    let enough = (1..=16).find(|&count| !ends(move || parents(count)));
    prediction!("how-many-joins", enough.unwrap());
}
