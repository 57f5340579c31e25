//! A spawned future under observation.
//!
//! Between the future and async-task stands [`Tracked`], which sees every poll: it turns a panic
//! into a value, keeps the task's books, and drops the future where a panicking destructor does no
//! harm. It never chooses a queue.
//!
//! The `run` of async-task takes no argument, and tells only whether the task was woken meanwhile.
//! So the thread that runs a task leaves a `Note` for it in a thread-local: that it was *taken* to
//! be polled, or an *order* to end instead, where the task was aborted, or its runtime has closed
//! or takes nothing new (`cancel.rs` writes those). The task leaves its answer there: that it has
//! *obeyed*, or how its poll *ended*. `thread_locals.rs` has the type. Read `outcome.rs` next.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_task::{ScheduleInfo, WithInfo};
use pin_project_lite::pin_project;

use super::outcome::{Cause, Failure, Outcome, TaskHalf};
use super::runnable::{Meta, Origin, Runnable};
use super::thread_locals::{NOTE, Note};
use super::worker::Turn;
use super::{seat, telling};
use crate::ground::ids::{ExecutorId, QueueId, TaskId};
use crate::ground::join_error::Order;
use crate::ground::poll::{budget, trust_task};
use crate::ground::telemetry::event::PollEnd;
use crate::ground::telemetry::names;

/// A future that can become a task: one that may go from thread to thread, as its output may.
pub(crate) trait Spawnable: Future<Output: Send + 'static> + Send + 'static {}

impl<F: Future<Output: Send + 'static> + Send + 'static> Spawnable for F {}

/// Makes the two halves of a task. Neither has been queued or polled yet. Its name, if it has
/// one, is in `ground/telemetry/names.rs` already.
#[inline]
pub(super) fn halves<F: Spawnable>(
    future: F,
    id: TaskId,
    executor: ExecutorId,
    queue: QueueId,
    origin: Origin<'_>,
) -> (Runnable, TaskHalf<F::Output>) {
    let spawned_at = origin.spawned_at;
    let named = origin.name.is_some();
    let tracked = move |meta: &Meta| Tracked {
        future: Some(future),
        life: Life {
            task: meta.id,
            executor,
            queue,
            named,
            is_entered: false,
            spawned_at,
        },
    };
    async_task::Builder::new()
        .metadata(Meta::new(id, executor, queue, origin))
        .spawn(tracked, WithInfo(schedule))
}

/// Called by async-task whenever a task is to be queued again.
///
/// A function without captured state on purpose: async-task then needs no extra reference to
/// the task while it calls it, and the tasks share no reference count that two cores would
/// fight over.
fn schedule(runnable: Runnable, info: ScheduleInfo) {
    let queue = runnable.metadata().queue_by_loans();
    let turn = match info.woken_while_running {
        true => {
            NOTE.set(Note::Ended(PollEnd::Yielded));
            Turn::Last
        }
        false => Turn::Next,
    };
    // One call for both, which the compiler puts in place (T39).
    seat::schedule(runnable, queue, turn);
}

pin_project! {
    /// A future under observation.
    struct Tracked<F> {
        // None once the future has been dropped.
        #[pin]
        future: Option<F>,
        life: Life,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // Still there where the handle was dropped: async-task drops the future then, in place
            // of the next poll, or after the poll that is running. In the first case, if a worker
            // has taken the task for that poll, the note still says so.
            if this.future.is_some() {
                let note = NOTE.get();
                let is_unpolled = matches!(note, Note::Taken | Note::TakenObserved);
                if is_unpolled {
                    seat::count_unpolled(this.life.executor, this.life.task);
                }
                // A panic of its destructor is a lost one: the log and the observer are told.
                drop(drop_future(this.future, this.life));
                this.life.cancelled();
                if is_unpolled {
                    // `cancelled` has noted the end of a poll, and there was no poll.
                    NOTE.set(note);
                }
            }
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // One comparison for most polls.
        if !matches!(NOTE.get(), Note::Taken)
            && let Some(order) = heed_note(this.life)
        {
            return Poll::Ready(Outcome::failed(obey(order, this.future, this.life)));
        }
        // async-task's waker does not panic, so code that is polled here need not shield it.
        trust_task(cx.waker());
        budget::begin_poll();
        let outcome = match poll_caught(this.future.as_mut(), this.life, cx) {
            Ok(Poll::Pending) => {
                this.life.pend(cx.waker());
                return Poll::Pending;
            }
            Ok(Poll::Ready(output)) => Outcome::completed(output),
            Err(payload) => Outcome::failed(this.life.failure(Cause::Panicked(payload))),
        };
        // The task has come to its end; a panic of the future's destructor is a lost one.
        drop(drop_future(this.future, this.life));
        this.life.end(match outcome.has_failed() {
            false => PollEnd::Ready,
            true => PollEnd::Panicked,
        });
        Poll::Ready(outcome)
    }
}

