//! The parking of workers, and their unparking without a lost wake-up.
//!
//! This file knows workers and the queues they serve; it knows no tasks. Two questions decide what
//! a runtime costs when there is little to do: *which worker is unparked when work arrives*, and
//! *which thread makes sure that the work was seen*. The answer to the first is a policy that is
//! handed in (`nearby.rs`); the second is the protocol here. Read `nudge.rs` next, which tells how
//! a nice thread unparks a worker.
//!
//! # The protocol
//!
//! Workers that serve the same queues form a **crew**: where high and low workers take from both
//! queues, all of them are one crew. Standbys form a crew of their own, even where there are high
//! workers that serve the high queue alone as well. A crew counts its members that are
//! *searching* (awake, without work, looking for some) and those that are *parked*, both in one
//! atomic word, the **census**.
//!
//! A queue's crews are asked for a parked worker in a fixed order: standbys last, and otherwise
//! first the crew that serves the fewest queues (`runtime/workforce.rs`). Within a crew, a worker
//! at home in the work's queue goes first (`nearby.rs`), but not before the workers of a crew that
//! is asked earlier.
//!
//! - A **bringer**, a thread that makes work visible in a queue, looks at the census of the crews
//!   that serve it. If a worker there is searching, the bringer does nothing: a searcher will see
//!   the work. If none is searching and one is parked, the bringer unparks one, which goes on *as a
//!   searcher*. Where nearness counts, a bringer of high work relies on no searcher and unparks one
//!   in any case, unless it is a worker at high work itself and no more are parked than are *kept*
//!   (`nearby.rs`). A searcher that brings work itself, such as the tasks that it wakes after a
//!   wait in the reactor, leaves that to the end of its search. A nice bringer nudges a worker in
//!   place of unparking it, and holds no lock (`nudge.rs`).
//! - A searcher that finds work stops searching. If it was the last one, and more work is in
//!   sight, it unparks the next, since the bringers of that work may have relied on it.
//! - A worker that finds nothing enters the census as parked *first*. If it leaves no searcher
//!   behind, it then looks at everything once more, and only then parks its thread.
//! - A searcher that finds nothing may also *nap* (`thief.rs`): it comes back by itself after a
//!   while, and is not in the census meanwhile, like a worker that polls a task. It leaves as one
//!   that has found work does: if it was the last one, it looks, and unparks the next.
//!
//! # Why no wake-up is lost
//!
//! Suppose that work W becomes visible, and afterwards every worker that could take it is parked
//! and W still lies there. Bringing W (write W, then read the census) and parking (write the
//! census, then read W) each have a sequentially consistent fence, or sequentially consistent
//! accesses, between their two halves, so in every run one of them sees the other:
//!
//! 1. If the bringer read *none searching and one parked*, it unparked one, as a searcher, and case
//!    3 tells how a searcher stops. `nudge.rs` has this case for nice bringers.
//! 2. If it read *none searching and none parked*, or *no more parked than are kept*, every other
//!    crew member, and there is one, was in a poll or in a nap, or searching as in case 3; each of
//!    them parks later than that read, and the last to do so leaves no searcher, looks once more,
//!    and sees W.
//! 3. If it read *one searching*, or unparked one as in case 1, that searcher leaves the count
//!    later than the read. It leaves by finding work or for a nap, and if it was the last one it
//!    looks for work and unparks the next; or by parking, and if it left no searcher it looks once
//!    more. If it was not the last one, the same holds for the one that was.
//!
//! Each case contradicts the supposition. The model checker runs this very file through every
//! interleaving of small cases, and finds the lost wake-up when one of these looks is left out: see
//! `parking/model.rs`.
//!
//! # The bringer without a fence
//!
//! The proof holds for all bringers but one: a worker that pushes behind other tasks into its own
//! deque while no member of the crews is searching or parked, or behind a number of them at which
//! it does not read the census (T25). There is no fence between its push and its look at the census
//! or the deque, so it may have looked before its push can be seen. In the first case each member
//! was busy a moment ago, and would have to end its poll, search in vain and park within the time
//! that a store takes to leave its processor, which is less than a search takes. In the second case
//! a member saw the deque empty: all of the many tasks would have to be stolen within that time,
//! half of them by each theft, and the member would have to park besides.
//! `executor/queue/tests/many.rs` takes these steps, and finds the task left behind where there are
//! few. If it happens all the same, the task waits until its own worker comes to the end of its
//! poll, or until the watchdog has seen that poll at two of its looks (`rescue` in
//! `runtime/watchdog.rs`). A push that sees a member searching or parked has its fence:
//! `executor/queue/model.rs` has the deque in two steps, and fails without.
//!
//! # How many search
//!
//! A worker begins to search only while fewer than half of its crew search, since more would get
//! into each other's way. One always may. Workers that are unparked as searchers count beyond that
//! bound.

