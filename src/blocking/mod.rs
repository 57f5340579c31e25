//! Closures that block: a pool of threads for them, beside those that run tasks.
//!
//! A task that blocks its thread (reads a file, computes for a second, waits for a lock) holds up
//! every task behind it. [`unblock`] hands the blocking part to a thread where that costs no other
//! task anything, and gives a future of its result.
//!
//! ```
//! use laneway::blocking::unblock;
//!
//! let manifest = unblock(|| std::fs::read_to_string("Cargo.toml"));
//! let text = laneway::block_on(manifest)?;
//! assert!(text.contains("laneway"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! There is one pool for the whole process, since blocking works outside of any runtime too. A
//! closure takes the thread that went idle last; if none is idle, a new thread starts, up to the
//! bound; beyond it, closures wait in a queue, in the order in which they came. A thread that finds
//! nothing for ten seconds leaves. No thread looks around at intervals.
//!
//! The bound is 512, or what the environment variable `LANEWAY_BLOCKING_NUM` says. That many
//! threads mostly sleep in the operating system; for long computations it is far too many, and
//! a further queue with as many threads as there are cores
//! ([`with_queue`](crate::Builder::with_queue)) is the better place.
//!
//! # Closures that wait for closures
//!
//! A closure that waits for another one would hold a thread that the other may need. So a thread
//! whose closure awaits an [`Unblock`], by [`block_on`](crate::block_on) or any other executor's,
//! does not count against the bound until that closure ends: where no thread is free, one more
//! starts for the closures that are awaited. A bound of 1 is enough for any depth:
//!
//! ```
//! use laneway::block_on;
//! use laneway::blocking::unblock;
//!
//! fn depth(below: u32) -> u32 {
//!     match below {
//!         0 => 0,
//!         _ => 1 + block_on(unblock(move || depth(below - 1))),
//!     }
//! }
//! assert_eq!(block_on(unblock(|| depth(5))), 5);
//! ```
//!
//! The pool cannot know of a wait that goes another way: by a channel, or for a task that awaits an
//! [`Unblock`] in its turn. When every thread there may be waits like that, all of them wait for
//! ever. Such a chain belongs into async code, where a wait holds no thread:
//!
//! ```
//! use laneway::blocking::unblock;
//! use laneway::{block_on, spawn_task};
//!
//! // Not `unblock(|| ... join!(spawn_task!(async { unblock(...).await })) ...)`, but:
//! let chain = spawn_task!(async {
//!     let read = unblock(|| 20).await;
//!     let more = spawn_task!(async move { unblock(move || read + 1).await }).await;
//!     unblock(move || 2 * more).await
//! });
//! assert_eq!(block_on(chain), 42);
//! ```
//!
//! # Niceness
//!
//! The threads are not nice, although low tasks with a niceness
//! ([`with_low_nice`](crate::Builder::with_low_nice)) may be the first to ask for them: the process
//! shares them.
//!
//! The threads are in `pool.rs`; where an outcome meets its awaiter, in `delivery.rs`.

mod delivery;
mod metrics;
mod pool;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::executor::seat;
use crate::ground::large::is_large;
use crate::ground::poll::budget::Waited;
use crate::ground::shield::shielded;

use delivery::Delivery;
pub(crate) use pool::Pool;
use pool::Ticket;

pub use metrics::BlockingMetrics;
pub use pool::BLOCKING_NUM_VARIABLE;

