//! The news for a handler that its caller has given up.
//!
//! A handler is a plain async closure and has no place for an argument more, so the thread keeps
//! what belongs to the call while its handler is polled. Nothing is made for a call whose handler
//! does not ask.

use std::cell::Cell;
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::ground::poll::budget::Waited;
use crate::ground::shield::shielded;
use crate::ground::sync::unpoisoned;

/// Waits until the caller of the request in hand has given up: it has dropped its call, or its time
/// is over.
///
/// To be called in the handler of a [service](super::service()), by the code of the handler itself
/// or what that calls. The future can then be awaited anywhere, also in a task that the handler
/// spawns. Called elsewhere, it gives a future that never ends; so does that of a caller that gets
/// its reply, or lets it go by [`detach`](super::Reply::detach).
///
/// By default a request that the handler has taken is handled to its end even if no caller waits
/// for the reply. Here a handler that waits for something learns that it need not, and frees its
/// place. [`Service::abandoned`](super::Service::abandoned) drops the work without asking it.
///
/// ```
/// use laneway::background::{Service, caller_gone};
/// use laneway::{block_on, spawn_task};
/// use std::future::pending;
/// use std::time::Duration;
///
/// // A query without an answer, and one place for queries.
/// let query = async |_: &(), n: u32| {
///     let answer = async { if n == 0 { pending().await } else { Some(n) } };
///     let gone = async { caller_gone().await; None };
///     futures_lite::future::or(answer, gone).await
/// };
/// let (queries, background) = Service::new().in_flight(1).build((), query);
/// spawn_task!(background).detach();
/// let impatient = queries.call_timeout(0, Duration::from_millis(1));
/// assert!(block_on(impatient).is_err());
/// assert_eq!(block_on(queries.call(7)), Ok(Some(7)));
/// ```
pub fn caller_gone() -> CallerGone {
    let mut here = HERE.replace(ManuallyDrop::new(CallHere::NoCall));
    let absence = match &mut *here {
        CallHere::NoCall => None,
        CallHere::Call(absence) => Some(absence.get_or_insert_default().clone()),
    };
    HERE.set(here);
    CallerGone {
        absence,
        key: None,
        waited: Waited::No,
    }
}

/// The wait for a caller to give up. Made by [`caller_gone`].
#[derive(Debug)]
#[must_use = "it waits only when it is awaited"]
pub struct CallerGone {
    /// None: there is no caller that could give up.
    absence: Option<Arc<Absence>>,
    /// Of the waker that it has left.
    key: Option<usize>,
    waited: Waited,
}

impl Future for CallerGone {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let CallerGone {
            absence,
            key,
            waited,
        } = self.get_mut();
        waited.poll(cx, |cx| match absence {
            Some(absence) => absence.poll(key, cx),
            None => Poll::Pending,
        })
    }
}

impl Drop for CallerGone {
    fn drop(&mut self) {
        if let (Some(absence), Some(key)) = (&self.absence, self.key) {
            absence.forget(key);
        }
    }
}

/// Whether a caller is gone, for those that wait for it.
#[derive(Debug, Default)]
pub(super) struct Absence {
    state: Mutex<CallerState>,
}

#[derive(Debug)]
enum CallerState {
    /// The caller waits, and these are to be woken when it does no longer.
    There(Slab<Waker>),
    Gone,
}

impl Default for CallerState {
    fn default() -> CallerState {
        CallerState::There(Slab::new())
    }
}

impl Absence {
    /// Tells those that wait.
    pub(super) fn tell(&self) {
        let before = mem::replace(&mut *self.lock(), CallerState::Gone);
        // The lock is free: the woken ones' first act is to take it.
        if let CallerState::There(wakers) = before {
            for (_key, waker) in wakers {
                shielded("the waker of a handler", || waker.wake());
            }
        }
    }

    fn poll(&self, key: &mut Option<usize>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let CallerState::There(wakers) = &mut *state else {
            return Poll::Ready(());
        };
        let replaced = match *key {
            Some(key) if wakers[key].will_wake(cx.waker()) => None,
            Some(key) => Some(mem::replace(&mut wakers[key], cx.waker().clone())),
            None => {
                *key = Some(wakers.insert(cx.waker().clone()));
                None
            }
        };
        // Unlock before dropping what may be the last of a task.
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    fn forget(&self, key: usize) {
        let mut state = self.lock();
        let forgotten = match &mut *state {
            CallerState::There(wakers) => Some(wakers.remove(key)),
            CallerState::Gone => None,
        };
        // Unlock before dropping, as above.
        drop(state);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, CallerState> {
        // A waker's `clone` may panic under the lock; the state is whole even then.
        unpoisoned(self.state.lock())
    }
}

/// The call whose handler is being polled on this thread.
enum CallHere {
    NoCall,
    /// With what its handler was given, if it has asked.
    Call(Option<Arc<Absence>>),
}

thread_local! {
    // Emptied by the code that fills it, never with the thread: a thread-local without a destructor
    // needs no look at whether it still exists.
    static HERE: Cell<ManuallyDrop<CallHere>> =
        const { Cell::new(ManuallyDrop::new(CallHere::NoCall)) };
}

/// Polls a handler, which may ask for its caller meanwhile. The absence that it is given then lies
/// in `absence` afterwards.
#[inline]
pub(super) fn answering<R>(absence: &mut Option<Arc<Absence>>, poll: impl FnOnce() -> R) -> R {
    /// Puts back what was here before, after a panic too.
    struct Restore<'a>(&'a mut Option<Arc<Absence>>, ManuallyDrop<CallHere>);
    impl Drop for Restore<'_> {
        #[inline]
        fn drop(&mut self) {
            let outer = mem::replace(&mut self.1, ManuallyDrop::new(CallHere::NoCall));
            let inner = HERE.replace(outer);
            if let CallHere::Call(absence) = ManuallyDrop::into_inner(inner) {
                *self.0 = absence;
            }
        }
    }
    let inner = CallHere::Call(absence.take());
    let _restore = Restore(absence, HERE.replace(ManuallyDrop::new(inner)));
    poll()
}
