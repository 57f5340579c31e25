//! The timer wheel: which sleeper is due when, in constant time however many there are.
//!
//! A wheel has levels of 64 slots. A slot of the lowest level holds what is due at one tick; a slot
//! of the next level what is due within 64 ticks, and so on. A sleeper that is due far away waits
//! in a high level and moves down as its time comes near, once for each level at most. To insert,
//! to cancel and to expire a sleeper each touch a handful of words.
//!
//! The scheme is Varghese and Lauck's ("Hashed and hierarchical timing wheels", 1987), in the
//! form that the Linux kernel and tokio use, with lists linked by index instead of by pointer.
//!
//! The wheel knows ticks; it reads no clock and starts no thread. Read `timer.rs` next.

use std::num::NonZeroU32;
use std::task::Waker;

use crate::ground::growth::Table;

/// A point on the wheel. The worth of a tick is the timer's business.
pub(crate) type Tick = u64;

/// A sleeper's place, given at its insertion. Of use until the wheel has turned past `due`, which
/// takes the sleeper out; from then on the place may be another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SleeperKey {
    /// One more than the index among the sleepers: with a number left over for sleeps that hold no
    /// key, which makes a sleep a word smaller.
    place: NonZeroU32,
    due: Tick,
}

impl SleeperKey {
    fn new(index: u32, due: Tick) -> SleeperKey {
        let place = NonZeroU32::MIN.saturating_add(index);
        SleeperKey { place, due }
    }

    fn index(self) -> u32 {
        self.place.get() - 1
    }

    /// The tick at which the sleeper is taken out.
    pub(crate) fn due(self) -> Tick {
        self.due
    }
}

/// Slots of a level. Their occupancy is one word.
const SLOTS: usize = 64;
const BITS_PER_LEVEL: u32 = SLOTS.trailing_zeros();

/// Enough levels for every tick there is.
const LEVELS: usize = Tick::BITS.div_ceil(BITS_PER_LEVEL) as usize;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The sleepers, by the times at which they are due.
#[derive(Debug)]
pub(crate) struct Wheel {
    levels: Box<[Level; LEVELS]>,
    sleepers: Table<Sleeper>,
    /// Everything due before or at this tick has been taken out.
    now: Tick,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    /// A bit for each slot that is not empty.
    occupied: u64,
    /// The first sleeper of each slot's list.
    heads: [u32; SLOTS],
}

#[derive(Debug)]
struct Sleeper {
    due: Tick,
    waker: Waker,
    previous: u32,
    next: u32,
}

