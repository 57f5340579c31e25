//! The place in the runtime's reactor, if it has one, where a parked worker waits.
//!
//! A [`Reactor`] waits in the operating system for many things at once, for sockets mostly. With a
//! thread of its own it would cost each wake-up a hop from that thread to a worker's. So the thread
//! of a worker that has nothing to do waits there, and not for an unpark: one at a time is **on
//! the lookout**. When something is ready it goes on as a searcher, and wakes the tasks from where
//! it sits, into its own queues.
//!
//! # The protocol
//!
//! A worker on the lookout lies among the parked like all others, and is unparked like them. Only
//! the last step differs: its thread waits in the reactor and not for an unpark.
//!
//! - The worker writes that it **holds** the lookout, then looks once more whether it was unparked,
//!   and only then waits.
//! - The thread that unparks it marks it awake, then looks which worker holds the lookout. If it
//!   is that one, it notifies the reactor; if not, it unparks the thread.
//!
//! A fence lies between the two halves on both sides, so in every order one of the two sees the
//! other. A notification outlasts a wait that has not begun. One that comes when its worker has
//! left ends the next wait without a reason; that worker looks, and waits again. `lookout/model.rs`
//! tries it, and finds the lost wake-up where the worker looks before it writes, and where it is
//! unparked without a notification.
//!
//! # Precedence
//!
//! A ready socket wakes a high task more often than not, and that one should be run by a worker at
//! home in the high queue. So a worker that parks supersedes one whose [`Standing`] comes later: it
//! enters itself as the **heir**, looks once more whether the lookout is still held, notifies the
//! reactor, and is parked. The holder leaves for it: it makes the lookout vacant, then looks for an
//! heir, and unparks the heir's thread. Again there is a fence between the halves on both sides.
//! The heir waits parked, where any unpark reaches it: never in the reactor beside the holder, and
//! never for a lock that the holder keeps.
//!
//! None of the workers at home in the high queue supersedes another, although low tasks call some
//! of them away and a standby never: a handover wakes two threads, and under load there would be
//! one every few requests (T31). A worker that is called away sends another: see below.
//!
//! # A vacant lookout
//!
//! A worker that leaves the lookout to run tasks leaves it vacant, and others that are parked do
//! not know. Most polls are short, and the worker looks again, without waiting, before it searches,
//! and every 61st step. If its work came from there, it looks around for other work only once and
//! is soon back (`outlook.rs`). When it goes away into a low poll, a parked worker is unparked,
//! finds nothing, and takes the lookout (`Executor::man_lookout`). While high polls take long, the
//! watchdog sees that no worker has looked for a while. It sends a parked worker there, or looks
//! itself where all are busy.
//!
//! This file never wakes a task. Read `outlook.rs` next.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::ground::ids::{QueueId, WorkerId};
use crate::ground::sync::{AtomicUsize, Mutex, Ordering, Thread, fence, thread, unpoisoned};

/// Waits in the operating system for the sockets and other things that tasks wait for.
pub(crate) trait Reactor: Any + fmt::Debug + Send + Sync {
    /// Waits until something is ready or it is [notified](Reactor::notify), and adds the wakers of
    /// all that is ready. One thread at a time waits. A thread that comes while the one before has
    /// not returned yet waits for that, and then asks whether its wait still `goes_on`.
    fn wait(&self, goes_on: &dyn Fn() -> bool, ready: &mut Vec<Waker>);

    /// Adds the wakers of all that is ready by now. Does nothing while a thread waits.
    fn look(&self, ready: &mut Vec<Waker>);

    /// Ends the wait that goes on, or the next one.
    fn notify(&self);

    /// Tells the tasks that wait that nothing will be ready any more.
    fn close(&self);
}

/// The place in the reactor for one parked worker.
pub(crate) struct Lookout {
    reactor: OnceLock<Arc<dyn Reactor>>,
    /// The [`Claim`] of the worker that holds the lookout, or [`VACANT`].
    holder: CachePadded<AtomicUsize>,
    /// The claim of the heir, or [`VACANT`]. Written under the lock of `heir`.
    heirs_claim: CachePadded<AtomicUsize>,
    heir: Mutex<Option<Heir>>,
    /// How many looks and waits there have been.
    looks: CachePadded<AtomicUsize>,
}

/// The worker that the holder of the lookout is to leave for.
struct Heir {
    claim: Claim,
    thread: Thread,
}

/// A worker's claim to the lookout: its [`Standing`], and its number. The claim with the earlier
/// standing goes first; of two with the same standing, neither supersedes the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim(usize);

