//! Where a closure's outcome meets its awaiter.

use std::any::Any;
use std::mem;
use std::panic::Location;
use std::task::{Context, Poll, Waker};

use super::lock;
use crate::executor::{JoinError, shielded};
use crate::sync::Mutex;

/// What a closure panicked with, or its output.
pub(super) type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// Where a closure's outcome meets its awaiter.
pub(super) struct Slot<T> {
    stage: Mutex<Stage<T>>,
    pub(super) given_at: &'static Location<'static>,
}

enum Stage<T> {
    /// Not there yet. The awaiter's waker, if it has been polled.
    Awaited(Option<Waker>),
    There(Outcome<T>),
    Taken,
    /// Not there yet, and nobody will take it.
    Abandoned,
}

impl<T> Slot<T> {
    pub(super) fn new(given_at: &'static Location<'static>) -> Slot<T> {
        Slot {
            stage: Mutex::new(Stage::Awaited(None)),
            given_at,
        }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let mut stage = lock(&self.stage);
        match &mut *stage {
            Stage::Awaited(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            Stage::Awaited(waker) => {
                let before = waker.replace(cx.waker().clone());
                // Unlock before dropping a waker: that may run code of the user's.
                drop(stage);
                drop(before);
                Poll::Pending
            }
            Stage::There(_) => match mem::replace(&mut *stage, Stage::Taken) {
                Stage::There(outcome) => Poll::Ready(outcome),
                _ => unreachable!("nobody else changes the stage while it is locked"),
            },
            Stage::Taken | Stage::Abandoned => panic!("an Unblock was polled after its end"),
        }
    }

    /// Called on the pool's thread.
    pub(super) fn fill(&self, outcome: Outcome<T>) {
        let mut stage = lock(&self.stage);
        if let Stage::Abandoned = *stage {
            drop(stage);
            self.discard(outcome);
            return;
        }
        let before = mem::replace(&mut *stage, Stage::There(outcome));
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(stage);
        if let Stage::Awaited(Some(waker)) = before {
            shielded("the waker of a closure's awaiter", || waker.wake());
        }
    }

    /// Called when the awaiter goes away.
    pub(super) fn abandon(&self) {
        let before = mem::replace(&mut *lock(&self.stage), Stage::Abandoned);
        if let Stage::There(outcome) = before {
            self.discard(outcome);
        }
    }

    /// Drops what nobody wants, whatever its destructor does. A panic is told to the log.
    fn discard(&self, outcome: Outcome<T>) {
        match outcome {
            Ok(output) => shielded("a destructor of a closure's output", || drop(output)),
            Err(payload) => {
                let panic = JoinError::panic(payload, self.given_at);
                shielded("the logger, or the payload of a closure's panic,", || {
                    log::error!("nobody awaits a closure given to unblock: {panic}");
                    drop(panic);
                });
            }
        }
    }
}
