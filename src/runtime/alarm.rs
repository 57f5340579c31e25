//! A thread that blocks on a future waits for an alarm: it spins for a while, then parks.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use crate::executor::{Park, seat};
use crate::ground::core_use;
use crate::ground::moment;
use crate::ground::poll::own_poll;
use crate::ground::sync::{AtomicBool, Ordering, Thread, thread};
use crate::time::timer::hand_over;

/// How often a thread looks again for the wake-up before it parks, some 15 µs in all, where there
/// is another core that could bring it. A thread that waits for a short task is served several
/// times faster than from a park (T11); a thread that waits for a long one has lost 15 µs of its
/// own time.
const SPIN_ROUNDS: u32 = 400;

/// After this many looks the thread offers its core to others: the thread that is to bring the
/// wake-up may be waiting for this very core (T13).
const OFFER_CORE_EVERY: u32 = 16;

/// Runs a future on this thread, and keeps the worker that may sit here from all else.
pub(crate) fn block_here<F: Future>(future: Pin<&mut F>) -> F::Output {
    block_with(future, Alarm::wait)
}

/// Runs a future on this thread, which calls `wait` between two polls.
pub(super) fn block_with<F: Future>(mut future: Pin<&mut F>, wait: impl Fn(&Alarm)) -> F::Output {
    let alarm = Arc::new(Alarm::new());
    let waker = Waker::from(alarm.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        let polled = own_poll(&waker, || future.as_mut().poll(&mut cx));
        if let Poll::Ready(output) = polled {
            return output;
        }
        wait(&alarm);
    }
}

/// Wakes the thread that made it.
pub(super) struct Alarm {
    /// Set by a wake-up, cleared by the thread that it was for.
    rung: AtomicBool,
    thread: AlarmThread,
}

/// The thread that waits for an alarm.
enum AlarmThread {
    Thread(Thread),
    /// A thread that parks where its runtime wants it to.
    Hosted(Arc<dyn Park>),
}

impl Alarm {
    fn new() -> Alarm {
        Alarm {
            rung: AtomicBool::new(false),
            thread: match seat::parker() {
                Some(parker) => AlarmThread::Hosted(parker),
                None => AlarmThread::Thread(thread::current()),
            },
        }
    }

    /// Waits for a wake-up since the last wait.
    pub(super) fn wait(&self) {
        match &self.thread {
            AlarmThread::Thread(_) => self.spin_and_park(),
            AlarmThread::Hosted(parker) => {
                if self.take() {
                    return parker.pass();
                }
                while !self.take() {
                    parker.park();
                }
            }
        }
    }

    fn spin_and_park(&self) {
        core_use::note_spin();
        for round in 1..=spin_rounds() {
            if self.take() {
                return;
            }
            if round.is_multiple_of(OFFER_CORE_EVERY) {
                thread::yield_now();
            } else {
                moment::pass();
            }
        }
        hand_over();
        while !self.take() {
            thread::park();
        }
    }

    /// Whether [`wait`](Alarm::wait) would come back at once.
    pub(super) fn is_rung(&self) -> bool {
        // Acquire: as in `take`.
        self.rung.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        // A load first: swapping all the time would keep the cache line from the thread that is to
        // set it. Acquire: pairs with the Release in `wake_by_ref`; this thread sees what the other
        // did before.
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::Acquire)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Release) {
            match &self.thread {
                AlarmThread::Thread(thread) => thread.unpark(),
                AlarmThread::Hosted(parker) => parker.unpark(),
            }
        }
    }
}

fn spin_rounds() -> u32 {
    static ROUNDS: OnceLock<u32> = OnceLock::new();
    *ROUNDS.get_or_init(|| match thread::available_parallelism() {
        Ok(cores) if cores.get() > 1 => SPIN_ROUNDS,
        _ => 0,
    })
}

#[cfg(all(test, loom))]
mod model;
