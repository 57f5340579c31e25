//! What several test files share: futures that watch how they are treated, and a way to wait.

#![allow(
    dead_code,
    reason = "every test file compiles this module and uses a part of it"
)]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use laneway::{Runtime, ShutdownReport};

/// Waits until `condition` holds, and fails with `what` if it does not within 20 seconds.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        thread::yield_now();
    }
}

/// Runs a future to its end, and fails if that takes 20 seconds.
#[track_caller]
pub(crate) fn soon<F: Future>(future: F) -> F::Output {
    let ended = laneway::block_on(laneway::time::timeout(Duration::from_secs(20), future));
    ended.expect("a future that never ends")
}

/// What `make` made with the shortest time for which it came before that was over, as it says. On
/// a busy machine a thread may stand still for longer than any time that is chosen beforehand.
pub(crate) fn in_time<T>(make: impl FnMut(Duration) -> (T, bool)) -> T {
    let times = (0..20).map(|power| Duration::from_millis(1 << power));
    let made = times.map(make).find(|(_, in_time)| *in_time);
    made.expect("nine minutes are long enough").0
}

/// Ends a runtime without letting its tasks come to their end, and gives the report that is true
/// when all its threads have left.
pub(crate) fn cut_off(rt: &Runtime) -> ShutdownReport {
    // Waits a moment for the threads. On a busy machine one of them may have no turn in it, and
    // what it holds is cut off later.
    rt.shutdown(Duration::ZERO);
    rt.shutdown(Duration::from_secs(20))
}

/// Counts how many of its tokens have been dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct DropCounter(Arc<AtomicUsize>);

impl DropCounter {
    pub(crate) fn new() -> DropCounter {
        DropCounter::default()
    }

    /// A value to put into a future or an output.
    pub(crate) fn token(&self) -> DropToken {
        DropToken(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its own drop. Made by [`DropCounter::token`].
#[derive(Debug)]
pub(crate) struct DropToken(DropCounter);

impl Drop for DropToken {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Opened from outside; its [`wait`](Gate::wait) is pending until then. Keeps account of how the
/// waiting future is treated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<GateState>);

#[derive(Debug, Default)]
struct GateState {
    open: AtomicBool,
    waker: Mutex<Option<Waker>>,
    polls: AtomicUsize,
    polling: AtomicBool,
    ended: AtomicBool,
    overlaps: AtomicUsize,
    polls_after_end: AtomicUsize,
    drops: AtomicUsize,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate::default()
    }

    /// The future that waits for this gate. At most one at a time: a gate wakes one waker.
    pub(crate) fn wait(&self) -> GateFuture {
        GateFuture(self.clone())
    }

    /// Lets the future through, and wakes it.
    pub(crate) fn open(&self) {
        self.0.open.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the future without letting it through.
    pub(crate) fn wake(&self) {
        // A copy, so that a later wake-up comes after completion too.
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// The waker that the last poll left here.
    pub(crate) fn waker(&self) -> Option<Waker> {
        self.0.waker.lock().unwrap().clone()
    }

    /// Takes that waker away.
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        self.0.waker.lock().unwrap().take()
    }

    pub(crate) fn polls(&self) -> usize {
        self.0.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn drops(&self) -> usize {
        self.0.drops.load(Ordering::SeqCst)
    }

    /// Waits for the future's `n`th poll to have left its waker here.
    #[track_caller]
    pub(crate) fn eventually_polled(&self, n: usize) {
        eventually("a gate is polled", || {
            self.polls() >= n && !self.0.polling.load(Ordering::SeqCst)
        });
    }

    /// Asserts that no two polls ran at once, none came after the end, and the future was dropped
    /// once.
    #[track_caller]
    pub(crate) fn assert_treated_well(&self) {
        assert_eq!(self.overlaps(), 0, "polls that overlapped");
        assert_eq!(self.polls_after_end(), 0, "polls after the end");
        assert_eq!(self.drops(), 1, "drops of the future");
    }

    pub(crate) fn overlaps(&self) -> usize {
        self.0.overlaps.load(Ordering::SeqCst)
    }

    pub(crate) fn polls_after_end(&self) -> usize {
        self.0.polls_after_end.load(Ordering::SeqCst)
    }
}

/// Waits for a [`Gate`] to open.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub(crate) struct GateFuture(Gate);

impl Future for GateFuture {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let state = &*self.0.0;
        if state.polling.swap(true, Ordering::SeqCst) {
            state.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        if state.ended.load(Ordering::SeqCst) {
            state.polls_after_end.fetch_add(1, Ordering::SeqCst);
        }
        // The waker first: a gate that opens after the look at it finds the waker.
        *state.waker.lock().unwrap() = Some(cx.waker().clone());
        state.polls.fetch_add(1, Ordering::SeqCst);
        let open = state.open.load(Ordering::SeqCst);
        state.ended.store(open, Ordering::SeqCst);
        state.polling.store(false, Ordering::SeqCst);
        match open {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for GateFuture {
    fn drop(&mut self) {
        let state = &*self.0.0;
        state.ended.store(true, Ordering::SeqCst);
        state.drops.fetch_add(1, Ordering::SeqCst);
    }
}
