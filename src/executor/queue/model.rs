//! A queue under the model checker: no task lies where no worker will look for it.
//!
//! The channel's lock and count, the next-slot and what a worker shows of its deque are loom's. The
//! deque is not, so that each of its operations is one step, but for the one model whose question
//! is that: its deque is a pair of loom's counters. The workers here are the skeleton of
//! `worker.rs`, and they sleep by the real protocol of `idle/parking.rs`.
//! A task that no worker hears of shows as a deadlock, which loom reports.

use loom::thread::JoinHandle;

use super::tests::runnable;
use super::*;
use crate::ground::ids::QueueId;
use crate::ground::sync::{AtomicUsize, Ordering, check, fence, thread};
use crate::idle::{Claim, Enrolled, Nearby, OtherSearchers, ParkingLot, Standing};

const CREW: CrewId = CrewId(0);
const OWNER: WorkerId = WorkerId(0);
const THIEF: WorkerId = WorkerId(1);

fn id(runnable: &Runnable) -> u64 {
    runnable.metadata().id.0
}

/// The protocol as it is, or with one of its rules left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// A thread that brings a task looks for parked workers before it pushes.
    WakesTooEarly,
    /// A worker does not tell of the first task in its deque.
    KeepsQuiet,
    /// A worker does not tell of a task that it pushes behind others.
    TellsOfTheFirstOnly,
    /// A worker tells of a task behind others, and has no fence between its push and its look at
    /// the census.
    NoFence,
    /// A worker asks the mark that others see whether its next-slot is empty.
    TrustsTheMark,
}

/// One queue and the workers that serve it.
struct Model {
    queue: Queue,
    parking_lot: ParkingLot,
    protocol: Protocol,
}

impl Model {
    fn new(workers: usize, protocol: Protocol) -> Arc<Model> {
        let board = Arc::new(Board::new(workers));
        Model::with_locals(workers, board, Vec::new(), protocol)
    }

    fn with_locals(
        workers: usize,
        board: Arc<Board>,
        locals: Vec<Stealable>,
        protocol: Protocol,
    ) -> Arc<Model> {
        Arc::new(Model {
            queue: Queue::new("low", workers, board, locals.into(), [CREW].into()),
            parking_lot: ParkingLot::new(&[workers], Nearby::indifferent()),
            protocol,
        })
    }

    fn unpark_one(&self) {
        // As in `Worker::announce`. After a push into the channel, the fence makes the count and
        // the look at the census sequentially consistent for loom.
        fence(Ordering::SeqCst);
        self.parking_lot.unpark_one(&[CREW], QueueId::LOW)
    }

    /// As `Executor::inject`.
    fn bring(&self, task: u64) {
        if self.protocol == Protocol::WakesTooEarly {
            self.unpark_one();
        }
        self.queue.push(runnable(task));
        if self.protocol != Protocol::WakesTooEarly {
            self.unpark_one();
        }
    }

    /// As `Worker::push_locally`.
    fn push_locally(&self, pushed: Pushed) {
        if pushed == Pushed::FirstInDeque && self.protocol != Protocol::KeepsQuiet {
            self.unpark_one();
        }
    }

    /// The life of a worker until it has found a given number of tasks.
    fn find(&self, tasks: usize, worker: WorkerId, take: &mut dyn FnMut() -> Option<Runnable>) {
        let mut enrolled = Enrolled::No;
        for _ in 0..tasks {
            while take().is_none() {
                enrolled = self.search_or_rest(worker, enrolled);
            }
            if std::mem::replace(&mut enrolled, Enrolled::No) == Enrolled::Yes
                && self.parking_lot.stop_searching(CREW) == OtherSearchers::None
                && self.queue.has_work()
            {
                self.unpark_one();
            }
        }
    }

