//! The rounds of a searching worker before it rests.
//!
//! This file never knows the places that are looked at, and never decides whether the worker rests
//! afterwards. Read `patience.rs` next.

use std::thread;

use crate::ground::moment;

/// How often a searching worker looks again, and how it waits between two looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spin {
    /// How often it looks again.
    pub(crate) rounds: u32,
    /// Whether it offers its core to other threads now and then. They may be the ones that are
    /// about to bring work; but threads of another niceness would keep the core.
    pub(crate) offers_core: bool,
}

impl Spin {
    /// Looks in each round, and gives the first thing found.
    pub(crate) fn look_again<T>(self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        (1..=self.rounds).find_map(|round| {
            self.wait_a_little(round);
            look()
        })
    }

    /// Lets some moments pass, so that a searcher does not keep the cache lines from the threads
    /// that are to bring it work.
    fn wait_a_little(self, round: u32) {
        match self.offers_core && round.is_multiple_of(4) {
            true => thread::yield_now(),
            false => (0..4).for_each(|_| moment::pass()),
        }
    }
}
