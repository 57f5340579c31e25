//! Chapter 9: tasks that never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use crate::Runtime;
use crate::tools::{PATIENCE, checks, next, yield_now};

checks!(9:
    a_held_process_goes_on,
    a_detached_process_goes_on,
    a_dropped_process_stops,
    a_process_goes_on_when_the_function_that_started_it_has_returned,
);

/// Ticks for as long as the other side listens.
async fn process(ticks: Sender<()>) {
    while ticks.send(()).is_ok() {
        yield_now().await;
    }
}

fn a_held_process_goes_on<R: Runtime>() {
    let (sender, ticks) = mpsc::channel();
    let task = R::spawn(process(sender));
    (0..100).for_each(|_| next(&ticks, "a tick of a held process"));
    drop(task);
}

fn a_detached_process_goes_on<R: Runtime>() {
    let (sender, ticks) = mpsc::channel();
    R::detach(R::spawn(process(sender)));
    (0..100).for_each(|_| next(&ticks, "a tick of a detached process"));
}

fn a_dropped_process_stops<R: Runtime>() {
    let (sender, ticks) = mpsc::channel();
    let task = R::spawn(process(sender));
    next(&ticks, "a tick of a process");
    drop(task);
    assert!(ends(&ticks), "the process ticks on");
}

/// Only what comes after the return counts: before it, a process that is about to be dropped may
/// have had its turns.
fn a_process_goes_on_when_the_function_that_started_it_has_returned<R: Runtime>() {
    let (sender, ticks) = mpsc::channel();
    let returned = Arc::new(AtomicBool::new(false));
    let counts = returned.clone();
    R::start_process(move || {
        if counts.load(Ordering::SeqCst) {
            // The check may be over.
            let _ = sender.send(());
        }
    });
    returned.store(true, Ordering::SeqCst);
    for tick in 0..100 {
        let came = ticks.recv_timeout(PATIENCE);
        assert!(
            came.is_ok(),
            "it stopped after {tick} ticks, as if its ticket had been dropped"
        );
    }
}

/// Whether the other side goes away.
fn ends(ticks: &Receiver<()>) -> bool {
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        match ticks.recv_timeout(PATIENCE) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return true,
            Err(mpsc::RecvTimeoutError::Timeout) => return false,
        }
    }
    false
}
