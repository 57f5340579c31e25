//! The times of events, with one look at the clock for those that follow each other at once.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::recorder::packed::{EventKind, Packed};
use crate::ground::telemetry::Event;
use crate::time::now;

/// Tells an observer what time it is when it is told of an event.
///
/// A reading of the clock costs as much as all the rest of an event. Of the four events of a task
/// that yields, three are told right after another one, with nothing in between: they are given
/// the time of that one, which is some 50 ns ago.
#[derive(Debug)]
pub(super) struct EventClock {
    /// The number by which this clock is told from all others of the process.
    id: u64,
}

/// The last event of this thread.
struct Last {
    /// To whose observer.
    clock: Cell<u64>,
    /// The event, packed.
    what: Cell<u64>,
    /// When the clock was last looked at.
    at: Cell<Option<Instant>>,
}

thread_local! {
    static LAST: Last = const {
        Last {
            clock: Cell::new(0),
            what: Cell::new(0),
            at: Cell::new(None),
        }
    };
}

impl EventClock {
    pub(super) fn new() -> EventClock {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        EventClock {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The time of an event that is being told, by [`now`]. To be asked for every event, in the
    /// order in which this thread is told of them.
    #[inline]
    pub(super) fn time_of(&self, event: &Event) -> Instant {
        let packed = Packed::of(event);
        LAST.with(|last| {
            let before = last.what.replace(packed.what);
            match last.at.get() {
                Some(at) if packed.comes_at_once_after(before) && last.clock.get() == self.id => at,
                _ => self.look(last, packed, before),
            }
        })
    }

    #[inline(never)]
    fn look(&self, last: &Last, event: Packed, before: u64) -> Instant {
        let at = now();
        let here = last.clock.replace(self.id) == self.id;
        last.at.set(Some(at));
        if here && EventKind::of(before) == EventKind::Replaced {
            // The poll goes on without a worker. After its end, the thread may wait for long.
            last.what.set(match event.kind() {
                // Nothing is told at once after it.
                EventKind::PollEnded => EventKind::Parked as u64,
                _ => before,
            });
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::ids::{QueueId, TaskId, WorkerId};
    use crate::ground::telemetry::{PollEnd, Source};

    const TASK: TaskId = TaskId(1);
    const WORKER: WorkerId = WorkerId(0);

    fn taken(from: Source) -> Event {
        Event::Taken {
            task: TASK,
            queue: QueueId::LOW,
            worker: WORKER,
            from,
        }
    }

    const STARTED: Event = Event::PollStarted {
        task: TASK,
        worker: WORKER,
    };
    const ENDED: Event = Event::PollEnded {
        task: TASK,
        worker: WORKER,
        end: PollEnd::Ready,
    };
    const REPLACED: Event = Event::Replaced { worker: WORKER };

    /// Whether each event has the time of the one before.
    fn share_a_look(events: &[Event]) -> Vec<bool> {
        let clock = EventClock::new();
        let times: Vec<Instant> = events
            .iter()
            .map(|event| {
                // The clock goes on in between, however coarse it is.
                let before = Instant::now();
                while Instant::now() == before {}
                clock.time_of(event)
            })
            .collect();
        times.windows(2).map(|pair| pair[0] == pair[1]).collect()
    }

    #[test]
    fn what_follows_at_once_shares_a_look_and_a_poll_does_not() {
        let events = [taken(Source::Local), STARTED, ENDED, taken(Source::Local)];
        assert_eq!(share_a_look(&events), [true, false, true]);
        let events = [ENDED, taken(Source::Channel), STARTED];
        assert_eq!(share_a_look(&events), [false, true]);
    }

    #[test]
    fn a_thread_that_lost_its_worker_may_wait_after_its_poll() {
        let events = [STARTED, REPLACED, ENDED, taken(Source::Local), STARTED];
        assert_eq!(share_a_look(&events), [false, false, false, true]);
    }

    #[test]
    fn another_clock_knows_nothing_of_it() {
        let (one, other) = (EventClock::new(), EventClock::new());
        let before = one.time_of(&ENDED);
        let start = Instant::now();
        while Instant::now() == start {}
        assert_ne!(other.time_of(&taken(Source::Local)), before);
    }
}
