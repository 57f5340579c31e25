//! Runs a future on the current thread, which sleeps between its polls.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::alarm::block_here;
use super::help::help;
use crate::executor::Bound;
use crate::executor::seat::{self, NoStandIn};
use crate::ground::large::{BoxedOutput, is_large};
use crate::ground::poll::own_poll;

/// Runs a future on this thread, and blocks until it has ended.
///
/// Needs no runtime. On a worker thread, another thread takes the worker's place meanwhile,
/// unless the future is ready at once: [512](crate::Builder::with_stand_ins) at most, or as many as
/// the operating system gives. Beyond that, this thread goes on with the worker's other tasks
/// between the polls of the future.
///
/// # Futures that are not `Send`
///
/// The future, and all that it awaits, stays on this thread: it may hold an `Rc` across an await.
/// To run several such futures beside each other, run a `LocalExecutor` of the crate
/// `async-executor` in it. Its tasks stay on this thread, and may await those of the runtime:
///
/// ```
/// use async_executor::LocalExecutor;
/// use laneway::{Priority, block_on, spawn_task};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// let local = LocalExecutor::new();
/// let sum = Rc::new(Cell::new(0));
/// block_on(local.run(async {
///     let parts: Vec<_> = (1..=3)
///         .map(|n| {
///             let sum = sum.clone();
///             local.spawn(async move {
///                 let square = spawn_task!(async move { n * n }, Priority::High).await;
///                 sum.set(sum.get() + square);
///             })
///         })
///         .collect();
///     for part in parts {
///         part.await;
///     }
/// }));
/// assert_eq!(sum.get(), 14);
/// ```
///
/// For such tasks beside a runtime, start a thread that does this, and give it work by a channel
/// whose receiver the future awaits.
///
/// # Panics
///
/// If the future does.
///
/// ```
/// assert_eq!(laneway::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    match const { is_large::<F>() } {
        true => block_on_movable(Box::pin(future)),
        false => block_on_movable(future),
    }
}

/// As [`block_on`], for a future that may be moved a few times.
fn block_on_movable<F: Future>(future: F) -> F::Output {
    match const { is_large::<F::Output>() } {
        true => *block_on_small(BoxedOutput::of(future)),
        false => block_on_small(future),
    }
}

/// As [`block_on`], for a future and an output that may be moved a few times.
fn block_on_small<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    if seat::is_worker()
        && let Poll::Ready(output) = look(future.as_mut())
    {
        return output;
    }
    match seat::give_way(Bound::Kept) {
        Ok(()) => block_here(future),
        Err(NoStandIn) => help(future),
    }
}

/// Polls a future that may be ready, and leaves nothing to wake.
fn look<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    // Trusted, so that the handles of tasks that have ended put no shield around it.
    let nothing = Waker::noop();
    let mut cx = Context::from_waker(nothing);
    own_poll(nothing, || future.poll(&mut cx))
}
