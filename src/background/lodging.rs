//! The place of the futures of a handler or of runs: within the future that polls them, or each in
//! a box.
//!
//! A large future makes all that it lies within large, and in a build without optimisations each
//! function that such a future is handed through needs room for it on the stack. A box costs an
//! allocation for each request or run, so that only large ones have one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handler::{Handler, SharedHandler};
use super::repeatable::Repeatable;
use crate::ground::large::is_large;

/// Where a future lies while it is polled.
pub(super) trait Lodging {
    /// A future there.
    type Lodged<F: Future>: Future<Output = F::Output>;

    fn lodge<F: Future>(future: F) -> Self::Lodged<F>;
}

/// Within the future that polls it.
pub(super) enum Within {}

/// In a box of its own.
pub(super) enum Boxed {}

impl Lodging for Within {
    type Lodged<F: Future> = F;

    #[inline]
    fn lodge<F: Future>(future: F) -> F {
        future
    }
}

impl Lodging for Boxed {
    type Lodged<F: Future> = Pin<Box<F>>;

    fn lodge<F: Future>(future: F) -> Pin<Box<F>> {
        Box::pin(future)
    }
}

/// Whether a future is small enough to lie within the one that polls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Large,
}

impl Size {
    /// Of the futures of a handler that has the state for itself.
    pub(super) fn of_handler<'a, S: 'a, Req: 'a, Res: 'a, H>() -> Size
    where
        H: Handler<S, Req, Res> + 'a,
    {
        let call = |(handler, state, request): (&'a mut H, &'a mut S, Req)| handler(state, request);
        of_returned(call)
    }

    /// Of the futures of a handler that shares the state.
    pub(super) fn of_shared_handler<'a, S: 'a, Req: 'a, Res: 'a, H>() -> Size
    where
        H: SharedHandler<S, Req, Res> + 'a,
    {
        of_returned(|(handler, state, request): (&'a H, &'a S, Req)| handler(state, request))
    }

    /// Of the futures that make a state, or are the runs of a periodic process.
    pub(super) fn of_maker<'a, S: 'a, M: Repeatable<S> + 'a>() -> Size {
        of_returned(|make: &'a mut M| make())
    }

    pub(super) fn max(self, other: Size) -> Size {
        match self {
            Size::Small => other,
            Size::Large => Size::Large,
        }
    }
}

/// Of the future that a function returns. The function is not called.
#[inline]
fn of_returned<A, F>(_: impl FnOnce(A) -> F) -> Size {
    match const { is_large::<F>() } {
        true => Size::Large,
        false => Size::Small,
    }
}

/// The life of a service or of a periodic process, whose futures lie within it or in boxes.
pub(super) enum Life<F, G> {
    Within(Pin<Box<F>>),
    WithBoxes(Pin<Box<G>>),
}

impl<F: Future<Output = ()>, G: Future<Output = ()>> Future for Life<F, G> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Life::Within(life) => life.as_mut().poll(cx),
            Life::WithBoxes(life) => life.as_mut().poll(cx),
        }
    }
}
