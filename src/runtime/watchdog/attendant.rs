//! Looks outside where no worker does.
//!
//! While workers run one short task after another, they look outside now and then. In the middle
//! of long polls they do not, and a socket that is ready would wait. So the watchdog sends a worker
//! that is parked to the lookout, or where all are busy, looks itself.
//!
//! A visit costs a wake-up of the watchdog's thread. So visits are rare, and more frequent for a
//! while after one that found something to do in the middle of a long poll, or beside low polls:
//! where one poll took long, others will. A short poll may seem to take a few milliseconds, since
//! the system lets a thread of another program run meanwhile. Where there are high polls alone,
//! those do not count.

use std::task::Waker;
use std::time::Duration;

use crate::executor::Executor;
use crate::ids::QueueId;
use crate::waker::wake_shielded;

/// The time between two visits. A socket that is ready waits behind long polls for two at most.
const VISIT_EVERY: Duration = Duration::from_millis(1);

/// The same for a while after a visit that found something to do.
const VISIT_OFTEN_EVERY: Duration = Duration::from_micros(250);

/// A poll that goes on for this long is a long one. The system takes the core away from a thread
/// for less at a time.
const LONG_POLL: Duration = Duration::from_millis(5);

/// After this many visits in vain they are rare again.
const FREQUENT_VISITS: u32 = 400;

/// Keeps the lookout attended.
#[derive(Debug, Default)]
pub(super) struct Attendant {
    visits: Visits,
    ready: Vec<Waker>,
}

/// The counts at the last visit, and the time until the next one.
#[derive(Debug, Default)]
struct Visits {
    /// How many looks there had been.
    looks: usize,
    /// How many polls workers at home in the high queue had begun.
    polls: u64,
    /// For how long there had been no look.
    unattended: Duration,
    /// For how long the workers that run high tasks had been in one and the same poll.
    stuck: Duration,
    /// How many more visits are frequent.
    frequent: u32,
}

/// The polls that go on while the watchdog visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// Low ones among them.
    LowPolls,
    HighPollsAlone,
}

impl Attendant {
    /// Whether there is anything to look at.
    pub(super) fn is_needed(executor: &Executor) -> bool {
        executor.parking_lot.lookout.reactor().is_some()
    }

    /// The time until the next visit.
    pub(super) fn rest(&self) -> Duration {
        self.visits.rest()
    }

    /// Has a worker look, or looks, where no worker does.
    pub(super) fn visit(&mut self, executor: &Executor) {
        let lookout = &executor.parking_lot.lookout;
        let is_high = |home: QueueId| home == QueueId::HIGH;
        let high = executor.workers().filter(|(home, _)| is_high(*home));
        let polls = high.map(|(_, tally)| tally.taken()).sum();
        let mut low = executor.workers().filter(|(home, _)| !is_high(*home));
        let beside = match low.any(|(_, tally)| tally.polling.get().is_some()) {
            true => Beside::LowPolls,
            false => Beside::HighPollsAlone,
        };
        self.visits.visit(lookout.looks(), polls, beside, || {
            if executor.man_lookout() {
                return true;
            }
            lookout.look(&mut self.ready);
            let found = !self.ready.is_empty();
            self.ready.drain(..).for_each(wake_shielded);
            found
        });
    }
}

impl Visits {
    fn rest(&self) -> Duration {
        match self.frequent {
            0 => VISIT_EVERY,
            _ => VISIT_OFTEN_EVERY,
        }
    }

    /// Looks if that is due, and notes whether `look` found something to do.
    fn visit(&mut self, looks: usize, polls: u64, beside: Beside, look: impl FnOnce() -> bool) {
        let found = self.is_due(looks, polls) && look();
        self.note(found && (beside == Beside::LowPolls || self.stuck >= LONG_POLL));
    }

    /// Whether there has been no look for as long as between rare visits, or none since the last
    /// visit while the workers that run high tasks were in one and the same poll. Many short polls
    /// may take longer than a frequent visit's time, too, and are no reason to look.
    fn is_due(&mut self, looks: usize, polls: u64) -> bool {
        let (is_unattended, is_stuck) = (looks == self.looks, polls == self.polls);
        let rest = self.rest();
        let grown =
            |time: Duration, goes_on: bool| if goes_on { time + rest } else { Duration::ZERO };
        self.unattended = grown(self.unattended, is_unattended);
        self.stuck = grown(self.stuck, is_stuck);
        (self.looks, self.polls) = (looks, polls);
        is_unattended && (is_stuck || self.unattended >= VISIT_EVERY)
    }

    /// Notes whether the visit found something to do where polls take long.
    fn note(&mut self, found: bool) {
        self.frequent = match found {
            true => FREQUENT_VISITS,
            false => self.frequent.saturating_sub(1),
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn visits_are_frequent_for_a_while_after_one_that_found_something_to_do() {
        let mut visits = Visits::default();
        assert_eq!(visits.rest(), VISIT_EVERY);
        visits.note(true);
        for _ in 0..FREQUENT_VISITS {
            assert_eq!(visits.rest(), VISIT_OFTEN_EVERY);
            visits.note(false);
        }
        assert_eq!(visits.rest(), VISIT_EVERY);
    }

    #[test]
    fn a_find_in_the_middle_of_a_long_poll_makes_the_next_visits_frequent() {
        let mut visits = Visits::default();
        let longest_short = LONG_POLL.as_micros() / VISIT_EVERY.as_micros() - 1;
        for _ in 0..longest_short {
            visits.visit(0, 0, Beside::HighPollsAlone, || true);
            assert_eq!(visits.rest(), VISIT_EVERY);
        }
        visits.visit(0, 0, Beside::HighPollsAlone, || false);
        assert_eq!(visits.rest(), VISIT_EVERY);
        visits.visit(0, 0, Beside::HighPollsAlone, || true);
        assert_eq!(visits.rest(), VISIT_OFTEN_EVERY);
    }

    #[test]
    fn a_find_beside_low_polls_makes_the_next_visits_frequent() {
        let mut visits = Visits::default();
        visits.visit(0, 0, Beside::LowPolls, || false);
        assert_eq!(visits.rest(), VISIT_EVERY);
        visits.visit(0, 0, Beside::LowPolls, || true);
        assert_eq!(visits.rest(), VISIT_OFTEN_EVERY);
    }

    #[test]
    fn finds_between_short_polls_leave_the_visits_rare() {
        let mut visits = Visits::default();
        for polls in 1..=100 {
            visits.visit(0, polls, Beside::HighPollsAlone, || true);
            assert_eq!(visits.rest(), VISIT_EVERY);
        }
    }

    #[test]
    fn a_frequent_visit_finds_a_poll_that_lasts_and_leaves_short_ones_alone() {
        let mut visits = Visits::default();
        visits.note(true);
        // All workers were in one poll since the last visit, and none has looked.
        assert!(visits.is_due(0, 0));
        // One has looked.
        assert!(!visits.is_due(1, 0));
        // Short polls: they are let be until there has been no look for a rare visit's time.
        let due: Vec<bool> = (1..=4).map(|polls| visits.is_due(1, polls)).collect();
        assert_eq!(due, [false, false, false, true]);
    }

    #[test]
    fn a_rare_visit_is_due_whenever_there_was_no_look_since_the_last() {
        let mut visits = Visits::default();
        assert!(!visits.is_due(1, 1));
        assert!(visits.is_due(1, 2));
        assert!(!visits.is_due(2, 3));
    }
}
