//! Whether the current thread gives up its core where it waits.
//!
//! A thread that blocks on a future spins: it keeps its core for a while and looks for the wake-up
//! again and again (`runtime/alarm.rs`). One that waits by other means, a channel's or a lock's,
//! gives its core up at once, and one that computes does not wait. A thread that brings a task may
//! be about to wait for it: by what it did since it brought the last one, `idle/nearby.rs` judges
//! whether its core will be free (T43).

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::os_thread;

thread_local! {
    /// The time of the last question, if the thread has not spun since.
    static ASKED: Cell<Option<Question>> = const { Cell::new(None) };
}

/// The moment of a question.
#[derive(Clone, Copy, Debug)]
struct Question {
    at: Instant,
    /// The processor time that the thread had used by then.
    used: Duration,
}

/// Notes that the current thread spins.
pub(crate) fn note_spin() {
    ASKED.set(None);
}

/// Whether the current thread has waited since this was last asked, for most of the time, and has
/// not spun.
pub(crate) fn gave_up_core() -> bool {
    let now = os_thread::processor_time().map(|used| Question {
        at: Instant::now(),
        used,
    });
    match (ASKED.replace(now), now) {
        (Some(last), Some(now)) => {
            let used = now.used.saturating_sub(last.used);
            2 * used < now.at.saturating_duration_since(last.at)
        }
        _ => false,
    }
}

#[cfg(all(test, not(loom), target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// More than a thread is kept from its core for, where others want it.
    const LONG: Duration = Duration::from_millis(50);

    /// Less than the system lets a thread have its core for, where others want it too.
    const SHORT: Duration = Duration::from_micros(200);

    fn compute() {
        let until = os_thread::processor_time().unwrap() + SHORT;
        while os_thread::processor_time().unwrap() < until {}
    }

    fn wait() {
        let (_keep, end) = channel::<()>();
        end.recv_timeout(LONG).unwrap_err();
    }

    #[test]
    fn a_thread_that_waits_gives_up_its_core_and_one_that_spins_between_does_not() {
        assert!(!gave_up_core(), "nothing is known at first");
        wait();
        assert!(gave_up_core());
        wait();
        note_spin();
        assert!(!gave_up_core());
        wait();
        assert!(gave_up_core());
    }

    #[test]
    fn a_thread_that_computes_keeps_its_core() {
        // Where other programs take the core for a while, it looks like a wait.
        let kept = (0..1_000).any(|_| {
            gave_up_core();
            compute();
            !gave_up_core()
        });
        assert!(kept);
    }
}
