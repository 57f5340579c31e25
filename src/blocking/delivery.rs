//! The place where a closure's outcome meets its awaiter.

use std::mem;
use std::panic::Location;
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::ground::join_error::JoinError;
use crate::ground::shield::shielded;
use crate::ground::sync::{Mutex, unpoisoned};

/// Where a closure's outcome meets its awaiter.
pub(super) struct Delivery<T> {
    state: Mutex<State<T>>,
    pub(super) given_at: &'static Location<'static>,
}

enum State<T> {
    /// Not there yet. The awaiter's waker, if it has been polled.
    Awaited(Option<Waker>),
    There(thread::Result<T>),
    Taken,
    /// Not there yet, and no awaiter will take it.
    Abandoned,
}

impl<T> Delivery<T> {
    pub(super) fn new(given_at: &'static Location<'static>) -> Delivery<T> {
        Delivery {
            state: Mutex::new(State::Awaited(None)),
            given_at,
        }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let mut state = unpoisoned(self.state.lock());
        match &mut *state {
            State::Awaited(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            State::Awaited(waker) => {
                let before = waker.replace(cx.waker().clone());
                // Unlock before dropping a waker: that may run code of the user's.
                drop(state);
                drop(before);
                Poll::Pending
            }
            State::There(_) => match mem::replace(&mut *state, State::Taken) {
                State::There(outcome) => Poll::Ready(outcome),
                _ => unreachable!("nobody else changes the state while it is locked"),
            },
            State::Taken | State::Abandoned => {
                panic!("an Unblock was polled after its end")
            }
        }
    }

    /// Called on the pool's thread.
    pub(super) fn fill(&self, outcome: thread::Result<T>) {
        let mut state = unpoisoned(self.state.lock());
        if let State::Abandoned = *state {
            drop(state);
            self.discard(outcome);
            return;
        }
        let before = mem::replace(&mut *state, State::There(outcome));
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(state);
        if let State::Awaited(Some(waker)) = before {
            shielded("the waker of a closure's awaiter", || waker.wake());
        }
    }

    /// Called when the awaiter goes away.
    pub(super) fn abandon(&self) {
        let before = mem::replace(&mut *unpoisoned(self.state.lock()), State::Abandoned);
        if let State::There(outcome) = before {
            self.discard(outcome);
        }
    }

    /// Drops an output that no awaiter takes, however its destructor behaves. A panic is told to
    /// the log.
    fn discard(&self, outcome: thread::Result<T>) {
        match outcome {
            Ok(output) => shielded("a destructor of a closure's output", || drop(output)),
            Err(payload) => {
                let panic = JoinError::panic(payload, self.given_at);
                shielded("the logger, or the payload of a closure's panic,", || {
                    log::error!("no task awaits a closure given to unblock: {panic}");
                    drop(panic);
                });
            }
        }
    }
}