use std::task::Waker;

use crossbeam_utils::CachePadded;

use super::lookout::{Claim, Lookout};
use super::nearby::{Nearby, Reliance, Spot, Waking};
use super::nudge::{Perched, Perches};
use crate::ground::ids::{CrewId, QueueId, WorkerId};
use crate::ground::os_thread;
use crate::ground::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, Thread, fence, thread};

/// The crews of a runtime: which workers search, and which are parked.
#[derive(Debug)]
pub(crate) struct ParkingLot {
    crews: Box<[Crew]>,
    /// Whether a worker may go on. Set by the thread that takes it from among the parked, before it
    /// unparks the worker's thread, so that a stray unpark does not count.
    awake: Box<[CachePadded<AtomicBool>]>,
    perches: Perches,
    policy: Nearby,
    pub(crate) lookout: Lookout,
}

/// Workers that serve the same queues.
#[derive(Debug)]
struct Crew {
    census: CachePadded<AtomicUsize>,
    /// The parked workers, the last to park at the end: its caches are the warmest. As many as the
    /// census counts, and never more than there are members.
    parked: Mutex<Vec<Parked>>,
    members: usize,
}

/// A parked worker.
#[derive(Debug)]
struct Parked {
    worker: WorkerId,
    spot: Spot,
    thread: Thread,
}

/// How many of a crew search and how many are parked: the two halves of the census word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Census {
    searching: usize,
    parked: usize,
}

const ONE_SEARCHING: usize = 1;
const ONE_PARKED: usize = 1 << (usize::BITS / 2);

impl Census {
    #[inline]
    fn of(word: usize) -> Census {
        Census {
            searching: word % ONE_PARKED,
            parked: word / ONE_PARKED,
        }
    }
}

impl Reliance {
    /// Whether the bringer unparks no worker, since there is one that it relies on.
    #[inline]
    fn is_satisfied_by(self, census: Census) -> bool {
        self == Reliance::OnSearchers && census.searching > 0
    }
}

/// Whether the census counts a worker among the searchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enrolled {
    /// It is in the census as a searcher.
    Yes,
    /// It is not: it has work, is parked or naps, or enough others search already.
    No,
}

/// Whether a worker that leaves the searchers leaves any behind. If not, it looks at everything
/// once more: to stay awake if it was about to park, and otherwise to unpark another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum OtherSearchers {
    Some,
    None,
}

impl OtherSearchers {
    fn among(census: Census) -> OtherSearchers {
        match census.searching {
            0 => OtherSearchers::None,
            _ => OtherSearchers::Some,
        }
    }
}

