//! Which of several parked workers is unparked: the policy that `parking.rs` is handed.
//!
//! The choice is made within one crew: `parking.rs` tells in which order crews are asked. A worker
//! at home in the work's queue goes before others of its crew, and of several the one that parked
//! last, whose caches are the warmest. That is all, unless nearness is preferred.
//!
//! **Nearness.** To unpark a thread on the core of the unparking thread is several times faster
//! than on another core that is busy (T14). It is preferred where the low threads are nice and the
//! high ones, standbys included, are no fewer than the cores (`runtime/plan.rs`). Of the parked
//! workers the nearest is taken then: one that parked on the core of the bringer. If none did, and
//! the bringer is a nice thread, which gives way at once, the worker is *called* there: it moves to
//! that core before it parks again, and is the nearest next time. Bringers that are not nice may
//! well go on and keep their core: they call no worker. Workers move only while they have nothing
//! to do, and the system may move them elsewhere whenever it sees reason to.
//!
//! All that is for high work, which is worth the interruption of a nice bringer. Other work is not:
//! the bringer goes on with its own poll, and a worker on its core would take turns with it while
//! another core has nothing to do. So no worker is called for other work, low workers are never
//! called, and of the parked workers one on another core is taken.
//!
//! **Reliance.** A bringer relies on a searcher that is there already. But a worker counts as a
//! searcher from when it is unparked, and may get its core only milliseconds later: Linux lets a
//! nice thread end its slice now and then, and a hypervisor takes cores away. So where nearness is
//! preferred, which is where high tasks are to start within microseconds, each piece of high work
//! unparks a worker of its own as long as one is parked (T15). More wake-ups than needed lose none.
//!
//! This file never decides whether work is seen: that is the business of `parking.rs`. Read
//! `spin.rs` next.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ids::{QueueId, WorkerId};
use crate::os_thread;

/// Whether nearness is preferred, and the cores to which parked workers were called.
#[derive(Debug)]
pub(crate) struct Nearby {
    /// For each worker the core to which it was called, or [`NO_CALL`].
    calls: Option<Box<[AtomicUsize]>>,
}

/// The workers that a bringer of work relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reliance {
    /// On those that search already.
    OnSearchers,
    /// On none: it unparks one in any case.
    OnNone,
}

/// Where a worker parks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) home: QueueId,
    /// Where its thread ran last, if that makes a difference.
    pub(super) core: Option<usize>,
}

/// Stands for a core where there is none.
const NO_CALL: usize = usize::MAX;

impl Nearby {
    /// All parked workers are as good as each other.
    pub(crate) fn indifferent() -> Nearby {
        Nearby { calls: None }
    }

    /// The nearest parked worker is taken.
    pub(crate) fn preferred(workers: usize) -> Nearby {
        let calls = (0..workers).map(|_| AtomicUsize::new(NO_CALL));
        Nearby {
            calls: Some(calls.collect()),
        }
    }

    /// The workers that a bringer of work in a queue relies on.
    #[inline]
    pub(super) fn reliance(&self, queue: QueueId) -> Reliance {
        match queue == QueueId::HIGH && self.calls.is_some() {
            true => Reliance::OnNone,
            false => Reliance::OnSearchers,
        }
    }

    /// The core that the current thread runs on, if that makes a difference.
    pub(crate) fn core_here(&self) -> Option<usize> {
        self.calls.as_ref().and_then(|_| os_thread::core())
    }

    /// Where the current thread's worker parks: where it was called, if it was.
    pub(super) fn find_spot(&self, worker: WorkerId, home: QueueId) -> Spot {
        self.follow_call(worker);
        Spot {
            home,
            core: self.core_here(),
        }
    }

