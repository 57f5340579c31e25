//! Chapter 2: `spawn`, and one consumer.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::process::is_for_one_check;
use crate::tools::{awake, checks, next, panic_quietly, pause, yield_now};
use crate::{Check, Runtime};

checks!(2:
    gives_the_output_of_a_task_that_is_awaited,
    runs_tasks_on_another_thread,
    lets_tasks_take_turns,
    takes_a_wake_up_during_a_poll_as_one_more_turn,
    never_polls_a_task_twice_at_once,
    does_not_poll_a_task_that_has_ended,
    outlives_a_panic,
    goes_on_with_the_panic_of_a_task_that_is_awaited,
    drops_the_future_of_a_dropped_task,
    can_spawn_from_a_task,
    runs_the_task_at_the_front_for_one_poll,
    rests_when_there_is_no_task,
);

fn gives_the_output_of_a_task_that_is_awaited<R: Runtime>() {
    let sum = Check::ends("two tasks", || {
        let (one, two) = (R::spawn(async { 1 }), R::spawn(async { 2 }));
        R::block_on(async { one.await + two.await })
    });
    assert_eq!(sum, 3);
}

fn runs_tasks_on_another_thread<R: Runtime>() {
    let (here, there) = Check::ends("a task", || {
        let here = thread::current().id();
        (
            here,
            R::block_on(R::spawn(async { thread::current().id() })),
        )
    });
    assert_ne!(here, there, "the task ran on the thread that spawned it");
}

