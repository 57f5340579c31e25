//! The choice among several parked workers: the policy that `parking.rs` is handed.
//!
//! The choice is made within one crew: `parking.rs` tells in which order crews are asked. A worker
//! at home in the work's queue goes before others of its crew, and of several the one that parked
//! last, whose caches are the warmest. That is all, unless nearness is preferred.
//!
//! **Nearness.** The unpark of a thread on the core of the unparking thread is several times faster
//! than on another core that is busy (T14). Nearness is preferred where the low threads are nice
//! and the high ones, standbys included, are no fewer than the cores (`runtime/plan.rs`). Of the
//! parked workers the nearest is taken then: one that parked on the core of the bringer. If none
//! did, and the bringer is a nice thread, which gives way at once, the worker is *called* there: it
//! moves to that core before it parks again, and is the nearest next time. Bringers that are not
//! nice may well go on and keep their core: they call no worker. Workers move only while they have
//! nothing to do, and the system may move them elsewhere whenever it sees reason to.
//!
//! All that is for high work, which is worth the interruption of a nice bringer. Other work is not:
//! the bringer goes on with its own poll, and a high worker on its core would keep the core from it
//! while another core may have nothing to do. So of the parked workers one on another core is taken
//! for other work. It may have parked on the bringer's core all the same, or the system wakes it
//! there, since a nice thread is easily displaced. So a nice bringer *sends it away* (T30): a
//! worker that comes to itself on that core leaves it at once (T45). The system would leave the two
//! there: to its balance between the cores, a nice thread weighs next to nothing.
//!
//! A high worker that parks where another one of its crew is parked already moves away before it
//! parks the next time, so that they spread over the cores.
//!
//! A bringer that is not nice sends a low worker away that parked on its core (T32): as long as the
//! bringer goes on, the nice thread would hardly get that core. But a thread that brings one task,
//! waits until it has ended, and brings the next is served soonest on its own core, without a
//! wake-up on another one. So a low worker whose rests are short *follows* such bringers to their
//! cores for as long as it is there in time (T43): see `following.rs`. Threads that compute, or
//! that spin where they wait, are not followed (`ground/core_use.rs`): they keep their core.
//!
//! **Kept workers.** By default on two cores there is a high worker, and two stand by for it: one
//! for each core while low work is done on both (T38). Where two of the three are at high work, the
//! third would only get into their way. So a worker at high work leaves the last parked one where
//! it is, and only a thread outside or a worker in a low poll unparks that.
//!
//! **Reliance.** A bringer relies on a searcher that is there already. But a worker counts as a
//! searcher from when it is unparked, and may get its core only milliseconds later: Linux lets a
//! nice thread end its slice now and then, and a hypervisor takes cores away. So where nearness is
//! preferred, which is where high tasks are to start within microseconds, each piece of high work
//! unparks a worker of its own as long as one is parked (T15). More wake-ups than needed lose none.
//! Pieces that a searcher brings, which has its core, unpark one for all of them (T36).
//!
//! This file never decides whether work is seen: that is the business of `parking.rs`. Read
//! `spin.rs` next.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::ground::core_use::{CoreUse, core_use};
use crate::ground::ids::{QueueId, WorkerId};
use crate::ground::os_thread;

/// Whether nearness is preferred, and where the parked workers are to go.
#[derive(Debug)]
pub(crate) struct Nearby {
    /// For each worker the [`Move`] that it is to make, as a word.
    moves: Option<Box<[AtomicUsize]>>,
    /// For each worker the time at which it was unparked, since `epoch`, in nanoseconds; 0 if it
    /// was not since it parked.
    unparked_at: Box<[AtomicU64]>,
    epoch: Instant,
    /// How many of the parked ones a worker at high work leaves parked.
    kept: usize,
}

/// How a worker moves before it parks the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    /// It stays.
    None,
    /// It was called to this core.
    To(usize),
    /// It was sent away from this core.
    AwayFrom(usize),
    /// It was sent away from this core, which it leaves as soon as it is awake.
    AwayAtOnce(usize),
    /// Its bringer was on this core, and spins where it waits: the worker leaves the core if it is
    /// there.
    AwayFromSpinner(usize),
    /// Its bringer was on this core: it goes there if it follows its bringers, and otherwise leaves
    /// the core if it is there.
    AwayUnlessFollowing(usize),
}

