//! Futures that run beside each other in one task, each polled only when it was woken.
//!
//! Each place has a [`Signal`], the waker of the future that lies there. A signal that is woken
//! enters the list in [`Bell`]; only the futures on that list are polled. Places, signals and the
//! memory for futures are used again, so that in the long run a future costs no allocation.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use super::waker::leave;
use crate::executor::{shielded, trusting};
use crate::sync::unpoisoned;

/// After so many polls of futures the thread is for others.
const POLLS_PER_POLL: u32 = 64;

/// What a look at the futures in flight gives.
pub(super) enum Look<T> {
    /// One of them has ended.
    Ended(T),
    /// All of them wait, or there is none.
    Idle,
    /// Enough was done in this poll. A wake-up is on its way.
    Enough,
}

/// The futures in flight.
pub(super) struct InFlight<F> {
    places: Vec<Place<F>>,
    free: Vec<usize>,
    /// Pushed, and not polled yet.
    fresh: VecDeque<usize>,
    bell: Arc<Bell>,
    /// Polls since the last time it was enough.
    spent: u32,
}

struct Place<F> {
    future: Pin<Box<Option<F>>>,
    signal: Arc<Signal>,
    waker: Waker,
}

impl<F: Future> InFlight<F> {
    pub(super) fn new() -> InFlight<F> {
        InFlight {
            places: Vec::new(),
            free: Vec::new(),
            fresh: VecDeque::new(),
            bell: Arc::default(),
            spent: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Adds a future, which the next [`look`](InFlight::look) polls.
    pub(super) fn push(&mut self, future: F) {
        let key = self.free.pop().unwrap_or_else(|| self.add_place());
        self.places[key].future.set(Some(future));
        self.fresh.push_back(key);
    }

    fn add_place(&mut self) -> usize {
        let key = self.places.len();
        let signal = Arc::new(Signal {
            key,
            rung: AtomicBool::new(false),
            bell: self.bell.clone(),
        });
        self.places.push(Place {
            future: Box::pin(None),
            waker: Waker::from(signal.clone()),
            signal,
        });
        key
    }

    /// Polls those that are new or were woken, until one of them ends.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) -> Look<F::Output> {
        while self.spent < POLLS_PER_POLL {
            let Some(key) = self.fresh.pop_front().or_else(|| self.bell.next()) else {
                return Look::Idle;
            };
            self.spent += 1;
            if let Poll::Ready(output) = self.places[key].poll() {
                self.free.push(key);
                return Look::Ended(output);
            }
        }
        self.spent = 0;
        cx.waker().wake_by_ref();
        Look::Enough
    }

    /// Leaves the waker for the next of them to wake. Not if one was woken meanwhile, which
    /// gives `false`.
    pub(super) fn wait(&mut self, waker: &Waker) -> bool {
        self.fresh.is_empty() && self.bell.wait(waker)
    }
}

impl<F: Future> Place<F> {
    fn poll(&mut self) -> Poll<F::Output> {
        // Before the poll: a wake-up during it counts.
        self.signal.rung.store(false, Ordering::SeqCst);
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            // Woken by a waker of a future that has ended.
            return Poll::Pending;
        };
        let mut cx = Context::from_waker(&self.waker);
        // A signal does not panic.
        let polled = trusting(&self.waker, || future.poll(&mut cx));
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }
}

impl<F> fmt::Debug for InFlight<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("places", &self.places.len())
            .field("free", &self.free.len())
            .finish_non_exhaustive()
    }
}

/// Wakes the background for the future in one place.
struct Signal {
    key: usize,
    /// Whether it is on the bell's list. Set by a wake-up, cleared before the poll.
    rung: AtomicBool,
    bell: Arc<Bell>,
}

impl Signal {
    fn ring(&self) {
        // SeqCst, as where it is cleared: a wake-up that finds it set comes before that poll.
        if !self.rung.swap(true, Ordering::SeqCst) {
            shielded("the waker of a background", || self.bell.ring(self.key));
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// Tells which places were woken.
#[derive(Default)]
struct Bell {
    state: Mutex<Rung>,
}

#[derive(Default)]
struct Rung {
    /// In the order of the wake-ups; each place once at most.
    keys: VecDeque<usize>,
    /// The background's, while it waits.
    waker: Option<Waker>,
}

impl Bell {
    fn ring(&self, key: usize) {
        let mut rung = self.lock();
        rung.keys.push_back(key);
        let waker = rung.waker.take();
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(rung);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The place that was woken first.
    fn next(&self) -> Option<usize> {
        self.lock().keys.pop_front()
    }

    /// Leaves the waker, unless some place was woken.
    fn wait(&self, waker: &Waker) -> bool {
        let mut rung = self.lock();
        if !rung.keys.is_empty() {
            return false;
        }
        let replaced = leave(&mut rung.waker, waker);
        // Unlock before dropping what may be the last of a task.
        drop(rung);
        drop(replaced);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        // A waker's `clone` may panic under the lock; the list is whole even then.
        unpoisoned(self.state.lock())
    }
}
