//! Futures, closures and outputs that are too large to be moved about.
//!
//! In a build without optimisations each function that a value is moved through needs room for it
//! on the stack. A large one is boxed where it comes in, and taken out of its box where it is
//! handed over to the user's code.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Whether a value is boxed on its way through this crate.
pub(crate) const fn is_large<T>() -> bool {
    size_of::<T>() > 4096
}

pin_project! {
    /// A future whose output is put into a box as soon as it is there.
    pub(crate) struct BoxedOutput<F> {
        #[pin]
        future: F,
    }
}

impl<F> BoxedOutput<F> {
    pub(crate) fn of(future: F) -> BoxedOutput<F> {
        BoxedOutput { future }
    }

    pub(crate) fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for BoxedOutput<F> {
    type Output = Box<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // No `map`: its frame would hold the output once more.
        match self.project().future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Box::new(output)),
            Poll::Pending => Poll::Pending,
        }
    }
}
