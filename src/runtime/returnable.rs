//! A large future on its way into a task that may not be made.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A large future that can be given back until its first poll.
pub(super) enum Returnable<F> {
    NotPolled(Box<F>),
    Polled(Pin<Box<F>>),
    /// While the one becomes the other.
    Moving,
}

impl<F> Returnable<F> {
    pub(super) fn into_inner(self) -> Box<F> {
        match self {
            Returnable::NotPolled(future) => future,
            Returnable::Polled(_) | Returnable::Moving => {
                unreachable!("a future is given back before its first poll")
            }
        }
    }

    fn pinned(&mut self) -> Pin<&mut F> {
        *self = match mem::replace(self, Returnable::Moving) {
            Returnable::NotPolled(future) => Returnable::Polled(Box::into_pin(future)),
            pinned => pinned,
        };
        match self {
            Returnable::Polled(future) => future.as_mut(),
            Returnable::NotPolled(_) | Returnable::Moving => unreachable!("it has been pinned"),
        }
    }
}

impl<F: Future> Future for Returnable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.pinned().poll(cx)
    }
}
