//! The batches that one viewer has not taken yet: a few, the oldest of which gives way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// How many batches wait for a viewer that reads slowly: half a second of them.
const KEPT: usize = 10;

/// The batches for one viewer. The hub fills it, the answer's body empties it.
#[derive(Debug, Default)]
pub(super) struct Viewer(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Bytes>,
    goes_on: GoesOn,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GoesOn {
    #[default]
    Yes,
    No,
}

impl Viewer {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it a batch, in place of the oldest one if it has not kept up. A viewer finds out by
    /// the batches' numbers.
    pub(super) fn push(&self, batch: Bytes) {
        let mut waiting = self.waiting();
        let late = match waiting.batches.len() < KEPT {
            true => None,
            false => waiting.batches.pop_front(),
        };
        waiting.batches.push_back(batch);
        let waker = waiting.waker.take();
        // Unlock before waking: the task's first act is to take this lock.
        drop(waiting);
        drop(late);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Lets its stream end.
    pub(super) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.goes_on = GoesOn::No;
        let waker = waiting.waker.take();
        drop(waiting);
        waker.into_iter().for_each(Waker::wake);
    }

    /// The next batch. None: there will be no more.
    pub(super) fn poll_next(self: &Arc<Viewer>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut waiting = self.waiting();
        if let Some(batch) = waiting.batches.pop_front() {
            return Poll::Ready(Some(batch));
        }
        if waiting.goes_on == GoesOn::No {
            return Poll::Ready(None);
        }
        let before = waiting.waker.replace(cx.waker().clone());
        drop(waiting);
        drop(before);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(viewer: &Arc<Viewer>) -> Poll<Option<Bytes>> {
        viewer.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_viewer_that_does_not_read_keeps_the_newest_batches() {
        let viewer = Arc::new(Viewer::default());
        assert!(take(&viewer).is_pending());
        for number in 0..100_u8 {
            viewer.push(Bytes::from(vec![number]));
        }
        viewer.end();
        for number in 100 - u8::try_from(KEPT).unwrap()..100 {
            assert_eq!(take(&viewer), Poll::Ready(Some(Bytes::from(vec![number]))));
        }
        assert_eq!(take(&viewer), Poll::Ready(None));
    }
}
