//! Sifts a queue: takes the tasks that were raised out of it, and leaves the others in their order.
//!
//! Since neither a deque nor a channel lets a task out of its middle, all tasks pass through the
//! sifter's hands. Each channel and each local queue carries a mark: how many raises were counted
//! when it was last sifted. So each worker knows what is left to sift. This file never decides when
//! that is done. Read `worker/sifter.rs` next.

use super::{LocalQueue, Queue, Runnable, Shown};
use crate::ids::QueueId;
use crate::sync::Ordering;

fn is_raised(runnable: &Runnable) -> bool {
    let task = runnable.metadata();
    task.compare_with_loans();
    task.queue() == QueueId::HIGH
}

impl LocalQueue {
    /// How many tasks lie here, but for one in the next-slot.
    pub(in crate::executor) fn deque_len(&self) -> usize {
        self.deque.len()
    }

    /// Takes the raised tasks out. The task in the next-slot, too: another might displace it.
    pub(in crate::executor) fn sift(&mut self, raised: &mut Vec<Runnable>) {
        match self.take_next() {
            Some(next) if is_raised(&next) => raised.push(next),
            Some(next) => self.put_back_next(next),
            None => {}
        }
        let all = std::iter::from_fn(|| self.deque.pop());
        let (found, others): (Vec<_>, Vec<_>) = all.partition(is_raised);
        raised.extend(found);
        if !others.is_empty() {
            others.into_iter().for_each(|other| self.deque.push(other));
            self.note_deque_filled();
        }
    }

    pub(in crate::executor) fn mark_sifted(&self, at: u32) {
        // Release: pairs with the Acquire in `Shown::sifted_at`. A thief that sees the mark steals
        // what was sifted.
        self.shown.sifted_at.store(at as usize, Ordering::Release);
    }
}

impl Shown {
    pub(super) fn sifted_at(&self) -> u32 {
        self.sifted_at.load(Ordering::Acquire) as u32
    }
}

impl Queue {
    pub(in crate::executor) fn sifted_at(&self) -> u32 {
        self.sifted_at.load(Ordering::Acquire) as u32
    }

    /// Takes the raised tasks out of the channel. Other threads may have looked in vain meanwhile
    /// for those that are put back.
    pub(in crate::executor) fn sift(&self, at: u32, raised: &mut Vec<Runnable>) {
        let (found, others): (Vec<_>, Vec<_>) = self.receiver.drain().partition(is_raised);
        let drained = found.len() + others.len();
        self.taken.fetch_add(drained, Ordering::SeqCst);
        others.into_iter().for_each(|other| self.push(other));
        raised.extend(found);
        // Release: pairs with the Acquire in `sifted_at`.
        self.sifted_at.store(at as usize, Ordering::Release);
    }
}
