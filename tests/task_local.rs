//! Does a value follow its task, from poll to poll and thread to thread, and reach no other?

mod common;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use common::{DropCounter, DropToken, eventually, soon};
use laneway::blocking::unblock;
use laneway::sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime, TaskGroup, block_on, join, spawn_task, task_local, yield_now};

const MS: std::time::Duration = std::time::Duration::from_millis(1);

task_local! {
    static NUMBER: u64;
    static OTHER: u64;
    static WORDS: Vec<&'static str>;
    // Not `Sync`, which a task does not need.
    static COUNT: Cell<u64>;
    static TOKEN: DropToken
}

fn here() -> Option<u64> {
    NUMBER.try_get().ok()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A panic's message.
fn message_of<R>(run: impl FnOnce() -> R) -> String {
    let caught = catch_unwind(AssertUnwindSafe(run));
    let payload = caught.map(drop).expect_err("it was to panic");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn each_of_many_tasks_reads_its_own_value_on_every_thread() {
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(2)
        .build()
        .unwrap();
    let polls_elsewhere = Arc::new(AtomicUsize::new(0));
    let mut group = TaskGroup::new();
    for n in 0..500_u64 {
        let elsewhere = polls_elsewhere.clone();
        let task = async move {
            let mut thread = thread::current().id();
            for _ in 0..20 {
                yield_now().await;
                assert_eq!((NUMBER.get(), OTHER.try_get().ok()), (n, None));
                let before = std::mem::replace(&mut thread, thread::current().id());
                elsewhere.fetch_add(usize::from(before != thread), Ordering::Relaxed);
            }
            OTHER
                .scope(n + 1, async { NUMBER.get() + OTHER.get() })
                .await
        };
        let queue = [Priority::High, Priority::Low][n as usize % 2];
        group.spawn_on(&rt, NUMBER.scope(n, task), queue);
    }
    let outputs = soon(group.join_all()).into_iter().map(Result::unwrap);
    assert_eq!(outputs.sum::<u64>(), (0..500).map(|n| 2 * n + 1).sum());
    assert!(
        polls_elsewhere.load(Ordering::Relaxed) > 0,
        "all stayed on one thread"
    );
    let unset = rt.block_on(rt.spawn(async { here() }, Priority::Low));
    assert_eq!(unset, None);
}

#[test]
fn a_future_keeps_its_value_when_it_is_polled_by_hand_on_another_thread() {
    let mut task = Box::pin(NUMBER.scope(3, async {
        let first = NUMBER.get();
        yield_now().await;
        (first, NUMBER.get())
    }));
    assert!(poll_once(task.as_mut()).is_pending());
    assert_eq!(here(), None);
    let other = thread::spawn(move || {
        let polled = NUMBER.sync_scope(9, || poll_once(task.as_mut()));
        (polled, here())
    });
    assert_eq!(other.join().unwrap(), (Poll::Ready((3, 3)), None));
}

#[test]
fn the_innermost_of_nested_scopes_counts() {
    let innermost = async {
        yield_now().await;
        here()
    };
    let middle = async {
        let inside = NUMBER.scope(3, innermost).await;
        let between = NUMBER.sync_scope(4, here);
        (here(), inside, between)
    };
    let outer = async {
        let before = here();
        let middle = NUMBER.scope(2, middle).await;
        (before, middle, here())
    };
    let task = spawn_task!(NUMBER.scope(1, outer));
    let expected = (Some(1), (Some(2), Some(3), Some(4)), Some(1));
    assert_eq!(block_on(task), expected);
}

#[test]
fn futures_with_different_values_are_polled_in_one_task() {
    let scoped = |n: u64| {
        NUMBER.scope(n, async move {
            for _ in 0..n {
                yield_now().await;
                assert_eq!(NUMBER.get(), n);
            }
            NUMBER.get()
        })
    };
    let both = futures_lite::future::zip(scoped(2), scoped(5));
    let task = spawn_task!(NUMBER.scope(1, async { (both.await, here()) }));
    assert_eq!(block_on(task), ((2, 5), Some(1)));
}

#[test]
fn nothing_inherits_and_all_can_be_handed_the_value() {
    let task = NUMBER.scope(1, async {
        let spawned = spawn_task!(async { here() }).await;
        let joined = join!(spawn_task!(async { here() }, Priority::High));
        let closure = unblock(here).await;
        let thread = thread::spawn(here).join().unwrap();
        assert_eq!(
            (spawned, &joined[..], closure, thread),
            (None, &[None][..], None, None)
        );
        let handed = NUMBER.get();
        let spawned = spawn_task!(NUMBER.scope(handed, async { here() })).await;
        let closure = unblock(move || NUMBER.sync_scope(handed, here)).await;
        (spawned, closure, here())
    });
    assert_eq!(block_on(spawn_task!(task)), (Some(1), Some(1), Some(1)));
}

#[test]
fn block_on_within_a_scope_reads_it_and_the_thread_that_stands_in_does_not() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .build()
        .unwrap();
    let task = NUMBER.scope(1, async {
        // The only worker's place is taken while this thread blocks.
        let beside = spawn_task!(async {
            yield_now().await;
            here()
        });
        let slept = async {
            let before = here();
            sleep(MS).await;
            (before, here(), beside.await)
        };
        (
            block_on(slept),
            block_on(NUMBER.scope(2, async { here() })),
            here(),
        )
    });
    let expected = ((Some(1), Some(1), None), Some(2), Some(1));
    assert_eq!(rt.block_on(rt.spawn(task, Priority::Low)), expected);
    assert_eq!(rt.block_on(rt.spawn(async { here() }, Priority::Low)), None);
}

#[test]
fn a_value_that_is_not_sync_is_changed_in_place() {
    let task = COUNT.scope(Cell::new(0), async {
        for _ in 0..10 {
            COUNT.with(|count| count.set(count.get() + 1));
            yield_now().await;
        }
        COUNT.with(Cell::get)
    });
    assert_eq!(block_on(spawn_task!(task)), 10);
}

#[test]
fn code_outside_of_every_scope_is_told_what_to_write() {
    let error = NUMBER
        .try_with(|_| unreachable!("there is no value"))
        .unwrap_err();
    assert!(error.to_string().contains("NUMBER.scope(value, future)"));
    assert_eq!(message_of(|| NUMBER.get()), error.to_string());
    assert_eq!(message_of(|| NUMBER.with(|n| *n)), error.to_string());
    assert_eq!(NUMBER.sync_scope(1, || NUMBER.try_get()), Ok(1));
    assert_eq!(NUMBER.try_get(), Err(error));
    assert_eq!(WORDS.sync_scope(vec!["a"], || WORDS.with(Vec::len)), 1);
}

#[test]
fn a_panic_takes_the_value_back() {
    let mut task = Box::pin(NUMBER.scope(1, async {
        yield_now().await;
        panic!("in the scope");
    }));
    NUMBER.sync_scope(7, || {
        assert!(poll_once(task.as_mut()).is_pending());
        assert_eq!(here(), Some(7));
        assert_eq!(message_of(|| poll_once(task.as_mut())), "in the scope");
        assert_eq!(here(), Some(7));
        let inner = || NUMBER.sync_scope(8, || -> () { panic!("in the inner one") });
        assert_eq!(message_of(inner), "in the inner one");
        assert_eq!(here(), Some(7));
        let with = || NUMBER.with(|_| -> () { panic!("with it") });
        assert_eq!(message_of(with), "with it");
        assert_eq!(NUMBER.sync_scope(9, here), Some(9));
    });
    assert_eq!(here(), None);
}

/// Notes the value that its destructor reads.
struct Reads(Arc<Mutex<Vec<Option<u64>>>>);

impl Drop for Reads {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(here());
    }
}