/// Neither task would ever end if the other had to wait for it.
fn lets_tasks_take_turns<R: Runtime>() {
    Check::ends("two tasks that watch each other", || {
        let turns = Arc::new(AtomicU32::new(0));
        let watch = |parity| {
            let turns = turns.clone();
            async move {
                while turns.load(Ordering::SeqCst) < 10 {
                    if turns.load(Ordering::SeqCst) % 2 == parity {
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                    yield_now().await;
                }
            }
        };
        let (even, odd) = (R::spawn(watch(0)), R::spawn(watch(1)));
        R::block_on(async {
            even.await;
            odd.await;
        });
    });
}

fn takes_a_wake_up_during_a_poll_as_one_more_turn<R: Runtime>() {
    let turns = Check::ends("a task that yields", || {
        R::block_on(R::spawn(async {
            let mut turns = 0;
            while turns < 1_000 {
                turns += 1;
                yield_now().await;
            }
            turns
        }))
    });
    assert_eq!(turns, 1_000);
}

fn never_polls_a_task_twice_at_once<R: Runtime>() {
    Check::ends("a task that is woken all the time", || {
        let polling = AtomicBool::new(false);
        let mut polls = 0;
        R::block_on(R::spawn(poll_fn(move |cx| {
            assert!(!polling.swap(true, Ordering::SeqCst), "a second poll");
            cx.waker().wake_by_ref();
            let waker = cx.waker().clone();
            let other = thread::spawn(move || waker.wake());
            thread::yield_now();
            polls += 1;
            other.join().expect("wakers do not panic");
            assert!(polling.swap(false, Ordering::SeqCst));
            match polls {
                50 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })));
    });
}

/// The task wakes itself in the poll that ends it. Tasks behind it give a second poll its turn.
fn does_not_poll_a_task_that_has_ended<R: Runtime>() {
    let polls = Check::ends("a task that wakes itself as it ends, and others", || {
        let polls = Arc::new(AtomicU32::new(0));
        let count = polls.clone();
        R::block_on(R::spawn(poll_fn(move |cx| {
            count.fetch_add(1, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            Poll::Ready(())
        })));
        (0..100).for_each(|_| R::block_on(R::spawn(async {})));
        polls.load(Ordering::SeqCst)
    });
    assert_eq!(polls, 1, "polls of a task that is ready at the first");
}

/// The panic of a task. Where it comes out of anything but the task, this says so.
const OF_A_TASK: &str =
    "the panic of a task went on in a thread that polls, or in the caller of spawn";

fn outlives_a_panic<R: Runtime>() {
    let sum = Check::ends("a task after others that panicked", || {
        // More of them than there are likely to be threads.
        (0..64).for_each(|_| panics_in_a_task::<R>());
        // A thread that rests may take a task in another way than one that comes from a poll.
        for _ in 0..8 {
            pause(LONG_ENOUGH_TO_REST);
            panics_in_a_task::<R>();
        }
        catch_unwind(|| R::block_on(R::spawn(async { 1 + 1 })))
    });
    assert_eq!(sum.ok(), Some(2), "a task after others that panicked");
}

const LONG_ENOUGH_TO_REST: Duration = Duration::from_millis(20);

fn panics_in_a_task<R: Runtime>() {
    let task = R::spawn(async { panic_quietly(OF_A_TASK) });
    let _ = catch_unwind(AssertUnwindSafe(|| R::block_on::<_>(task)));
}

fn goes_on_with_the_panic_of_a_task_that_is_awaited<R: Runtime>() {
    let outcome = Check::ends("a task that panics", || {
        let task = R::spawn(async {
            if true {
                panic_quietly(OF_A_TASK);
            }
        });
        catch_unwind(AssertUnwindSafe(|| R::block_on(task)))
    });
    assert!(
        outcome.is_err(),
        "awaiting a task that panicked should panic"
    );
}

/// Tells when it is dropped.
struct Tells(mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        // The check may have given up.
        let _ = self.0.send(());
    }
}

fn drops_the_future_of_a_dropped_task<R: Runtime>() {
    let (sender, dropped) = mpsc::channel();
    let tells = Tells(sender);
    let (sender, started) = mpsc::channel();
    let task = R::spawn(async move {
        let _tells = tells;
        sender.send(()).expect("the check waits");
        pending::<()>().await;
    });
    next(&started, "the task's first poll");
    drop(task);
    next(&dropped, "the future of a dropped task to be dropped");
}

fn can_spawn_from_a_task<R: Runtime>() {
    let output = Check::ends("a task that a task has spawned", || {
        R::block_on(R::spawn(async { R::spawn(async { 7 }).await }))
    });
    assert_eq!(output, 7);
}

/// Two tasks take two turns each, at a queue that no consumer serves.
fn runs_the_task_at_the_front_for_one_poll<R: Runtime>() {
    let Some((mut spawn, mut run_next)) = R::queue_by_hand() else {
        return;
    };
    let (sender, turns) = mpsc::channel();
    for name in ["Anna", "Ben"] {
        let turn = sender.clone();
        spawn(Box::pin(async move {
            turn.send(name).expect("the check waits");
            yield_now().await;
            turn.send(name).expect("the check waits");
        }));
    }
    let ran: Vec<bool> = Check::ends("a step at a queue that may be empty", move || {
        (0..5).map(|_| run_next()).collect()
    });
    let turns: Vec<&str> = turns.try_iter().collect();
    assert_eq!(turns, ["Anna", "Ben", "Anna", "Ben"], "turns in five steps");
    assert_eq!(
        ran,
        [true, true, true, true, false],
        "whether there was a task, in five steps"
    );
}

/// Consumers without a task sleep, most of the time at least. Where the process has other threads that
/// compute, or the system does not tell, nothing is known.
fn rests_when_there_is_no_task<R: Runtime>() {
    Check::ends("a task", || R::block_on(R::spawn(async {})));
    if !is_for_one_check() {
        return;
    }
    let mut restless = awake().unwrap_or_default();
    for _ in 0..20 {
        pause(Duration::from_millis(15));
        let now = awake().unwrap_or_default();
        restless.retain(|thread| now.contains(thread));
    }
    assert!(
        restless.is_empty(),
        "without a task these threads never rest: {restless:?}"
    );
}
