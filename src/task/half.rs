//! The half of a task that its handle holds, for outputs of any size.
//!
//! A task's allocation keeps its output until an awaiter takes it. In a build without optimisations
//! a large output lies in a box there (`ground/large.rs` tells why), so that the half is one of
//! a task with another output. This file never polls a task. Read `executor/tracked.rs` next.

#[cfg(not(debug_assertions))]
#[path = "half/optimised.rs"]
mod build;
#[cfg(debug_assertions)]
#[path = "half/unoptimised.rs"]
mod build;

use crate::executor::{Meta, TaskHalf};
use crate::ground::join_error::JoinError;
use crate::ground::large::is_large;
use build::BoxedHalf;

/// Whether a task keeps its output of type `T` in a box.
pub(crate) const fn is_boxed<T>() -> bool {
    build::BOXES && is_large::<T>()
}

/// The half of a task with an output of type `T`: boxed if, and only if, [`is_boxed`] says so.
///
/// One word where outputs are not boxed at all.
pub(crate) enum Half<T> {
    Within(TaskHalf<T>),
    Boxed(BoxedHalf<T>),
}

impl<T> Half<T> {
    pub(crate) fn boxed(handle: TaskHalf<Box<T>>) -> Half<T> {
        Half::Boxed(BoxedHalf::new(handle))
    }

    #[inline]
    pub(super) fn meta(&self) -> &Meta {
        match self {
            Half::Within(handle) => handle.metadata(),
            Half::Boxed(boxed) => boxed.handle().metadata(),
        }
    }

    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Half::Within(handle) => handle.is_finished(),
            Half::Boxed(boxed) => boxed.handle().is_finished(),
        }
    }

    #[inline]
    pub(super) fn detach(self) {
        match self {
            Half::Within(handle) => handle.detach(),
            Half::Boxed(boxed) => boxed.into_handle().detach(),
        }
    }
}

/// What a task keeps of an output of type `T`: the output itself, or a box with it.
pub(crate) trait Kept<T>: Sized {
    fn handle(half: &mut Half<T>) -> &mut TaskHalf<Self>;

    fn unkept(self) -> T;
}

impl<T> Kept<T> for T {
    #[inline]
    fn handle(half: &mut Half<T>) -> &mut TaskHalf<T> {
        match half {
            Half::Within(handle) => handle,
            Half::Boxed(_) => other_kind(),
        }
    }

    #[inline]
    fn unkept(self) -> T {
        self
    }
}

impl<T> Kept<T> for Box<T> {
    fn handle(half: &mut Half<T>) -> &mut TaskHalf<Box<T>> {
        match half {
            Half::Boxed(boxed) => boxed.handle_mut(),
            Half::Within(_) => other_kind(),
        }
    }

    fn unkept(self) -> T {
        *self
    }
}

#[cold]
fn other_kind() -> ! {
    unreachable!("the caller has asked `is_boxed`")
}

/// The result as an awaiter gets it.
// Not with `map`, whose frame would hold the output once more where nothing is optimised.
#[inline]
pub(crate) fn unkept<T, K: Kept<T>>(result: Result<K, JoinError>) -> Result<T, JoinError> {
    match result {
        Ok(output) => Ok(output.unkept()),
        Err(error) => Err(error),
    }
}
