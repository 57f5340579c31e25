//! Which other mistakes at this step does the suite see?

use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use async_task::{Runnable, Task};
use flume::Sender;
use laneway_conformance::{Runtime, checks};

/// Asserts that a step does not pass this check.
fn is_seen_by<R: Runtime>(name: &str) {
    let checks = checks::<R>(3);
    let check = checks.iter().find(|check| check.name == name);
    let check = check.expect("there is such a check");
    assert!(catch_unwind(check.run).is_err(), "{name} passes");
}

/// The step, with a consumer more than it says, and a sleep of its own.
macro_rules! step {
    ($name:ident, $sleep:expr) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn spawn<F>(future: F) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                static QUEUE: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
                    let (sender, receiver) = flume::unbounded();
                    chapter_03::start(3, &receiver);
                    sender
                });
                chapter_03::spawn_on(&QUEUE, future)
            }

            fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
                let sleep: fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> = $sleep;
                Some(sleep(time))
            }

            fn consumers() -> usize {
                2
            }
        }
    };
}

step!(Blocks, |time| Box::pin(async move {
    thread::park_timeout(time)
}));
step!(TooEarly, |time| Box::pin(chapter_03::sleep(time / 2)));
step!(NeverWakes, |time| {
    let until = Instant::now() + time;
    Box::pin(std::future::poll_fn(move |_| {
        match Instant::now() < until {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(()),
        }
    }))
});

#[test]
fn a_consumer_too_many_is_seen() {
    is_seen_by::<Blocks>("has_no_more_consumers_than_it_says");
}

#[test]
fn a_sleep_that_keeps_its_thread_is_seen() {
    is_seen_by::<Blocks>("has_a_sleep_that_leaves_its_thread");
}

#[test]
fn a_sleep_that_is_over_too_early_is_seen() {
    is_seen_by::<TooEarly>("has_a_sleep_that_leaves_its_thread");
}

#[test]
fn a_sleep_that_calls_no_waker_is_seen() {
    is_seen_by::<NeverWakes>("has_a_sleep_that_leaves_its_thread");
}
