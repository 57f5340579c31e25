//! The patience of a worker that comes for tasks too early: it begins to wait for more of them.
//!
//! A worker that comes for the tasks of others may find few of them, again and again, because it
//! comes too early. A wait before it comes pays only where more tasks gather meanwhile. So it waits
//! when it has found few several times in a row, and keeps waiting, before each find, as long as
//! that pays. If it does not pay, twice as many small finds have to pass before it tries again.
//!
//! This file knows neither how the worker waits nor for how long: `pace.rs`, `thief.rs` and
//! `linger.rs` do. Read `pace.rs` next.

use std::time::Duration;

/// A worker's memory of its last finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How many small finds there were in a row.
    small_finds: u32,
    /// After how many of them the worker waits.
    limit: u32,
}

/// Whether a worker has found enough tasks to be worth the trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Find {
    Small,
    Enough,
}

/// Fewer tasks than this are a small find.
pub(super) const FEW: usize = 4;

/// A worker that was parked for longer begins a new row of finds.
pub(super) const SHORT_REST: Duration = Duration::from_micros(100);

impl Find {
    pub(super) fn of(tasks: usize) -> Find {
        match tasks {
            ..FEW => Find::Small,
            _ => Find::Enough,
        }
    }
}

const LEAST: u32 = 4;
const MOST: u32 = 256;

impl Patience {
    pub(super) fn new() -> Patience {
        Patience {
            small_finds: 0,
            limit: LEAST,
        }
    }

    /// Whether the worker waits before it comes the next time.
    pub(super) fn calls_for_wait(self) -> bool {
        self.small_finds >= self.limit
    }

    /// Notes what the worker has found without a wait.
    pub(super) fn found(&mut self, find: Find) {
        let (row, limit) = (self.small_finds, self.limit);
        assert!(row < limit, "{row} small finds, of {limit}, and no wait");
        self.small_finds = match find {
            Find::Small => row + 1,
            Find::Enough => 0,
        };
    }

    /// Notes what the worker has found after a wait.
    pub(super) fn waited_for(&mut self, find: Find) {
        match find {
            Find::Small => {
                self.small_finds = 0;
                self.limit = MOST.min(2 * self.limit);
            }
            // The row stays: the worker waits the next time, too.
            Find::Enough => self.limit = LEAST,
        }
    }

    /// Lets the next find begin a new row.
    pub(super) fn begin_anew(&mut self) {
        self.small_finds = 0;
    }
}