/// A slot: which level, and which of its 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    level: usize,
    index: usize,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        let empty = Level {
            occupied: 0,
            heads: [NONE; SLOTS],
        };
        Wheel {
            levels: Box::new([empty; LEVELS]),
            sleepers: Table::new(),
            now: 0,
        }
    }

    /// How far it has turned: everything due before or at this tick has been taken out.
    pub(crate) fn now(&self) -> Tick {
        self.now
    }

    /// How many sleep.
    pub(crate) fn len(&self) -> usize {
        self.sleepers.len()
    }

    /// Enters a sleeper. Due at a tick that has passed, it expires at the next turn.
    pub(crate) fn insert(&mut self, due: Tick, waker: Waker) -> SleeperKey {
        // The turn takes out what is due after `now`.
        let due = due.max(self.now + 1);
        let sleeper = Sleeper {
            due,
            waker,
            previous: NONE,
            next: NONE,
        };
        let index = u32::try_from(self.sleepers.insert(sleeper)).ok();
        let index = index.filter(|&index| index != NONE);
        let index = index.expect("fewer sleepers than a key can tell apart");
        self.link(index, self.slot_for(due));
        SleeperKey::new(index, due)
    }

    /// Takes a sleeper out before its time. `None`: its time has come already.
    pub(crate) fn remove(&mut self, key: SleeperKey) -> Option<Waker> {
        if key.due <= self.now {
            return None;
        }
        self.unlink(key.index(), self.slot_for(key.due));
        Some(self.sleepers.remove(key.index() as usize).waker)
    }

    /// The waker of a sleeper, to look at or to replace. `None`: its time has come already.
    pub(crate) fn waker_mut(&mut self, key: SleeperKey) -> Option<&mut Waker> {
        let asleep = key.due > self.now;
        asleep.then(|| &mut self.sleepers[key.index() as usize].waker)
    }

    /// The next tick at which something is to be done: a sleeper is due, or has to move down.
    pub(crate) fn next_turn(&self) -> Option<Tick> {
        let slot = self.first_slot()?;
        Some(self.start_of(slot))
    }

    /// Turns the wheel on to `now` and gives the wakers of the sleepers that are due by then.
    pub(crate) fn turn_to(&mut self, now: Tick, due: &mut Vec<Waker>) {
        while let Some(slot) = self.first_slot() {
            let start = self.start_of(slot);
            if start > now {
                break;
            }
            self.empty(slot, start, due);
        }
        self.now = self.now.max(now);
    }

    /// Empties a slot whose time has come: sleepers that are due are woken, the others move down.
    fn empty(&mut self, slot: Slot, start: Tick, due: &mut Vec<Waker>) {
        let level = &mut self.levels[slot.level];
        level.occupied &= !(1 << slot.index);
        let mut index = std::mem::replace(&mut level.heads[slot.index], NONE);
        while index != NONE {
            let sleeper = self.sleeper(index);
            let (next, is_due) = (sleeper.next, sleeper.due == start);
            if is_due {
                due.push(self.sleepers.remove(index as usize).waker);
            } else {
                self.now = start;
                let lower = self.slot_for(self.sleeper(index).due);
                debug_assert!(lower.level < slot.level, "{lower:?} is not below {slot:?}");
                self.link(index, lower);
            }
            index = next;
        }
        self.now = start;
    }

    /// The slot for a sleeper that is due after `now`: on the level of the highest digit, in base
    /// 64, in which the two ticks differ.
    fn slot_for(&self, due: Tick) -> Slot {
        debug_assert!(
            due > self.now,
            "due at {due}, which is not after {}",
            self.now
        );
        let highest_difference = Tick::BITS - 1 - (due ^ self.now).leading_zeros();
        let level = (highest_difference / BITS_PER_LEVEL) as usize;
        let digit = due >> (level as u32 * BITS_PER_LEVEL);
        Slot {
            level,
            index: digit as usize % SLOTS,
        }
    }

    /// The slot whose time comes first. On each level all occupied slots lie ahead of `now`, and
    /// those of a lower level come before those of a higher one.
    fn first_slot(&self) -> Option<Slot> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        let index = self.levels[level].occupied.trailing_zeros() as usize;
        Some(Slot { level, index })
    }

    /// The first tick of a slot that lies ahead.
    fn start_of(&self, slot: Slot) -> Tick {
        let shift = slot.level as u32 * BITS_PER_LEVEL;
        // The digits of `now` above this level, then this slot's, then zeros.
        let above = self.now.checked_shr(shift + BITS_PER_LEVEL).unwrap_or(0);
        let above = above.checked_shl(shift + BITS_PER_LEVEL).unwrap_or(0);
        above | (slot.index as Tick) << shift
    }

    fn sleeper(&self, index: u32) -> &Sleeper {
        &self.sleepers[index as usize]
    }

    fn link(&mut self, index: u32, slot: Slot) {
        let level = &mut self.levels[slot.level];
        level.occupied |= 1 << slot.index;
        let next = std::mem::replace(&mut level.heads[slot.index], index);
        if next != NONE {
            self.sleepers[next as usize].previous = index;
        }
        let sleeper = &mut self.sleepers[index as usize];
        sleeper.previous = NONE;
        sleeper.next = next;
    }

    fn unlink(&mut self, index: u32, slot: Slot) {
        let sleeper = self.sleeper(index);
        let (previous, next) = (sleeper.previous, sleeper.next);
        if next != NONE {
            self.sleepers[next as usize].previous = previous;
        }
        let level = &mut self.levels[slot.level];
        if previous != NONE {
            self.sleepers[previous as usize].next = next;
        } else {
            level.heads[slot.index] = next;
            if next == NONE {
                level.occupied &= !(1 << slot.index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Wake;

    /// Remembers that it was woken.
    struct Flag(AtomicU64);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flag() -> (Arc<Flag>, Waker) {
        let flag = Arc::new(Flag(AtomicU64::new(0)));
        (flag.clone(), flag.into())
    }

    fn wakes(flag: &Flag) -> u64 {
        flag.0.load(Ordering::Relaxed)
    }

    /// Turns the wheel and wakes; gives how many.
    fn turn(wheel: &mut Wheel, now: Tick) -> usize {
        let mut due = Vec::new();
        wheel.turn_to(now, &mut due);
        let count = due.len();
        due.into_iter().for_each(Waker::wake);
        count
    }

    #[test]
    fn everyone_wakes_at_the_tick_that_was_asked_for() {
        let dues = [1, 2, 63, 64, 65, 4095, 4096, 4097, 1 << 30, Tick::MAX];
        let mut wheel = Wheel::new();
        let flags = dues.map(|due| {
            let (flag, waker) = flag();
            wheel.insert(due, waker);
            flag
        });
        for (due, flag) in dues.into_iter().zip(flags) {
            turn(&mut wheel, due - 1);
            assert_eq!(wakes(&flag), 0, "due at {due}, woken before");
            assert_eq!(turn(&mut wheel, due), 1);
            assert_eq!(wakes(&flag), 1, "due at {due}, not woken then");
        }
        assert_eq!(wheel.len(), 0);
        assert_eq!(wheel.next_turn(), None);
    }

    #[test]
    fn the_next_turn_is_never_after_anyone_is_due() {
        let mut wheel = Wheel::new();
        let (_, waker) = flag();
        wheel.insert(100_000, waker);
        let mut turns = 0;
        while let Some(next) = wheel.next_turn() {
            assert!(next <= 100_000);
            turn(&mut wheel, next);
            turns += 1;
        }
        assert!(
            turns <= 3,
            "moved down {turns} times from a distance of three digits"
        );
    }

    #[test]
    fn what_is_due_in_the_past_wakes_at_the_next_turn() {
        let mut wheel = Wheel::new();
        turn(&mut wheel, 1000);
        let (flag, waker) = flag();
        wheel.insert(10, waker);
        turn(&mut wheel, 1001);
        assert_eq!(wakes(&flag), 1);
    }

    #[test]
    fn the_removed_are_not_woken_and_late_keys_do_no_harm() {
        let mut wheel = Wheel::new();
        let (gone, waker) = flag();
        let key = wheel.insert(500, waker);
        assert!(wheel.remove(key).is_some());
        let (early, waker) = flag();
        let spent = wheel.insert(5, waker);
        turn(&mut wheel, 5);
        let (late, waker) = flag();
        wheel.insert(600, waker);
        assert!(
            wheel.remove(spent).is_none(),
            "its place is another's by now"
        );
        turn(&mut wheel, 1000);
        assert_eq!([&gone, &early, &late].map(|flag| wakes(flag)), [0, 1, 1]);
    }

    #[test]
    fn the_memory_of_a_crowd_is_given_back_beside_one_that_sleeps_on() {
        const CROWD: usize = 100_000;
        let mut wheel = Wheel::new();
        let crowd = |wheel: &mut Wheel| -> Vec<SleeperKey> {
            let keys = (0..CROWD).map(|_| wheel.insert(500, Waker::noop().clone()));
            keys.collect()
        };
        let early = wheel.insert(1000, Waker::noop().clone());
        let keys = crowd(&mut wheel);
        keys.into_iter().for_each(|key| drop(wheel.remove(key)));
        assert!(wheel.sleepers.capacity() < 4096, "kept after the removals");
        crowd(&mut wheel);
        let late = wheel.insert(1000, Waker::noop().clone());
        assert_eq!(turn(&mut wheel, 500), CROWD);
        assert!(wheel.sleepers.capacity() < 4096, "kept after all were due");
        assert!(wheel.remove(early).is_some() && wheel.remove(late).is_some());
    }

    /// Against a model: a list that is searched.
    #[test]
    fn any_order_of_inserts_removes_and_turns_agrees_with_a_list() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut wheel = Wheel::new();
            let mut list: Vec<(Tick, SleeperKey, Arc<Flag>)> = Vec::new();
            let mut now = 0;
            for _ in 0..300 {
                match rng.u32(0..3) {
                    0 | 1 => {
                        let distance = 1 << rng.u32(1..30);
                        let due = now + rng.u64(0..distance);
                        let (flag, waker) = flag();
                        let key = wheel.insert(due, waker);
                        list.push((due.max(now + 1), key, flag));
                    }
                    _ if !list.is_empty() && rng.bool() => {
                        let (_, key, flag) = list.swap_remove(rng.usize(..list.len()));
                        assert!(wheel.remove(key).is_some());
                        assert_eq!(wakes(&flag), 0);
                    }
                    _ => {
                        let step = 1 << rng.u32(1..20);
                        now += rng.u64(0..step);
                        turn(&mut wheel, now);
                        let woken = list.extract_if(.., |(due, ..)| *due <= now);
                        assert!(woken.into_iter().all(|(.., flag)| wakes(&flag) == 1));
                        assert!(list.iter().all(|(.., flag)| wakes(flag) == 0));
                    }
                }
                assert_eq!(wheel.len(), list.len());
            }
        }
    }
}
