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
    /// The thread's use of its core since the last question.
    static SINCE: Cell<Since> = const { Cell::new(Since::Start) };
}

/// A thread's use of its core since the last question.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// There has been no question.
    Start,
    /// It has not spun.
    Question {
        at: Instant,
        /// The processor time that the thread had used by then.
        used: Duration,
    },
    /// It has spun.
    Spin,
}

/// How a thread uses its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreUse {
    /// It spins where it waits.
    Spins,
    /// It waits for a good part of the time, and gives its core up.
    GivesUp,
    /// It keeps its core, as far as is known.
    Keeps,
}

/// Notes that the current thread spins.
pub(crate) fn note_spin() {
    SINCE.set(Since::Spin);
}

/// How the current thread has used its core since this was last asked.
pub(crate) fn core_use() -> CoreUse {
    let now = os_thread::processor_time().map(|used| (Instant::now(), used));
    let next = now.map_or(Since::Start, |(at, used)| Since::Question { at, used });
    match (SINCE.replace(next), now) {
        (Since::Spin, _) => CoreUse::Spins,
        (Since::Question { at, used }, Some((now, used_now))) => {
            let (time, used) = (now - at, used_now.saturating_sub(used));
            // A wait and the wake-up from it take processor time as well.
            match 4 * used < 3 * time {
                true => CoreUse::GivesUp,
                false => CoreUse::Keeps,
            }
        }
        (Since::Start | Since::Question { .. }, _) => CoreUse::Keeps,
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
        assert_eq!(core_use(), CoreUse::Keeps, "nothing is known at first");
        wait();
        assert_eq!(core_use(), CoreUse::GivesUp);
        wait();
        note_spin();
        assert_eq!(core_use(), CoreUse::Spins);
        wait();
        assert_eq!(core_use(), CoreUse::GivesUp);
    }

    #[test]
    fn a_thread_that_computes_keeps_its_core() {
        // Where other programs take the core for a while, it looks like a wait.
        let kept = (0..1_000).any(|_| {
            core_use();
            compute();
            core_use() == CoreUse::Keeps
        });
        assert!(kept);
    }
}
