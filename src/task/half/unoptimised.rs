//! A build in which a task boxes an output that is large.

use crate::executor::TaskHalf;

pub(super) const BOXES: bool = true;

pub(crate) struct BoxedHalf<T>(TaskHalf<Box<T>>);

impl<T> BoxedHalf<T> {
    pub(super) fn new(handle: TaskHalf<Box<T>>) -> BoxedHalf<T> {
        BoxedHalf(handle)
    }

    pub(super) fn handle(&self) -> &TaskHalf<Box<T>> {
        &self.0
    }

    pub(super) fn handle_mut(&mut self) -> &mut TaskHalf<Box<T>> {
        &mut self.0
    }

    pub(super) fn into_handle(self) -> TaskHalf<Box<T>> {
        self.0
    }
}
