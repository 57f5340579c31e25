//! A ring of events that one thread at a time writes and any thread reads, without a wait.
//!
//! A lock for each event would cost more than all the rest: 10 ns, twice what it takes to write
//! one. So the slots are made of atomics, and the count of events tells what is in them: an event
//! counts when it has been written, and a reader that has copied slots looks at the count once
//! more, to throw away what may have been overwritten meanwhile.
//!
//! The slots lie in chunks that are allocated when they are reached and then used again and
//! again: nothing grows, nothing is moved, and no allocation is larger than a chunk.

use std::ops::Range;
use std::panic::Location;
use std::sync::OnceLock;

use super::packed::Packed;
use crate::ground::sync::{AtomicCell, AtomicU64, AtomicUsize, Ordering, fence};

/// How many events a chunk holds: 16 kB of them.
pub(super) const CHUNK: usize = 512;

/// The last events that were pushed.
pub(super) struct Ring<const N: usize = CHUNK> {
    /// How many events were ever pushed. Written by the writer alone.
    pushed: AtomicU64,
    /// The chunk that the next event goes into, unless it begins one. The writer's own, so as not
    /// to divide for each event.
    filling: AtomicUsize,
    /// One more than what is promised to be kept: it is the one that is being overwritten.
    chunks: Box<[OnceLock<Box<[RingSlot; N]>>]>,
}

/// An event and its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamped {
    pub(super) at: u64,
    pub(super) event: Packed,
    /// The part of the event that is not packed.
    pub(super) place: Option<&'static Location<'static>>,
}

#[derive(Default)]
struct RingSlot {
    at: AtomicU64,
    task: AtomicU64,
    what: AtomicU64,
    /// Written with a spawn alone, and of no meaning beside other events.
    place: AtomicCell<Option<&'static Location<'static>>>,
}

impl<const N: usize> Ring<N> {
    /// A ring that keeps the last `capacity` events, rounded up to whole chunks.
    pub(super) fn new(capacity: usize) -> Ring<N> {
        let chunks = capacity.div_ceil(N).max(1) + 1;
        Ring {
            pushed: AtomicU64::new(0),
            filling: AtomicUsize::new(0),
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Whether there is room for an event in the chunk that is being filled.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        !self.pushed.load(Ordering::Relaxed).is_multiple_of(N as u64)
    }

    /// Begins a chunk, on top of the oldest events if there is no other: the one that was being
    /// filled is full.
    #[cold]
    pub(super) fn make_room(&self) {
        let filling = self.chunk_of(self.pushed.load(Ordering::Relaxed));
        self.chunks[filling].get_or_init(new_chunk);
        self.filling.store(filling, Ordering::Relaxed);
    }

    /// Adds an event where there is [room](Ring::has_room), or has just been made. To be called
    /// by one thread at a time: if two call it at once, some events are lost and others make no
    /// sense.
    #[inline]
    pub(super) fn push(&self, event: Stamped) {
        // Relaxed: this thread has written it, or one that has since handed the ring over.
        let pushed = self.pushed.load(Ordering::Relaxed);
        let filling = self.filling.load(Ordering::Relaxed);
        let chunk = self.chunks[filling].get();
        let chunk = chunk.expect("a chunk is made when it is begun");
        // Pairs with the fence in `read`: a thread that reads anything of this event sees the count
        // of those before it, and so that the event which lay here is gone. Costs nothing on x86.
        fence(Ordering::Release);
        chunk[pushed as usize % N].write(event);
        // Release; pairs with the Acquire in `read`.
        self.pushed.store(pushed + 1, Ordering::Release);
    }

    /// The chunk that an event goes into, by its number.
    fn chunk_of(&self, event: u64) -> usize {
        (event / N as u64 % self.chunks.len() as u64) as usize
    }

    /// The last events in their order, from the one with this number on, and how many came before
    /// them. The writer goes on meanwhile; what it overwrites before it has been read is among
    /// those before.
    pub(super) fn read_from(&self, number: u64) -> (Vec<Stamped>, u64) {
        let end = self.pushed.load(Ordering::Acquire);
        let kept = (self.chunks.len() - 1) * N;
        let mut first = end.saturating_sub(kept as u64).max(number.min(end));
        let mut events = Vec::with_capacity((end - first) as usize);
        let mut next = first;
        while next < end {
            let stop = end.min((next / N as u64 + 1) * N as u64);
            self.copy(next..stop, &mut events);
            fence(Ordering::Acquire);
            let intact = self.first_intact().min(stop);
            if intact > next {
                // Not only what was torn, but all before it too: there is to be no gap.
                events.drain(..(intact - first) as usize);
                first = intact;
            }
            next = stop;
        }
        (events, first)
    }

    /// Copies events that lie in one chunk.
    fn copy(&self, numbers: Range<u64>, events: &mut Vec<Stamped>) {
        let chunk = self.chunks[self.chunk_of(numbers.start)].get();
        let chunk = chunk.expect("a chunk is made before its first event counts");
        let within = numbers.start as usize % N;
        let slots = &chunk[within..within + (numbers.end - numbers.start) as usize];
        events.extend(slots.iter().map(RingSlot::read));
    }

    /// The number of the oldest event that is certainly whole. The one that is being written now
    /// does not count yet.
    fn first_intact(&self) -> u64 {
        let begun = self.pushed.load(Ordering::Relaxed) + 1;
        begun.saturating_sub((self.chunks.len() * N) as u64)
    }
}

/// Made in its place: as an array it would be moved there.
fn new_chunk<const N: usize>() -> Box<[RingSlot; N]> {
    let slots: Vec<RingSlot> = (0..N).map(|_| RingSlot::default()).collect();
    let chunk = slots.try_into().ok();
    chunk.expect("there are as many slots as the chunk has")
}

impl RingSlot {
    // Relaxed, both ways: the count of events says what may be relied upon.

