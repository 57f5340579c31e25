//! The way of a connection in HTTP/1 from hyper to the task that takes its upgrade.
//!
//! ```text
//!   kept ──────────► agreed ──────────────► answered ──────────► a tunnel, until it is dropped
//!     the service      http1.rs tells hyper   the socket has      `upgrade::Upgraded`
//!     says 101         that it is an upgrade  taken the answer
//! ```
//!
//! hyper gives a connection that has ended to the task that waits for the upgrade, whatever the
//! answer was. So it is not told of upgrades until there is one: the exchange keeps its answer back
//! (`agreed`), the connection's task goes on with hyper's connection as one that may be upgraded,
//! and only then does hyper get the answer.

use std::sync::atomic::{AtomicU8, Ordering};

/// How far a connection is on that way.
///
/// Relaxed throughout: the connection's task does all of this.
#[derive(Debug, Default)]
pub(crate) struct Handover(AtomicU8);

const AGREED: u8 = 1;
const ANSWERED: u8 = 2;

impl Handover {
    /// Notes that the service gives the connection away.
    pub(crate) fn agree(&self) {
        self.0.store(AGREED, Ordering::Relaxed);
    }

    /// Notes that hyper has the answer that says so.
    pub(crate) fn answer(&self) {
        self.0.store(ANSWERED, Ordering::Relaxed);
    }

    pub(crate) fn is_agreed(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AGREED
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.0.load(Ordering::Relaxed) == ANSWERED
    }
}

/// Warns of an answer that gives something away for which no task waits.
pub(crate) fn tell_of_nobody() {
    log::warn!(
        "a service gave its connection away by its answer, and no task took it: a task has to wait \
         for `upgrade::on` of the request"
    );
}
