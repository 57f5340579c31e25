//! Takes certain tasks out of a queue, wherever they lie in it: those that were raised, and those
//! that a thread joins.
//!
//! Since neither a deque nor a channel lets a task out of its middle, all tasks are taken out, and
//! those that are not wanted are put back in their order. Joined tasks are picked only where few
//! tasks lie. Each channel and each local queue carries a
//! [`SiftMark`](crate::ground::sift_mark::SiftMark), by which a worker knows what is left to sift.
//! This file never decides when to look, and never polls a task. Read `worker/sifter.rs` next.

use super::{Contents, LocalQueue, Queue, Runnable, Stealable};
use crate::executor::runnable::IsWanted;
use crate::ground::ids::QueueId;
use crate::ground::sift_mark::is_older;
use crate::ground::sync::unmodelled::Ring;

/// From a deque or a channel with more tasks than this, none is picked: the way out and back of all
/// would cost more than a thread does.
const MOST_TO_PICK_AMONG: usize = 256;

fn is_raised(runnable: &Runnable) -> bool {
    runnable.metadata().queue_by_loans() == QueueId::HIGH
}

impl LocalQueue {
    /// Takes the raised tasks out. The task in the next-slot, too: another might displace it.
    pub(in crate::executor) fn sift(&mut self, raised: &mut Vec<Runnable>) {
        match self.take_next() {
            Some(next) if is_raised(&next) => raised.push(next),
            Some(next) => self.put_back_next(next),
            None => {}
        }
        let (found, others) = self.empty_deque(&is_raised);
        raised.extend(found);
        self.refill(others);
    }

    pub(in crate::executor) fn mark_sifted(&self, at: u32) {
        self.shown.sifted_at.set(at);
    }

    /// Puts a task back that was just taken from the next-slot.
    fn put_back_next(&mut self, runnable: Runnable) {
        self.contents = self.contents.with(Contents::IN_NEXT_SLOT);
        self.shown.next.fill(runnable);
    }

    /// Takes the wanted task that is nearest to its turn. Others that are wanted are moved to the
    /// front of the deque, so that the next calls find them there; a task in the next-slot that is
    /// not wanted goes to the deque's back.
    pub(in crate::executor) fn pick(&mut self, is_wanted: IsWanted<'_>) -> Option<Runnable> {
        if let Some(next) = self.take_next() {
            if is_wanted(&next) {
                return Some(next);
            }
            // Not about to run, since the worker stays with the tasks that are wanted. In the
            // deque, other workers may have it.
            self.push_back(next);
        }
        if self.deque.len() > MOST_TO_PICK_AMONG {
            return None;
        }
        let first = self.deque.pop()?;
        if is_wanted(&first) {
            return Some(first);
        }
        let (wanted, others) = self.empty_deque(is_wanted);
        let mut wanted = wanted.into_iter();
        let picked = wanted.next();
        self.refill(wanted.chain([first]).chain(others));
        picked
    }

    /// Takes all tasks out of the deque: the wanted, and the others.
    fn empty_deque(&mut self, is_wanted: IsWanted<'_>) -> (Vec<Runnable>, Vec<Runnable>) {
        std::iter::from_fn(|| self.deque.pop()).partition(is_wanted)
    }
}

impl Queue {
    pub(in crate::executor) fn sifted_at(&self) -> u32 {
        self.sifted_at.get()
    }

    /// Takes the raised tasks out of the channel. `false`: that has been done since `at`.
    pub(in crate::executor) fn sift(&self, at: u32, raised: &mut Vec<Runnable>) -> bool {
        let is_due = is_older(self.sifted_at.get(), at);
        if is_due {
            raised.extend(self.extract(&is_raised, Ring::new()));
            self.sifted_at.set(at);
        }
        is_due
    }

    /// Takes the raised tasks out of the channel, and out of the hands of workers that have not
    /// sifted them since. The others of these go to the front of the channel: their worker may be
    /// within a long poll, or a nice thread without a core. `false`: that has been done since `at`.
    pub(in crate::executor) fn sweep(&self, at: u32, raised: &mut Vec<Runnable>) -> bool {
        let is_due = is_older(self.swept_at.get(), at);
        if is_due {
            let unsifted = |local: &&Stealable| is_older(local.shown.sifted_at.get(), at);
            let unsifted = self.locals.iter().filter(unsifted);
            let mut held = Ring::new();
            held.extend(unsifted.flat_map(Stealable::take_all));
            raised.extend(self.extract(&is_raised, held));
            self.sifted_at.set(at);
            self.swept_at.set(at);
        }
        is_due
    }

