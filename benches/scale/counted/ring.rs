//! The ring of a queue's channel. Its line is that of the lock around it.

use std::collections::VecDeque;

use super::machine::Stamped;

#[derive(Debug)]
pub(crate) struct Ring<T>(VecDeque<Stamped<T>>);

impl<T> Ring<T> {
    pub(crate) fn new() -> Ring<T> {
        Ring(VecDeque::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push_back(&mut self, task: T) {
        self.0.push_back(Stamped::here(task));
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        self.0.pop_front().map(Stamped::arrive)
    }

    pub(crate) fn drain(
        &mut self,
        range: impl std::ops::RangeBounds<usize>,
    ) -> impl Iterator<Item = T> {
        self.0.drain(range).map(Stamped::arrive)
    }

    pub(crate) fn append(&mut self, other: &mut Ring<T>) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn shrink_to(&mut self, capacity: usize) {
        self.0.shrink_to(capacity);
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Ring<T> {
        Ring::new()
    }
}

impl<T> Extend<T> for Ring<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, tasks: I) {
        self.0.extend(tasks.into_iter().map(Stamped::here));
    }
}

impl<T> IntoIterator for Ring<T> {
    type Item = T;
    type IntoIter =
        std::iter::Map<std::collections::vec_deque::IntoIter<Stamped<T>>, fn(Stamped<T>) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(Stamped::arrive)
    }
}
