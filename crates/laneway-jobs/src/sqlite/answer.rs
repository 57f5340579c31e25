//! The way back of an answer: from the writer to the one caller that awaits it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::lock::unpoisoned;
use crate::store::StoreError;

type Outcome<A> = Result<A, StoreError>;

#[derive(Debug)]
enum Slot<A> {
    Awaited(Option<Waker>),
    Answered(Outcome<A>),
}

/// The writer's end. Dropped without an answer, it tells the caller that the outcome is unknown.
#[derive(Debug)]
pub(super) struct Answering<A>(Option<Arc<Mutex<Slot<A>>>>);

/// The caller's end.
#[derive(Debug)]
pub(super) struct Answer<A>(Arc<Mutex<Slot<A>>>);

pub(super) fn answer<A>() -> (Answering<A>, Answer<A>) {
    let slot = Arc::new(Mutex::new(Slot::Awaited(None)));
    (Answering(Some(slot.clone())), Answer(slot))
}

impl<A> Answering<A> {
    pub(super) fn give(mut self, outcome: Outcome<A>) {
        self.put(outcome);
    }

    fn put(&mut self, outcome: Outcome<A>) {
        let Some(slot) = self.0.take() else { return };
        let before = std::mem::replace(&mut *unpoisoned(slot.lock()), Slot::Answered(outcome));
        // The lock is free by now: the woken caller takes it first thing.
        if let Slot::Awaited(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<A> Drop for Answering<A> {
    fn drop(&mut self) {
        self.put(Err(StoreError::OutcomeUnknown));
    }
}

impl<A> Future for Answer<A> {
    type Output = Outcome<A>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<A>> {
        let mut slot = unpoisoned(self.0.lock());
        let waiting = Slot::Awaited(Some(cx.waker().clone()));
        match std::mem::replace(&mut *slot, waiting) {
            Slot::Answered(outcome) => Poll::Ready(outcome),
            Slot::Awaited(_) => Poll::Pending,
        }
    }
}
