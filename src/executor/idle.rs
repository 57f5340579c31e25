//! How workers sleep, and how they are woken without losing a wake-up.
//!
//! This file knows workers and the queues they serve; it knows no tasks. Two questions decide
//! what a runtime costs when there is little to do: *who is woken when work arrives*, and *who
//! makes sure that it was seen*.
//!
//! # The protocol
//!
//! Workers that serve the same queues form a **crew**. A crew counts its members that are
//! *searching* (awake, without work, looking for some) and those that are *asleep*, both in one
//! atomic word, the **census**.
//!
//! - Whoever makes work visible in a queue looks at the census of the crews that serve it. If
//!   anyone there is searching, it does nothing: a searcher will see the work. If nobody is
//!   searching and somebody sleeps, it wakes one sleeper, which wakes up *as a searcher*.
//! - A searcher that finds work stops searching. If it was the last one, and more work is in
//!   sight, it wakes the next, since those who brought that work may have relied on it.
//! - A worker that finds nothing lies down: it enters the census as a sleeper *first*. If it
//!   leaves nobody searching, it then looks at everything once more, and only then parks.
//!
//! # Why no wake-up is lost
//!
//! Suppose that work W becomes visible, and afterwards every worker that could take it is asleep
//! and W still lies there. Bringing W (write W, then read the census) and lying down (write the
//! census, then read W) each have a sequentially consistent fence, or sequentially consistent
//! accesses, between their two halves, so in every run one of them sees the other:
//!
//! 1. If the bringer read *nobody searching and somebody asleep*, it woke one, as a searcher.
//! 2. If it read *nobody searching and nobody asleep*, every crew member was busy; each of them
//!    lies down later than that read, and the last to do so leaves nobody searching, looks once
//!    more, and sees W.
//! 3. If it read *somebody searching*, that searcher leaves the count later than the read. It
//!    leaves by finding work, and if it was the last one it looks for more work and wakes the
//!    next; or by lying down, and if it left nobody searching it looks once more. If it was not
//!    the last one, the same holds for the one that was.
//!
//! Each case contradicts the supposition. The model checker runs this very file through every
//! interleaving of small cases, and finds the lost wake-up when the second look is left out: see
//! `idle/model.rs`.
//!
//! Who is woken counts as a searcher from that moment on, and may get its core only milliseconds
//! later: Linux lets a nice thread end its slice now and then, and a hypervisor takes cores away.
//! So where high workers are to start within microseconds (`nearby.rs`), the first rule is stricter
//! for high work: as long as somebody sleeps, each piece wakes one. More wake-ups than needed lose
//! none. Of a thousand high tasks from outside the slowest one waits some 25 us instead of 1 to
//! 4 ms, of those from low polls 0.1 to 1.8 ms instead of 3 to 6 (p99.9 in `benches/peers`).
//!
//! At most half of a crew searches at a time (but always one may): more would only get into
//! each other's way.

use crossbeam_utils::CachePadded;

use super::ids::{CrewId, QueueId, WorkerId};
use super::nearby::Nearby;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, Thread, fence, thread};

/// The crews of a runtime: who is awake, who searches, who sleeps.
#[derive(Debug)]
pub(crate) struct Sleepers {
    crews: Box<[Crew]>,
    /// Whether a worker may go on. Whoever takes it out of its bed sets it before unparking it,
    /// so that a stray unpark does not count.
    awake: Box<[CachePadded<AtomicBool>]>,
    nearby: Nearby,
}

/// Workers that serve the same queues.
#[derive(Debug)]
struct Crew {
    census: CachePadded<AtomicUsize>,
    /// Who sleeps, the last to lie down at the end: its caches are the warmest. As long as
    /// there are sleepers in the census. Never longer than the crew.
    beds: Mutex<Vec<Bed>>,
    members: usize,
}

/// A sleeping worker.
#[derive(Debug)]
struct Bed {
    worker: WorkerId,
    home: QueueId,
    /// Where its thread ran last, if that makes a difference.
    core: Option<usize>,
    thread: Thread,
}

/// How many of a crew search and how many sleep: the two halves of the census word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Census {
    searching: usize,
    asleep: usize,
}

const ONE_SEARCHING: usize = 1;
const ONE_ASLEEP: usize = 1 << (usize::BITS / 2);

