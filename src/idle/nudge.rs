//! The nudge, by which a nice thread unparks a worker without a lock.
//!
//! A nice thread may lose its core at any instruction, and get it back seconds later. If it took
//! workers from among the parked, as other bringers do, it would hold the lock of a crew meanwhile,
//! or the only parked worker in its hands, marked awake and asleep. So it only *nudges* a worker:
//! the worker stays among the parked, where any other bringer finds it, gets up, and takes itself
//! back.
//!
//! # The protocol
//!
//! - A worker that parks marks itself parked, takes back old nudges, **posts** a handle of its
//!   thread, and then enters the census (`parking.rs`).
//! - A nice bringer, which has seen a parked worker in the census, takes a handle. It looks whether
//!   that worker is still parked: if so, it writes down the nudge and ends the worker's wait; and
//!   if not, it goes on to the next handle. Where there is none left it is done.
//!
//! # Why no wake-up is lost
//!
//! `parking.rs` has three cases, and here the first of them differs: the bringer read *none
//! searching and one parked*, and did not make a searcher of one. Let W be a worker that it read to
//! be parked. W's handle was posted before that read. If the bringer has taken it, W was still
//! parked and is nudged, or was awake: then another thread has unparked it after the read. If
//! another nice bringer has taken it, the same holds for that one, and so it does where the bringer
//! relies on a worker that was nudged before. In each case W becomes a searcher later than the
//! read, by itself or by the other thread, and the third case goes on from there. A handle that is
//! taken late, after W has got up and while it parks again, may cost W its nudge. But W posts a new
//! one after that, has seen by it all that the bringer did before, and looks for work once more, or
//! leaves searchers that do.
//!
//! A nice bringer that loses its core between the handle and the nudge keeps its own work waiting,
//! and that of nice threads that rely on its nudge; no other thread's. The watchdog sees such work
//! where a worker has brought it, and unparks a worker for it. Read `lookout.rs` next.

use std::fmt;

use crossbeam_utils::CachePadded;

use super::nearby::Spot;
use crate::ground::ids::{CrewId, QueueId, WorkerId};
use crate::ground::sync::{AtomicBool, AtomicCell, AtomicUsize, Ordering, Thread};

/// A perch for each worker, in the workers' order.
pub(super) struct Perches(Box<[CachePadded<Perch>]>);

/// The place where a parked worker shows what a nudge needs.
#[derive(Default)]
struct Perch {
    /// The handle of the worker's thread, from when it parks until a bringer takes it.
    handle: AtomicCell<Option<Thread>>,
    /// Whether there is a handle, for a look. Set after that is posted, cleared before it is taken.
    is_posted: AtomicBool,
    /// Set by the bringer that has taken the handle, cleared before the next is posted.
    is_nudged: AtomicBool,
    /// The worker's crew, its home, and its core and one, or zero.
    crew: AtomicUsize,
    home: AtomicUsize,
    core: AtomicUsize,
}

/// A parked worker that a bringer may nudge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Perched {
    pub(super) worker: WorkerId,
    pub(super) spot: Spot,
}

impl Perches {
    pub(super) fn new(workers: usize) -> Perches {
        Perches((0..workers).map(|_| CachePadded::default()).collect())
    }

    /// Posts the handle of a worker that parks and has been marked parked.
    pub(super) fn post(&self, crew: CrewId, worker: WorkerId, spot: Spot, thread: Thread) {
        let perch = &self.0[worker.index()];
        // Relaxed: the swap below orders it, and the mark after that the rest.
        perch.is_nudged.store(false, Ordering::Relaxed);
        perch.crew.store(crew.0, Ordering::Relaxed);
        perch.home.store(spot.home.index(), Ordering::Relaxed);
        let core = spot.core.map_or(0, |core| core + 1);
        perch.core.store(core, Ordering::Relaxed);
        drop(perch.handle.swap(Some(thread)));
        // Release: pairs with the Acquire in `of_crew`.
        perch.is_posted.store(true, Ordering::Release);
    }

    /// The workers of a crew that have posted a handle which is not taken yet.
    pub(super) fn of_crew(&self, crew: CrewId) -> impl Iterator<Item = Perched> {
        let perches = self.0.iter().enumerate();
        perches.filter_map(move |(index, perch)| {
            let is_posted = perch.is_posted.load(Ordering::Acquire);
            let is_here = is_posted && perch.crew.load(Ordering::Relaxed) == crew.0;
            is_here.then(|| Perched {
                worker: WorkerId(number(index)),
                spot: perch.spot(),
            })
        })
    }

    /// The workers of some crews that were nudged and have not parked again since.
    pub(super) fn nudged(&self, crews: &[CrewId]) -> impl Iterator<Item = WorkerId> {
        let of_these = |perch: &Perch| {
            let crew = perch.crew.load(Ordering::Relaxed);
            crews.iter().any(|id| id.0 == crew)
        };
        let perches = self.0.iter().enumerate();
        let nudged = perches.filter(move |(_, perch)| perch.is_nudged() && of_these(perch));
        nudged.map(|(index, _)| WorkerId(number(index)))
    }

    /// Takes the handle of a worker, unless another bringer was faster.
    pub(super) fn take(&self, worker: WorkerId) -> Option<Thread> {
        let perch = &self.0[worker.index()];
        perch.is_posted.store(false, Ordering::Relaxed);
        perch.handle.take()
    }

    /// Writes down a nudge. The caller ends the worker's wait after it.
    pub(super) fn nudge(&self, worker: WorkerId) {
        self.0[worker.index()]
            .is_nudged
            .store(true, Ordering::SeqCst);
    }

    pub(super) fn is_nudged(&self, worker: WorkerId) -> bool {
        self.0[worker.index()].is_nudged()
    }
}

impl fmt::Debug for Perches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nudged = (0..self.0.len()).map(|index| self.is_nudged(WorkerId(number(index))));
        f.debug_list().entries(nudged).finish()
    }
}

impl Perch {
    fn is_nudged(&self) -> bool {
        // Acquire: pairs with the store in `nudge`, so the bringer's work is seen.
        self.is_nudged.load(Ordering::Acquire)
    }

    fn spot(&self) -> Spot {
        let home = self.home.load(Ordering::Relaxed);
        Spot {
            home: QueueId(number(home)),
            core: self.core.load(Ordering::Relaxed).checked_sub(1),
        }
    }
}

fn number(index: usize) -> u16 {
    u16::try_from(index).expect("numbers of workers and queues are 16 bits")
}
