//! Which wakers are known not to panic.
//!
//! async-task wakes an awaiter where a panic aborts the process, so a foreign waker is called
//! through a shield, which costs an allocation. Wakers of our own do not panic and need none. This
//! file never wakes a task. Read `budget.rs` next.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use super::thread_locals::TRUSTED;
use crate::shield::ShieldedWaker;

/// Runs `poll` with `waker` known to be one of ours.
pub(crate) fn trusting<R>(waker: &Waker, poll: impl FnOnce() -> R) -> R {
    /// Puts back what was trusted before, after a panic too.
    struct Restore(*const RawWakerVTable);
    impl Drop for Restore {
        fn drop(&mut self) {
            TRUSTED.set(self.0);
        }
    }
    let _restore = Restore(TRUSTED.replace(waker.vtable()));
    poll()
}

/// As [`trusting`], for the waker of a task. The trust outlasts the poll, which does no harm. The
/// store is left out where it would change nothing (T12).
#[inline]
pub(super) fn trust_task(waker: &Waker) {
    let vtable: *const RawWakerVTable = waker.vtable();
    if TRUSTED.get() != vtable {
        TRUSTED.set(vtable);
    }
}

/// Polls one of async-task's futures, which keeps the waker: the waker itself where it is one of
/// ours, or a shield around it.
pub(super) fn poll_shielded<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    if ptr::eq(TRUSTED.get(), cx.waker().vtable()) {
        return future.poll(cx);
    }
    let shielded = ShieldedWaker::around(cx.waker());
    future.poll(&mut Context::from_waker(&shielded))
}
