//! A worker that steals and comes back too early lets more tasks gather first.
//!
//! A poll that spawns one small task after the other fills its worker's deque. A worker that
//! searches takes the first of them, runs it in no time, finds nothing more and parks; the next
//! spawn finds it parked and has to unpark it. So each task costs a wake-up, and where both threads
//! share a core because the other cores are busy, two changes of the thread besides.
//!
//! So a thief whose loot was small several times in a row, and which parked for a short time only
//! between those thefts, does not park when it has nothing to do: it *naps*. No thread has to wake
//! it, and it comes back by itself to a deque that holds many. It goes on so as long as that pays.
//! If it does not, the tasks come one by one: the worker lets twice as many small thefts pass
//! before it tries again (T23).
//!
//! A worker that naps is for all others like one in a poll of that length: they do not count on it,
//! and if it was the last searcher, it has unparked another for the work that came meanwhile
//! (`idle.rs`). Read `executor.rs` next.

use std::time::Duration;

/// A worker's memory of its last thefts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thief {
    habit: IdleHabit,
    /// After how many small thefts in a row the worker begins to nap.
    patience: u32,
    /// When it parked last, since the runtime was made.
    parked_at: Duration,
}

/// The habit of a worker that has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdleHabit {
    /// It parks, and has made that many small thefts in a row: fewer than its patience.
    Parks { small_thefts: u32 },
    /// It naps.
    Naps,
    /// It has napped, and its next theft tells whether that has paid.
    Napped,
}

/// How long a nap lasts, at least. The system adds some 50 us.
pub(crate) const NAP: Duration = Duration::from_micros(30);

/// A worker that was parked for longer begins a new row of thefts.
const SHORT: Duration = Duration::from_micros(100);

/// A loot of fewer tasks is small.
const FEW: usize = 4;

const LEAST_PATIENCE: u32 = 4;
const MOST_PATIENCE: u32 = 256;

impl Thief {
    pub(super) fn new() -> Thief {
        Thief {
            habit: IdleHabit::Parks { small_thefts: 0 },
            patience: LEAST_PATIENCE,
            parked_at: Duration::ZERO,
        }
    }

    /// Notes a theft of this many tasks.
    pub(super) fn stole(&mut self, tasks: usize) {
        self.habit = match self.habit {
            IdleHabit::Naps => IdleHabit::Naps,
            IdleHabit::Napped if tasks >= FEW => {
                self.patience = LEAST_PATIENCE;
                IdleHabit::Naps
            }
            IdleHabit::Napped => self.napped_in_vain(),
            IdleHabit::Parks { .. } if tasks >= FEW => IdleHabit::Parks { small_thefts: 0 },
            IdleHabit::Parks { small_thefts } => match small_thefts + 1 {
                more if more >= self.patience => IdleHabit::Naps,
                more => IdleHabit::Parks { small_thefts: more },
            },
        };
    }

    /// Whether the worker, which has nothing to do, naps.
    pub(super) fn naps(&mut self) -> bool {
        let naps = self.habit == IdleHabit::Naps;
        self.habit = match self.habit {
            IdleHabit::Naps => IdleHabit::Napped,
            IdleHabit::Napped => self.napped_in_vain(),
            parks => parks,
        };
        naps
    }

    fn napped_in_vain(&mut self) -> IdleHabit {
        self.patience = MOST_PATIENCE.min(2 * self.patience);
        IdleHabit::Parks { small_thefts: 0 }
    }

    /// Notes that the worker parks.
    pub(super) fn parked(&mut self, now: Duration) {
        self.parked_at = now;
    }

    /// Notes that the worker was unparked.
    pub(super) fn unparked(&mut self, now: Duration) {
        if now.saturating_sub(self.parked_at) > SHORT
            && let IdleHabit::Parks { small_thefts } = &mut self.habit
        {
            *small_thefts = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_micros(10);

    /// Steals a given number of times, and parks after each theft for as long as is said. Gives
    /// how many times it napped instead.
    fn naps(thief: &mut Thief, times: usize, loot: usize, rest: Duration) -> usize {
        let mut now = Duration::from_secs(1);
        let napped = (0..times).filter(|_| {
            thief.stole(loot);
            let naps = thief.naps();
            if !naps {
                thief.parked(now);
                now += rest;
                thief.unparked(now);
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
        assert_eq!(naps(&mut thief, 100, 1, 2 * SHORT), 0);
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
        assert!(!thief.naps());
        assert_eq!(naps(&mut thief, 7, 1, SOON), 0);
        assert_eq!(naps(&mut thief, 1, 1, SOON), 1);
    }

    #[test]
    fn what_is_stolen_between_two_naps_does_not_matter() {
        let mut thief = Thief::new();
        naps(&mut thief, 4, 1, SOON);
        thief.stole(FEW);
        thief.stole(1);
        assert!(thief.naps());
    }
}