impl ParkingLot {
    /// Crews of the given sizes, every worker awake.
    pub(crate) fn new(crew_sizes: &[usize], policy: Nearby) -> ParkingLot {
        let crew = |&members: &usize| Crew {
            census: CachePadded::new(AtomicUsize::new(0)),
            parked: Mutex::new(Vec::with_capacity(members)),
            members,
        };
        let workers = crew_sizes.iter().sum();
        ParkingLot {
            crews: crew_sizes.iter().map(crew).collect(),
            awake: (0..workers)
                .map(|_| CachePadded::new(AtomicBool::new(true)))
                .collect(),
            perches: Perches::new(workers),
            policy,
            lookout: Lookout::new(),
        }
    }

    /// Unparks one worker for work in `queue`, served by `crews`, if one is parked and no
    /// searcher can be relied on.
    ///
    /// The work must have become visible by a sequentially consistent write, or be followed by
    /// a sequentially consistent fence, before this call.
    #[inline]
    pub(crate) fn unpark_one(&self, crews: &[CrewId], queue: QueueId) {
        let reliance = self.policy.reliance(queue);
        let mut one_is_parked = false;
        for id in crews {
            let census = self.crews[id.0].census();
            if reliance.is_satisfied_by(census) {
                return;
            }
            one_is_parked |= census.parked > 0;
        }
        if one_is_parked {
            self.unpark_best(crews, queue, reliance);
        }
    }

    /// The same for work that a worker has brought which is at work in `queue` itself. It leaves
    /// those parked that are kept for cores on which other work is done (`nearby.rs`).
    #[inline]
    pub(crate) fn unpark_helper(&self, crews: &[CrewId], queue: QueueId) {
        let kept = self.policy.kept(queue);
        if kept == 0 || self.parked(crews) > kept {
            self.unpark_one(crews, queue);
        }
    }

    fn parked(&self, crews: &[CrewId]) -> usize {
        let parked = |id: &CrewId| self.crews[id.0].census().parked;
        crews.iter().map(parked).sum()
    }

    #[inline(never)]
    fn unpark_best(&self, crews: &[CrewId], queue: QueueId, reliance: Reliance) {
        if os_thread::is_nice() {
            return self.nudge_best(crews, queue, reliance);
        }
        let mut crews = crews.iter().map(|&id| &self.crews[id.0]);
        let best = crews.find_map(|crew| self.take_best(crew, queue, reliance));
        // The lock is free by now: the worker's first act may be to take it.
        best.iter().for_each(|parked| self.unpark(parked));
    }

    /// Nudges the best of the parked workers (`nudge.rs`), for a nice thread. One that is about to
    /// get up because of a nudge is relied on as a searcher is.
    fn nudge_best(&self, crews: &[CrewId], queue: QueueId, reliance: Reliance) {
        let is_coming = |worker| !self.is_awake(worker);
        if reliance == Reliance::OnSearchers && self.perches.nudged(crews).any(is_coming) {
            return;
        }
        let here = self.policy.core_here();
        for &crew in crews {
            while let Some(best) = self.best_perched(crew, queue, here) {
                if let Some(thread) = self.perches.take(best.worker)
                    && !self.is_awake(best.worker)
                {
                    let Perched { worker, spot } = best;
                    self.policy.note_unpark(worker, spot, queue, here);
                    self.perches.nudge(worker);
                    return self.end_wait(worker, &thread);
                }
            }
        }
    }

    fn best_perched(&self, crew: CrewId, queue: QueueId, here: Option<usize>) -> Option<Perched> {
        let perched = || self.perches.of_crew(crew);
        let best = self.policy.best(perched().map(|it| it.spot), queue, here)?;
        // Others may have taken some meanwhile: then it is another one, and as good as any.
        perched().nth(best).or_else(|| perched().next())
    }

    /// Unparks a worker of a crew although no work has come. `false`: none is parked there.
    pub(crate) fn unpark_any(&self, crew: CrewId) -> bool {
        let taken = self.crews[crew.0].take_last(&self.awake);
        taken.inspect(|parked| self.unpark(parked)).is_some()
    }

