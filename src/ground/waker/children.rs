//! The children of one parent: futures or tasks that it polls, each only when it was woken.
//!
//! Each [`Child`] has a waker of its own, with which it is polled. A child that is woken enters a
//! list that all children of its parent share, and wakes the parent. The parent looks at the
//! children on that list and at no others, so that a look costs the same among ten children and
//! among a million.
//!
//! The parent goes by the key that it gave a child, and may give a key again. A waker of a child
//! that is gone then wakes another one, which is polled in vain.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use super::keep;
use crate::ground::poll::trusting;
use crate::ground::shield::shielded;
use crate::ground::sync::unpoisoned;

/// Room for this many keys is kept while no child is woken.
const KEPT: usize = 64;

/// The children of one parent, as it knows them. Dropped, it forgets the parent's waker: a waker of
/// a child may outlive both, and must not keep the parent's task.
#[derive(Default)]
pub(crate) struct Children {
    woken: Arc<Mutex<Woken>>,
}

/// The children that were woken and not looked at since.
#[derive(Default)]
struct Woken {
    /// In the order of the wake-ups; each child once at most.
    keys: VecDeque<usize>,
    /// The parent's, while it waits.
    parent: Option<Waker>,
}

impl Woken {
    fn next(&mut self) -> Option<usize> {
        let next = self.keys.pop_front();
        if next.is_none() {
            // A crowd that was woken at once leaves no more memory than this.
            self.keys.shrink_to(KEPT);
        }
        next
    }
}

impl Children {
    /// A child that the parent calls by this key.
    pub(crate) fn add(&self, key: usize) -> Child {
        let link = Arc::new(ChildLink {
            key,
            listed: AtomicBool::new(false),
            woken: self.woken.clone(),
        });
        Child {
            waker: Waker::from(link.clone()),
            link,
        }
    }

    /// The child that was woken first.
    pub(crate) fn next(&self) -> Option<usize> {
        lock(&self.woken).next()
    }

    /// The child that was woken first, or the wait for one.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut woken = lock(&self.woken);
        if let Some(key) = woken.next() {
            return Poll::Ready(key);
        }
        let replaced = keep(&mut woken.parent, cx.waker());
        // Unlock before dropping a waker, which may be the last part of a task.
        drop(woken);
        drop(replaced);
        Poll::Pending
    }

    /// Leaves the parent's waker for the next child to wake. `false`, and it does not: a child was
    /// woken meanwhile.
    pub(crate) fn wait(&self, parent: &Waker) -> bool {
        let mut woken = lock(&self.woken);
        if !woken.keys.is_empty() {
            return false;
        }
        let replaced = keep(&mut woken.parent, parent);
        // Unlock before dropping, as above.
        drop(woken);
        drop(replaced);
        true
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let parent = lock(&self.woken).parent.take();
        // Dropped after the lock.
        drop(parent);
    }
}

/// One child, as its parent holds it.
pub(crate) struct Child {
    link: Arc<ChildLink>,
    waker: Waker,
}

impl Child {
    /// Polls the child, with a context whose waker lists it.
    pub(crate) fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        // Before the poll: a wake-up during it counts. Acquire: pairs with the Release in `list`.
        // So this poll sees all that was done before a wake-up that found the child listed.
        self.link.listed.swap(false, Ordering::Acquire);
        // A child's waker does not panic.
        trusting(&self.waker, || poll(&mut Context::from_waker(&self.waker)))
    }

    /// Lists the child, as a wake-up does.
    pub(crate) fn wake(&self) {
        self.link.list();
    }
}

/// The link from a child's wakers to its parent.
struct ChildLink {
    key: usize,
    /// Whether it is on the list. Set by a wake-up, cleared before the poll.
    listed: AtomicBool,
    woken: Arc<Mutex<Woken>>,
}

impl ChildLink {
    fn list(&self) {
        if self.listed.swap(true, Ordering::Release) {
            return;
        }
        let mut woken = lock(&self.woken);
        woken.keys.push_back(self.key);
        let parent = woken.parent.take();
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(woken);
        if let Some(parent) = parent {
            shielded("the waker of a task that waits for several", || {
                parent.wake();
            });
        }
    }
}

impl Wake for ChildLink {
    fn wake(self: Arc<Self>) {
        self.list();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.list();
    }
}

fn lock(woken: &Mutex<Woken>) -> MutexGuard<'_, Woken> {
    // A waker's `clone` may panic under the lock; the list is whole even then.
    unpoisoned(woken.lock())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Parent(AtomicUsize);

    impl Wake for Parent {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls a child once and keeps the waker that it was polled with.
    fn waker_of(child: &Child) -> Waker {
        let polled = child.poll(|cx| Poll::Ready(cx.waker().clone()));
        match polled {
            Poll::Ready(waker) => waker,
            Poll::Pending => unreachable!("it was ready"),
        }
    }

    #[test]
    fn a_child_is_listed_once_however_often_it_is_woken() {
        let (children, parent) = (Children::default(), Arc::new(Parent::default()));
        let (one, two) = (children.add(1), children.add(2));
        let (waker_of_one, waker_of_two) = (waker_of(&one), waker_of(&two));
        assert!(children.wait(&Waker::from(parent.clone())));
        waker_of_two.wake_by_ref();
        waker_of_one.wake_by_ref();
        waker_of_two.wake_by_ref();
        assert_eq!(parent.0.load(Ordering::SeqCst), 1);
        assert!(!children.wait(Waker::noop()), "two were woken meanwhile");
        assert_eq!([children.next(), children.next()], [Some(2), Some(1)]);
        assert_eq!(children.next(), None);
        // Until it is polled it counts as looked at.
        waker_of_two.wake_by_ref();
        assert_eq!(children.next(), None);
        waker_of(&two).wake();
        assert_eq!(children.next(), Some(2));
    }

    #[test]
    fn the_waker_of_a_child_does_not_keep_a_parent_that_is_gone() {
        let (children, parent) = (Children::default(), Arc::new(Parent::default()));
        let child = children.add(0);
        let outlives = waker_of(&child);
        assert!(children.wait(&Waker::from(parent.clone())));
        drop((children, child));
        assert_eq!(Arc::strong_count(&parent), 1);
        outlives.wake();
        assert_eq!(parent.0.load(Ordering::SeqCst), 0);
    }
}
