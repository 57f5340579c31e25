//! An event as two numbers, which a ring can hold in atomics.

use std::panic::Location;

use crate::ground::ids::{QueueId, TaskId, WorkerId};
use crate::ground::telemetry::{Event, Placement, PollEnd, Source};

/// An event, packed: all of it but the place where a task was spawned, which is no number.
///
/// It fits into two registers, which saves ten instructions for each event.
///
/// `what` holds, from its lowest bit: the kind (4 bits), the worker on whose thread it happened
/// (17 bits: 0 for none, otherwise the number plus 1), and what else there is to say (43 bits).
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Packed {
    pub(super) task: u64,
    pub(in crate::observe) what: u64,
}

/// Which event it is, and what tells how soon the next one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::observe) enum EventKind {
    Spawned,
    /// Scheduled to run next on the same worker.
    ScheduledNext,
    /// Scheduled to the end of the same worker's deque, as a task that yields while others wait is.
    ScheduledLast,
    ScheduledToChannel,
    /// Taken from the worker's own queue.
    TakenFromItsOwn,
    TakenFromChannel,
    TakenFromOther,
    PollStarted,
    PollEnded,
    Parked,
    Unparked,
    Replaced,
    Cancelled,
    Escalated,
    TimerArmed,
    TimerFired,
}

/// In the order of their numbers, all that four bits can say.
const KINDS: [EventKind; 16] = [
    EventKind::Spawned,
    EventKind::ScheduledNext,
    EventKind::ScheduledLast,
    EventKind::ScheduledToChannel,
    EventKind::TakenFromItsOwn,
    EventKind::TakenFromChannel,
    EventKind::TakenFromOther,
    EventKind::PollStarted,
    EventKind::PollEnded,
    EventKind::Parked,
    EventKind::Unparked,
    EventKind::Replaced,
    EventKind::Cancelled,
    EventKind::Escalated,
    EventKind::TimerArmed,
    EventKind::TimerFired,
];

/// In the order of their discriminants.
const ENDS: [PollEnd; 5] = [
    PollEnd::Pending,
    PollEnd::Yielded,
    PollEnd::Ready,
    PollEnd::Panicked,
    PollEnd::Cancelled,
];

const TELLER_AT: u32 = 4;
const REST_AT: u32 = 21;

/// More than [`Packed::teller`] ever gives.
pub(super) const MOST_TELLERS: usize = 1 << (REST_AT - TELLER_AT);

/// The largest number that the rest can hold. As microseconds that is 101 days.
const MOST: u64 = u64::MAX >> REST_AT;

impl EventKind {
    /// Which kind of event was packed.
    #[inline]
    pub(in crate::observe) fn of(what: u64) -> EventKind {
        KINDS[number(what)]
    }

    /// The kinds that this one is told right after by the same thread, with next to nothing in
    /// between, and with nothing that another thread could have done meanwhile: in its own queue,
    /// a worker finds what it has put there itself.
    const fn comes_at_once_after(self) -> &'static [EventKind] {
        match self {
            EventKind::ScheduledNext | EventKind::ScheduledLast | EventKind::ScheduledToChannel => {
                &[EventKind::Spawned, EventKind::TimerFired]
            }
            EventKind::PollEnded => &[EventKind::ScheduledLast],
            EventKind::TakenFromItsOwn => &[EventKind::PollEnded],
            EventKind::PollStarted => &[
                EventKind::TakenFromItsOwn,
                EventKind::TakenFromChannel,
                EventKind::TakenFromOther,
            ],
            _ => &[],
        }
    }
}

/// The same as bits, by the number of the kind: asked for each event.
const AT_ONCE_AFTER: [u16; 16] = {
    let mut sets = [0; 16];
    let mut kind = 0;
    while kind < KINDS.len() {
        let mut before = KINDS[kind].comes_at_once_after();
        while let [first, rest @ ..] = before {
            sets[kind] |= 1 << *first as u16;
            before = rest;
        }
        kind += 1;
    }
    sets
};

