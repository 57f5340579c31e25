//! What the text's questions have for answers.

use std::future::ready;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_09::{process, run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::prediction;

#[test]
fn a_process_of_a_task() {
    let (sender, queue) = flume::unbounded();
    let worked = Arc::new(AtomicU32::new(0));
    let (inner, count) = (sender.clone(), worked.clone());
    let task = async move {
        let work = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let _kiln = spawn_on(&inner, process(work, yield_now));
        yield_now().await;
        yield_now().await;
    };
    spawn_on(&sender, task).detach();
    while run_next(&queue) {}
    prediction!("a-process-of-a-task", worked.load(Ordering::Relaxed));
}

#[test]
fn no_pause() {
    let (sender, queue) = flume::unbounded();
    let worked = Arc::new(AtomicU32::new(0));
    let (count, seen) = (worked.clone(), worked.clone());
    let work = move || {
        if count.fetch_add(1, Ordering::Relaxed) + 1 == 1_000 {
            // As `panic!`, without a message on the terminal.
            resume_unwind(Box::new("enough"));
        }
    };
    let process = spawn_on(&sender, process(work, || ready(())));
    let other = spawn_on(&sender, async move { seen.load(Ordering::Relaxed) });
    while run_next(&queue) {}
    let seen = futures_lite::future::block_on(other);
    drop(process);
    prediction!("no-pause", seen);
}
