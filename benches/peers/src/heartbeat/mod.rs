//! How late a heartbeat is beside items that compute and never yield.
//!
//! 5,000 items of 3 ms are handed over at once, each executor being given them as its users would
//! give it what never yields. Meanwhile something beats every 20 ms: a task, or a plain thread
//! where the executor has no timer. Each beat has its own time, whatever became of the one before,
//! so that a delay of 100 ms makes five beats late.

mod heart;
mod hearts;
mod report;

use std::sync::mpsc;
use std::time::Duration;

use crate::computing::compute;
use crate::executors::Executor;
use crate::figures::Figure;
use crate::harness::TasksLeft;
use crate::latency::percentile;
use heart::Heart;

pub(crate) use report::report;

/// From one beat to the next.
const EVERY: Duration = Duration::from_millis(20);

/// A beat that comes later than this is late. tokio rounds its sleeps up by as much as 1 ms.
const LATE: Duration = Duration::from_millis(2);

const BEATS: &str = "beats";
const LATE_SHARE: &str = "late beats %";

/// The items that there are to compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Items {
    pub(crate) count: usize,
    /// Steps of [`compute`].
    pub(crate) steps: u64,
}

/// An executor that can be given items, beside a heartbeat.
pub(crate) trait Beats: Executor {
    /// Hands an item over, as the executor's users do with what never yields.
    fn give(&'static self, item: impl FnOnce() + Send + 'static);

    /// Lets the heart beat until it stops, and returns at once.
    fn beat(&'static self, heart: Heart);
}

/// The operations that all of them have in common once their types are forgotten.
pub(crate) trait Beating: Sync {
    /// How many beats there were, how many were late, and by how much.
    fn heartbeat(&'static self, items: Items) -> Vec<Figure>;
}

impl<E: Beats> Beating for E {
    fn heartbeat(&'static self, items: Items) -> Vec<Figure> {
        figures(run(self, items))
    }
}

fn figures(mut late_ns: Vec<u64>) -> Vec<Figure> {
    late_ns.sort_unstable();
    let too_late = |&&ns: &&u64| Duration::from_nanos(ns) > LATE;
    let share = late_ns.iter().filter(too_late).count() as f64 / late_ns.len() as f64;
    let us = |permille| percentile(&late_ns, permille) as f64 / 1e3;
    vec![
        Figure::new(BEATS, late_ns.len() as f64),
        Figure::new(LATE_SHARE, 100.0 * share),
        Figure::new("beat p50 us", us(500)),
        Figure::new("beat p99 us", us(990)),
        Figure::new("beat max us", us(1000)),
    ]
}

/// By how many nanoseconds each beat was late.
fn run<E: Beats>(on: &'static E, items: Items) -> Vec<u64> {
    let left = TasksLeft::of(items.count);
    let (lateness, received) = mpsc::channel();
    on.beat(Heart::new(EVERY, left, lateness));
    for _ in 0..items.count {
        on.give(move || {
            compute(items.steps);
            left.one_ended();
        });
    }
    left.wait();
    let late_ns = received.recv();
    late_ns.expect("a heart that stops tells how late it was")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    fn values<'a>(figures: &'a [Figure]) -> Vec<(&'a str, f64)> {
        let value = |figure: &'a Figure| (&*figure.name, figure.value);
        figures.iter().map(value).collect()
    }

    #[test]
    fn a_beat_is_late_that_comes_more_than_2_ms_after_its_time() {
        let figures = figures(vec![2_000_000, 2_000_001, 1_000, 0]);
        let expected = [
            ("beats", 4.0),
            ("late beats %", 25.0),
            ("beat p50 us", 1.0),
            ("beat p99 us", 2_000.001),
            ("beat max us", 2_000.001),
        ];
        assert_eq!(values(&figures), expected);
    }

    #[test]
    fn every_executor_with_a_heartbeat_computes_all_items_and_beats() {
        for peer in Peer::FOR_HEARTBEAT {
            let figures = peer.start_beating(2).heartbeat(Items {
                count: 50,
                steps: 1_000,
            });
            let figures = values(&figures);
            assert_eq!(figures[0].0, "beats");
            assert!(figures[0].1 >= 1.0, "{peer:?}: {figures:?}");
        }
    }
}
