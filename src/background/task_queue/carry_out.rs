//! A piece of work in its task: the wait for its turn, and its run.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use super::desk::{Charge, HeldPlace};
use super::ledger::{AtTurn, Begun};
use super::work::{Body, Given};
use super::work_end::WorkEnd;
use super::work_id::WorkId;
use crate::background::close_reason::panic_message;
use crate::background::errand::{Payload, caught};
use crate::blocking::unblock;
use crate::ending::Phase;
use crate::executor::seat;
use crate::ground::shield::{drop_shielded, log_error};
use crate::time::timeout;

/// The life of the task that carries out a piece of work. The run is boxed, so that a task that
/// waits for its turn is small.
pub(super) async fn carry_out<T: Send + 'static>(charge: Charge<T>) {
    let turn = poll_fn(|cx| poll_turn(&charge, cx)).await;
    let run = turn.map(|(begun, place)| Box::pin(run(&charge, begun, place)));
    if let Some(run) = run {
        run.await;
    }
}

async fn run<T: Send + 'static>(charge: &Charge<T>, begun: Begun<T>, place: HeldPlace<T>) {
    let limit = begun.limit.unwrap_or(Duration::MAX);
    let context = begun.context;
    match begun.body {
        Body::Future(make) => {
            let made = async { make(context).await };
            poll_out(place, charge.id, limit, made).await;
        }
        Body::Closure(closure) => {
            let checked = || match context.is_cancelled() {
                true => None,
                false => Some(closure(context)),
            };
            hand_over(charge, place, limit, checked).await;
        }
    }
}

/// Ready when the work has a place, or has ended without one.
fn poll_turn<T: Send + 'static>(
    charge: &Charge<T>,
    cx: &mut Context<'_>,
) -> Poll<Option<(Begun<T>, HeldPlace<T>)>> {
    let Charge { desk, id } = charge;
    let turn = desk.write(|ledger, now, after| match is_cut_off() {
        true => AtTurn::Waits,
        false => ledger.at_turn(*id, cx.waker(), now, after),
    });
    match turn {
        AtTurn::Begins(begun) => Poll::Ready(Some((begun, HeldPlace::taken(desk)))),
        AtTurn::Leaves => Poll::Ready(None),
        AtTurn::Waits => Poll::Pending,
    }
}

/// Whether the runtime cuts off what is left. The place of work that was cut off is not for the
/// next: asked under the lock of the ledger, this is true wherever that place can be seen to be
/// free.
fn is_cut_off() -> bool {
    seat::shared_runtime_here().is_some_and(|runtime| runtime.phase() == Phase::Closed)
}

/// Polls a future to its end, or to the end of its time.
async fn poll_out<T: Send + 'static>(
    place: HeldPlace<T>,
    id: WorkId,
    limit: Duration,
    future: impl Future<Output = Given<T>>,
) {
    // Caught twice: the future has a poll that may panic, and then a destructor.
    let timed = caught(async { timeout(limit, caught(future)).await });
    let end = match timed.await {
        Ok(Ok(given)) => end_of(id, given),
        Ok(Err(_elapsed)) => WorkEnd::TimedOut(limit),
        Err(payload) => panicked(id, payload),
    };
    place.end(id, end);
}

/// Has a closure run on the blocking pool, and sees to its time. The closure's thread ends the
/// work: those that wait for the end do not wait for a low task.
async fn hand_over<T: Send + 'static>(
    charge: &Charge<T>,
    place: HeldPlace<T>,
    limit: Duration,
    closure: impl FnOnce() -> Option<Given<T>> + Send + 'static,
) {
    let id = charge.id;
    let job = move || match catch_unwind(AssertUnwindSafe(closure)) {
        Ok(None) => drop(place),
        Ok(Some(given)) => place.end(id, end_of(id, Ok(given))),
        Err(payload) => place.end(id, panicked(id, payload)),
    };
    // The pool panics if the system gives it no thread.
    match caught(async { timeout(limit, unblock(job)).await }).await {
        Ok(Ok(())) => {}
        Ok(Err(_elapsed)) => charge.end(WorkEnd::TimedOut(limit)),
        Err(payload) => charge.end(panicked(id, payload)),
    }
}

fn end_of<T>(id: WorkId, given: Result<Given<T>, Payload>) -> WorkEnd<T> {
    match given {
        Ok(Ok(value)) => WorkEnd::Done(value),
        Ok(Err(message)) => WorkEnd::Failed(message),
        Err(payload) => panicked(id, payload),
    }
}

/// A panic is told to the log as well: this work may never be asked for.
fn panicked<T>(id: WorkId, payload: Payload) -> WorkEnd<T> {
    let message = panic_message(&*payload);
    drop_shielded(payload);
    log_error(format_args!(
        "work {id} of a task queue panicked: {message}"
    ));
    WorkEnd::Failed(message)
}
