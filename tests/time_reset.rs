//! Does a sleep or an interval that waits, and is set anew, wake its waiter at the new time?
//!
//! Each wait is polled once and never again by itself, as in a hand-written future: what comes then
//! comes by its waker.

mod common;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{eventually, in_time, soon};
use futures_lite::Stream;
use laneway::sim::Sim;
use laneway::time::{Interval, Sleep, interval, interval_at, now, sleep, timeout};
use laneway::{Priority, Runtime, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Awaits a sleep or an interval that `change` sets anew after the first poll, which left it
/// waiting. Neither is polled again before its waker has been called.
async fn changed<W>(mut wait: W, poll: Poller<W>, change: impl FnOnce(&mut W)) {
    let mut change = Some(change);
    poll_fn(|cx| {
        let polled = poll(&mut wait, cx);
        if let Some(change) = change.take() {
            assert!(polled.is_pending(), "it waits at first");
            change(&mut wait);
            return Poll::Pending;
        }
        polled
    })
    .await;
}

type Poller<W> = fn(&mut W, &mut Context<'_>) -> Poll<()>;

fn poll_sleep(sleep: &mut Sleep, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(sleep).poll(cx)
}

fn poll_tick(interval: &mut Interval, cx: &mut Context<'_>) -> Poll<()> {
    interval.poll_tick(cx).map(drop)
}

/// Runs a future in a simulation, and gives the simulated time that it took. One that is never
/// woken is a deadlock there.
fn simulated(future: impl Future + Send) -> Duration {
    let run = Sim::seed(3).run(async {
        future.await;
    });
    run.expect("it is woken").elapsed
}

// A sleep.

#[test]
fn a_sleep_that_is_set_to_an_earlier_time_wakes_then() {
    let reset = |sleep: &mut Sleep| sleep.reset(now() + 5 * MS);
    assert_eq!(
        simulated(async { changed(sleep(HOUR), poll_sleep, reset).await }),
        5 * MS
    );
    let started = Instant::now();
    soon(changed(sleep(HOUR), poll_sleep, reset));
    assert!(started.elapsed() >= 5 * MS);
}

#[test]
fn a_sleep_that_is_set_to_a_later_time_wakes_then_and_not_before() {
    let reset = |sleep: &mut Sleep| sleep.reset(now() + 30 * MS);
    let later = || changed(sleep(10 * MS), poll_sleep, reset);
    assert_eq!(simulated(async move { later().await }), 30 * MS);
    let (mut watch, waiter) = waiting();
    let later = watch.deadline().unwrap() + 20 * MS;
    watch.reset(later);
    eventually("it wakes at the later time", || {
        waiter.last_wake().is_some_and(|last| last >= later)
    });
    assert!(waiter.poll(&mut watch).is_ready());
}

#[test]
fn a_sleep_that_is_set_to_the_past_wakes_at_once() {
    let reset = |sleep: &mut Sleep| sleep.reset(now().checked_sub(MS).unwrap());
    let past = || async {
        sleep(10 * MS).await;
        changed(sleep(HOUR), poll_sleep, reset).await
    };
    assert_eq!(simulated(past()), 10 * MS);
    soon(past());

    // At once is before `reset` comes back.
    let mut watch = sleep(HOUR);
    let waiter = Waiter::new();
    assert!(waiter.poll(&mut watch).is_pending());
    watch.reset(Instant::now());
    assert_eq!(waiter.wakes(), 1);
    assert!(waiter.poll(&mut watch).is_ready());
}

#[test]
fn a_sleep_without_an_end_can_be_given_one() {
    let reset = |sleep: &mut Sleep| sleep.reset(now() + 5 * MS);
    let endless = || changed(sleep(Duration::MAX), poll_sleep, reset);
    assert_eq!(simulated(async move { endless().await }), 5 * MS);
    soon(endless());
}

#[test]
fn a_sleep_can_be_set_from_another_task() {
    let shared = |deadline: fn() -> Instant| async move {
        let watch = Arc::new(Mutex::new(sleep(HOUR)));
        let polled = watch.clone();
        let waits = spawn_task!(async move {
            poll_fn(|cx| poll_sleep(&mut polled.lock().unwrap(), cx)).await;
        });
        while laneway::time::armed() == 0 {
            yield_now().await;
        }
        watch.lock().unwrap().reset(deadline());
        waits.await;
    };
    for deadline in [|| now() + 5 * MS, now] {
        assert!(simulated(shared(deadline)) <= 5 * MS);
    }
    // Another thread, and the process's timer.
    let rt = Runtime::builder().build().unwrap();
    let watch = Arc::new(Mutex::new(sleep(HOUR)));
    let (polled, first) = (watch.clone(), Arc::new(AtomicUsize::new(0)));
    let polls = first.clone();
    let waits = rt.spawn(
        poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            poll_sleep(&mut polled.lock().unwrap(), cx)
        }),
        Priority::Low,
    );
    eventually("it waits", || first.load(Ordering::SeqCst) == 1);
    watch.lock().unwrap().reset(Instant::now() + 5 * MS);
    soon(waits);
}

