//! Do sleeps, timeouts and intervals end when they should, wherever they are awaited?
//!
//! The clock is the real one here. A test may find an event later than it was due, on a busy
//! machine; it must never find it earlier, and never not at all.

mod common;

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::in_time;
use laneway::sim::{Sim, work};
use laneway::time::{
    Elapsed, Interval, MissedTickBehavior, interval, interval_at, now, sleep, sleep_until, timeout,
    timeout_at,
};
use laneway::{Priority, Runtime, block_on, join_all};

const MS: Duration = Duration::from_millis(1);

/// A test that waits so long has hung.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_sleep_is_never_early() {
    for micros in [1, 50, 99, 100, 101, 999, 1_000, 1_001, 5_000] {
        let duration = Duration::from_micros(micros);
        let started = Instant::now();
        block_on(sleep(duration));
        assert!(started.elapsed() >= duration, "{duration:?}");
    }
}

#[test]
fn a_deadline_of_now_or_in_the_past_is_ready_at_once() {
    let now = Instant::now();
    for deadline in [Some(now), now.checked_sub(MS), now.checked_sub(LONG)] {
        let mut sleep = pin!(sleep_until(deadline.expect("the clock goes back so far")));
        assert!(poll_once(sleep.as_mut()).is_ready());
    }
    assert!(poll_once(pin!(sleep(Duration::ZERO))).is_ready());
}

#[test]
fn a_deadline_far_away_is_fine() {
    let far = Duration::from_secs(60 * 60 * 24 * 365 * 500);
    for duration in [Duration::MAX, far, LONG * 1000] {
        assert!(poll_once(pin!(sleep(duration))).is_pending());
    }
    let forever = timeout(Duration::MAX, ready(5));
    assert_eq!(block_on(forever), Ok(5));
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    let rt = Runtime::builder().build().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let start = Instant::now() + 20 * MS;
    let tasks: Vec<_> = [5_u32, 1, 4, 0, 3, 2]
        .into_iter()
        .map(|n| {
            let sender = sender.clone();
            rt.spawn(
                async move {
                    sleep_until(start + n * 20 * MS).await;
                    sender.send((n, Instant::now())).unwrap();
                },
                Priority::Low,
            )
        })
        .collect();
    join_all(tasks);
    let mut ended: Vec<(u32, Instant)> = receiver.try_iter().collect();
    ended.sort_by_key(|&(_, at)| at);
    for (n, at) in ended {
        assert!(at >= start + n * 20 * MS, "number {n} was early");
    }
}

#[test]
fn a_sleep_can_move_to_another_waker() {
    let (mut sleep, [first, second]) = in_time(|duration| {
        let mut sleep = Box::pin(sleep(duration));
        let counts = [Count::new(), Count::new()];
        let polled = counts
            .each_ref()
            .map(|count| poll_with(sleep.as_mut(), count));
        ((sleep, counts), polled == [Poll::Pending; 2])
    });
    let deadline = Instant::now() + LONG;
    while second.0.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "the second waker is never woken");
        thread::yield_now();
    }
    assert_eq!(first.0.load(Ordering::SeqCst), 0);
    assert!(poll_once(sleep.as_mut()).is_ready());
}

#[test]
fn a_sleep_can_be_set_to_another_deadline() {
    let mut watch = sleep(LONG * 100);
    assert!(poll_once(Pin::new(&mut watch)).is_pending());
    watch.reset(Instant::now() + MS);
    block_on(&mut watch);
    let again = Instant::now() + 5 * MS;
    watch.reset(again);
    assert_eq!(watch.deadline(), Some(again));
    block_on(&mut watch);
    assert!(Instant::now() >= again);
}

#[test]
fn a_waker_that_panics_does_not_stop_the_timer() {
    struct Rude;
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            panic!("a rude waker wakes");
        }
    }
    let waker = Waker::from(Arc::new(Rude));
    let rude = in_time(|duration| {
        let mut sleep = sleep(duration);
        let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        (sleep, polled.is_pending())
    });
    // Due after that one.
    block_on(sleep_until(rude.deadline().expect("it has an end") + MS));
    block_on(rude);
}

#[test]
fn a_timeout_gives_the_output_or_drops_the_future() {
    let dropped = Arc::new(());
    let held = dropped.clone();
    let late = async move {
        let _held = held;
        pending::<()>().await;
    };
    let mut late = pin!(timeout(MS, late));
    assert_eq!(block_on(late.as_mut()), Err(Elapsed));
    assert_eq!(
        Arc::strong_count(&dropped),
        1,
        "the future lives after its time"
    );
    assert_eq!(block_on(timeout(LONG, async { "done" })), Ok("done"));
    assert_eq!(block_on(timeout(Duration::ZERO, ready(1))), Ok(1));
}

