//! Futures that run beside each other in one task, each polled only when it was woken.
//!
//! Each future lies in a berth, and the berths are the children of the background
//! (`ground/waker/children.rs`): those that are new or were woken are polled, and no others. A
//! berth, its waker and its memory are used again, so that in the long run a future costs no
//! allocation. After a rush as many berths stay free as are in use, and a few.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::ground::growth::Table;
use crate::ground::waker::{Child, Children};

/// After this many polls of futures the thread is for others.
const POLLS_PER_POLL: u32 = 64;

/// As many berths stay free as are in use, and this many more.
const MOST_FREE: usize = 64;

/// How far the futures in flight have come.
pub(super) enum Advance<T> {
    /// One of them has ended.
    Ended(T),
    /// All of them wait, or there is none.
    Idle,
    /// Enough was done in this poll. A wake-up is on its way.
    Enough,
}

/// The futures in flight.
pub(super) struct InFlight<F> {
    berths: Table<Berth<F>>,
    free: Vec<usize>,
    /// Pushed, and not polled yet.
    fresh: VecDeque<usize>,
    children: Children,
    /// Polls since the last time it was enough.
    spent: u32,
}

struct Berth<F> {
    future: Pin<Box<Option<F>>>,
    child: Child,
}

impl<F: Future> InFlight<F> {
    pub(super) fn new() -> InFlight<F> {
        InFlight {
            berths: Table::new(),
            free: Vec::new(),
            fresh: VecDeque::new(),
            children: Children::default(),
            spent: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.berths.len() - self.free.len()
    }

    /// Adds a future, which the next [`advance`](InFlight::advance) polls.
    pub(super) fn push(&mut self, future: F) {
        let key = self.free.pop().unwrap_or_else(|| self.add_berth());
        self.berths[key].future.set(Some(future));
        self.fresh.push_back(key);
    }

    fn add_berth(&mut self) -> usize {
        let key = self.berths.next_place();
        self.berths.insert(Berth {
            future: Box::pin(None),
            child: self.children.add(key),
        })
    }

    /// Polls those that are new or were woken, until one of them ends.
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) -> Advance<F::Output> {
        while self.spent < POLLS_PER_POLL {
            let Some(key) = self.fresh.pop_front().or_else(|| self.children.next()) else {
                self.fresh.shrink_to(MOST_FREE);
                return Advance::Idle;
            };
            self.spent += 1;
            // Without a berth: woken by a waker of a future whose berth is gone.
            if let Some(berth) = self.berths.get_mut(key)
                && let Poll::Ready(output) = berth.poll()
            {
                self.leave(key);
                return Advance::Ended(output);
            }
        }
        self.spent = 0;
        cx.waker().wake_by_ref();
        Advance::Enough
    }

    /// Keeps a berth whose future has ended, or gives it back after a rush.
    fn leave(&mut self, key: usize) {
        self.free.push(key);
        while self.free.len() > MOST_FREE + self.len()
            && let Some(free) = self.free.pop()
        {
            self.berths.remove(free);
        }
        if self.free.len() < self.free.capacity() / 4 {
            self.free.shrink_to(self.free.capacity() / 2);
        }
    }

    /// Leaves the waker for the next of them to wake. Not if one was woken meanwhile, which
    /// gives `false`.
    pub(super) fn wait(&mut self, waker: &Waker) -> bool {
        self.fresh.is_empty() && self.children.wait(waker)
    }
}

impl<F: Future> Berth<F> {
    fn poll(&mut self) -> Poll<F::Output> {
        let Some(mut future) = self.future.as_mut().as_pin_mut() else {
            // Woken by a waker of a future that has ended.
            return self.child.poll(|_| Poll::Pending);
        };
        let polled = self.child.poll(|cx| future.as_mut().poll(cx));
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }
}

impl<F> fmt::Debug for InFlight<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("berths", &self.berths.len())
            .field("free", &self.free.len())
            .finish_non_exhaustive()
    }
}
