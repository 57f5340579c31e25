//! Time that adds up over many stretches, and can be read at any moment without a lock.
//!
//! It never reads a clock itself: its caller gives it the time.

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
    /// Starts it. A stopwatch that runs goes on.
    pub(crate) fn start(&self, now: Duration) {
        // Relaxed, here and below: no other data hangs on it.
        let word = self.0.load(Ordering::Relaxed);
        if word >= 0 {
            let running = word - nanos(now) - 1;
            debug_assert!(running < 0, "{word} ns have added up by {now:?}");
            self.0.store(running, Ordering::Relaxed);
        }
    }

    /// Stops it. A stopwatch that stands still is left alone.
    pub(crate) fn stop(&self, now: Duration) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(sum(word, now), Ordering::Relaxed);
    }
}

/// How often stopwatches are read before their last words are used as they are.
const LOOKS: u32 = 8;

/// The times that have added up on several stopwatches of one owner, all at the same moment: none
/// was started or stopped between the looks at the first and at the last. Where the owner never
/// rests for that long, after [`LOOKS`] tries, a stretch that ended meanwhile may count twice.
pub(crate) fn read_together<const N: usize>(
    watches: [&Stopwatch; N],
    now: impl Fn() -> Duration,
) -> [Duration; N] {
    // Acquire: each look is complete before the next one begins.
    let look = || watches.map(|watch| watch.0.load(Ordering::Acquire));
    let mut words = look();
    for _ in 1..LOOKS {
        // Asked after the words were read, the clock is not behind them.
        let at = now();
        let again = look();
        if again == words {
            return words.map(|word| Duration::from_nanos(sum(word, at).unsigned_abs()));
        }
        words = again;
    }
    let at = now();
    words.map(|word| Duration::from_nanos(sum(word, at).unsigned_abs()))
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

    fn read(watch: &Stopwatch, now: Duration) -> Duration {
        let [shown] = read_together([watch], || now);
        shown
    }

    #[test]
    fn stretches_add_up_and_the_present_one_counts() {
        let watch = Stopwatch::default();
        assert_eq!(read(&watch, MS(5)), MS(0));
        watch.start(MS(10));
        assert_eq!(read(&watch, MS(13)), MS(3));
        watch.stop(MS(20));
        assert_eq!(read(&watch, MS(30)), MS(10));
        watch.start(MS(100));
        assert_eq!(read(&watch, MS(101)), MS(11));
        watch.stop(MS(105));
        assert_eq!(read(&watch, MS(200)), MS(15));
    }

    #[test]
    fn it_runs_from_the_very_beginning() {
        let watch = Stopwatch::default();
        watch.start(MS(0));
        assert_eq!(read(&watch, MS(7)), MS(7));
        watch.stop(MS(7));
        // All the time there was has added up.
        watch.start(MS(7));
        assert_eq!(read(&watch, MS(9)), MS(9));
    }

    #[test]
    fn a_second_start_and_a_second_stop_change_nothing() {
        let watch = Stopwatch::default();
        watch.start(MS(1));
        watch.start(MS(3));
        watch.stop(MS(5));
        watch.stop(MS(8));
        assert_eq!(read(&watch, MS(9)), MS(4));
    }

    #[test]
    fn several_are_read_at_one_moment() {
        let [alive, parked] = [Stopwatch::default(), Stopwatch::default()];
        alive.start(MS(0));
        parked.start(MS(10));
        // The owner gets up while it is looked at, when the clock has been asked for the first
        // time.
        let moments = std::cell::Cell::new(20);
        let clock = || {
            if moments.get() == 20 {
                parked.stop(MS(20));
            }
            MS(moments.replace(moments.get() + 5))
        };
        assert_eq!(read_together([&alive, &parked], clock), [MS(25), MS(10)]);
    }
}