impl Move {
    fn word(self) -> usize {
        match self {
            Move::None => usize::MAX,
            Move::To(core) => core << 3,
            Move::AwayFrom(core) => core << 3 | 1,
            Move::AwayUnlessFollowing(core) => core << 3 | 2,
            Move::AwayAtOnce(core) => core << 3 | 3,
            Move::AwayFromSpinner(core) => core << 3 | 4,
        }
    }

    fn of(word: usize) -> Move {
        let (core, kind) = (word >> 3, word & 7);
        match kind {
            0 => Move::To(core),
            1 => Move::AwayFrom(core),
            2 => Move::AwayUnlessFollowing(core),
            3 => Move::AwayAtOnce(core),
            4 => Move::AwayFromSpinner(core),
            _ => Move::None,
        }
    }
}

/// The workers that a bringer of work relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reliance {
    /// On those that search already.
    OnSearchers,
    /// On none: it unparks one in any case.
    OnNone,
}

/// A worker's wake-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waking {
    pub(super) bringer: BringerKind,
    /// How long after the bringer's call it goes on. `None`: no bringer has unparked it, or
    /// nearness makes no difference.
    pub(super) delay: Option<Duration>,
}

/// The thread that has unparked a worker, as that one sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BringerKind {
    /// Workers do not follow bringers here, and none is asked.
    Unknown,
    /// It is not followed.
    NotFollowed,
    /// It is not followed, and spins where it waits.
    Spins,
    /// It may be followed.
    MayBeFollowed,
}

/// Where a worker parks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) home: QueueId,
    /// Where its thread ran last, if that makes a difference.
    pub(super) core: Option<usize>,
}

impl Nearby {
    /// All parked workers are as good as each other.
    pub(crate) fn indifferent() -> Nearby {
        Nearby {
            moves: None,
            unparked_at: Box::default(),
            epoch: Instant::now(),
            kept: 0,
        }
    }

    /// The nearest parked worker is taken. A worker at high work leaves `kept` of them parked.
    pub(crate) fn preferred(workers: usize, kept: usize) -> Nearby {
        let moves = (0..workers).map(|_| AtomicUsize::new(Move::None.word()));
        Nearby {
            moves: Some(moves.collect()),
            unparked_at: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            epoch: Instant::now(),
            kept,
        }
    }

    /// How many parked workers are left so by a worker that is at work in this queue.
    #[inline]
    pub(super) fn kept(&self, queue: QueueId) -> usize {
        match queue {
            QueueId::HIGH => self.kept,
            _ => 0,
        }
    }

    /// The workers that a bringer of work in a queue relies on.
    #[inline]
    pub(super) fn reliance(&self, queue: QueueId) -> Reliance {
        match queue == QueueId::HIGH && self.moves.is_some() {
            true => Reliance::OnNone,
            false => Reliance::OnSearchers,
        }
    }

    /// The core that the current thread runs on, if that makes a difference.
    pub(crate) fn core_here(&self) -> Option<usize> {
        self.moves.as_ref().and_then(|_| os_thread::core())
    }

