//! When a worker is on the heels of the thread that fills a channel, and lets a batch gather first.
//!
//! A thread outside that spawns one task after the other fills a channel about as fast as one
//! worker empties it. The worker then finds one or two tasks each time it looks, and for each of
//! them the two cores hand each other the same cache lines: those of the channel, and those of the
//! tasks, which lie side by side in memory. A worker that waits 2 us before it takes finds twenty
//! tasks instead.
//!
//! So a worker that found few, several times in a row and without a rest, waits before the next
//! time, and goes on to do so as long as it pays. If it does not, the tasks come one by one: the
//! worker lets twice as many small takes pass before it tries again (T9). Only the worker's own
//! thread waits, and never for long. Read `thief.rs` next.

use std::hint;
use std::num::NonZero;

use super::host::Spin;

/// What a worker remembers of the last times it took from a channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    habit: TakeHabit,
    /// After how many small takes in a row the worker begins to wait.
    patience: u32,
}

/// What a worker does when it is about to take from a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TakeHabit {
    /// It takes at once, for ever: no other thread could bring anything meanwhile.
    NeverWaits,
    /// It takes at once, and has made that many small takes in a row: fewer than its patience.
    TakesAtOnce { small_takes: u32 },
    /// It waits for more tasks before it takes, unless there are enough.
    Waits,
}

/// Fewer tasks than this are a small take.
const FEW: usize = 4;

/// No worker waits for more tasks than this.
const ENOUGH: usize = 16;

/// How many of the processor's pauses a wait takes: some 2 us.
const PAUSES: u32 = 60;

const LEAST_PATIENCE: u32 = 4;
const MOST_PATIENCE: u32 = 256;

impl Pace {
    pub(super) fn new(spin: Spin) -> Pace {
        Pace {
            habit: match spin.rounds {
                0 => TakeHabit::NeverWaits,
                _ => TakeHabit::TakesAtOnce { small_takes: 0 },
            },
            patience: LEAST_PATIENCE,
        }
    }

    /// How many tasks there are to take, if any: those that are there, or after waiting for more.
    pub(super) fn gather(&mut self, len: impl Fn() -> usize) -> Option<usize> {
        let found = NonZero::new(len())?.get();
        if self.habit == TakeHabit::Waits && found < ENOUGH {
            (0..PAUSES).for_each(|_| hint::spin_loop());
            let found = len();
            self.waited_for(found);
            return Some(found);
        }
        self.took_at_once(found);
        Some(found)
    }

    /// Notes how many tasks there were after a wait. If it has not paid, the worker lets twice as
    /// many small takes pass before the next.
    fn waited_for(&mut self, len: usize) {
        let (patience, habit) = match len < FEW {
            true => (2 * self.patience, TakeHabit::TakesAtOnce { small_takes: 0 }),
            false => (LEAST_PATIENCE, TakeHabit::Waits),
        };
        self.patience = patience.min(MOST_PATIENCE);
        self.habit = habit;
    }

    /// Notes how many tasks there were without a wait.
    fn took_at_once(&mut self, len: usize) {
        let TakeHabit::TakesAtOnce { small_takes } = self.habit else {
            return;
        };
        assert!(
            small_takes < self.patience,
            "{small_takes} small takes and no wait"
        );
        self.habit = match small_takes + 1 {
            _ if len >= FEW => TakeHabit::TakesAtOnce { small_takes: 0 },
            more if more >= self.patience => TakeHabit::Waits,
            more => TakeHabit::TakesAtOnce { small_takes: more },
        };
    }

    /// Notes that the worker has rested, so that it is not on the heels of a thread that fills the
    /// channel.
    pub(super) fn rested(&mut self) {
        if self.habit != TakeHabit::NeverWaits {
            self.habit = TakeHabit::TakesAtOnce { small_takes: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn pace(rounds: u32) -> Pace {
        Pace::new(Spin {
            rounds,
            offers_core: true,
        })
    }

    /// Takes a given number of times from a channel that holds `found` tasks, and `gathered` after
    /// a wait. Gives how often it waited.
    fn waits(pace: &mut Pace, times: usize, found: usize, gathered: usize) -> usize {
        let waited = (0..times).filter(|_| {
            let looks = Cell::new(0);
            let len = || match looks.replace(looks.get() + 1) {
                0 => found,
                _ => gathered,
            };
            let taken = pace.gather(len).expect("there are tasks");
            let waited = looks.get() > 1;
            assert_eq!(taken, if waited { gathered } else { found });
            waited
        });
        waited.count()
    }

    #[test]
    fn who_finds_few_again_and_again_waits_for_more() {
        let mut pace = pace(100);
        assert_eq!(waits(&mut pace, 4, 1, 20), 0);
        assert_eq!(waits(&mut pace, 100, 1, 20), 100);
    }

    #[test]
    fn who_finds_enough_does_not_wait() {
        let mut pace = pace(100);
        assert_eq!(waits(&mut pace, 100, FEW, 20), 0);
        waits(&mut pace, 5, 1, 20);
        assert_eq!(waits(&mut pace, 1, ENOUGH, 20), 0);
        assert_eq!(waits(&mut pace, 1, ENOUGH - 1, 20), 1);
    }

    #[test]
    fn few_count_only_if_they_are_in_a_row() {
        let mut pace = pace(100);
        for _ in 0..100 {
            assert_eq!(waits(&mut pace, 3, 1, 20), 0);
            assert_eq!(waits(&mut pace, 1, FEW, 20), 0);
        }
    }

    #[test]
    fn who_waits_in_vain_waits_ever_less_often() {
        let mut pace = pace(100);
        // 4 + 8 + ... + 256 takes, and a wait after each of these runs.
        assert_eq!(waits(&mut pace, 508 + 7, 1, 1), 7);
        assert_eq!(waits(&mut pace, 10 * 257, 1, 1), 10);
        // Until a wait pays once.
        assert_eq!(waits(&mut pace, 256, 1, 20), 0);
        assert_eq!(waits(&mut pace, 10, 1, 20), 10);
    }

    #[test]
    fn after_a_rest_the_count_begins_anew() {
        let mut pace = pace(100);
        waits(&mut pace, 10, 1, 20);
        pace.rested();
        assert_eq!(waits(&mut pace, 3, 1, 20), 0);
        pace.rested();
        assert_eq!(waits(&mut pace, 4, 1, 20), 0);
        assert_eq!(waits(&mut pace, 1, 1, 20), 1);
    }

    #[test]
    fn an_empty_channel_is_left_at_once_and_does_not_count() {
        let mut pace = pace(100);
        waits(&mut pace, 3, 1, 20);
        (0..10).for_each(|_| assert_eq!(pace.gather(|| 0), None));
        assert_eq!(waits(&mut pace, 1, 1, 20), 0);
        assert_eq!(waits(&mut pace, 1, 1, 20), 1);
    }

    #[test]
    fn where_nobody_could_bring_more_meanwhile_there_is_no_wait() {
        assert_eq!(waits(&mut pace(0), 1000, 1, 20), 0);
    }
}
