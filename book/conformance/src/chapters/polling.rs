//! Chapter 1: `block_on`.

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use crate::tools::{checks, yield_now};
use crate::{Check, Runtime};

checks!(1:
    gives_the_output_of_a_ready_future,
    goes_on_when_another_thread_wakes_it,
    hears_a_wake_up_that_comes_before_it_sleeps,
    polls_only_when_woken,
    runs_a_future_that_borrows,
);

fn gives_the_output_of_a_ready_future<R: Runtime>() {
    assert_eq!(
        Check::ends("a ready future", || R::block_on(async { 42 })),
        42
    );
}

fn goes_on_when_another_thread_wakes_it<R: Runtime>() {
    let (sender, wakers) = mpsc::channel::<Waker>();
    let waker_thread = thread::spawn(move || wakers.recv().map(Waker::wake));
    let mut polls = 0;
    Check::ends("a wake-up from another thread", move || {
        R::block_on(poll_fn(move |cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            sender.send(cx.waker().clone()).expect("the thread waits");
            Poll::Pending
        }));
    });
    let woken = waker_thread.join().expect("wakers do not panic");
    woken.expect("the waker was sent");
}

fn hears_a_wake_up_that_comes_before_it_sleeps<R: Runtime>() {
    Check::ends("a future that wakes itself", || {
        R::block_on(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
    });
}

/// A thread that sleeps may get up for nothing now and then, but not all the time.
fn polls_only_when_woken<R: Runtime>() {
    const FOR_NOTHING: u32 = 10;
    let (sender, wakers) = mpsc::channel::<Waker>();
    let (asleep, quiet) = mpsc::channel::<()>();
    let waker_thread = thread::spawn(move || {
        let waker: Waker = wakers.recv().expect("a waker is sent");
        // A runtime that polls all the time would send here all the time.
        let mut for_nothing = 0;
        while for_nothing <= FOR_NOTHING
            && quiet
                .recv_timeout(std::time::Duration::from_millis(50))
                .is_ok()
        {
            for_nothing += 1;
        }
        drop(quiet);
        waker.wake();
        for_nothing
    });
    Check::ends("a wake-up", move || {
        let mut polls = 0;
        R::block_on(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                sender.send(cx.waker().clone()).expect("the thread waits");
                return Poll::Pending;
            }
            match asleep.send(()) {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(()),
            }
        }));
    });
    let for_nothing = waker_thread.join().expect("wakers do not panic");
    assert!(
        for_nothing <= FOR_NOTHING,
        "polled {for_nothing} times without having been woken"
    );
}

fn runs_a_future_that_borrows<R: Runtime>() {
    Check::ends("a future that borrows", || {
        let words = ["borrowed", "words"];
        let count = R::block_on(async {
            yield_now().await;
            words.len()
        });
        assert_eq!(count, words.len());
    });
}
