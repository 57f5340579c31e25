//! The observers of a runtime: one from its beginning, and others for a while.
//!
//! This file owns the observers, and knows nothing of events. None is called while its lock is
//! held.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use super::event::Observer;
use crate::ground::shield::{drop_shielded, shielded};
use crate::ground::sync::unpoisoned;

/// How many runtimes of the process have an observer at the moment.
static OBSERVED: AtomicUsize = AtomicUsize::new(0);

/// Whether any runtime of the process has an observer: one relaxed load, for code that does not
/// know its runtime yet.
#[inline]
pub(crate) fn anyone_observes() -> bool {
    OBSERVED.load(Ordering::Relaxed) != 0
}

/// The observers of one runtime.
pub(crate) struct Observers {
    first: Option<ShieldedObserver>,
    /// Whether there is an observer. Changed with the lock of `guests` held.
    has_any: AtomicBool,
    /// Those that came later, and their numbers. Copied for each event, by reference.
    guests: RwLock<Arc<[Guest]>>,
}

#[derive(Clone)]
struct Guest {
    number: u64,
    observer: ShieldedObserver,
}

/// An observer whose destructor may panic. The last reference may be dropped in the middle of a
/// worker's step, or with a thread, and a panic goes no further.
#[derive(Clone)]
struct ShieldedObserver(Option<Arc<dyn Observer>>);

impl ShieldedObserver {
    fn call(&self, call: &mut impl FnMut(&dyn Observer)) {
        if let Some(observer) = &self.0 {
            shielded("the runtime's observer", || call(&**observer));
        }
    }
}

impl Drop for ShieldedObserver {
    fn drop(&mut self) {
        drop_shielded(self.0.take());
    }
}

impl Observers {
    pub(crate) fn new(first: Option<Arc<dyn Observer>>) -> Observers {
        let observers = Observers {
            has_any: AtomicBool::new(false),
            guests: RwLock::new(Arc::from([])),
            first: first.map(|first| ShieldedObserver(Some(first))),
        };
        observers.change(|_| {});
        observers
    }

    #[inline]
    pub(crate) fn has_any(&self) -> bool {
        // Relaxed: an observer that comes while something happens may miss it.
        self.has_any.load(Ordering::Relaxed)
    }

    /// Calls each observer, and stops their panics here.
    pub(crate) fn call(&self, mut call: impl FnMut(&dyn Observer)) {
        if !self.has_any() {
            return;
        }
        if let Some(first) = &self.first {
            first.call(&mut call);
        }
        let guests = unpoisoned(self.guests.read()).clone();
        guests
            .iter()
            .for_each(|guest| guest.observer.call(&mut call));
    }

    /// Adds an observer, and gives the number by which it is let go.
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) -> u64 {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed) as u64;
        let observer = ShieldedObserver(Some(observer));
        self.change(|guests| guests.push(Guest { number, observer }));
        number
    }

    pub(crate) fn remove(&self, number: u64) {
        self.change(|guests| guests.retain(|guest| guest.number != number));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Guest>)) {
        let mut guests = unpoisoned(self.guests.write());
        let mut changed = guests.to_vec();
        change(&mut changed);
        let has_any = self.first.is_some() || !changed.is_empty();
        let before = std::mem::replace(&mut *guests, changed.into());
        match (self.has_any.swap(has_any, Ordering::Relaxed), has_any) {
            (false, true) => drop(OBSERVED.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(OBSERVED.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        // Unlock before dropping: an observer's destructor may do anything.
        drop(guests);
        drop(before);
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        if self.has_any() {
            OBSERVED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers")
            .field("has_any", &self.has_any())
            .finish_non_exhaustive()
    }
}