/// Runs a closure on a thread where it may block, and gives a future of its result.
///
/// The closure is handed over at once, before the future is polled. Inside of it, `spawn_task!`
/// uses the same runtime as the caller.
///
/// The queue of closures that wait for a thread has no bound; [`metrics`] tells how long it is.
///
/// # Cancellation
///
/// If the future is dropped before a thread has taken the closure, the closure never runs and is
/// dropped at once. One that has been taken runs to its end, and its output is dropped.
/// [`detach`](Unblock::detach) lets it run in either case.
///
/// Runtimes do not wait for closures when they shut down, and neither does the end of the process.
/// They wait for the tasks that await closures: a closure that shuts the runtime of its own awaiter
/// down waits until the deadline of [`shutdown`](crate::Runtime::shutdown) has come. It is to be
/// detached instead.
///
/// The threads serve all runtimes of the process and belong to none: `spawn_task!` in a closure
/// that was given outside of any runtime, and in the destructor of a thread-local when such a
/// thread leaves, uses the process-wide runtime. [`Handle::enter`](crate::Handle::enter) makes a
/// closure's spawns go elsewhere.
///
/// # Panics
///
/// Awaiting a closure that panicked continues the panic in the awaiter, with the original payload.
/// If no caller awaits it, it goes to the log, once.
///
/// The call itself panics if `LANEWAY_BLOCKING_NUM` holds anything but a number from 1 to 10,000,
/// or if the pool has no thread yet and the operating system refuses one. A refusal later on only
/// means that closures wait for the threads that are there.
///
/// ```
/// use laneway::blocking::unblock;
/// use laneway::spawn_task;
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// let task = spawn_task!(async move {
///     // A worker's thread would be stuck in `recv`, and with it the task that is to send.
///     let received = unblock(move || receiver.recv());
///     spawn_task!(async move { sender.send(42) }).detach();
///     received.await
/// });
/// assert_eq!(laneway::block_on(task), Ok(42));
/// ```
#[doc(alias = "spawn_blocking")]
#[track_caller]
pub fn unblock<T: Send + 'static>(closure: impl FnOnce() -> T + Send + 'static) -> Unblock<T> {
    let given_at = Location::caller();
    if is_large_value(&closure) {
        let closure: Box<dyn FnOnce() -> T + Send> = Box::new(closure);
        return with_pool(|pool| pool.hand_over(closure, given_at));
    }
    with_pool(|pool| pool.hand_over(closure, given_at))
}

#[inline]
fn is_large_value<C>(_: &C) -> bool {
    const { is_large::<C>() }
}

/// The present state of the pool of blocking threads. See [`BlockingMetrics`].
///
/// # Panics
///
/// If `LANEWAY_BLOCKING_NUM` holds anything but a number from 1 to 10,000.
///
/// ```
/// use laneway::blocking::{metrics, unblock};
///
/// let inside = laneway::block_on(unblock(metrics));
/// assert!(inside.threads > inside.idle, "one of them is busy with asking");
/// ```
#[must_use]
pub fn metrics() -> BlockingMetrics {
    with_pool(|pool| pool.metrics())
}

/// A closure on its way to its result. Made by [`unblock`], which says what dropping it does.
///
/// ```
/// use laneway::blocking::{Unblock, unblock};
///
/// let sum: Unblock<u64> = unblock(|| (1..=1_000).sum());
/// assert_eq!(laneway::block_on(sum), 500_500);
/// ```
#[must_use = "dropping it cancels the closure, if it has not begun: await it, or `detach()` it"]
pub struct Unblock<T> {
    output: Output<T>,
    /// None once the result has been taken or the closure detached.
    queued: Option<QueuedAt>,
    waited: Waited,
}

/// Where the output of a closure lies until its awaiter takes it.
enum Output<T> {
    Within(Arc<Delivery<T>>),
    /// In a box of its own, since it is large.
    Boxed(Arc<Delivery<Box<T>>>),
}

impl<T> Output<T> {
    /// Called when the awaiter goes away.
    fn abandon(&self) {
        match self {
            Output::Within(delivery) => delivery.abandon(),
            Output::Boxed(delivery) => delivery.abandon(),
        }
    }

    fn given_at(&self) -> &'static Location<'static> {
        match self {
            Output::Within(delivery) => delivery.given_at,
            Output::Boxed(delivery) => delivery.given_at,
        }
    }
}

impl<T> Unblock<T> {
    /// Lets the closure run although no caller waits for it. Its output is dropped; its panic goes
    /// to the log.
    ///
    /// ```
    /// use laneway::blocking::unblock;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// unblock(move || sender.send("ran").unwrap()).detach();
    /// assert_eq!(receiver.recv(), Ok("ran"));
    /// ```
    pub fn detach(mut self) {
        self.queued = None;
        self.output.abandon();
    }
}

