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
//! Each wait of the bringer then takes as long as a wake-up on another core, which is long on many
//! virtual machines. So a worker rather *follows* its bringers, where it may (T43): before it parks
//! it goes to the core of the last one, if that is a thread that gives up its core where it waits
//! (`nearby.rs`). There the bringer's wake-up interrupts the nice worker, which goes on when the
//! bringer waits again, and finds the next task without a rest. The rule is the same: a worker
//! whose rest has become long by that, since the bringer kept its core, follows the next time after
//! twice as many short rests.
//!
//! Which kind of bringer it has, a worker learns where it is unparked, and a worker that lingers
//! with success is not. So a worker that may follow lingers only a few times between two rests.
//! Against a bringer that spins where it waits, that is enough: such a one is soon ahead of the
//! search that all workers make. Read `executor/executor.rs` next.

use std::time::Duration;

use super::patience::{Find, Patience, SHORT_REST};
use super::spin::Spin;
use crate::ground::telemetry::event::Source;

/// How many rounds longer a worker that lingers searches: some 20 us.
const ROUNDS: u32 = 200;

/// After how many short rests a worker follows a bringer at last, where that was always in vain: it
/// may cost the next tasks milliseconds each time.
const MOST_BEFORE_FOLLOWING: u32 = 1 << 16;

/// How often a worker that may follow lingers between two rests (T44).
const MOST_BETWEEN_RESTS: u32 = 2;

/// A worker's memory of its last rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    patience: Patience,
    /// The same, for the question whether the worker follows its bringers.
    following: Patience,
    /// Whether its last bringer is one to follow.
    bringer_leads: bool,
    /// How often it may linger until it parks again.
    times_left: u32,
    /// The same, after each rest.
    most_times: u32,
    /// When it parked last, since the runtime was made.
    parked_at: Duration,
}

impl Linger {
    /// Of a worker that `may_follow` bringers.
    pub(crate) fn new(may_follow: bool) -> Linger {
        let most_times = match may_follow {
            true => MOST_BETWEEN_RESTS,
            false => u32::MAX,
        };
        Linger {
            patience: Patience::new(),
            following: Patience::up_to(MOST_BEFORE_FOLLOWING),
            bringer_leads: false,
            times_left: most_times,
            most_times,
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
        self.times_left = self.times_left.saturating_sub(1);
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
        self.patience.calls_for_wait() && self.times_left > 0 && !self.follows()
    }

    /// Whether the worker follows its last bringer when it parks.
    pub(crate) fn follows(&self) -> bool {
        self.bringer_leads && self.following.calls_for_wait()
    }

    /// Notes that the worker parks.
    pub(crate) fn parked(&mut self, now: Duration) {
        self.parked_at = now;
        self.times_left = self.most_times;
    }

    /// Notes that the worker was unparked, by a bringer that may be one to follow, and gives the
    /// length of its rest. It took its last task from `source`.
    pub(crate) fn unparked(
        &mut self,
        now: Duration,
        source: Source,
        bringer_leads: bool,
    ) -> Duration {
        let rest = now.saturating_sub(self.parked_at);
        let find = match rest <= SHORT_REST && source == Source::Channel {
            true => Find::Small,
            false => Find::Enough,
        };
        if !self.patience.calls_for_wait() {
            self.patience.found(find);
        }
        // To the patience of one that followed, a rest that stayed short has paid.
        match (self.follows(), find) {
            (true, Find::Small) => self.following.waited_for(Find::Enough),
            (true, Find::Enough) => self.following.waited_for(Find::Small),
            (false, _) if !self.following.calls_for_wait() => self.following.found(find),
            (false, Find::Enough) => self.following.begin_anew(),
            (false, Find::Small) => {}
        }
        self.bringer_leads = bringer_leads;
        rest
    }
}

#[cfg(test)]
mod tests {
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

    fn rests(linger: &mut Linger, rest: Duration, source: Source, bringer_leads: bool) {
        linger.parked(SOON);
        assert_eq!(linger.unparked(SOON + rest, source, bringer_leads), rest);
    }

    /// The worker searches a given number of times, and rests for as long as is said where it found
    /// nothing. Gives how many times it lingered.
    fn times(linger: &mut Linger, times: usize, rest: Duration, finds: bool) -> usize {
        let lingered = (0..times).filter(|_| {
            let lingers = lingers(linger, Source::Channel, finds);
            if !(lingers && finds) {
                rests(linger, rest, Source::Channel, false);
            }
            lingers
        });
        lingered.count()
    }

