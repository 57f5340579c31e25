//! Wakers that are kept where other code finds them. `pending.rs` has those of all tasks that wait,
//! and `watchers.rs` those of the tasks that are told when shutdown begins. `children.rs` gives
//! each of a parent's futures a waker of its own.

mod children;
mod pending;
mod watchers;

use std::task::Waker;

use crate::ground::shield::shielded;

pub(crate) use children::{Child, Children};
pub(crate) use pending::{Pending, Sought};
pub(crate) use watchers::Watchers;

/// Keeps a waker in a place where another may lie that does the same. Gives the one that lay there.
pub(crate) fn keep(place: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match place {
        Some(there) if there.will_wake(waker) => None,
        _ => place.replace(waker.clone()),
    }
}

/// Wakes, and stops the panic of a foreign waker here.
pub(crate) fn wake_shielded(waker: Waker) {
    shielded("a waker", || waker.wake());
}