impl<T> Future for Unblock<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Unblock {
            output,
            queued,
            waited,
        } = &mut *self;
        match output {
            Output::Within(delivery) => poll_delivery(delivery, queued, waited, cx),
            // No `map`: its frame would hold the output once more.
            Output::Boxed(delivery) => match poll_delivery(delivery, queued, waited, cx) {
                Poll::Ready(output) => Poll::Ready(*output),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

fn poll_delivery<K>(
    delivery: &Delivery<K>,
    queued: &mut Option<QueuedAt>,
    waited: &mut Waited,
    cx: &mut Context<'_>,
) -> Poll<K> {
    let result = ready!(waited.poll(cx, |cx| {
        let polled = delivery.poll(cx);
        if polled.is_pending() {
            queued.iter().for_each(QueuedAt::await_here);
        }
        polled
    }));
    *queued = None;
    Poll::Ready(result.unwrap_or_else(|payload| resume_unwind(payload)))
}

impl<T> Drop for Unblock<T> {
    fn drop(&mut self) {
        let Some(queued) = self.queued.take() else {
            return;
        };
        match queued.pool.take_out(queued.ticket) {
            Some(job) => shielded("a destructor of a closure that was not run", || drop(job)),
            None => self.output.abandon(),
        }
    }
}

impl<T> fmt::Debug for Unblock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unblock")
            .field("given_at", &self.output.given_at())
            .finish_non_exhaustive()
    }
}

/// Where a closure waits, if it still does.
struct QueuedAt {
    pool: Arc<Pool>,
    ticket: Ticket,
}

impl QueuedAt {
    fn await_here(&self) {
        self.pool.await_here(self.ticket);
    }
}

thread_local! {
    /// The pool of the simulation that this thread belongs to. Dropped by the guard that takes it
    /// out: a thread-local without a destructor lasts as long as its thread, and can be used in
    /// the destructors of a user's own.
    static SIMULATED: RefCell<Option<ManuallyDrop<Arc<Pool>>>> = const { RefCell::new(None) };
}

/// Calls `f` with the pool that closures given on this thread go to.
fn with_pool<R>(f: impl FnOnce(&Arc<Pool>) -> R) -> R {
    let simulated = SIMULATED.with_borrow(|pool| pool.as_deref().cloned());
    f(simulated.as_ref().unwrap_or_else(|| Pool::global()))
}

/// Gives the closures of this thread to a simulation's pool until the guard is dropped.
#[must_use]
pub(crate) fn enter(pool: Arc<Pool>) -> Entered {
    Entered {
        outer: SIMULATED.replace(Some(ManuallyDrop::new(pool))),
    }
}

/// Puts back the pool before.
pub(crate) struct Entered {
    outer: Option<ManuallyDrop<Arc<Pool>>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let inner = SIMULATED.replace(self.outer.take());
        drop(inner.map(ManuallyDrop::into_inner));
    }
}

impl Pool {
    /// As [`unblock`], for a closure that may be moved a few times.
    fn hand_over<T: Send + 'static>(
        self: &Arc<Pool>,
        closure: impl FnOnce() -> T + Send + 'static,
        given_at: &'static Location<'static>,
    ) -> Unblock<T> {
        let (output, queued) = match const { is_large::<T>() } {
            true => {
                let boxing = move || Box::new(closure());
                let (delivery, queued) = self.submit(boxing, given_at);
                (Output::Boxed(delivery), queued)
            }
            false => {
                let (delivery, queued) = self.submit(closure, given_at);
                (Output::Within(delivery), queued)
            }
        };
        Unblock {
            output,
            queued: Some(queued),
            waited: Waited::No,
        }
    }

    fn submit<K: Send + 'static>(
        self: &Arc<Pool>,
        closure: impl FnOnce() -> K + Send + 'static,
        given_at: &'static Location<'static>,
    ) -> (Arc<Delivery<K>>, QueuedAt) {
        let delivery = Arc::new(Delivery::new(given_at));
        let (filled, runtime) = (delivery.clone(), seat::shared_runtime_here());
        let job = Box::new(move || {
            let _entered = runtime.map(seat::enter);
            filled.fill(catch_unwind(AssertUnwindSafe(closure)));
        });
        let queued = QueuedAt {
            pool: self.clone(),
            ticket: self.push(job),
        };
        (delivery, queued)
    }
}
