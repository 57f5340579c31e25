//! The places of a task-local's values on a thread.
//!
//! A worker may poll a task within the poll of another one, which waits for it (see
//! `executor/worker/inner_polls.rs`). The inner task must not see the outer one's value, nor be
//! kept from entering a scope by the outer one's `with`. So there is a place for each level of
//! polls: the ground for polls that lie in no other, and one more for each level that has a scope.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::ground::poll::poll_level;

/// Where a scope keeps its value while it runs. Emptied by the scope that has filled it.
pub(super) type ValueCell<T> = RefCell<Option<ManuallyDrop<T>>>;

/// The places on one thread. Never dropped with the thread: a thread-local without a destructor can
/// be used in the destructors of a user's own.
#[doc(hidden)]
#[derive(Debug)]
pub struct TaskLocalSlot<T: 'static> {
    ground: ValueCell<T>,
    /// Those of the levels that have a scope, in their order.
    deeper: RefCell<ManuallyDrop<Vec<PollLevel<T>>>>,
}

#[derive(Debug)]
struct PollLevel<T: 'static> {
    number: u32,
    place: Rc<ValueCell<T>>,
}

impl<T: 'static> TaskLocalSlot<T> {
    /// For [`task_local!`](crate::task_local!) alone.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new() -> TaskLocalSlot<T> {
        TaskLocalSlot {
            ground: RefCell::new(None),
            deeper: RefCell::new(ManuallyDrop::new(Vec::new())),
        }
    }

    /// Calls `look` with the place of the poll that runs here. `None`: no scope has made it.
    pub(super) fn look<R>(&self, look: impl FnOnce(Option<&ValueCell<T>>) -> R) -> R {
        match poll_level() {
            0 => look(Some(&self.ground)),
            level => look(self.deeper_place(level).as_deref()),
        }
    }

    /// Calls `change` with the place of the poll that runs here, made if it is missing.
    pub(super) fn change<R>(&self, change: impl FnOnce(&ValueCell<T>) -> R) -> R {
        let number = poll_level();
        if number == 0 {
            return change(&self.ground);
        }
        let place = self.deeper_place(number).unwrap_or_default();
        let given = change(&place);
        self.keep(PollLevel { number, place });
        given
    }

    fn deeper_place(&self, number: u32) -> Option<Rc<ValueCell<T>>> {
        let deeper = self.deeper.borrow();
        let level = deeper.iter().rfind(|level| level.number == number)?;
        Some(level.place.clone())
    }

    /// Keeps a place as long as a value is in it, or a `with` looks at one.
    fn keep(&self, level: PollLevel<T>) {
        let mut deeper = self.deeper.borrow_mut();
        deeper.retain(|kept| kept.number != level.number);
        if level
            .place
            .try_borrow()
            .map_or(true, |value| value.is_some())
        {
            deeper.push(level);
        } else if deeper.is_empty() {
            // Gives its memory back, which the end of the thread does not.
            drop(std::mem::take(&mut **deeper));
        }
    }
}
