//! Does every task learn that its runtime begins to shut down, and nobody else?

mod common;

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::Gate;
use laneway::{Priority, Runtime, block_on, shutdown_begun};

const LONG: Duration = Duration::from_secs(20);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn all_tasks_are_told_and_shutdown_waits_for_what_they_do_then() {
    let rt = Runtime::builder().build().unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let told = told.clone();
        let task = async move {
            shutdown_begun().await;
            laneway::yield_now().await;
            told.fetch_add(1, Ordering::SeqCst);
        };
        rt.spawn(task, Priority::Low).detach();
    }
    assert!(rt.shutdown(LONG).is_clean());
    assert_eq!(told.load(Ordering::SeqCst), 1_000);
}

#[test]
fn nobody_is_told_before_nor_about_another_runtime() {
    let (mine, other) = (
        Runtime::builder().build().unwrap(),
        Runtime::builder().build().unwrap(),
    );
    let gate = Gate::new();
    let polled = gate.clone();
    let task = mine.spawn(
        async move {
            let mut begun = pin!(shutdown_begun());
            assert!(poll_once(begun.as_mut()).is_pending());
            polled.wait().await;
            assert!(poll_once(begun.as_mut()).is_pending());
        },
        Priority::Low,
    );
    gate.eventually_polled(1);
    assert!(other.shutdown(LONG).is_clean());
    gate.open();
    block_on(task);
}

#[test]
fn outside_of_a_runtime_it_never_ends() {
    let mut begun = pin!(shutdown_begun());
    assert!(poll_once(begun.as_mut()).is_pending());
    let rt = Runtime::builder().build().unwrap();
    rt.shutdown(Duration::ZERO);
    // It stays with where it was polled first.
    assert!(
        rt.block_on(async { poll_once(begun.as_mut()) })
            .is_pending()
    );
    // In `block_on` it belongs to the runtime, which has ended.
    rt.block_on(shutdown_begun());
}

#[test]
fn it_wakes_the_waker_of_the_last_poll_once_and_not_when_it_was_dropped() {
    #[derive(Default)]
    struct Wakes(AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let rt = Runtime::builder().build().unwrap();
    let wakes = [(); 3].map(|()| Arc::new(Wakes::default()));
    let [first, last, dropped] = &wakes;
    let mut stays = pin!(shutdown_begun());
    let poll = |future: Pin<&mut _>, wakes: &Arc<Wakes>| {
        let waker = Waker::from(wakes.clone());
        rt.block_on(async { Future::poll(future, &mut Context::from_waker(&waker)) })
    };
    assert!(poll(stays.as_mut(), first).is_pending());
    assert!(poll(stays.as_mut(), last).is_pending());
    {
        let mut leaves = pin!(shutdown_begun());
        assert!(poll(leaves.as_mut(), dropped).is_pending());
    }
    assert!(rt.shutdown(LONG).is_clean());
    let counts = wakes.each_ref().map(|wakes| wakes.0.load(Ordering::SeqCst));
    assert_eq!(counts, [0, 1, 0]);
    assert!(poll(stays.as_mut(), last).is_ready());
    assert_eq!(Arc::strong_count(last), 1, "no waker is left behind");
}

#[test]
fn tasks_that_begin_to_wait_as_shutdown_begins_are_told() {
    for _ in 0..200 {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(1)
            .build()
            .unwrap();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    rt.spawn(shutdown_begun(), Priority::Low).detach();
                }
            });
            start.wait();
            assert!(rt.shutdown(LONG).is_clean());
        });
    }
}
