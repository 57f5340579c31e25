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
//! before.
//!
//! A bringer that gives up its core where it waits is not lingered for: the worker follows it
//! (`following.rs`). One that spins for a while before it sleeps keeps its core. For it the worker
//! lingers (T44): once it has been awake in time, the bringer's spin is enough. Where no bringer
//! may be followed, workers linger for all of them. Read `executor/executor.rs` next.

use std::time::Duration;

use super::following::Following;
use super::nearby::{BringerKind, Waking};
use super::patience::{Find, Patience, SHORT_REST};
use super::spin::Spin;
use crate::ground::telemetry::event::Source;

/// How many rounds longer a worker that lingers searches: some 20 us.
const ROUNDS: u32 = 200;

/// A worker's memory of its last rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    patience: Patience,
    following: Following,
    /// The thread that has unparked it last.
    bringer: BringerKind,
    /// When it parked last, since the runtime was made.
    parked_at: Duration,
}

impl Linger {
    pub(crate) fn new() -> Linger {
        Linger {
            patience: Patience::new(),
            following: Following::new(),
            bringer: BringerKind::Unknown,
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
        if found.is_some() || source != Source::Channel || !self.lingers() {
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

    fn lingers(&self) -> bool {
        let awaited = matches!(self.bringer, BringerKind::Unknown | BringerKind::Spins);
        awaited && self.patience.calls_for_wait()
    }

    /// Whether the worker follows its last bringer when it parks.
    pub(crate) fn follows(&self) -> bool {
        self.bringer == BringerKind::MayBeFollowed && self.following.is_due()
    }

    /// Notes that the worker parks.
    pub(crate) fn parked(&mut self, now: Duration) {
        self.parked_at = now;
    }

    /// Notes that the worker was unparked, and gives the length of its rest. It took its last task
    /// from `source`.
    pub(crate) fn unparked(&mut self, now: Duration, source: Source, waking: Waking) -> Duration {
        let rest = now.saturating_sub(self.parked_at);
        let was_short = rest <= SHORT_REST && source == Source::Channel;
        if !self.patience.calls_for_wait() {
            self.patience.found(match was_short {
                true => Find::Small,
                false => Find::Enough,
            });
        }
        match (self.follows(), waking.delay) {
            (false, _) => self.following.rested(was_short),
            (true, Some(delay)) => self.following.followed(delay),
            (true, None) => {}
        }
        self.bringer = waking.bringer;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::BringerKind::{MayBeFollowed, NotFollowed, Spins, Unknown};
    use super::*;
    use crate::ground::ids::WorkerId;

    const SOON: Duration = Duration::from_micros(10);
    const LATE: Duration = Duration::from_micros(200);
    const STOLEN: Source = Source::Worker(WorkerId(1));
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

    fn rests(linger: &mut Linger, rest: Duration, source: Source, bringer: BringerKind) {
        linger.parked(SOON);
        let delay = Some(Duration::ZERO);
        let waking = Waking { bringer, delay };
        assert_eq!(linger.unparked(SOON + rest, source, waking), rest);
    }

    /// The worker searches a given number of times, and rests for as long as is said where it found
    /// nothing. Gives how many times it lingered.
    fn times(linger: &mut Linger, times: usize, rest: Duration, finds: bool) -> usize {
        let lingered = (0..times).filter(|_| {
            let lingers = lingers(linger, Source::Channel, finds);
            if !(lingers && finds) {
                rests(linger, rest, Source::Channel, Unknown);
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
        assert_eq!(times(&mut linger, 100, LATE, true), 0);
        assert_eq!(times(&mut linger, 3, SOON, true), 0);
        assert_eq!(times(&mut linger, 1, LATE, true), 0);
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
    fn a_worker_follows_some_bringers_and_lingers_for_others() {
        let mut linger = Linger::new();
        for _ in 0..4 {
            assert!(!linger.follows());
            rests(&mut linger, SOON, Source::Channel, MayBeFollowed);
        }
        for (bringer, follows, awaits) in [
            (MayBeFollowed, true, false),
            (NotFollowed, false, false),
            (Spins, false, true),
            (Unknown, false, true),
        ] {
            rests(&mut linger, SOON, Source::Channel, bringer);
            let got = (
                linger.follows(),
                lingers(&mut linger, Source::Channel, true),
            );
            assert_eq!(got, (follows, awaits), "{bringer:?}");
        }
    }

    #[test]
    fn a_thief_neither_lingers_nor_follows() {
        let mut linger = Linger::new();
        (0..100).for_each(|_| rests(&mut linger, SOON, STOLEN, MayBeFollowed));
        assert!(!linger.follows());
        (0..100).for_each(|_| rests(&mut linger, SOON, STOLEN, Unknown));
        assert!(!lingers(&mut linger, Source::Channel, true));
        (0..4).for_each(|_| rests(&mut linger, SOON, Source::Channel, Unknown));
        assert!(!lingers(&mut linger, STOLEN, true));
        assert!(lingers(&mut linger, Source::Channel, true));
    }
}