    /// Takes the wanted tasks out of the channel, where there are few.
    pub(in crate::executor) fn pick(&self, is_wanted: IsWanted<'_>) -> Ring<Runnable> {
        match self.channel_len() {
            1..=MOST_TO_PICK_AMONG => self.extract(is_wanted, Ring::new()),
            _ => Ring::new(),
        }
    }

    /// Takes the wanted tasks out of the channel and of `held`, tasks that come before those in the
    /// channel. Other threads may have looked in vain meanwhile for those that are put back.
    fn extract(&self, is_wanted: IsWanted<'_>, held: Ring<Runnable>) -> Ring<Runnable> {
        let mut all = Ring::new();
        self.channel.take(usize::MAX, &mut all);
        let (wanted, others) = held.into_iter().chain(all).partition(is_wanted);
        self.channel.put_back(others);
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::executor::queue::tests::{local, runnable};
    use crate::idle::Board;

    fn id(runnable: Runnable) -> u64 {
        runnable.metadata().id.0
    }

    fn pick(local: &mut LocalQueue, wanted: &[u64]) -> Option<u64> {
        let is_wanted = |runnable: &Runnable| wanted.contains(&runnable.metadata().id.0);
        local.pick(&is_wanted).map(id)
    }

    fn left(mut local: LocalQueue) -> Vec<u64> {
        std::iter::from_fn(|| local.pop().map(id)).collect()
    }

    #[test]
    fn the_wanted_come_one_after_another_and_the_others_keep_their_order() {
        let (mut local, _shown) = local();
        (0..8).for_each(|id| _ = local.push_back(runnable(id)));
        local.push_next(runnable(8));
        let wanted = [2, 5, 8];
        let picked: Vec<u64> = std::iter::from_fn(|| pick(&mut local, &wanted)).collect();
        assert_eq!(picked, [8, 2, 5]);
        assert_eq!(left(local), [0, 1, 3, 4, 6, 7]);
    }

    #[test]
    fn a_task_in_the_next_slot_that_is_not_wanted_comes_into_the_sight_of_thieves() {
        let (mut local, _shown) = local();
        local.push_next(runnable(1));
        assert!(!local.has_spare());
        assert_eq!(pick(&mut local, &[2]), None);
        assert!(local.has_spare());
        assert_eq!(left(local), [1]);
    }

    fn raised(id: u64) -> Runnable {
        let runnable = runnable(id);
        assert!(runnable.metadata().raise(), "it was low");
        runnable
    }

    fn sift(local: &mut LocalQueue) -> Vec<u64> {
        let mut found = Vec::new();
        local.sift(&mut found);
        found.into_iter().map(id).collect()
    }

    #[test]
    fn the_raised_are_found_also_in_the_next_slot_and_the_others_keep_their_order() {
        let (mut local, _shown) = local();
        [runnable(0), raised(1), runnable(2)]
            .into_iter()
            .for_each(|task| _ = local.push_back(task));
        local.push_next(raised(3));
        assert_eq!(sift(&mut local), [3, 1]);
        assert_eq!(left(local), [0, 2]);
    }

    #[test]
    fn a_task_that_was_not_raised_stays_in_the_next_slot() {
        let (mut local, _shown) = local();
        local.push_next(runnable(1));
        assert_eq!(sift(&mut local), Vec::<u64>::new());
        assert!(!local.has_spare(), "thieves would see it in the deque");
        assert_eq!(left(local), [1]);
    }

    #[test]
    fn among_too_many_none_is_looked_for() {
        let (mut local, _shown) = local();
        (0..=MOST_TO_PICK_AMONG as u64).for_each(|id| _ = local.push_back(runnable(id)));
        assert_eq!(pick(&mut local, &[0]), None);
        drop(local.pop());
        assert_eq!(pick(&mut local, &[1]), Some(1));
        assert_eq!(
            pick(&mut local, &[MOST_TO_PICK_AMONG as u64]),
            Some(MOST_TO_PICK_AMONG as u64)
        );
    }

    #[test]
    fn a_channel_gives_the_wanted_and_keeps_the_others() {
        let queue = Queue::new(
            "low",
            1,
            Arc::new(Board::new(0)),
            Box::new([]),
            Box::new([]),
        );
        (0..6).for_each(|id| queue.push(runnable(id)));
        let wanted = queue.pick(&|runnable| runnable.metadata().id.0 % 3 == 1);
        assert!(wanted.into_iter().map(id).eq([1, 4]));
        assert_eq!(queue.channel_len(), 4);
        assert!(std::iter::from_fn(|| queue.take()).map(id).eq([0, 2, 3, 5]));
    }
}