#[test]
fn a_sleep_that_has_woken_its_waiter_and_was_not_polled_since_wakes_it_again() {
    let (mut watch, waiter) = waiting();
    eventually("it wakes", || waiter.wakes() == 1);
    watch.reset(Instant::now() + MS);
    eventually("it wakes again", || waiter.wakes() == 2);
    watch.reset(Instant::now() + HOUR);
    assert!(waiter.poll(&mut watch).is_pending());
    assert_eq!(waiter.wakes(), 2);
}

#[test]
fn a_sleep_that_has_ended_wakes_nobody_when_it_is_set_anew() {
    let (mut watch, waiter) = waiting();
    eventually("it wakes", || waiter.wakes() == 1);
    assert!(waiter.poll(&mut watch).is_ready());
    watch.reset(Instant::now());
    assert_eq!(waiter.wakes(), 1, "nobody waits for it");
    watch.reset(Instant::now() + 5 * MS);
    let again = watch.deadline().unwrap();
    soon(&mut watch);
    assert!(Instant::now() >= again);
}

#[test]
fn a_sleep_that_is_set_before_its_first_poll_wakes_nobody_before_that() {
    let mut watch = sleep(HOUR);
    assert_eq!(
        simulated(async {
            let mut watch = sleep(HOUR);
            watch.reset(now() + 5 * MS);
            assert_eq!(laneway::time::armed(), 0, "not armed before its first poll");
            watch.await;
        }),
        5 * MS
    );
    watch.reset(Instant::now() + 5 * MS);
    soon(watch);
}

#[test]
fn a_sleep_that_moved_to_another_waker_wakes_that_one() {
    let [first, second] = [Waiter::new(), Waiter::new()];
    let mut watch = sleep(HOUR);
    assert!(first.poll(&mut watch).is_pending());
    assert!(second.poll(&mut watch).is_pending());
    watch.reset(Instant::now() + MS);
    eventually("the second is woken", || second.wakes() == 1);
    // And the one before, when that has the sleep back.
    let mut moved = watch;
    moved.reset(Instant::now() + HOUR);
    assert!(first.poll(&mut moved).is_pending());
    moved.reset(Instant::now() + MS);
    eventually("the first is woken", || first.wakes() == 1);
    assert_eq!(second.wakes(), 1);
}

#[test]
fn a_sleep_that_was_set_and_dropped_leaves_nothing() {
    simulated(async {
        let (mut watch, waiter) = (sleep(HOUR), Waiter::new());
        assert!(waiter.poll(&mut watch).is_pending());
        watch.reset(now() + 5 * MS);
        assert_eq!(laneway::time::armed(), 1);
        drop(watch);
        assert_eq!(laneway::time::armed(), 0);
        assert_eq!(waiter.wakers_elsewhere(), 0);
        sleep(HOUR).await;
        assert_eq!(waiter.wakes(), 0);
    });
}

/// A connection that is closed when nothing has come for 20 ms, written by hand: it polls its timer
/// once, and from then on only sets it.
#[test]
fn an_idle_timeout_that_only_sets_its_timer_ends() {
    let idle = || async {
        let (sender, messages) = async_channel::unbounded();
        let sends = spawn_task!(async move {
            for _ in 0..10 {
                sleep(15 * MS).await;
                sender.send(()).await.unwrap();
            }
            sleep(HOUR).await;
        });
        let mut messages = Box::pin(messages);
        let mut timer = sleep(20 * MS);
        let mut armed = false;
        poll_fn(|cx| {
            while let Poll::Ready(Some(())) = messages.as_mut().poll_next(cx) {
                timer.reset(now() + 20 * MS);
            }
            if timer.is_elapsed() {
                return Poll::Ready(());
            }
            if !armed {
                armed = true;
                assert!(Pin::new(&mut timer).poll(cx).is_pending());
            }
            Poll::Pending
        })
        .await;
        drop(sends);
    };
    assert_eq!(simulated(idle()), 170 * MS);
}

/// The timer fires, another thread sets anew: whichever comes first, the waiter is woken.
#[test]
fn a_race_of_the_timer_and_a_reset_loses_no_wake_up() {
    for round in 0..2_000_u32 {
        let waiter = Waiter::new();
        let mut watch = sleep(Duration::from_micros(u64::from(round % 300)));
        if waiter.poll(&mut watch).is_ready() {
            continue;
        }
        for _ in 0..round % 64 {
            thread::yield_now();
        }
        watch.reset(Instant::now() + Duration::from_micros(50));
        let deadline = watch.deadline().unwrap();
        eventually("it is woken at the new deadline", || {
            waiter.last_wake().is_some_and(|last| last >= deadline)
        });
        assert!(waiter.poll(&mut watch).is_ready());
    }
}

