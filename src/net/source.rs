//! One socket as the reactor knows it: what it is ready for, and the tasks that wait for that.
//!
//! The system tells once when a socket becomes ready, and not again before it has been used up. So
//! readiness is remembered until an attempt finds nothing. Between that attempt and its being
//! remembered a new event may come; so each event has a number, and an attempt takes back only the
//! readiness that it had seen.

use std::sync::Mutex;
use std::task::Waker;

use slab::Slab;

use super::readiness::{self, Direction, Readiness};
use crate::ground::sync::{AtomicUsize, Ordering, unpoisoned};

/// The state that the reactor and the owner of a socket share.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The [`Readiness`] in the lowest bits, and above them the number of the last event.
    state: AtomicUsize,
    waiters: Mutex<Waiters>,
}

/// The tasks that wait.
#[derive(Debug, Default)]
struct Waiters {
    /// The tasks that poll the socket itself: the last one of each direction.
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The futures that wait, any number of them. One that was woken and not polled since has no
    /// waker. Most sockets never have one.
    futures: Option<Box<Futures>>,
}

type Futures = Slab<(Direction, Option<Waker>)>;

/// The state at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(usize);

/// The place of a future among those that wait.
#[derive(Debug)]
pub(super) struct WaiterId(usize);

/// The number of events counts above the readiness. It may wrap: an attempt would have to last for
/// as long as all numbers take.
const ONE_EVENT: usize = 1 << readiness::BITS;

impl Seen {
    pub(super) fn readiness(self) -> Readiness {
        Readiness::of(self.0)
    }
}

impl Source {
    pub(super) fn seen(&self) -> Seen {
        // Acquire: pairs with the Release in `set`. All that the reactor did before is seen.
        Seen(self.state.load(Ordering::Acquire))
    }

    /// Notes an event, and adds the wakers of the tasks that waited for it.
    pub(super) fn set(&self, new: Readiness, ready: &mut Vec<Waker>) {
        let note = |state: usize| Some(state.wrapping_add(ONE_EVENT) | new.bits());
        let (store, load) = (Ordering::Release, Ordering::Relaxed);
        let noted = self.state.fetch_update(store, load, note);
        noted.expect("every event can be noted");
        // The lock comes after the note: a task that was entered before it is found here, and one
        // that is entered later sees the note.
        unpoisoned(self.waiters.lock()).take(new, ready);
    }

    /// Notes that there will be no more events.
    pub(super) fn close(&self, ready: &mut Vec<Waker>) {
        self.set(Readiness::GONE, ready);
    }

    /// Forgets this readiness, unless an event has come since the socket was seen so.
    pub(super) fn forget(&self, seen: Seen, readiness: Readiness) {
        let rest = seen.0 & !readiness.bits();
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = self.state.compare_exchange(seen.0, rest, success, failure);
    }

    /// Puts an attempt in this direction off, unless the last one was: every other one is put off.
    pub(super) fn put_off(&self, direction: Direction) -> bool {
        let bit = Readiness::put_off(direction).bits();
        self.state.fetch_xor(bit, Ordering::Relaxed) & bit == 0
    }

    /// Leaves the waker of a task that polls in this direction, in the place of the last one's.
    /// The state after that: if it allows an attempt, the event may have come before.
    pub(super) fn leave_waker(&self, direction: Direction, waker: &Waker) -> Seen {
        // Cloned and dropped outside of the lock: both may be code of the user's.
        let new = waker.clone();
        let mut waiters = unpoisoned(self.waiters.lock());
        let place = match direction {
            Direction::Read => &mut waiters.reader,
            Direction::Write => &mut waiters.writer,
        };
        let old = place.replace(new);
        drop(waiters);
        drop(old);
        self.seen()
    }

    /// Enters a future, or another waker for one that is entered.
    pub(super) fn enter(&self, id: &mut Option<WaiterId>, direction: Direction, waker: &Waker) {
        // Cloned and dropped outside of the lock: both may be code of the user's.
        let entry = (direction, Some(waker.clone()));
        let mut waiters = unpoisoned(self.waiters.lock());
        let futures = waiters.futures.get_or_insert_default();
        let known = id.as_ref().and_then(|id| futures.get_mut(id.0));
        let old = match known {
            Some(known) => Some(std::mem::replace(known, entry)),
            None => {
                *id = Some(WaiterId(futures.insert(entry)));
                None
            }
        };
        drop(waiters);
        drop(old);
    }

    /// Takes a future out again.
    pub(super) fn remove(&self, id: WaiterId) {
        let mut waiters = unpoisoned(self.waiters.lock());
        let futures = waiters.futures.as_mut();
        let removed = futures.and_then(|futures| futures.try_remove(id.0));
        drop(waiters);
        drop(removed);
    }
}

impl Waiters {
    /// Adds the wakers of the tasks that waited for what is ready. Futures stay entered until they
    /// are ready themselves.
    fn take(&mut self, new: Readiness, ready: &mut Vec<Waker>) {
        if new.allows(Direction::Read) {
            ready.extend(self.reader.take());
        }
        if new.allows(Direction::Write) {
            ready.extend(self.writer.take());
        }
        let Some(futures) = &mut self.futures else {
            return;
        };
        let waiting = futures.iter_mut();
        let woken = waiting.filter(|(_, (direction, _))| new.allows(*direction));
        ready.extend(woken.filter_map(|(_, (_, waker))| waker.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Source {
        /// How many futures are entered.
        pub(in crate::net) fn waiting(&self) -> usize {
            let waiters = unpoisoned(self.waiters.lock());
            waiters.futures.as_ref().map_or(0, |futures| futures.len())
        }
    }

    #[test]
    fn an_event_that_comes_during_an_attempt_is_not_forgotten_with_it() {
        let source = Source::default();
        let ready = &mut Vec::new();
        source.set(Readiness::READ, ready);
        let seen = source.seen();
        source.set(Readiness::READ, ready);
        source.forget(seen, Readiness::READ);
        assert!(source.seen().readiness().allows(Direction::Read));
        source.forget(source.seen(), Readiness::READ);
        assert!(!source.seen().readiness().allows(Direction::Read));
    }

    #[test]
    fn what_is_closed_stays_ready_until_an_attempt_would_have_to_wait() {
        let source = Source::default();
        source.set(Readiness::READ | Readiness::READ_CLOSED, &mut Vec::new());
        let seen = source.seen();
        source.forget(seen, seen.readiness().used_up(Direction::Read));
        assert!(source.seen().readiness().allows(Direction::Read));
        assert!(!source.seen().readiness().allows(Direction::Write));
        source.forget(source.seen(), Readiness::disproved(Direction::Read));
        assert_eq!(source.seen().readiness(), Readiness::NONE);
    }
}
