//! One thread's part of a recording at a time: its ring, its sense of time, and its names.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::names::Names;
use super::packed::{EventKind, Packed};
use super::ring::{Ring, Stamped};
use crate::ground::ids::TaskId;
use crate::ground::sync::unpoisoned;

/// The events that one thread at a time tells.
///
/// A thread that owns a track writes without asking another thread. It becomes the owner of one
/// that no thread owns, and stays so until it gives the track up itself: a worker's thread does
/// when another one takes its worker over. So there are never two threads that write.
pub(super) struct Track {
    /// The number of the thread that owns it.
    owner: AtomicU64,
    /// The time of the last event.
    at: AtomicU64,
    /// The last event, packed.
    told: AtomicU64,
    ring: Ring,
    names: Mutex<Names>,
}

/// In place of an owner's number.
const NOBODY: u64 = 0;

thread_local! {
    /// This thread's number among those that have ever told anything; 0 before.
    static NUMBER: Cell<u64> = const { Cell::new(NOBODY) };
}

impl Track {
    /// A track that keeps `capacity` events.
    pub(super) fn new(capacity: usize) -> Track {
        Track {
            owner: AtomicU64::new(NOBODY),
            at: AtomicU64::new(0),
            told: AtomicU64::new(EventKind::Parked as u64),
            ring: Ring::new(capacity),
            names: Mutex::new(Names::new(capacity)),
        }
    }

    /// Makes this thread the owner, if neither it nor another thread is.
    pub(super) fn claim(&self) -> bool {
        let own = own_number();
        // Acquire; pairs with the Release in `give_up`: the owner before has written its last.
        let claimed =
            self.owner
                .compare_exchange(NOBODY, own, Ordering::Acquire, Ordering::Relaxed);
        claimed.is_ok() || claimed == Err(own)
    }

    /// Whether this thread is the owner.
    pub(super) fn is_own(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == own_number()
    }

    /// Lets another thread become the owner. To be called by the owner.
    pub(super) fn give_up(&self) {
        self.owner.store(NOBODY, Ordering::Release);
    }

    /// The time after that of the last event.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        self.at.load(Ordering::Relaxed) + 1
    }

    /// Whether this event is told right after the last one, and there is room for it.
    #[inline]
    pub(super) fn takes_at_once(&self, event: Packed) -> bool {
        let last = self.told.load(Ordering::Relaxed);
        event.comes_at_once_after(last) && self.ring.has_room()
    }

    /// Adds an event, for which there is room. To be called by one thread at a time: the owner, or
    /// the thread that holds a lock.
    #[inline]
    pub(super) fn push(&self, event: Stamped) {
        // Relaxed: the thread that writes here next has been told so.
        self.at.store(event.at, Ordering::Relaxed);
        self.told.store(event.event.what, Ordering::Relaxed);
        self.ring.push(event);
    }

    /// As [`push`](Track::push), and makes room first if there is none.
    pub(super) fn make_room_and_push(&self, event: Stamped) {
        if !self.ring.has_room() {
            self.ring.make_room();
        }
        self.push(event);
    }

    /// The last events from the one with this number on, and how many came before them.
    pub(super) fn read_from(&self, number: u64) -> (Vec<Stamped>, u64) {
        self.ring.read_from(number)
    }

    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        // A poisoned lock is fine: the names are whole between any two of their calls.
        unpoisoned(self.names.lock())
    }

    pub(super) fn push_name(&self, task: TaskId, name: Box<str>) {
        self.names().push(task, name);
    }
}

fn own_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(NOBODY + 1);
    if NUMBER.get() == NOBODY {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}
