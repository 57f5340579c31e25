//! A heart beats, and notes how late each beat was.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::harness::TasksLeft;

/// A heart that beats at fixed times until no item is left.
#[derive(Debug)]
pub(crate) struct Heart {
    due: Instant,
    every: Duration,
    items: &'static TasksLeft,
    late_ns: Vec<u64>,
    lateness: Sender<Vec<u64>>,
}

/// Whether the heart goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The next one is due then.
    Due(Instant),
    /// No item is left.
    Last,
}

impl Heart {
    pub(crate) fn new(
        every: Duration,
        items: &'static TasksLeft,
        lateness: Sender<Vec<u64>>,
    ) -> Heart {
        Heart {
            due: Instant::now() + every,
            every,
            items,
            late_ns: Vec::new(),
            lateness,
        }
    }

    /// When it is to beat first.
    pub(crate) fn first(&self) -> Beat {
        Beat::Due(self.due)
    }

    /// Beats at this moment. After the last beat the heart tells how late it was.
    pub(crate) fn beat(&mut self, now: Instant) -> Beat {
        let late = now.saturating_duration_since(self.due).as_nanos();
        let late = u64::try_from(late).expect("no beat is late by centuries");
        self.late_ns.push(late);
        self.due += self.every;
        if self.items.none() {
            self.stop();
            Beat::Last
        } else {
            Beat::Due(self.due)
        }
    }

    fn stop(&mut self) {
        let late_ns = std::mem::take(&mut self.late_ns);
        let sent = self.lateness.send(late_ns);
        sent.expect("the measurement waits for the heart");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_beat_has_its_own_time_and_the_last_one_comes_when_no_item_is_left() {
        let every = Duration::from_millis(20);
        let items = TasksLeft::of(1);
        let (lateness, received) = mpsc::channel();
        let mut heart = Heart::new(every, items, lateness);
        let Beat::Due(due) = heart.first() else {
            panic!("a heart begins with a beat");
        };
        // The first comes 50 ms late, so the next two are late before they are due.
        let late = due + Duration::from_millis(50);
        for beat in 1..=2 {
            assert_eq!(heart.beat(late), Beat::Due(due + beat * every));
        }
        items.one_ended();
        assert_eq!(heart.beat(due), Beat::Last);
        assert_eq!(received.recv(), Ok(vec![50_000_000, 30_000_000, 0]));
    }
}
