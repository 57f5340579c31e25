//! Time that adds up over many stretches, and can be read at any moment without a lock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Adds up the time between its starts and its stops. One thread at a time starts and stops it.
///
/// Moments are durations since some beginning, the same for all.
///
/// One word, so that no reader sees a stretch twice or not at all. While it stands still that is
/// the sum in nanoseconds, 0 or more. While it runs it is the sum less the moment of its start,
/// less 1: below 0, since no more time has added up than has passed.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch(AtomicI64);

impl Stopwatch {
    /// Starts it. One that runs goes on.
    pub(crate) fn start(&self, now: Duration) {
        // Relaxed, here and below: no other data hangs on it.
        let word = self.0.load(Ordering::Relaxed);
        if word >= 0 {
            let running = word - nanos(now) - 1;
            debug_assert!(running < 0, "{word} ns have added up by {now:?}");
            self.0.store(running, Ordering::Relaxed);
        }
    }

    /// Stops it. One that stands still goes on to.
    pub(crate) fn stop(&self, now: Duration) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(sum(word, now), Ordering::Relaxed);
    }

    /// What has added up. The clock is asked after the word was read: it cannot be behind it.
    pub(crate) fn read(&self, now: impl FnOnce() -> Duration) -> Duration {
        let word = self.0.load(Ordering::Relaxed);
        Duration::from_nanos(sum(word, now()).unsigned_abs())
    }
}

fn sum(word: i64, now: Duration) -> i64 {
    match word < 0 {
        true => (word + 1 + nanos(now)).max(0),
        false => word,
    }
}

/// Enough for 292 years.
fn nanos(moment: Duration) -> i64 {
    i64::try_from(moment.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn stretches_add_up_and_the_present_one_counts() {
        let watch = Stopwatch::default();
        assert_eq!(watch.read(|| MS(5)), MS(0));
        watch.start(MS(10));
        assert_eq!(watch.read(|| MS(13)), MS(3));
        watch.stop(MS(20));
        assert_eq!(watch.read(|| MS(30)), MS(10));
        watch.start(MS(100));
        assert_eq!(watch.read(|| MS(101)), MS(11));
        watch.stop(MS(105));
        assert_eq!(watch.read(|| MS(200)), MS(15));
    }

    #[test]
    fn it_runs_from_the_very_beginning() {
        let watch = Stopwatch::default();
        watch.start(MS(0));
        assert_eq!(watch.read(|| MS(7)), MS(7));
        watch.stop(MS(7));
        // All the time there was has added up.
        watch.start(MS(7));
        assert_eq!(watch.read(|| MS(9)), MS(9));
    }

    #[test]
    fn a_second_start_and_a_second_stop_change_nothing() {
        let watch = Stopwatch::default();
        watch.start(MS(1));
        watch.start(MS(3));
        watch.stop(MS(5));
        watch.stop(MS(8));
        assert_eq!(watch.read(|| MS(9)), MS(4));
    }
}
