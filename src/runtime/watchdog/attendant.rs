//! Looks into the reactor where no worker does.
//!
//! While workers run one short task after another, they look there now and then. In the middle
//! of long polls they do not, and a socket that is ready would wait. So the watchdog sends a worker
//! that is parked to the lookout, or where all are busy, looks itself.
//!
//! A visit costs a wake-up of the watchdog's thread. So visits are rare, and more frequent for a
//! while after one in the middle of a long high poll, or after one that found something to do
//! beside low polls: where one poll took long, others will. A short poll may seem to take a few
//! milliseconds, since the system lets a thread of another program run meanwhile. Where there are
//! high polls alone, those do not count. Where these are many, each is short, and visits are
//! rarer still (T35).

use std::task::Waker;
use std::time::Duration;

use crate::executor::Executor;
use crate::ground::ids::QueueId;
use crate::ground::waker::wake_shielded;

/// The time between two visits. A socket that is ready waits behind long polls for two at most.
const VISIT_EVERY: Duration = Duration::from_millis(1);

/// The same for a while after a visit that found something to do.
const VISIT_OFTEN_EVERY: Duration = Duration::from_micros(250);

/// The same after many high polls and no low ones.
const VISIT_SELDOM_EVERY: Duration = Duration::from_millis(5);

/// After this many high polls between two visits, the next visit comes later.
const MANY_POLLS: u64 = 16;

/// A poll that goes on for this long is a long one. The system takes the core away from a thread
/// for less at a time.
const LONG_POLL: Duration = Duration::from_millis(5);

/// After this many visits in vain they are rare again.
const FREQUENT_VISITS: u32 = 400;

/// Keeps the lookout attended.
#[derive(Debug, Default)]
pub(super) struct Attendant {
    visits: Visits,
    /// The poll that each worker was in.
    polls: Vec<Lasting>,
    ready: Vec<Waker>,
}

/// A poll that may go on for several visits.
#[derive(Clone, Copy, Debug, Default)]
struct Lasting {
    /// How many polls its worker had begun.
    number: u64,
    /// For how long it has lasted, as far as visits have seen.
    time: Duration,
}

/// The counts at the last visit, and the time until the next one.
#[derive(Debug, Default)]
struct Visits {
    /// How many looks there had been.
    looks: usize,
    /// How many polls workers at home in the high queue had begun.
    polls: u64,
    /// How many of these they had begun since the visit before, where there were no low ones.
    new_polls: u64,
    /// For how long there had been no look.
    unattended: Duration,
    /// How many more visits are frequent.
    frequent: u32,
}

/// The polls that go on while the watchdog visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// Low ones among them.
    LowPolls,
    /// High ones alone, and how long the longest of them has lasted.
    HighPolls(Duration),
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
        let longest = self.longest_high_poll(executor);
        let beside = match low.any(|(_, tally)| tally.polling.get().is_some()) {
            true => Beside::LowPolls,
            false => Beside::HighPolls(longest),
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

    /// For how long a worker at home in the high queue has been in one and the same poll, at most.
    fn longest_high_poll(&mut self, executor: &Executor) -> Duration {
        let (rest, workers) = (self.rest(), executor.workers().count());
        self.polls.resize(workers, Lasting::default());
        let high = executor.workers().zip(&mut self.polls);
        let high = high.filter(|((home, _), _)| *home == QueueId::HIGH);
        let times = high.map(|((_, tally), poll)| {
            poll.note(tally.taken(), tally.polling.get().is_some(), rest);
            poll.time
        });
        times.max().unwrap_or_default()
    }
}

impl Lasting {
    /// Notes how many polls the worker has begun, and whether it is in the last of them, `rest`
    /// after the visit before.
    fn note(&mut self, number: u64, is_polling: bool, rest: Duration) {
        self.time = grown(self.time, is_polling && number == self.number, rest);
        self.number = number;
    }
}

/// The length of a state that goes on, or has ended.
fn grown(time: Duration, goes_on: bool, rest: Duration) -> Duration {
    match goes_on {
        true => time + rest,
        false => Duration::ZERO,
    }
}

impl Visits {
    fn rest(&self) -> Duration {
        match self.frequent {
            0 if self.new_polls >= MANY_POLLS => VISIT_SELDOM_EVERY,
            0 => VISIT_EVERY,
            _ => VISIT_OFTEN_EVERY,
        }
    }

    /// Looks if that is due, and notes whether `look` found something to do.
    fn visit(&mut self, looks: usize, polls: u64, beside: Beside, look: impl FnOnce() -> bool) {
        let new_polls = polls.saturating_sub(self.polls);
        let found = self.is_due(looks, polls) && look();
        let (take_long, new_polls) = match beside {
            Beside::LowPolls => (found, 0),
            Beside::HighPolls(longest) => (longest >= LONG_POLL, new_polls),
        };
        self.note(take_long);
        self.new_polls = new_polls;
    }

    /// Whether there has been no look for as long as between rare visits, or none since the last
    /// visit while the workers that run high tasks were in one and the same poll. Many short polls
    /// may take longer than a frequent visit's time, too, and are no reason to look.
    fn is_due(&mut self, looks: usize, polls: u64) -> bool {
        let (is_unattended, is_stuck) = (looks == self.looks, polls == self.polls);
        self.unattended = grown(self.unattended, is_unattended, self.rest());
        (self.looks, self.polls) = (looks, polls);
        is_unattended && (is_stuck || self.unattended >= VISIT_EVERY)
    }

    /// Notes whether polls take long.
    fn note(&mut self, take_long: bool) {
        self.frequent = match take_long {
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
    fn a_long_high_poll_makes_the_next_visits_frequent_also_where_another_worker_looks() {
        let mut visits = Visits::default();
        let short = LONG_POLL - VISIT_EVERY;
        visits.visit(0, 0, Beside::HighPolls(short), || true);
        assert_eq!(visits.rest(), VISIT_EVERY);
        visits.visit(1, 1, Beside::HighPolls(LONG_POLL), || {
            unreachable!("it is not due")
        });
        assert_eq!(visits.rest(), VISIT_OFTEN_EVERY);
    }

    #[test]
    fn a_poll_lasts_while_its_worker_begins_no_other() {
        let mut poll = Lasting::default();
        let times = [
            (1, true),
            (1, true),
            (1, true),
            (2, true),
            (2, true),
            (2, false),
        ];
        let times = times.map(|(number, is_polling)| {
            poll.note(number, is_polling, VISIT_EVERY);
            poll.time.as_millis()
        });
        assert_eq!(times, [0, 1, 2, 0, 1, 0]);
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
            visits.visit(0, polls, Beside::HighPolls(Duration::ZERO), || true);
            assert_eq!(visits.rest(), VISIT_EVERY);
        }
    }

    #[test]
    fn visits_are_seldom_after_many_high_polls_and_as_before_beside_low_ones() {
        let mut visits = Visits::default();
        let short = Beside::HighPolls(Duration::ZERO);
        let rests = [
            (15, short),
            (31, short),
            (47, Beside::LowPolls),
            (63, short),
            (78, short),
            (1000, Beside::HighPolls(LONG_POLL)),
        ];
        let rests = rests.map(|(polls, beside)| {
            visits.visit(0, polls, beside, || false);
            visits.rest()
        });
        let (every, seldom) = (VISIT_EVERY, VISIT_SELDOM_EVERY);
        assert_eq!(
            rests,
            [every, seldom, every, seldom, every, VISIT_OFTEN_EVERY]
        );
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