/// Polls a task's future where a panic is caught.
#[inline]
fn poll_caught<F: Future>(
    future: Pin<&mut Option<F>>,
    life: &Life,
    cx: &mut Context<'_>,
) -> thread::Result<Poll<F::Output>> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut polled = DropIfItPanics(future, life);
        let future = polled.0.as_mut().as_pin_mut();
        let poll = future
            .expect("async-task polls no task that has ended")
            .poll(cx);
        std::mem::forget(polled);
        poll
    }))
}

/// A future in the middle of its poll. If that panics, the future is dropped while the panic goes
/// on, as a local variable would be: a guard in it then poisons its lock.
struct DropIfItPanics<'t, F>(Pin<&'t mut Option<F>>, &'t Life);

impl<F> Drop for DropIfItPanics<'_, F> {
    fn drop(&mut self) {
        drop(drop_future(self.0.as_mut(), self.1));
    }
}

/// Heeds the note that was left for a task which is about to be polled. If that is an order to end,
/// returns the order.
#[cold]
fn heed_note(life: &Life) -> Option<Order> {
    match NOTE.get() {
        Note::Order(order) => return Some(order),
        Note::TakenObserved => {
            telling::poll_started(life.executor, life.task);
            NOTE.set(Note::Taken);
        }
        Note::Taken | Note::Obeyed | Note::Ended(_) => {}
    }
    None
}

/// Drops the future as it was ordered to, and gives the reason why there will be no output.
#[cold]
fn obey<F>(order: Order, future: Pin<&mut Option<F>>, life: &mut Life) -> Box<Failure> {
    // Before the destructor, which may run other tasks on this thread: they must not find the
    // order.
    NOTE.set(Note::Ended(PollEnd::Cancelled));
    let panicked = drop_future(future, life);
    match order {
        Order::Abort | Order::CutOff => life.cancelled(),
        // The end of a refused task is counted by its spawner: `count_refused`, `count_late`.
        Order::Refuse => telling::cancelled(life.executor, life.task),
    }
    NOTE.set(Note::Obeyed);
    panicked.unwrap_or_else(|| life.failure(Cause::Cancelled(order)))
}

/// Drops a task's future where a panic in its destructor is caught, since async-task would abort
/// the process, and gives that panic.
fn drop_future<F>(mut future: Pin<&mut Option<F>>, life: &Life) -> Option<Box<Failure>> {
    let dropped = catch_unwind(AssertUnwindSafe(|| future.set(None)));
    dropped
        .err()
        .map(|payload| life.failure(Cause::DropPanicked(payload)))
}

/// The books kept for one task.
#[derive(Debug)]
struct Life {
    task: TaskId,
    executor: ExecutorId,
    /// The queue it was spawned on, under which it is counted.
    queue: QueueId,
    /// As in [`Meta`], beside which this lies.
    named: bool,
    /// Whether its waker is among the pending: from the first time that it waits.
    is_entered: bool,
    spawned_at: &'static Location<'static>,
}

// The part of a task's allocation besides its future must not grow unseen (T19).
const _: () = assert!(size_of::<Meta>() <= 24);
const _: () = assert!(size_of::<Life>() <= 32);

impl Life {
    /// Notes that a poll left the task pending. The first time, its waker is entered among those
    /// that shutdown wakes.
    #[inline]
    fn pend(&mut self, waker: &Waker) {
        NOTE.set(Note::Ended(PollEnd::Pending));
        if !self.is_entered {
            self.is_entered = seat::enter_waker(self.executor, self.task, waker);
        }
    }

    /// Notes that the task has ended and its future is gone.
    fn end(&mut self, end: PollEnd) {
        NOTE.set(Note::Ended(end));
        let entered = std::mem::take(&mut self.is_entered).then_some(self.task);
        seat::count_end(self.executor, self.queue, end, entered);
    }

    /// Notes that the future was dropped before the task had completed.
    fn cancelled(&mut self) {
        // First, since with the end's count a shutdown may be over.
        telling::cancelled(self.executor, self.task);
        self.end(PollEnd::Cancelled);
    }

    #[cold]
    fn failure(&self, cause: Cause) -> Box<Failure> {
        let key = (self.executor, self.task);
        Box::new(Failure {
            task: self.task,
            executor: self.executor,
            name: self.named.then(|| names::get(key)).flatten(),
            spawned_at: self.spawned_at,
            cause: Some(cause),
        })
    }
}
