//! Wakers by the numbers of their tasks, in little memory.
//!
//! Tasks get successive numbers, and tasks that were spawned one after another often wait at the
//! same time. So the wakers of 64 successive numbers lie on one page, in the order of the numbers
//! and without gaps, and the bits of a word tell which are there. A waker on a full page takes
//! little more than its own 16 bytes; a map from each number to its waker takes 28 to 57.
//! This file never wakes a task.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::task::Waker;

use crate::ground::growth;
use crate::ground::ids::{Spread, TaskId};

/// The most wakers on one page: a bit for each.
pub(super) const PAGE: u64 = u64::BITS as u64;

/// A page that is not full has memory for at least as many.
const LEAST: usize = 2;

/// The wakers of some tasks.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    /// By the number of the first task of each, divided by [`PAGE`].
    pages: HashMap<u64, Page, BuildHasherDefault<Spread>>,
    /// The page that was emptied last. It stays until another one is emptied, since the next task
    /// that waits is often a neighbour of the last one.
    emptied: Option<u64>,
}

#[derive(Debug, Default)]
struct Page {
    /// The lowest bit stands for the first task.
    present: u64,
    wakers: Vec<Waker>,
}

impl Wakers {
    /// Enters the waker of a task that has none here.
    #[inline]
    pub(super) fn insert(&mut self, task: TaskId, waker: Waker) {
        let page = self.pages.entry(task.0 / PAGE).or_default();
        page.insert(task, waker);
    }

    #[inline]
    pub(super) fn remove(&mut self, task: TaskId) -> Option<Waker> {
        let number = task.0 / PAGE;
        let page = self.pages.get_mut(&number)?;
        let waker = page.remove(task)?;
        if page.present == 0 && self.emptied != Some(number) {
            self.keep_emptied(number);
        }
        Some(waker)
    }

    fn keep_emptied(&mut self, number: u64) {
        let Some(before) = self.emptied.replace(number) else {
            return;
        };
        if self
            .pages
            .get(&before)
            .is_some_and(|page| page.present == 0)
        {
            self.pages.remove(&before);
            growth::give_back(&mut self.pages);
        }
    }

    pub(super) fn get(&self, task: TaskId) -> Option<&Waker> {
        self.pages.get(&(task.0 / PAGE))?.get(task)
    }

    /// The wakers with their tasks, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TaskId, &Waker)> {
        let pages = self.pages.iter();
        pages.flat_map(|(number, page)| {
            let tasks = (0..PAGE).filter(|bit| page.present & 1 << bit != 0);
            let tasks = tasks.map(move |bit| TaskId(number * PAGE + bit));
            tasks.zip(&page.wakers)
        })
    }
}

impl Page {
    /// The bit of a task, and the place of its waker if that is here.
    #[inline]
    fn place(&self, task: TaskId) -> (u64, usize) {
        let bit = 1 << (task.0 % PAGE);
        let before = self.present & (bit - 1);
        (bit, before.count_ones() as usize)
    }

    fn insert(&mut self, task: TaskId, waker: Waker) {
        let (bit, place) = self.place(task);
        debug_assert!(self.present & bit == 0, "{task} is entered once");
        self.present |= bit;
        let count = self.wakers.len();
        if count == self.wakers.capacity() {
            self.wakers.reserve_exact(count.max(LEAST));
        }
        self.wakers.insert(place, waker);
    }

    fn remove(&mut self, task: TaskId) -> Option<Waker> {
        let (bit, place) = self.place(task);
        if self.present & bit == 0 {
            return None;
        }
        self.present ^= bit;
        let waker = self.wakers.remove(place);
        let capacity = self.wakers.capacity();
        if self.wakers.len() < capacity / 4 {
            self.wakers.shrink_to(capacity / 2);
        }
        Some(waker)
    }

    fn get(&self, task: TaskId) -> Option<&Waker> {
        let (bit, place) = self.place(task);
        (self.present & bit != 0).then(|| &self.wakers[place])
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    const CROWD: u64 = 100_000;

    /// The bytes that are allocated for the wakers.
    fn bytes(Wakers { pages, .. }: &Wakers) -> usize {
        let wakers: usize = pages.values().map(|page| page.wakers.capacity()).sum();
        // A map has a byte more for each value, and is full where seven eighths of it are.
        let places = pages.capacity() * 8 / 7;
        wakers * size_of::<Waker>() + places * (size_of::<(u64, Page)>() + 1)
    }

    fn crowd(step: usize) -> Wakers {
        let mut wakers = Wakers::default();
        for task in (0..CROWD).step_by(step) {
            wakers.insert(TaskId(task), Waker::noop().clone());
        }
        wakers
    }

    #[test]
    fn a_waker_takes_little_more_than_its_own_size_where_neighbours_wait() {
        let per_waker = bytes(&crowd(1)) as f64 / CROWD as f64;
        assert!(per_waker <= 18.0, "{per_waker} bytes");
        let every_second = bytes(&crowd(2)) as f64 / (CROWD / 2) as f64;
        assert!(every_second <= 20.0, "{every_second} bytes");
        let alone = bytes(&crowd(64)) as f64 / (CROWD / 64) as f64;
        assert!(alone <= 128.0, "{alone} bytes");
    }

    #[test]
    fn the_memory_of_a_crowd_is_given_back_beside_one_waker_that_stays() {
        for stays in [0, CROWD / 2, CROWD - 1] {
            let mut wakers = crowd(1);
            let others = (0..CROWD).filter(|&task| task != stays);
            others.for_each(|task| assert!(wakers.remove(TaskId(task)).is_some()));
            assert!(wakers.iter().map(|(task, _)| task.0).eq([stays]));
            assert!(bytes(&wakers) <= 2 * growth::WORTH_SHRINKING, "{wakers:?}");
        }
    }

    struct Unwoken;

    impl Wake for Unwoken {
        fn wake(self: Arc<Self>) {
            unreachable!("none is woken here")
        }
    }

    #[test]
    fn each_task_has_its_own_waker_in_whatever_order_tasks_come_and_go() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut wakers, mut expected) = (Wakers::default(), BTreeMap::new());
        for _ in 0..20_000 {
            let task = TaskId(rng.u64(..300));
            match expected.remove(&task) {
                Some(known) => {
                    let found = wakers.remove(task).expect("it was entered");
                    assert!(found.will_wake(&known), "{task}");
                    assert!(wakers.get(task).is_none() && wakers.remove(task).is_none());
                }
                None => {
                    let waker = Waker::from(Arc::new(Unwoken));
                    wakers.insert(task, waker.clone());
                    expected.insert(task, waker);
                }
            }
        }
        let found: BTreeMap<TaskId, &Waker> = wakers.iter().collect();
        assert!(found.keys().eq(expected.keys()));
        for (task, waker) in &expected {
            assert!(found[task].will_wake(waker), "{task}");
            assert!(wakers.get(*task).expect("it waits").will_wake(waker));
        }
    }
}
