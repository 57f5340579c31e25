//! The room: its guests, and the lines that wait for each of them.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

/// The most lines that wait for one guest. One that is slower has to leave: the others do not wait.
const LINES: usize = 64;

/// A room that guests enter. Clones are the same room.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Guests>>);

#[derive(Default)]
struct Guests {
    /// The number of the last one that came.
    last: u64,
    outboxes: BTreeMap<u64, Outbox>,
}

/// The lines that wait for a guest.
#[derive(Default)]
struct Outbox {
    lines: VecDeque<Arc<str>>,
    /// The guest's task, which waits for a line.
    waker: Option<Waker>,
}

/// A guest's place in the room. Dropped, the guest has left.
pub(crate) struct Seat {
    room: Room,
    pub(crate) number: u64,
}

impl Room {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self) -> Seat {
        let mut guests = self.guests();
        guests.last += 1;
        let number = guests.last;
        guests.outboxes.insert(number, Outbox::default());
        drop(guests);
        self.tell_count();
        Seat {
            room: self.clone(),
            number,
        }
    }

    /// Tells all that are there.
    pub(crate) fn tell(&self, message: &Value) {
        let line: Arc<str> = message.to_string().into();
        let mut guests = self.guests();
        let wakers: Vec<_> = guests
            .outboxes
            .values_mut()
            .filter_map(|outbox| {
                // One line more than fits tells the guest's task that it was too slow.
                if outbox.lines.len() <= LINES {
                    outbox.lines.push_back(line.clone());
                }
                outbox.waker.take()
            })
            .collect();
        // Unlock before waking: a task's first act is to take this lock.
        drop(guests);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn tell_count(&self) {
        let count = self.guests().outboxes.len();
        self.tell(&json!({ "here": count }));
    }
}

impl Seat {
    /// Waits for the next line. None: too many have come.
    pub(crate) async fn next(&self) -> Option<Arc<str>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Arc<str>>> {
        let mut guests = self.room.guests();
        let outbox = guests.outboxes.get_mut(&self.number);
        let outbox = outbox.expect("a guest has its place until it leaves");
        if outbox.lines.len() > LINES {
            return Poll::Ready(None);
        }
        match outbox.lines.pop_front() {
            Some(line) => Poll::Ready(Some(line)),
            None => {
                outbox.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let outbox = self.room.guests().outboxes.remove(&self.number);
        drop(outbox);
        self.room.tell_count();
    }
}
