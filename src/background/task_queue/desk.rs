//! The ledger of a task queue under its lock, and the two things that write in it when they are
//! dropped: the charge of a piece of work, and the place that it has taken.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::aftermath::Aftermath;
use super::ledger::{Ledger, Settings};
use super::work_end::WorkEnd;
use super::work_id::WorkId;
use crate::ground::sync::unpoisoned;
use crate::time::now;

/// A ledger that threads share.
pub(super) struct Desk<T> {
    ledger: Mutex<Ledger<T>>,
}

impl<T: Send + 'static> Desk<T> {
    pub(super) fn new(settings: Settings) -> Desk<T> {
        Desk {
            ledger: Mutex::new(Ledger::new(settings)),
        }
    }

    /// Reads or writes the ledger, after what is too old has been forgotten. Does what is left to
    /// do when the lock is free again.
    pub(super) fn write<R>(
        &self,
        entry: impl FnOnce(&mut Ledger<T>, Instant, &mut Aftermath) -> R,
    ) -> R {
        let (now, mut after) = (now(), Aftermath::default());
        let mut ledger = unpoisoned(self.ledger.lock());
        ledger.expire(now, &mut after);
        let result = entry(&mut ledger, now, &mut after);
        // Unlock first: wakers and destructors may come back here.
        drop(ledger);
        after.settle();
        result
    }
}

/// The duty to end a piece of work. Dropped before its end, the work is cancelled.
pub(super) struct Charge<T: Send + 'static> {
    pub(super) desk: Arc<Desk<T>>,
    pub(super) id: WorkId,
}

impl<T: Send + 'static> Charge<T> {
    pub(super) fn new(desk: &Arc<Desk<T>>, id: WorkId) -> Charge<T> {
        let desk = desk.clone();
        Charge { desk, id }
    }

    /// Ends the work, which may linger.
    pub(super) fn end(&self, end: WorkEnd<T>) {
        self.desk
            .write(|ledger, now, after| ledger.end(self.id, end, now, after));
    }
}

impl<T: Send + 'static> Drop for Charge<T> {
    fn drop(&mut self) {
        self.end(WorkEnd::Cancelled);
    }
}

/// A place that a piece of work has taken, until this is dropped.
pub(super) struct HeldPlace<T: Send + 'static> {
    /// None once it has been given back.
    desk: Option<Arc<Desk<T>>>,
}

impl<T: Send + 'static> HeldPlace<T> {
    /// Of work that has begun.
    pub(super) fn taken(desk: &Arc<Desk<T>>) -> HeldPlace<T> {
        let desk = Some(desk.clone());
        HeldPlace { desk }
    }

    /// Ends the work and gives the place back, both at one moment.
    pub(super) fn end(mut self, id: WorkId, end: WorkEnd<T>) {
        let desk = self.desk.take().expect("it has not been given back");
        desk.write(|ledger, now, after| {
            ledger.end(id, end, now, after);
            ledger.leave_place(after);
        });
    }
}

impl<T: Send + 'static> Drop for HeldPlace<T> {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.write(|ledger, _now, after| ledger.leave_place(after));
        }
    }
}