    /// Where the current thread's worker parks, after the move that it was to make.
    pub(super) fn find_spot(&self, worker: WorkerId, home: QueueId) -> Spot {
        self.make_move(worker);
        if let Some(unparked_at) = self.unparked_at.get(worker.index()) {
            // Relaxed: no bringer sees the worker before it is entered as parked.
            unparked_at.store(0, Ordering::Relaxed);
        }
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

    /// Notes that the current thread unparks a worker for work in `queue`.
    pub(super) fn note_unpark(
        &self,
        worker: WorkerId,
        spot: Spot,
        queue: QueueId,
        here: Option<usize>,
    ) {
        let (Some(moves), Some(here)) = (&self.moves, here) else {
            return;
        };
        // Relaxed, here and below: nothing else hangs on it.
        self.unparked_at[worker.index()].store(self.now(), Ordering::Relaxed);
        let next = next_move(spot, queue, Bringer::here(here, spot.home));
        if next != Move::None {
            moves[worker.index()].store(next.word(), Ordering::Relaxed);
        }
    }

    /// Notes that a worker parks, beside others of its crew that are parked.
    pub(super) fn note_parking(
        &self,
        worker: WorkerId,
        spot: Spot,
        mut others: impl Iterator<Item = Spot>,
    ) {
        let (Some(moves), QueueId::HIGH, Some(core)) = (&self.moves, spot.home, spot.core) else {
            return;
        };
        if others.any(|other| other == spot) {
            let next = Move::AwayFrom(core);
            moves[worker.index()].store(next.word(), Ordering::Relaxed);
        }
    }

    /// Lets a worker that was unparked, whose thread is the current one, make a move that cannot
    /// wait, and tells it how it was unparked.
    pub(super) fn woken(&self, worker: WorkerId) -> Waking {
        let Some(moves) = &self.moves else {
            return Waking {
                bringer: BringerKind::Unknown,
                delay: None,
            };
        };
        let next = Move::of(moves[worker.index()].load(Ordering::Relaxed));
        if matches!(next, Move::AwayAtOnce(_)) {
            self.make_move(worker);
        }
        let unparked_at = self.unparked_at[worker.index()].load(Ordering::Relaxed);
        Waking {
            bringer: match next {
                Move::AwayUnlessFollowing(_) => BringerKind::MayBeFollowed,
                Move::AwayFromSpinner(_) => BringerKind::Spins,
                _ => BringerKind::NotFollowed,
            },
            delay: (unparked_at != 0)
                .then(|| Duration::from_nanos(self.now().saturating_sub(unparked_at))),
        }
    }

    /// In nanoseconds since the epoch.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Lets a worker that is about to park go to the core of its last bringer, where that is the
    /// move of one that follows.
    pub(super) fn follow_bringer(&self, worker: WorkerId) {
        let Some(moves) = &self.moves else { return };
        let next = &moves[worker.index()];
        if let Move::AwayUnlessFollowing(core) = Move::of(next.load(Ordering::Relaxed)) {
            next.store(Move::To(core).word(), Ordering::Relaxed);
        }
    }

    /// Moves the current thread, as its worker is to.
    fn make_move(&self, worker: WorkerId) {
        let Some(moves) = &self.moves else { return };
        let word = moves[worker.index()].swap(Move::None.word(), Ordering::Relaxed);
        let is_on = |core| os_thread::core() == Some(core);
        match Move::of(word) {
            Move::To(core) if !is_on(core) => os_thread::move_to_core(core),
            Move::AwayFrom(core) => os_thread::leave_core(core),
            Move::AwayUnlessFollowing(core)
            | Move::AwayAtOnce(core)
            | Move::AwayFromSpinner(core)
                if is_on(core) =>
            {
                os_thread::leave_core(core);
            }
            _ => {}
        }
    }
}

/// The thread that unparks a worker.
#[derive(Clone, Copy, Debug)]
struct Bringer {
    core: usize,
    is_nice: bool,
    core_use: CoreUse,
}

impl Bringer {
    /// The current thread, which unparks a worker that is at home in this queue.
    fn here(core: usize, home: QueueId) -> Bringer {
        let is_nice = os_thread::is_nice();
        Bringer {
            core,
            is_nice,
            // Asked where it makes a difference alone: it costs a system call.
            core_use: match home == QueueId::LOW && !is_nice {
                true => core_use(),
                false => CoreUse::Keeps,
            },
        }
    }
}

/// The move of a worker that is unparked for work in `queue`.
fn next_move(spot: Spot, queue: QueueId, bringer: Bringer) -> Move {
    let here = bringer.core;
    let is_here = spot.core == Some(here);
    match (bringer.is_nice, spot.home, queue) {
        (true, QueueId::HIGH, QueueId::HIGH) if !is_here => Move::To(here),
        (true, QueueId::HIGH, QueueId::HIGH) => Move::None,
        // Wherever it parked: the system may wake it here, since a nice thread is easily displaced.
        (true, QueueId::HIGH, _) => Move::AwayAtOnce(here),
        (false, QueueId::LOW, _) => match bringer.core_use {
            CoreUse::GivesUp => Move::AwayUnlessFollowing(here),
            CoreUse::Spins => Move::AwayFromSpinner(here),
            CoreUse::Keeps if is_here => Move::AwayFrom(here),
            CoreUse::Keeps => Move::None,
        },
        _ => Move::None,
    }
}

#[cfg(all(test, not(loom), target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    const WORKER: WorkerId = WorkerId(1);
    const HERE: usize = 7;
    const ELSEWHERE: usize = 3;

