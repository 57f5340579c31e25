//! Futures that say how urgent they are.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Priority;

/// A future that says to which queue its task belongs.
pub trait Labelled: Future {
    /// How urgent its task is.
    fn priority(&self) -> Priority;
}

/// A future with a label tied to it. See [`high`] and [`low`].
#[derive(Debug)]
pub struct WithLabel<F> {
    future: Pin<Box<F>>,
    priority: Priority,
}

/// Labels any future as high.
pub fn high<F: Future>(future: F) -> WithLabel<F> {
    WithLabel {
        future: Box::pin(future),
        priority: Priority::High,
    }
}

/// Labels any future as low.
pub fn low<F: Future>(future: F) -> WithLabel<F> {
    WithLabel {
        future: Box::pin(future),
        priority: Priority::Low,
    }
}

impl<F: Future> Labelled for WithLabel<F> {
    fn priority(&self) -> Priority {
        self.priority
    }
}

impl<F: Future> Future for WithLabel<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}
