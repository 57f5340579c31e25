//! Does any counter that is scraped ever fall, whatever the runtime does meanwhile?

mod common;
mod prometheus_text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::eventually;
use futures_lite::future::yield_now;
use laneway::observe::{Monitor, prometheus};
use laneway::time::sleep;
use laneway::{Priority, Runtime};
use prometheus_text::{Labels, parse};

const SCRAPES: usize = 500;

type Counters = BTreeMap<(String, Labels), f64>;

/// A runtime of two workers with what can be scraped of it.
struct Scraped {
    rt: Runtime,
    monitor: Arc<Monitor>,
}

impl Scraped {
    fn new() -> Scraped {
        let monitor = Arc::new(Monitor::new());
        let builder = Runtime::builder().with_high_num(1).with_low_num(1);
        let rt = builder.with_observer(monitor.clone()).build().unwrap();
        Scraped { rt, monitor }
    }

    /// All that only grows: the counters, and what histograms consist of.
    fn counters(&self) -> Counters {
        let families = parse(&prometheus(&self.rt.metrics(), &self.monitor.queues()));
        let grow = families.into_values().filter(|f| f.kind != "gauge");
        grow.flat_map(|family| family.samples).collect()
    }

    /// Scrapes again and again, and gives how many counters have grown in all.
    #[track_caller]
    fn assert_nothing_falls(&self) -> usize {
        let mut before = self.counters();
        let first = before.clone();
        for scrape in 0..SCRAPES {
            let now = self.counters();
            assert!(now.keys().eq(before.keys()), "other series than before");
            for (series, value) in &now {
                let was = before[series];
                assert!(*value >= was, "{scrape}: {series:?} was {was}, is {value}");
            }
            before = now;
        }
        before
            .iter()
            .filter(|(key, now)| **now > first[key])
            .count()
    }
}

#[test]
fn nothing_falls_while_nothing_happens() {
    let scraped = Scraped::new();
    let rt = &scraped.rt;
    // Once they sleep, there is nothing that could wake them.
    eventually("both workers sleep", || {
        rt.metrics()
            .workers
            .iter()
            .all(|w| w.parked > Duration::ZERO)
    });
    let grown = scraped.assert_nothing_falls();
    assert!(grown >= 2, "the time that both workers sleep: {grown}");
    // Whoever sleeps is not busy: the two are to be told apart by the nanosecond.
    let busy = || {
        rt.metrics()
            .workers
            .iter()
            .map(|w| w.busy)
            .sum::<Duration>()
    };
    let before = busy();
    for _ in 0..SCRAPES {
        assert_eq!(busy(), before, "no worker does anything");
    }
}

/// Tasks that yield, sleep, panic, and are cancelled in the queue and while they wait, over and
/// over again.
fn load(rt: &Runtime, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let both = [Priority::High, Priority::Low];
        let awaited = both.map(|priority| rt.spawn(yield_now(), priority));
        drop(both.map(|priority| rt.spawn(async {}, priority)));
        rt.spawn(
            async { std::panic::resume_unwind(Box::new(())) },
            Priority::Low,
        )
        .detach();
        let waits = rt.spawn(sleep(Duration::from_micros(50)), Priority::High);
        rt.block_on(async {
            for task in awaited {
                task.await;
            }
            waits.await;
        });
    }
}

#[test]
fn nothing_falls_under_load() {
    let scraped = Scraped::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| load(&scraped.rt, &over));
        let grown = thread::scope(|inner| {
            // Two that scrape at once are told of no fall either.
            let scrapers = [0; 2].map(|_| inner.spawn(|| scraped.assert_nothing_falls()));
            scrapers.map(thread::ScopedJoinHandle::join)
        });
        over.store(true, Ordering::Relaxed);
        for grown in grown {
            assert!(grown.unwrap() > 20);
        }
    });
}

/// A spawn from outside is counted before it is known whether the runtime still takes it.
#[test]
fn nothing_falls_while_tasks_are_spawned_and_shutdown_begins() {
    for _ in 0..20 {
        let rt = Runtime::builder().with_high_num(1).with_low_num(1);
        let rt = rt.build().unwrap();
        let over = AtomicBool::new(false);
        let (begun, given) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| spawn_until_it_is_over(&rt, &begun, &given));
            }
            scope.spawn(|| {
                let mut before = 0;
                while !over.load(Ordering::Relaxed) {
                    let spawned = rt.metrics().queues[1].spawned;
                    assert!(spawned >= before, "fell from {before} to {spawned}");
                    before = spawned;
                }
            });
            eventually("some are spawned", || begun.load(Ordering::Relaxed) > 20);
            rt.shutdown(Duration::from_secs(20));
            over.store(true, Ordering::Relaxed);
        });
        let low = &rt.metrics().queues[1];
        assert_eq!(low.spawned, low.completed + low.cancelled);
        // Both kinds of spawns that came too late count as cancelled, those by `try_spawn` only
        // where they came while shutdown began.
        let (begun, given) = (begun.into_inner(), given.into_inner());
        assert!((begun..=begun + given).contains(&low.spawned));
    }
}

/// Spawns in both ways until a future is given back, and counts the tasks and the futures.
fn spawn_until_it_is_over(rt: &Runtime, begun: &AtomicU64, given: &AtomicU64) {
    loop {
        rt.spawn(async {}, Priority::Low).detach();
        begun.fetch_add(1, Ordering::Relaxed);
        match rt.try_spawn(async {}, Priority::Low) {
            Ok(task) => task.detach(),
            Err(_late) => {
                given.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        begun.fetch_add(1, Ordering::Relaxed);
    }
}
