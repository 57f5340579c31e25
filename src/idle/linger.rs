//! The longer search of a worker where a thread outside brings one task after another.
//!
//! A thread that spawns a task, sleeps until it has ended, and spawns the next takes about as long
//! to wake up as a worker searches before it parks. So each task finds the worker parked, or about
//! to park, and has to unpark it. Where the worker is a nice thread, or searches briefly because it
//! has nice ones beside it, most of the time goes into such wake-ups.
//!
//! So a worker that took its task from a channel and was unparked soon after it had parked, several
//! times in a row, *lingers* (T28): it searches for longer before it parks. The rule is that of
//! `patience.rs`. A short rest is a small find there, and a search that is longer and ends with a
//! task has paid. Tasks that were stolen do not count: a thief that lingered would take each of
//! them as it comes, where `thief.rs` lets them gather.
//!
//! A worker that lingers costs processor time and no wake-up: it is counted as a searcher, as
//! before. Read `executor/executor.rs` next.

use std::time::Duration;

use super::patience::{Find, Patience, SHORT_REST};
use super::spin::Spin;
use crate::ground::telemetry::event::Source;

/// How many rounds longer a worker that lingers searches: some 20 us.
const ROUNDS: u32 = 200;

/// A worker's memory of its last rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    patience: Patience,
    /// When it parked last, since the runtime was made.
    parked_at: Duration,
}

impl Linger {
    pub(crate) fn new() -> Linger {
        Linger {
            patience: Patience::new(),
            parked_at: Duration::ZERO,
        }
    }

    /// Looks in each round of `spin`, and for longer if the worker, which took its last task from
    /// `source`, lingers. Gives the first thing found.
    pub(crate) fn look_again<T>(
        &mut self,
        spin: Spin,
        source: Source,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let found = spin.look_again(&mut look);
        if found.is_some() || source != Source::Channel || !self.patience.calls_for_wait() {
            return found;
        }
        let longer = Spin {
            rounds: ROUNDS,
            ..spin
        };
        let found = longer.look_again(look);
        self.patience.waited_for(match found {
            Some(_) => Find::Enough,
            None => Find::Small,
        });
        found
    }

    /// Notes that the worker parks.
    pub(crate) fn parked(&mut self, now: Duration) {
        self.parked_at = now;
    }

    /// Notes that the worker was unparked, and gives the length of its rest. It took its last task
    /// from `source`.
    pub(crate) fn unparked(&mut self, now: Duration, source: Source) -> Duration {
        let rest = now.saturating_sub(self.parked_at);
        if !self.patience.calls_for_wait() {
            self.patience
                .found(match rest <= SHORT_REST && source == Source::Channel {
                    true => Find::Small,
                    false => Find::Enough,
                });
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::ids::WorkerId;

    const SOON: Duration = Duration::from_micros(10);
    const SPIN: Spin = Spin {
        rounds: 1,
        offers_core: false,
    };

    /// Lets a worker search in vain, or find something if it lingers. Gives whether it lingered.
    fn lingers(linger: &mut Linger, source: Source, finds: bool) -> bool {
        let mut looks = 0;
        let found = linger.look_again(SPIN, source, || {
            looks += 1;
            (finds && looks > SPIN.rounds).then_some(())
        });
        assert_eq!(found.is_some(), finds && looks > SPIN.rounds);
        looks > SPIN.rounds
    }

    /// The worker searches a given number of times, and rests for as long as is said where it found
    /// nothing. Gives how many times it lingered.
    fn times(linger: &mut Linger, times: usize, rest: Duration, finds: bool) -> usize {
        let lingered = (0..times).filter(|_| {
            let lingers = lingers(linger, Source::Channel, finds);
            if !(lingers && finds) {
                linger.parked(SOON);
                assert_eq!(linger.unparked(SOON + rest, Source::Channel), rest);
            }
            lingers
        });
        lingered.count()
    }

    #[test]
    fn a_worker_that_is_unparked_soon_again_and_again_lingers() {
        let mut linger = Linger::new();
        assert_eq!(times(&mut linger, 4, SOON, true), 0);
        assert_eq!(times(&mut linger, 100, SOON, true), 100);
    }

    #[test]
    fn a_worker_with_long_rests_does_not_linger() {
        let mut linger = Linger::new();
        assert_eq!(times(&mut linger, 100, 2 * SHORT_REST, true), 0);
        assert_eq!(times(&mut linger, 3, SOON, true), 0);
        assert_eq!(times(&mut linger, 1, 2 * SHORT_REST, true), 0);
        assert_eq!(times(&mut linger, 4, SOON, true), 0);
    }

    #[test]
    fn a_worker_that_lingers_in_vain_does_so_ever_less_often() {
        let mut linger = Linger::new();
        // After 4, 8, ... and 256 short rests; the rest after a vain search is the first of a row.
        assert_eq!(times(&mut linger, 508 + 1, SOON, false), 7);
        assert_eq!(times(&mut linger, 10 * 256, SOON, false), 10);
    }

    #[test]
    fn a_thief_does_not_linger() {
        let mut linger = Linger::new();
        let stolen = Source::Worker(WorkerId(1));
        for _ in 0..100 {
            linger.unparked(SOON, stolen);
        }
        assert!(!lingers(&mut linger, Source::Channel, true));
        for _ in 0..4 {
            linger.unparked(SOON, Source::Channel);
        }
        assert!(!lingers(&mut linger, stolen, true));
        assert!(lingers(&mut linger, Source::Channel, true));
    }
}
