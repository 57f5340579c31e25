//! A worker that steals and comes back too early lets more tasks gather first.
//!
//! A poll that spawns one small task after the other fills its worker's deque. A worker that
//! searches takes the first of them, runs it in no time, finds nothing more and parks; the next
//! spawn finds it parked and has to unpark it. So each task costs a wake-up, and where both threads
//! share a core because the other cores are busy, two context switches as well.
//!
//! So a thief whose loot was small several times in a row, and which parked for a short time only
//! between those thefts, does not park when it has nothing to do: it *naps*. No thread has to wake
//! it, and it comes back by itself to a deque that holds many (T23). The rule is that of
//! `patience.rs`.
//!
//! A worker that naps is for all others like one in a poll of that length: they do not count on it,
//! and if it was the last searcher, it has unparked another for the work that came meanwhile
//! (`parking.rs`). Read `following.rs` next.

use std::mem;
use std::time::Duration;

use super::patience::{Find, Patience, SHORT_REST};

/// A worker's memory of its last thefts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thief {
    patience: Patience,
    /// Whether it has napped since its last theft, which tells whether that has paid.
    has_napped: bool,
}

/// How long a nap lasts, at least. The system adds some 50 us.
pub(crate) const NAP: Duration = Duration::from_micros(30);

impl Thief {
    pub(crate) fn new() -> Thief {
        Thief {
            patience: Patience::new(),
            has_napped: false,
        }
    }

    /// Notes a theft of this many tasks.
    pub(crate) fn stole(&mut self, tasks: usize) {
        if mem::take(&mut self.has_napped) {
            self.patience.waited_for(Find::of(tasks));
        } else if !self.patience.calls_for_wait() {
            self.patience.found(Find::of(tasks));
        }
    }

    /// Decides whether the worker, which has nothing to do, naps or parks, and remembers it.
    pub(crate) fn decide_to_nap(&mut self) -> bool {
        if mem::take(&mut self.has_napped) {
            // There was nothing to steal.
            self.patience.waited_for(Find::Small);
        }
        self.has_napped = self.patience.calls_for_wait();
        self.has_napped
    }

    /// Notes that the worker was unparked after `rest`.
    pub(crate) fn unparked(&mut self, rest: Duration) {
        if rest > SHORT_REST && !self.patience.calls_for_wait() {
            self.patience.begin_anew();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::patience::FEW;
    use super::*;

    const SOON: Duration = Duration::from_micros(10);

    /// Steals a given number of times, and parks after each theft for as long as is said. Gives
    /// how many times it napped instead.
    fn naps(thief: &mut Thief, times: usize, loot: usize, rest: Duration) -> usize {
        let napped = (0..times).filter(|_| {
            thief.stole(loot);
            let naps = thief.decide_to_nap();
            if !naps {
                thief.unparked(rest);
            }
            naps
        });
        napped.count()
    }

    #[test]
    fn a_thief_that_comes_too_early_again_and_again_naps() {
        let mut thief = Thief::new();
        assert_eq!(naps(&mut thief, 3, 1, SOON), 0);
        assert_eq!(naps(&mut thief, 1, 1, SOON), 1);
        assert_eq!(naps(&mut thief, 100, FEW, SOON), 100);
    }

    #[test]
    fn a_thief_whose_loot_is_worth_it_parks() {
        let mut thief = Thief::new();
        assert_eq!(naps(&mut thief, 100, FEW, SOON), 0);
    }

    #[test]
    fn small_thefts_count_only_in_a_row_and_with_short_rests() {
        let mut thief = Thief::new();
        for _ in 0..100 {
            assert_eq!(naps(&mut thief, 3, 1, SOON), 0);
            assert_eq!(naps(&mut thief, 1, FEW, SOON), 0);
        }
        assert_eq!(naps(&mut thief, 100, 1, 2 * SHORT_REST), 0);
    }

    #[test]
    fn a_thief_that_naps_in_vain_naps_ever_less_often() {
        let mut thief = Thief::new();
        // A nap after 4, 8, ... and 256 small thefts, and one more theft that finds it in vain.
        assert_eq!(naps(&mut thief, 508 + 7, 1, SOON), 7);
        assert_eq!(naps(&mut thief, 10 * 257, 1, SOON), 10);
        // Until a nap pays once.
        assert_eq!(naps(&mut thief, 256, 1, SOON), 1);
        assert_eq!(naps(&mut thief, 10, FEW, SOON), 10);
    }

    #[test]
    fn a_nap_after_which_there_is_nothing_to_steal_was_in_vain() {
        let mut thief = Thief::new();
        naps(&mut thief, 4, 1, SOON);
        assert!(!thief.decide_to_nap());
        assert_eq!(naps(&mut thief, 7, 1, SOON), 0);
        assert_eq!(naps(&mut thief, 1, 1, SOON), 1);
    }

    #[test]
    fn the_loot_between_two_naps_does_not_matter() {
        let mut thief = Thief::new();
        naps(&mut thief, 4, 1, SOON);
        thief.stole(FEW);
        thief.stole(1);
        assert!(thief.decide_to_nap());
    }
}