    const HIGH: QueueId = QueueId::HIGH;
    const LOW: QueueId = QueueId::LOW;
    const FURTHER: QueueId = QueueId(2);

    /// The move of a worker that parked on this core and is unparked by a thread on [`HERE`].
    fn move_after(niceness: u8, home: QueueId, queue: QueueId, core: usize) -> Move {
        let nearby = Nearby::preferred(2, 0);
        let unpark = || {
            os_thread::set_niceness(niceness).unwrap();
            let spot = Spot {
                home,
                core: Some(core),
            };
            nearby.note_unpark(WORKER, spot, queue, Some(HERE));
        };
        thread::scope(|scope| scope.spawn(unpark).join().unwrap());
        let moves = nearby.moves.as_ref().expect("nearness is preferred");
        Move::of(moves[WORKER.index()].load(Ordering::Relaxed))
    }

    #[test]
    fn a_nice_thread_calls_high_workers_for_high_work() {
        assert_eq!(move_after(1, HIGH, HIGH, ELSEWHERE), Move::To(HERE));
        assert_eq!(move_after(1, HIGH, HIGH, HERE), Move::None);
    }

    #[test]
    fn a_nice_thread_sends_high_workers_away_for_other_work() {
        for queue in [LOW, FURTHER] {
            for core in [HERE, ELSEWHERE] {
                assert_eq!(move_after(1, HIGH, queue, core), Move::AwayAtOnce(HERE));
            }
        }
    }

    #[test]
    fn a_thread_that_is_not_nice_sends_low_workers_away() {
        for queue in [HIGH, LOW, FURTHER] {
            assert_eq!(move_after(0, LOW, queue, HERE), Move::AwayFrom(HERE));
            assert_eq!(move_after(0, LOW, queue, ELSEWHERE), Move::None);
        }
    }

    #[test]
    fn a_low_worker_follows_a_bringer_that_gives_up_its_core_and_otherwise_leaves_that() {
        let next = |home, core, core_use| {
            let bringer = Bringer {
                core: HERE,
                is_nice: false,
                core_use,
            };
            let core = Some(core);
            next_move(Spot { home, core }, LOW, bringer)
        };
        for core in [HERE, ELSEWHERE] {
            let follows = Move::AwayUnlessFollowing(HERE);
            assert_eq!(next(LOW, core, CoreUse::GivesUp), follows);
            assert_ne!(next(LOW, core, CoreUse::Keeps), follows);
            assert_eq!(next(LOW, core, CoreUse::Spins), Move::AwayFromSpinner(HERE));
            assert_eq!(next(HIGH, core, CoreUse::GivesUp), Move::None);
        }
    }

    #[test]
    fn a_worker_that_follows_goes_to_the_core_of_its_bringer() {
        let nearby = Nearby::preferred(2, 0);
        let moves = nearby.moves.as_ref().expect("nearness is preferred");
        let next = || Move::of(moves[WORKER.index()].load(Ordering::Relaxed));
        let note = |next: Move| moves[WORKER.index()].store(next.word(), Ordering::Relaxed);
        note(Move::AwayUnlessFollowing(HERE));
        assert_eq!(nearby.woken(WORKER).bringer, BringerKind::MayBeFollowed);
        nearby.follow_bringer(WORKER);
        assert_eq!(next(), Move::To(HERE));
        for other in [Move::None, Move::To(HERE), Move::AwayFrom(HERE)] {
            note(other);
            assert_ne!(nearby.woken(WORKER).bringer, BringerKind::MayBeFollowed);
            nearby.follow_bringer(WORKER);
            assert_eq!(next(), other);
        }
    }

    #[test]
    fn no_other_thread_moves_a_worker() {
        for queue in [HIGH, LOW] {
            for core in [HERE, ELSEWHERE] {
                assert_eq!(move_after(0, HIGH, queue, core), Move::None);
                assert_eq!(move_after(1, LOW, queue, core), Move::None);
                assert_eq!(move_after(1, FURTHER, queue, core), Move::None);
                assert_eq!(move_after(0, FURTHER, queue, core), Move::None);
            }
        }
    }