    #[inline]
    fn write(&self, Stamped { at, event, place }: Stamped) {
        self.at.store(at, Ordering::Relaxed);
        self.task.store(event.task, Ordering::Relaxed);
        self.what.store(event.what, Ordering::Relaxed);
        if place.is_some() {
            self.place.store(place);
        }
    }

    fn read(&self) -> Stamped {
        Stamped {
            at: self.at.load(Ordering::Relaxed),
            event: Packed {
                task: self.task.load(Ordering::Relaxed),
                what: self.what.load(Ordering::Relaxed),
            },
            place: self.place.load(),
        }
    }
}

#[cfg(all(test, loom))]
mod model;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Its number, over and over, so that it shows if it is torn.
    fn event(number: u64) -> Stamped {
        Stamped {
            at: number,
            event: Packed {
                task: number,
                what: number,
            },
            place: None,
        }
    }

    fn push<const N: usize>(ring: &Ring<N>, number: u64) {
        if !ring.has_room() {
            ring.make_room();
        }
        ring.push(event(number));
    }

    /// The numbers of the events that were read, which are whole.
    fn numbers<const N: usize>(ring: &Ring<N>) -> (Vec<u64>, u64) {
        let (events, before) = ring.read_from(0);
        let number = |Stamped { at, event, .. }: Stamped| {
            assert_eq!([event.task, event.what], [at; 2], "torn");
            at
        };
        (events.into_iter().map(number).collect(), before)
    }

    #[test]
    fn the_last_events_are_kept_and_those_before_counted() {
        let ring: Ring<4> = Ring::new(8);
        for pushed in 0..100 {
            let kept = pushed.min(8);
            let expected: Vec<u64> = (pushed - kept..pushed).collect();
            assert_eq!(numbers(&ring), (expected, pushed - kept));
            push(&ring, pushed);
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_has_come_to() {
        let ring: Ring<4> = Ring::new(8);
        let numbers = |from| {
            let (events, before) = ring.read_from(from);
            assert_eq!(events.first().map_or(before, |first| first.at), before);
            (events.len(), before)
        };
        (0..5).for_each(|number| push(&ring, number));
        assert_eq!(numbers(3), (2, 3));
        assert_eq!(numbers(5), (0, 5));
        (5..20).for_each(|number| push(&ring, number));
        assert_eq!(numbers(5), (8, 12), "what was overwritten came before");
    }

    #[test]
    fn a_capacity_is_rounded_up_to_whole_chunks() {
        for (capacity, kept) in [(0, 4), (1, 4), (4, 4), (5, 8)] {
            let ring: Ring<4> = Ring::new(capacity);
            (0..100).for_each(|number| push(&ring, number));
            assert_eq!(numbers(&ring).0.len(), kept);
        }
    }

    #[test]
    fn what_is_read_while_others_are_written_is_whole_and_without_a_gap() {
        const MANY: u64 = 300_000;
        let ring: Ring<4> = Ring::new(64);
        thread::scope(|scope| {
            let writer = scope.spawn(|| (0..MANY).for_each(|number| push(&ring, number)));
            while !writer.is_finished() {
                let (numbers, before) = numbers(&ring);
                assert!(numbers.len() <= 64);
                let expected: Vec<u64> = (before..before + numbers.len() as u64).collect();
                assert_eq!(numbers, expected);
            }
        });
        assert_eq!(numbers(&ring), ((MANY - 64..MANY).collect(), MANY - 64));
    }

    #[test]
    fn a_chunk_is_made_when_it_is_reached() {
        let ring: Ring<4> = Ring::new(1_000_000);
        (0..5).for_each(|number| push(&ring, number));
        let made = ring.chunks.iter().filter(|chunk| chunk.get().is_some());
        assert_eq!(made.count(), 2);
    }
}