    fn search_or_rest(&self, worker: WorkerId, enrolled: Enrolled) -> Enrolled {
        if enrolled == Enrolled::No && self.parking_lot.start_searching(CREW) == Enrolled::Yes {
            return Enrolled::Yes;
        }
        let laid_down = self
            .parking_lot
            .begin_parking(CREW, worker, QueueId::LOW, enrolled);
        if laid_down == OtherSearchers::None && self.queue.has_work() {
            self.parking_lot.cancel_parking(CREW, worker);
            // It may see a task before its owner has shown it, and again: let the owner go on.
            thread::yield_now();
        } else {
            self.parking_lot
                .park(worker, Claim::new(worker, Standing::High), &mut Vec::new());
        }
        Enrolled::Yes
    }
}

/// Runs `what` on a thread of its own.
fn spawn(what: impl FnOnce() + 'static) -> JoinHandle<()> {
    loom::thread::spawn(what)
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("nothing panics in the model");
    }
}

/// A deque whose push is two steps, as on the hardware: other threads see later what its owner has
/// written, unless a fence lies between. The accesses are those of crossbeam-deque.
#[derive(Default)]
struct TwoStepDeque {
    front: AtomicUsize,
    back: AtomicUsize,
}

impl TwoStepDeque {
    /// By the owner.
    fn push(&self) {
        let back = self.back.load(Ordering::Relaxed);
        fence(Ordering::Release);
        self.back.store(back + 1, Ordering::Relaxed);
    }

    fn len(&self) -> usize {
        let back = self.back.load(Ordering::Relaxed);
        back.saturating_sub(self.front.load(Ordering::Relaxed))
    }

    fn steal(&self) -> bool {
        let front = self.front.load(Ordering::Acquire);
        fence(Ordering::SeqCst);
        let back = self.back.load(Ordering::Acquire);
        let next = front + 1;
        let swapped = |()| {
            self.front
                .compare_exchange(front, next, Ordering::SeqCst, Ordering::Relaxed)
        };
        (front < back)
            .then_some(())
            .map(swapped)
            .is_some_and(|s| s.is_ok())
    }
}

/// A worker pushes a second task behind the first and is stuck in its poll. A searcher takes the
/// first, and is stuck in that. A third worker is parked: the second task is for it.
fn push_behind_what_is_stolen(protocol: Protocol) {
    const PARKED: WorkerId = WorkerId(2);
    let model = Model::new(3, protocol);
    let deque = Arc::new(TwoStepDeque::default());
    deque.push();
    assert_eq!(model.parking_lot.start_searching(CREW), Enrolled::Yes);

    let parking = model
        .parking_lot
        .begin_parking(CREW, PARKED, QueueId::LOW, Enrolled::No);
    assert_eq!(parking, OtherSearchers::Some);

    let (thief, stolen) = (model.clone(), deque.clone());
    let thief = spawn(move || {
        let took = stolen.steal();
        assert!(took, "the first task is there");
        if thief.parking_lot.stop_searching(CREW) == OtherSearchers::None && stolen.len() > 0 {
            thief.unpark_one();
        }
    });
    let (owner, pushed) = (model.clone(), deque.clone());
    let owner = spawn(move || {
        pushed.push();
        // As `LocalQueue::push_back` and `Worker::announce_pushed`.
        let is_first = pushed.len() <= 1;
        let tells = match protocol {
            Protocol::TellsOfTheFirstOnly => is_first,
            _ => is_first || !owner.parking_lot.all_busy(&[CREW]),
        };
        match (tells, protocol) {
            (true, Protocol::NoFence) => owner.parking_lot.unpark_one(&[CREW], QueueId::LOW),
            (true, _) => owner.unpark_one(),
            (false, _) => {}
        }
    });
    model
        .parking_lot
        .park(PARKED, Claim::new(PARKED, Standing::High), &mut Vec::new());
    while !deque.steal() {
        // It was unparked for the first task, and finds the second as soon as that is seen.
        thread::yield_now();
    }
    join([thief, owner]);
}

/// Two threads bring a task each; one worker finds both.
fn bring_two(protocol: Protocol) {
    let model = Model::new(1, protocol);
    let (brings, finds) = (model.clone(), model.clone());
    let threads = [
        spawn(move || brings.bring(1)),
        spawn(move || finds.find(2, OWNER, &mut || finds.queue.take())),
    ];
    model.bring(2);
    join(threads);
    assert_eq!(model.queue.channel_len(), 0);
}

