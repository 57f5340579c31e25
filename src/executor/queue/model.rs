//! A queue under the model checker: no task lies where nobody will look for it.
//!
//! The counters beside the channel, the next-slot and what a worker shows of its deque are loom's;
//! the channel and the deque themselves are not, so that each of their operations is one step. The
//! workers here are the skeleton of `worker.rs`, and they sleep by the real protocol of `idle.rs`.
//! A task that nobody hears of shows as a deadlock, which loom reports.

use loom::thread::JoinHandle;

use super::tests::runnable;
use super::*;
use crate::executor::Nearby;
use crate::executor::idle::{LaidDown, Search, Sleepers, Stopped};
use crate::executor::ids::QueueId;
use crate::sync::{check, fence, thread};

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
    /// Who pushes into the channel looks at who sleeps before the push is counted.
    WakesTooEarly,
    /// A worker does not tell of the first task in its deque.
    KeepsQuiet,
    /// A worker asks the mark that others see whether its next-slot is empty.
    TrustsTheMark,
}

/// One queue and those who serve it.
struct Model {
    queue: Queue,
    sleepers: Sleepers,
    protocol: Protocol,
}

impl Model {
    fn new(workers: usize, locals: Vec<Stealable>, protocol: Protocol) -> Arc<Model> {
        Arc::new(Model {
            queue: Queue::new("low", workers, locals.into(), [CREW].into()),
            sleepers: Sleepers::new(&[workers], Nearby::indifferent()),
            protocol,
        })
    }

    fn wake_one(&self) {
        // As in `Worker::announce`. After a push into the channel: what makes the count and the
        // look at the census sequentially consistent for loom.
        fence(Ordering::SeqCst);
        self.sleepers.wake_one(&[CREW], QueueId::LOW);
    }

    /// As `Executor::enqueue`.
    fn bring(&self, task: u64) {
        if self.protocol == Protocol::WakesTooEarly {
            self.wake_one();
        }
        self.queue.push(runnable(task));
        if self.protocol != Protocol::WakesTooEarly {
            self.wake_one();
        }
    }

    /// As `Worker::keep`.
    fn keep(&self, pushed: Pushed) {
        if pushed == Pushed::FirstInDeque && self.protocol != Protocol::KeepsQuiet {
            self.wake_one();
        }
    }

    /// What a worker does until it has found so many tasks.
    fn find(&self, tasks: usize, worker: WorkerId, take: &mut dyn FnMut() -> Option<Runnable>) {
        let mut search = Search::Uncounted;
        for _ in 0..tasks {
            while take().is_none() {
                search = self.search_or_rest(worker, search);
            }
            if std::mem::replace(&mut search, Search::Uncounted) == Search::Counted
                && self.sleepers.stop_searching(CREW) == Stopped::NobodySearches
                && self.queue.has_work()
            {
                self.wake_one();
            }
        }
    }

    fn search_or_rest(&self, worker: WorkerId, search: Search) -> Search {
        if search == Search::Uncounted && self.sleepers.start_searching(CREW) == Search::Counted {
            return Search::Counted;
        }
        let laid_down = self.sleepers.lie_down(CREW, worker, QueueId::LOW, search);
        if laid_down == LaidDown::NobodySearches && self.queue.has_work() {
            self.sleepers.get_up(CREW, worker);
            // It may see a task before its owner has shown it, and again: let the owner go on.
            thread::yield_now();
        } else {
            self.sleepers.park(worker);
        }
        Search::Counted
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

/// Two threads bring a task each; one worker finds both. A task can be taken before its push is
/// counted, which hides the other for as long.
fn bring_two(protocol: Protocol) {
    let model = Model::new(1, Vec::new(), protocol);
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
    let (mut own, shown) = LocalQueue::new(OWNER);
    let (mut loot, loot_shown) = LocalQueue::new(THIEF);
    let model = Model::new(2, vec![shown, loot_shown], protocol);
    let steals = model.clone();
    let thief = spawn(move || {
        steals.find(tasks as usize - 1, THIEF, &mut || {
            let stolen = steals.queue.steal(THIEF, 0, &mut loot);
            stolen.map(|(task, _)| task).or_else(|| loot.pop())
        });
    });
    for task in 1..=tasks {
        model.keep(own.push_next(runnable(task)));
    }
    join([thief]);
    let last = own.pop().expect("nobody steals from the next-slot");
    assert_eq!(id(&last), tasks);
    assert!(own.pop().is_none());
}

/// A worker fills its next-slot, runs what is there, and fills it again, while the watchdog
/// empties it.
fn rescue_while_running(protocol: Protocol) {
    let (mut own, shown) = LocalQueue::new(OWNER);
    let rescued = Arc::new(AtomicUsize::new(0));
    let count = rescued.clone();
    let watchdog = spawn(move || {
        let slot = &shown.shown.next;
        let task = slot.is_filled().then(|| slot.take()).flatten();
        count.store(usize::from(task.is_some()), Ordering::Relaxed);
    });
    let push = |own: &mut LocalQueue, task| {
        if protocol == Protocol::TrustsTheMark {
            own.next_filled = own.shown.next.is_filled();
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
fn no_task_is_hidden_by_one_that_was_taken_before_it_was_counted() {
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

#[test]
#[should_panic(expected = "deadlock")]
fn who_looks_at_the_sleepers_before_the_push_leaves_its_task_unseen() {
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