    /// Unparks every worker, to let it see that the runtime's phase has changed.
    pub(crate) fn unpark_all(&self) {
        for crew in &self.crews {
            while let Some(parked) = crew.take_last(&self.awake) {
                self.unpark(&parked);
            }
        }
    }

    /// Ends the wait of a worker that was taken from among the parked, wherever it waits.
    fn unpark(&self, parked: &Parked) {
        self.end_wait(parked.worker, &parked.thread);
    }

    fn end_wait(&self, worker: WorkerId, thread: &Thread) {
        if !self.lookout.ends_wait_of(worker) {
            thread.unpark();
        }
    }

    /// Whether no worker is awake.
    pub(crate) fn all_parked(&self) -> bool {
        let is_parked = |crew: &Crew| crew.census().parked == crew.members;
        self.crews.iter().all(is_parked)
    }

    /// Whether every member of these crews is at work, as far as this thread sees.
    #[inline]
    pub(crate) fn all_busy(&self, crews: &[CrewId]) -> bool {
        // Relaxed: the file's doc tells what a stale count may cost.
        let count = |id: &CrewId| self.crews[id.0].census.load(Ordering::Relaxed);
        crews.iter().all(|id| count(id) == 0)
    }

    /// Counts the worker as a searcher, unless half of its crew searches already.
    pub(crate) fn start_searching(&self, crew: CrewId) -> Enrolled {
        let crew = &self.crews[crew.0];
        // Relaxed: a stale count only lets one searcher too many or too few begin.
        let census = Census::of(crew.census.load(Ordering::Relaxed));
        if 2 * census.searching >= crew.members {
            return Enrolled::No;
        }
        crew.census.fetch_add(ONE_SEARCHING, Ordering::SeqCst);
        Enrolled::Yes
    }

    /// Takes a searcher that found work, or that naps, out of the count. The last one looks for
    /// more work then, and unparks a worker for it.
    pub(crate) fn stop_searching(&self, crew: CrewId) -> OtherSearchers {
        let crew = &self.crews[crew.0];
        let before = crew.census.fetch_sub(ONE_SEARCHING, Ordering::SeqCst);
        // Leave the census before looking for more work.
        fence(Ordering::SeqCst);
        let searching = Census::of(before).searching;
        assert!(
            searching > 0,
            "a searcher leaves a census without searchers"
        );
        OtherSearchers::among(Census::of(before - ONE_SEARCHING))
    }

    /// Called by a worker that was unparked: it may leave its core. Tells how it was unparked: see
    /// `nearby.rs`.
    pub(crate) fn woken(&self, worker: WorkerId) -> Waking {
        self.policy.woken(worker)
    }

    /// Lets a worker that is about to park follow its last bringer: see `nearby.rs`.
    pub(crate) fn follow_bringer(&self, worker: WorkerId) {
        self.policy.follow_bringer(worker);
    }

    /// Enters the worker, whose thread is the current one, as parked. If it leaves no searcher
    /// behind, it looks at everything once more before it calls [`park`](ParkingLot::park).
    pub(crate) fn begin_parking(
        &self,
        crew: CrewId,
        worker: WorkerId,
        home: QueueId,
        enrolled: Enrolled,
    ) -> OtherSearchers {
        let thread = thread::current();
        let spot = self.policy.find_spot(worker, home);
        self.post(crew, worker, spot, &thread);
        let crew = &self.crews[crew.0];
        let mut parked = crew.parked.lock().expect(UNPOISONED);
        let others = parked.iter().map(|parked| parked.spot);
        self.policy.note_parking(worker, spot, others);
        parked.push(Parked {
            worker,
            spot,
            thread,
        });
        let delta = match enrolled {
            Enrolled::Yes => ONE_PARKED - ONE_SEARCHING,
            Enrolled::No => ONE_PARKED,
        };
        let after = crew.census.fetch_add(delta, Ordering::SeqCst) + delta;
        // Enter the census before looking for work once more.
        fence(Ordering::SeqCst);
        OtherSearchers::among(Census::of(after))
    }