impl Packed {
    #[inline]
    pub(in crate::observe) fn of(event: &Event) -> Packed {
        let pack = |kind, task: TaskId, by: Option<WorkerId>, rest| Packed {
            task: task.0,
            what: what(kind, by, rest),
        };
        match *event {
            Event::Spawned {
                task,
                queue,
                by,
                spawned_at: _,
            } => pack(EventKind::Spawned, task, by, queue.0.into()),
            Event::Scheduled {
                task,
                queue,
                by,
                to,
            } => {
                let kind = match to {
                    Placement::NextSlot => EventKind::ScheduledNext,
                    Placement::Deque => EventKind::ScheduledLast,
                    Placement::Channel => EventKind::ScheduledToChannel,
                };
                pack(kind, task, by, queue.0.into())
            }
            Event::Taken {
                task,
                queue,
                worker,
                from,
            } => {
                let (kind, from) = match from {
                    Source::Local => (EventKind::TakenFromItsOwn, 0),
                    Source::Channel => (EventKind::TakenFromChannel, 0),
                    Source::Worker(other) => (EventKind::TakenFromOther, other.0),
                };
                let rest = u64::from(queue.0) | u64::from(from) << 16;
                pack(kind, task, Some(worker), rest)
            }
            Event::PollStarted { task, worker } => {
                pack(EventKind::PollStarted, task, Some(worker), 0)
            }
            Event::PollEnded { task, worker, end } => {
                pack(EventKind::PollEnded, task, Some(worker), end as u64)
            }
            Event::Cancelled { task, by } => pack(EventKind::Cancelled, task, by, 0),
            Event::Escalated { task, by } => pack(EventKind::Escalated, task, by, 0),
            Event::TimerArmed { task, by, after_us } => {
                pack(EventKind::TimerArmed, task, by, after_us.min(MOST))
            }
            Event::TimerFired { task } => pack(EventKind::TimerFired, task, None, 0),
            Event::Parked { worker } => pack(EventKind::Parked, NO_TASK, Some(worker), 0),
            Event::Unparked { worker } => pack(EventKind::Unparked, NO_TASK, Some(worker), 0),
            Event::Replaced { worker } => pack(EventKind::Replaced, NO_TASK, Some(worker), 0),
        }
    }

    #[inline]
    pub(in crate::observe) fn kind(self) -> EventKind {
        EventKind::of(self.what)
    }

    /// Whether it is told right after an event that this was packed of, by the same thread: see
    /// [`EventKind::comes_at_once_after`].
    #[inline]
    pub(in crate::observe) fn comes_at_once_after(self, what: u64) -> bool {
        let is_next = || EventKind::of(what) == EventKind::ScheduledNext;
        AT_ONCE_AFTER[number(self.what)] >> number(what) & 1 == 1
            || self.ends_a_yield() && is_next()
    }

    /// Whether it is the end of a poll that has yielded. The task that was scheduled last before it
    /// is this one, after all else in the poll.
    #[inline]
    fn ends_a_yield(self) -> bool {
        self.kind() == EventKind::PollEnded && self.what >> REST_AT == PollEnd::Yielded as u64
    }

    /// The worker on whose thread it happened, counted from 1; 0 is no worker.
    #[inline]
    pub(super) fn teller(self) -> usize {
        (self.what >> TELLER_AT) as usize % MOST_TELLERS
    }

    /// The event again, if it is given the place that belongs to it: see [`spawned_at`]. Of numbers
    /// that no event was packed into, it makes one that means nothing.
    pub(super) fn event(self, place: Option<&'static Location<'static>>) -> Event {
        let task = TaskId(self.task);
        let rest = self.what >> REST_AT;
        let queue = QueueId(rest as u16);
        let by = self.teller().checked_sub(1).map(|id| WorkerId(id as u16));
        let worker = by.unwrap_or(WorkerId(0));
        let scheduled = |to| Event::Scheduled {
            task,
            queue,
            by,
            to,
        };
        let taken = |from| Event::Taken {
            task,
            queue,
            worker,
            from,
        };
        match self.kind() {
            EventKind::Spawned => Event::Spawned {
                task,
                queue,
                by,
                spawned_at: place.unwrap_or(Location::caller()),
            },
            EventKind::ScheduledNext => scheduled(Placement::NextSlot),
            EventKind::ScheduledLast => scheduled(Placement::Deque),
            EventKind::ScheduledToChannel => scheduled(Placement::Channel),
            EventKind::TakenFromItsOwn => taken(Source::Local),
            EventKind::TakenFromChannel => taken(Source::Channel),
            EventKind::TakenFromOther => taken(Source::Worker(WorkerId((rest >> 16) as u16))),
            EventKind::PollStarted => Event::PollStarted { task, worker },
            EventKind::PollEnded => Event::PollEnded {
                task,
                worker,
                end: ENDS[rest as usize % ENDS.len()],
            },
            EventKind::Parked => Event::Parked { worker },
            EventKind::Unparked => Event::Unparked { worker },
            EventKind::Replaced => Event::Replaced { worker },
            EventKind::Cancelled => Event::Cancelled { task, by },
            EventKind::Escalated => Event::Escalated { task, by },
            EventKind::TimerArmed => Event::TimerArmed {
                task,
                by,
                after_us: if rest == MOST { u64::MAX } else { rest },
            },
            EventKind::TimerFired => Event::TimerFired { task },
        }
    }
}