/// A worker's rank among those that want the lookout: an earlier one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The worker is at home in the high queue.
    High,
    /// It is at home elsewhere.
    Elsewhere,
}

impl Standing {
    /// Of a worker that is at home in this queue.
    pub(crate) fn of(home: QueueId) -> Standing {
        match home {
            QueueId::HIGH => Standing::High,
            _ => Standing::Elsewhere,
        }
    }
}

/// Stands for the claim of no worker. Every worker goes before it.
const VACANT: usize = usize::MAX;

/// Claims of the same standing differ by less than this.
const STANDING: usize = 1 << 16;

impl Claim {
    /// Of a worker that parks.
    pub(crate) fn new(worker: WorkerId, standing: Standing) -> Claim {
        Claim(standing as usize * STANDING + worker.index())
    }

    fn is_of(word: usize, worker: WorkerId) -> bool {
        word != VACANT && word % STANDING == worker.index()
    }

    fn goes_before(self, holder: usize) -> bool {
        self.0 / STANDING < holder / STANDING
    }
}

impl Lookout {
    pub(super) fn new() -> Lookout {
        Lookout {
            reactor: OnceLock::new(),
            holder: CachePadded::new(AtomicUsize::new(VACANT)),
            heirs_claim: CachePadded::new(AtomicUsize::new(VACANT)),
            heir: Mutex::new(None),
            looks: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// The runtime's reactor, if it has one.
    #[inline]
    pub(crate) fn reactor(&self) -> Option<&Arc<dyn Reactor>> {
        self.reactor.get()
    }

    /// Gives the runtime a reactor, unless it has one, and returns the one that it has then.
    #[allow(dead_code, reason = "reactors belong to `net`, which is a feature")]
    pub(crate) fn set_reactor(&self, reactor: Arc<dyn Reactor>) -> &Arc<dyn Reactor> {
        self.reactor.get_or_init(|| reactor)
    }

    /// Lets a parked worker, whose thread is the current one, wait in the reactor for as long as
    /// `is_parked`. `false`: there is no reactor, or another worker is there, so this one is to
    /// wait elsewhere.
    pub(super) fn wait(
        &self,
        claim: Claim,
        is_parked: impl Fn() -> bool,
        ready: &mut Vec<Waker>,
    ) -> bool {
        let Some(reactor) = self.reactor() else {
            return false;
        };
        if !self.take(claim) && !self.supersede(claim, &**reactor) {
            return false;
        }
        reactor.wait(&|| is_parked() && !self.leaves_for_heir(claim), ready);
        self.note_look();
        if self.leaves_for_heir(claim) {
            self.vacate();
        }
        true
    }

    /// Whether the worker holds the lookout from now on, or did before.
    fn take(&self, claim: Claim) -> bool {
        if self.leaves_for_heir(claim) {
            // The heir and its notification may have come since the end of this worker's last wait.
            // The heir waits until the lookout is vacant.
            if self.holder.load(Ordering::Relaxed) == claim.0 {
                self.vacate();
            }
            return false;
        }
        let (success, failure) = (Ordering::SeqCst, Ordering::Relaxed);
        let before = (self.holder).compare_exchange(VACANT, claim.0, success, failure);
        // Hold the lookout before looking whether the worker was unparked.
        fence(Ordering::SeqCst);
        before.is_ok() || before == Err(claim.0)
    }

    /// Makes a holder of a later standing leave for this worker, and says whether it has left by
    /// now.
    #[cold]
    fn supersede(&self, claim: Claim, reactor: &dyn Reactor) -> bool {
        // Relaxed: the holder that is seen may have left by now. Where its standing is no later,
        // that does not matter: it is awake then, looks for work, and comes back before it parks.
        let goes_before = claim.goes_before(self.holder.load(Ordering::Relaxed));
        if !goes_before || !self.become_heir(claim) {
            return false;
        }
        // Be the heir before looking once more whether the lookout is held.
        fence(Ordering::SeqCst);
        if self.take(claim) {
            return true;
        }
        reactor.notify();
        false
    }

    /// Enters the worker as the heir, unless there is one of the same or an earlier standing, and
    /// says whether it was entered.
    fn become_heir(&self, claim: Claim) -> bool {
        let mut heir = unpoisoned(self.heir.lock());
        let gives_way = |heir: &Heir| claim.goes_before(heir.claim.0);
        let becomes = heir.as_ref().is_none_or(gives_way);
        if becomes {
            let thread = thread::current();
            *heir = Some(Heir { claim, thread });
            self.heirs_claim.store(claim.0, Ordering::SeqCst);
        }
        becomes
    }

    /// Whether a worker of an earlier standing waits for this one to leave.
    fn leaves_for_heir(&self, claim: Claim) -> bool {
        let heir = self.heirs_claim.load(Ordering::SeqCst);
        heir != VACANT && Claim(heir).goes_before(claim.0)
    }

    /// Leaves the lookout, or its place as the heir.
    pub(super) fn leave(&self, claim: Claim) {
        if self.heirs_claim.load(Ordering::Relaxed) == claim.0 {
            self.forget_heir(claim);
        }
        if self.holder.load(Ordering::Relaxed) == claim.0 {
            self.vacate();
        }
    }

    fn forget_heir(&self, claim: Claim) {
        let mut heir = unpoisoned(self.heir.lock());
        // Unless another has superseded it as the heir.
        if heir.take_if(|heir| heir.claim == claim).is_some() {
            self.heirs_claim.store(VACANT, Ordering::SeqCst);
        }
    }

    /// Makes the lookout vacant, and lets the heir take it, if there is one.
    fn vacate(&self) {
        self.holder.store(VACANT, Ordering::SeqCst);
        // Leave the lookout before looking for an heir.
        fence(Ordering::SeqCst);
        if self.heirs_claim.load(Ordering::Relaxed) != VACANT {
            let heir = unpoisoned(self.heir.lock());
            let thread = heir.as_ref().map(|heir| heir.thread.clone());
            // Unlock before waking: a nice thread may give its core to the heir at once, and the
            // heir takes this lock when it leaves.
            drop(heir);
            thread.iter().for_each(Thread::unpark);
        }
    }

    /// Whether the worker, which has just been marked awake, waits in the reactor. If so, its wait
    /// ends.
    pub(super) fn ends_wait_of(&self, worker: WorkerId) -> bool {
        // Mark the worker awake before looking at the holder.
        fence(Ordering::SeqCst);
        let waits_here = Claim::is_of(self.holder.load(Ordering::Relaxed), worker);
        if waits_here && let Some(reactor) = self.reactor() {
            reactor.notify();
        }
        waits_here
    }

    /// Looks without waiting, unless a worker waits there.
    pub(crate) fn look(&self, ready: &mut Vec<Waker>) {
        if let Some(reactor) = self.reactor_if_vacant() {
            reactor.look(ready);
            self.note_look();
        }
    }

    /// The reactor, if there is one and no worker waits in it.
    #[inline]
    pub(crate) fn reactor_if_vacant(&self) -> Option<&dyn Reactor> {
        let reactor = self.reactor()?;
        // Relaxed: a worker that takes the lookout just now looks itself.
        (self.holder.load(Ordering::Relaxed) == VACANT).then_some(&**reactor)
    }

    fn note_look(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// How many looks and waits there have been.
    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout")
            .field("reactor", &self.reactor)
            .field("is_vacant", &self.reactor_if_vacant().is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Counts its notifications.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Reactor for Counting {
        fn wait(&self, _goes_on: &dyn Fn() -> bool, _ready: &mut Vec<Waker>) {}

        fn look(&self, _ready: &mut Vec<Waker>) {}

        fn notify(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn close(&self) {}
    }

    /// How often a worker at home in `holder` is told to leave the lookout when another parks that
    /// is at home in `other`.
    fn is_told_to_leave(holder: QueueId, other: QueueId) -> usize {
        let (lookout, counting) = (Lookout::new(), Arc::new(Counting::default()));
        lookout.set_reactor(counting.clone());
        let [holder, other] = [(holder, 0), (other, 1)]
            .map(|(home, number)| Claim::new(WorkerId(number), Standing::of(home)));
        let ready = &mut Vec::new();
        assert!(lookout.wait(holder, || true, ready));
        assert!(!lookout.wait(other, || true, ready));
        counting.0.load(Ordering::Relaxed)
    }

    #[test]
    fn a_worker_leaves_the_lookout_for_one_of_the_high_queue_unless_it_is_one_itself() {
        assert_eq!(is_told_to_leave(QueueId::LOW, QueueId::HIGH), 1);
        assert_eq!(is_told_to_leave(QueueId::HIGH, QueueId::HIGH), 0);
        assert_eq!(is_told_to_leave(QueueId::HIGH, QueueId::LOW), 0);
        assert_eq!(is_told_to_leave(QueueId::LOW, QueueId::LOW), 0);
    }
}
#[cfg(all(test, loom))]
mod model;