impl Census {
    #[inline]
    fn of(word: usize) -> Census {
        Census {
            searching: word % ONE_ASLEEP,
            asleep: word / ONE_ASLEEP,
        }
    }
}

/// What a worker that found nothing was doing before it lies down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// It is in the census as a searcher.
    Counted,
    /// It was refused, since others search already, or it did not ask.
    Uncounted,
}

/// What lying down asks of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum LaidDown {
    /// Somebody else is searching: park.
    OthersSearch,
    /// Nobody is searching any more: look at everything once more, then park.
    NobodySearches,
}

/// What stopping a search asks of the worker that found work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Stopped {
    OthersSearch,
    /// If there is more work in sight, wake somebody for it.
    NobodySearches,
}

impl Sleepers {
    /// Crews of the given sizes, every worker awake.
    pub(crate) fn new(crew_sizes: &[usize], nearby: Nearby) -> Sleepers {
        let crew = |&members: &usize| Crew {
            census: CachePadded::new(AtomicUsize::new(0)),
            beds: Mutex::new(Vec::with_capacity(members)),
            members,
        };
        let workers = crew_sizes.iter().sum();
        Sleepers {
            crews: crew_sizes.iter().map(crew).collect(),
            awake: (0..workers)
                .map(|_| CachePadded::new(AtomicBool::new(true)))
                .collect(),
            nearby,
        }
    }

    /// Wakes one worker for work in a queue at home `home`, served by `crews`, if somebody
    /// sleeps and nobody searches who can be relied on. A sleeper at home in that queue is
    /// preferred, then a near one.
    ///
    /// The work must have become visible by a sequentially consistent write, or be followed by
    /// a sequentially consistent fence, before this call.
    #[inline]
    pub(crate) fn wake_one(&self, crews: &[CrewId], home: QueueId) {
        let mut crews = crews.iter().map(|&id| &self.crews[id.0]);
        let relies = self.relies_on_searchers(home);
        if relies && crews.clone().any(Crew::anyone_searching) {
            return;
        }
        if let Some(bed) = crews.find_map(|crew| self.rouse(crew, home, relies)) {
            // The lock is free by now: the woken worker's first act may be to take it.
            bed.thread.unpark();
        }
    }

    /// Whether work in a queue may be left to those who search already. Not high work where
    /// nearness counts: whoever was woken last may be waiting for a core, for milliseconds.
    #[inline]
    fn relies_on_searchers(&self, home: QueueId) -> bool {
        home != QueueId::HIGH || !self.nearby.is_preferred()
    }

    /// Wakes everybody, to let them see that the runtime's phase has changed.
    pub(crate) fn wake_all(&self) {
        for crew in &self.crews {
            while let Some(bed) = crew.rouse_any(&self.awake) {
                bed.thread.unpark();
            }
        }
    }

    /// Whether nobody is awake.
    pub(crate) fn everyone_sleeps(&self) -> bool {
        let sleeps = |crew: &Crew| crew.census().asleep == crew.members;
        self.crews.iter().all(sleeps)
    }

    /// Counts the worker as a searcher, unless half of its crew searches already.
    pub(crate) fn start_searching(&self, crew: CrewId) -> Search {
        let crew = &self.crews[crew.0];
        // Relaxed: a stale count only lets one searcher too many or too few begin.
        let census = Census::of(crew.census.load(Ordering::Relaxed));
        if 2 * census.searching >= crew.members {
            return Search::Uncounted;
        }
        crew.census.fetch_add(ONE_SEARCHING, Ordering::SeqCst);
        Search::Counted
    }

    /// Takes a searcher that found work out of the count.
    pub(crate) fn stop_searching(&self, crew: CrewId) -> Stopped {
        let crew = &self.crews[crew.0];
        let before = crew.census.fetch_sub(ONE_SEARCHING, Ordering::SeqCst);
        // Leave the census before looking for more work.
        fence(Ordering::SeqCst);
        match Census::of(before).searching {
            0 => unreachable!("a searcher leaves a census that counts no searcher"),
            1 => Stopped::NobodySearches,
            _ => Stopped::OthersSearch,
        }
    }