    #[test]
    fn a_worker_that_is_unparked_soon_again_and_again_lingers() {
        let mut linger = Linger::new(false);
        assert_eq!(times(&mut linger, 4, SOON, true), 0);
        assert_eq!(times(&mut linger, 100, SOON, true), 100);
    }

    #[test]
    fn a_worker_with_long_rests_does_not_linger() {
        let mut linger = Linger::new(false);
        assert_eq!(times(&mut linger, 100, LATE, true), 0);
        assert_eq!(times(&mut linger, 3, SOON, true), 0);
        assert_eq!(times(&mut linger, 1, LATE, true), 0);
        assert_eq!(times(&mut linger, 4, SOON, true), 0);
    }

    #[test]
    fn a_worker_that_lingers_in_vain_does_so_ever_less_often() {
        let mut linger = Linger::new(false);
        // After 4, 8, ... and 256 short rests; the rest after a vain search is the first of a row.
        assert_eq!(times(&mut linger, 508 + 1, SOON, false), 7);
        assert_eq!(times(&mut linger, 10 * 256, SOON, false), 10);
    }

    #[test]
    fn a_worker_that_may_follow_lingers_twice_between_two_rests() {
        let mut linger = Linger::new(true);
        assert_eq!(times(&mut linger, 4, SOON, true), 0);
        assert_eq!(times(&mut linger, 30, SOON, true), 20);
    }

    #[test]
    fn a_worker_that_follows_does_not_linger() {
        let mut linger = Linger::new(true);
        for _ in 0..4 {
            assert!(!linger.follows());
            rests(&mut linger, SOON, Source::Channel, true);
        }
        assert!(linger.follows());
        assert!(!lingers(&mut linger, Source::Channel, true));
        rests(&mut linger, SOON, Source::Channel, false);
        assert!(!linger.follows(), "its new bringer does not lead");
        assert!(lingers(&mut linger, Source::Channel, true));
        rests(&mut linger, SOON, Source::Channel, true);
        assert!(linger.follows());
        rests(&mut linger, LATE, Source::Channel, true);
        assert!(!linger.follows(), "it did not pay");
    }

    #[test]
    fn a_worker_follows_after_short_rests_and_stops_after_a_long_one_for_ever_longer() {
        let mut linger = Linger::new(true);
        let mut rests_until_it_follows = || {
            let mut count = 0;
            while !linger.follows() {
                rests(&mut linger, SOON, Source::Channel, true);
                count += 1;
            }
            rests(&mut linger, LATE, Source::Channel, true);
            count
        };
        let counts: Vec<u32> = (0..16).map(|_| rests_until_it_follows()).collect();
        let doubled: Vec<u32> = (2..=16).chain([16]).map(|power| 1 << power).collect();
        assert_eq!(counts, doubled);
    }

    #[test]
    fn a_worker_follows_for_as_long_as_its_rests_are_short() {
        let mut linger = Linger::new(true);
        let followed = (0..100).filter(|_| {
            let follows = linger.follows();
            rests(&mut linger, SOON, Source::Channel, true);
            follows
        });
        assert_eq!(followed.count(), 96);
        let mut thief = Linger::new(true);
        (0..100).for_each(|_| rests(&mut thief, SOON, STOLEN, true));
        assert!(!thief.follows());
    }

    #[test]
    fn a_long_rest_of_a_worker_that_did_not_follow_begins_a_new_row() {
        let mut linger = Linger::new(true);
        (0..4).for_each(|_| rests(&mut linger, SOON, Source::Channel, false));
        rests(&mut linger, LATE, Source::Channel, true);
        assert!(!linger.follows());
        (0..4).for_each(|_| rests(&mut linger, SOON, Source::Channel, true));
        assert!(linger.follows());
    }

    #[test]
    fn a_thief_does_not_linger() {
        let mut linger = Linger::new(false);
        (0..100).for_each(|_| rests(&mut linger, SOON, STOLEN, false));
        assert!(!lingers(&mut linger, Source::Channel, true));
        (0..4).for_each(|_| rests(&mut linger, SOON, Source::Channel, false));
        assert!(!lingers(&mut linger, STOLEN, true));
        assert!(lingers(&mut linger, Source::Channel, true));
    }
}