#[test]
fn several_futures_can_have_one_deadline() {
    let run = Sim::seed(1).run(async {
        let start = now();
        let deadline = start + 50 * MS;
        let mut results = Vec::new();
        for millis in [20, 20, 20, 0] {
            let limited = timeout_at(deadline, sleep(millis * MS));
            results.push((limited.await.is_ok(), (now() - start).as_millis()));
        }
        // The deadline has passed by now; a future that is ready at once is in time.
        assert_eq!(timeout_at(start, ready(1)).await, Ok(1));
        assert_eq!(timeout_at(start, pending::<()>()).await, Err(Elapsed));
        results
    });
    let expected = [(true, 20), (true, 40), (false, 50), (true, 50)];
    assert_eq!(run.unwrap().output, expected);
}

#[test]
fn an_interval_ticks_at_once_and_then_in_step() {
    let start = Instant::now();
    let mut ticks = interval_at(start, 2 * MS);
    for n in 0..10 {
        assert_eq!(block_on(ticks.tick()), start + n * 2 * MS);
        assert!(Instant::now() >= start + n * 2 * MS);
    }
}

#[test]
fn missed_ticks_come_as_they_should() {
    // Started so long ago that a hundred ticks were missed.
    let start = Instant::now().checked_sub(1000 * MS).unwrap();
    let missed = |behavior| interval_at(start, 10 * MS).with_missed_ticks(behavior);

    let mut burst = missed(MissedTickBehavior::Burst);
    let at_once = (0..100).filter(|_| is_due(&mut burst)).count();
    assert_eq!(at_once, 100);

    let mut delay = missed(MissedTickBehavior::Delay);
    assert_eq!(block_on(delay.tick()), start);
    let taken = Instant::now();
    assert!(block_on(delay.tick()) >= taken.checked_sub(MS).unwrap() + 9 * MS);

    let mut skip = missed(MissedTickBehavior::Skip);
    assert_eq!(block_on(skip.tick()), start);
    let next = block_on(skip.tick()) - start;
    assert!(next >= 1000 * MS);
    assert_eq!(next.as_nanos() % (10 * MS).as_nanos(), 0);
}

/// When the ticks of an interval are taken, in milliseconds, each after work of so many milliseconds.
fn delayed(period: u32, work_millis: &[u32]) -> Vec<u128> {
    let run = Sim::seed(1).run(async {
        let start = now();
        let mut ticks = interval(period * MS).with_missed_ticks(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        for millis in work_millis {
            work(*millis * MS);
            ticks.tick().await;
            taken.push((now() - start).as_millis());
        }
        taken
    });
    run.unwrap().output
}

#[test]
fn a_delay_forgives_ticks_that_are_a_little_late() {
    // Up to five milliseconds.
    let (grid, late) = ([0, 101, 205, 300, 404], [0, 101, 104, 1, 104]);
    assert_eq!(delayed(100, &late), grid);
    // Beyond that, the next tick comes a whole period later.
    assert_eq!(delayed(100, &[0, 106, 0, 0]), [0, 106, 206, 306]);
    // A tick whose successor is due as well was missed, however short the period.
    assert_eq!(delayed(2, &[0, 3, 0, 5, 0]), [0, 3, 4, 9, 11]);
}

#[test]
fn a_delay_does_not_drift_by_what_each_tick_is_late() {
    let start = Instant::now();
    let mut ticks = interval_at(start, 2 * MS).with_missed_ticks(MissedTickBehavior::Delay);
    let mut expected = start;
    for _ in 0..50 {
        let due = block_on(ticks.tick());
        assert_eq!(due, expected);
        // A thread that stands still for longer than is forgiven takes a tick that was missed.
        if due.elapsed() > MS {
            return;
        }
        expected = due + 2 * MS;
    }
}

#[test]
fn dropping_a_tick_loses_none() {
    let (start, mut ticks) = in_time(|duration| {
        let start = Instant::now() + duration;
        let mut ticks = interval_at(start, 10 * MS);
        let polled = poll_once(pin!(ticks.tick()));
        ((start, ticks), polled.is_pending())
    });
    assert_eq!(block_on(ticks.tick()), start);
}

#[test]
#[should_panic(expected = "must not be zero")]
fn a_period_of_zero_is_refused() {
    let _ = interval(Duration::ZERO);
}

#[test]
fn sleeps_work_on_other_executors() {
    let started = Instant::now();
    futures_lite::future::block_on(sleep(2 * MS));
    assert!(started.elapsed() >= 2 * MS);
}

/// Many threads arm, cancel and await at the same time.
#[test]
fn a_storm_of_sleeps_loses_none() {
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(2)
        .build()
        .unwrap();
    let tasks = (0..20_000_u32).map(|n| {
        rt.spawn(
            async move {
                let duration = Duration::from_micros(u64::from(n * 7919 % 30_000));
                if n % 3 == 0 {
                    // Cancelled half way, more often than not.
                    let slower = sleep(duration);
                    let _ = timeout(duration / 2, slower).await;
                } else {
                    let deadline = Instant::now() + duration;
                    sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline);
                }
            },
            Priority::Low,
        )
    });
    join_all(tasks);
}

fn is_due(ticks: &mut Interval) -> bool {
    poll_once(pin!(ticks.tick())).is_ready()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

struct Count(AtomicUsize);

impl Count {
    fn new() -> Arc<Count> {
        Arc::new(Count(AtomicUsize::new(0)))
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_with<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.clone().into()))
}
