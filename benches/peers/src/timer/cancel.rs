//! Sleeps that are made, polled once, and dropped before their time: what a timeout costs that is
//! not needed.

use std::pin::{Pin, pin};
use std::time::Duration;

use super::arm::arm;
use super::cost::{Cost, Stopwatch};
use crate::executors::{Lane, Sleeps};

/// Sleeps of one measurement.
const SLEEPS: usize = 50_000;

/// How many are pending at a time where they come in batches.
const BATCH: usize = 1_000;

/// How sleeps are made and dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cancel {
    OneNear,
    OneFar,
    BatchNear,
    BatchFar,
    /// On every thread of the executor at the same time, by tasks, in batches of near ones.
    OnThreads,
}

impl Cancel {
    pub(crate) const ALL: [Cancel; 5] = [
        Cancel::OneNear,
        Cancel::OneFar,
        Cancel::BatchNear,
        Cancel::BatchFar,
        Cancel::OnThreads,
    ];

    /// The name where no other sleeps are pending.
    pub(crate) fn name(self) -> String {
        let name = match self {
            Cancel::OneNear => "one near",
            Cancel::OneFar => "one far",
            Cancel::BatchNear => "1000 near",
            Cancel::BatchFar => "1000 far",
            Cancel::OnThreads => "on all threads",
        };
        name.to_owned()
    }

    /// The name where a million others are.
    pub(crate) fn name_in_crowd(self) -> String {
        self.name() + " among 1M"
    }

    /// As many durations as a batch has sleeps. The near ones are long enough for the batch to
    /// be gone by then.
    fn durations(self) -> Vec<Duration> {
        let range = match self {
            Cancel::OneNear | Cancel::BatchNear | Cancel::OnThreads => 500..1_500,
            Cancel::OneFar | Cancel::BatchFar => HOURS,
        };
        let durations = (0..BATCH).map(|_| Duration::from_millis(fastrand::u64(range.clone())));
        durations.collect()
    }
}

/// From one hour to a day, in milliseconds.
const HOURS: std::ops::Range<u64> = 3_600_000..86_400_000;

pub(crate) fn measure<E: Sleeps>(on: &'static E, threads: usize, cancel: Cancel) -> Cost {
    let durations = cancel.durations();
    match cancel {
        Cancel::OneNear | Cancel::OneFar => timed(SLEEPS, || {
            on.block_on(one_by_one::<E>(&durations));
        }),
        Cancel::BatchNear | Cancel::BatchFar => timed(SLEEPS, || {
            on.block_on(in_batches::<E>(&durations));
        }),
        Cancel::OnThreads => timed(SLEEPS * threads, || {
            let tasks: Vec<_> = (0..threads)
                .map(|_| {
                    let durations = durations.clone();
                    let task = async move { in_batches::<E>(&durations).await };
                    on.spawn(Lane::Default, task)
                })
                .collect();
            on.block_on(async {
                for task in tasks {
                    task.await;
                }
            });
        }),
    }
}

fn timed(sleeps: usize, work: impl FnOnce()) -> Cost {
    let stopwatch = Stopwatch::start();
    work();
    stopwatch.shared_by(sleeps)
}

/// Never more than one at a time, on the stack.
async fn one_by_one<E: Sleeps>(durations: &[Duration]) {
    for _ in 0..SLEEPS / BATCH {
        for &duration in durations {
            let sleep = pin!(E::sleep(duration));
            arm(sleep).await;
        }
    }
}

/// Each in a box, since many have to stay pinned where they are.
async fn in_batches<E: Sleeps>(durations: &[Duration]) {
    let mut batch: Vec<Pin<Box<E::Sleep>>> = Vec::with_capacity(BATCH);
    for _ in 0..SLEEPS / BATCH {
        for &duration in durations {
            let mut sleep = Box::pin(E::sleep(duration));
            arm(sleep.as_mut()).await;
            batch.push(sleep);
        }
        batch.clear();
    }
}

/// Sleeps that are pending for hours.
pub(crate) fn crowd<E: Sleeps>(on: &'static E, sleeps: usize) -> Vec<Pin<Box<E::Sleep>>> {
    on.block_on(async {
        let mut crowd = Vec::with_capacity(sleeps);
        for _ in 0..sleeps {
            let duration = Duration::from_millis(fastrand::u64(HOURS));
            let mut sleep = Box::pin(E::sleep(duration));
            arm(sleep.as_mut()).await;
            crowd.push(sleep);
        }
        crowd
    })
}
