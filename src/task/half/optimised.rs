//! A build in which no task boxes its output, since values are moved about in place.

use std::convert::Infallible;
use std::marker::PhantomData;

use crate::executor::TaskHalf;

pub(super) const BOXES: bool = false;

/// No value has this type, so that the compiler leaves boxed outputs out.
pub(crate) struct BoxedHalf<T>(Infallible, PhantomData<TaskHalf<Box<T>>>);

impl<T> BoxedHalf<T> {
    pub(super) fn new(_: TaskHalf<Box<T>>) -> BoxedHalf<T> {
        unreachable!("nothing is boxed in this build")
    }

    pub(super) fn handle(&self) -> &TaskHalf<Box<T>> {
        match self.0 {}
    }

    pub(super) fn handle_mut(&mut self) -> &mut TaskHalf<Box<T>> {
        match self.0 {}
    }

    pub(super) fn into_handle(self) -> TaskHalf<Box<T>> {
        match self.0 {}
    }
}
