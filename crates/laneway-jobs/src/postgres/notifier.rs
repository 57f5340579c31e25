//! Wake-ups for other processes: after a commit, at most one for each queue and 50 ms, and one for
//! schedules.
//!
//! They are sent outside of the transactions that they tell of, so that no commit waits for the
//! lock that notifications have in the server. One that is lost costs the time until the next claim
//! that a worker makes anyway.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use laneway::time::now;

use super::news::News;
use super::occupancy::key;
use crate::lock::unpoisoned;

const BETWEEN: Duration = Duration::from_millis(50);
/// The number of queues that are kept in mind.
const QUEUES: usize = 4_096;

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

/// The news that are announced, and the time of the last announcement.
#[derive(Debug)]
pub(super) struct Notifier {
    wake_ups: WakeUps,
    /// Tells the notifications of this store from those of others.
    own: String,
    pub(super) channel: String,
    last: Mutex<HashMap<News, Announced>>,
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
            last: Mutex::default(),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.wake_ups == WakeUps::Notified
    }

    /// How long to wait before news are announced; `None` where that is under way.
    pub(super) fn announce(&self, news: &News) -> Option<Duration> {
        let mut last = unpoisoned(self.last.lock());
        if last.len() > QUEUES {
            last.clear();
        }
        let wait = match last.get(news) {
            Some(Announced::Soon) => return None,
            Some(Announced::At(at)) => (*at + BETWEEN).saturating_duration_since(now()),
            None => Duration::ZERO,
        };
        last.insert(news.clone(), Announced::Soon);
        Some(wait)
    }

    /// The payload to send for news now. A commit from here on is announced anew.
    pub(super) fn payload(&self, news: &News) -> String {
        let mut last = unpoisoned(self.last.lock());
        last.insert(news.clone(), Announced::At(now()));
        news.payload(&self.own)
    }

    /// The news that another store has announced; `None` where it was this one.
    pub(super) fn heard(&self, payload: &str) -> Option<News> {
        let (sender, news) = News::read(payload);
        (sender != self.own).then_some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_announced_once_in_its_time_and_after_the_last_commit() {
        let notifier = Notifier::new(WakeUps::Notified, "\"a\".");
        let queue = |name: &str| News::Queue(name.to_owned());
        assert_eq!(notifier.announce(&queue("a")), Some(Duration::ZERO));
        assert_eq!(notifier.announce(&queue("a")), None, "it will be");
        assert_eq!(notifier.announce(&queue("b")), Some(Duration::ZERO));
        let payload = notifier.payload(&queue("a"));
        let wait = notifier.announce(&queue("a")).unwrap();
        assert!(wait > Duration::ZERO && wait <= BETWEEN, "{wait:?}");
        assert_eq!(notifier.heard(&payload), None, "it was its own");
        let other = Notifier::new(WakeUps::Notified, "\"a\".");
        assert_eq!(other.heard(&payload), Some(queue("a")));
    }
}
