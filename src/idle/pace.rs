//! The pace of a worker on the heels of the thread that fills a channel: it lets a batch gather
//! first.
//!
//! A thread outside that spawns one task after the other fills a channel about as fast as one
//! worker empties it. The worker then finds one or two tasks each time it looks, and for each of
//! them the two cores hand each other the same cache lines: those of the channel, and those of the
//! tasks, which lie side by side in memory. A worker that waits 2 us before it takes finds twenty
//! tasks instead.
//!
//! So a worker that found few, several times in a row and without a rest, waits before the next
//! time (T9): by the rule of `patience.rs`. Only the worker's own thread waits, and never for long.
//! Read `thief.rs` next.

use std::num::NonZero;

use super::patience::{Find, Patience};
use super::spin::Spin;
use crate::ground::moment;

/// A worker's memory of the last times it took from a channel. `None`: it takes at once, for ever,
/// since no other thread could bring anything meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(Option<Patience>);

/// A worker that finds this many does not wait for more.
const ENOUGH: usize = 16;

/// How many moments a wait takes: some 2 us.
const MOMENTS: u32 = 60;

impl Pace {
    pub(crate) fn new(spin: Spin) -> Pace {
        Pace((spin.rounds > 0).then(Patience::new))
    }

    /// How many tasks there are to take, if any: those that are there, or after waiting for more.
    pub(crate) fn gather(&mut self, len: impl Fn() -> usize) -> Option<usize> {
        let found = NonZero::new(len())?.get();
        let Some(patience) = &mut self.0 else {
            return Some(found);
        };
        if !patience.calls_for_wait() {
            patience.found(Find::of(found));
        } else if found < ENOUGH {
            (0..MOMENTS).for_each(|_| moment::pass());
            let gathered = len();
            patience.waited_for(Find::of(gathered));
            return Some(gathered);
        }
        Some(found)
    }

    /// Notes that the worker has rested, so that it is not on the heels of a thread that fills the
    /// channel.
    pub(crate) fn rested(&mut self) {
        self.0.iter_mut().for_each(Patience::begin_anew);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::patience::FEW;
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
    fn a_worker_that_finds_few_again_and_again_waits_for_more() {
        let mut pace = pace(100);
        assert_eq!(waits(&mut pace, 4, 1, 20), 0);
        assert_eq!(waits(&mut pace, 100, 1, 20), 100);
    }

    #[test]
    fn a_worker_that_finds_enough_does_not_wait() {
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
    fn a_worker_that_waits_in_vain_waits_ever_less_often() {
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
    fn where_no_thread_could_bring_more_meanwhile_there_is_no_wait() {
        assert_eq!(waits(&mut pace(0), 1000, 1, 20), 0);
    }
}
