//! Workers stand by for those at home in a queue, and are called when one of those is away.
//!
//! A high worker that takes a low task is away until the poll ends, however long that takes. For
//! that time another worker stands by, at home in the high queue too, which takes from that queue
//! alone, and takes nothing once no high worker is away. So it stays parked where there are only
//! high tasks, or only low ones, and a high task need not wait for the end of a low poll.
//!
//! A bringer brings its work first and then looks whether a worker is away; a worker notes that it
//! goes away first and then looks whether there is work. So in every order of these four one of
//! them sees the other, and calls the standby. A standby that finds no worker away leaves the work
//! to those at home: a worker that has come back looks for work there before it parks or leaves.
//! See `standby/model.rs`.
//!
//! This file owns the number of those who are away. It never unparks a worker. Read `pace.rs` next.

use crossbeam_utils::CachePadded;

use crate::ids::CrewId;
use crate::sync::{AtomicUsize, Ordering, fence};

/// A worker's part in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Post {
    /// It takes what it finds along its route.
    AtHome,
    /// It takes nothing while no worker at home is away.
    Standby,
}

/// The crew that stands by for the workers at home in a queue, and how many of these are away.
#[derive(Debug)]
pub(crate) struct Standby {
    crew: CrewId,
    away: CachePadded<AtomicUsize>,
}

impl Standby {
    pub(crate) fn new(crew: CrewId) -> Standby {
        Standby {
            crew,
            away: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    pub(super) fn crew(&self) -> CrewId {
        self.crew
    }

    /// The crew to call for work that has become visible, in the way that `idle.rs` demands, before
    /// this look. `None`: no worker is away, and those at home see to the work.
    #[inline]
    pub(super) fn called(&self) -> Option<CrewId> {
        // SeqCst: reads after the work was written.
        let away = self.away.load(Ordering::SeqCst);
        (away > 0).then_some(self.crew)
    }

    /// Notes that a worker at home takes work of a lower rank. It has to look for work at home
    /// afterwards, since a bringer may have relied on it.
    pub(super) fn goes_away(&self) {
        self.away.fetch_add(1, Ordering::SeqCst);
        // Be away before looking for work at home.
        fence(Ordering::SeqCst);
    }

    /// Notes that the worker looks after its home again.
    pub(super) fn comes_back(&self) {
        let before = self.away.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "a worker comes back that was not away");
    }
}

#[cfg(all(test, loom))]
mod model;
