//! Takes certain tasks out of a queue, wherever they lie in it, for a thread that waits for them.
//!
//! Neither a deque nor a channel lets a task out of its middle, so all are taken out and those that
//! are not wanted put back, in their order. That is done where there are few. This file never polls
//! a task. Read `worker/inner_polls.rs` next.

use super::{LocalQueue, Queue, Runnable};
use crate::sync::Ordering;

/// Where more tasks than this lie, none is picked: to take them all out would cost more than a
/// thread does.
const MOST: usize = 256;

impl LocalQueue {
    /// Takes the wanted task that is nearest to its turn. Others that are wanted are moved to the
    /// front of the deque, so that the next calls find them there; a task in the next-slot that is
    /// not wanted goes to the deque's back.
    pub(in crate::executor) fn pick(
        &mut self,
        is_wanted: &dyn Fn(&Runnable) -> bool,
    ) -> Option<Runnable> {
        if let Some(next) = self.take_next() {
            if is_wanted(&next) {
                return Some(next);
            }
            // Not about to run, since the worker stays with the tasks that are wanted. In the
            // deque, other workers may have it.
            self.push_back(next);
        }
        if self.deque.len() > MOST {
            return None;
        }
        let first = self.deque.pop()?;
        match is_wanted(&first) {
            true => Some(first),
            false => self.pick_behind(first, is_wanted),
        }
    }

    fn pick_behind(
        &mut self,
        first: Runnable,
        is_wanted: &dyn Fn(&Runnable) -> bool,
    ) -> Option<Runnable> {
        let behind = std::iter::from_fn(|| self.deque.pop());
        let (wanted, others): (Vec<_>, Vec<_>) = behind.partition(is_wanted);
        let mut wanted = wanted.into_iter();
        let picked = wanted.next();
        let left = wanted.chain([first]).chain(others);
        left.for_each(|runnable| self.deque.push(runnable));
        self.note_deque_filled();
        picked
    }

    /// Takes in tasks to be picked next.
    pub(in crate::executor) fn take_in_picked(&mut self, tasks: impl Iterator<Item = Runnable>) {
        tasks.for_each(|task| _ = self.push_back(task));
    }
}

impl Queue {
    /// Takes the wanted tasks out of the channel. Other threads may have looked in vain meanwhile
    /// for those that are put back.
    pub(in crate::executor) fn pick(&self, is_wanted: &dyn Fn(&Runnable) -> bool) -> Vec<Runnable> {
        if self.channel_len() == 0 || self.channel_len() > MOST {
            return Vec::new();
        }
        let (wanted, others): (Vec<_>, Vec<_>) = self.receiver.drain().partition(is_wanted);
        let drained = wanted.len() + others.len();
        self.taken.fetch_add(drained, Ordering::SeqCst);
        others.into_iter().for_each(|runnable| self.push(runnable));
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::board::Board;
    use crate::executor::queue::tests::{local, runnable};

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

    #[test]
    fn among_too_many_none_is_looked_for() {
        let (mut local, _shown) = local();
        (0..=MOST as u64).for_each(|id| _ = local.push_back(runnable(id)));
        assert_eq!(pick(&mut local, &[0]), None);
        drop(local.pop());
        assert_eq!(pick(&mut local, &[1]), Some(1));
        assert_eq!(pick(&mut local, &[MOST as u64]), Some(MOST as u64));
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
