//! The stalls of the machine itself: moments at which a core does no work of any thread here.
//!
//! Threads that only read the clock keep every core busy. Where a reading is late, the core was
//! taken away: by a hypervisor, another program or the kernel. No server answers sooner than the
//! stall ends that a request falls into, so these waits are a bound for all servers beside work
//! that keeps the cores busy. An idle machine shows few of them, since a hypervisor takes cores
//! that are busy.

use std::thread;
use std::time::{Duration, Instant};

use crate::figures::Figure;
use crate::latency::{PERCENTILES, percentile};

/// A shorter gap between two readings is no stall.
const LEAST: Duration = Duration::from_micros(100);

/// From a moment on, for a while, counted from when all began.
#[derive(Clone, Copy, Debug)]
struct Stall {
    begun: Duration,
    ended: Duration,
}

/// How long a moment waits for the end of the stall that it falls into. A moment counts every
/// 100 us, and of several cores the one that stalls for the longest: a request needs a core for
/// the client and one for the server.
pub(crate) fn measure(cores: usize, duration: Duration) -> Vec<Figure> {
    let stalls = on_cores(cores, duration);
    let mut waits = waits(&stalls, duration);
    waits.sort_unstable();
    let figures = PERCENTILES.map(|(kind, permille)| {
        let us = percentile(&waits, permille) as f64 / 1e3;
        Figure::new(format!("stalls {kind}"), us)
    });
    let stalled = waits.iter().filter(|&&ns| ns > 0).count();
    let percent = 100.0 * stalled as f64 / waits.len() as f64;
    [&figures[..], &[Figure::new("stalled %", percent)]].concat()
}

fn on_cores(cores: usize, duration: Duration) -> Vec<Stall> {
    let started = Instant::now();
    thread::scope(|scope| {
        let watch = |_| scope.spawn(move || on_core(started, duration));
        let watched: Vec<_> = (0..cores).map(watch).collect();
        let stalls = watched.into_iter().flat_map(|core| {
            core.join()
                .expect("a thread that reads the clock does not panic")
        });
        stalls.collect()
    })
}

fn on_core(started: Instant, duration: Duration) -> Vec<Stall> {
    let (mut stalls, mut begun) = (Vec::new(), started.elapsed());
    while begun < duration {
        let ended = started.elapsed();
        if ended - begun >= LEAST {
            stalls.push(Stall { begun, ended });
        }
        begun = ended;
    }
    stalls
}

/// The nanoseconds that each moment waits.
fn waits(stalls: &[Stall], duration: Duration) -> Vec<u64> {
    let count = duration.as_nanos() / LEAST.as_nanos();
    let moment = |number: u128| LEAST * u32::try_from(number).expect("some seconds");
    let rest = |moment: Duration| {
        let over = stalls.iter().filter(|stall| stall.begun <= moment);
        let rests = over.map(|stall| stall.ended.saturating_sub(moment));
        let longest = rests.max().unwrap_or_default();
        u64::try_from(longest.as_nanos()).expect("no stall takes centuries")
    };
    (0..count).map(|number| rest(moment(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_waits_for_the_longest_stall_that_it_falls_into() {
        let ms = Duration::from_micros(1_000);
        let stalls = [
            Stall {
                begun: ms,
                ended: 3 * ms,
            },
            Stall {
                begun: 2 * ms,
                ended: 5 * ms,
            },
        ];
        let waits = waits(&stalls, 6 * ms);
        let at = |tenths: usize| waits[tenths] / 100_000;
        assert_eq!(waits.len(), 60);
        assert_eq!(
            [at(9), at(10), at(19), at(20), at(49), at(50)],
            [0, 20, 11, 30, 1, 0]
        );
    }
}