/// A worker schedules tasks for itself, and then is stuck in its poll: all but the last, which is
/// in its next-slot, are for the other.
fn schedule_and_be_stuck(tasks: u64, protocol: Protocol) {
    let board = Arc::new(Board::new(2));
    let (mut own, shown) = LocalQueue::new(OWNER, board.clone());
    let (mut loot, loot_shown) = LocalQueue::new(THIEF, board.clone());
    let model = Model::with_locals(2, board, vec![shown, loot_shown], protocol);
    let steals = model.clone();
    let thief = spawn(move || {
        steals.find(tasks as usize - 1, THIEF, &mut || {
            let stolen = steals.queue.steal(THIEF, 0, &mut loot);
            stolen.map(|stolen| stolen.runnable).or_else(|| loot.pop())
        });
    });
    for task in 1..=tasks {
        model.push_locally(own.push_next(runnable(task)));
    }
    join([thief]);
    let last = own.pop().expect("no thread steals from the next-slot");
    assert_eq!(id(&last), tasks);
    assert!(own.pop().is_none());
}

/// A worker fills its next-slot, runs what is there, and fills it again, while the watchdog
/// empties it.
fn rescue_while_running(protocol: Protocol) {
    let (mut own, shown) = LocalQueue::new(OWNER, Arc::new(Board::new(1)));
    let rescued = Arc::new(AtomicUsize::new(0));
    let count = rescued.clone();
    let watchdog = spawn(move || {
        let slot = &shown.shown.next;
        let task = slot.is_filled().then(|| slot.take()).flatten();
        count.store(usize::from(task.is_some()), Ordering::Relaxed);
    });
    let push = |own: &mut LocalQueue, task| {
        if protocol == Protocol::TrustsTheMark {
            own.contents = match own.shown.next.is_filled() {
                true => own.contents.with(Contents::IN_NEXT_SLOT),
                false => own.contents.without(Contents::IN_NEXT_SLOT),
            };
        }
        own.push_next(runnable(task));
    };
    push(&mut own, 1);
    let mut had = usize::from(own.take_next().is_some());
    push(&mut own, 2);
    push(&mut own, 3);
    join([watchdog]);
    had += std::iter::from_fn(|| own.pop()).count();
    assert_eq!(had + rescued.load(Ordering::Relaxed), 3, "tasks found");
}

#[test]
fn a_worker_finds_the_tasks_of_two_bringers() {
    check(3, || bring_two(Protocol::Whole));
}

#[test]
fn a_thief_hears_of_a_task_behind_a_stuck_poll() {
    check(4, || schedule_and_be_stuck(2, Protocol::Whole));
}

/// The second may find the deque emptied by the thief, or not.
#[test]
fn a_thief_hears_of_each_task_behind_a_stuck_poll() {
    check(3, || schedule_and_be_stuck(3, Protocol::Whole));
}

#[test]
fn a_next_slot_loses_nothing_between_its_worker_and_the_watchdog() {
    check(5, || rescue_while_running(Protocol::Whole));
}

/// Of three workers, of which two are stuck, the third hears of a task although the deque was not
/// empty when it was pushed.
#[test]
fn a_parked_worker_hears_of_a_task_behind_one_that_is_stolen() {
    check(3, || push_behind_what_is_stolen(Protocol::Whole));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_tells_of_the_first_task_only_leaves_the_second_behind() {
    check(3, || {
        push_behind_what_is_stolen(Protocol::TellsOfTheFirstOnly)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_without_a_fence_leaves_the_second_task_behind() {
    check(3, || push_behind_what_is_stolen(Protocol::NoFence));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_bringer_that_looks_at_the_census_before_the_push_leaves_its_task_unseen() {
    check(3, || bring_two(Protocol::WakesTooEarly));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_keeps_quiet_leaves_its_task_behind_a_stuck_poll() {
    check(4, || schedule_and_be_stuck(2, Protocol::KeepsQuiet));
}

#[test]
#[should_panic(expected = "tasks found")]
fn a_worker_that_trusts_the_mark_of_its_next_slot_loses_a_task() {
    check(5, || rescue_while_running(Protocol::TrustsTheMark));
}
