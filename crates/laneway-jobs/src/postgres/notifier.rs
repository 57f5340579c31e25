//! Wake-ups for other processes: after a commit, at most one for each queue and 50 ms, and one for
//! schedules.
//!
//! They are sent outside of the transactions that they tell of, so that no commit waits for the
//! lock that notifications have in the server. One that is lost costs the time until the next claim
//! that a worker makes anyway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
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
    last: Last,
}

type Last = Arc<Mutex<HashMap<News, Announced>>>;

#[derive(Clone, Copy, Debug)]
enum Announced {
    At(Instant),
    /// It will be, and tells of all commits until then: an [`Announcement`] is there.
    Soon,
}

/// News that its holder is to announce, for all commits until then. Dropped before that, it lets
/// the next commit announce them: they would be silent for ever otherwise.
#[derive(Debug)]
#[must_use = "dropped, it is not announced"]
pub(super) struct Announcement {
    /// How long to wait before.
    pub(super) wait: Duration,
    news: News,
    last: Last,
}

impl Announcement {
    /// The payload for news that are sent now. A commit from here on is announced anew.
    fn payload(self, sender: &str) -> String {
        self.news.payload(sender)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let news = self.news.clone();
        unpoisoned(self.last.lock()).insert(news, Announced::At(now()));
    }
}

impl Notifier {
    /// For a schema, quoted and with its dot.
    pub(super) fn new(wake_ups: WakeUps, schema: &str) -> Notifier {
        Notifier {
            wake_ups,
            own: format!("{:016x}", fastrand::u64(..)),
            channel: format!("laneway_{:016x}", key(schema)),
            last: Last::default(),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.wake_ups == WakeUps::Notified
    }

    /// The news, for the caller to announce; `None` where that is under way.
    pub(super) fn announce(&self, news: News) -> Option<Announcement> {
        let mut last = unpoisoned(self.last.lock());
        if last.len() > QUEUES {
            last.clear();
        }
        let wait = match last.get(&news) {
            Some(Announced::Soon) => return None,
            Some(Announced::At(at)) => (*at + BETWEEN).saturating_duration_since(now()),
            None => Duration::ZERO,
        };
        last.insert(news.clone(), Announced::Soon);
        let last = self.last.clone();
        Some(Announcement { wait, news, last })
    }

    /// The payload to send now. A commit from here on is announced anew.
    pub(super) fn payload(&self, announcement: Announcement) -> String {
        announcement.payload(&self.own)
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

    fn queue(name: &str) -> News {
        News::Queue(name.to_owned())
    }

    #[test]
    fn a_queue_is_announced_once_in_its_time_and_after_the_last_commit() {
        let notifier = Notifier::new(WakeUps::Notified, "\"a\".");
        let first = notifier.announce(queue("a")).unwrap();
        assert_eq!(first.wait, Duration::ZERO);
        assert!(notifier.announce(queue("a")).is_none(), "it will be");
        let other = notifier.announce(queue("b")).unwrap();
        assert_eq!(other.wait, Duration::ZERO);
        let payload = notifier.payload(first);
        let wait = notifier.announce(queue("a")).unwrap().wait;
        assert!(wait > Duration::ZERO && wait <= BETWEEN, "{wait:?}");
        assert_eq!(notifier.heard(&payload), None, "it was its own");
        let other = Notifier::new(WakeUps::Notified, "\"a\".");
        assert_eq!(other.heard(&payload), Some(queue("a")));
    }

    #[test]
    fn an_announcement_that_was_never_sent_does_not_silence_the_next_ones() {
        let notifier = Notifier::new(WakeUps::Notified, "\"a\".");
        for _ in 0..3 {
            let unsent = notifier.announce(queue("a"));
            drop(unsent.expect("none is under way"));
        }
    }
}
