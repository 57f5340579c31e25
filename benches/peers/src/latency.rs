//! How soon a high task runs while low ones keep every core busy.
//!
//! 64 low tasks compute for 2 ms in each poll, and yield. Meanwhile a thread outside, at random
//! moments that do not wait for the answers, spawns a high task or wakes one that waits; and low
//! tasks spawn high ones in the middle of their polls. Each high task notes how long ago it was
//! asked for.
//!
//! The 2 ms are a fixed amount of work, not a look at the clock: a low task that the kernel
//! preempts has to make up for it, so the low throughput tells what the high tasks cost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::mpsc;
use futures_lite::StreamExt;
use futures_lite::future::yield_now;

use crate::computing::compute;
use crate::executors::{Executor, Handle, Lane};
use crate::figures::Figure;

const LOW_TASKS: u64 = 64;

/// A low task spawns a high one in every fifth of its polls.
const POLLS_PER_SPAWN: u64 = 5;

/// How much the low tasks compute and how long everything lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Steps of [`compute`] that take 2 ms on a core that does nothing else.
    pub(crate) steps_per_poll: u64,
    pub(crate) duration: Duration,
}

/// How a high task comes to be runnable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    SpawnOutside,
    SpawnInside,
    Wake,
}

impl Way {
    pub(crate) const ALL: [Way; 3] = [Way::SpawnOutside, Way::SpawnInside, Way::Wake];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::SpawnOutside => "spawn-outside",
            Way::SpawnInside => "spawn-inside",
            Way::Wake => "wake",
        }
    }
}

/// The percentiles that are kept, in tenths of a percent.
pub(crate) const PERCENTILES: [(&str, usize); 3] = [("p50", 500), ("p99", 990), ("p999", 999)];

/// What the tasks of one measurement share.
#[derive(Default)]
struct Log {
    over: AtomicBool,
    low_polls: AtomicU64,
    /// Nanoseconds, for each way.
    waits: [Mutex<Vec<u64>>; 3],
}

impl Log {
    /// Called first thing by a high task.
    fn note(&self, way: Way, asked: Instant) {
        let waited = asked.elapsed().as_nanos();
        let waited = u64::try_from(waited).expect("nobody waits for centuries");
        self.waits[way as usize]
            .lock()
            .expect("no task of a measurement panics")
            .push(waited);
    }
}

/// Puts an executor under the load and gives the percentiles of every way in microseconds, and
/// the low polls per second.
pub(crate) fn measure<E: Executor>(on: &'static E, load: Load) -> Vec<Figure> {
    // Under the load, until every worker is warm; then for what counts.
    run(on, load, load.duration / 4);
    let (log, took) = run(on, load, load.duration);
    let mut figures = Vec::new();
    for way in Way::ALL {
        let waits = &log.waits[way as usize];
        let mut waits = waits.lock().expect("no task of a measurement panics");
        waits.sort_unstable();
        figures.push(Figure::new(
            format!("{} count", way.name()),
            waits.len() as f64,
        ));
        for (name, permille) in PERCENTILES {
            let us = percentile(&waits, permille) as f64 / 1e3;
            figures.push(Figure::new(format!("{} {name}", way.name()), us));
        }
    }
    let low_polls = log.low_polls.load(Ordering::Relaxed);
    let per_second = low_polls as f64 / took.as_secs_f64();
    figures.push(Figure::new("low polls/s", per_second));
    figures
}

/// The smallest value that so many thousandths of all do not exceed.
pub(crate) fn percentile(sorted: &[u64], permille: usize) -> u64 {
    let rank = (sorted.len() * permille).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn run<E: Executor>(on: &'static E, load: Load, duration: Duration) -> (Arc<Log>, Duration) {
    let log = Arc::new(Log::default());
    let start = Instant::now();
    let low_tasks: Vec<_> = (0..LOW_TASKS)
        .map(|seat| on.spawn(Lane::Low, low_task(on, log.clone(), load, seat)))
        .collect();
    let (wake, woken) = mpsc::unbounded();
    let sleeper = on.spawn(Lane::High, sleeper(log.clone(), woken));
    while start.elapsed() < duration {
        ask_one(on, &log, &wake);
    }
    log.over.store(true, Ordering::Relaxed);
    let took = start.elapsed();
    drop(wake);
    on.block_on(async {
        for task in low_tasks {
            task.await;
        }
        sleeper.await;
    });
    (log, took)
}

/// Spawns a high task or wakes one, after a pause of random length.
fn ask_one<E: Executor>(on: &'static E, log: &Arc<Log>, wake: &mpsc::UnboundedSender<Instant>) {
    thread::sleep(Duration::from_micros(fastrand::u64(1_000..3_000)));
    let asked = Instant::now();
    if fastrand::bool() {
        let sent = wake.unbounded_send(asked);
        sent.expect("the sleeper lives until the sender is dropped");
    } else {
        let log = log.clone();
        on.spawn(Lane::High, async move {
            log.note(Way::SpawnOutside, asked);
        })
        .detach();
    }
}

/// Waits to be woken, again and again.
async fn sleeper(log: Arc<Log>, mut woken: mpsc::UnboundedReceiver<Instant>) {
    while let Some(asked) = woken.next().await {
        log.note(Way::Wake, asked);
    }
}

/// Computes, and spawns a high task halfway through some of its polls.
async fn low_task<E: Executor>(on: &'static E, log: Arc<Log>, load: Load, seat: u64) {
    let mut poll = seat;
    while !log.over.load(Ordering::Relaxed) {
        compute(load.steps_per_poll / 2);
        if poll.is_multiple_of(POLLS_PER_SPAWN) {
            let (log, asked) = (log.clone(), Instant::now());
            let high = async move { log.note(Way::SpawnInside, asked) };
            on.spawn_inside(Lane::High, high).detach();
        }
        compute(load.steps_per_poll / 2);
        log.low_polls.fetch_add(1, Ordering::Relaxed);
        poll += 1;
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let waits: Vec<u64> = (1..=1000).collect();
        assert_eq!(percentile(&waits, 500), 500);
        assert_eq!(percentile(&waits, 990), 990);
        assert_eq!(percentile(&waits, 999), 999);
        assert_eq!(percentile(&[7], 999), 7);
        assert_eq!(percentile(&[], 500), 0);
    }
}
