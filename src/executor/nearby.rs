//! Which cores sleepers are woken on, where that makes a difference.
//!
//! To wake a thread on the core of the one who wakes it takes Linux some 3 us; on another core
//! that is busy, 14. So of several sleepers the nearest is woken: the one that lay down on the
//! waker's core. If none did, and the waker is a nice thread, which gives way at once, the woken
//! worker is *called* there: it moves to that core before it lies down again, and is the nearest
//! next time. Wakers that are not nice may well go on and keep their core: they call nobody.
//!
//! Workers move only while they have nothing to do, and the system may move them elsewhere
//! whenever it sees reason to. None of this matters for whether work is seen: that is the business
//! of `idle.rs`.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::ids::WorkerId;
use crate::os_thread;

/// Where workers sleep and where they were called, if that makes a difference.
#[derive(Debug)]
pub(crate) struct Nearby {
    /// For each worker the core to which it was called, or [`NO_CALL`].
    calls: Option<Box<[AtomicUsize]>>,
}

/// Stands for a core where there is none.
const NO_CALL: usize = usize::MAX;

impl Nearby {
    /// All sleepers are as good as each other.
    pub(crate) fn indifferent() -> Nearby {
        Nearby { calls: None }
    }

    /// The nearest sleeper is woken.
    pub(crate) fn preferred(workers: usize) -> Nearby {
        let calls = (0..workers).map(|_| AtomicUsize::new(NO_CALL));
        Nearby {
            calls: Some(calls.collect()),
        }
    }

    /// Whether it makes a difference who is woken.
    #[inline]
    pub(crate) fn is_preferred(&self) -> bool {
        self.calls.is_some()
    }

    /// The core that the current thread runs on, if that makes a difference.
    pub(crate) fn here(&self) -> Option<usize> {
        self.calls.as_ref().and_then(|_| os_thread::core())
    }

    /// Calls a worker that is being woken to the core of the current thread, if that one is nice.
    pub(super) fn call(&self, worker: WorkerId, here: usize) {
        if let Some(calls) = &self.calls
            && os_thread::is_nice()
        {
            // Relaxed: nothing else hangs on it.
            calls[worker.index()].store(here, Ordering::Relaxed);
        }
    }

    /// Moves the current thread, whose worker is about to lie down, to where it was called.
    pub(super) fn follow_call(&self, worker: WorkerId) {
        let Some(calls) = &self.calls else { return };
        match calls[worker.index()].swap(NO_CALL, Ordering::Relaxed) {
            NO_CALL => {}
            core => os_thread::move_to_core(core),
        }
    }
}

#[cfg(all(test, not(loom), target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    const WORKER: WorkerId = WorkerId(1);

    /// The call that a thread of this niceness leaves.
    fn call_from(niceness: u8, nearby: &Nearby) -> usize {
        let call = || {
            os_thread::set_niceness(niceness).unwrap();
            nearby.call(WORKER, 7);
        };
        thread::scope(|scope| scope.spawn(call).join().unwrap());
        let calls = nearby.calls.as_ref().expect("nearness is preferred");
        calls[WORKER.index()].load(Ordering::Relaxed)
    }

    #[test]
    fn only_nice_threads_call_workers_to_their_core() {
        let nearby = Nearby::preferred(2);
        assert_eq!(call_from(0, &nearby), NO_CALL);
        assert_eq!(call_from(1, &nearby), 7);
    }

    #[test]
    fn a_call_is_followed_once() {
        let nearby = Nearby::preferred(2);
        let here = nearby.here().expect("Linux tells the core");
        let calls = nearby.calls.as_ref().expect("nearness is preferred");
        calls[WORKER.index()].store(here, Ordering::Relaxed);
        nearby.follow_call(WORKER);
        assert_eq!(calls[WORKER.index()].load(Ordering::Relaxed), NO_CALL);
    }

    #[test]
    fn where_nearness_makes_no_difference_nobody_asks_for_the_core() {
        assert_eq!(Nearby::indifferent().here(), None);
    }
}