    #[test]
    fn a_move_survives_as_a_word() {
        for core in [0, 1, 2, 1023] {
            let all = [
                Move::None,
                Move::To(core),
                Move::AwayFrom(core),
                Move::AwayUnlessFollowing(core),
                Move::AwayAtOnce(core),
                Move::AwayFromSpinner(core),
            ];
            for next in all {
                assert_eq!(Move::of(next.word()), next);
            }
        }
    }

    #[test]
    fn a_high_worker_is_taken_from_the_bringers_core_and_a_low_one_from_another() {
        let nearby = Nearby::preferred(3, 0);
        let best = |queue, cores: [usize; 3]| {
            let spot = |core| Spot {
                home: queue,
                core: Some(core),
            };
            nearby.best(cores.map(spot).into_iter(), queue, Some(HERE))
        };
        assert_eq!(best(HIGH, [ELSEWHERE, HERE, ELSEWHERE]), Some(1));
        for queue in [LOW, FURTHER] {
            assert_eq!(best(queue, [ELSEWHERE, ELSEWHERE, HERE]), Some(1));
        }
    }

    #[test]
    fn a_move_is_made_once() {
        let nearby = Nearby::preferred(2, 0);
        let here = nearby.core_here().expect("Linux tells the core");
        let moves = nearby.moves.as_ref().expect("nearness is preferred");
        moves[WORKER.index()].store(Move::To(here).word(), Ordering::Relaxed);
        nearby.make_move(WORKER);
        let left = moves[WORKER.index()].load(Ordering::Relaxed);
        assert_eq!(Move::of(left), Move::None);
    }

    #[test]
    fn a_worker_that_is_sent_away_at_once_moves_when_it_is_woken_and_others_when_they_park() {
        let nearby = Nearby::preferred(2, 0);
        let moves = nearby.moves.as_ref().expect("nearness is preferred");
        let is_made = |next: Move| {
            moves[WORKER.index()].store(next.word(), Ordering::Relaxed);
            nearby.woken(WORKER);
            Move::of(moves[WORKER.index()].load(Ordering::Relaxed)) == Move::None
        };
        let here = nearby.core_here().expect("Linux tells the core");
        assert!(is_made(Move::AwayAtOnce(here)));
        for later in [
            Move::AwayFrom(here),
            Move::AwayFromSpinner(here),
            Move::To(here),
        ] {
            assert!(!is_made(later), "{later:?}");
        }
    }

    #[test]
    fn a_worker_that_no_bringer_has_unparked_since_it_parked_was_not_late() {
        let nearby = Nearby::preferred(2, 0);
        let here = nearby.core_here();
        let spot = nearby.find_spot(WORKER, LOW);
        nearby.note_unpark(WORKER, spot, LOW, here);
        assert!(nearby.woken(WORKER).delay.is_some());
        // It parks again, and something is ready in the reactor.
        nearby.find_spot(WORKER, LOW);
        assert_eq!(nearby.woken(WORKER).delay, None);
    }

    #[test]
    fn a_high_worker_that_parks_beside_another_leaves_that_core_the_next_time() {
        let noted = |home, other: (QueueId, usize)| {
            let nearby = Nearby::preferred(2, 0);
            let spot = |home, core| Spot {
                home,
                core: Some(core),
            };
            let others = [spot(other.0, other.1)].into_iter();
            nearby.note_parking(WORKER, spot(home, HERE), others);
            let moves = nearby.moves.as_ref().expect("nearness is preferred");
            Move::of(moves[WORKER.index()].load(Ordering::Relaxed))
        };
        assert_eq!(noted(HIGH, (HIGH, HERE)), Move::AwayFrom(HERE));
        assert_eq!(noted(HIGH, (HIGH, ELSEWHERE)), Move::None);
        assert_eq!(noted(HIGH, (LOW, HERE)), Move::None);
        assert_eq!(noted(LOW, (LOW, HERE)), Move::None);
    }

    #[test]
    fn where_nearness_makes_no_difference_no_thread_asks_for_the_core() {
        assert_eq!(Nearby::indifferent().core_here(), None);
    }
}