#[test]
fn the_destructors_of_a_future_read_its_value_however_it_ends() {
    let read = Arc::new(Mutex::new(Vec::new()));
    let scoped = |n: u64, ends: bool| {
        let reads = Reads(read.clone());
        NUMBER.scope(n, async move {
            let _reads = reads;
            if !ends {
                pending::<()>().await;
            }
        })
    };
    drop(scoped(1, false));
    let mut polled = Box::pin(scoped(2, false));
    assert!(poll_once(polled.as_mut()).is_pending());
    drop(polled);
    let mut ended = pin!(scoped(3, true));
    assert!(poll_once(ended.as_mut()).is_ready());
    assert_eq!(*read.lock().unwrap(), [Some(1), Some(2), Some(3)]);
    let cancelled = spawn_task!(scoped(4, false));
    block_on(cancelled.cancel());
    // What the future's own state drops at its end, it drops in a poll; this one is kept until
    // the future itself is dropped.
    let reads = Reads(read.clone());
    let kept = NUMBER.scope(
        5,
        futures_lite::future::poll_fn(move |_| {
            let _owned = &reads;
            Poll::Ready(())
        }),
    );
    block_on(kept);
    let panicking = catch_unwind(AssertUnwindSafe(|| {
        let reads = Reads(read.clone());
        block_on(NUMBER.scope(6, async move {
            let _reads = reads;
            panic!("in the scope");
        }));
    }));
    panicking.unwrap_err();
    assert_eq!(read.lock().unwrap()[3..], [Some(4), Some(5), Some(6)]);
    assert_eq!(here(), None);
}