    /// Enters the worker, whose thread is the current one, as a sleeper.
    pub(crate) fn lie_down(
        &self,
        crew: CrewId,
        worker: WorkerId,
        home: QueueId,
        search: Search,
    ) -> LaidDown {
        let thread = thread::current();
        self.nearby.follow_call(worker);
        let core = self.nearby.here();
        let crew = &self.crews[crew.0];
        let mut beds = crew.beds.lock().expect(BEDS_UNPOISONED);
        // Relaxed: only changed under the lock, except by this thread.
        self.awake[worker.index()].store(false, Ordering::Relaxed);
        beds.push(Bed {
            worker,
            home,
            core,
            thread,
        });
        let delta = match search {
            Search::Counted => ONE_ASLEEP - ONE_SEARCHING,
            Search::Uncounted => ONE_ASLEEP,
        };
        let after = crew.census.fetch_add(delta, Ordering::SeqCst) + delta;
        // Enter the census before looking for work once more.
        fence(Ordering::SeqCst);
        match Census::of(after).searching {
            0 => LaidDown::NobodySearches,
            _ => LaidDown::OthersSearch,
        }
    }

    /// Takes the best sleeper out of bed, unless a search that is relied on began meanwhile.
    fn rouse(&self, crew: &Crew, home: QueueId, relies: bool) -> Option<Bed> {
        if crew.census().asleep == 0 {
            return None;
        }
        let here = self.nearby.here();
        let mut beds = crew.beds.lock().expect(BEDS_UNPOISONED);
        // Once more under the lock: two bringers at once must not wake two.
        if relies && crew.anyone_searching() {
            return None;
        }
        let best = best(&beds, home, here)?;
        let bed = beds.remove(best);
        if let Some(here) = here.filter(|_| bed.core != here) {
            self.nearby.call(bed.worker, here);
        }
        Some(crew.rise(bed, &self.awake))
    }

    /// Takes a worker that lay down out of its bed because it saw work after all.
    ///
    /// It gets up as a searcher, whether it took itself out or somebody else was faster.
    pub(crate) fn get_up(&self, crew: CrewId, worker: WorkerId) {
        let crew = &self.crews[crew.0];
        let mut beds = crew.beds.lock().expect(BEDS_UNPOISONED);
        if let Some(place) = beds.iter().position(|bed| bed.worker == worker) {
            crew.rise(beds.remove(place), &self.awake);
        }
    }

    /// Whether somebody has woken this worker, or it never lay down.
    pub(crate) fn is_awake(&self, worker: WorkerId) -> bool {
        // Acquire: pairs with the Release in `rise`; what the waker did before is seen.
        self.awake[worker.index()].load(Ordering::Acquire)
    }

    /// Parks the current thread until its worker is woken. It wakes up as a searcher.
    pub(crate) fn park(&self, worker: WorkerId) {
        while !self.is_awake(worker) {
            thread::park();
        }
    }
}

const BEDS_UNPOISONED: &str = "nothing panics while the beds are locked";

/// Whom to wake for work in queue `home`: one at home there, one near `here`, the last to lie
/// down, in this order.
fn best(beds: &[Bed], home: QueueId, here: Option<usize>) -> Option<usize> {
    let near = |bed: &Bed| here.is_some() && bed.core == here;
    // Of equals, the last.
    (0..beds.len()).max_by_key(|&place| (beds[place].home == home, near(&beds[place])))
}

impl Crew {
    #[inline]
    fn census(&self) -> Census {
        // SeqCst: reads after the work was written, as the protocol demands.
        Census::of(self.census.load(Ordering::SeqCst))
    }

    #[inline]
    fn anyone_searching(&self) -> bool {
        self.census().searching > 0
    }

    fn rouse_any(&self, awake: &[CachePadded<AtomicBool>]) -> Option<Bed> {
        let mut beds = self.beds.lock().expect(BEDS_UNPOISONED);
        let bed = beds.pop()?;
        Some(self.rise(bed, awake))
    }

    /// Turns the sleeper of an emptied bed into a searcher. The caller holds the lock, so that a
    /// worker is in bed and not awake, or neither: one that finds itself out of bed may lie down
    /// again at once.
    fn rise(&self, bed: Bed, awake: &[CachePadded<AtomicBool>]) -> Bed {
        self.census
            .fetch_sub(ONE_ASLEEP - ONE_SEARCHING, Ordering::SeqCst);
        // Release: pairs with the Acquire in `is_awake`.
        awake[bed.worker.index()].store(true, Ordering::Release);
        bed
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
