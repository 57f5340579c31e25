//! How much longer a worker searches where a thread outside brings one task after another.
//!
//! A thread that spawns a task, sleeps until it has ended, and spawns the next takes about as long
//! to wake up as a worker searches before it parks. So each task finds the worker parked, or about
//! to park, and has to unpark it. Where the worker is a nice thread, or searches for a short time
//! only beside nice ones, most of the time goes into such wake-ups.
//!
//! So a worker that took its task from a channel and was unparked soon after it had parked, several
//! times in a row, *lingers* (T28): it searches for longer before it parks. The rule is that of
//! `patience.rs`. A short rest is a small find there, and a search that is longer and ends with a
//! task has paid. Tasks that were stolen do not count: a thief that lingered would take each of
//! them as it comes, where `thief.rs` lets them gather.
//!
//! To linger costs processor time and no wake-up: a worker that does is counted as a searcher, as
//! before. Read `executor/executor.rs` next.

use std::time::Duration;

use super::patience::{Find, Patience, SHORT_REST};
use super::spin::Spin;
use crate::telemetry::event::Source;

/// How often a worker that lingers looks besides: some 20 us.
const ROUNDS: u32 = 200;

/// A worker's memory of its last rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger(Patience);

impl Linger {
    pub(crate) fn new() -> Linger {
        Linger(Patience::new())
    }

    /// How the worker, whose search by `spin` was in vain, searches on if it lingers. It took its
    /// last task from `source`.
    pub(crate) fn longer(self, spin: Spin, source: Source) -> Option<Spin> {
        let lingers = source == Source::Channel && self.0.is_at_an_end();
        lingers.then_some(Spin {
            rounds: ROUNDS,
            ..spin
        })
    }

    /// Notes whether the worker has found a task since it lingered.
    pub(crate) fn lingered(&mut self, found_one: bool) {
        self.0.waited_for(match found_one {
            true => Find::Enough,
            false => Find::Small,
        });
    }

    /// Notes that the worker was unparked after `rest`. It had taken its last task from `source`.
    pub(crate) fn unparked(&mut self, rest: Duration, source: Source) {
        if self.0.is_at_an_end() {
            return;
        }
        self.0
            .found(match rest <= SHORT_REST && source == Source::Channel {
                true => Find::Small,
                false => Find::Enough,
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::WorkerId;

    const SOON: Duration = Duration::from_micros(10);
    const SPIN: Spin = Spin {
        rounds: 100,
        offers_core: false,
    };

    /// Lets a worker be unparked a given number of times after such rests, and gives how many
    /// times it lingered before. It finds something then, or not.
    fn lingers(linger: &mut Linger, times: usize, rest: Duration, finds: bool) -> usize {
        let lingered = (0..times).filter(|_| {
            let lingers = linger.longer(SPIN, Source::Channel).is_some();
            if lingers {
                linger.lingered(finds);
            }
            if !(lingers && finds) {
                linger.unparked(rest, Source::Channel);
            }
            lingers
        });
        lingered.count()
    }

    #[test]
    fn a_worker_that_is_unparked_soon_again_and_again_lingers() {
        let mut linger = Linger::new();
        assert_eq!(lingers(&mut linger, 4, SOON, true), 0);
        assert_eq!(lingers(&mut linger, 100, SOON, true), 100);
    }

    #[test]
    fn a_worker_with_long_rests_does_not_linger() {
        let mut linger = Linger::new();
        assert_eq!(lingers(&mut linger, 100, 2 * SHORT_REST, true), 0);
        assert_eq!(lingers(&mut linger, 3, SOON, true), 0);
        assert_eq!(lingers(&mut linger, 1, 2 * SHORT_REST, true), 0);
        assert_eq!(lingers(&mut linger, 4, SOON, true), 0);
    }

    #[test]
    fn a_worker_that_lingers_in_vain_does_so_ever_less_often() {
        let mut linger = Linger::new();
        // After 4, 8, ... and 256 short rests; the rest after a vain search is the first of a row.
        assert_eq!(lingers(&mut linger, 508 + 1, SOON, false), 7);
        assert_eq!(lingers(&mut linger, 10 * 256, SOON, false), 10);
    }

    #[test]
    fn a_thief_does_not_linger() {
        let mut linger = Linger::new();
        let stolen = Source::Worker(WorkerId(1));
        (0..100).for_each(|_| linger.unparked(SOON, stolen));
        assert!(linger.longer(SPIN, Source::Channel).is_none());
        (0..4).for_each(|_| linger.unparked(SOON, Source::Channel));
        assert!(linger.longer(SPIN, stolen).is_none());
        assert!(linger.longer(SPIN, Source::Channel).is_some());
    }
}