    /// Marks a worker parked that enters the census next, and lets nice bringers nudge it.
    fn post(&self, crew: CrewId, worker: WorkerId, spot: Spot, thread: &Thread) {
        // Relaxed: the worker is not among the parked yet, so no other thread writes it. Nice
        // bringers see it by the handle that is posted next.
        self.awake[worker.index()].store(false, Ordering::Relaxed);
        self.perches.post(crew, worker, spot, thread.clone());
    }

    /// Takes the best worker from among the parked of a crew, unless a search that is relied on
    /// began there meanwhile. The next crew may then be asked in vain: its worker finds the work
    /// gone, and parks again.
    fn take_best(&self, crew: &Crew, queue: QueueId, reliance: Reliance) -> Option<Parked> {
        if crew.census().parked == 0 {
            return None;
        }
        let here = self.policy.core_here();
        let mut parked = crew.parked.lock().expect(UNPOISONED);
        // Once more under the lock: two bringers at once need not unpark two of a crew.
        if reliance.is_satisfied_by(crew.census()) {
            return None;
        }
        let spots = parked.iter().map(|parked| parked.spot);
        let best = self.policy.best(spots, queue, here)?;
        let taken = parked.remove(best);
        self.policy
            .note_unpark(taken.worker, taken.spot, queue, here);
        Some(crew.make_searcher(taken, &self.awake))
    }

    /// Takes a worker back from among the parked: it has seen work, or is not to wait any longer.
    ///
    /// It goes on as a searcher, whether it took itself back or another thread was faster.
    pub(crate) fn cancel_parking(&self, crew: CrewId, worker: WorkerId) {
        let crew = &self.crews[crew.0];
        let mut parked = crew.parked.lock().expect(UNPOISONED);
        if let Some(place) = parked.iter().position(|parked| parked.worker == worker) {
            crew.make_searcher(parked.remove(place), &self.awake);
        }
    }

    /// Whether another thread has unparked this worker, or it never parked.
    pub(crate) fn is_awake(&self, worker: WorkerId) -> bool {
        // Acquire: pairs with the Release in `make_searcher`, so the bringer's work is seen.
        self.awake[worker.index()].load(Ordering::Acquire)
    }

    /// Parks the current thread until its worker is unparked or nudged, or something is ready in
    /// the reactor. The worker goes on as a searcher.
    pub(crate) fn park(&self, worker: WorkerId, claim: Claim, ready: &mut Vec<Waker>) {
        let is_parked = || !self.is_awake(worker) && !self.perches.is_nudged(worker);
        while is_parked() && ready.is_empty() {
            if !self.lookout.wait(claim, is_parked, ready) {
                thread::park();
            }
        }
        self.lookout.leave(claim);
    }
}

const UNPOISONED: &str = "nothing panics while the parked are locked";

impl Crew {
    #[inline]
    fn census(&self) -> Census {
        // SeqCst: reads after the work was written, as the protocol demands.
        Census::of(self.census.load(Ordering::SeqCst))
    }

    fn take_last(&self, awake: &[CachePadded<AtomicBool>]) -> Option<Parked> {
        let mut parked = self.parked.lock().expect(UNPOISONED);
        let last = parked.pop()?;
        Some(self.make_searcher(last, awake))
    }

    /// Turns a worker that was taken from among the parked into a searcher. The caller holds the
    /// lock, so that a worker is either parked or awake, and never both: a worker that finds itself
    /// taken may park again at once.
    fn make_searcher(&self, parked: Parked, awake: &[CachePadded<AtomicBool>]) -> Parked {
        self.census
            .fetch_sub(ONE_PARKED - ONE_SEARCHING, Ordering::SeqCst);
        // Release: pairs with the Acquire in `is_awake`.
        awake[parked.worker.index()].store(true, Ordering::Release);
        parked
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