/// The part of an event that is not packed.
#[inline]
pub(super) fn spawned_at(event: &Event) -> Option<&'static Location<'static>> {
    match event {
        Event::Spawned { spawned_at, .. } => Some(spawned_at),
        _ => None,
    }
}

const NO_TASK: TaskId = TaskId(0);

/// The number of the kind.
#[inline]
fn number(what: u64) -> usize {
    (what % 16) as usize
}

#[inline]
fn what(kind: EventKind, by: Option<WorkerId>, rest: u64) -> u64 {
    let teller = by.map_or(0, |worker| u64::from(worker.0) + 1);
    kind as u64 | teller << TELLER_AT | rest << REST_AT
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId(u64::MAX);
    const FAR: WorkerId = WorkerId(u16::MAX);
    const QUEUE: QueueId = QueueId(u16::MAX - 1);

    /// One of each, with the largest numbers there are.
    fn events() -> Vec<Event> {
        let mut events = vec![
            Event::Parked { worker: FAR },
            Event::Unparked { worker: FAR },
            Event::Replaced { worker: FAR },
            Event::TimerFired { task: TASK },
            Event::PollStarted {
                task: TASK,
                worker: FAR,
            },
        ];
        events.extend(ENDS.map(|end| Event::PollEnded {
            task: TASK,
            worker: FAR,
            end,
        }));
        let sources = [Source::Local, Source::Channel, Source::Worker(FAR)];
        events.extend(sources.map(|from| Event::Taken {
            task: TASK,
            queue: QUEUE,
            worker: FAR,
            from,
        }));
        for by in [None, Some(WorkerId(0)), Some(FAR)] {
            events.extend(told_by(by));
        }
        events
    }

    fn told_by(by: Option<WorkerId>) -> Vec<Event> {
        let placements = [Placement::NextSlot, Placement::Deque, Placement::Channel];
        let mut events: Vec<Event> = placements
            .map(|to| Event::Scheduled {
                task: TASK,
                queue: QUEUE,
                by,
                to,
            })
            .into();
        events.extend(
            [0, 1, MOST - 1, u64::MAX].map(|after_us| Event::TimerArmed {
                task: TASK,
                by,
                after_us,
            }),
        );
        events.extend([
            Event::Cancelled { task: TASK, by },
            Event::Escalated { task: TASK, by },
            Event::Spawned {
                task: TASK,
                queue: QUEUE,
                by,
                spawned_at: Location::caller(),
            },
        ]);
        events
    }

    fn packed_and_unpacked(event: Event) -> Event {
        Packed::of(&event).event(spawned_at(&event))
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        for event in events() {
            assert_eq!(packed_and_unpacked(event), event);
        }
    }

    /// A task that is woken runs next as well, long before the end of the poll that has woken it.
    #[test]
    fn a_poll_that_yields_ends_at_once_when_its_task_is_scheduled_to_run_next() {
        let scheduled = Packed::of(&Event::Scheduled {
            task: TASK,
            queue: QUEUE,
            by: Some(FAR),
            to: Placement::NextSlot,
        });
        let at_once = |end| {
            let ended = Event::PollEnded {
                task: TASK,
                worker: FAR,
                end,
            };
            Packed::of(&ended).comes_at_once_after(scheduled.what)
        };
        assert_eq!(ENDS.map(at_once), [false, true, false, false, false]);
    }

    #[test]
    fn the_kinds_stand_in_the_order_of_their_numbers() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }

    #[test]
    fn a_wait_that_is_too_long_to_be_kept_is_for_ever() {
        let armed = |after_us| Event::TimerArmed {
            task: TASK,
            by: None,
            after_us,
        };
        assert_eq!(packed_and_unpacked(armed(MOST)), armed(u64::MAX));
    }

    #[test]
    fn any_numbers_make_an_event() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let packed = Packed {
                task: rng.u64(..),
                what: rng.u64(..),
            };
            let _means_nothing = packed.event(None);
        }
    }
}
