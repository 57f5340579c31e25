//! A hundred thousand sleeps that end within the same ten milliseconds.
//!
//! Waiting for them takes as long as it takes; what they cost is the processor time from the
//! first one's making until the last has been polled ready, and how far behind the last deadline
//! that is.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::cost::Stopwatch;
use crate::executors::{Lane, Sleeps};
use crate::figures::Figure;

const SLEEPS: usize = 100_000;

/// Long enough to arm them all before the first is due.
const LEAD: Duration = Duration::from_millis(150);

/// From the first deadline to the last.
const SPREAD: Duration = Duration::from_millis(10);

/// Who sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fire {
    /// One future in `block_on` that holds them all.
    OneFuture,
    /// A task for each.
    Tasks,
}

/// What it came to.
pub(crate) struct Fired {
    /// Of one sleep.
    cpu_ns: Option<f64>,
    /// From the last deadline until all were seen to have ended.
    behind: Duration,
}

impl Fire {
    pub(crate) const ALL: [Fire; 2] = [Fire::OneFuture, Fire::Tasks];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fire::OneFuture => "one future",
            Fire::Tasks => "tasks",
        }
    }
}

impl Fired {
    pub(crate) fn figures(&self, name: &str) -> Vec<Figure> {
        let behind_ms = self.behind.as_secs_f64() * 1e3;
        let behind = Figure::new(format!("fire {name} behind ms"), behind_ms);
        let cpu = self.cpu_ns;
        let cpu = cpu.map(|ns| Figure::new(format!("fire {name} cpu ns"), ns));
        [behind].into_iter().chain(cpu).collect()
    }
}

pub(crate) fn measure<E: Sleeps>(on: &'static E, fire: Fire) -> Fired {
    let offsets: Vec<Duration> = (0..SLEEPS)
        .map(|_| SPREAD.mul_f64(fastrand::f64()))
        .collect();
    let stopwatch = Stopwatch::start();
    let first_due = Instant::now() + LEAD;
    let deadlines = offsets.iter().map(|&offset| first_due + offset);
    match fire {
        Fire::OneFuture => one_future(on, deadlines),
        Fire::Tasks => tasks(on, deadlines),
    }
    Fired {
        behind: (first_due + SPREAD).elapsed(),
        cpu_ns: stopwatch.shared_by(SLEEPS).cpu_ns,
    }
}

fn one_future<E: Sleeps>(on: &'static E, deadlines: impl Iterator<Item = Instant>) {
    on.block_on(async {
        let all: FuturesUnordered<E::Sleep> = deadlines.map(E::sleep_until).collect();
        let mut all = pin!(all);
        while all.next().await.is_some() {}
    });
}

fn tasks<E: Sleeps>(on: &'static E, deadlines: impl Iterator<Item = Instant>) {
    let mut tasks = Vec::with_capacity(SLEEPS);
    tasks.extend(deadlines.map(|deadline| {
        on.spawn(Lane::Default, async move {
            E::sleep_until(deadline).await;
        })
    }));
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
}
