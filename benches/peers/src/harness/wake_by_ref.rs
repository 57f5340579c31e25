//! A yield as programs write it by hand.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that is pending once, and wakes its task by reference meanwhile.
#[derive(Debug)]
pub(crate) enum WakeByRef {
    NotPolled,
    Yielded,
}

impl WakeByRef {
    pub(crate) fn new() -> WakeByRef {
        WakeByRef::NotPolled
    }
}

impl Future for WakeByRef {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match *self {
            WakeByRef::NotPolled => {
                *self = WakeByRef::Yielded;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            WakeByRef::Yielded => Poll::Ready(()),
        }
    }
}
