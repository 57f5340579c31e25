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
//! *obeyed*, or how its poll *ended*. In another thread-local the thread leaves the task's books,
//! the `Life`, so that they need not lie beside the future once more (T39). `thread_locals.rs` has
//! both types. Read `outcome.rs` next.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_task::{ScheduleInfo, WithInfo};
use pin_project_lite::pin_project;

use super::outcome::{Cause, Failure, Outcome, TaskHalf};
use super::runnable::{Meta, Origin, Runnable};
use super::thread_locals::{LIFE, Life, NOTE, Note};
use super::worker::Turn;
use super::{seat, telling};
use crate::ground::ids::{ExecutorId, QueueId, TaskId};
use crate::ground::join_error::Order;
use crate::ground::poll::{budget, trust_task};
use crate::ground::telemetry::event::PollEnd;
use crate::ground::telemetry::names;

/// Makes the two halves of a task. Neither has been queued or polled yet. Its name, if it has
/// one, is in `ground/telemetry/names.rs` already.
#[inline]
pub(super) fn halves<F>(
    future: F,
    id: TaskId,
    executor: ExecutorId,
    queue: QueueId,
    origin: Origin<'_>,
) -> (Runnable, TaskHalf<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tracked = |_: &Meta| Tracked {
        future: Some(future),
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
    let queue = runnable.metadata().schedule_anew();
    if info.woken_while_running {
        NOTE.set(Note::Ended(PollEnd::Yielded));
        seat::schedule(runnable, queue, Turn::Last);
    } else {
        seat::schedule(runnable, queue, Turn::Next);
    }
}

pin_project! {
    /// A future under observation.
    struct Tracked<F> {
        // None once the future has been dropped.
        #[pin]
        future: Option<F>,
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
                    let life = LIFE.get();
                    seat::count_unpolled(life.birth.executor, life.birth.id);
                }
                // A panic of its destructor is a lost one: the log and the observer are told.
                drop(drop_future(this.future));
                LIFE.get().cancelled();
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
            && let Some(order) = heed_note()
        {
            return Poll::Ready(Outcome::failed(obey(order, this.future)));
        }
        // async-task's waker does not panic, so code that is polled here need not shield it.
        trust_task(cx.waker());
        budget::begin_poll();
        let outcome = match poll_caught(this.future.as_mut(), cx) {
            Ok(Poll::Pending) => {
                pend(cx.waker());
                return Poll::Pending;
            }
            Ok(Poll::Ready(output)) => Outcome::completed(output),
            Err(payload) => Outcome::failed(LIFE.get().failure(Cause::Panicked(payload))),
        };
        // The task has come to its end; a panic of the future's destructor is a lost one.
        drop(drop_future(this.future));
        LIFE.get().end(match outcome.has_failed() {
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
    cx: &mut Context<'_>,
) -> thread::Result<Poll<F::Output>> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut polled = DropIfItPanics(future);
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
struct DropIfItPanics<'t, F>(Pin<&'t mut Option<F>>);

impl<F> Drop for DropIfItPanics<'_, F> {
    fn drop(&mut self) {
        drop(drop_future(self.0.as_mut()));
    }
}

/// Heeds the note that was left for a task which is about to be polled. If that is an order to end,
/// returns the order.
#[cold]
fn heed_note() -> Option<Order> {
    match NOTE.get() {
        Note::Order(order) => return Some(order),
        Note::TakenObserved => {
            let life = LIFE.get();
            telling::poll_started(life.birth.executor, life.birth.id);
            NOTE.set(Note::Taken);
        }
        Note::Taken | Note::Obeyed | Note::Ended(_) => {}
    }
    None
}

/// Drops the future as it was ordered to, and gives the reason why there will be no output.
#[cold]
fn obey<F>(order: Order, future: Pin<&mut Option<F>>) -> Box<Failure> {
    // Before the destructor, which may run other tasks on this thread: they must not find the
    // order.
    NOTE.set(Note::Ended(PollEnd::Cancelled));
    let panicked = drop_future(future);
    let life = LIFE.get();
    match order {
        Order::Abort | Order::CutOff => life.cancelled(),
        // The end of a refused task is counted by its spawner: `count_refused`, `count_late`.
        Order::Refuse => telling::cancelled(life.birth.executor, life.birth.id),
    }
    NOTE.set(Note::Obeyed);
    panicked.unwrap_or_else(|| life.failure(Cause::Cancelled(order)))
}

/// Drops a task's future where a panic in its destructor is caught, since async-task would abort
/// the process, and gives that panic.
fn drop_future<F>(mut future: Pin<&mut Option<F>>) -> Option<Box<Failure>> {
    let dropped = catch_unwind(AssertUnwindSafe(|| future.set(None)));
    dropped
        .err()
        .map(|payload| LIFE.get().failure(Cause::DropPanicked(payload)))
}

// The part of a task's allocation besides its future must not grow unseen (T19), (T39).
const _: () = assert!(size_of::<Tracked<Option<&()>>>() <= 16);
const _: () = assert!(size_of::<Tracked<[u8; 8]>>() <= 9);

/// Notes that a poll left the task pending. The first time, its waker is entered among those that
/// shutdown wakes.
#[inline]
fn pend(waker: &Waker) {
    NOTE.set(Note::Ended(PollEnd::Pending));
    let life = LIFE.get();
    if !life.is_entered {
        let is_entered = seat::enter_waker(life.birth.executor, life.birth.id, waker);
        LIFE.set(Life { is_entered, ..life });
    }
}

impl Life {
    /// Notes that the task has ended and its future is gone.
    fn end(self, end: PollEnd) {
        NOTE.set(Note::Ended(end));
        let entered = self.is_entered.then_some(self.birth.id);
        seat::count_end(self.birth.executor, self.birth.spawned_on, end, entered);
    }

    /// Notes that the future was dropped before the task had completed.
    fn cancelled(self) {
        // First, since with the end's count a shutdown may be over.
        telling::cancelled(self.birth.executor, self.birth.id);
        self.end(PollEnd::Cancelled);
    }

    #[cold]
    fn failure(self, cause: Cause) -> Box<Failure> {
        let key = (self.birth.executor, self.birth.id);
        Box::new(Failure {
            task: self.birth.id,
            executor: self.birth.executor,
            name: self.is_named.then(|| names::get(key)).flatten(),
            spawned_at: self.birth.spawned_at,
            cause: Some(cause),
        })
    }
}
