//! Wake-ups for other processes: after a commit, at most one for each queue and 50 ms.
//!
//! They are sent outside of the transactions that they tell of, so that no commit waits for the
//! lock that notifications have in the server. One that is lost costs the time until the next claim
//! that a worker makes anyway.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use laneway::time::now;

use super::occupancy::key;
use crate::lock::unpoisoned;

const BETWEEN: Duration = Duration::from_millis(50);
/// So many queues are kept in mind.
const QUEUES: usize = 4_096;
/// The server takes less than 8,000 bytes; a queue of a longer name wakes all.
const LONGEST: usize = 7_000;

/// Whether the processes at one database wake each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WakeUps {
    /// By `NOTIFY` and `LISTEN`: a job reaches an idle worker of another process within
    /// milliseconds. A store with workers keeps one connection more for it.
    #[default]
    Notified,
    /// Not at all: a worker finds jobs of other processes by its claims, within two seconds.
    Polled,
}

/// What is announced, and when it was last.
#[derive(Debug)]
pub(super) struct Notifier {
    wake_ups: WakeUps,
    /// Tells the notifications of this store from those of others.
    own: String,
    pub(super) channel: String,
    queues: Mutex<HashMap<String, Announced>>,
}

#[derive(Clone, Copy, Debug)]
enum Announced {
    At(Instant),
    /// It will be, and tells of all commits until then.
    Soon,
}

impl Notifier {
    /// For a schema, quoted and with its dot.
    pub(super) fn new(wake_ups: WakeUps, schema: &str) -> Notifier {
        Notifier {
            wake_ups,
            own: format!("{:016x}", fastrand::u64(..)),
            channel: format!("laneway_{:016x}", key(schema)),
            queues: Mutex::default(),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.wake_ups == WakeUps::Notified
    }

    /// How long to wait before a queue is announced; `None` where that is under way.
    pub(super) fn announce(&self, queue: &str) -> Option<Duration> {
        let mut queues = unpoisoned(self.queues.lock());
        if queues.len() > QUEUES {
            queues.clear();
        }
        let wait = match queues.get(queue) {
            Some(Announced::Soon) => return None,
            Some(Announced::At(at)) => (*at + BETWEEN).saturating_duration_since(now()),
            None => Duration::ZERO,
        };
        queues.insert(queue.to_owned(), Announced::Soon);
        Some(wait)
    }

    /// What to send for a queue now. A commit from here on is announced anew.
    pub(super) fn payload(&self, queue: &str) -> String {
        let mut queues = unpoisoned(self.queues.lock());
        queues.insert(queue.to_owned(), Announced::At(now()));
        let told = Some(queue).filter(|queue| queue.len() <= LONGEST);
        format!("{} {}", self.own, told.unwrap_or_default())
    }

    /// The queue that another store has announced, empty for all; `None` where it was this one.
    pub(super) fn heard<'p>(&self, payload: &'p str) -> Option<&'p str> {
        let (sender, queue) = payload.split_once(' ').unwrap_or((payload, ""));
        (sender != self.own).then_some(queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_announced_once_in_its_time_and_after_the_last_commit() {
        let notifier = Notifier::new(WakeUps::Notified, "\"a\".");
        assert_eq!(notifier.announce("a"), Some(Duration::ZERO));
        assert_eq!(notifier.announce("a"), None, "it will be");
        assert_eq!(notifier.announce("b"), Some(Duration::ZERO));
        let payload = notifier.payload("a");
        let wait = notifier.announce("a").unwrap();
        assert!(wait > Duration::ZERO && wait <= BETWEEN, "{wait:?}");
        assert_eq!(notifier.heard(&payload), None, "it was its own");
        let other = Notifier::new(WakeUps::Notified, "\"a\".");
        assert_eq!(other.heard(&payload), Some("a"));
        assert_eq!(other.heard(&notifier.payload(&"x".repeat(9_000))), Some(""));
    }
}
