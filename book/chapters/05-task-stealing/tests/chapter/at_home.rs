//! An atomic number that lets another consumer in between two operations.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the consumers at home. It has the methods of [`AtomicUsize`].
#[derive(Default)]
pub(crate) struct AtHome {
    count: AtomicUsize,
    intruder: Mutex<Option<Intruder>>,
}

/// The operation that it is called behind, counted from the next one, and what it does.
type Intruder = (u32, Box<dyn FnOnce() + Send>);

impl AtHome {
    /// A count that begins with this number.
    pub(crate) fn of(count: usize) -> AtHome {
        AtHome {
            count: AtomicUsize::new(count),
            ..AtHome::default()
        }
    }

    /// Calls `intruder` once, behind the operation of this number, from 1.
    pub(crate) fn let_in(&self, operation: u32, intruder: impl FnOnce() + Send + 'static) {
        *self.intruder.lock().unwrap() = Some((operation, Box::new(intruder)));
    }

    fn behind<T>(&self, output: T) -> T {
        let mut waiting = self.intruder.lock().unwrap();
        let enters = match &mut *waiting {
            Some((left, _)) => {
                *left -= 1;
                *left == 0
            }
            None => false,
        };
        let intruder = waiting.take_if(|_| enters);
        // The intruder takes this lock as well.
        drop(waiting);
        if let Some((_, intruder)) = intruder {
            intruder();
        }
        output
    }
}

/// The operations on the number that a solution may need.
#[allow(dead_code)]
impl AtHome {
    pub(crate) fn load(&self, order: Ordering) -> usize {
        self.behind(self.count.load(order))
    }

    pub(crate) fn store(&self, count: usize, order: Ordering) {
        self.count.store(count, order);
        self.behind(());
    }

    pub(crate) fn fetch_add(&self, more: usize, order: Ordering) -> usize {
        self.behind(self.count.fetch_add(more, order))
    }

    pub(crate) fn fetch_sub(&self, less: usize, order: Ordering) -> usize {
        self.behind(self.count.fetch_sub(less, order))
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        change: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        self.behind(self.count.fetch_update(set, fetch, change))
    }

    pub(crate) fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        let outcome = self.count.compare_exchange(current, new, success, failure);
        self.behind(outcome)
    }
}