#[test]
fn a_value_is_dropped_once_with_its_scope() {
    let drops = DropCounter::new();
    TOKEN.sync_scope(drops.token(), || assert_eq!(drops.count(), 0));
    assert_eq!(drops.count(), 1);
    block_on(TOKEN.scope(drops.token(), yield_now()));
    assert_eq!(drops.count(), 2);
    drop(TOKEN.scope(drops.token(), yield_now()));
    assert_eq!(drops.count(), 3);
    let task = spawn_task!(TOKEN.scope(drops.token(), pending::<()>()));
    block_on(task.cancel());
    eventually("the task's memory is gone", || drops.count() == 4);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        TOKEN.sync_scope(drops.token(), || panic!("in the scope"));
    }));
    assert_eq!(drops.count(), 5);
}

#[test]
fn a_scope_below_a_with_is_refused_and_nothing_is_lost() {
    let message = NUMBER.sync_scope(1, || {
        let message = NUMBER.with(|_| message_of(|| NUMBER.sync_scope(2, here)));
        assert_eq!(here(), Some(1));
        // Another one, or a read of the same, is fine.
        assert_eq!(NUMBER.with(|n| OTHER.sync_scope(*n, || OTHER.get())), 1);
        assert_eq!(NUMBER.with(|_| here()), Some(1));
        message
    });
    assert!(message.contains("NUMBER.get()"), "{message}");
    // Dropped there, a future's destructors find the value that is there.
    let read = Arc::new(Mutex::new(Vec::new()));
    let reads = Reads(read.clone());
    let scoped = NUMBER.scope(2, async move { drop(reads) });
    NUMBER.sync_scope(1, || NUMBER.with(|_| drop(scoped)));
    assert_eq!(*read.lock().unwrap(), [Some(1)]);
}

#[test]
fn a_scope_polled_after_its_end_says_so() {
    let mut scoped = pin!(NUMBER.scope(1, async {}));
    assert!(poll_once(scoped.as_mut()).is_ready());
    let message = message_of(|| poll_once(scoped.as_mut()));
    assert!(message.contains("not polled after its end"), "{message}");
    assert_eq!(here(), None);
}

#[test]
fn no_schedule_lets_a_value_reach_another_task() {
    let explored = sim::explore(300, || async {
        let tasks = (1..6_u64).map(|n| {
            spawn_task!(NUMBER.scope(n, async move {
                for round in 0..4 {
                    match round {
                        // Blocks its thread, on which others may go on afterwards.
                        1 => drop(join!(spawn_task!(async { assert_eq!(here(), None) }))),
                        2 => sleep(MS).await,
                        _ => yield_now().await,
                    }
                    assert_eq!(here(), Some(n));
                }
            }))
        });
        let tasks: Vec<_> = tasks.collect();
        assert_eq!(here(), None);
        laneway::join_all(tasks);
        assert_eq!(here(), None);
    });
    assert_eq!(explored.unwrap().seeds, 300);
}

/// A task that joins others polls them on its own stack. They neither see its value, nor is their
/// scope kept from them by its `with`.
#[test]
fn a_task_polled_within_the_poll_of_another_has_values_of_its_own() {
    let rt = Runtime::builder()
        .with_low_num(1)
        .with_high_num(0)
        .build()
        .unwrap();
    let inner = || async {
        (
            here(),
            NUMBER.scope(2, async { (here(), nested()) }).await,
            here(),
        )
    };
    let outer = NUMBER.scope(1, async move {
        let bare = join!(spawn_task!(inner()));
        let below_with = NUMBER.with(|_| join!(spawn_task!(inner())));
        (bare, below_with, here())
    });
    let seen = (None, (Some(2), vec![(None, Some(3), None)]), None);
    let expected = (vec![seen.clone()], vec![seen], Some(1));
    assert_eq!(rt.block_on(rt.spawn(outer, Priority::Low)), expected);
}

/// One level deeper still.
fn nested() -> Vec<(Option<u64>, Option<u64>, Option<u64>)> {
    join!(spawn_task!(async {
        (here(), NUMBER.scope(3, async { here() }).await, here())
    }))
}

thread_local! {
    static AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// Uses a task-local in the destructor of a thread-local.
struct AtExit(Arc<Mutex<Vec<Option<u64>>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        let read = [here(), NUMBER.sync_scope(5, here), here()];
        self.0.lock().unwrap().extend(read);
    }
}

#[test]
fn a_task_local_works_in_the_destructor_of_a_thread_local() {
    let read = Arc::new(Mutex::new(Vec::new()));
    let reads = read.clone();
    let thread = thread::spawn(move || {
        AT_EXIT.set(Some(AtExit(reads)));
        NUMBER.sync_scope(1, here)
    });
    assert_eq!(thread.join().unwrap(), Some(1));
    assert_eq!(*read.lock().unwrap(), [None, Some(5), None]);
}