    /// The position of the worker to take for work in `queue`. Workers at home there go first; of
    /// these, near ones for high work and those on other cores for other work; of these, the last
    /// to park.
    pub(super) fn best(
        &self,
        spots: impl Iterator<Item = Spot>,
        queue: QueueId,
        here: Option<usize>,
    ) -> Option<usize> {
        let near = |spot: &Spot| here.is_some() && spot.core == here;
        let fits = |spot: &Spot| near(spot) == (queue == QueueId::HIGH);
        // Of equals, the last.
        let (best, _) = spots
            .enumerate()
            .max_by_key(|(_, spot)| (spot.home == queue, fits(spot)))?;
        Some(best)
    }

    /// Notes that the current thread unparks a worker for work in `queue`. For high work, a nice
    /// thread calls a high worker that parked on another core to its own.
    pub(super) fn note_unpark(
        &self,
        worker: WorkerId,
        spot: Spot,
        queue: QueueId,
        here: Option<usize>,
    ) {
        if let (Some(calls), Some(here)) = (&self.calls, here)
            && (spot.home, queue) == (QueueId::HIGH, QueueId::HIGH)
            && spot.core != Some(here)
            && os_thread::is_nice()
        {
            // Relaxed: nothing else hangs on it.
            calls[worker.index()].store(here, Ordering::Relaxed);
        }
    }

    /// Moves the current thread, whose worker is about to park, to where it was called.
    fn follow_call(&self, worker: WorkerId) {
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

    /// The core to which a worker of the queue `home` is called by a nice thread on core 7 that
    /// unparks it for work in `queue`.
    fn call_from_nice_thread(home: QueueId, queue: QueueId) -> usize {
        call_from(1, home, queue)
    }

    fn call_from(niceness: u8, home: QueueId, queue: QueueId) -> usize {
        let nearby = Nearby::preferred(2);
        let call = || {
            os_thread::set_niceness(niceness).unwrap();
            let spot = Spot {
                home,
                core: Some(3),
            };
            nearby.note_unpark(WORKER, spot, queue, Some(7));
        };
        thread::scope(|scope| scope.spawn(call).join().unwrap());
        let calls = nearby.calls.as_ref().expect("nearness is preferred");
        calls[WORKER.index()].load(Ordering::Relaxed)
    }

    #[test]
    fn only_nice_threads_call_workers_to_their_core() {
        assert_eq!(call_from(0, QueueId::HIGH, QueueId::HIGH), NO_CALL);
        assert_eq!(call_from_nice_thread(QueueId::HIGH, QueueId::HIGH), 7);
    }

    #[test]
    fn low_workers_are_not_called_to_a_core_that_a_low_one_keeps() {
        assert_eq!(call_from_nice_thread(QueueId::LOW, QueueId::LOW), NO_CALL);
        assert_eq!(call_from_nice_thread(QueueId::LOW, QueueId::HIGH), NO_CALL);
    }

    #[test]
    fn no_worker_is_called_for_low_work() {
        assert_eq!(call_from_nice_thread(QueueId::HIGH, QueueId::LOW), NO_CALL);
    }

    #[test]
    fn a_high_worker_is_taken_from_the_bringers_core_and_a_low_one_from_another() {
        let nearby = Nearby::preferred(3);
        let best = |queue| {
            let spot = |core| Spot {
                home: queue,
                core: Some(core),
            };
            nearby.best([spot(3), spot(7), spot(3)].into_iter(), queue, Some(7))
        };
        assert_eq!(best(QueueId::HIGH), Some(1));
        assert_eq!(best(QueueId::LOW), Some(2));
    }

    #[test]
    fn a_call_is_followed_once() {
        let nearby = Nearby::preferred(2);
        let here = nearby.core_here().expect("Linux tells the core");
        let calls = nearby.calls.as_ref().expect("nearness is preferred");
        calls[WORKER.index()].store(here, Ordering::Relaxed);
        nearby.follow_call(WORKER);
        assert_eq!(calls[WORKER.index()].load(Ordering::Relaxed), NO_CALL);
    }

    #[test]
    fn where_nearness_makes_no_difference_no_thread_asks_for_the_core() {
        assert_eq!(Nearby::indifferent().core_here(), None);
    }
}