// An interval.

#[test]
fn an_interval_that_is_set_anew_wakes_a_period_later() {
    let reset = |ticks: &mut Interval| ticks.reset();
    let late = || interval_at(now() + HOUR, 5 * MS);
    assert_eq!(
        simulated(async move { changed(late(), poll_tick, reset).await }),
        5 * MS
    );
    let started = Instant::now();
    soon(changed(late(), poll_tick, reset));
    assert!(started.elapsed() >= 5 * MS);
}

#[test]
fn an_interval_can_be_set_to_any_time() {
    type Change = (fn(&mut Interval), Duration);
    let changes: [Change; 4] = [
        (|ticks| ticks.reset_immediately(), Duration::ZERO),
        (|ticks| ticks.reset_after(7 * MS), 7 * MS),
        (|ticks| ticks.reset_at(now() + 9 * MS), 9 * MS),
        (
            |ticks| ticks.reset_at(now().checked_sub(MS).unwrap()),
            Duration::ZERO,
        ),
    ];
    for (change, expected) in changes {
        let waits = async move {
            sleep(10 * MS).await;
            changed(interval_at(now() + HOUR, HOUR), poll_tick, change).await
        };
        assert_eq!(simulated(waits), 10 * MS + expected);
        soon(changed(interval_at(now() + HOUR, HOUR), poll_tick, change));
    }
}

#[test]
fn after_a_reset_the_ticks_keep_the_new_step() {
    let run = Sim::seed(1).run(async {
        let start = now();
        let mut ticks = interval(10 * MS);
        let mut seen = Vec::new();
        let mut tick = async |ticks: &mut Interval| {
            seen.push((ticks.tick().await - start).as_millis());
        };
        tick(&mut ticks).await;
        tick(&mut ticks).await;
        sleep(3 * MS).await;
        ticks.reset();
        tick(&mut ticks).await;
        ticks.reset_after(2 * MS);
        tick(&mut ticks).await;
        tick(&mut ticks).await;
        ticks.reset_immediately();
        tick(&mut ticks).await;
        tick(&mut ticks).await;
        ticks.reset_at(start + 100 * MS);
        tick(&mut ticks).await;
        tick(&mut ticks).await;
        seen
    });
    assert_eq!(run.unwrap().output, [0, 10, 23, 25, 35, 35, 45, 100, 110]);
}

#[test]
fn an_interval_of_the_longest_period_is_set_to_never_and_back() {
    let mut ticks = interval_at(Instant::now() + HOUR, Duration::MAX);
    let waiter = Waiter::new();
    assert!(waiter.poll_with(|cx| ticks.poll_tick(cx)).is_pending());
    ticks.reset();
    ticks.reset_after(Duration::MAX);
    assert_eq!(waiter.wakes(), 0);
    ticks.reset_after(MS);
    eventually("it ticks", || waiter.wakes() == 1);
    assert!(waiter.poll_with(|cx| ticks.poll_tick(cx)).is_ready());
}

// A timeout.

#[test]
fn a_timeout_that_moved_to_another_task_ends_there() {
    // Whether it waited before it moved.
    let moved = async |time| {
        let mut limited = Box::pin(timeout(time, std::future::pending::<()>()));
        let polled = poll_fn(|cx| Poll::Ready(limited.as_mut().poll(cx))).await;
        if polled.is_pending() {
            assert!(spawn_task!(limited).await.is_err());
        }
        polled.is_pending()
    };
    let waited = async { assert!(moved(10 * MS).await) };
    assert_eq!(simulated(waited), 10 * MS);
    in_time(|time| ((), soon(moved(time))));
}

/// A short sleep that has been polled and waits.
fn waiting() -> (Sleep, Waiter) {
    in_time(|time| {
        let (mut watch, waiter) = (sleep(time), Waiter::new());
        let polled = waiter.poll(&mut watch);
        ((watch, waiter), polled.is_pending())
    })
}

/// Polls, and notes when it is woken.
struct Waiter {
    wakes: Arc<Wakes>,
    waker: Waker,
}

#[derive(Default)]
struct Wakes(Mutex<Vec<Instant>>);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().push(Instant::now());
    }
}

impl Waiter {
    fn new() -> Waiter {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        Waiter { wakes, waker }
    }

    fn poll(&self, sleep: &mut Sleep) -> Poll<()> {
        self.poll_with(|cx| Pin::new(sleep).poll(cx))
    }

    fn poll_with<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        poll(&mut Context::from_waker(&self.waker))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.lock().unwrap().len()
    }

    fn last_wake(&self) -> Option<Instant> {
        self.wakes.0.lock().unwrap().last().copied()
    }

    /// How many wakers of it there are besides its own.
    fn wakers_elsewhere(&self) -> usize {
        Arc::strong_count(&self.wakes) - 2
    }
}
