//! How late a sleep ends while nothing else happens, beside how late the operating system wakes a
//! thread that asks it for the same.

use std::thread;
use std::time::{Duration, Instant};

use crate::executors::{Lane, Sleeps};
use crate::figures::Figure;
use crate::latency::percentile;

/// The shortest and the longest sleep, in nanoseconds.
const NANOS: std::ops::Range<u64> = 1_000_000..4_000_000;

/// One sleep at a time, by a task; after each, a parked thread waits as long.
pub(crate) fn measure<E: Sleeps>(on: &'static E, sleeps: usize) -> Vec<Figure> {
    let mut late = Vec::with_capacity(sleeps);
    let mut os_late = Vec::with_capacity(sleeps);
    for _ in 0..sleeps {
        let duration = Duration::from_nanos(fastrand::u64(NANOS));
        late.push(on.block_on(on.spawn(Lane::Default, async move {
            let deadline = Instant::now() + duration;
            E::sleep_until(deadline).await;
            nanos_since(deadline)
        })));
        os_late.push(park_for(duration));
    }
    let (late, os_late) = (Percentiles::of(late), Percentiles::of(os_late));
    let beyond = late.p99_us - os_late.p99_us;
    let mut figures = late.figures("late").to_vec();
    figures.extend(os_late.figures("os late"));
    figures.push(Figure::new("beyond os p99 us", beyond));
    figures
}

fn park_for(duration: Duration) -> u64 {
    let deadline = Instant::now() + duration;
    // A thread may be unparked for no reason.
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
    nanos_since(deadline)
}

fn nanos_since(deadline: Instant) -> u64 {
    u64::try_from(deadline.elapsed().as_nanos()).expect("nobody sleeps for centuries")
}

struct Percentiles {
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

impl Percentiles {
    fn of(mut nanos: Vec<u64>) -> Percentiles {
        nanos.sort_unstable();
        let us = |permille| percentile(&nanos, permille) as f64 / 1e3;
        Percentiles {
            p50_us: us(500),
            p99_us: us(990),
            max_us: us(1000),
        }
    }

    fn figures(&self, name: &str) -> [Figure; 3] {
        [
            Figure::new(format!("{name} p50 us"), self.p50_us),
            Figure::new(format!("{name} p99 us"), self.p99_us),
            Figure::new(format!("{name} max us"), self.max_us),
        ]
    }
}
